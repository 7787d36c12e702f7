"""Makes every picture of the README but the curve: `make pictures`. Needs a display; scripts/with-display lends one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "assets" / "pictures"
STAGED = 9  # pictures of which every stage is shown
NETWORKS = {  # what the strip of networks shows, from left to right
    "lines": ["--lines", "64"],
    "circles": ["--circles", "64", "--lines", "0"],
    "numbers": ["--numbers", "2371"],
}


def studio(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "scalefree_studio", *map(str, arguments)], check=True, cwd=ROOT)


def keep(image: Image.Image, name: str, colours: int = 160) -> None:
    """Small enough for a repository."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(PICTURES / name, optimize=True)


def windows(work: Path) -> None:
    studio(
        "fit", "drawing:balloon", "--lines", 14, "--circles", 22, "--seconds", 30, "--out", work / "balloon"
    )
    studio(
        "train",
        "vqvae",
        "--dataset",
        "digits",
        "--size",
        16,
        "--codes",
        96,
        "--steps",
        700,
        "--out",
        work / "codes",
    )
    for name, subject, theme, seconds in (
        ("window-dark", "photo:astronaut", "dark", 40),
        ("window-light", work / "balloon", "light", 12),
        ("drawing", "model:mnist", "dark", 1.7),
        ("training", "dataset:digits", "light", 150),
        ("codes", work / "codes", "dark", 12),
    ):
        shot = work / f"{name}.png"
        studio(subject, "--theme", theme, "--size", "1440x900", "--screenshot", shot, "--after", seconds)
        with Image.open(shot) as image:
            keep(image, f"{name}.png")


def networks(work: Path) -> None:
    strip = Image.new("RGB", (3 * 300 + 2 * 12, 300), "white")
    for k, (name, flags) in enumerate(NETWORKS.items()):
        run, picture = work / name, work / f"{name}.png"
        studio("fit", "photo:astronaut", *flags, "--downscale", 2, "--seconds", 60, "--out", run)
        overlay = ["--overlay"] if name == "lines" else []
        studio("render", run, picture, "--size", "300x300", "--samples", 3, *overlay)
        with Image.open(picture) as image:
            strip.paste(image, (k * 312, 0))
    keep(strip, "networks.png", 256)


def completed(work: Path) -> None:
    table = work / "completed.png"
    studio(
        "complete", "model:pixels-photographs", "photo:astronaut", "photo:coffee", "photo:cat", table,
        "--cut", 512, "--temperature", "0.8,0.9,1.0", "--top-p", 0.98,
    )  # fmt: skip
    with Image.open(table) as image:
        keep(image, "completed.png", 256)


def cascade(work: Path) -> None:
    """Every stage of a few pictures, one below the other."""
    from scalefree_studio import load
    from scalefree_studio.drawings import Drawing

    job = load("model:cascade-sea").draw(STAGED, device="cpu").job
    drawing = Drawing(job.snapshot().frame, job.still())
    rows = [drawing.stage(n).frame["pictures"] for n in range(len(drawing.still["stages"]))]
    sheet = Image.new("RGB", (STAGED * 100 - 4, len(rows) * 100 - 4), "white")
    for y, pictures in enumerate(rows):
        for x, pixels in enumerate(pictures):
            sheet.paste(
                Image.fromarray(pixels).resize((96, 96), Image.Resampling.NEAREST), (x * 100, y * 100)
            )
    keep(sheet, "cascade.png", 256)


KINDS = {"windows": windows, "networks": networks, "completed": completed, "cascade": cascade}

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(KINDS)
    with tempfile.TemporaryDirectory() as folder:
        for what in wanted:
            KINDS[what](Path(folder))
