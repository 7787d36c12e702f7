"""Make a model that comes with the studio out of a run: its weights in half precision, a wall, and a card.

    python scripts/ship_model.py output/pixelcnn-mnist mnist "Handwritten digits" [--dataset SPEC] [--data-root DIR]

The numbers on the card are those of the file that is shipped, measured here on the held-out pictures.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

import numpy as np

import scalefree_studio as s
from scalefree_studio.assets import assets
from scalefree_studio.jobs.instruments import lesson_of
from scalefree_studio.jobs.training.learnt import dataset_learnt
from scalefree_studio.storage.run_folder import RUN, RunFolder, load_checkpoint
from scalefree_studio.storage.tensors import write_tensors

KEPT = ("kind", "step", "controls", "classes", "best", "seconds")
COUNT = 64

CARD = """# {title}

`model:{name}` — a {lesson} of {numbers:,} numbers, {size:.0f} kB in half precision.

| | |
|---|---|
| learnt from | {train:,} pictures of {height}×{width}×{channels} ({dataset}){more} |
| held out | {held:,} pictures: {measured} |
| steps | {step:,} of {batch} pictures, {minutes:.0f} minutes on one core of a shared machine |
| command | `{command}` |
| made a file | `python scripts/ship_model.py RUN {name} "{title}"` |

![64 pictures that it drew, seed 0, temperature 1]({name}.png)

The wall is not chosen: seed 0, temperature 1, {drawn}.
It shows what so small a network, taught for so short a time, can do, and what it cannot. It is here to be looked at and
played with; it knows nothing but pictures like those it learnt from.{note}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("title")
    parser.add_argument("--dataset", help="where its pictures are now")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--note", default="", help="what else its card should say")
    arguments = parser.parse_args()
    folder, name, models = RunFolder(arguments.run), arguments.name, assets() / "models"
    checkpoint = folder.checkpoint()
    about = {key: checkpoint.about[key] for key in KEPT if key in checkpoint.about}
    about |= {"dataset": dict(checkpoint.about["dataset"]), "title": arguments.title}
    models.mkdir(parents=True, exist_ok=True)
    path = models / f"{name}.safetensors"
    write_tensors(path, {n: np.asarray(w, np.float16) for n, w in checkpoint.model.items()}, about)

    checkpoint = load_checkpoint(path)  # what is measured and drawn from is what is shipped
    lesson = lesson_of(checkpoint)
    dataset = dataset_learnt(checkpoint, arguments.dataset, arguments.data_root)
    network = s.Network(checkpoint, dataset=dataset)
    height, width, channels = dataset.shape
    pictures = network.draw(COUNT, device="cpu")
    pictures.save(models / f"{name}.png")
    command = json.loads((folder.path / RUN).read_text())["command"]
    controls = lesson.controls_of(checkpoint)
    about_it = lesson(dataset).card(network.evaluate(), controls)
    card = CARD.format(
        title=arguments.title, name=name, lesson=lesson.title, size=path.stat().st_size / 1000,
        numbers=lesson.count_numbers(lesson.read_network(checkpoint)), train=len(dataset.train),
        held=len(dataset.held), height=height, width=width, channels=channels, dataset=dataset.name,
        more=about_it.learnt, measured=about_it.measured, step=checkpoint.step, batch=controls.batch_size,
        minutes=float(about["seconds"]) / 60, command=shlex.join(["scalefree-studio", *command[1:]]),
        note=f"\n\n{arguments.note}" if arguments.note else "",
        drawn="each class in turn" if pictures.job.sampler.classes else "without labels",
    )  # fmt: skip
    (models / f"{name}.md").write_text(card)
    print(card)


if __name__ == "__main__":
    main()
