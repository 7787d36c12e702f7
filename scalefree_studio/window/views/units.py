"""What a person reads of one line, circle or cell: its parameters in words, degrees and picture coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ...models.dividers.network import DividerShape
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
    kind: str  # "line", "circle", "smooth", "cell"
    number: int  # among its kind, from 1
    numbers: tuple[Number, ...]

    @property
    def title(self) -> str:
        return f"{self.kind.capitalize()} {self.number}"


def counts(frame: Mapping[str, Array]) -> dict[str, int]:
    """How many units of each kind a frame holds, in the order of its units."""

    def many(name: str) -> int:
        return len(frame[name]) if name in frame else 0

    smooth = many("relu_weight") + many("tanh_weight")
    return {
        "line": many("line_angle"), "circle": many("circle_centre"), "smooth unit": smooth, "cell": many("cell_angle"),
    }  # fmt: skip


def in_words(frame: Mapping[str, Array]) -> str:
    """64 lines, 3 circles."""
    return _said(counts(frame))


def asked_for(shape: DividerShape) -> str:
    """The units that a network of this shape has, likewise."""
    smooth = shape.relu + shape.tanh
    return _said({"line": shape.lines, "circle": shape.circles, "smooth unit": smooth, "cell": shape.cells})


def _said(many: Mapping[str, int]) -> str:
    parts = [f"{n:,} {name}{'s' * (n != 1)}" for name, n in many.items() if n]
    return ", ".join(parts) or "no units"


def unit_of(frame: Mapping[str, Array], id: int) -> Unit | None:
    """The unit with that id, or None if the frame has it no more."""
    found = np.flatnonzero(frame["unit_ids"] == id)
    if not len(found):
        return None
    index = int(found[0])
    numbers = {"line": _line, "circle": _circle, "cell": _cell}
    for kind, count in counts(frame).items():
        if index < count:
            return Unit(
                id, kind.split()[0], index + 1, numbers[kind](frame, index) if kind in numbers else ()
            )
        index -= count
    return None


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


def _cell(frame: Mapping[str, Array], n: int) -> tuple[Number, ...]:
    along, across = (math.exp(float(r)) for r in frame["cell_log_radius"][n])
    degrees = math.degrees(float(frame["cell_angle"][n])) % 180

    def radii(along: float, across: float) -> Values:
        return {"cell_log_radius": np.log(np.maximum(np.abs([along, across]), 1e-6)).astype(np.float32)}

    return (
        *_centre(frame["cell_centre"][n], "cell_centre"),
        Number("Radius, along", along, "", lambda v: radii(v, across)),
        Number("Radius, across", across, "", lambda v: radii(along, v)),
        Number("Angle", degrees, "°", lambda v: {"cell_angle": math.radians(v)}),
    )


def _centre(centre: Array, name: str) -> tuple[Number, Number]:
    x, y = float(centre[0]), float(centre[1])
    return (
        Number("Centre, across", x, "", lambda v: {name: np.array([v, y], np.float32)}),
        Number("Centre, down", y, "", lambda v: {name: np.array([x, v], np.float32)}),
    )
