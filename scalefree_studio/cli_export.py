"""`scalefree-studio render` and `movie`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import UserError
from .terminal import output

Handler = Callable[[argparse.Namespace], int]
LOOK = {"border": 1.0, "samples": 1, "overlay": False, "sharpness": None, "crisp": False}  # where nobody asks


def fill_render(parser: argparse.ArgumentParser) -> Handler:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file or a run folder")
    parser.add_argument(
        "out",
        type=output,
        metavar="OUT.png",
        help="a png of any size; a jpg, webp, tiff or bmp up to 64 megapixels",
    )
    _add_view(
        parser, "4096x4096, or 4096 for the longer side in the picture's own shape (default: as learnt)"
    )
    return render


def fill_movie(parser: argparse.ArgumentParser) -> Handler:
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="a run folder with a recording")
    add("out", type=output, metavar="OUT.mp4", help="the movie")
    _add_view(parser, "1080x1080, or 1080 for the longer side in the picture's own shape (default: 1080)")
    add("--fps", type=_above_zero, default=30.0, metavar="N", help="frames a second (default: 30)")
    add(
        "--seconds",
        type=_above_zero,
        metavar="S",
        help="how long it lasts (default: every recorded frame once)",
    )
    add("--pause", type=_above_zero, default=0.0, metavar="S", help="stay on the last picture (default: 0)")
    add(
        "--caption", metavar="TEXT", help='words on it, such as "step {step}: {psnr:.1f} dB, {seconds:.0f} s"'
    )
    add(
        "--zoom-to", type=float, nargs=3, metavar=("X", "Y", "FACTOR"),
        help="zoom in smoothly to a point; x and y lie between -1 and 1, (0, 0) is the middle, y points down",
    )  # fmt: skip
    add(
        "--colours", choices=("yuv420p", "yuv444p", "lossless"), default="yuv420p",
        help="yuv420p plays everywhere, yuv444p keeps thin lines, lossless keeps every byte (default: yuv420p)",
    )  # fmt: skip
    return movie


def _add_view(parser: argparse.ArgumentParser, sizes: str) -> None:
    add = parser.add_argument
    add(
        "--size", type=_size, metavar="WxH", help=f"in pixels: {sizes}; another shape shows more of the plane"
    )
    add(
        "--border",
        type=_above_zero,
        default=LOOK["border"],
        metavar="N",
        help="show N times the extent (default: 1)",
    )
    add(
        "--samples",
        type=int,
        choices=range(1, 9),
        default=1,
        metavar="N",
        help="N x N a pixel, 1 to 8 (default: 1)",
    )
    add(
        "--overlay",
        action="store_true",
        help="draw the lines and circles over it, or how open each choice was",
    )
    add("--sharpness", type=_above_zero, metavar="X", help="of the edges (default: the model's)")
    add("--crisp", action="store_true", help="keep edges as few pixels wide as they were when it was learnt")
    add("--json", action="store_true", help="print the result as JSON, as the last line")


def render(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from .export.dividers.picture import check_target, write_picture
    from .export.dividers.scene import crisp_sharpness
    from .jobs.dividers.saved import read_model
    from .models.dividers.render import Region
    from .storage.run_folder import load_checkpoint

    model = read_model(load_checkpoint(arguments.model))
    picture = model.target.shape[0], model.target.shape[1]
    width, height = _sized(arguments.size, picture) or (picture[1], picture[0])
    check_target(arguments.out, (width, height))
    sharpness = arguments.sharpness or model.controls.sharpness
    if arguments.crisp:
        sharpness = crisp_sharpness(
            sharpness, picture, Region.whole(picture, height, width, arguments.border)
        )
    with tqdm(total=height, desc=arguments.out.name, unit="row", file=sys.stderr) as bar:
        write_picture(
            model.params, arguments.out, (width, height), picture, sharpness,
            border=arguments.border, samples=arguments.samples, overlay=arguments.overlay, progress=bar.update,
        )  # fmt: skip
    _report(arguments, {"picture": str(arguments.out), "width": width, "height": height})
    return 0


def movie(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from .export.dividers.scene import Zoom
    from .export.movie import movie_of_run
    from .storage.run_folder import RunFolder

    folder = RunFolder(arguments.run)
    if not folder.path.is_dir():
        raise UserError(f"A movie is made of a run folder that was recorded; {arguments.run} is none.")
    look = {name: getattr(arguments, name) for name in LOOK if getattr(arguments, name) != LOOK[name]}
    if arguments.zoom_to:
        look["zoom"] = Zoom(*arguments.zoom_to)
    bars: list[Any] = []

    def progress(frames: int) -> Callable[[int], None]:
        bars.append(tqdm(total=frames, desc=arguments.out.name, unit="frame", file=sys.stderr))
        return bars[0].update  # type: ignore[no-any-return]

    try:
        made = movie_of_run(
            folder, arguments.out, size=arguments.size, fps=arguments.fps, seconds=arguments.seconds,
            pause=arguments.pause, caption=arguments.caption, colours=arguments.colours, progress=progress, **look,
        )  # fmt: skip
    finally:
        for bar in bars:
            bar.close()
    result = {"movie": str(arguments.out), "frames": made.frames, "seconds": made.frames / arguments.fps}
    _report(arguments, result | {"fps": arguments.fps, "width": made.width, "height": made.height})
    return 0


def _sized(size: tuple[int, int] | int | None, picture: tuple[int, int]) -> tuple[int, int] | None:
    """(width, height) as asked for: both numbers, or the longer side in the picture's shape."""
    from .export.scene import size_for

    return size_for(picture, size) if isinstance(size, int) else size


def _size(text: str) -> tuple[int, int] | int:
    found = re.fullmatch(r"(\d{1,9})(?:[x×](\d{1,9}))?", text.strip().lower())
    if not found or int(found[1]) == 0 or (found[2] and int(found[2]) == 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; say 1920x1080 or 1080")
    return (int(found[1]), int(found[2])) if found[2] else int(found[1])


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e12:  # beyond, squares overflow
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 that one could draw")
    return value


def _report(arguments: argparse.Namespace, result: dict[str, Any]) -> None:
    if arguments.json:
        print(json.dumps(result), flush=True)
