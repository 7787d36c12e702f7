"""Beneath the controls of the completion bench: temperatures and the cut, typed, and what can be done with pictures."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...controls import ControlError, controls_of
from ...jobs.drawing.controls import DrawControls
from ..widgets.entries import of_edit
from ..widgets.finding import Act, Entry
from ..widgets.forms import heading
from ..widgets.theme import GRID
from ..widgets.value_edit import ValueEdit
from .unit_editor import buttons
from .view import Host

MOST_COLUMNS = 12
COMMANDS = (
    "add_pictures", "add_held_out", "keep_top", "keep_left", "draw_again", "use_as_prompt", "save_picture",
    "delete_unit",
)  # fmt: skip
TEMPERATURE = next(c for c in controls_of(DrawControls) if c.name == "temperature")


def temperatures_of(text: str) -> tuple[float, ...]:
    """What was typed, with commas, semicolons or spaces between, or a ControlError in one sentence."""
    found = tuple(TEMPERATURE.check(word) for word in text.replace(",", " ").replace(";", " ").split())
    if not 1 <= len(found) <= MOST_COLUMNS:
        raise ControlError(f"A table has 1 to {MOST_COLUMNS} temperatures, such as 0.9, 1.0, 1.1.")
    return found


def listed(temperatures: Sequence[float]) -> str:
    return ", ".join(f"{temperature:g}" for temperature in temperatures)


class BenchPanel(QWidget):
    temperatures_chosen = pyqtSignal(tuple)
    cut_chosen = pyqtSignal(int)

    def __init__(self, host: Host):
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(heading("Table"))
        self.temperatures = self._field(
            column, "Temperatures", "A column for each: numbers with commas, such as 0.9, 1.0, 1.1", 15 * GRID
        )
        self.cut = self._field(
            column, "Given places", "How many are given, counted in the order in which the network "
            "draws", 9 * GRID
        )  # fmt: skip
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setProperty("soft", True)
        column.addWidget(self.note)
        column.addLayout(buttons(COMMANDS, host.actions))
        self._places = 0
        self.temperatures.textEdited.connect(lambda _: self._mark(self.temperatures))
        self.cut.textEdited.connect(lambda _: self._mark(self.cut))
        for edit, typed in ((self.temperatures, self._type_temperatures), (self.cut, self._type_cut)):
            edit.returnPressed.connect(typed)
            edit.left.connect(typed)

    def _field(self, column: QVBoxLayout, label: str, help: str, width: int) -> ValueEdit:
        row, edit, name = QHBoxLayout(), ValueEdit(), QLabel(label)
        for part in (name, edit):
            part.setToolTip(help)
        edit.setAccessibleName(label)
        edit.setFixedWidth(width)
        row.addWidget(name)
        row.addStretch()
        row.addWidget(edit)
        column.addLayout(row)
        return edit

    def show_table(self, temperatures: Sequence[float], cut: int | None, places: int, note: str) -> None:
        """`cut`: how many places are given, if they are the first ones of the order."""
        self._places = places
        for edit, text in (
            (self.temperatures, listed(temperatures)), (self.cut, "a part" if cut is None else f"{cut}"),
        ):  # fmt: skip
            if not edit.hasFocus() and edit.text() != text:
                edit.say(text)
        if note != self.note.text():
            self.note.setText(note)
        self.note.setVisible(bool(note))

    def _mark(self, edit: ValueEdit) -> None:
        """What was typed as far as now: whether it can be taken."""
        try:
            self._temperatures() if edit is self.temperatures else self._cut()
        except ControlError as error:
            edit.mark(wrong=str(error))
        else:
            edit.mark(pending=True)

    def _temperatures(self) -> tuple[float, ...]:
        return temperatures_of(self.temperatures.text())

    def _cut(self) -> int:
        return self._cut_of(self.cut.text().strip())

    def _cut_of(self, text: str) -> int:
        if not text.isdecimal() or not 0 <= int(text) < self._places:
            raise ControlError(f"From 0 to {self._places - 1} places can be given.")
        return int(text)

    def entries(self) -> list[Entry]:
        """Both for the command palette."""

        def temperatures(text: str) -> Act:
            found = temperatures_of(text)
            return lambda: self.temperatures_chosen.emit(found)

        def cut(text: str) -> Act:
            found = self._cut_of(text)
            return lambda: self.cut_chosen.emit(found)

        return [
            of_edit(self.temperatures, temperatures, "Table", "numbers with commas"),
            of_edit(self.cut, cut, "Table", f"a whole number, 0 to {max(0, self._places - 1):,}"),
        ]

    def _type_temperatures(self) -> None:
        if self.temperatures.isModified():
            try:
                found = self._temperatures()
            except ControlError as error:
                self.temperatures.mark(wrong=str(error))
                return
            self.temperatures.say(self.temperatures.text())
            self.temperatures_chosen.emit(found)

    def _type_cut(self) -> None:
        if self.cut.isModified():
            try:
                found = self._cut()
            except ControlError as error:
                self.cut.mark(wrong=str(error))
                return
            self.cut.say(self.cut.text())
            self.cut_chosen.emit(found)
