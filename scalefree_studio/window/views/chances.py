"""The chances that the values of one place had, and how they are put in words. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
CHANNELS = ("Red", "Green", "Blue")


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


@dataclass(frozen=True)
class Channel:
    """What was thought of one channel of a place."""

    chances: Floats  # (K,): of all values, or of some and all others
    scale: Scale
    chosen: int | None  # the value that it got
    names: tuple[str, ...] = ()  # of the values
    about: str = ""  # which channel of several this is
    what: str = "level"  # what a value is: a level, a colour or a code

    @property
    def bar(self) -> int | None:
        """Where the value that it got is."""
        return None if self.chosen is None else self.scale.bar(self.chosen)

    @property
    def most(self) -> float:
        """The highest chance of one value."""
        return float(self.scale.singles(self.chances).max())

    def described(self) -> list[str]:
        """What was chosen, at what chance, and how open that was: in ever fewer words, for narrow places."""
        chances, scale, value = self.chances, self.scale, self.chosen
        least = "" if scale.likeliest is None else "at least "  # the others may be anything
        bits = f"{least}{entropy(chances):.2f} bits"
        if value is None:
            bar = int(scale.singles(chances).argmax())
            open_ = self._begun(f"uncertainty {bits}")
            words = f"{open_}; {self._named(scale.value(bar))} likeliest"
            return [f"{words}, {percent(chances[bar])}", words, open_, bits]
        bar, of = scale.bar(value), "" if self.names else f" (0–{scale.levels - 1:,})"
        known = scale.value(bar) is not None
        chance = percent(chances[bar]) if known else f"under {percent(chances[bar - 1])}"
        named = self._begun(self._named(value))
        return [
            f"{named}{of}: {chance}, uncertainty {bits}",
            f"{named}{of}: {chance}, {bits}",
            f"{named}: {chance}, {bits}",
            f"{named}: {chance}",
            f"{self._number(value)}: {chance}",
            chance,
        ]

    def read_off(self, bar: int) -> list[str]:
        """What the bar under the pointer says, in ever fewer words."""
        value, chance = self.scale.value(bar), percent(self.chances[bar])
        if value is None:
            others = self._begun(f"{self.scale.levels - bar:,} others")
            return [f"{others}: {chance}", f"others: {chance}", chance]
        return [f"{self._begun(self._named(value))}: {chance}", f"{self._number(value)}: {chance}", chance]

    def _begun(self, words: str) -> str:
        """With the channel before them; as they begin a line."""
        words = f"{self.about}, {words}" if self.about else words
        return words[:1].upper() + words[1:]

    def _number(self, value: int) -> str:
        return self.names[value] if self.names else str(value)

    def _named(self, value: int | None) -> str:
        return self.names[value] if self.names and value is not None else f"{self.what} {value}"


def channels_of(
    chances: npt.NDArray[np.floating] | None,
    chosen: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    values: npt.NDArray[np.integer] | None = None,
    levels: int = 0,
    what: str = "level",
) -> list[Channel]:
    """Of chances (C, L) of all values; or (C, K) of some `values` (C, K), out of so many `levels`. No channel where
    nothing was thought. Of what was chosen (C,) and of names (L,), what does not fit is left out."""
    found = shares(chances, values)
    if found is None:
        return []
    if values is None:
        scales = [Scale(found.shape[1])] * len(found)
    else:
        scales = [Scale(levels, tuple(some)) for some in values.tolist()]
    levels = scales[0].levels
    named = tuple(names) if names is not None and len(names) == levels else ()
    channels = []
    for n, (share, scale) in enumerate(zip(found, scales, strict=True)):
        value = int(chosen[n]) if chosen is not None and n < len(chosen) else -1
        about = CHANNELS[n] if len(found) == 3 else ""
        channels.append(Channel(share, scale, value if 0 <= value < levels else None, named, about, what))
    return channels


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
