"""The lines, circles and cells, edited by hand: the selected one's numbers, and what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ...snapshot import Array
from ..widgets.forms import heading
from ..widgets.theme import GRID
from ..widgets.value_edit import ValueEdit
from .units import Number, Unit, unit_of

NOTHING = "Click a line, a circle or a cell in the picture to see it here; drag it to move it."


def buttons(names: tuple[str, ...], actions: dict[str, QAction]) -> QGridLayout:
    """Actions as buttons, two in a row."""
    grid = QGridLayout()
    grid.setSpacing(GRID)
    for n, name in enumerate(names):
        button = QToolButton()
        button.setDefaultAction(actions[name])
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(16, 16))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        policy = button.sizePolicy()
        policy.setHorizontalPolicy(policy.Policy.Expanding)
        button.setSizePolicy(policy)
        grid.addWidget(button, n // 2, n % 2)
    return grid


class UnitEditor(QWidget):
    """The selected line, circle or cell, its numbers live and typed."""

    moved = pyqtSignal(int, dict)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        self.title = heading("Nothing selected")
        column.addWidget(self.title)
        self.words = QLabel(NOTHING)
        self.words.setWordWrap(True)
        self.words.setProperty("soft", True)
        column.addWidget(self.words)
        self._column = column
        self._rows: list[tuple[QWidget, ValueEdit]] = []
        self._shape: tuple[str, ...] = ()
        self._unit: Unit | None = None

    def show_unit(self, frame: Mapping[str, Array] | None, id: int | None) -> None:
        unit = None if frame is None or id is None else unit_of(frame, id)
        self._unit = unit
        labels = tuple(number.label for number in unit.numbers) if unit else ()
        if labels != self._shape:
            self._lay_out(unit.numbers if unit else ())
            self._shape = labels
        title = unit.title if unit else "Nothing selected"
        if title != self.title.text():
            self.title.setText(title)
        self.words.setVisible(not labels)
        for (_, edit), number in zip(self._rows, unit.numbers if unit else (), strict=True):
            if not edit.hasFocus():
                edit.say(f"{number.value:.3f}" if not number.unit else f"{number.value:.1f}")

    def _lay_out(self, rows: tuple[Number, ...]) -> None:
        for row, _ in self._rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self._rows = []
        for n, number in enumerate(rows):
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(GRID // 2)
            line.addWidget(QLabel(number.label))
            line.addStretch()
            edit = ValueEdit()
            edit.setAccessibleName(number.label)
            edit.setFixedWidth(8 * GRID)
            edit.returnPressed.connect(lambda n=n: self._typed(n))
            edit.left.connect(lambda n=n: self._typed(n))
            edit.set_unit(number.unit)
            line.addWidget(edit)
            self._column.addWidget(row)
            self._rows.append((row, edit))

    def _typed(self, n: int) -> None:
        edit = self._rows[n][1]
        if self._unit is None or not edit.isModified():
            return
        try:
            value = float(edit.text().replace(",", "."))
        except ValueError:
            edit.mark(wrong="Enter a number here.")
            return
        edit.setModified(False)
        edit.mark()
        self.moved.emit(self._unit.id, self._unit.numbers[n].edit(value))
