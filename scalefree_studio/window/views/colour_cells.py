"""Where the colours of a place's values lie that are shown side by side: on a wheel, or in a grid of swatches. No Qt.

Both are made of cells. A cell of the wheel holds all colours of about one hue and one value, whatever their saturation;
greys, which have no hue, have a sector of their own at the top. A swatch holds one colour.

L values, M cells. Lengths are shares of the whole: x and y go from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ...data.colours import hsv_of, oklab_of, rgb_of
from ...snapshot import Bytes
from .colour_words import is_grey

MOST_HUES, MOST_RINGS = 36, 17  # of a wheel: finer ones are put together
FEWEST_RINGS = 4
FEWEST_HUES = 3  # of full strength, without which a wheel would be empty
HOLE, RIM = (
    0.13,
    0.93,
)  # of the radius: where the rings begin and end; beyond them, a rim says which hue is where
ALIKE = 0.0025  # hues and values that are nearer are the same
GREYS = 0.05  # of the turn, at least: the sector of greys
NONE = -1

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells in columns and rows, as the keys go through them."""

    of_value: Ints  # (L,): in which cell each value is
    columns: Ints  # (M,)
    rows: Ints  # (M,)
    centres: Floats  # (M, 2): x, y
    bright: Floats  # (M, 3): what colour a cell has, bytes, where nothing is known of it
    around: int  # after so many columns they begin again; 0: they end

    def at(self, x: Floats, y: Floats) -> Ints:
        """The cells at points (…); NONE where there is none."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Wheel(Cells):
    edges: Floats  # (S + 1,): where sectors of hues begin and end, in turns clockwise from the top
    rings: int

    def at(self, x: Floats, y: Floats) -> Ints:
        sector, ring = self._polar(x, y)
        inside = (ring >= 0) & (ring < self.rings)
        return np.where(inside, sector * self.rings + ring, NONE)

    def span(self, cell: int) -> tuple[float, float, float, float]:
        """Where a cell begins and ends: in turns clockwise from the top, and in shares of the radius."""
        sector, ring = divmod(cell, self.rings)
        greys = self.edges[0]
        start, stop = (-greys, greys) if sector == len(self.edges) - 1 else self.edges[sector : sector + 2]
        width = (RIM - HOLE) / self.rings
        return float(start), float(stop), HOLE + width * ring, HOLE + width * (ring + 1)

    def sectors_at(self, x: Floats, y: Floats) -> Ints:
        """The sectors at points of the rim; NONE elsewhere."""
        sector, _ = self._polar(x, y)
        radius = np.hypot(x - 0.5, y - 0.5) * 2
        return np.where((radius > (1 + RIM) / 2) & (radius <= 1), sector, NONE)

    def _polar(self, x: Floats, y: Floats) -> tuple[Ints, Ints]:
        turn = np.arctan2(x - 0.5, 0.5 - y) / (2 * np.pi) % 1  # clockwise from the top
        found = np.searchsorted(self.edges, turn, side="right") - 1
        sectors = len(self.edges) - 1
        sector = np.where((found < 0) | (found >= sectors), sectors, found)  # the last one is that of greys
        radius = np.hypot(x - 0.5, y - 0.5) * 2
        ring = np.floor((radius - HOLE) / (RIM - HOLE) * self.rings).astype(np.int64)
        return sector, ring


@dataclass(frozen=True, eq=False)
class Swatches(Cells):
    size: tuple[int, int]  # columns and rows

    def at(self, x: Floats, y: Floats) -> Ints:
        columns, rows = self.size
        column, row = np.floor(x * columns).astype(np.int64), np.floor(y * rows).astype(np.int64)
        cell = row * columns + column
        inside = (column >= 0) & (column < columns) & (row >= 0) & (cell < len(self.rows))
        return np.where(inside, cell, NONE)


def cells_of(colours: Bytes) -> Cells | None:
    """How colours (L, 3) are best laid out: on a wheel if they are of all hues, else as swatches; None: they are grey,
    or too few."""
    return _cells(np.ascontiguousarray(colours, np.uint8).tobytes())


@lru_cache(maxsize=8)
def _cells(data: bytes) -> Cells | None:
    colours = np.frombuffer(data, np.uint8).reshape(-1, 3)
    if len(colours) < 2 or is_grey(colours).all():
        return None
    hues = _full_hues(colours)
    return _swatches(colours) if len(hues) < FEWEST_HUES else _wheel(colours, hues)


def _full_hues(colours: Bytes) -> Floats:
    """The hues of colours of full strength, in turns."""
    hue, saturation, value = hsv_of(colours).T
    hues = _groups(hue[(saturation > 0.98) & (value > 0.98)])
    return hues[:-1] if len(hues) > 1 and hues[0] + 1 - hues[-1] < ALIKE else hues  # both ends are red


def _groups(numbers: Floats) -> Floats:
    """The different ones among numbers that are not quite equal: the mean of each group, rising. Colours in bytes are
    only near to what they stand for."""
    every = np.unique(numbers)
    ends = np.flatnonzero(np.diff(every) > ALIKE) + 1
    return np.array([part.mean() for part in np.split(every, ends) if len(part)])


def _wheel(colours: Bytes, hues: Floats) -> Wheel:
    hue, _, value = hsv_of(colours).T
    if len(hues) > MOST_HUES:
        hues = np.arange(MOST_HUES) / MOST_HUES
    grey = is_grey(colours)
    greys = np.ptp(colours.astype(int), axis=1) == 0
    shades = _groups(value[greys])  # as many as values have levels, …
    if len(shades) < FEWEST_RINGS:  # … unless other channels are packed
        shades = _groups(value)
    levels = np.linspace(0, 1, min(len(shades), MOST_RINGS))
    S, R = len(hues), len(levels)
    sector = np.where(grey, S, _nearest_turn(hue, hues))
    ring = abs(value[:, None] - levels).argmin(1)
    # Each hue's sector ends half way to the next one. The first begins beside the greys at the top.
    after = np.append(hues[1:], hues[0] + 1)
    ends = (hues + after) / 2
    turns = np.concatenate([[ends[-1] - 1], ends])
    greys = max(GREYS, 1 / (S + 1))
    edges = greys / 2 + (turns - turns[0]) * (1 - greys)
    middles = np.append((edges[:-1] + edges[1:]) / 2, 0.0) * 2 * np.pi
    columns, rows = np.repeat(np.arange(S + 1), R), np.tile(np.arange(R), S + 1)
    radius = (HOLE + (RIM - HOLE) * (rows + 0.5) / R) / 2
    angle = middles[columns]
    centres = 0.5 + np.stack([np.sin(angle), -np.cos(angle)], 1) * radius[:, None]
    full = np.stack([hues, np.ones(S), np.ones(S)], 1)
    bright = np.concatenate([rgb_of(full), np.ones((1, 3))])[columns] * 255
    return Wheel(sector * R + ring, columns, rows, centres, bright, S + 1, edges, R)


def _nearest_turn(hue: Floats, hues: Floats) -> Ints:
    """Which of some hues each one is nearest to, around: (L,)."""
    apart = abs(hue[:, None] - hues)
    return np.asarray(np.minimum(apart, 1 - apart).argmin(1))


def _swatches(colours: Bytes) -> Swatches:
    """Rows from dark to light, each by hue."""
    L, lab = len(colours), oklab_of(colours)
    columns = int(np.ceil(np.sqrt(L)))
    row = np.empty(L, np.int64)
    row[np.argsort(lab[:, 0], kind="stable")] = np.arange(L) // columns
    order = np.lexsort((np.arctan2(lab[:, 2], lab[:, 1]), row))  # the values, as their swatches come
    of_value = np.empty(L, np.int64)
    of_value[order] = np.arange(L)
    down, across = np.divmod(np.arange(L), columns)
    size = columns, int(down[-1]) + 1
    centres = (np.stack([across, down], 1) + 0.5) / np.array(size)
    return Swatches(of_value, across, down, centres, colours[order].astype(float), 0, size)


# What is likely in them.


@dataclass(frozen=True, eq=False)
class Likely:
    """The chances of a place's values, by the cells in which they are."""

    shares: Floats  # (M,): of all values that are known there
    best: Ints  # (M,): which one of what was said is likeliest there; NONE where nothing is known

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self.best >= 0


def likely(cells: Cells, chances: Floats, values: Ints) -> Likely:
    """Of chances (K,) of these values (K,)."""
    at, M = cells.of_value[values], len(cells.rows)
    shares = np.bincount(at, chances, M)
    best = np.full(M, NONE)
    rising = np.argsort(chances, kind="stable")
    rising = rising[chances[rising] > 0]
    best[at[rising]] = rising  # the last to come stays
    return Likely(np.asarray(shares, np.float64), best)


def brightness(shares: Floats, decades: float = 3.0) -> Floats:
    """How bright a share is: 1 as the highest, 0 from a thousandth of it down, even steps for tenths between."""
    with np.errstate(divide="ignore"):
        logs = np.log10(shares / max(float(shares.max(initial=0)), 1e-300))
    return np.asarray(np.clip(1 + logs / decades, 0, 1))


def next_cell(cells: Cells, known: npt.NDArray[np.bool_], cell: int, across: int, down: int) -> int:
    """The nearest cell of which something is known, in that direction; the same where there is none."""
    dx, dy = cells.columns - cells.columns[cell], cells.rows - cells.rows[cell]
    if cells.around:
        dx = (dx + cells.around // 2) % cells.around - cells.around // 2
    ahead, aside = (dx * across, dy) if across else (dy * down, dx)
    costs = np.where(known & (ahead > 0), ahead + 3.0 * abs(aside), np.inf)
    return int(costs.argmin()) if np.isfinite(costs).any() else cell
