"""What can be exported: each way declares what may be asked for, and how the file is made. Dialogs, the key that
exports again and the clipboard are made from these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...canvas.camera import Part
from ...canvas.picture import Rendered, RenderRequest
from ...canvas.still import Still
from ...controls import values_of
from ...export.codes.sheet import sheet_of
from ...export.dividers.picture import write_picture
from ...export.heat import beside_size, write_beside
from ...export.movie import movie_of_run
from ...export.options import (
    SCENE_OPTIONS,
    MovieOptions,
    PictureOptions,
    SeenOptions,
    SheetOptions,
    TableOptions,
    WallOptions,
)
from ...export.picture import check_target, write_bands
from ...export.scene import options_of
from ...export.size import LONGER_SIDE, size_for
from ...export.walls.table import Table, write_table
from ...export.walls.wall import wall_size_at, write_wall
from ...models.dividers.network import params_from_arrays
from ...models.dividers.render import Region, render_region
from ...snapshot import Bytes, Snapshot
from ...storage.run_folder import RunFolder
from ..work.making import Making

PICTURES = (".png", ".jpg", ".webp", ".tif")
MOVIES = (".mp4", ".gif", ".tif")
LARGE = 4096  # pixels of the longer side that the whole picture is offered with
WIDE, HIGH = 1024, 256  # pixels of a part that is drawn at once: the window answers in between
FINE = 2  # so many times so many samples a pixel, as the screen has at rest

Size = tuple[int, int]
Work = Callable[[Path, Making], object]
Captions = Callable[[float], Mapping[str, Bytes]]  # the titles on a canvas, for so many pixels a logical one


@dataclass(frozen=True, eq=False)
class Way:
    """One way to make a file of what is on the stage."""

    name: str  # by which the settings know it
    title: str
    words: str  # what comes of it
    options: Any  # as they are offered: a dataclass of controls
    work: Callable[[Any], Work]  # asked on the window's thread, done in another
    size: Callable[[Any], Size] | None = None  # in pixels, where that can be said beforehand
    suffixes: tuple[str, ...] = PICTURES
    taken_over: tuple[str, ...] = ()  # options that are always offered as the view has them
    leave_out: frozenset[str] = frozenset()  # options without a meaning


def seen(still: Still, ratio: float, captions: Captions) -> Way:
    """What is on the screen; `ratio` is its physical pixels a logical one."""
    across, down = still.size

    def size(options: SeenOptions) -> Size:
        return options.width, max(1, round(down * options.width / across))

    def work(options: SeenOptions) -> Work:
        wider = still.at(options.width, captions(ratio * options.width / across))

        def write(path: Path, making: Making) -> None:
            check_target(path, wider.size)
            write_bands(path, wider.size, bands(wider, making), making.begin(wider.size[1]))

        return write

    words = "This part at this zoom, with everything drawn over it, redrawn at any width."
    return Way("seen", "What I see", words, SeenOptions(), work, size)


def bands(still: Still, making: Making) -> Iterator[Bytes]:
    """All of a still from top to bottom, in parts (rows, width, 3): networks are drawn here, the rest by the window."""
    width, height = still.size
    for top in range(0, height, HIGH):
        row = []
        for left in range(0, width, WIDE):
            part = (left, top, min(WIDE, width - left), min(HIGH, height - top))
            row.append(making.on_window(_drawing(still, part)))
        yield np.concatenate(row, axis=1)


def _drawing(still: Still, part: Part) -> Callable[[], Bytes]:
    wanted = still.wanted(part)
    rendered = None if wanted is None else _rendered(wanted)
    return lambda: still.draw(part, rendered)


def _rendered(wanted: RenderRequest) -> Rendered:
    params = params_from_arrays(wanted.frame)
    region = Region(wanted.x, wanted.y, wanted.pixel)
    colours = render_region(params, region, wanted.width, wanted.height, wanted.sharpness, FINE)
    image = colours.mul_(255).round_().to(torch.uint8).numpy()
    across, down = wanted.width * wanted.pixel, wanted.height * wanted.pixel
    return Rendered(image, wanted.x, wanted.y, across, down, wanted.epoch)


def picture(snapshot: Snapshot, shape: Size, sharpness: float, border: float, overlay: bool) -> Way:
    """All that a divider network has learnt; `shape` is the (height, width) of what it learnt from."""

    def size(options: PictureOptions) -> Size:
        return options.size or (shape[1], shape[0])

    def work(options: PictureOptions) -> Work:
        def write(path: Path, making: Making) -> None:
            write_picture(
                params_from_arrays(snapshot.frame), path, size(options), shape, options.sharpness or sharpness,
                border=options.border, samples=options.samples, overlay=options.overlay, crisp=options.crisp,
                progress=making.begin(size(options)[1]),
            )  # fmt: skip

        return write

    words = f"All of step {snapshot.step:,}. It has no resolution: any size is sharp."
    options = PictureOptions(size=size_for(shape, LARGE), border=border, overlay=overlay)
    return Way("whole", "The whole picture", words, options, work, size, taken_over=("border", "overlay"))


def wall(
    pictures: Bytes, covered: Callable[[], Bytes] | None, overlay: bool = False, columns: int | None = None
) -> Way:
    """All pictures of a wall (N, h, w, 3); `covered` are the same with what may lie over them."""

    def size(options: WallOptions) -> Size:
        return wall_size_at(pictures, options.scale, columns)

    def work(options: WallOptions) -> Work:
        shown = covered() if covered is not None and options.overlay else pictures

        def write(path: Path, making: Making) -> None:
            check_target(path, size(options))
            write_wall(shown, path, columns, options.scale, making.begin(size(options)[1]))

        return write

    words = "All pictures of the wall. Their pixels stay pixels at any scale."
    leave_out = frozenset({"overlay"} if covered is None else ())
    options = WallOptions(overlay=overlay and covered is not None)
    return Way(
        "whole", "The whole wall", words, options, work, size, taken_over=("overlay",), leave_out=leave_out
    )


def table(made: Table) -> Way:
    """A table of completions."""

    def size(options: TableOptions) -> Size:
        return made.size(options.scale or made.usual_scale)

    def work(options: TableOptions) -> Work:
        scale = options.scale or made.usual_scale
        return lambda path, making: write_table(made, path, scale, making.begin(size(options)[1]))

    words = "The table with its headings. Its pixels stay pixels at any scale."
    return Way("whole", "The whole table", words, TableOptions(), work, size)


def sheet(parts_of: Callable[[bool], list[Bytes]], overlay: bool) -> Way:
    """Codes, and what becomes of pictures; `parts_of` gives them, with what lies over the codes or without."""
    count = max(1, len(parts_of(False)))

    def size(options: SheetOptions) -> Size:
        return options.size or (LONGER_SIDE * count, LONGER_SIDE)

    def work(options: SheetOptions) -> Work:
        parts = parts_of(options.overlay)

        def write(path: Path, making: Making) -> None:
            check_target(path, size(options))
            write_bands(path, size(options), [sheet_of(parts, size(options))], making.begin(size(options)[1]))

        return write

    words = "The pictures beside what they become, and every code."
    options = SheetOptions(overlay=overlay)
    return Way("whole", "The whole sheet", words, options, work, size, taken_over=("overlay",))


def heat(shown: Bytes, shares: Any) -> Way:
    """A picture, and beside it how surprising each of its places is."""

    def size(options: TableOptions) -> Size:
        return beside_size(shown, options.scale)

    def work(options: TableOptions) -> Work:
        return lambda path, making: write_beside(shown, shares, path, options.scale)

    words = "The picture and its heat map beside each other."
    return Way("whole", "Both", words, TableOptions(), work, size)


def movie(folder: RunFolder, kind: str, looks: Mapping[str, Any]) -> Way:
    """What was recorded so far; `looks` are options by which it looks as it does on the screen."""

    def work(options: MovieOptions) -> Work:
        def film(path: Path, making: Making) -> None:
            movie_of_run(folder, path, progress=making.begin, **values_of(options))

        return film

    meaningless = frozenset(SCENE_OPTIONS - options_of(kind))
    taken = {name: value for name, value in looks.items() if name not in meaningless}
    options = replace(MovieOptions(seconds=10.0, pause=1.5), **taken)
    words = "The recording, from its beginning until now. A recording is data: the movie can have any size."
    return Way("movie", "Movie", words, options, work, None, MOVIES, tuple(taken), meaningless)


def chosen_by(name: str, ways: Sequence[Way]) -> Way:
    """The way of this name; the first, if there is none such."""
    return next((way for way in ways if way.name == name), ways[0])
