"""`scalefree-studio fit` and `demo`."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .api import fit_job
from .controls import add_flags, from_flags, given_flags, only_live, values_of
from .errors import UserError
from .export.dividers.picture import write_picture
from .export.movie import movie_of_run
from .jobs.dividers.controls import BUDGET, FitControls
from .jobs.dividers.fit import FitDividers
from .jobs.job import Limit, limit_of
from .models.dividers.network import count_numbers
from .models.threads import cores_for_learning, torch_threads
from .runs import Recording, choose_device, run_to_end
from .snapshot import Change
from .storage.run_folder import RunFolder, free_folder
from .storage.trackers import add_track_flag
from .terminal import add_json_flag, counting, progress_bars, report

SECONDS = 30.0  # where nobody says how long
# Of the demo: soon made, even where the processor is busy.
MOVIE: dict[str, Any] = {"size": 480, "seconds": 6.0, "pause": 1.0, "fps": 24.0}


def fill_fit(parser: argparse.ArgumentParser) -> Any:
    parser.description = (
        f"Learn a picture as a divider network: the best for {BUDGET:,} numbers, "
        "unless you say what it is made of."
    )
    parser.add_argument(
        "image",
        nargs="?",
        help="a picture file, photo:astronaut, synthetic:lines-5 or drawing:NAME (see `pictures`)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default: output/NAME)")
    parser.add_argument("--steps", type=_positive(int), metavar="N", help="stop after this many steps in all")
    parser.add_argument(
        "--seconds",
        type=_positive(float),
        metavar="S",
        help=f"stop after this many seconds of learning in all (default: {SECONDS:g})",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out")
    parser.add_argument(
        "--record-every", type=_positive(int), metavar="N",
        help="record a frame every N steps (default: every step at first, later every 1%% of the steps)",
    )  # fmt: skip
    add_track_flag(parser)
    add_json_flag(parser)
    add_flags(parser, FitControls)
    return fit


def fit(arguments: argparse.Namespace) -> int:
    with ExitStack() as held:
        job, recording = (_resumed if arguments.resume else _begun)(arguments, held)
        result = _run(job, recording, arguments.json)
    report(result, arguments.json, _in_words(result))
    return 0


def _begun(arguments: argparse.Namespace, held: ExitStack) -> tuple[FitDividers, Recording]:
    if arguments.image is None:
        raise UserError("Which picture? Name a file, or photo:astronaut, or see `scalefree-studio pictures`.")
    limit = limit_of(arguments.steps, arguments.seconds)
    limit = limit if limit != Limit() else Limit(seconds=SECONDS)
    controls = from_flags(FitControls, arguments)
    job = fit_job(arguments.image, controls, limit, choose_device(arguments.device))
    folder = RunFolder(arguments.out or free_folder(Path("output"), job.name))
    held.enter_context(folder.fresh())
    folder.fresh()  # somebody may just have left it
    folder.describe(sys.argv, picture=job.spec, seed=job.controls.seed, controls=values_of(job.controls))
    return job, Recording(folder, arguments.record_every or 0, arguments.track)


def _resumed(arguments: argparse.Namespace, held: ExitStack) -> tuple[FitDividers, Recording]:
    if arguments.out is None:
        raise UserError("--resume continues the run in --out DIR; name that folder.")
    folder, limit = RunFolder(arguments.out), limit_of(arguments.steps, arguments.seconds)
    held.enter_context(folder.again())
    checkpoint, given = folder.checkpoint(), given_flags(FitControls, arguments)
    device = choose_device(arguments.device)
    job = FitDividers.from_checkpoint(checkpoint, device, limit if limit != Limit() else None)
    only_live(job.controls, given)
    job.set_controls(given)
    changes = [Change(job.step_count, "controls", given)] if given else []
    if not checkpoint.trainer:
        print("The training state is missing: learning continues from the model alone.", file=sys.stderr)
    if arguments.image and arguments.image not in (job.spec, job.name):
        raise UserError(f"The run in {folder.path} learns {job.name}; leave the picture out to resume it.")
    if job.limit.reached(job.step_count, job.seconds):
        print("This run has finished; give it more --steps or --seconds in all to continue.", file=sys.stderr)
    return job, Recording(folder, arguments.record_every or 0, arguments.track, changes)


def _run(job: FitDividers, recording: Recording, quiet: bool) -> dict[str, Any]:
    """Run to the end; what came of it, ready for JSON, with a picture of it."""
    with torch_threads(cores_for_learning()):
        warnings = run_to_end(job, recording, "" if quiet else job.name)
    folder, (height, width) = recording.folder, job.pixels.shape[:2]
    picture = folder.path / "picture.png"
    write_picture(job.params, picture, (width, height), (height, width), job.controls.sharpness)
    return {
        "psnr": round(job.psnr(), 4), "steps": job.step_count, "seconds": round(job.seconds, 3),
        "numbers": count_numbers(job.params), "model": str(folder.model_path), "picture": str(picture),
        **({"warning": warnings[0]} if warnings else {}),
    }  # fmt: skip


def fill_demo(parser: argparse.ArgumentParser) -> Any:
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default: output/demo)")
    parser.add_argument(
        "--seconds", type=_positive(float), default=20.0, metavar="S", help="how long to learn (default: 20)"
    )
    add_json_flag(parser)
    return demo


def demo(arguments: argparse.Namespace) -> int:
    """What `make run` does on a machine without a display."""
    folder = RunFolder(arguments.out or free_folder(Path("output"), "demo"))
    controls = FitControls(downscale=2)
    limit = limit_of(seconds=arguments.seconds)
    with folder.fresh("name another --out"):
        job = fit_job("photo:astronaut", controls, limit, "cpu")
        folder.describe(sys.argv, picture=job.spec, seed=controls.seed, controls=values_of(controls))
        result = _run(job, Recording(folder), arguments.json)
        movie = folder.path / "movie.mp4"
        with progress_bars(arguments.json) as progress:
            movie_of_run(folder, movie, progress=counting(progress, movie.name), **MOVIE)
    result["movie"] = str(movie)
    report(result, arguments.json, _in_words(result))
    return 0


def _in_words(result: dict[str, Any]) -> str:
    """What came of a fit, and what can be done with it."""
    lines = [f"{result['psnr']:.2f} dB after {result['steps']} steps in {result['seconds']:.1f} s"]
    if "warning" in result:
        lines.append(result["warning"])
    lines += [f"  {what:<8}{result[what]}" for what in ("picture", "model", "movie") if what in result]
    if "movie" not in result:
        run = shlex.quote(str(Path(result["model"]).parent))
        lines.append(f"  look at it:   scalefree-studio {run}")
        lines.append(f"  as a movie:   scalefree-studio movie {run} movie.mp4")
    return "\n".join(lines)


def _positive(kind: type) -> Any:
    def convert(text: str) -> Any:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    convert.__name__ = {int: "whole number", float: "number"}[kind]  # argparse names it in its message
    return convert
