"""Bars for many values in little room, and how chances are put in words. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Bars:
    """Where the bars of so many levels lie in a width. Where there are more levels than pixels, a bar is a pixel wide
    and stands for some neighbours, of whom it shows the highest."""

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


def entropy(chances: Floats) -> float:
    """How open a choice is: bits."""
    possible = chances[chances > 0]
    return max(0.0, float(-(possible * np.log2(possible)).sum()))


def percent(chance: float) -> str:
    """A chance in words that never claim more than is so: nothing is 0 % or 100 % that is not."""
    hundredths = 100 * chance
    if hundredths in (0, 100):
        return f"{hundredths:.0f} %"
    if hundredths < 0.01:
        return "< 0.01 %"
    if hundredths > 99.9:
        return "> 99.9 %"
    return f"{hundredths:.2f} %" if hundredths < 1 else f"{hundredths:.1f} %"


def told(chances: Floats, level: int | None, names: Sequence[str] = (), about: str = "") -> list[str]:
    """What was chosen, at what chance, and how open that was: in ever fewer words, for narrow places. `about`: of which
    of several charts this is said."""
    bits, before = f"{entropy(chances):.2f} bits", f"{about}: " if about else ""
    if level is None:
        likeliest = int(chances.argmax())
        said = f"{before}{bits} open; {_named(likeliest, names)} likeliest"
        return [f"{said}, {percent(chances[likeliest])}", said, f"{before}{bits} open", bits]
    chance, of = percent(chances[level]), "" if names else f" of {len(chances)}"
    number = names[level] if names else f"{level}"
    return [
        f"{before}{_named(level, names)}{of}, {chance}; {bits} open",
        f"{before}{number}{of}, {chance}; {bits}",
        f"{before}{number}, {chance}; {bits}",
        f"{before}{number}, {chance}",
        f"{number}, {chance}",
        chance,
    ]


def read_off(chances: Floats, level: int, names: Sequence[str] = (), about: str = "") -> list[str]:
    """What the bar under the pointer says, in ever fewer words."""
    before, chance = f"{about}, " if about else "", percent(chances[level])
    number = names[level] if names else f"{level}"
    return [f"{before}{_named(level, names)}: {chance}", f"{number}: {chance}", chance]


def _named(level: int, names: Sequence[str]) -> str:
    return names[level] if names else f"level {level}"
