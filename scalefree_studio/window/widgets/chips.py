"""Small buttons for what holds until a person takes it away: "Kept: left half ×"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from .theme import GRID

Removes = Mapping[str, Callable[[], None]]  # what holds, in words → what takes it away


class Chips(QWidget):
    """One beneath the other; hidden where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GRID // 2)
        self.buttons: dict[str, QToolButton] = {}
        self.hide()

    def put(self, chips: Removes) -> None:
        """These, and no others."""
        if list(chips) == list(self.buttons):
            return
        for button in self.buttons.values():
            self._column.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = {words: self._button(words, remove) for words, remove in chips.items()}
        self.setVisible(bool(chips))

    def _button(self, words: str, remove: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        room = 26 * GRID
        shown = button.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, room)
        button.setText(f"{shown}  ×")
        button.setToolTip(f"{words}\n\nClick to remove it; Undo brings it back.")
        button.setAccessibleName(f"Remove: {words}")
        button.setProperty("chip", True)
        button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        button.clicked.connect(remove)
        self._column.addWidget(button)
        button.show()
        return button
