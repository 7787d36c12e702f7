"""How large a scene is to be: both sides, or the longer one in the shape of what is shown."""

from __future__ import annotations

from collections.abc import Callable

from ..sizes import Size

LONGER_SIDE = 1080  # pixels, where nobody asks for a size
SceneSize = Size | int  # an int is the longer side


def sized(size: SceneSize | None, of_side: Callable[[int], Size]) -> Size:
    """(width, height) as asked for; `of_side` says it by the longer side."""
    return size if isinstance(size, tuple) else of_side(LONGER_SIDE if size is None else size)


def size_for(shape: tuple[int, ...], longer_side: int) -> Size:
    """(width, height) with the shape of a picture (height, width)."""
    height, width = (max(1, round(side * longer_side / max(shape[:2]))) for side in shape[:2])
    return width, height
