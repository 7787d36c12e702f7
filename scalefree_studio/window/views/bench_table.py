"""A drawing that is a table, as boards of a wall: what is given, what that hides, and a column a temperature. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...canvas.walls.boards import Board, Place
from ...drawings import Bools, Drawing, Ints, first, kept_too_late, upper
from ...export.walls.table import Table, headings_of, table_of
from ...snapshot import Bytes

GIVEN, HIDDEN = "given", "hidden"  # boards; those of the columns are "0", "1", …


@dataclass(frozen=True)
class BenchTable:
    """`wanted` is what a person wants to be given (H, W), before the drawing says so."""

    drawn: Drawing
    wanted: Bools | None = None

    @property
    def rows(self) -> int:
        """How many pictures are completed."""
        return len(self.drawn.frame["kept"]) if "kept" in self.drawn.frame else 0

    @property
    def columns(self) -> int:
        return len(self.drawn.temperatures)

    @property
    def order(self) -> Ints:
        return np.asarray(self.drawn.still["order"], np.int64)

    @property
    def given(self) -> Bools:
        """Which places (H, W) of every picture are given; at first, the upper half, or what comes first."""
        if self.wanted is not None:
            return self.wanted
        if self.rows:
            kept: Bools = np.asarray(self.drawn.frame["kept"], bool)[0]
            return kept
        half = upper(self.drawn.size)
        return self.first(len(self.order) // 2) if kept_too_late(half, self.order) else half

    def first(self, cut: int) -> Bools:
        """So many places, in the order in which they are drawn; one is left to draw."""
        return first(min(len(self.order) - 1, max(0, cut)), self.order, self.drawn.size)

    def cut_at(self, place: Place) -> Bools:
        """All that is drawn before a place."""
        return self.first(int(np.flatnonzero(self.order == place.y * self.drawn.size[1] + place.x)[0]))

    @property
    def late(self) -> int:
        """How many given places the network does not see while it draws others."""
        return kept_too_late(self.given, self.order)

    @cached_property
    def drawing(self) -> Drawing:
        """As the person wants it."""
        kept = np.broadcast_to(self.given, (self.rows, *self.drawn.size))
        return Drawing({**self.drawn.frame, "kept": kept}, self.drawn.still) if self.rows else self.drawn

    @cached_property
    def table(self) -> Table:
        return table_of(self.drawing)

    @property
    def names(self) -> list[str]:
        """Of the boards, from left to right."""
        columns = [str(n) for n in range(self.columns)]
        return columns if self.drawing.prompts() is None else [GIVEN, HIDDEN, *columns]

    @property
    def titles(self) -> dict[str, str]:
        return dict(zip(self.names, headings_of(self.drawing), strict=True))

    def boards(self) -> list[Board]:
        columns = zip(self.names, self.table.columns, strict=True)
        return [Board(name, np.ascontiguousarray(c), 1, self.drawing.tile) for name, c in columns]

    def cursor(self) -> list[Place]:
        """The places that are drawn next."""
        found = self.drawing.cursors().tolist()
        return [Place(str(n % self.columns), n // self.columns, y, x) for n, y, x in found]

    def cell(self, place: Place) -> int:
        """Which picture of the drawing a place belongs to; of what is given or hidden, the first of its row."""
        return place.picture * self.columns + (int(place.board) if place.board.isdecimal() else 0)

    def picture(self, place: Place) -> Bytes:
        found: Bytes = self.table.columns[self.names.index(place.board), place.picture]
        return found

    def holds(self, place: Place) -> bool:
        return place.picture < self.rows and place.board in self.names

    def next_to(self, picked: tuple[str, int] | None, right: int, down: int) -> tuple[str, int]:
        """The picture beside one; at first, that of the first temperature."""
        names, rows = self.names, self.rows
        if picked is None or picked[0] not in names:
            return names[-self.columns], 0
        column = min(len(names) - 1, max(0, names.index(picked[0]) + right))
        return names[column], min(rows - 1, max(0, picked[1] + down))

    def described(self, place: Place) -> str:
        """What is known of a picture of it, in words."""
        drawing, words = self.drawing, [f"Picture {place.picture + 1}"]
        if place.board.isdecimal():
            words.append(f"T {drawing.temperatures[int(place.board)]:g}")
        if int(drawing.frame["watched"]) == self.cell(place):
            drawn, hidden = np.asarray(drawing.frame["bits"], float).tolist()
            words += [f"{drawn:.1f} bits drawn"] if drawn == drawn and place.board.isdecimal() else []
            words += [f"{hidden:.1f} bits hidden"] if hidden == hidden else []
        return "   ".join(words)
