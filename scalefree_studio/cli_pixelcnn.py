"""`scalefree-studio sample` and `complete`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import JobError, UserError
from .terminal import report

if TYPE_CHECKING:
    from torch import Tensor

    from .models.pixelcnn import PixelCNN
    from .snapshot import Checkpoint

Handler = Callable[[argparse.Namespace], int]


def _drawing_flags(parser: argparse.ArgumentParser, count: int) -> None:
    parser.add_argument(
        "--count", type=int, default=count, metavar="N", help=f"how many pictures (default: {count})"
    )
    parser.add_argument(
        "--label", metavar="CLASS", help="of which class, by number or name (default: each in turn)"
    )
    parser.add_argument(
        "--temperature", type=float, default=1.0, metavar="X", help="below 1 safer, above 1 wilder"
    )
    parser.add_argument(
        "--top-p", type=float, default=1.0, metavar="X", help="draw among the likeliest of this share"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed draws the same pictures"
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="the naive way: a full pass for every number drawn"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, as the last line")


def fill_sample(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file or a run folder")
    parser.add_argument("out", type=Path, metavar="OUT.png", help="the wall of pictures")
    parser.add_argument("--size", metavar="HxW", help="of each picture (default: as learnt)")
    _drawing_flags(parser, 64)
    return sample


def sample(arguments: argparse.Namespace) -> int:
    from .jobs.pixelcnn_model import shape_learnt
    from .storage.run_folder import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    height, width = _size(arguments.size) if arguments.size else shape_learnt(checkpoint)[:2]
    return _draw(arguments, checkpoint, height, width, None, None)


def fill_complete(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file or a run folder")
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the picture to complete")
    parser.add_argument("out", type=Path, metavar="OUT.png", help="the wall of completed pictures")
    parser.add_argument(
        "--keep",
        default="top",
        metavar="top|left|MASK.png",
        help="what is given: a half, or where a mask is white",
    )
    _drawing_flags(parser, 8)
    return complete


def complete(arguments: argparse.Namespace) -> int:
    import numpy as np
    from PIL import Image

    from .data.pictures import load_picture
    from .data.quantise import quantise
    from .jobs.pixelcnn_model import shape_learnt
    from .storage.run_folder import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    height, width, channels = shape_learnt(checkpoint)

    def small(path: Path) -> Any:
        image = Image.fromarray(load_picture(path).pixels)
        image = image if channels == 3 else image.convert("L")
        return np.array(image.resize((width, height), Image.Resampling.BOX)).reshape(height, width, channels)

    keep = np.zeros((height, width), bool)
    if arguments.keep == "top":
        keep[: height // 2] = True
    elif arguments.keep == "left":
        keep[:, : width // 2] = True
    else:
        keep = small(Path(arguments.keep)).mean(axis=2) > 127
    levels = int(checkpoint.about["controls"]["levels"])
    return _draw(arguments, checkpoint, height, width, quantise(small(arguments.image), levels), keep)


def _draw(
    arguments: argparse.Namespace, checkpoint: Checkpoint, height: int, width: int, given: Any, keep: Any
) -> int:
    import time

    import torch
    from tqdm import tqdm

    from .api import choose_device
    from .data.quantise import dequantise
    from .export.wall import write_wall
    from .jobs.pixelcnn_model import read_pixelcnn
    from .models.pixelcnn_sample import Request, draw, finish, uniforms

    if arguments.count < 1 or not arguments.temperature > 0 or not 0 < arguments.top_p <= 1:
        raise UserError("--count is at least 1, --temperature above 0, and --top-p above 0 and at most 1.")
    device = choose_device(arguments.device)
    model: PixelCNN = read_pixelcnn(checkpoint).to(device)
    shape = model.shape
    request = Request(
        uniforms(arguments.count, height, width, shape.channels, arguments.seed).to(device),
        labels=_labels(arguments.label, checkpoint, arguments.count, device),
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        **_prompt(given, keep, arguments.count, device),
    )
    began = time.perf_counter()
    steps = draw(model, request, cached=not arguments.no_cache)
    total = height * width
    with tqdm(total=total, desc="drawing", unit="px", file=sys.stderr) as bar:
        told = []
        for step in steps:
            told.append(step)
            bar.update(step.stop - step.start)
    levels = finish(iter(told), request)
    seconds = time.perf_counter() - began
    if not torch.isfinite(levels.float()).all():
        raise JobError("The model's chances are no numbers; it is damaged.")
    write_wall(dequantise(levels.cpu().numpy(), shape.levels), arguments.out)
    report(
        {"pictures": arguments.count, "seconds": round(seconds, 3), "picture": str(arguments.out)},
        arguments.json,
    )
    return 0


def _labels(wanted: str | None, checkpoint: Checkpoint, count: int, device: str) -> Tensor | None:
    import torch

    classes = list(checkpoint.about.get("classes", []))
    if not checkpoint.about["controls"].get("classes"):
        if wanted is not None:
            raise UserError("This model was trained without labels; leave --label out.")
        return None
    if wanted is None:
        return torch.arange(count, device=device) % len(classes)
    index = classes.index(wanted) if wanted in classes else int(wanted) if wanted.isdecimal() else -1
    if not 0 <= index < len(classes):
        raise UserError(f"--label is a number from 0 to {len(classes) - 1} or one of {', '.join(classes)}.")
    return torch.full((count,), index, device=device)


def _prompt(given: Any, keep: Any, count: int, device: str) -> dict[str, Any]:
    import torch

    if given is None:
        return {}
    levels = torch.from_numpy(given).to(device)
    keeps = torch.from_numpy(keep).to(device)
    return {"given": levels.expand(count, *levels.shape), "keep": keeps.expand(count, *keeps.shape)}


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    width = width or height
    if not (height.isdecimal() and width.isdecimal()) or not 1 <= int(height) * int(width) <= 1 << 20:
        raise UserError(f"--size is written like 28x28, not {text}.")
    return int(height), int(width)
