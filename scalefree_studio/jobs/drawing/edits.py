"""What a person may do to a drawing that comes to be place after place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...snapshot import Array
from ..job import Edit


@dataclass(frozen=True)
class SetValue(Edit):
    """Another value for a place, whether it was drawn or not; all that comes after it in that picture is drawn anew."""

    picture: int
    y: int
    x: int
    values: tuple[int, ...]  # one a channel
    stage: int = 0


@dataclass(frozen=True)
class SetValues(Edit):
    """Likewise for many places of a picture, which all get the same values. Those of one stroke are undone together."""

    picture: int
    places: Array  # (H, W) bool
    values: tuple[int, ...]  # one a channel
    stage: int = 0
    stroke: int | None = None


@dataclass(frozen=True)
class SetWay(Edit):
    """Another way for some pictures to be drawn on in: a temperature, top k, top p, label or seed of their own, by the
    names of the controls. Pictures that are done, or have another label or seed, are drawn anew. Until all of it starts
    over."""

    pictures: tuple[int, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class GoTo(Edit):
    """Every picture as it was, or will be, when so many places of the order were done."""

    position: int


@dataclass(frozen=True)
class Watch(Edit):
    """Show what was thought possible in this picture."""

    picture: int


EVERY = -1  # for a stage: all of them, where it is said of the last one what is kept
FITTING = -2  # for a class: the one under which what is given is the least surprising


@dataclass(frozen=True)
class SetPrompt(Edit):
    """Values of which a part is given, and all else drawn; without any, everything is drawn. Starts over."""

    values: Array | None = None  # (H, W, C) integers, or …
    keep: Array | None = None  # (H, W) bool, a place each: where they stay; None: everywhere
    pixels: Array | None = None  # … a picture from outside, (h, w, 3) bytes of any size
    stage: int = (
        0  # whose places these are; EVERY: of pixels, what lies wholly in what is kept is given in each
    )
    # The class of what it shows, which is asked for unless another one is; -1: not known; or FITTING.
    label: int = -1
    name: str = ""  # of the file that the picture is, if it is one


@dataclass(frozen=True)
class SetTable(Edit):
    """A table: a column for each temperature, a row for each prompt, or so many rows that are drawn from nothing. The
    pictures of a row draw with the same random numbers. Starts over."""

    temperatures: tuple[float, ...]
    prompts: tuple[SetPrompt, ...] = ()
    rows: int = 1  # without prompts


@dataclass(frozen=True)
class ChangeTable(Edit):
    """Something else in a table; all that is not said stays as it is. Starts over."""

    temperatures: tuple[float, ...] = ()  # of its columns
    keep: Array | None = None  # (H, W) bool: what is given of the prompts of all rows
    replace: Mapping[int, SetPrompt] = field(default_factory=dict)  # prompts of some rows
    drop: tuple[int, ...] = ()  # some rows
    add: tuple[SetPrompt, ...] = ()  # rows at the end


class OfHeads(Edit):
    """About the heads of a network that has some. It changes no picture, and is not recorded."""


@dataclass(frozen=True)
class ShowLooked(OfHeads):
    """Say where the network looked when it drew a place of the watched picture, or no more."""

    on: bool = True
    place: tuple[int, int] | None = None  # row and column; None: the place drawn last
    stage: int = 0


@dataclass(frozen=True)
class SwitchHeads(OfHeads):
    """Draw a picture once more, beside it, without some heads; without none, no more."""

    off: tuple[tuple[int, int], ...] = ()  # layer and head, each counted from 0
    picture: int = 0
