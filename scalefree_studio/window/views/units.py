"""What a person reads of one line or circle: its parameters in words, degrees and picture coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...snapshot import Array

Values = dict[str, Array | float]


@dataclass(frozen=True)
class Number:
    """One number of a unit: its label, its value, its unit, and how a new value becomes parameters."""

    label: str
    value: float
    unit: str
    edit: Callable[[float], Values]


@dataclass(frozen=True)
class Unit:
    id: int
    kind: str  # "line", "circle", "smooth"
    number: int  # among its kind, from 1
    numbers: tuple[Number, ...]

    @property
    def title(self) -> str:
        return f"{self.kind.capitalize()} {self.number}"


def counts(frame: Mapping[str, Array]) -> tuple[int, int, int]:
    """How many lines, circles and smooth units a frame holds."""

    def many(name: str) -> int:
        return len(frame[name]) if name in frame else 0

    return many("line_angle"), many("circle_centre"), many("relu_weight") + many("tanh_weight")


def in_words(frame: Mapping[str, Array]) -> str:
    """64 lines, 3 circles."""
    names = ("line", "circle", "smooth unit")
    parts = [f"{n:,} {name}{'s' * (n != 1)}" for n, name in zip(counts(frame), names, strict=True) if n]
    return ", ".join(parts) or "no units"


def unit_of(frame: Mapping[str, Array], id: int) -> Unit | None:
    """The unit with that id, or None if the frame has it no more."""
    found = np.flatnonzero(frame["unit_ids"] == id)
    if not len(found):
        return None
    index = int(found[0])
    lines, circles, _ = counts(frame)
    if index < lines:
        return Unit(id, "line", index + 1, _line(frame, index))
    if index < lines + circles:
        return Unit(id, "circle", index - lines + 1, _circle(frame, index - lines))
    return Unit(id, "smooth", index - lines - circles + 1, ())


def _line(frame: Mapping[str, Array], n: int) -> tuple[Number, ...]:
    degrees = math.degrees(float(frame["line_angle"][n])) % 360
    angle = Number("Angle", degrees, "°", lambda v: {"line_angle": math.radians(v)})
    if "line_offset" in frame:
        return angle, Number("Distance", float(frame["line_offset"][n]), "", lambda v: {"line_offset": v})
    return (*_centre(frame["line_centre"][n], "line_centre"), angle)


def _circle(frame: Mapping[str, Array], n: int) -> tuple[Number, ...]:
    radius = math.exp(float(frame["circle_log_radius"][n]))
    return (
        *_centre(frame["circle_centre"][n], "circle_centre"),
        Number("Radius", radius, "", lambda v: {"circle_log_radius": math.log(max(abs(v), 1e-6))}),
    )


def _centre(centre: Array, name: str) -> tuple[Number, Number]:
    x, y = float(centre[0]), float(centre[1])
    return (
        Number("Centre, across", x, "", lambda v: {name: np.array([v, y], np.float32)}),
        Number("Centre, down", y, "", lambda v: {name: np.array([x, v], np.float32)}),
    )
