"""What a curve shows: a measured quantity over steps, in bounded memory. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MOST = 4096  # points; beyond, every other of the older half goes
FEW = 64  # for which there is room at first
RECENT = 0.25  # the last quarter of the steps


@dataclass(frozen=True)
class Quantity:
    """A metric with its name and unit, and perhaps another of the same kind beside it."""

    metric: str
    title: str
    unit: str = ""
    log: bool = False
    share: int = 2  # of the width
    beside: str = ""  # another metric …
    beside_title: str = ""
    help: str = ""  # what a person should know of it


class Series:
    """Steps that rise, and a value at each. Going back in steps forgets what lay beyond."""

    def __init__(self) -> None:
        self._steps = np.empty(FEW)
        self._values = np.empty(FEW)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, step: int, value: float) -> None:
        if not math.isfinite(value):
            return
        if self._count and step <= self._steps[self._count - 1]:
            self._count = int(np.searchsorted(self._steps[: self._count], step))
        if self._count == MOST:
            self._thin()
        elif self._count == len(self._steps):
            self._steps, self._values = (np.resize(old, 2 * len(old)) for old in (self._steps, self._values))
        self._steps[self._count], self._values[self._count] = step, value
        self._count += 1

    def until(self, step: float) -> Series:
        """A copy of what was measured up to a step."""
        copy = Series()
        copy._count = int(np.searchsorted(self._steps[: self._count], step, "right"))
        copy._steps, copy._values = self._steps.copy(), self._values.copy()
        return copy

    def _thin(self) -> None:
        half = MOST // 2
        kept = np.r_[0:half:2, half:MOST]
        self._steps[: len(kept)] = self._steps[kept]
        self._values[: len(kept)] = self._values[kept]
        self._count = len(kept)

    @property
    def last(self) -> float:
        return float(self._values[self._count - 1]) if self._count else math.nan

    def seen(self, recent: bool = False) -> tuple[Floats, Floats]:
        """(steps, values), all or those of the recent steps."""
        steps, values = self._steps[: self._count], self._values[: self._count]
        if recent and self._count > 8:
            start = min(int(np.searchsorted(steps, steps[-1] * (1 - RECENT))), self._count - 8)
            return steps[start:], values[start:]
        return steps, values

    def at(self, step: float) -> tuple[float, float] | None:
        """The measured point nearest to a step."""
        if not self._count:
            return None
        n = int(np.abs(self._steps[: self._count] - step).argmin())
        return float(self._steps[n]), float(self._values[n])


def thinned(steps: Floats, values: Floats, columns: int) -> tuple[Floats, Floats]:
    """At most two points a pixel column, the least and the greatest: nothing that could be seen is lost."""
    if len(steps) <= 2 * columns or columns < 2:
        return steps, values
    column = ((steps - steps[0]) / max(steps[-1] - steps[0], 1e-9) * (columns - 1)).astype(int)
    starts = np.flatnonzero(np.r_[True, np.diff(column) > 0])
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    at = steps[starts]
    return np.repeat(at, 2), np.stack([low, high], 1).ravel()


def ticks(low: float, high: float, most: int = 3) -> list[float]:
    """A few round numbers between low and high."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    rough = (high - low) / max(1, most)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, most: int = 3) -> list[float]:
    """The logarithms of a few round numbers: 1, 2 and 5 of each decade, or the decades alone."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        marks = [d + math.log10(digit) for d in decades for digit in digits]
        inside = [mark for mark in marks if low < mark < high]
        if len(inside) >= 2:
            return inside[:: -(-len(inside) // most)]
    return inside
