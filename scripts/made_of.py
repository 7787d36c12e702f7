"""Makes the small pictures beside the choice of what a picture is made of: an astronaut, learnt so."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from scalefree_studio.data.pictures import load_picture
from scalefree_studio.export.dividers.picture import draw
from scalefree_studio.jobs.dividers.controls import WORDS, FitControls
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.job import Limit
from scalefree_studio.models.dividers.render import Region

FOLDER = Path(__file__).parent.parent / "assets" / "made-of"
FACE = slice(10, 170), slice(80, 400)  # rows and columns
SIZE = 192, 96  # twice as fine as they are shown
COARSE = {  # of fewer numbers than at first, so that one sees in a small picture what it is made of
    "lines": {"lines": 24, "hidden": 24},
    "circles": {"circles": 24, "hidden": 24},
    "both": {"lines": 14, "circles": 14, "hidden": 24},
}
STEPS = 4000


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    face = load_picture("photo:astronaut").pixels[FACE]
    for made_of in WORDS:
        controls = FitControls(made_of=made_of, **COARSE.get(made_of, {}))  # type: ignore[arg-type]
        job = FitDividers(face, controls, Limit(steps=STEPS))
        while job.step_count < STEPS:
            job.step()
        region = Region.whole(face.shape[:2], SIZE[1], SIZE[0])
        pixels = draw(job.params, region, *SIZE, job.controls.sharpness, samples=2)
        Image.fromarray(pixels).quantize(128).save(FOLDER / f"{made_of}.png", optimize=True)


if __name__ == "__main__":
    main()
