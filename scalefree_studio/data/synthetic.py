"""Pictures of known truth: random arrangements of lines and circles, each region in a colour of its own.

An arrangement is honest: what is in it can be seen. Every unit crosses the picture, no two nearly coincide, and regions
that touch differ visibly. A pixel has the colour of the region of its centre, so an exact model can reproduce it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import UserError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KINDS = ("lines", "circles", "mixed")
SIZE = 128
LEAST_SIDE = 0.05  # of the pixels on either side of every unit, and between any two units
LEAST_CONTRAST = 0.25  # root mean square over the channels, between regions that touch


@dataclass(frozen=True)
class Line:
    """x cos(angle) + y sin(angle) = offset."""

    angle: float
    offset: float

    def side(self, x: Floats, y: Floats) -> Bools:
        return np.asarray(x * np.cos(self.angle) + y * np.sin(self.angle) > self.offset)


@dataclass(frozen=True)
class Circle:
    x: float
    y: float
    radius: float

    def side(self, x: Floats, y: Floats) -> Bools:
        return np.hypot(x - self.x, y - self.y) > self.radius

    def mostly_visible(self) -> bool:
        """At least half of it lies in the picture."""
        turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        x, y = self.x + self.radius * np.cos(turn), self.y + self.radius * np.sin(turn)
        return bool((np.maximum(abs(x), abs(y)) < 1).mean() >= 0.5)


def random_arrangement(
    kind: str, count: int, seed: int = 0, size: int = SIZE
) -> tuple[npt.NDArray[np.uint8], list[Line | Circle]]:
    """(picture (size, size, 3), its true units)."""
    if kind not in KINDS or not 1 <= count <= 15:
        raise UserError(
            f"A synthetic picture is one of {', '.join(KINDS)}, with 1 to 15 units, not {kind}-{count}."
        )
    rng = np.random.default_rng([seed, count, KINDS.index(kind)])
    centres = (np.arange(size) + 0.5) * 2 / size - 1
    x, y = np.meshgrid(centres, centres)
    units, sides = _distinct_units(kind, count, rng, x, y)
    code = sum(side.astype(np.int64) << i for i, side in enumerate(sides))
    cells = np.unique(code, return_inverse=True)[1].reshape(size, size)
    colours = _distinct_colours(cells, rng)
    return np.round(colours[cells] * 255).astype(np.uint8), units


def _distinct_units(
    kind: str, count: int, rng: np.random.Generator, x: Floats, y: Floats
) -> tuple[list[Line | Circle], list[Bools]]:
    units: list[Line | Circle] = []
    sides: list[Bools] = []
    while len(units) < count:
        unit: Line | Circle
        if kind == "lines" or (kind == "mixed" and len(units) % 2 == 0):
            unit = Line(rng.uniform(0, np.pi), rng.uniform(-0.9, 0.9))
        else:
            cx, cy = rng.uniform(-0.85, 0.85, 2)
            unit = Circle(cx, cy, np.exp(rng.uniform(np.log(0.2), np.log(0.75))))
            if not unit.mostly_visible():
                continue
        side = unit.side(x, y)
        apart = [(side ^ other).mean() for other in [np.zeros_like(side), *sides]]
        if all(LEAST_SIDE <= share <= 1 - LEAST_SIDE for share in apart):
            units.append(unit)
            sides.append(side)
    return units, sides


def _distinct_colours(cells: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """A random colour for every cell, (cells, 3), redrawn until it differs from those it touches."""
    touching: list[set[int]] = [set() for _ in range(cells.max() + 1)]
    for a, b in [(cells[:, 1:], cells[:, :-1]), (cells[1:], cells[:-1])]:
        for i, j in np.unique(np.stack([a.ravel(), b.ravel()], 1), axis=0).tolist():
            if i != j:
                touching[i].add(j)
                touching[j].add(i)
    colours = np.zeros((len(touching), 3))
    for cell, neighbours in enumerate(touching):
        coloured = colours[[n for n in neighbours if n < cell]]
        tries = rng.uniform(0, 1, (100, 3))
        contrast = np.sqrt(((tries[:, None] - coloured) ** 2).mean(-1)).min(axis=1, initial=9.0)
        good = contrast >= LEAST_CONTRAST
        colours[cell] = tries[good.argmax() if good.any() else contrast.argmax()]
    return colours
