"""A few wrapped words that are never cut: the label asks for the height that they need in its width."""

from __future__ import annotations

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QLabel

TALL = 10_000  # more than any words need


class Words(QLabel):
    def __init__(self, text: str = "", soft: bool = True):
        super().__init__(text)
        self.setWordWrap(True)
        self.setProperty("soft", soft)

    def setText(self, text: str | None) -> None:
        if text != self.text():
            super().setText(text)
            self._fit()

    def _fit(self) -> None:
        room = QRect(0, 0, self.width(), TALL)
        needed = self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, self.text()).height()
        if needed != self.minimumHeight():
            self.setMinimumHeight(needed)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit()
