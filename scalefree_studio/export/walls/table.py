"""A drawing that is a table, as a picture of any scale: what is given, what that hides, and a column a temperature."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...drawings import Drawing
from ...snapshot import Bytes
from ..ahead import Progress
from ..picture import thick, write_bands
from .wall import BEHIND, larger_by, shrunk

WIDE = 960  # pixels: of a table, where nobody asks for a scale
TEXT = (216, 222, 230)
SMALLEST, LARGEST = 11, 48  # pixels: of the letters over a column, which are a share of its width
SHARE, GAP = 1 / 6, 4


@dataclass(frozen=True, eq=False)
class Table:
    """Pictures in columns, each with words above it."""

    headings: tuple[str, ...]  # K of them
    columns: Bytes  # (K, R, h, w, 3)

    def font(self, scale: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return _font(max(SMALLEST, min(LARGEST, self.columns.shape[3] * scale * SHARE)))

    def cell(self, scale: int) -> tuple[int, int, int]:
        """From a column to the next, a picture's height, and that of the headings: pixels, gaps included."""
        font, (height, width) = self.font(scale), self.columns.shape[2:4]
        boxes = [font.getbbox(heading) for heading in self.headings]
        words = math.ceil(max((box[2] for box in boxes), default=0))
        letters = math.ceil(font.getbbox("Tg")[3])
        return (
            max(width * scale, words) + max(GAP, scale),
            height * scale + max(GAP, scale),
            letters + 2 * GAP,
        )

    def size(self, scale: int) -> tuple[int, int]:
        """(width, height)."""
        (across, down, above), (count, rows) = self.cell(scale), self.columns.shape[:2]
        gap = max(GAP, scale)
        return count * across + gap, above + rows * down + gap

    @property
    def usual_scale(self) -> int:
        return max(1, fitting_scale(self, (WIDE, WIDE)))

    def bands(self, scale: int) -> Iterator[Bytes]:
        """The picture from top to bottom, in parts (rows, width, 3)."""
        (across, _, above), (full, _) = self.cell(scale), self.size(scale)
        count, rows, height, width = self.columns.shape[:4]
        gap = max(GAP, scale)
        between = thick(np.full((full, 3), BEHIND, np.uint8), gap)
        # Of a picture in a column that is as wide as its words.
        inset = gap + (across - gap - width * scale) // 2
        yield self._headings(scale, full, above)
        for row in range(rows):
            yield between
            for y in range(height):
                line = np.full((full, 3), BEHIND, np.uint8)
                for column in range(count):
                    left = column * across + inset
                    line[left : left + width * scale] = self.columns[column, row, y].repeat(scale, axis=0)
                yield thick(line, scale)
        yield between

    def _headings(self, scale: int, full: int, above: int) -> Bytes:
        image = Image.new("RGB", (full, above), BEHIND)
        paint, font, gap = ImageDraw.Draw(image), self.font(scale), max(GAP, scale)
        across = self.cell(scale)[0]
        for column, heading in enumerate(self.headings):
            left = gap + column * across + (across - gap - font.getbbox(heading)[2]) / 2
            paint.text((left, GAP), heading, TEXT, font)
        return np.array(image)

    def picture(self, scale: int) -> Bytes:
        return np.concatenate(list(self.bands(scale)))


@functools.lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def headings_of(drawing: Drawing) -> tuple[str, ...]:
    """What stands over the columns of a drawing that is a table."""
    given = ("Given", "Hidden") if drawing.prompts() is not None else ()
    return (*given, *(f"T {temperature:g}" for temperature in drawing.temperatures))


def table_of(drawing: Drawing, pictures: Bytes | None = None) -> Table:
    """Of a drawing that is one; `pictures` (B, h, w, 3) are its cells where they are to look otherwise."""
    cells = drawing.pictures() if pictures is None else pictures
    columns = cells.reshape(-1, len(drawing.temperatures), *cells.shape[1:]).swapaxes(0, 1)
    given, hidden = drawing.prompts(), drawing.prompts(hidden=True)
    if given is not None and hidden is not None:
        columns = np.concatenate([given[None], hidden[None], columns])
    return Table(headings_of(drawing), columns)


def fitting_scale(table: Table, room: tuple[int, int]) -> int:
    """The largest whole scale at which a table fits into a room (width, height), or 0."""
    scale = 0
    while larger_by(table.size(scale + 1), room):  # not in proportion, for words have a least size
        scale += 1
    return scale


def fitted_table(table: Table, room: tuple[int, int]) -> Bytes:
    """In the middle of a picture of that size (width, height), smaller than its pixels only where it must be."""
    scale = fitting_scale(table, room)
    shown = table.picture(max(1, scale))
    if not scale:
        shown = np.array(shrunk(shown, room))
    picture = np.full((room[1], room[0], 3), BEHIND, np.uint8)
    top, left = (room[1] - shown.shape[0]) // 2, (room[0] - shown.shape[1]) // 2
    picture[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return picture


def write_table(table: Table, path: Path, scale: int | None = None, progress: Progress | None = None) -> None:
    """As a file in the format that its suffix names, band by band; whole or not at all."""
    scale = scale or table.usual_scale
    write_bands(path, table.size(scale), table.bands(scale), progress)
