"""`scalefree-studio render` and `movie`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .controls import add_flags, from_flags, given_flags
from .errors import UserError
from .export.dividers.picture import write_picture
from .export.movie import movie_of_run
from .export.options import MovieOptions, PictureOptions
from .export.picture import check_target
from .jobs.dividers.saved import read_model
from .runs import add_scenes
from .storage.run_folder import RunFolder, load_checkpoint
from .terminal import add_json_flag, counting, output, progress_bars, report

Handler = Callable[[argparse.Namespace], int]


def fill_render(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file or a run folder")
    parser.add_argument(
        "out", type=output, metavar="OUT.png",
        help="a png of any size; a jpg, webp, tiff or bmp up to 64 megapixels",
    )  # fmt: skip
    add_flags(parser, PictureOptions, title="picture")
    add_json_flag(parser)
    return render


def render(arguments: argparse.Namespace) -> int:
    options = from_flags(PictureOptions, arguments)
    model = read_model(load_checkpoint(arguments.model))
    picture = model.target.shape[0], model.target.shape[1]
    size = options.size or (picture[1], picture[0])
    check_target(arguments.out, size)
    with progress_bars(arguments.json) as progress:
        write_picture(
            model.params, arguments.out, size, picture, options.sharpness or model.controls.sharpness,
            border=options.border, samples=options.samples, overlay=options.overlay, crisp=options.crisp,
            progress=counting(progress, arguments.out.name)(size[1]),
        )  # fmt: skip
    report({"picture": str(arguments.out), "width": size[0], "height": size[1]}, arguments.json)
    return 0


def fill_movie(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder with a recording")
    parser.add_argument(
        "out", type=output, metavar="OUT.mp4",
        help="the movie; a gif plays anywhere, a tif keeps every frame without loss, one per page",
    )  # fmt: skip
    add_flags(parser, MovieOptions, title="movie")
    add_json_flag(parser)
    return movie


def movie(arguments: argparse.Namespace) -> int:
    folder = RunFolder(arguments.run)
    if not folder.path.is_dir():
        raise UserError(f"A movie needs the folder of a recorded run; {arguments.run} is not one.")
    add_scenes()
    with progress_bars(arguments.json) as progress:
        bar = counting(progress, arguments.out.name)
        made = movie_of_run(folder, arguments.out, progress=bar, **given_flags(MovieOptions, arguments))
    report({
        "movie": str(arguments.out), "frames": made.frames, "seconds": made.seconds, "fps": made.fps,
        "width": made.width, "height": made.height,
    }, arguments.json)  # fmt: skip
    return 0
