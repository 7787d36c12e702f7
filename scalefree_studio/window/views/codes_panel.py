"""The part of the panel that belongs to codes: one code in words, what lies over all of them, and pruning."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from ...codes import Codebook
from ..widgets.entries import of_words
from ..widgets.fields import put_in_row, segment
from ..widgets.finding import Entry
from ..widgets.forms import heading
from ..widgets.segments import Segments
from ..widgets.slider import Slider
from ..widgets.theme import GRID, Palette
from ..widgets.words import Words
from .code_tiles import CodeTiles
from .codes_shown import HEATS, Cost, costs, described, near

NEAREST = 8  # codes that are listed beside one
WAITING = "The codes appear here as soon as something has been learned."
NO_CODES = (
    "An autoencoder makes no tokens: it shows how much of a picture it keeps. A codebook learns the tokens "
    "for one, a VQ-VAE does both at once."
)
CHOOSE = (
    "Point at a code to see where it occurs, click it to select it; or click a token of a picture to "
    "see its code."
)


class CodesPanel(QWidget):
    heat_chosen = pyqtSignal(str)
    stage_chosen = pyqtSignal(int)
    code_chosen = pyqtSignal(int)
    threshold_moved = pyqtSignal(float)
    pruned = pyqtSignal(float)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self.title, self.words = heading("Codes"), Words(WAITING)
        self.tiles = CodeTiles("The most similar codes", highest=4 * GRID)
        self.tiles.chosen.connect(self.code_chosen)
        column.addWidget(self.title)
        column.addWidget(self.words)
        self._near = self._row(column, "Most similar", self.tiles)
        self.stages = Segments()
        self.stages.chosen.connect(self.stage_chosen)
        self._stage_line = self._row(column, "Stage", self.stages)
        self._heats = {name: self._heat(n, name) for n, name in enumerate(HEATS)}
        self._heat_line = self._row(column, "Heat", self._heat_row)
        self.pruning = self._pruning()
        column.addWidget(self.pruning)
        self._costs: Sequence[Cost] = ()
        self._wanted = self._considered = 0.0  # the threshold that a person chose; the nearest one there is
        for part in (self._near, self._stage_line, self._heat_line, self.pruning):
            part.hide()

    def _row(self, column: QVBoxLayout, text: str, content: QWidget | QHBoxLayout) -> QWidget:
        """A line with its name at the left."""
        line, row, label = QWidget(), QHBoxLayout(), QLabel(text)
        line.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(label)
        if isinstance(content, QWidget):
            row.addWidget(content, 1)
        else:
            content.setSpacing(0)
            row.addStretch()
            row.addLayout(content)
        column.addWidget(line)
        return line

    def _heat(self, n: int, name: str) -> QToolButton:
        if n == 0:
            self._heat_row, self._heat_group = QHBoxLayout(), QButtonGroup(self)
        button = segment(HEATS[name][0], n, len(HEATS))
        button.setToolTip(f"{HEATS[name][1]} (J switches between them)")
        button.clicked.connect(lambda: self.heat_chosen.emit(name))
        self._heat_group.addButton(button)
        self._heat_row.addWidget(button)
        return button

    def _pruning(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(heading("Pruning"))
        self.slider = Slider()
        self.slider.setToolTip(
            "Codes used less often than this will be removed; until then they are shown dark"
        )
        self.slider.setAccessibleName("Pruning threshold")
        self.slider.setSingleStep(1)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._moved)
        self.cost = Words()
        self.button = QPushButton("Prune")
        self.button.setToolTip("Remove the dark codes now; undo (Ctrl+Z) brings them back")
        self.button.clicked.connect(lambda: self.pruned.emit(self.threshold))
        column.addWidget(self.slider)
        column.addWidget(self.cost)
        column.addWidget(self.button)
        return part

    # Fed by the view.

    def begin(self, stages: int) -> None:
        """Another training, with so many stages of codes."""
        numbers = range(1, stages + 1)
        hints = [
            f"The codes of stage {n} of {stages}, coarse to fine (Shift+V: the next one)" for n in numbers
        ]
        self.stages.begin([str(n) for n in numbers], hints)
        self._stage_line.setVisible(stages > 1)
        self._costs, self._wanted, self._considered = (), 0.0, 0.0
        self.slider.setValue(0)

    @property
    def threshold(self) -> float:
        """Where the slider is."""
        at = self.slider.value()
        return self._costs[at].threshold if 0 <= at < len(self._costs) else 0.0

    def entries(self) -> list[Entry]:
        """What can be chosen here, for the command palette."""
        found = []
        heats = {HEATS[name][0]: button for name, button in self._heats.items() if not button.isHidden()}
        stages = {button.text(): button for button in self.stages.buttons()}
        for name, title, line, buttons, help in (
            ("heat", "Heat", self._heat_line, heats, "What is shown over the codes"),
            ("stage", "Stage", self._stage_line, stages, "Which stage's codes are shown, coarse to fine"),
        ):
            if not line.isHidden():
                now = next((word for word, button in buttons.items() if button.isChecked()), "")
                acts = {word: button.click for word, button in buttons.items()}
                found.append(of_words(name, title, acts, now, "Codes", help))
        return found

    def show_book(
        self, book: Codebook | None, code: int | None, heat: str, waits: bool, prunes: bool
    ) -> None:
        """The codes, and the one that is pointed at or held; `waits`: there will be some; `prunes`: whether the
        training can take some out."""
        self._show_code(book, code, waits)
        self._heat_line.setVisible(book is not None)
        if book is None:
            self.pruning.hide()
            return
        self.stages.check(book.stage)
        for name, button in self._heats.items():
            known = name == "none" or book.part(name) is not None
            button.setVisible(known)
            button.setChecked(name == heat)
        seen = [button for button in self._heats.values() if not button.isHidden()]
        for n, button in enumerate(seen):
            put_in_row(button, n, len(seen))
        self._show_costs(costs(book), prunes)

    def _show_code(self, book: Codebook | None, code: int | None, waits: bool) -> None:
        known = book is not None and code is not None and code < book.count
        self._near.setVisible(known and book is not None and book.part("near") is not None)
        if book is None or code is None or not known:
            self.title.setText("Codes" if waits or book is not None else "Reconstructions")
            self.words.setText(CHOOSE if book is not None else WAITING if waits else NO_CODES)
            return
        self.title.setText(f"Code {code}")
        self.words.setText(described(book, code))
        self.tiles.described = lambda other: f"Code {other}: {described(book, other)}"
        codes = near(book, code, NEAREST)
        self.tiles.show_codes(book.tiles, codes, NEAREST)

    def _show_costs(self, found: Sequence[Cost], prunes: bool) -> None:
        self.pruning.setVisible(len(found) > 1)
        self._costs = found
        if len(found) < 2:
            return
        nearest = min(range(len(found)), key=lambda n: abs(found[n].threshold - self._wanted))
        self.slider.blockSignals(True)  # other thresholds are known now: that is no choice of a person
        self.slider.setRange(0, len(found) - 1)
        self.slider.setValue(nearest)
        self.slider.blockSignals(False)
        self.button.setVisible(prunes)
        self._say_cost()
        self._consider()

    def _say_cost(self) -> None:
        at = self.slider.value()
        if 0 <= at < len(self._costs):
            cost = self._costs[at]
            self.cost.setText(cost.words)
            self.button.setText(
                f"Prune {cost.codes} code{'s' * (cost.codes != 1)}" if cost.codes else "Prune"
            )
            self.button.setEnabled(cost.codes > 0)

    def _moved(self) -> None:
        self._wanted = self.threshold
        self._say_cost()
        self._consider()

    def forget_threshold(self) -> bool:
        """Nothing is to be pruned after all; whether something was."""
        considered = self._considered > 0
        if considered:
            self.slider.setValue(0)
        return considered

    def _consider(self) -> None:
        if self.threshold != self._considered:
            self._considered = self.threshold
            self.threshold_moved.emit(self.threshold)

    def set_palette(self, palette: Palette) -> None:
        self.tiles.set_palette(palette)
        self.slider.set_palette(palette)
