"""A row of buttons of which one is down, as many as there is to choose among."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from .fields import segment


class Segments(QWidget):
    """Hidden where there is no choice. `chosen` says which one a person clicked."""

    chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._group, self._row = QButtonGroup(self), QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._group.idClicked.connect(self.chosen)

    def buttons(self) -> list[QAbstractButton]:
        return self._group.buttons()

    def begin(self, texts: Sequence[str], hints: Sequence[str], checked: int = 0) -> None:
        """Other buttons."""
        for button in self.buttons():
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.setVisible(len(texts) > 1)
        if len(texts) < 2:
            return
        for n, (text, hint) in enumerate(zip(texts, hints, strict=True)):
            button = segment(text, n, len(texts))
            button.setToolTip(hint)
            button.setSizePolicy(
                QSizePolicy.Policy.Expanding, button.sizePolicy().verticalPolicy()
            )  # no gaps
            self._group.addButton(button, n)
            self._row.addWidget(button, 1)
        self.check(checked)

    def check(self, number: int) -> None:
        """Show which one is chosen."""
        button = self._group.button(number)
        if button is not None:
            button.setChecked(True)
