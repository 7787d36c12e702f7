"""What an empty bench says: what to do next, in its middle."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ..widgets.theme import GRID, scaled
from ..widgets.toast import ChoiceButton

WORDS = (
    "Each is shown as the network sees it. It keeps what comes before the cut and completes the rest, once "
    "for each temperature."
)


class Hint(QFrame):
    """Lies in the middle of another widget."""

    def __init__(self, over: QWidget, choices: Sequence[QAction]):
        super().__init__(over)
        self.setObjectName("toast")
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 3 * GRID)
        column.setSpacing(2 * GRID)
        title, words = QLabel("Drop pictures here"), QLabel(WORDS)
        title.setFont(scaled(title.font(), 1.5))
        words.setProperty("soft", True)
        words.setWordWrap(True)
        words.setFixedWidth(44 * GRID)
        for label in (title, words):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for n, action in enumerate(choices):
            row.addWidget(ChoiceButton(action, primary=n == 0))
        column.addLayout(row)
        self.hide()

    def place(self) -> None:
        over = self.parentWidget()
        if over is not None:
            self.adjustSize()
            self.move((over.width() - self.width()) // 2, (over.height() - self.height()) // 2)

    def show_over(self) -> None:
        self.place()
        self.show()
        self.raise_()
