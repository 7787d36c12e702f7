"""The curves at the bottom: what a view wants measured, painted by hand in the theme's colours."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import (
    QAction,
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PyQt6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from ...snapshot import FIRST, Segment
from .series import Quantity, Series, log_ticks, thinned, ticks
from .theme import DARK, GRID, Palette, scaled, tabular

LEAST = 160  # pixels: the narrowest curve, with its title and its value


class Curve(QWidget):
    """One quantity, and perhaps another of its kind: the newest values above, the courses beneath; the pointer reads
    them off."""

    def __init__(self, quantity: Quantity):
        super().__init__()
        self.title, self.unit, self.log = quantity.title, quantity.unit, quantity.log
        self.quantity = quantity
        self.series, self.beside = Series(), Series()
        self.along = "step"  # what is counted along the axis
        self.recent = False
        self.palette_ = DARK
        self.hovered: float | None = None  # x of the pointer
        self.setMouseTracking(True)
        self.setMinimumSize(LEAST, 64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(quantity.title)
        self.setAccessibleDescription(quantity.help)
        self.setToolTip(quantity.help)

    def sizeHint(self) -> QSize:
        return QSize(200, 96)

    # Where things lie.

    @property
    def plot(self) -> QRectF:
        top = QFontMetricsF(self.font()).height() + GRID
        left = QFontMetricsF(self.font()).horizontalAdvance("0.000") + GRID / 2  # room for what the ticks say
        return QRectF(left, top, self.width() - left, self.height() - top - 4)

    def _scale(self, values: np.ndarray) -> tuple[float, float]:
        """The lowest and highest that is drawn, in the axis' own measure."""
        measured = np.log10(np.maximum(values, 1e-12)) if self.log else values
        low, high = float(measured.min()), float(measured.max())
        room = max((high - low) * 0.08, 0.02 if self.log else max(abs(high), 1.0) * 0.01)
        return low - room, high + 2 * room

    # Painting.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(tabular(scaled(self.font(), 0.92)))
        steps, values = self.series.seen(self.recent)
        if len(steps):
            self._draw_courses(painter, steps, values)
        self._draw_title(painter, steps)

    def _draw_title(self, painter: QPainter, steps: np.ndarray) -> None:
        p, metrics = self.palette_, QFontMetricsF(painter.font())
        read = self._read_off(steps)
        title, value = self.words(metrics, read)
        line = QRectF(0, 0, self.width(), metrics.height())
        painter.setPen(p.colour("soft"))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, title)
        painter.setPen(p.colour("accent" if read else "text"))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, value)

    def words(self, metrics: QFontMetricsF, read: tuple[float, float] | None) -> tuple[str, str]:
        """The title and the value that stand above the plot. Where there is little room the value goes without what is
        beside it, then without its unit; what is read off goes before the title."""
        number = self._in_words(read[1] if read else self.series.last)
        texts = [f"{number} {self.unit}".rstrip(), number]
        if len(self.beside):
            near = self.beside.at(read[0]) if read else None
            other = self._in_words(near[1] if near else self.beside.last)
            texts.insert(0, f"{texts[0]}   {self.quantity.beside_title} {other} {self.unit}".rstrip())
        if read:
            texts = [f"{value}  at {self.along} {read[0]:,.0f}" for value in texts]
        titled = metrics.horizontalAdvance(self.title) + GRID
        room = self.width() - (0 if read else titled)
        value = next((value for value in texts if metrics.horizontalAdvance(value) <= room), texts[-1])
        return self.title if metrics.horizontalAdvance(value) + titled <= self.width() else "", value

    def _in_words(self, value: float) -> str:
        if not math.isfinite(value):
            return "–"
        if self.log:
            text = f"{value:.4f}" if value >= 0.001 else f"{value:.1e}"
        else:
            text = (
                f"{value:,.0f}"
                if abs(value) >= 1000
                else f"{value:.2f}"
                if abs(value) < 100
                else f"{value:.0f}"
            )
        return text

    def _draw_courses(self, painter: QPainter, steps: np.ndarray, values: np.ndarray) -> None:
        p, plot = self.palette_, self.plot
        beside_steps, beside = self.beside.seen()
        beside_steps, beside = beside_steps[beside_steps >= steps[0]], beside[beside_steps >= steps[0]]
        low, high = self._scale(np.concatenate([values, beside]))
        self._draw_ticks(painter, low, high)
        last = max(steps[-1], beside_steps[-1]) if len(beside_steps) else steps[-1]
        span = max(float(last - steps[0]), 1e-9)

        def course(x: np.ndarray, y: np.ndarray, colour: QColor) -> None:
            x, y = thinned(x, y, int(plot.width()))
            y = np.log10(np.maximum(y, 1e-12)) if self.log else y
            px = plot.left() + (x - steps[0]) / span * (plot.width() - 4)
            py = plot.bottom() - (y - low) / (high - low) * plot.height()
            line = QPolygonF([QPointF(a, b) for a, b in zip(px.tolist(), py.tolist(), strict=True)])
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, 1.5))
            painter.drawPolyline(line)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(line.last(), 2.5, 2.5)

        course(steps, values, p.colour("accent"))
        if len(beside):
            course(beside_steps, beside, p.colour("text"))
        read = self._read_off(steps)
        if read:
            at = plot.left() + (read[0] - steps[0]) / span * (plot.width() - 4)
            painter.setPen(QPen(p.colour("edge"), 1))
            painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))

    def marks(self, low: float, high: float) -> list[float]:
        """Where the ticks stand, in the axis' own measure: two at least, as one alone tells no scale."""
        height = max(1.0, self.plot.height())
        room = (high - low) * 2 / height  # at the upper edge a tick would reach into the title
        few = max(2, int(height // 28))
        for most in (few, few + 1, few + 2):
            marks = log_ticks(low, high) if self.log else ticks(low, high, most)
            marks = [mark for mark in marks if low - room < mark < high - room]
            if len(marks) > 1:
                break
        return marks

    def _draw_ticks(self, painter: QPainter, low: float, high: float) -> None:
        p, plot, metrics = self.palette_, self.plot, QFontMetricsF(painter.font())
        for mark in self.marks(low, high):
            y = plot.bottom() - (mark - low) / (high - low) * plot.height()
            painter.setPen(QPen(p.colour("line"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(p.colour("soft", 0.85))
            text = self._tick_text(10**mark if self.log else mark)
            x = plot.left() - GRID / 2 - metrics.horizontalAdvance(text)
            painter.drawText(QPointF(max(0.0, x), y + metrics.ascent() / 2 - 1), text)

    def _tick_text(self, value: float) -> str:
        if 0 < abs(value) < 0.001:
            return f"{value:.0e}".replace("e-0", "e-")
        return f"{value:.3g}" if abs(value) < 10_000 else f"{value:,.0f}"

    # The pointer.

    def _read_off(self, steps: np.ndarray) -> tuple[float, float] | None:
        if self.hovered is None or not len(steps):
            return None
        share = min(1.0, max(0.0, (self.hovered - self.plot.left()) / max(1.0, self.plot.width() - 4)))
        return self.series.at(float(steps[0] + share * (steps[-1] - steps[0])))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self.hovered = event.position().x()
            self.update()

    def leaveEvent(self, event: QEvent | None) -> None:
        self.hovered = None
        self.update()


KEPT = 64  # stretches of work whose curves can come back


class Curves(QWidget):
    """All of them, side by side, and `recent`: all steps, or the recent ones only. So does a double click."""

    def __init__(self, recent: QAction) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        self._row.setSpacing(3 * GRID)
        self.curves: dict[str, Curve] = {}
        self._quantities: tuple[Quantity, ...] = ()
        self._palette = DARK
        self._recent = recent
        button = QToolButton()
        button.setDefaultAction(recent)
        button.setProperty("flat", True)
        button.setProperty("small", True)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self._last: dict[str, float] = {}
        self._segment = FIRST  # the stretch of work that is shown
        self._kept: dict[int, dict[str, tuple[Series, Series]]] = {}  # what was measured in each, newest last

    def begin(self, quantities: tuple[Quantity, ...], unit: str) -> None:
        """Another run, of which nothing has been measured yet, and what it counts."""
        self._last = {}
        self._segment, self._kept = FIRST, {}
        if quantities != self._quantities:
            self._quantities = quantities
            for curve in self.curves.values():
                self._row.removeWidget(curve)
                curve.hide()
                curve.deleteLater()
            self.curves = {q.metric: Curve(q) for q in quantities}
            for n, (quantity, curve) in enumerate(zip(quantities, self.curves.values(), strict=True)):
                self._row.insertWidget(n, curve, quantity.share)
            self._show_fitting()
            self.set_palette(self._palette)
            self.show_recent(self._recent.isChecked())
        for curve in self.curves.values():
            curve.along = unit
            curve.series, curve.beside = Series(), Series()
            curve.update()
        self._kept[FIRST.number] = self._shown()

    def _shown(self) -> dict[str, tuple[Series, Series]]:
        return {metric: (curve.series, curve.beside) for metric, curve in self.curves.items()}

    def _turn_to(self, segment: Segment) -> None:
        """Another stretch of work: one that begins with the past that it shares, or an earlier one that goes on."""
        found = self._kept.pop(segment.number, None)
        if found is None:
            parent = {} if segment.parent is None else self._kept.get(segment.parent, {})
            found = {
                metric: (shared.until(segment.at), beside.until(segment.at))
                for metric in self.curves
                for shared, beside in [parent.get(metric, (Series(), Series()))]
            }
        self._kept[segment.number] = found  # as the newest
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        for metric, curve in self.curves.items():
            curve.series, curve.beside = found[metric]
            curve.update()
        self._segment, self._last = segment, {}

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._show_fitting()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, super().minimumSizeHint().height())

    def _show_fitting(self) -> None:
        """As many as there is room for: the first ones are the more important ones."""
        for n, curve in enumerate(self.curves.values()):
            curve.setVisible(n == 0 or (n + 1) * (LEAST + self._row.spacing()) + 8 * GRID < self.width())

    def add(self, step: int, metrics: Mapping[str, float], segment: Segment = FIRST) -> None:
        if segment.number != self._segment.number:
            self._turn_to(segment)
        if metrics == self._last:
            return  # measured only now and then
        self._last = dict(metrics)
        for curve in self.curves.values():
            q = curve.quantity
            if q.metric in metrics:
                curve.series.add(step, float(metrics[q.metric]))
                curve.update()
            if q.beside in metrics and metrics[q.beside] != curve.beside.last:
                curve.beside.add(step, float(metrics[q.beside]))

    def show_recent(self, recent: bool) -> None:
        for curve in self.curves.values():
            curve.recent = recent
            curve.update()

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        for curve in self.curves.values():
            curve.palette_ = palette
            curve.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self._recent.trigger()
