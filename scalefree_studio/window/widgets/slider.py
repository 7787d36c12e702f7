"""A slider that is painted by hand, and the scales that it may have."""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PyQt6.QtWidgets import QAbstractSlider, QSizePolicy, QWidget

from .theme import DARK, Palette, focus_ring

STEPS = 1000  # positions along a slider


def to_position(value: float, low: float, high: float, scale: str) -> float:
    """Where a value lies between low and high: in [0, 1]."""
    if high <= low:
        return 0.0
    value = min(high, max(low, value))
    if scale != "log":
        return (value - low) / (high - low)
    if low <= 0:  # from zero on: log(1 + x)
        return math.log1p(value - low) / math.log1p(high - low)
    return math.log(value / low) / math.log(high / low)


def to_value(position: float, low: float, high: float, scale: str) -> float:
    """The value at a position in [0, 1]."""
    if scale != "log":
        return low + position * (high - low)
    if low <= 0:
        return low + math.expm1(position * math.log1p(high - low))
    return float(low * (high / low) ** position)


class Slider(QAbstractSlider):
    """Thin, with the part up to the knob in the accent colour. A click goes where it is made; the wheel scrolls the
    panel beneath, so that no value changes by accident."""

    KNOB = 6

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.palette_ = DARK
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setRange(0, STEPS)
        self.setSingleStep(STEPS // 100)
        self.setPageStep(STEPS // 10)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 20)

    def x_of(self, value: int) -> float:
        room = self.width() - 2 * self.KNOB
        span = max(1, self.maximum() - self.minimum())
        return self.KNOB + room * (value - self.minimum()) / span

    def value_at(self, x: float) -> int:
        room = max(1, self.width() - 2 * self.KNOB)
        share = min(1.0, max(0.0, (x - self.KNOB) / room))
        return round(self.minimum() + share * (self.maximum() - self.minimum()))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self.setSliderDown(True)
        self.setSliderPosition(self.value_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and self.isSliderDown():
            self.setSliderPosition(self.value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None:
            event.ignore()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        p, painter = self.palette_, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle, x = self.height() / 2, self.x_of(self.sliderPosition())
        groove = QRectF(self.KNOB, middle - 1.5, self.width() - 2 * self.KNOB, 3)
        painter.setBrush(p.colour("edge", 0.45))
        painter.drawRoundedRect(groove, 1.5, 1.5)
        on = self.isEnabled()
        painter.setBrush(p.colour("accent" if on else "edge"))
        painter.drawRoundedRect(QRectF(self.KNOB, middle - 1.5, x - self.KNOB, 3), 1.5, 1.5)
        if on and (self.isSliderDown() or self.underMouse()):
            painter.setBrush(p.colour("accent", 0.25))
            painter.drawEllipse(QPointF(x, middle), self.KNOB + 3, self.KNOB + 3)
        focus_ring(self, painter, p)
        painter.setBrush(p.colour("accent" if on else "edge"))
        painter.drawEllipse(QPointF(x, middle), self.KNOB, self.KNOB)
