"""`scalefree-studio train` and `evaluate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .controls import add_flags, from_flags, given_flags, only_live, values_of
from .errors import JobError, UserError
from .jobs.job import Limit
from .jobs.pixelcnn.controls import TrainControls
from .storage.trackers import add_track_flag
from .terminal import MODEL_HELP, report

if TYPE_CHECKING:  # they bring torch along
    from .jobs.pixelcnn.train import TrainPixelCNN
    from .jobs.training.ranks import Ranks
    from .runner import Consumer
    from .storage.run_folder import RunFolder

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
    """Every rank of a `torchrun` comes through here; the first of them keeps, shows and tells."""
    from .jobs.training.ranks import joined
    from .runner import Runner
    from .terminal import signals_stop

    with joined() as ranks:
        consumers: list[Consumer] = []
        with ranks.together():
            job, folder = _begun(arguments, ranks)
            if ranks.first:
                consumers = _consumers(arguments, job, folder)
        runner = Runner(job, consumers, folder.keep if ranks.first else None, agree=ranks.agree)
        with signals_stop(runner):
            runner.run(until_limit=True)
        if runner.status.unsaved or runner.status.failed:
            raise JobError(runner.status.message)
        if ranks.first:
            report(_result(job, folder), arguments.json)
    return 0


def _begun(arguments: argparse.Namespace, ranks: Ranks) -> tuple[TrainPixelCNN, RunFolder]:
    """What is trained, and where it is to be kept; nothing is written yet."""
    from .api import choose_device
    from .data.datasets import load_dataset
    from .jobs.pixelcnn.saved import controls_learnt
    from .jobs.pixelcnn.train import TrainPixelCNN
    from .storage.run_folder import RunFolder, free_folder

    device = ranks.device(choose_device(arguments.device))
    limit = Limit(arguments.steps, arguments.seconds)
    progress = _told if ranks.first else None
    dataset = load_dataset(arguments.dataset, arguments.data_root, size=arguments.size, progress=progress)
    if arguments.resume:
        if arguments.out is None:
            raise UserError("--resume goes on with the run in --out DIR; name it.")
        folder = RunFolder(arguments.out)
        checkpoint, given = folder.checkpoint(), given_flags(TrainControls, arguments)
        only_live(controls_learnt(checkpoint), given)
        wanted = limit if limit != Limit() else None
        return TrainPixelCNN.from_checkpoint(checkpoint, dataset, device, wanted, given, ranks), folder
    job = TrainPixelCNN(
        dataset, from_flags(TrainControls, arguments), limit, device, arguments.dataset, ranks
    )
    folder = RunFolder(arguments.out or free_folder(Path("output"), f"pixelcnn-{dataset.name}"))
    if folder.model_path.exists():
        raise UserError(
            f"{folder.path} already holds a run; add --resume to go on with it, or name another --out."
        )
    return job, folder


def _consumers(arguments: argparse.Namespace, job: TrainPixelCNN, folder: RunFolder) -> list[Consumer]:
    """Whoever writes down how the run goes; what it is, is written first."""
    from .export.walls.wall import large_wall
    from .snapshot import Change
    from .storage.recorder import Recorder
    from .storage.tracker import Begin
    from .storage.trackers import Walls, start_trackers
    from .terminal import ProgressBar, say

    folder.prepare()
    if not arguments.resume:
        folder.describe(
            sys.argv, dataset=arguments.dataset, seed=job.controls.seed, controls=values_of(job.controls)
        )
    begin = Begin(folder.path, job.step_count, values_of(job.controls))
    consumers: list[Consumer] = [
        *start_trackers(arguments.track, begin, say, Walls(job.dataset.shape[0], large_wall)),
        Recorder(folder.history_path, told=say),
        ProgressBar(job.limit, job.dataset.name),
    ]
    given = given_flags(TrainControls, arguments)
    if arguments.resume and given:
        for consumer in consumers:
            consumer.changed(Change(job.step_count, "controls", given))
    return consumers


def _result(job: TrainPixelCNN, folder: RunFolder) -> dict[str, Any]:
    """What came of it, with a last wall of samples."""
    from .export.walls.wall import write_wall
    from .jobs.pixelcnn.saved import read_pixelcnn
    from .models.pixelcnn.network import bits_per_dimension, count_numbers

    best = read_pixelcnn(folder.checkpoint()).to(job.device)  # what is kept is what is told of
    wall = folder.path / "samples.png"
    write_wall(job.renew_wall(best), wall)
    result: dict[str, Any] = {
        "steps": job.step_count, "epochs": job.epoch, "seconds": round(job.seconds, 2),
        "nats_per_dimension": job.evaluate(best), "numbers": count_numbers(job.model),
        "model": str(folder.model_path), "picture": str(wall),
    }  # fmt: skip
    result["bits_per_dimension"] = bits_per_dimension(result["nats_per_dimension"])
    return result


def fill_evaluate(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    _data_flags(parser, None)
    return evaluate


def evaluate(arguments: argparse.Namespace) -> int:
    from .api import choose_device
    from .jobs.pixelcnn.saved import dataset_learnt, read_pixelcnn
    from .jobs.pixelcnn.train import TrainPixelCNN
    from .models.pixelcnn.network import bits_per_dimension
    from .storage.run_folder import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    dataset = dataset_learnt(checkpoint, arguments.dataset, arguments.data_root, _told)
    height, width, channels = dataset.shape
    device = choose_device(arguments.device)
    job = TrainPixelCNN.from_checkpoint(checkpoint, dataset, device, edits={"precision": "float32"})
    nats = job.evaluate(read_pixelcnn(checkpoint).to(device))
    report({
        "dataset": dataset.name, "pictures": len(dataset.held_images), "nats_per_dimension": nats,
        "bits_per_dimension": bits_per_dimension(nats), "nats_per_picture": nats * height * width * channels,
    }, arguments.json)  # fmt: skip
    return 0


def _told(name: str, done: int, total: int) -> None:
    """How far a download or the reading of a folder is."""
    print(f"\r{name}: {done:,} of {total:,}", end="" if done < total else "\n", file=sys.stderr)
