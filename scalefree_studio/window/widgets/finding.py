"""What can be found by typing a few letters of its name, and how well each fits: the command palette without a window.

"circ"      the control Circles: the beginning of a word goes first, then letters within one, then initials
"circ 12"   the same, and 12 to put there
"theme da"  of a few words, the one that is meant
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ...controls import ControlError

Act = Callable[[], object]

WHOLE, WORD, BEGINNING, WITHIN, INITIALS, LETTERS, ABOUT = range(7)  # how a word fits, best first
# What a value costs that cannot be taken, and a command that cannot be given: all others go before.
UNFIT = 10.0
SEPARATOR = re.compile(r"[:=]")  # between a name and its value; a space does, too


@dataclass(frozen=True)
class Entry:
    """Something to find: a command, a control, or whatever else has a name and perhaps a value."""

    name: str
    title: str
    act: Act | None = None  # without a value; None: it wants one
    take: Callable[[str], tuple[str, Act]] | None = (
        None  # what was typed → its value in words, and what puts it there
    )
    words: tuple[str, ...] = ()  # the values there are, if they are few
    place: str = ""  # where else it is found: a menu, a heading
    help: str = ""
    keys: str = ""
    value: str = ""  # as it is now
    wants: str = ""  # what a value must be
    why_not: str = ""  # why it cannot be done now, in a sentence
    remembered: bool = True  # whether it comes first where it was chosen lately


@dataclass(frozen=True)
class Hit:
    """An entry that fits what was typed, perhaps with a value."""

    entry: Entry
    letters: frozenset[int]  # of the title, which were typed
    value: str = ""  # that would be put there
    act: Act | None = None
    trouble: str = ""  # why not


@dataclass(frozen=True)
class Fit:
    cost: float  # the less, the better
    letters: frozenset[int]


def search(typed: str, entries: Sequence[Entry], recent: Sequence[str] = ()) -> list[Hit]:
    """What fits, best first; of what fits alike, the most recent, then in its own order. Without a word, everything:
    the recent first."""
    found = []
    for n, entry in enumerate(entries):
        last = recent.index(entry.name) if entry.name in recent else len(recent)
        for cost, hit in _hits(typed, entry):
            told = hit.entry.why_not and cost == WHOLE  # nobody who says all of its name means another
            unfit = UNFIT if hit.trouble and not told else 0.0
            found.append((unfit + cost, last, n, hit))
    found.sort(key=lambda each: each[:3])
    hits = [hit for *_, hit in found]
    right = [hit for hit in hits if hit.value and not hit.trouble]
    wrong = [hit for hit in hits if hit.value and hit.trouble]  # at most one of them was meant
    dropped = wrong if right else wrong[1:]
    return [hit for hit in hits if hit not in dropped]


def _hits(typed: str, entry: Entry) -> Iterable[tuple[float, Hit]]:
    whole = None if SEPARATOR.search(typed) else fit(typed, entry.title, f"{entry.place} {entry.help}")
    valued = (
        _valued(typed, entry) if entry.take is not None and (whole is None or whole.cost >= ABOUT) else None
    )
    if valued is not None:
        named, value = valued
        for n, word in enumerate(meant(value, entry.words) if entry.words else (value,)):
            yield named.cost + n * 1e-3, _with_value(entry, named, word)
    elif whole is not None:
        yield whole.cost, Hit(entry, whole.letters, act=entry.act, trouble=entry.why_not)


def _valued(typed: str, entry: Entry) -> tuple[Fit, str] | None:
    """Where the end of what was typed is a value: how well the name before it fits, and the value."""
    for name, value in cuts(typed):
        named = fit(name, entry.title)
        if named is not None:
            return named, value
    return None


def _with_value(entry: Entry, named: Fit, value: str) -> Hit:
    if entry.why_not or not value:
        return Hit(entry, named.letters, trouble=entry.why_not)
    assert entry.take is not None
    try:
        shown, act = entry.take(value)
    except ControlError as error:
        return Hit(entry, named.letters, value, trouble=str(error))
    return Hit(entry, named.letters, shown, act)


def cuts(typed: str) -> Iterable[tuple[str, str]]:
    """Where a name may end and its value begin: at a colon or =, or else between two words, the longest name first."""
    if match := SEPARATOR.search(typed):
        yield typed[: match.start()], typed[match.end() :].strip()
        return
    words = typed.split()
    for n in range(len(words) - 1, 0, -1):
        yield " ".join(words[:n]), " ".join(words[n:])


def meant(typed: str, words: Sequence[str]) -> Sequence[str]:
    """The words that fit what was typed, best first; where none does, what was typed."""
    fits = sorted(
        ((found.cost, n) for n, word in enumerate(words) if (found := fit(typed, word)) is not None)
    )
    return [words[n] for _, n in fits] or (typed,)


def fit(typed: str, title: str, about: str = "") -> Fit | None:
    """How well a title fits: every typed word must be found in it, or at the beginning of a word about it."""
    low = title.lower()
    if typed.strip().lower() == low:
        return Fit(WHOLE, frozenset(range(len(title))))
    starts = [match.start() for match in re.finditer(r"\w+", low)]
    cost, letters = 0.0, set[int]()
    typed_words = re.findall(r"[^\s:=]+", typed.lower())
    for word in typed_words:
        found = _fit_word(word, low, starts, about)
        if found is None:
            return None
        cost += found.cost
        letters |= found.letters
    return Fit(cost / max(1, len(typed_words)), frozenset(letters))


def _fit_word(word: str, title: str, starts: Sequence[int], about: str) -> Fit | None:
    for n, start in enumerate(starts):
        if title.startswith(word, start):
            end = start + len(word)
            kind = WORD if not title[end : end + 1].isalnum() else BEGINNING
            return Fit(kind + min(n, 9) / 10, frozenset(range(start, end)))  # the sooner, the better
    if len(word) > 1:
        at = title.find(word)
        if at >= 0:
            return Fit(WITHIN, frozenset(range(at, at + len(word))))
        if "".join(title[start] for start in starts).startswith(word):
            return Fit(INITIALS, frozenset(starts[: len(word)]))
        for start in starts:
            if picked := _scattered(word, title, start):
                return Fit(LETTERS + len(title) / 1000, picked)
    if any(part.startswith(word) for part in re.findall(r"\w+", about.lower())):
        return Fit(ABOUT, frozenset())
    return None


def _scattered(word: str, title: str, start: int) -> frozenset[int] | None:
    """The letters of a word in their order, from the beginning of a word of the title on; or None."""
    if title[start] != word[0]:
        return None
    picked = [start]
    for letter in word[1:]:
        at = title.find(letter, picked[-1] + 1)
        if at < 0:
            return None
        picked.append(at)
    return frozenset(picked)
