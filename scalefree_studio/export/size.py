"""How large a picture or a movie is to be: both sides, or the longer one in the shape of what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

LONGER_SIDE = 1080  # pixels, where nobody asks for a size
Size = tuple[int, int] | int  # (width, height); or the longer side, in the scene's own shape


def size_of(value: Any) -> Size:
    """A size from what was typed, 1920x1080 or 1080, or from Python; a ValueError where that is none."""
    if isinstance(value, str):
        found = re.fullmatch(r"(\d{1,9})(?:[x×](\d{1,9}))?", value.strip().lower())
        if not found:
            raise ValueError(value)
        return (int(found[1]), int(found[2])) if found[2] else int(found[1])
    if isinstance(value, tuple | list):
        width, height = value
        return int(width), int(height)
    return int(value)


def shape_of(size: Size) -> tuple[int, int]:
    """(height, width) of pictures that are all of that size; one number is a square."""
    width, height = size if isinstance(size, tuple) else (size, size)
    return height, width


def sized(size: Size | None, of_side: Callable[[int], tuple[int, int]]) -> tuple[int, int]:
    """(width, height) as asked for; `of_side` says it by the longer side."""
    return size if isinstance(size, tuple) else of_side(LONGER_SIDE if size is None else size)


def size_for(shape: tuple[int, ...], longer_side: int) -> tuple[int, int]:
    """(width, height) with the shape of a picture (height, width)."""
    height, width = (max(1, round(side * longer_side / max(shape[:2]))) for side in shape[:2])
    return width, height
