"""What the shades of a heat over pictures mean: from low to high."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from ..widgets.theme import DARK, GRID, Palette

LOW, HIGH = "low", "high"


class HeatLegend(QWidget):
    """A strip from no shade to the densest, with a word at each end."""

    def __init__(self, title: str):
        super().__init__()
        self._title = title
        self._palette = DARK
        self.setFixedHeight(3 * GRID)
        self.setAccessibleName(f"{title}: the denser the shade, the higher")
        self.setToolTip(self.accessibleName())

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        self.update()

    @property
    def strip(self) -> QRectF:
        """Where the shades are."""
        words = self.fontMetrics()
        left = words.horizontalAdvance(f"{self._title}  {LOW}") + GRID
        right = self.width() - words.horizontalAdvance(HIGH) - GRID
        return QRectF(left, self.height() / 2 - GRID / 2, max(0, right - left), GRID)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, strip = QPainter(self), self.strip
        painter.setPen(self._palette.colour("soft"))
        middle, whole = Qt.AlignmentFlag.AlignVCenter, QRectF(self.rect())
        painter.drawText(whole, middle | Qt.AlignmentFlag.AlignLeft, f"{self._title}  {LOW}")
        painter.drawText(whole, middle | Qt.AlignmentFlag.AlignRight, HIGH)
        shades = QLinearGradient(strip.topLeft(), strip.topRight())
        shades.setColorAt(0, self._palette.colour("panel"))
        shades.setColorAt(1, self._palette.colour("accent"))
        painter.fillRect(strip, shades)
        painter.setPen(self._palette.colour("edge"))
        painter.drawRect(strip)
        painter.end()
