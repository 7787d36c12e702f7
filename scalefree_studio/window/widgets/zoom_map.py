"""How near one looks, in a corner of the picture: × 4.2·10⁶, and a small map of where that is."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QFontMetrics, QImage, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from ...canvas.zoomed import Zoomed, in_words
from .theme import DARK, GRID, Palette, tabular

LONGER = 12 * GRID  # side of the map
LEAST = 7.0  # pixels: where what is seen would be smaller, a ring says where it is


class ZoomMap(QWidget):
    """Hidden while all is in view. The mouse goes through it."""

    def __init__(self, over: QWidget):
        super().__init__(over)
        self.palette_: Palette = DARK
        self.zoomed: Zoomed | None = None
        self.setFont(tabular(self.font()))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    @property
    def words(self) -> str:
        return "" if self.zoomed is None else in_words(self.zoomed.times)

    def show_zoom(self, zoomed: Zoomed | None, within: QRect) -> None:
        """Near the lower right corner of a part of the widget that it lies over."""
        self.zoomed = zoomed
        room = self.sizeHint()
        fits = within.width() > 3 * room.width() and within.height() > 2 * room.height()
        if zoomed is None or not fits:
            self.hide()
            return
        self.setAccessibleName(f"Zoom {self.words}")
        self.setGeometry(QRect(within.bottomRight().x() - room.width() - 2 * GRID + 1,
                               within.bottomRight().y() - room.height() - 2 * GRID + 1,
                               room.width(), room.height()))  # fmt: skip
        self.show()
        self.raise_()
        self.update()

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    def _map_size(self) -> tuple[int, int]:
        aspect = 1.0 if self.zoomed is None else min(4.0, max(0.25, self.zoomed.aspect))
        return (LONGER, round(LONGER / aspect)) if aspect > 1 else (round(LONGER * aspect), LONGER)

    def sizeHint(self) -> QSize:
        metrics, (width, height) = QFontMetrics(self.font()), self._map_size()
        wide = max(width, metrics.horizontalAdvance(self.words or "× 9.9·10¹²"))
        return QSize(wide + 2 * GRID, height + metrics.height() + round(2.5 * GRID))

    def where(self) -> QRectF:
        """What is seen, on the map."""
        assert self.zoomed is not None
        width, height = self._map_size()
        field = QRectF((self.width() - width) / 2, GRID, width, height)
        left, top, right, bottom = self.zoomed.seen
        seen = QRectF(QPointF(left * width, top * height), QPointF(right * width, bottom * height))
        return seen.translated(field.topLeft()).intersected(field.adjusted(-1, -1, 1, 1))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self.zoomed is None:
            return
        p, painter = self.palette_, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(p.colour("edge"), 1))
        painter.setBrush(p.colour("raised", 0.92))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        width, height = self._map_size()
        field = QRectF((self.width() - width) / 2, GRID, width, height)
        self._draw_pictures(painter, field)
        self._draw_place(painter)
        painter.setPen(p.colour("text"))
        words = QRectF(0, field.bottom() + GRID / 2, self.width(), self.height() - field.bottom() - GRID)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, self.words)

    def _draw_pictures(self, painter: QPainter, field: QRectF) -> None:
        assert self.zoomed is not None
        painter.fillRect(field, self.palette_.colour("window"))
        painter.setPen(Qt.PenStyle.NoPen)
        for left, top, right, bottom in self.zoomed.pictures:
            rect = QRectF(
                field.left() + left * field.width(), field.top() + top * field.height(),
                (right - left) * field.width(), (bottom - top) * field.height(),
            )  # fmt: skip
            if self.zoomed.little is None:
                painter.fillRect(rect, self.palette_.colour("edge", 0.55))
            else:
                pixels = np.ascontiguousarray(self.zoomed.little)
                h, w = pixels.shape[:2]
                image = QImage(pixels.tobytes(), w, h, 3 * w, QImage.Format.Format_RGB888)
                painter.drawImage(rect, image)

    def _draw_place(self, painter: QPainter) -> None:
        """A frame round what is seen, bright on a dark halo."""
        seen = self.where()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, wide in ((self.palette_.colour("window"), 4.0), (self.palette_.colour("accent"), 2.0)):
            painter.setPen(QPen(colour, wide))
            if max(seen.width(), seen.height()) < LEAST:
                painter.drawEllipse(seen.center(), LEAST - 1, LEAST - 1)
            else:
                painter.drawRect(seen)
