"""Which stage of a drawing is on the wall: the newest, one of them, or all beside one another; and what a change of a
coarse place has changed in the finer ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...canvas.walls.boards import Place
from ...drawings import Bools, Drawing, starts_of
from ...snapshot import Array
from ..widgets.dropdown import Dropdown
from ..widgets.theme import GRID, Palette

NEWEST, ALL = -1, -2
BOARD = "stage."  # before the number of a stage, in the names of boards
HINT = (
    "Which stage is on the wall. In any of them, select a place and give it another value: everything "
    "after it is redrawn."
)


def board_of(stage: int) -> str:
    return f"{BOARD}{stage}"


def stage_of(place: Place | None) -> int | None:
    """The stage on whose board a place lies, where all stages have boards."""
    return (
        int(place.board.removeprefix(BOARD)) if place is not None and place.board.startswith(BOARD) else None
    )


@dataclass(frozen=True)
class Swap:
    """A place of a picture was given another value; what the picture was before."""

    picture: int
    stage: int
    before: Array  # (N, C): by place, stage after stage
    drawn: Bools  # (N,)

    def changed(self, whole: Drawing) -> Bools:
        """Places of all stages that are drawn again and are others than before: (N,)."""
        if self.picture >= whole.count:
            return np.zeros(len(self.before), bool)
        other = (np.asarray(whole.values[self.picture]) != self.before).any(-1)
        changed: Bools = other & self.drawn & whole.drawn()[self.picture]
        return changed


class StageChoice(QWidget):
    """Hidden where there is but one stage. `changed`: another is to be shown."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, int]] = []
        self.swap: Swap | None = None
        self.field = Dropdown()
        self.field.setToolTip(HINT)
        self.field.setAccessibleName("Stage on the wall")
        self.field.activated.connect(lambda _: self.changed.emit())
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("soft", True)
        row = QHBoxLayout()
        label = QLabel("Stage")
        label.setToolTip(HINT)
        row.addWidget(label)
        row.addWidget(self.field, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(row)
        column.addWidget(self.words)
        self.words.hide()
        self.hide()

    def begin(self, sizes: Sequence[tuple[int, int]]) -> None:
        """Another drawing."""
        self.sizes, self.swap = list(sizes), None
        self.field.clear()
        if len(self.sizes) > 1:
            stages = [f"{n + 1}: {rows} × {columns}" for n, (rows, columns) in enumerate(self.sizes)]
            self.field.addItems(["Newest", *stages, "All of them"])
        self.setVisible(len(self.sizes) > 1)
        self.words.hide()

    @property
    def choice(self) -> int:
        """A stage, NEWEST or ALL."""
        index = self.field.currentIndex()
        return ALL if index == len(self.sizes) + 1 else index - 1 if len(self.sizes) > 1 else NEWEST

    def choose(self, choice: int) -> None:
        self.field.setCurrentIndex(len(self.sizes) + 1 if choice == ALL else choice + 1)
        self.changed.emit()

    def next(self) -> None:
        """The newest, each of them, all, and so on."""
        self.field.setCurrentIndex((self.field.currentIndex() + 1) % self.field.count())
        self.changed.emit()

    @property
    def all(self) -> bool:
        return len(self.sizes) > 1 and self.choice == ALL

    def shown(self, whole: Drawing, pointed: Place | None, held: Place | None) -> Drawing:
        """The stage that is on the wall; of all, the one in which a person points or holds a place."""
        if "stages" not in whole.still or self.choice == NEWEST:
            return whole.current
        if self.choice != ALL:
            return whole.stage(self.choice)
        stage = stage_of(pointed)
        if stage is None:
            stage = stage_of(held)
        return whole.current if stage is None else whole.stage(stage)

    def begin_swap(self, whole: Drawing, place: Place, stage: int) -> None:
        """A place is about to get another value."""
        if len(self.sizes) > 1 and place.picture < whole.count:
            values = np.array(whole.values[place.picture])
            self.swap = Swap(place.picture, stage, values, whole.drawn()[place.picture].copy())

    def changes(self, whole: Drawing) -> list[Bools]:
        """Stage by stage, which places of the picture are others than before the swap, (H · W,); none without one."""
        if self.swap is None or "stages" not in whole.still or len(self.swap.before) != whole.values.shape[1]:
            self.words.hide()
            return []
        starts, changed = starts_of(whole.still["stages"]), self.swap.changed(whole)
        stages = [changed[a:b] for a, b in itertools.pairwise(starts)]
        finer = [(n, part) for n, part in enumerate(stages) if n > self.swap.stage]
        said = [f"{int(part.sum())} of {part.size} of stage {n + 1}" for n, part in finer]
        self.words.setText(
            f"Changed since then in picture {self.swap.picture + 1}: {', '.join(said)}." if said else ""
        )
        self.words.setVisible(bool(said))
        return stages

    def set_palette(self, palette: Palette) -> None:
        self.field.set_palette(palette)
