"""Sizes as people write them: width and height, 48x32, or one number. Whatever asks for a size reads it here.

One number is the side of a square, everywhere.
"""

from __future__ import annotations

import re
from typing import Any

from .errors import UserError

Size = tuple[int, int]  # (width, height)


def size_of(value: Any) -> Size:
    """A size from what was typed, 1920x1080 or 1080, or from Python; a ValueError where that is none."""
    if isinstance(value, str):
        found = re.fullmatch(r"(\d{1,9})(?:[x×](\d{1,9}))?", value.strip().lower())
        if not found:
            raise ValueError(value)
        return int(found[1]), int(found[2] or found[1])
    if isinstance(value, tuple | list):
        width, height = value
        return int(width), int(height)
    return int(value), int(value)


MOST_PLACES = 1 << 20  # in a picture that is drawn place after place


def shape_of(size: Any) -> tuple[int, int]:
    """(height, width) of pictures that are all of that size, or a UserError; one number is a square."""
    try:
        width, height = size_of(size)
    except (TypeError, ValueError, OverflowError):
        raise UserError(
            f"A size is width x height, as 48x32, or one number for a square, not {size!r}."
        ) from None
    return height, width


def places_of(size: Any) -> tuple[int, int]:
    """The same of pictures that are drawn place after place, within reason."""
    height, width = shape_of(size)
    if min(height, width) < 1 or height * width > MOST_PLACES:
        raise UserError(f"A drawing has 1 to {MOST_PLACES} places in all, not {width}x{height}.")
    return height, width
