"""Several small pictures side by side on one sheet, each with its name and some lines beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..snapshot import Bytes

PAPER, INK, QUIET = (250, 249, 246), (28, 31, 36), (96, 101, 110)
CELL = 256  # pixels along the longer side of a picture, at least
LINE, GAP = 20, 24  # pixels
TEXT = 15.0


@dataclass(frozen=True, eq=False)
class Cell:
    pixels: Bytes  # (H, W, 3), the same size in all cells
    name: str
    facts: tuple[str, ...]


def sheet(cells: Sequence[Cell], columns: int = 4) -> Bytes:
    """All of them (H, W, 3), row by row, every pixel a square."""
    height, width = cells[0].pixels.shape[:2]
    factor = max(1, -(-CELL // max(height, width)))
    lines = 1 + max(len(cell.facts) for cell in cells)
    wide = max(width * factor, CELL) + GAP
    high = height * factor + lines * LINE + GAP // 2 + GAP
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    page = Image.new("RGB", (columns * wide + GAP, rows * high + GAP), PAPER)
    paint, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT)
    for n, cell in enumerate(cells):
        left, top = GAP + n % columns * wide, GAP + n // columns * high
        page.paste(Image.fromarray(enlarged(cell.pixels, factor)), (left, top))
        top += height * factor + GAP // 2
        for line, (text, ink) in enumerate([(cell.name, INK), *((fact, QUIET) for fact in cell.facts)]):
            paint.text((left, top + line * LINE), text, ink, font)
    return np.array(page)


def enlarged(pixels: Bytes, factor: int) -> Bytes:
    """Every pixel as a square."""
    return pixels.repeat(factor, 0).repeat(factor, 1)
