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
import torch

from scalefree_studio.data.quantise import dequantise
from scalefree_studio.export.walls.wall import write_wall
from scalefree_studio.jobs.pixelcnn.saved import dataset_learnt, read_pixelcnn
from scalefree_studio.jobs.pixelcnn.train import TrainPixelCNN
from scalefree_studio.models.pixelcnn.draw import Request, draw, finish, uniforms
from scalefree_studio.models.pixelcnn.network import bits_per_dimension, count_numbers
from scalefree_studio.storage.run_folder import RUN, RunFolder, load_checkpoint
from scalefree_studio.storage.shipped import FOLDER
from scalefree_studio.storage.tensors import write_tensors

KEPT = ("kind", "step", "controls", "classes", "best", "seconds")
COUNT = 64

CARD = """# {title}

`model:{name}` — a gated PixelCNN of {numbers:,} numbers, {size:.0f} kB in half precision.

| | |
|---|---|
| learnt from | {train:,} pictures of {height}×{width}×{channels} ({dataset}), {levels} levels a channel |
| held out | {held:,} pictures: **{bits:.3f} bits per dimension**, {nats:.4f} nats, {whole:.1f} nats a picture |
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
    folder, name = RunFolder(arguments.run), arguments.name
    checkpoint = folder.checkpoint()
    about = {key: checkpoint.about[key] for key in KEPT if key in checkpoint.about}
    about["dataset"] = dict(checkpoint.about["dataset"])
    about["title"] = arguments.title
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.safetensors"
    write_tensors(path, {n: np.asarray(w, np.float16) for n, w in checkpoint.model.items()}, about)

    checkpoint = load_checkpoint(path)  # what is measured and drawn from is what is shipped
    dataset = dataset_learnt(checkpoint, arguments.dataset, arguments.data_root)
    model = read_pixelcnn(checkpoint)
    nats = TrainPixelCNN.from_checkpoint(checkpoint, dataset).evaluate(model)
    height, width, channels = dataset.shape
    labels = torch.arange(COUNT) % model.shape.classes if model.shape.classes else None
    request = Request(uniforms(COUNT, height, width, channels, seed=0), labels)
    levels = finish(draw(model, request), request)
    write_wall(dequantise(levels.numpy(), model.shape.levels), FOLDER / f"{name}.png")
    command = json.loads((folder.path / RUN).read_text())["command"]
    card = CARD.format(
        title=arguments.title, name=name, numbers=count_numbers(model), size=path.stat().st_size / 1000,
        train=len(dataset.train_images), held=len(dataset.held_images), height=height, width=width,
        channels=channels, dataset=dataset.name, levels=model.shape.levels, bits=bits_per_dimension(nats), nats=nats,
        whole=nats * height * width * channels, step=checkpoint.step, batch=about["controls"]["batch_size"],
        minutes=float(about["seconds"]) / 60, command=shlex.join(["scalefree-studio", *command[1:]]),
        note=f"\n\n{arguments.note}" if arguments.note else "",
        drawn="each class in turn" if labels is not None else "without labels",
    )  # fmt: skip
    (FOLDER / f"{name}.md").write_text(card)
    print(card)


if __name__ == "__main__":
    main()
