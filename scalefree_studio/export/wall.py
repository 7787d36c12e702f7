"""Many small pictures as one: a wall."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from .picture import replacing

Bytes = npt.NDArray[np.uint8]

WIDE = 640  # pixels: a wall is enlarged to about this, by whole factors, so that its pixels stay pixels
GAP = 1  # pixels of the small pictures
PAPER = 40


def wall_of(pictures: Bytes, columns: int | None = None) -> Bytes:
    """Pictures (N, H, W, C) side by side: (height, width, 3), as square as may be."""
    count, height, width = pictures.shape[:3]
    columns = columns or math.ceil(math.sqrt(count * height / width))
    rows = -(-count // columns)
    wall = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), PAPER, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        wall[top : top + height, left : left + width] = picture
    return wall


def write_wall(pictures: Bytes, path: Path, columns: int | None = None) -> None:
    """Write a wall as a PNG, whole or not at all."""
    wall = wall_of(pictures, columns)
    larger = max(1, round(WIDE / wall.shape[1]))
    image = Image.fromarray(wall.repeat(larger, axis=0).repeat(larger, axis=1))
    with replacing(path) as file:
        image.save(file, format="PNG", optimize=True)
