"""`scalefree-studio train` and `evaluate`."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .controls import add_flags, from_flags, given_flags, only_live, values_of
from .errors import JobError, UserError
from .jobs.job import Limit, SetControls
from .jobs.pixelcnn_controls import TrainControls
from .storage.trackers import add_track_flag
from .terminal import report

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
    add_track_flag(parser)
    add_flags(parser, TrainControls)
    return train


def train(arguments: argparse.Namespace) -> int:
    from .api import choose_device
    from .data.datasets import load_dataset
    from .export.wall import large_wall, write_wall
    from .jobs.train_pixelcnn import TrainPixelCNN
    from .models.pixelcnn import bits_per_dimension, count_numbers
    from .models.threads import cores_for_learning, torch_threads
    from .runner import Consumer, Runner
    from .storage.recorder import Recorder
    from .storage.run_folder import RunFolder, free_folder
    from .storage.tracker import Begin
    from .storage.trackers import Walls, start_trackers
    from .terminal import ProgressBar, say, signals_stop

    device = choose_device(arguments.device)
    limit = Limit(arguments.steps, arguments.seconds)
    changes = []
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
        changes = [job.apply(SetControls(given))] if given else []
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
    begin = Begin(folder.path, job.step_count, values_of(job.controls))
    consumers: list[Consumer] = [
        *start_trackers(arguments.track, begin, say, Walls(dataset.shape[0], large_wall)),
        Recorder(folder.history_path, told=say),
        ProgressBar(job.limit, dataset.name),
    ]
    for consumer, change in itertools.product(consumers, changes):
        consumer.changed(change)
    runner = Runner(job, consumers, folder.keep)
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
    report(result, arguments.json)
    return 0


def fill_evaluate(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file or a run folder")
    _data_flags(parser, None)
    return evaluate


def evaluate(arguments: argparse.Namespace) -> int:
    from .api import choose_device
    from .jobs.pixelcnn_model import dataset_learnt, read_pixelcnn
    from .jobs.train_pixelcnn import TrainPixelCNN
    from .models.pixelcnn import bits_per_dimension
    from .storage.run_folder import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    dataset = dataset_learnt(checkpoint, arguments.dataset, arguments.data_root, _told)
    height, width, channels = dataset.shape
    device = choose_device(arguments.device)
    job = TrainPixelCNN.from_checkpoint(checkpoint, dataset, device)
    nats = job.evaluate(read_pixelcnn(checkpoint).to(device))
    report({
        "dataset": dataset.name, "pictures": len(dataset.held_images), "nats_per_dimension": nats,
        "bits_per_dimension": bits_per_dimension(nats), "nats_per_picture": nats * height * width * channels,
    }, arguments.json)  # fmt: skip
    return 0


def _told(name: str, done: int, total: int) -> None:
    """How far a download or the reading of a folder is."""
    print(f"\r{name}: {done:,} of {total:,}", end="" if done < total else "\n", file=sys.stderr)
