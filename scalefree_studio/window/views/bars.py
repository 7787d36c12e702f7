"""Bars for many values in little room, and how chances are put in words. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Which value each bar stands for: all of them in their order; or the likeliest of very many, and the last bar for
    all others together."""

    levels: int  # how many values there are
    likeliest: tuple[int, ...] | None = None

    def bar(self, value: int) -> int:
        """Where a value is."""
        if self.likeliest is None:
            return value
        return self.likeliest.index(value) if value in self.likeliest else len(self.likeliest)

    def value(self, bar: int) -> int | None:
        """Which value that is; None: all others."""
        if self.likeliest is None:
            return bar
        return self.likeliest[bar] if bar < len(self.likeliest) else None

    def singles(self, chances: Floats) -> Floats:
        """Those of bars that stand for one value each."""
        return chances if self.likeliest is None else chances[: len(self.likeliest)]


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


def described(
    chances: Floats, scale: Scale, value: int | None, names: Sequence[str] = (), about: str = ""
) -> list[str]:
    """What was chosen, at what chance, and how open that was: in ever fewer words, for narrow places. `about`: of which
    of several charts this is said."""
    least = "" if scale.likeliest is None else "at least "  # the others may be anything
    bits, before = f"{least}{entropy(chances):.2f} bits", f"{about}: " if about else ""
    if value is None:
        bar = int(scale.singles(chances).argmax())
        words = f"{before}{bits} open; {_named(scale.value(bar), names)} likeliest"
        return [f"{words}, {percent(chances[bar])}", words, f"{before}{bits} open", bits]
    bar, of = scale.bar(value), "" if names else f" of {scale.levels}"
    known = scale.value(bar) is not None
    chance = percent(chances[bar]) if known else f"under {percent(chances[bar - 1])}"
    number = names[value] if names else f"{value}"
    return [
        f"{before}{_named(value, names)}{of}, {chance}; {bits} open",
        f"{before}{number}{of}, {chance}; {bits}",
        f"{before}{number}, {chance}; {bits}",
        f"{before}{number}, {chance}",
        f"{number}, {chance}",
        chance,
    ]


def read_off(
    chances: Floats, scale: Scale, bar: int, names: Sequence[str] = (), about: str = ""
) -> list[str]:
    """What the bar under the pointer says, in ever fewer words."""
    before, chance, value = f"{about}, " if about else "", percent(chances[bar]), scale.value(bar)
    if value is None:
        return [f"{before}{scale.levels - bar} others: {chance}", f"others: {chance}", chance]
    number = names[value] if names else f"{value}"
    return [f"{before}{_named(value, names)}: {chance}", f"{number}: {chance}", chance]


def _named(value: int | None, names: Sequence[str]) -> str:
    return names[value] if names and value is not None else f"level {value}"


def shares(
    chances: npt.NDArray[np.floating] | None, values: npt.NDArray[np.integer] | None = None
) -> Floats | None:
    """Chances (C, K), of which each channel's sum is 1; those of some values only, with one for all others behind them.
    None where nothing was thought."""
    if chances is None:
        return None
    weights = np.nan_to_num(np.atleast_2d(np.asarray(chances, np.float64)), posinf=0, neginf=0).clip(0)
    total = weights.sum(axis=1, keepdims=True)
    if not weights.size or not (total > 0).all():
        return None
    if values is not None:
        others = np.maximum(0, 1 - total)
        weights, total = np.hstack([weights, others]), total + others
    return np.asarray(weights / total)


def scales(chances: Floats | None, values: npt.NDArray[np.integer] | None, levels: int) -> list[Scale]:
    """Which values the bars of each channel stand for: all of them, or (C, K) some of so many."""
    if chances is None:
        return []
    if values is None:
        return [Scale(chances.shape[1])] * len(chances)
    return [Scale(levels, tuple(some)) for some in values.tolist()]
