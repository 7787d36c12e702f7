"""A picture as a network sees it, and beside it how surprising each of its places is, as heat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ...jobs.drawing.surprise import Surprise
from ...snapshot import Bytes
from ..widgets.theme import DARK, GRID, Palette, focus_ring, scaled, tabular
from .heat import heat

SEEN, SURPRISING = "As the network sees it", "How surprising it is"
LEGEND = 8  # pixels: the strip that says what the colours mean
Place = tuple[int, int]  # row and column


class PicturePair(QWidget):
    """`pointed` gives the row and column under the pointer or the arrow keys, or None."""

    pointed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.palette_: Palette = DARK
        self.surprise: Surprise | None = None
        self.marked: Place | None = None
        self.empty = ""  # what to do, where there is no picture
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(28 * GRID, 24 * GRID)
        self.setAccessibleName("The picture and how surprising it is")

    def sizeHint(self) -> QSize:
        return QSize(72 * GRID, 44 * GRID)

    def show_surprise(self, surprise: Surprise | None) -> None:
        self.surprise, self.marked = surprise, None
        self.update()

    def say(self, empty: str) -> None:
        self.empty = empty
        self.setAccessibleDescription(empty)
        self.update()

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    # Where things lie.

    @property
    def _line(self) -> float:
        return QFontMetricsF(self._font).height()

    @property
    def _font(self) -> QFont:
        return tabular(scaled(self.font(), 0.92))

    def frames(self) -> tuple[QRectF, QRectF]:
        """Of the picture and of the heat: beside each other, or one above the other where that makes them larger."""
        if self.surprise is None:
            return QRectF(), QRectF()
        rows, columns = (int(n) for n in self.surprise.picture.shape[:2])
        line, foot = self._line + GRID, LEGEND + self._line + 2 * GRID  # above each, and below the heat

        def larger(across: int, down: int) -> float:
            wide = (self.width() - 2 * GRID * (across - 1)) / across / columns
            return min(wide, (self.height() - foot - down * line - (down - 1) * GRID) / down / rows)

        beside = larger(2, 1) >= larger(1, 2)
        by = max(larger(2, 1), larger(1, 2))
        by = max(1.0, np.floor(by)) if by >= 1 else by  # its pixels stay pixels
        wide, high = columns * by, rows * by
        if beside:
            left = max(0.0, (self.width() - 2 * wide - 2 * GRID) / 2)
            top = max(line, (self.height() - high - foot - line) / 2 + line)
            return QRectF(left, top, wide, high), QRectF(left + wide + 2 * GRID, top, wide, high)
        left = (self.width() - wide) / 2
        top = max(line, (self.height() - 2 * (high + line) - GRID - foot) / 2 + line)
        return QRectF(left, top, wide, high), QRectF(left, top + high + GRID + line, wide, high)

    def spot(self, place: Place, frame: QRectF) -> QRectF:
        """Where a place is."""
        assert self.surprise is not None
        rows, columns = self.surprise.bits.shape
        wide, high = frame.width() / columns, frame.height() / rows
        return QRectF(frame.left() + place[1] * wide, frame.top() + place[0] * high, wide, high)

    def place_at(self, at: QPointF) -> Place | None:
        if self.surprise is None:
            return None
        rows, columns = self.surprise.bits.shape
        for frame in self.frames():
            if frame.contains(at):
                row = int((at.y() - frame.top()) / frame.height() * rows)
                column = int((at.x() - frame.left()) / frame.width() * columns)
                return min(rows - 1, row), min(columns - 1, column)
        return None

    # Painting.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, p, surprise = QPainter(self), self.palette_, self.surprise
        focus_ring(self, painter, p)
        painter.setFont(self._font)
        painter.setPen(p.colour("soft"))
        if surprise is None:
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(4 * GRID, 0, -4 * GRID, 0), middle, self.empty)
            return
        picture, warm = self.frames()
        pixels = heat(surprise.bits / surprise.highest, p)
        for frame, shown, title in ((picture, surprise.picture, SEEN), (warm, pixels, SURPRISING)):
            painter.setPen(p.colour("soft"))
            above = QRectF(
                frame.left(), frame.top() - self._line - GRID / 2, max(frame.width(), 20 * GRID), self._line
            )
            painter.drawText(above, Qt.AlignmentFlag.AlignLeft, title)
            painter.drawImage(frame, _image(shown))
            painter.setPen(QPen(p.colour("edge"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(frame.adjusted(-0.5, -0.5, 0.5, 0.5))
        self._draw_legend(painter, warm, surprise.highest)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for frame in (picture, warm):
            self._circle(painter, self.spot(surprise.most, frame), DARK.accent)
            self._circle(painter, self.spot(surprise.least, frame), "#8fc7ff")
            if self.marked is not None:
                self._square(painter, self.spot(self.marked, frame))

    def _draw_legend(self, painter: QPainter, frame: QRectF, highest: float) -> None:
        p = self.palette_
        strip = QRectF(frame.left(), frame.bottom() + GRID, frame.width(), LEGEND)
        painter.drawImage(strip, _image(heat(np.linspace(0, 1, 128)[None], p)))
        painter.setPen(QPen(p.colour("edge"), 1))
        painter.drawRect(strip.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.setPen(p.colour("soft"))
        words = QRectF(strip.left(), strip.bottom() + GRID / 2, strip.width(), self._line)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(words, Qt.AlignmentFlag.AlignRight, f"{highest:.1f} bits")

    def _circle(self, painter: QPainter, spot: QRectF, colour: str) -> None:
        radius = max(5.0, 0.42 * min(spot.width(), spot.height()))  # within its place, where there is room
        _haloed(painter, colour, lambda: painter.drawEllipse(spot.center(), radius, radius))

    def _square(self, painter: QPainter, spot: QRectF) -> None:
        _haloed(painter, DARK.text, lambda: painter.drawRect(spot.adjusted(-1, -1, 1, 1)))

    # The pointer and the keys.

    def mark(self, place: Place | None) -> None:
        if place != self.marked:
            self.marked = place
            self.pointed.emit(place)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            place = self.place_at(event.position())
            if place is not None:  # beside the pictures, the last place stays: its colours can be looked at
                self.mark(place)

    def leaveEvent(self, event: QEvent | None) -> None:
        self.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        keys = Qt.Key
        steps = {keys.Key_Left: (0, -1), keys.Key_Right: (0, 1), keys.Key_Up: (-1, 0), keys.Key_Down: (1, 0)}
        key = None if event is None else Qt.Key(event.key())
        if self.surprise is None or key not in steps:
            super().keyPressEvent(event)
            return
        rows, columns = self.surprise.bits.shape
        (y, x), (down, across) = self.marked or self.surprise.most, steps[key]
        self.mark((min(rows - 1, max(0, y + down)), min(columns - 1, max(0, x + across))))


def _image(pixels: Bytes) -> QImage:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _haloed(painter: QPainter, colour: str, draw: Callable[[], object]) -> None:
    """A light line with a dark one under it, seen on everything."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(QColor(0, 0, 0, 200), 4), QPen(QColor(colour), 2)):
        painter.setPen(pen)
        draw()
