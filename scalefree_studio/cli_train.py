"""`scalefree-studio train` and `evaluate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .controls import add_flags, from_flags, given_flags, only_live, values_of
from .data.datasets import DATASETS, load_dataset
from .data.download import Progress
from .data.sources import Dataset
from .data.validation import all_held, load_validation
from .errors import UserError
from .jobs.instruments import lesson_of, lessons, trained_networks
from .jobs.job import Limit, limit_of
from .jobs.training.learnt import dataset_learnt, evaluation, shape_learnt, validation_learnt
from .jobs.training.lesson import Lesson
from .jobs.training.ranks import Ranks, joined
from .jobs.training.train import Train
from .runs import Recording, choose_device, results_of, run_to_end
from .sizes import shape_of
from .snapshot import Change, Checkpoint
from .storage.run_folder import RunFolder, free_folder, load_checkpoint
from .storage.trackers import add_track_flag
from .terminal import MODEL_HELP, add_json_flag, progress_bars, report, say

Handler = Callable[[argparse.Namespace], int]
DATASET = "digits"  # where nobody names one: it needs no download


def add_data_flags(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--dataset", metavar="NAME|PATH",
        help=f"{', '.join(DATASETS)}, a folder of pictures and films (classes are its sub-folders), "
        "a list of pictures (.csv or .json), or a film "
        f"(default: {default})",
    )  # fmt: skip
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="where official files are, or are downloaded to (default: data)",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    add_json_flag(parser)


def fill_train(parser: argparse.ArgumentParser) -> Handler:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True, title="what to train")
    for kind, lesson in lessons().items():
        of_kind = kinds.add_parser(kind, help=lesson.summary, description=f"Train: {lesson.summary}.")
        _train_flags(of_kind, kind)
        add_flags(of_kind, lesson.controls, without=lesson.settled)
    return train


def _train_flags(parser: argparse.ArgumentParser, kind: str) -> None:
    add_data_flags(parser, f"{DATASET}; to resume, the one it learned from")
    parser.add_argument(
        "--val-dataset", metavar="NAME|PATH",
        help="measure on all examples of another data set (default: on the held-out ones or, if there are "
        "none, on about one in six)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"the run folder (default: output/{kind}-NAME)"
    )
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="stop after this many steps in all, whatever the number of epochs",
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="stop after this many seconds of learning in all"
    )
    parser.add_argument(
        "--size", type=shape_of, metavar="WxH",
        help="resize the pictures to this: 48x32, or 32 for a square (default: as they are; 32 for picture files)",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="continue the run in --out")
    add_track_flag(parser)


def train(arguments: argparse.Namespace) -> int:
    """Every rank of a `torchrun` comes through here; the first of them keeps, shows and reports."""
    with joined() as ranks, ExitStack() as held:
        progress = held.enter_context(progress_bars(arguments.json or not ranks.first))
        with ranks.together():
            begin = _resumed if arguments.resume else _begun
            job, recording = begin(arguments, ranks, held, progress)
        if ranks.first:
            say(job.dataset.parts())
            say_notes(job.dataset)
        run_to_end(job, recording, "" if arguments.json else job.lesson.dataset.name, ranks)
        if ranks.first:
            result = results_of(job, recording.folder, progress)
            held.close()  # progress bars end before what has come of it is told
            report(result, arguments.json)
    return 0


def _begun(
    arguments: argparse.Namespace, ranks: Ranks, held: ExitStack, progress: Progress
) -> tuple[Train[Any, Any], Recording]:
    lesson, limit, device = _asked(arguments, ranks)
    spec = arguments.dataset or DATASET
    from_flags(lesson.controls, arguments)  # what cannot be is said before anything is read
    dataset = load_dataset(spec, arguments.data_root, size=arguments.size, progress=progress)
    if arguments.val_dataset:
        dataset = load_validation(dataset, arguments.val_dataset, arguments.data_root, progress=progress)
    folder = RunFolder(arguments.out or free_folder(Path("output"), f"{lesson.kind}-{dataset.name}"))
    folder.fresh()
    begun = lesson(dataset)
    wanted = begun.suited(**given_flags(lesson.controls, arguments))
    job: Train[Any, Any] = Train(begun, wanted, limit, device, ranks, progress)
    if ranks.first:
        held.enter_context(folder)
        folder.fresh()  # somebody may have been at work in it
        controls, judged = job.controls, {"val_dataset": v} if (v := arguments.val_dataset) else {}
        folder.describe(sys.argv, dataset=spec, **judged, seed=controls.seed, controls=values_of(controls))
    return job, Recording(folder, track=arguments.track)


def _resumed(
    arguments: argparse.Namespace, ranks: Ranks, held: ExitStack, progress: Progress
) -> tuple[Train[Any, Any], Recording]:
    lesson, limit, device = _asked(arguments, ranks)
    if arguments.out is None:
        raise UserError("--resume continues the run in --out DIR; name that folder.")
    folder = RunFolder(arguments.out)
    if ranks.first:
        held.enter_context(folder.again())
    checkpoint, given = folder.checkpoint(), given_flags(lesson.controls, arguments)
    lesson.check_kind(checkpoint)
    only_live(lesson.controls_of(checkpoint), given)
    _refuse_other_data(arguments, checkpoint)
    dataset = dataset_learnt(
        checkpoint, arguments.dataset, arguments.data_root, progress,
        validation=arguments.val_dataset or validation_learnt(checkpoint),
    )  # fmt: skip
    wanted = limit if limit != Limit() else None
    job: Train[Any, Any] = Train.from_checkpoint(
        checkpoint, lesson(dataset), device, wanted, given, ranks, progress
    )
    changes = [Change(job.step_count, "controls", given)] if given else []
    return job, Recording(folder, track=arguments.track, changes=changes)


def _refuse_other_data(arguments: argparse.Namespace, checkpoint: Checkpoint) -> None:
    """What has moved may be named anew; but a run goes on with pictures of the same size, the same ones held out."""
    if arguments.size and arguments.size != shape_learnt(checkpoint)[:2]:
        raise UserError("--size would start the run over; leave it out, or name another --out.")
    if arguments.val_dataset and not validation_learnt(checkpoint):
        raise UserError("--val-dataset would start the run over; leave it out, or name another --out.")


def _asked(arguments: argparse.Namespace, ranks: Ranks) -> tuple[type[Lesson[Any, Any]], Limit, str]:
    """What is to be trained, how long, and where."""
    limit = limit_of(arguments.steps, arguments.seconds)
    return lessons()[arguments.kind], limit, ranks.device(choose_device(arguments.device))


def fill_evaluate(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    add_data_flags(parser, "the one it learned from")
    parser.add_argument(
        "--all", action="store_true", help="measure on every picture, not only on the held-out ones"
    )
    return evaluate


def evaluate(arguments: argparse.Namespace) -> int:
    checkpoint = load_checkpoint(arguments.model)
    networks = trained_networks(checkpoint)
    lessons_of = [lesson_of(network) for network in networks]
    device = choose_device(arguments.device)
    with progress_bars(arguments.json) as progress:
        dataset = dataset_learnt(networks[0], arguments.dataset, arguments.data_root, progress)
        if arguments.all:
            dataset = all_held(dataset)
        say_notes(dataset)
        say(dataset.judging() + ("" if arguments.all else " --all takes every one."))
        found = [
            evaluation(network, lesson(dataset), device, progress)
            for network, lesson in zip(networks, lessons_of, strict=True)
        ]
    report(found[0] if len(found) == 1 else _by_stages(found), arguments.json)
    return 0


def _by_stages(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What is the same of all stages once, then each of them."""
    same = {name: value for name, value in found[0].items() if name in ("dataset", "pictures", "of")}
    return {**same, "stages": [{n: v for n, v in each.items() if n not in same} for each in found]}


def say_notes(dataset: Dataset) -> None:
    """What a person should know of the data: what could not be read, what was left out."""
    for note in dataset.notes:
        say(note)
