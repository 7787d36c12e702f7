"""`scalefree-studio encode`: a data set as tokens or latents, once for all."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .cli_train import add_data_flags, say_notes
from .data.datasets import PREFIX
from .data.shards import VALUES
from .data.sources import Dataset
from .encodings import encode_dataset, pictures_for
from .jobs.instruments import codec_of
from .jobs.training.learnt import name_learnt
from .runs import choose_device
from .sizes import shape_of
from .snapshot import Checkpoint
from .storage.run_folder import load_checkpoint
from .terminal import MODEL_HELP, progress_bars, report, say

Handler = Callable[[argparse.Namespace], int]


def fill_encode(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    add_data_flags(parser, "the one that the model learned")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER",
        help="the folder to write, or to continue (default: output/DATASET-tokens)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=shape_of, metavar="WxH",
        help="size of the pictures (default: as the model learned them)",
    )  # fmt: skip
    parser.add_argument(
        "--latents", nargs="?", const="float32", choices=("float32", "float16"), default="", metavar="TYPE",
        help="store the encoder's latents instead of tokens, in float32 or float16",
    )  # fmt: skip
    return encode


def encode(arguments: argparse.Namespace) -> int:
    checkpoint = load_checkpoint(arguments.model)
    folder = arguments.out or _folder(arguments, checkpoint)
    with progress_bars(arguments.json) as progress:
        pictures = pictures_for(
            checkpoint, arguments.dataset, size=arguments.size, latents=bool(arguments.latents),
            data_root=arguments.data_root, progress=progress,
        )  # fmt: skip
        device = choose_device(arguments.device)
        dataset = encode_dataset(
            checkpoint, pictures, folder, latents=arguments.latents, device=device, progress=progress
        )
    say_notes(dataset)
    say(f"To train on it: --dataset {shlex.quote(str(folder))}")
    report(_result(dataset, checkpoint, folder, bool(arguments.latents)), arguments.json)
    return 0


def _folder(arguments: argparse.Namespace, checkpoint: Checkpoint) -> Path:
    """The same when it is asked for again, so that it goes on."""
    name = Path(arguments.dataset.removeprefix(PREFIX)).stem if arguments.dataset else name_learnt(checkpoint)
    return Path("output") / f"{name}-{'latents' if arguments.latents else 'tokens'}"


def _result(dataset: Dataset, checkpoint: Checkpoint, folder: Path, latents: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"train": len(dataset.train), "held_out": len(dataset.held)}
    if latents:
        result["latents"] = "x".join(map(str, dataset.shape))
    else:
        assert dataset.made_by is not None
        height, width, _ = dataset.made_by.pictures
        grids = codec_of(checkpoint).grids((height, width))
        result["tokens_a_picture"] = dataset.shape[0]
        result["stages"] = [[grid.rows, grid.columns, grid.codes] for grid in grids]
    sizes = [(folder / part / VALUES).stat().st_size for part in ("train", "held")]
    return {**result, "bytes": sum(sizes), "folder": str(folder)}
