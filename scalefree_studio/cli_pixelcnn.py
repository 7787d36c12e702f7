"""`scalefree-studio train`, `sample`, `complete` and `evaluate`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .controls import add_flags, from_flags, given_flags, only_live, values_of
from .errors import JobError, UserError
from .jobs.job import Limit, SetControls
from .jobs.pixelcnn_controls import TrainControls

if TYPE_CHECKING:
    from torch import Tensor

    from .models.pixelcnn import PixelCNN
    from .snapshot import Checkpoint

Handler = Callable[[argparse.Namespace], int]
KINDS = ("pixelcnn",)


def _data_flags(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--dataset", default=default, metavar="NAME|FOLDER",
        help="digits, mnist, fashionmnist, cifar10, or a folder of pictures (classes are its sub-folders)"
        + (f" (default: {default})" if default else " (default: the one it learnt from)"),
    )  # fmt: skip
    parser.add_argument(
        "--data-root", type=Path, metavar="DIR", help="where official files are or go (default: data)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, as the last line")


def fill_train(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("kind", choices=KINDS, help="what to train")
    _data_flags(parser, "digits")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the run folder (default: output/pixelcnn-NAME)"
    )
    parser.add_argument(
        "--steps", type=int, metavar="N", help="stop after so many steps in all, whatever the epochs"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="stop after so many seconds of learning in all"
    )
    parser.add_argument("--size", type=int, metavar="N", help="make the pictures N×N")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    add_flags(parser, TrainControls)
    return train


def train(arguments: argparse.Namespace) -> int:
    from .api import choose_device
    from .data.datasets import load_dataset
    from .export.wall import write_wall
    from .jobs.train_pixelcnn import TrainPixelCNN
    from .models.pixelcnn import bits_per_dimension, count_numbers
    from .models.threads import cores_for_learning, torch_threads
    from .runner import Runner
    from .storage.recorder import Recorder
    from .storage.run_folder import RunFolder, free_folder
    from .terminal import ProgressBar, signals_stop

    device = choose_device(arguments.device)
    limit = Limit(arguments.steps, arguments.seconds)
    dataset = load_dataset(arguments.dataset, arguments.data_root, size=arguments.size, progress=_told)
    if arguments.resume:
        if arguments.out is None:
            raise UserError("--resume goes on with the run in --out DIR; name it.")
        folder = RunFolder(arguments.out)
        job = TrainPixelCNN.from_checkpoint(
            folder.checkpoint(), dataset, device, limit if limit != Limit() else None
        )
        given = given_flags(TrainControls, arguments)
        only_live(job.controls, given)
        job.apply(SetControls(given))
    else:
        job = TrainPixelCNN(dataset, from_flags(TrainControls, arguments), limit, device, arguments.dataset)
        folder = RunFolder(arguments.out or free_folder(Path("output"), f"pixelcnn-{dataset.name}"))
        if folder.model_path.exists():
            raise UserError(
                f"{folder.path} already holds a run; add --resume to go on with it, or name another --out."
            )
        folder.describe(
            sys.argv, dataset=arguments.dataset, seed=job.controls.seed, controls=values_of(job.controls)
        )
    folder.prepare()
    runner = Runner(job, [Recorder(folder.history_path), ProgressBar(job.limit, dataset.name)], folder.keep)
    with signals_stop(runner), torch_threads(cores_for_learning()):
        runner.run(until_limit=True)
    if runner.status.unsaved or runner.status.failed:
        raise JobError(runner.status.message)
    wall = folder.path / "samples.png"
    write_wall(job.renew_wall(), wall)
    result: dict[str, Any] = {
        "steps": job.step_count, "epochs": job.epoch, "seconds": round(job.seconds, 2),
        "nats_per_dimension": job.evaluate(), "numbers": count_numbers(job.model),
        "model": str(folder.model_path), "picture": str(wall),
    }  # fmt: skip
    result["bits_per_dimension"] = bits_per_dimension(result["nats_per_dimension"])
    _report(result, arguments.json)
    return 0


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
    from .storage.run_folder import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    height, width = _size(arguments.size) if arguments.size else _shape(checkpoint)[:2]
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
    from .storage.run_folder import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    height, width, channels = _shape(checkpoint)

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
    from .jobs.train_pixelcnn import read_pixelcnn
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
    _report(
        {"pictures": arguments.count, "seconds": round(seconds, 3), "picture": str(arguments.out)},
        arguments.json,
    )
    return 0


def fill_evaluate(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file or a run folder")
    _data_flags(parser, None)
    return evaluate


def evaluate(arguments: argparse.Namespace) -> int:
    from .api import choose_device
    from .data.datasets import load_dataset
    from .jobs.train_pixelcnn import TrainPixelCNN, read_pixelcnn
    from .models.pixelcnn import bits_per_dimension
    from .storage.run_folder import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    height, width, channels = _shape(checkpoint)
    dataset = load_dataset(
        arguments.dataset or str(checkpoint.about["dataset"]["spec"]), arguments.data_root, channels,
        height if height == width else None, progress=_told,
    )  # fmt: skip
    if dataset.shape != (height, width, channels):
        raise UserError(
            f"The model knows pictures of {height}x{width}x{channels}; those of {dataset.name} are others."
        )
    device = choose_device(arguments.device)
    job = TrainPixelCNN.from_checkpoint(checkpoint, dataset, device)
    nats = job.evaluate(read_pixelcnn(checkpoint).to(device))
    _report({
        "dataset": dataset.name, "pictures": len(dataset.held_images), "nats_per_dimension": nats,
        "bits_per_dimension": bits_per_dimension(nats), "nats_per_picture": nats * height * width * channels,
    }, arguments.json)  # fmt: skip
    return 0


def _shape(checkpoint: Checkpoint) -> tuple[int, int, int]:
    try:
        height, width, channels = (int(n) for n in checkpoint.about["dataset"]["shape"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "This model does not say what pictures it learnt; it is no PixelCNN, or damaged."
        ) from None
    return height, width, channels


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


def _told(name: str, done: int, total: int) -> None:
    """How far a download or the reading of a folder is."""
    print(f"\r{name}: {done:,} of {total:,}", end="" if done < total else "\n", file=sys.stderr)


def _report(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result), flush=True)
        return
    for name, value in result.items():
        shown = f"{value:.4f}" if isinstance(value, float) else value
        print(f"  {name.replace('_', ' '):<20}{shown}", file=sys.stderr)
