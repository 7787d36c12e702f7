"""What a person may do to a drawing that comes to be place after place."""

from __future__ import annotations

from dataclasses import dataclass

from ...snapshot import Array
from ..job import Edit


@dataclass(frozen=True)
class SetValue(Edit):
    """Another value for a place, whether it was drawn or not; all that comes after it in that picture is drawn anew."""

    picture: int
    y: int
    x: int
    levels: tuple[int, ...]  # one a channel


@dataclass(frozen=True)
class GoTo(Edit):
    """Every picture as it was, or will be, when so many places of the order were done."""

    position: int


@dataclass(frozen=True)
class Watch(Edit):
    """Tell of this picture what was thought possible."""

    picture: int


@dataclass(frozen=True)
class SetPrompt(Edit):
    """A picture of which a part is given, and all else drawn; without one, everything is drawn. Starts over."""

    pixels: Array | None = None  # (h, w, 3) bytes of any size
    keep: Array | None = None  # (H, W) bool, a place each: where the picture stays; None: everywhere
