"""Bars for many values in little room. No Qt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Bars:
    """Where the bars of so many levels lie in a width. Where there are more levels than pixels, a bar is a pixel wide
    and stands for some neighbours, of which it shows the highest."""

    def __init__(self, levels: int, width: float, widest: float):
        self._width = max(1.0, width)
        self._count = max(1, min(levels, int(self._width)))
        self.levels = levels
        self.starts = np.arange(self._count) * levels // self._count  # each bar's first level
        edges = np.round(np.arange(self._count + 1) * (self._width / self._count))
        pitch = self._width / self._count
        gap = 0 if pitch < 3 else 1 if pitch < 12 else 2
        self.apart = gap > 0  # else they make a curve
        wide = np.minimum(np.diff(edges) - gap, widest)
        left = edges[:-1] + np.floor((np.diff(edges) - wide) / 2)
        self.spans = np.stack([left, left + wide], axis=-1)  # left and right of each

    def column(self, level: int) -> int:
        """Which bar a level is in."""
        return int(np.searchsorted(self.starts, level, side="right")) - 1

    def span(self, level: int) -> tuple[float, float]:
        left, right = self.spans[self.column(level)].tolist()
        return left, right

    def highest(self, values: Floats) -> Floats:
        """What each bar shows."""
        return np.asarray(np.maximum.reduceat(values, self.starts))

    def level_at(self, x: float, values: Floats) -> int:
        """The level that the bar at x shows."""
        column = min(self._count - 1, max(0, int(x / self._width * self._count)))
        start = int(self.starts[column])
        end = int(self.starts[column + 1]) if column + 1 < self._count else self.levels
        return start + int(values[start:end].argmax())
