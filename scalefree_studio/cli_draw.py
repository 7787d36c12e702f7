"""`scalefree-studio sample` and `complete`: drawing without a window, with any model that draws in order.

Several temperatures, or several pictures to go on from, make a table: a row a picture, a column a temperature.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from .controls import add_flags, controls_of, edited, given_flags, values_of
from .data.pictures import load_picture
from .drawings import Bools, Drawing, first, kept_too_late
from .errors import UserError
from .export.movie import movie_of_run
from .export.movie_file import GIF_SIDE, check_movie
from .export.options import DrawnMovieOptions, TableOptions
from .export.picture import check_target
from .export.walls.table import table_of, write_table
from .export.walls.wall import wall_size_at, write_wall
from .files import check_folder, passing_folder, same_file
from .jobs.drawing.controls import AT_ONCE, DrawControls
from .jobs.drawing.draw import DrawPictures
from .jobs.drawing.edits import EVERY, FITTING, SetPrompt, SetTable
from .jobs.drawing.sampler import Sampler
from .jobs.drawing.table import bits_of
from .jobs.instruments import sampler_of
from .recipes.found import is_recipe, model_of
from .results import HALVES, kept
from .runs import Recording, choose_device, run_to_end
from .sizes import places_of
from .storage.run_folder import RunFolder, load_checkpoint
from .terminal import MODEL_HELP, add_json_flag, counting, output, progress_bars, report, say

Handler = Callable[[argparse.Namespace], int]
SAMPLED, COMPLETED = DrawControls(), DrawControls(count=8)
SAMPLED_ROWS, COMPLETED_ROWS = 8, 1  # of a table; of each picture that is completed
SECONDS = 10.0  # of a movie
PAUSE = 0.2  # of its time, on the finished wall
BEAMS = 1024  # at most, of a search


def fill_sample(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument(
        "model", type=Path, metavar="MODEL|RECIPE",
        help=f"{MODEL_HELP}; or a finished recipe, by its name, file or folder",
    )  # fmt: skip
    parser.add_argument(
        "out", type=output, nargs="?", metavar="OUT.png",
        help="the wall of pictures (default, of a recipe: sample.png in its folder)",
    )  # fmt: skip
    parser.add_argument("--size", type=places_of, metavar="WxH", help="of each picture (default: as learned)")
    _drawing_flags(parser, SAMPLED)
    group = parser.add_argument_group("search, instead of chance")
    group.add_argument(
        "--beams", type=int, metavar="N",
        help="search for the likeliest pictures, keeping N at a time. --count is then the number of searches "
        "(default: 1); with several, the best picture of each is shown",
    )  # fmt: skip
    group.add_argument(
        "--beam-width", type=int, metavar="N", help="how many values each beam tries (default: all)"
    )
    group.add_argument(
        "--judge", type=Path, metavar="MODEL",
        help="search for the pictures that surprise this network least at the end of each stage",
    )  # fmt: skip
    return sample


def sample(arguments: argparse.Namespace) -> int:
    if is_recipe(arguments.model):
        arguments.model = model_of(arguments.model)
        arguments.out = arguments.out or output(str(arguments.model.with_name("sample.png")))
    if arguments.out is None:
        raise UserError("Where should the pictures go? Name OUT.png after the model.")
    _refuse_same(arguments, arguments.model)
    sampler = _searching(arguments, _sampler(arguments, arguments.size))
    job, temperatures = _job(arguments, sampler, SAMPLED), _temperatures(arguments)
    if len(temperatures) > 1:
        job.apply(SetTable(temperatures, rows=_rows(arguments, SAMPLED_ROWS)))
    return _draw(arguments, job)


def _searching(arguments: argparse.Namespace, sampler: Sampler) -> Sampler:
    """The same sampler, or one that searches where that is asked for."""
    if arguments.beams is None:
        if arguments.beam_width is not None or arguments.judge is not None:
            raise UserError("--beam-width and --judge belong to a search; add --beams to start one.")
        return sampler
    if not 1 <= arguments.beams <= BEAMS or (arguments.beam_width is not None and arguments.beam_width < 1):
        raise UserError(
            f"A search has between 1 and {BEAMS} beams, and each of them tries at least one value."
        )
    judge = None
    if arguments.judge is not None:
        judge = sampler_of(load_checkpoint(arguments.judge), choose_device(arguments.device))
    return sampler.with_beams(arguments.beams, arguments.beam_width or 0, judge)


def fill_complete(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="the pictures to complete")
    parser.add_argument(
        "out", type=output, metavar="OUT.png",
        help="the wall of completed pictures; with several pictures or temperatures, a table: a row for each "
        "picture, with the part given, the part hidden, and a column for each temperature",
    )  # fmt: skip
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--keep", metavar="|".join([*HALVES, "MASK.png"]),
        help="what to keep: a half, or where a mask is white (default: top). A model does not see what "
        "comes later in its drawing order: one that draws row by row sees nothing below",
    )  # fmt: skip
    part.add_argument(
        "--cut", type=int, metavar="N", help="what to keep: the first N places in the model's own order"
    )
    _drawing_flags(parser, COMPLETED)
    return complete


def complete(arguments: argparse.Namespace) -> int:
    keep = arguments.keep or "top"
    mask = () if keep in HALVES else (Path(keep),)
    _refuse_same(arguments, arguments.model, *arguments.images, *mask)
    sampler, temperatures = _sampler(arguments), _temperatures(arguments)
    part = _kept(keep, arguments.cut, sampler)
    stage = EVERY if len(sampler.stages) > 1 else 0
    prompts = [
        SetPrompt(keep=part, pixels=load_picture(image).pixels, stage=stage, name=Path(image).name)
        for image in arguments.images
    ]
    job = _job(arguments, sampler, COMPLETED)
    if len(prompts) == len(temperatures) == 1:
        job.apply(prompts[0])
    else:
        rows = _rows(arguments, COMPLETED_ROWS)
        if rows == 1 and job.controls.label < 0:
            prompts = [replace(prompt, label=FITTING) for prompt in prompts]
        job.apply(SetTable(temperatures, tuple(prompt for prompt in prompts for _ in range(rows))))
    if late := kept_too_late(part, sampler.order):
        say(f"{late} of the kept places come late in this model's drawing order: they stay as they are, "
        f"but it does not see them until then.")  # fmt: skip
    return _draw(arguments, job)


def _kept(keep: str, cut: int | None, sampler: Sampler) -> Bools:
    """What is given of each picture (H, W)."""
    if cut is None:
        return np.asarray(kept(keep, sampler.size), bool)
    count = len(sampler.order)
    if not 0 <= cut < count:
        raise UserError(f"--cut is a number of places from 0 to {count - 1}, not {cut}.")
    return first(cut, sampler.order, sampler.size)


def _temperatures(arguments: argparse.Namespace) -> tuple[float, ...]:
    """Those that are asked for, one or several with commas."""
    control = next(c for c in controls_of(DrawControls) if c.name == "temperature")
    words = (arguments.temperatures or f"{control.default}").split(",")
    return tuple(control.check(word.strip()) for word in words)


def _rows(arguments: argparse.Namespace, usual: int) -> int:
    """Of a table, or of each picture in it."""
    count: int = edited(DrawControls(count=usual), given_flags(DrawControls, arguments)).count
    return count


def _refuse_same(arguments: argparse.Namespace, *read: Path) -> None:
    """Nothing that is read may be written over."""
    for path in (arguments.out, arguments.movie):
        if path is not None and any(same_file(path, each) for each in read):
            raise UserError(f"{path} is an input; name another file to write to.")


def _drawing_flags(parser: argparse.ArgumentParser, controls: DrawControls) -> None:
    add = parser.add_argument
    # Nobody watches: it is drawn at once.
    add_flags(parser, controls, without=("label", "speed", "temperature"))
    add(
        "--temperature", dest="temperatures", metavar="X[,X...]",
        help="below 1 plays it safe, above 1 is bolder; several, such as 0.9,1.0,1.1, make a table with "
        "one column each, drawn with the same random numbers along each row (default: 1). --count is then "
        f"the number of rows ({SAMPLED_ROWS}), or of rows for each completed picture ({COMPLETED_ROWS})",
    )  # fmt: skip
    add_flags(parser, TableOptions, title="picture")
    add(
        "--label",
        dest="of_class",
        metavar="CLASS",
        help="which class to draw, by number or name (default: each in turn)",
    )
    add("--no-cache", action="store_true", help="the naive way: a full pass for every number drawn")
    add("--movie", type=output, metavar="OUT.mp4|gif|tif", help="also make a movie of how they are drawn")
    add("--run", type=Path, metavar="DIR", help="also write a run folder, to open and draw on in the window")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    add_flags(parser, DrawnMovieOptions(seconds=SECONDS), title="movie")
    add_json_flag(parser)


def _sampler(arguments: argparse.Namespace, size: tuple[int, int] | None = None) -> Sampler:
    device = choose_device(arguments.device)
    return sampler_of(load_checkpoint(arguments.model), device, size, cached=not arguments.no_cache)


def _job(arguments: argparse.Namespace, sampler: Sampler, controls: DrawControls) -> DrawPictures:
    controls = edited(controls, given_flags(DrawControls, arguments))
    if sampler.beams > 1:  # so many pictures are one search
        searches = given_flags(DrawControls, arguments).get("count", 1)
        controls = edited(controls, {"count": searches * sampler.beams})
    controls = replace(controls, temperature=_temperatures(arguments)[0])
    if not _is_recorded(arguments):
        # A row a step, rather than as few places as a movie wants.
        controls = replace(controls, speed=AT_ONCE)
    return DrawPictures(sampler, replace(controls, label=label_of(arguments.of_class, list(sampler.classes))))


def _draw(arguments: argparse.Namespace, job: DrawPictures) -> int:
    film = _film(arguments)
    scale = _scale(arguments, job)
    with ExitStack() as stack:
        progress = stack.enter_context(progress_bars(arguments.json))
        folder = stack.enter_context(_recorded_in(arguments, job)) if _is_recorded(arguments) else None
        recording = Recording(folder, every=1, first=True) if folder else None
        run_to_end(job, recording, "" if arguments.json else "drawing")
        last = job.snapshot()
        drawn = Drawing(last.frame, job.still())
        if drawn.temperatures:
            write_table(table_of(drawn), arguments.out, scale)
        else:
            write_wall(drawn.pictures()[:: _shown(job)], arguments.out, scale=scale)
        if folder is not None and arguments.movie:
            seconds = film.seconds or SECONDS
            drawing = seconds * (1 - PAUSE)
            bar = counting(progress, arguments.movie.name)
            time = {"seconds": drawing, "pause": seconds - drawing, "fps": film.fps}
            movie_of_run(folder, arguments.movie, progress=bar, size=film.movie_size, **time)
    named = {"movie": arguments.movie, "run": arguments.run}
    report({
        "pictures": len(drawn.values[:: _shown(job)]), "seconds": round(job.seconds, 3), **_bits(last.metrics),
        "picture": str(arguments.out), **{name: str(path) for name, path in named.items() if path},
        **_table_bits(arguments, job), **_scores(job),
    }, arguments.json)  # fmt: skip
    return 0


def _shown(job: DrawPictures) -> int:
    """Of several searches, only the best picture of each is shown: one in so many."""
    beams = job.sampler.beams
    return beams if beams > 1 and job.controls.count > beams else 1


def _scores(job: DrawPictures) -> dict[str, object]:
    """How likely what a search has found is, in nats, or what a judge thinks of it."""
    score = job.state.score
    return {} if score is None else {"scores": [round(float(s), 4) for s in score[:: _shown(job)]]}


def _bits(metrics: Mapping[str, float]) -> dict[str, float]:
    """How open the choices were, and how surprising what came of them, in bits per dimension, if there were any."""
    return {name: round(metrics[name], 4) for name in ("bits", "surprise") if name in metrics}


def _table_bits(arguments: argparse.Namespace, job: DrawPictures) -> dict[str, object]:
    """Of a table, for a program: how unlikely to the network itself, at temperature 1, what it drew is, and what was
    hidden: bits of each row. A drawing that was interrupted has none."""
    if not (job.state.temperatures and job.state.done and arguments.json):
        return {}
    images, columns = getattr(arguments, "images", ()), len(job.state.temperatures)
    rows = []
    for row in range(job.controls.count // columns):
        cells = [bits_of(job.sampler, job.state, row * columns + column) for column in range(columns)]
        image = images[row * columns * len(images) // job.controls.count] if images else None
        hidden = {"image": str(image), "hidden_bits": round(cells[0].hidden, 3)} if image else {}
        rows.append({**hidden, "bits": [round(cell.drawn, 3) for cell in cells]})
    return {"temperatures": list(job.state.temperatures), "rows": rows}


def _scale(arguments: argparse.Namespace, job: DrawPictures) -> int | None:
    """Of the picture; what cannot be written is told before anything is drawn."""
    scale: int | None = edited(TableOptions(), given_flags(TableOptions, arguments)).scale
    drawing = Drawing(job.snapshot().frame, job.still())
    if job.state.temperatures:
        table = table_of(drawing)
        check_target(arguments.out, table.size(scale or table.usual_scale))
    elif "stages" in drawing.still:
        check_target(arguments.out, (1, 1))  # how large its last stage will be, only the network knows
    else:
        check_target(arguments.out, wall_size_at(drawing.pictures()[:: _shown(job)], scale))
    return scale


def _is_recorded(arguments: argparse.Namespace) -> bool:
    return arguments.movie is not None or arguments.run is not None


@contextmanager
def _recorded_in(arguments: argparse.Namespace, job: DrawPictures) -> Iterator[RunFolder]:
    """The run folder that was asked for, or one for the time being."""
    if arguments.run is None:
        with passing_folder() as place:
            yield RunFolder(place)
        return
    with RunFolder(arguments.run).fresh("name another --run") as folder:
        folder.describe(sys.argv, seed=job.controls.seed, controls=values_of(job.controls))
        yield folder


def _film(arguments: argparse.Namespace) -> DrawnMovieOptions:
    """What is asked of the movie; what cannot be written is told before anything is drawn."""
    check_folder(arguments.out)
    given = given_flags(DrawnMovieOptions, arguments)
    if arguments.movie is None and given:
        raise UserError("--seconds, --fps and --movie-size belong to a movie; name one with --movie OUT.mp4.")
    film = edited(DrawnMovieOptions(seconds=SECONDS), given)
    if arguments.movie is not None:
        size = film.movie_size or GIF_SIDE
        room = size if isinstance(size, tuple) else (size, size)
        check_movie(arguments.movie, room, round((film.seconds or SECONDS) * film.fps), film.fps)
    return film


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
