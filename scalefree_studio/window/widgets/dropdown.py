"""A list of words of which one is chosen, with an arrow painted by hand: a style sheet's would be a file a colour."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PyQt6.QtWidgets import QComboBox

from .theme import DARK, GRID, Palette

LONGEST = 14  # letters that have room
WIDE, HIGH = 8.0, 4.0  # of the arrow


class Dropdown(QComboBox):
    def __init__(self) -> None:
        super().__init__()
        self.palette_: Palette = DARK
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def addItems(self, texts: Iterable[str | None]) -> None:
        """The longest may be the name of a folder."""
        super().addItems(texts)
        longest = max(len(self.itemText(n)) for n in range(self.count()))
        self.setMinimumContentsLength(min(longest, LONGEST))

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """The panel scrolls; nothing is chosen by the way."""
        if event is not None:
            event.ignore()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette_.colour("soft"), 1.5, cap=Qt.PenCapStyle.RoundCap))
        tip = QPointF(self.width() - 1.5 * GRID, (self.height() + HIGH) / 2)
        painter.drawPolyline(
            QPolygonF([tip + QPointF(-WIDE / 2, -HIGH), tip, tip + QPointF(WIDE / 2, -HIGH)])
        )
