"""`scalefree-studio sample` and `complete`: drawing without a window, with any model that draws in order."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from .controls import add_flags, edited, given_flags, values_of
from .data.pictures import load_picture
from .drawings import Drawing
from .errors import UserError
from .export.movie import movie_of_run
from .export.movie_file import GIF_SIDE, check_movie
from .export.options import MovieTime
from .export.walls.wall import write_wall
from .files import check_folder
from .jobs.drawing.controls import AT_ONCE, DrawControls
from .jobs.drawing.draw import DrawPictures
from .jobs.drawing.edits import SetPrompt
from .jobs.drawing.sampler import Sampler
from .jobs.instruments import sampler_of
from .results import kept
from .runs import Recording, choose_device, run_to_end
from .storage.run_folder import RunFolder, load_checkpoint
from .terminal import MODEL_HELP, add_json_flag, output, report

Handler = Callable[[argparse.Namespace], int]
SAMPLED, COMPLETED = DrawControls(), DrawControls(count=8)
SECONDS = 10.0  # of a movie
PAUSE = 0.2  # of its time, on the finished wall
PLACES = 1 << 20  # at most, in a picture


def fill_sample(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("out", type=output, metavar="OUT.png", help="the wall of pictures")
    parser.add_argument("--size", metavar="HxW", help="of each picture (default: as learnt)")
    _drawing_flags(parser, SAMPLED)
    return sample


def sample(arguments: argparse.Namespace) -> int:
    sampler = _sampler(arguments, _size(arguments.size) if arguments.size else None)
    return _draw(arguments, _job(arguments, sampler, SAMPLED))


def fill_complete(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the picture to complete")
    parser.add_argument("out", type=output, metavar="OUT.png", help="the wall of completed pictures")
    parser.add_argument(
        "--keep", default="top", metavar="top|left|MASK.png",
        help="what is given: a half, or where a mask is white (default: top)",
    )  # fmt: skip
    _drawing_flags(parser, COMPLETED)
    return complete


def complete(arguments: argparse.Namespace) -> int:
    sampler = _sampler(arguments)
    keep, pixels = kept(arguments.keep, sampler.size), load_picture(arguments.image).pixels
    job = _job(arguments, sampler, COMPLETED)
    job.apply(SetPrompt(keep=keep, pixels=pixels))
    return _draw(arguments, job)


def _drawing_flags(parser: argparse.ArgumentParser, controls: DrawControls) -> None:
    add = parser.add_argument
    add_flags(parser, controls, without=("label", "speed"))  # nobody watches: it is drawn at once
    add(
        "--label",
        dest="of_class",
        metavar="CLASS",
        help="of which class, by number or name (default: each in turn)",
    )
    add("--no-cache", action="store_true", help="the naive way: a full pass for every number drawn")
    add("--movie", type=output, metavar="OUT.mp4|gif|tif", help="also make a movie of how they are drawn")
    add("--run", type=Path, metavar="DIR", help="leave a run folder, to look at and to draw on in the window")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    add_flags(parser, MovieTime(seconds=SECONDS), title="movie")
    add_json_flag(parser)


def _sampler(arguments: argparse.Namespace, size: tuple[int, int] | None = None) -> Sampler:
    device = choose_device(arguments.device)
    return sampler_of(load_checkpoint(arguments.model), device, size, cached=not arguments.no_cache)


def _job(arguments: argparse.Namespace, sampler: Sampler, controls: DrawControls) -> DrawPictures:
    controls = edited(controls, given_flags(DrawControls, arguments))
    if not _is_recorded(arguments):
        controls = replace(
            controls, speed=AT_ONCE
        )  # a row a step, rather than as few places as a movie wants
    return DrawPictures(sampler, replace(controls, label=label_of(arguments.of_class, list(sampler.classes))))


def _draw(arguments: argparse.Namespace, job: DrawPictures) -> int:
    seconds, fps = _check_outputs(arguments)
    with ExitStack() as stack:
        folder = stack.enter_context(_recorded_in(arguments, job)) if _is_recorded(arguments) else None
        run_to_end(job, Recording(folder, every=1, first=True) if folder else None, "drawing")
        last = job.snapshot()
        write_wall(Drawing(last.frame, job.still()).pictures(), arguments.out)
        if folder is not None and arguments.movie:
            drawing = seconds * (1 - PAUSE)
            movie_of_run(folder, arguments.movie, seconds=drawing, pause=seconds - drawing, fps=fps)
    named = {"movie": arguments.movie, "run": arguments.run}
    report({
        "pictures": job.controls.count, "seconds": round(job.seconds, 3), **_bits(last.metrics),
        "picture": str(arguments.out), **{name: str(path) for name, path in named.items() if path},
    }, arguments.json)  # fmt: skip
    return 0


def _bits(metrics: Mapping[str, float]) -> dict[str, float]:
    """How open the choices were, and how surprising what came of them, in bits per dimension, if there were any."""
    return {name: round(metrics[name], 4) for name in ("bits", "surprise") if name in metrics}


def _is_recorded(arguments: argparse.Namespace) -> bool:
    return arguments.movie is not None or arguments.run is not None


@contextmanager
def _recorded_in(arguments: argparse.Namespace, job: DrawPictures) -> Iterator[RunFolder]:
    """The run folder that was asked for, or one for the time being."""
    if arguments.run is None:
        with tempfile.TemporaryDirectory() as place:
            yield RunFolder(place)
        return
    folder = RunFolder(arguments.run)
    if folder.model_path.exists():
        raise UserError(f"{folder.path} already holds a run; name another --run.")
    folder.describe(sys.argv, seed=job.controls.seed, controls=values_of(job.controls))
    yield folder


def _check_outputs(arguments: argparse.Namespace) -> tuple[float, float]:
    """Seconds and frames a second of the movie; what cannot be written is told before anything is drawn."""
    check_folder(arguments.out)
    given = given_flags(MovieTime, arguments)
    if arguments.movie is None and given:
        raise UserError("--seconds and --fps are of a movie; name it with --movie OUT.mp4.")
    time = edited(MovieTime(seconds=SECONDS), given)
    seconds = time.seconds or SECONDS
    if arguments.movie is not None:
        check_movie(arguments.movie, (GIF_SIDE, GIF_SIDE), round(seconds * time.fps), time.fps)
    return seconds, time.fps


def label_of(wanted: str | None, classes: list[str]) -> int:
    """The number of a class, by its name or number; -1 for each in turn."""
    if wanted is None:
        return -1
    if not classes:
        raise UserError("This model was trained without labels; leave --label out.")
    index = classes.index(wanted) if wanted in classes else int(wanted) if wanted.isdecimal() else -1
    if not 0 <= index < len(classes):
        raise UserError(f"--label is a number from 0 to {len(classes) - 1} or one of {', '.join(classes)}.")
    return index


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", text.lower())
    if not found:
        raise UserError(f"--size is written like 28x28, not {text}.")
    height, width = int(found[1]), int(found[2] or found[1])
    if not 1 <= height * width <= PLACES:
        raise UserError(f"--size has between 1 and {PLACES} places in all, not {height}x{width}.")
    return height, width
