"""`scalefree-studio surprise`: how surprising a picture of one's own is to a network that draws in order."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .cli_draw import label_of
from .controls import add_flags, from_flags
from .data.pictures import load_picture
from .errors import UserError
from .export.heat import write_beside
from .export.options import TableOptions
from .export.picture import check_target
from .files import check_folder
from .jobs.drawing.surprise import COMPARED, Surprise, held_out_bits, standing, surprise_of
from .jobs.instruments import network_of, sampler_of
from .jobs.training.learnt import dataset_learnt
from .jobs.training.picture_lesson import ONLY_EXACT
from .runs import choose_device
from .storage.run_folder import load_checkpoint
from .terminal import MODEL_HELP, add_json_flag, output, progress_bars, report, say

Handler = Callable[[argparse.Namespace], int]
MOST_COMPARED = 10_000  # held-out pictures


def fill_surprise(parser: argparse.ArgumentParser) -> Handler:
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    add("image", metavar="IMAGE", help="a picture, or a built-in one like photo:astronaut")
    add(
        "out",
        type=output,
        nargs="?",
        metavar="OUT.png",
        help="the picture as the network sees it, and a heat map of bits",
    )
    add(
        "--label", dest="of_class", metavar="CLASS",
        help="its class, by number or name (default: the one that makes it least surprising)",
    )  # fmt: skip
    add(
        "--compare",
        type=int,
        default=COMPARED,
        metavar="N",
        help=f"compare it with this many held-out pictures, if they are available; 0 for none (default: "
        f"{COMPARED})",
    )
    add("--data-root", type=Path, metavar="DIR", help="where official files are (default: data)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    add_flags(parser, TableOptions, title="picture")
    add_json_flag(parser)
    return surprise


def surprise(arguments: argparse.Namespace) -> int:
    out: Path | None = arguments.out
    if out is not None:
        check_folder(out)
        check_target(out, (1, 1))
    if not 0 <= arguments.compare <= MOST_COMPARED:
        raise UserError(f"--compare is a number from 0 to {MOST_COMPARED}, not {arguments.compare}.")
    checkpoint = network_of(load_checkpoint(arguments.model))
    sampler = sampler_of(checkpoint, choose_device(arguments.device))
    label = label_of(arguments.of_class, list(sampler.classes))
    found = surprise_of(sampler, load_picture(arguments.image).pixels, label)
    among = ""
    if arguments.compare:
        try:
            with progress_bars(arguments.json) as progress:
                held = dataset_learnt(
                    checkpoint, root=arguments.data_root, progress=progress, download=False
                ).held
                count = min(len(held), arguments.compare)
                bits = held_out_bits(
                    sampler, held, count, lambda done: progress("Measuring held-out pictures", done, count)
                )
            among = standing(found.total, bits)
        except UserError as error:
            say(f"It is not compared with held-out pictures: {error}")
    if out is not None:
        scale = from_flags(TableOptions, arguments).scale
        write_beside(found.picture, found.bits / found.highest, out, scale)
    classes = list(sampler.classes)
    report(_told(found, classes, among, out, arguments.json), arguments.json)
    return 0


def _told(found: Surprise, classes: list[str], among: str, out: Path | None, whole: bool) -> dict[str, Any]:
    """What is reported; `whole`: for a program, with the map."""
    rows, columns = found.bits.shape
    told: dict[str, Any] = {f"bits_per_{found.place}": round(found.per_place, 6)}
    if found.per_dimension is not None:
        told["bits_per_dimension"] = round(found.per_dimension, 6)
        told |= {"comparable": found.comparable, "note": ONLY_EXACT}
    if found.label >= 0:
        told["label"] = classes[found.label]
    if among:
        told["held_out"] = among
    if out is not None:
        told["picture"] = str(out)
    places = {"most_surprising": found.most, "least_surprising": found.least}
    if not whole:
        said = {
            name: f"row {y + 1}, column {x + 1}: {found.bits[y, x]:.2f} bits"
            for name, (y, x) in places.items()
        }
        return told | said
    if len(found.by_label) > 1:
        told["bits_by_label"] = dict(zip(classes, (round(bits, 3) for bits in found.by_label), strict=True))
    at = {
        name: {"row": y, "column": x, "bits": round(float(found.bits[y, x]), 4)}
        for name, (y, x) in places.items()
    }
    bits = [[round(float(b), 4) for b in row] for row in found.bits]
    return told | at | {"bits": round(found.total, 4), "size": [rows, columns], "map": bits}
