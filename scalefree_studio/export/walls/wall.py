"""Many small pictures as one: a wall."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
from PIL import Image

from ...snapshot import Bytes
from ..ahead import Progress
from ..picture import thick, write_bands

WIDE = 640  # pixels: a wall is enlarged to about this, by whole factors, so that its pixels stay pixels
GAP = 1  # pixels of the small pictures
BEHIND = (20, 23, 28)  # darker than the paper on which pictures are drawn


def columns_for(count: int, height: int, width: int) -> int:
    """So many pictures (height, width) beside each other make a wall that is as square as may be."""
    return math.ceil(math.sqrt(count * height / width))


def wall_size(count: int, height: int, width: int, columns: int | None = None) -> tuple[int, int]:
    """(width, height) of a wall."""
    columns = columns or columns_for(count, height, width)
    rows = -(-count // columns)
    return columns * (width + GAP) - GAP, rows * (height + GAP) - GAP


def wall_of(pictures: Bytes, columns: int | None = None) -> Bytes:
    """Pictures (N, H, W, C) side by side: (height, width, 3)."""
    count, height, width = pictures.shape[:3]
    columns = columns or columns_for(count, height, width)
    across, down = wall_size(count, height, width, columns)
    wall = np.full((down, across, 3), BEHIND, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        wall[top : top + height, left : left + width] = picture
    return wall


def larger_by(wall: tuple[int, int], room: tuple[int, int]) -> int:
    """The largest whole factor by which a wall (width, height) fits into the room, or 0."""
    return min(room[0] // wall[0], room[1] // wall[1])


@functools.lru_cache(maxsize=64)
def best_columns(count: int, height: int, width: int, room: tuple[int, int]) -> int:
    """With so many columns pictures become largest in a room; of equals, the one nearest to a square."""
    square = columns_for(count, height, width)

    def merit(columns: int) -> tuple[float, int]:
        wall = wall_size(count, height, width, columns)
        factor = min(room[0] / wall[0], room[1] / wall[1])
        return math.floor(factor) or factor, -abs(columns - square)

    return max(range(1, count + 1), key=merit)


def fitted_wall(pictures: Bytes, room: tuple[int, int]) -> Bytes:
    """A wall in the middle of a picture of that size (width, height): larger by a whole factor, so that its pixels stay
    pixels; smaller, and so softer, only where there is no room for a pixel each."""
    wall = wall_of(pictures, best_columns(*pictures.shape[:3], room))
    factor = larger_by((wall.shape[1], wall.shape[0]), room)
    if factor:
        wall = wall.repeat(factor, axis=0).repeat(factor, axis=1)
    else:
        wall = np.array(shrunk(wall, room))
    picture = np.full((room[1], room[0], 3), BEHIND, np.uint8)
    top, left = (room[1] - wall.shape[0]) // 2, (room[0] - wall.shape[1]) // 2
    picture[top : top + wall.shape[0], left : left + wall.shape[1]] = wall
    return picture


def shrunk(wall: Bytes, room: tuple[int, int]) -> Image.Image:
    """A picture made so small that it fits into a room (width, height)."""
    height, width = wall.shape[:2]
    by = min(room[0] / width, room[1] / height)
    size = max(1, int(width * by)), max(1, int(height * by))
    return Image.fromarray(wall).resize(size, Image.Resampling.BOX)


def usual_scale(pictures: Bytes, columns: int | None = None) -> int:
    """How many pixels wide each pixel of a wall is that is looked at by itself."""
    count, height, width = pictures.shape[:3]
    return max(1, round(WIDE / wall_size(count, height, width, columns)[0]))


def large_wall(pictures: Bytes, columns: int | None = None) -> Bytes:
    """A wall to be looked at by itself."""
    larger = usual_scale(pictures, columns)
    return wall_of(pictures, columns).repeat(larger, axis=0).repeat(larger, axis=1)


def wall_size_at(pictures: Bytes, scale: int | None, columns: int | None = None) -> tuple[int, int]:
    """(width, height) of a wall whose pixels are so large."""
    scale, (count, height, width) = scale or usual_scale(pictures, columns), pictures.shape[:3]
    across, down = wall_size(count, height, width, columns)
    return across * scale, down * scale


def write_wall(
    pictures: Bytes,
    path: Path,
    columns: int | None = None,
    scale: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a wall in the format that its suffix names, each pixel as `scale` × `scale`; whole or not at all."""
    scale, wall = scale or usual_scale(pictures, columns), wall_of(pictures, columns)
    rows = (thick(row.repeat(scale, axis=0), scale) for row in wall)
    write_bands(path, (wall.shape[1] * scale, wall.shape[0] * scale), rows, progress)
