"""A training of codes as one picture: held-out pictures beside what they become, and every code beside those.

M pictures, G of them in a group: the picture itself, then what each stage makes of it. K codes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...codes import Codebook, stages_of
from ...drawings import PAPER
from ...snapshot import Array, Bytes
from ..heat import heat
from ..walls.wall import BEHIND, shrunk

Arrays = Mapping[str, Array]
Floats = npt.NDArray[np.float64]

GAP, BETWEEN = 1, 3  # pixels of pictures: within a group, and between groups
APART = 16  # pixels between the parts
COVERS = 0.75  # of the heat over codes


def groups(frame: Arrays, still: Arrays) -> tuple[Bytes, int]:
    """Held-out pictures, each followed by what the stages make of it, (M · G, h, w, 3), and G; the paper where nothing
    is made yet."""
    held, wall = still.get("held"), frame.get("wall")
    several = [frame[f"stage.{s}"] for s in range(sum(name.startswith("stage.") for name in frame))]
    made = [*several[:-1], wall]
    parts = [part for part in (held, *made) if part is not None and part.ndim == 4]
    if not parts:
        return np.zeros((0, 1, 1, 3), np.uint8), 1
    count = min(map(len, parts))
    shape = (count, *parts[0].shape[1:3], 3)
    if wall is None:
        parts.append(np.broadcast_to(np.array(PAPER, np.uint8), shape))
    pictures = np.stack([np.broadcast_to(np.asarray(p, np.uint8)[:count], shape) for p in parts], axis=1)
    return pictures.reshape(-1, *shape[1:]), len(parts)


def fitting(pictures: Bytes, places: tuple[int, int]) -> Bytes:
    """Pictures (N, h, w, 3) in which each of so many rows and columns has whole pixels: some are repeated."""
    if not (pictures.shape[1] % places[0] or pictures.shape[2] % places[1]):
        return pictures
    height, width = (-(-side // n) * n for side, n in zip(pictures.shape[1:3], places, strict=True))
    rows = np.arange(height) * pictures.shape[1] // height
    columns = np.arange(width) * pictures.shape[2] // width
    return np.ascontiguousarray(pictures[:, rows[:, None], columns])


def evenly(values: npt.NDArray[np.floating], low: float | None = None) -> Floats:
    """Between the lowest, or what counts as that, and the highest: in [0, 1]."""
    least = float(values.min()) if low is None else low
    span = float(values.max()) - least
    return np.asarray((values - least) / span if span > 0 else np.zeros(len(values)), np.float64)


def grouped(pictures: Bytes, group: int, columns: int) -> Bytes:
    """Groups of pictures, so many of them in a row: (height, width, 3)."""
    count, height, width = pictures.shape[:3]
    groups, wide = -(-count // group), group * (width + GAP) - GAP
    rows = -(-groups // columns)
    size = rows * (height + BETWEEN) - BETWEEN, columns * (wide + BETWEEN) - BETWEEN
    sheet = np.full((*size, 3), BEHIND, np.uint8)
    for n, picture in enumerate(pictures):
        row, column = divmod(n // group, columns)
        top, left = row * (height + BETWEEN), column * (wide + BETWEEN) + n % group * (width + GAP)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def coded(book: Codebook, overlay: bool) -> Bytes:
    """Every code in its place, pruned ones dark; `overlay` lays over them how often they are used."""
    tiles = book.tiles.astype(float)
    usage, alive = book.part("usage"), book.part("alive")
    if overlay and usage is not None:
        heats = heat(evenly(np.log1p(np.asarray(usage, float)), 0.0)).astype(float)  # (K, 3)
        tiles += (heats[:, None, None] - tiles) * COVERS
    if alive is not None:
        tiles[~np.asarray(alive, bool)] *= 1 - COVERS
    (count, height, width), columns = tiles.shape[:3], min(book.arranged[1], book.count)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), BEHIND, np.uint8)
    for n, tile in enumerate(tiles.round().astype(np.uint8)):
        top, left = n // columns * (height + GAP), n % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def parts_of(frame: Arrays, still: Arrays, overlay: bool = False) -> list[Bytes]:
    """What there is to see, each (height, width, 3): the pictures, and the codes of every stage."""
    pictures, group = groups(frame, still)
    parts = []
    if len(pictures):
        columns = max(1, round(math.sqrt(len(pictures) / group / group)))
        parts.append(grouped(pictures, group, columns))
    for stage in range(stages_of(frame)):
        if f"arranged.{stage}" in still:
            parts.append(coded(Codebook(frame, still, stage), overlay))
    return parts


def sheet_of(parts: list[Bytes], size: tuple[int, int]) -> Bytes:
    """Parts side by side in a picture of this size (width, height), each as large as fits in its share, by a whole
    factor where it can."""
    width, height = size
    sheet = np.full((height, width, 3), BEHIND, np.uint8)
    room = max(1, (width - APART * (len(parts) + 1)) // max(1, len(parts))), max(1, height - 2 * APART)
    for n, part in enumerate(parts):
        factor = min(room[0] // part.shape[1], room[1] // part.shape[0])
        shown = part.repeat(factor, 0).repeat(factor, 1) if factor else np.array(shrunk(part, room))
        left = APART + n * (room[0] + APART) + (room[0] - shown.shape[1]) // 2
        top = max(0, (height - shown.shape[0]) // 2)
        shown = shown[: height - top, : width - left]
        sheet[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return sheet
