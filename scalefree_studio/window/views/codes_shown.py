"""What is shown of codes while they are learned: the boards on the wall, what lies over them, and words. No Qt.

M held-out pictures, each beside what is made of its tokens, G of them in a group; K codes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...canvas.walls.boards import Board, Bools, Floats, Place
from ...codes import Codebook
from ...export.codes.sheet import Arrays, evenly, fitting, groups
from ...snapshot import Bytes
from ..widgets.theme import Palette
from .heat import heat, rgb

PICTURES, CODES = "pictures", "codes"
HEATS = {  # what may lie over the codes: what it is called, and its hint
    "none": ("None", "The codes as they are"),
    "usage": ("Usage", "How many tokens each code stands for: brighter is more; unused codes are struck out"),
    "apart": ("U-matrix", "How far each code lies from its neighbours on the map: bright borders separate "
    "what differs"),
}  # fmt: skip
# Of a colour over a code: heat, one that goes, one that was set anew, one that learns with another.
COVERS, DIMS, FLASH, LIT = 0.75, 0.8, 0.85, 0.5
FADE = 300  # steps until that is seen no more
SMALLEST, LARGEST = 0.15, 1.5  # of a code, beside a picture


@dataclass(frozen=True)
class Shown:
    """What a person has chosen to see."""

    heat: str = "none"
    stage: int = 0
    code: int | None = None  # the one that is held
    threshold: float = 0.0  # codes that are used less would go


def pictures_board(frame: Arrays, still: Arrays, stage: int) -> Board | None:
    """Held-out pictures, each beside what it becomes; places are the tokens of a stage."""
    parts, columns = groups(frame, still)
    if not len(parts):
        return None
    place = (1, 1)
    if f"tokens.{stage}" in frame:
        rows, across = frame[f"tokens.{stage}"].shape[1:]
        parts = fitting(parts, (rows, across))
        place = parts.shape[1] // rows, parts.shape[2] // across
    return Board(PICTURES, parts, place=place, group=columns)


def codes_board(book: Codebook, veil: Bytes, pictures: int) -> Board:
    """Every code as its picture; beside so many pictures, about as large as they together."""
    tiles = book.tiles
    weight = min(LARGEST, max(SMALLEST, math.sqrt(pictures / book.count))) if pictures else 1.0
    columns = min(book.arranged[1], book.count)
    return Board(CODES, tiles, columns=columns, place=tiles.shape[1:3], veil=veil, weight=weight)


def codes_of(frame: Arrays, still: Arrays, stage: int) -> Codebook | None:
    """The codebook of a stage, if there are codes."""
    there = f"tiles.{stage}" in frame and f"arranged.{stage}" in still and "stages" in still
    return Codebook(frame, still, stage) if there else None


def usage_of(book: Codebook) -> npt.NDArray[np.int64]:
    usage = book.part("usage")
    return np.zeros(book.count, np.int64) if usage is None else np.asarray(usage, np.int64)


def alive(book: Codebook) -> Bools:
    found = book.part("alive")
    return np.ones(book.count, bool) if found is None else np.asarray(found, bool)


def going(book: Codebook, threshold: float) -> Bools:
    """Which codes are pruned, or would be."""
    return ~alive(book) | ((usage_of(book) < threshold) if threshold > 0 else np.zeros(book.count, bool))


def dead(book: Codebook) -> tuple[int, ...]:
    """Codes that nothing uses, though they are not pruned; none where nobody counts."""
    if book.part("usage") is None:
        return ()
    return tuple(np.flatnonzero((usage_of(book) == 0) & alive(book)).tolist())


def shares(book: Codebook, kind: str) -> Floats | None:
    """What the heat shows of each code, in [0, 1]; None: nothing of this kind is known."""
    if kind == "usage" and book.part("usage") is not None:
        return evenly(np.log1p(usage_of(book)), 0.0)
    apart = book.part("apart") if kind == "apart" else None
    return None if apart is None else evenly(np.asarray(apart, float))


def fresh(book: Codebook, step: int) -> Floats:
    """How much of the flash is left of codes that were set anew, (K,) in [0, 1]."""
    revived = book.part("revived")
    if revived is None:
        return np.zeros(book.count)
    since = np.asarray(revived, float)
    age = step - since
    return np.where((since >= 0) & (age >= 0), np.clip(1 - age / FADE, 0, 1), 0.0)


def shade(book: Codebook, code: int | None) -> Floats:
    """How much the units of a line learn with one of them, (K,) in [0, 1]; of a grid, a ring says it."""
    radius = book.part("radius")
    if not book.is_line or radius is None or code is None or not float(radius) > 0:
        return np.zeros(book.count)
    away = (np.arange(book.count) - code) / float(radius)
    return np.asarray(np.exp(-(away**2) / 2), np.float64)


def veil(book: Codebook, shown: Shown, step: int, palette: Palette, unit: int | None = None) -> Bytes:
    """What is shown over the codes, (K, 1, 1, 4): heat, the light round a unit of a line, the dark over what goes,
    and the flash of what is new."""
    over, dark = np.zeros((book.count, 4)), rgb(palette.window)
    known = shares(book, shown.heat)
    if known is None:
        over[list(dead(book))] = (*dark, 255 * DIMS / 2)
    else:
        over = np.concatenate([heat(known, palette), np.full((book.count, 1), 255 * COVERS)], axis=1)
    lit = (*rgb(palette.accent), 255 * LIT)
    over = over + (np.array(lit) - over) * shade(book, unit)[:, None]
    over[going(book, shown.threshold)] = (*dark, 255 * DIMS)
    left = fresh(book, step)
    flash = (*rgb(palette.accent), 255 * FLASH)
    over = over + (np.array(flash) - over) * left[:, None]
    return over.round().astype(np.uint8)[:, None, None]


def occurrences(frame: Arrays, board: Board, stage: int, code: int) -> Bools:
    """Where a code occurs, on every picture of a group: (M · G, H, W)."""
    found: Bools = np.asarray(frame[f"tokens.{stage}"]) == code
    return found.repeat(board.group, axis=0)


def token_at(frame: Arrays, board: Board, stage: int, place: Place) -> int | None:
    """The code of a token of a picture."""
    tokens = frame.get(f"tokens.{stage}")
    picture = place.picture // board.group
    if tokens is None or picture >= len(tokens):
        return None
    return int(np.asarray(tokens)[picture, place.y, place.x])


def last_best(frame: Arrays, stage: int) -> int | None:
    """A unit that learns now: the one of the middle token of the first picture."""
    tokens = frame.get(f"tokens.{stage}")
    return None if tokens is None else int(tokens[0, tokens.shape[1] // 2, tokens.shape[2] // 2])


def reach(book: Codebook, code: int | None) -> tuple[str, int, float] | None:
    """The ring round a unit within which its neighbours learn with it; a line has a shade instead."""
    radius = book.part("radius")
    if not book.is_map or book.is_line or radius is None or code is None or code >= book.count:
        return None
    return CODES, code, float(radius)


def near(book: Codebook, code: int, most: int) -> list[int]:
    """The most similar codes to one, the most alike first."""
    found = book.part("near")
    return [] if found is None else np.asarray(found)[code, :most].tolist()


# In words.


def described(book: Codebook, code: int) -> str:
    """A code's usage, share and rank."""
    if book.part("usage") is None:
        return "Its use has not been counted yet."
    usage, total = usage_of(book), max(1, int(usage_of(book).sum()))
    if not alive(book)[code]:
        return "It is pruned: nothing uses it any more."
    count = int(usage[code])
    if not count:
        words = "Nothing uses it: it is dead."
    else:
        rank = int((usage > count).sum()) + 1
        words = (
            f"It stands for {count:,} tokens, {count / total:.1%}: number {rank} of {book.count} in usage."
        )
    revived = book.part("revived")
    if revived is not None and int(revived[code]) >= 0:
        words += f" Reset at step {int(revived[code]):,}."
    return words


def usage_in_words(book: Codebook) -> str:
    """What stands over the codes."""
    count, unused, pruned = book.count, len(dead(book)), int((~alive(book)).sum())
    parts = [f"{count} code{'s' * (count != 1)}"]
    if unused:
        parts.append(f"{unused} unused")
    if pruned:
        parts.append(f"{pruned} pruned")
    return ", ".join(parts)


def pictures_in_words(frame: Arrays) -> str:
    """What stands over the pictures: what each of a group is, from left to right."""
    stages = sum(name.startswith("stage.") for name in frame)
    if stages < 2:
        return "Held out | rebuilt from tokens" if "tiles.0" in frame else "Held out | rebuilt"
    return f"Held out | stages {', '.join(str(s + 1) for s in range(stages))}"


@dataclass(frozen=True)
class Cost:
    """What pruning at a threshold would do, of those that a record names."""

    threshold: float
    codes: int  # that would go
    error: float  # that would be left
    now: float  # the error without pruning
    count: int  # of codes

    @property
    def words(self) -> str:
        if not self.codes:
            if self.threshold <= 0:
                return (
                    f"Nothing is removed. The error is {self.now:.4g}. Move the slider to see what pruning "
                    f"costs."
                )
            return f"Every code is used at least {self.threshold:g} times: nothing is removed."
        change = f", {self.error / self.now - 1:+.1%}" if self.now > 0 else ""
        return (
            f"Used fewer than {self.threshold:g} times: {self.codes} of {self.count} codes would go.\n"
            f"Error {self.now:.4g} → {self.error:.4g}{change}."
        )


def costs(book: Codebook) -> Sequence[Cost]:
    """Of each threshold that the record names, the least first; none where nobody has reckoned."""
    table = book.part("going")
    if table is None or not len(table):
        return ()
    rows = np.asarray(table, float)
    rows = rows[np.diff(rows[:, 0], prepend=-1) > 0]  # the last one may be repeated
    now = float(rows[0, 2])
    return [Cost(float(t), int(codes), float(error), now, book.count) for t, codes, error in rows]


def measured_in_words(metrics: Mapping[str, float], curves: Sequence[tuple[str, str, str]]) -> list[str]:
    """Some (metric, title, unit) as far as they are known."""
    return [
        f"{title[0].lower() + title[1:]} {metrics[metric]:.3g}{' ' * (unit not in ('', '%'))}{unit}"
        for metric, title, unit in curves
        if metric in metrics
    ]
