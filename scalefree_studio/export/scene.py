"""What a movie needs of each kind of run: a scene that draws its recorded frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..snapshot import Snapshot
from .dividers.picture import Bytes

LONGER_SIDE = 1080  # pixels, where nobody asks for a size
Size = (
    tuple[int, int] | int | None
)  # (width, height); or the longer side, in the scene's own shape; or as it likes


class Scene(Protocol):
    """Made of (checkpoint, last recorded frame, size), and of how it shall look: keywords of its own."""

    size: tuple[int, int]  # (width, height)

    def draw(self, time: float, snapshot: Snapshot) -> Bytes:
        """The picture (height, width, 3) of a frame, at a time in [0, 1] of the movie."""

    def between(self, a: Snapshot, b: Snapshot, part: float) -> Snapshot:
        """A moment between two frames, for slow motion."""


def sized(size: Size, of_side: Callable[[int], tuple[int, int]]) -> tuple[int, int]:
    """(width, height) as asked for; `of_side` tells it by the longer side."""
    return size if isinstance(size, tuple) else of_side(LONGER_SIDE if size is None else size)


def size_for(shape: tuple[int, ...], longer_side: int) -> tuple[int, int]:
    """(width, height) with the shape of a picture (height, width)."""
    height, width = (max(1, round(side * longer_side / max(shape[:2]))) for side in shape[:2])
    return width, height
