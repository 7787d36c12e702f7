"""Make a model that comes with the studio out of a run: its weights in half precision, a wall, and a card.

    python scripts/ship_model.py output/pixelcnn-mnist mnist "Handwritten digits" [--dataset SPEC] [--data-root DIR]
    python scripts/ship_model.py stage-1 stage-2 cascade-digits "Handwritten digits" --made-of autoencoder codebook

Of several runs, the stages of a cascade from coarse to fine, one model is made. The numbers on the card are those of
the file that is shipped, measured here on the held-out pictures.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import scalefree_studio as s
from scalefree_studio.assets import assets
from scalefree_studio.export.walls.wall import write_wall
from scalefree_studio.jobs.cascades.cascade import assemble
from scalefree_studio.jobs.cascades.sampler import StageSettings
from scalefree_studio.jobs.instruments import CODEC, codec_of, draws, has_codes, info_of, lesson_of
from scalefree_studio.jobs.training.learnt import dataset_learnt, evaluation
from scalefree_studio.jobs.training.lesson import Card
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import RUN, RunFolder, load_checkpoint
from scalefree_studio.storage.tensors import write_tensors

KEPT = ("kind", "step", "controls", "classes", "best", "seconds", "pictures", "stages", "settings", CODEC)
COUNT = 64

CARD = """# {title}

`model:{name}` — {what} of {numbers:,} numbers, {size:.0f} kB in half precision.

| | |
|---|---|
| learned from | {train:,} pictures of {height}×{width}×{channels} ({dataset}){more} |
| held out | {held:,} pictures: {measured} |
| steps | {steps}, {minutes:.0f} minutes on one core of a shared machine |
| command | {commands} |
| packed with | `{made}` |

![{seen}]({name}.png)

{wall}
They show what so small a network can and cannot do after so short a training. Look at it, play with it; it knows only
pictures like those it learned from.{note}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="one, or those of the stages of a cascade")
    parser.add_argument("name")
    parser.add_argument("title")
    parser.add_argument(
        "--made-of", type=Path, nargs="*", default=[], help="runs of models that these were made of"
    )
    parser.add_argument("--temperatures", type=float, nargs="*", help="of the stages of a cascade")
    parser.add_argument("--top-p", type=float, default=1.0, help="of all stages of a cascade but the first")
    parser.add_argument("--dataset", help="where its pictures are now")
    parser.add_argument("--codes", help="by what name the model of its codes comes along")
    parser.add_argument("--called", help="what its pictures are called, if not as their data set")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--note", default="", help="what else its card should say")
    arguments = parser.parse_args()
    parts = [halved(RunFolder(run).checkpoint()) for run in arguments.runs]
    checkpoint = parts[0] if len(parts) == 1 else halved(assemble(parts, settings(arguments, len(parts))))
    name, models = arguments.name, assets() / "models"
    models.mkdir(parents=True, exist_ok=True)
    path = models / f"{name}.safetensors"
    about = {key: checkpoint.about[key] for key in KEPT if key in checkpoint.about}
    about |= {"kind": checkpoint.kind, "step": checkpoint.step, "dataset": dict(checkpoint.about["dataset"])}
    if arguments.codes:
        about["controls"] = {**about["controls"], "codes": arguments.codes}
    if arguments.called:
        about["dataset"]["name"] = arguments.called
    write_tensors(path, checkpoint.model, {**about, "title": arguments.title})

    checkpoint = load_checkpoint(path)  # what is measured and drawn from is what is shipped
    lesson = lesson_of(parts[0])
    dataset = dataset_learnt(parts[0], arguments.dataset, arguments.data_root)
    cards = [card_of(part, dataset) for part in parts]
    seen, wall = write_wall_of(checkpoint, dataset, models / f"{name}.png")
    runs = [*arguments.made_of, *arguments.runs]
    height, width, channels = dataset.shape
    made = " ".join(f"RUN{n + 1}" for n in range(len(parts))) if len(parts) > 1 else "RUN"
    card = CARD.format(
        title=arguments.title, name=name, size=path.stat().st_size / 1000, train=len(dataset.train),
        what=f"a {in_a_sentence(lesson.title)}" if len(parts) == 1 else f"a cascade of {len(parts)} token transformers",
        numbers=numbers_of(checkpoint), held=len(dataset.held), height=height, width=width, channels=channels,
        dataset=arguments.called or dataset.name, more=cards[-1].learnt,
        measured="; ".join(
            card.measured if len(cards) == 1 else f"stage {n + 1}: {card.measured}" for n, card in enumerate(cards)
        ),
        steps=" and ".join(f"{part.step:,} of {batch_of(part)} pictures" for part in parts),
        minutes=sum(float(RunFolder(run).checkpoint().about["seconds"]) for run in runs) / 60,
        commands="<br>".join(f"`{command_of(run)}`" for run in runs),
        made=f'python scripts/ship_model.py {made} {name} "{arguments.title}"', seen=seen, wall=wall,
        note=f"\n\n{arguments.note}" if arguments.note else "",
    )  # fmt: skip
    (models / f"{name}.md").write_text(card)
    print(card)


def halved(checkpoint: Checkpoint) -> Checkpoint:
    """With weights in half precision; what is counted in whole numbers stays as it is."""
    model = {
        name: np.asarray(array, np.float16) if array.dtype == np.float32 else array
        for name, array in checkpoint.model.items()
    }
    return Checkpoint(checkpoint.kind, checkpoint.step, checkpoint.about, model)


def settings(arguments: argparse.Namespace, count: int) -> Sequence[StageSettings]:
    temperatures = arguments.temperatures or [1.0] * count
    return [
        StageSettings(temperature=temperature, top_p=arguments.top_p if n else 1.0)
        for n, temperature in enumerate(temperatures)
    ]


def card_of(checkpoint: Checkpoint, dataset: Any) -> Card:
    lesson = lesson_of(checkpoint)(dataset)
    return lesson.card(evaluation(checkpoint, lesson), lesson.controls_of(checkpoint))


def numbers_of(checkpoint: Checkpoint) -> int:
    """With those of the codec that it carries."""
    about: Mapping[str, Any] = info_of(checkpoint)
    carried = sum(a.size for name, a in checkpoint.model.items() if "beside.codec." in name)
    return int(about["numbers"]) + carried


def batch_of(checkpoint: Checkpoint) -> int:
    return int(lesson_of(checkpoint).controls_of(checkpoint).batch_size)


def in_a_sentence(title: str) -> str:
    """With a small letter, unless it is an abbreviation."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def command_of(run: Path) -> str:
    command = json.loads((run / RUN).read_text())["command"]
    return shlex.join(["scalefree-studio", *command[1:]])


def write_wall_of(checkpoint: Checkpoint, dataset: Any, path: Path) -> tuple[str, str]:
    """What it draws; of codes by themselves, held-out pictures and what they are made into again. In words, too."""
    if draws(checkpoint.kind) and not has_codes(checkpoint.kind):
        pictures = s.Model(checkpoint).draw(COUNT, device="cpu")
        pictures.save(path)
        how = "each class in turn" if pictures.job.sampler.classes else "without labels"
        said = f"{COUNT} pictures that it drew, seed 0, temperature 1"
        return said, f"These were not picked by hand: seed 0, temperature 1, {how}."
    held = dataset.held.take(np.arange(COUNT // 2)).values
    codec = codec_of(checkpoint)
    again = codec.decode(codec.encode(held))
    pairs = np.stack([held, again], axis=1).reshape(-1, *held.shape[1:])
    write_wall(np.broadcast_to(pairs, (*pairs.shape[:3], 3)), path)
    said = f"{COUNT // 2} held-out pictures, each beside the same picture rebuilt from its tokens"
    return said, "These were not picked by hand: they are the first held-out pictures."


if __name__ == "__main__":
    main()
