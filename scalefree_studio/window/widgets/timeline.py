"""The scrubber: a run's recorded past as a thin line that one can pull along."""

from __future__ import annotations

from bisect import bisect_left

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from .theme import DARK, GRID, Palette, focus_ring, scaled, tabular

EMPTY = "Your recording will appear here", "No recording", ""  # as much as there is room for


class Timeline(QWidget):
    """Frames stand in the order in which they were recorded. `chosen` names one by its id."""

    chosen = pyqtSignal(int)
    back_to_now = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.palette_: Palette = DARK
        self.ids: list[int] = []
        self.steps: list[int] = []
        self.unit = "step"  # what is counted
        self.at: int | None = None  # the frame that is shown, as an index; None: now
        self._hover: float | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumWidth(80)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Timeline")
        self.setToolTip("Drag to see any recorded moment; the arrow keys go frame by frame")

    def sizeHint(self) -> QSize:
        return QSize(400, 5 * GRID)

    def clear(self, unit: str) -> None:
        self.ids, self.steps, self.at, self.unit = [], [], None, unit
        self.update()

    def add(self, frames: list[tuple[int, int]]) -> None:
        """More recorded frames: (id, step)."""
        self.ids += [id for id, _ in frames]
        self.steps += [step for _, step in frames]
        if frames:
            self.update()

    def show_frame(self, id: int | None) -> None:
        self.at = None if id is None or id not in self.ids else bisect_left(self.ids, id)
        self.update()

    # Places.

    def _x(self, index: int) -> float:
        room = self.width() - 2 * GRID
        return GRID + room * index / max(1, len(self.ids) - 1)

    def _index(self, x: float) -> int:
        share = (x - GRID) / max(1, self.width() - 2 * GRID)
        return round(min(1.0, max(0.0, share)) * (len(self.ids) - 1))

    # Mouse and keys.

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton and self.ids:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._choose(self._index(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        self._hover = event.position().x()
        if event.buttons() & Qt.MouseButton.LeftButton and self.ids:
            self._choose(self._index(self._hover))
        self.update()

    def leaveEvent(self, event: QEvent | None) -> None:
        self._hover = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        here = len(self.ids) - 1 if self.at is None else self.at
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}
        if event.key() in by and self.ids:
            there = here + by[Qt.Key(event.key())]
            if there >= len(self.ids):
                self.back_to_now.emit()
            else:
                self._choose(max(0, there))
        elif event.key() == Qt.Key.Key_Home and self.ids:
            self._choose(0)
        elif event.key() == Qt.Key.Key_End:
            self.back_to_now.emit()
        else:
            super().keyPressEvent(event)

    def _choose(self, index: int) -> None:
        if index != self.at:
            self.at = index
            self.update()
            self.chosen.emit(self.ids[index])

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """What was chosen is named, and not what grows in under a hand that rests."""
        self._hover = None
        self.update()

    # Painting.

    @property
    def named(self) -> int | None:
        """The frame whose step is told: that under the pointer, or else the one that is shown."""
        return self.at if self._hover is None else self._index(self._hover)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        p, painter = self.palette_, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(tabular(scaled(self.font(), 0.92)))
        focus_ring(self, painter, p)
        if not self.ids:
            painter.setPen(p.colour("soft"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._words_of_nothing(painter))
            return
        middle = self.height() * 0.68
        here = len(self.ids) - 1 if self.at is None else self.at
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(p.colour("edge", 0.45))
        painter.drawRoundedRect(QRectF(GRID, middle - 1.5, self.width() - 2 * GRID, 3), 1.5, 1.5)
        painter.setBrush(
            p.colour("accent" if self.at is not None else "soft", 1 if self.at is not None else 0.8)
        )
        painter.drawRoundedRect(QRectF(GRID, middle - 1.5, self._x(here) - GRID, 3), 1.5, 1.5)
        painter.drawEllipse(QPointF(self._x(here), middle), 5, 5)
        self._draw_words(painter, middle)

    def _words_of_nothing(self, painter: QPainter) -> str:
        metrics = QFontMetricsF(painter.font())
        return next(words for words in EMPTY if metrics.horizontalAdvance(words) <= self.width())

    def _draw_words(self, painter: QPainter, middle: float) -> None:
        p, metrics = self.palette_, QFontMetricsF(painter.font())
        if self.named is not None:
            text, x = f"{self.unit} {self.steps[self.named]:,}", self._x(self.named)
        else:
            text, x = "now", self._x(len(self.ids) - 1)
        if self._hover is not None:
            painter.setBrush(p.colour("text", 0.7))
            painter.drawEllipse(QPointF(x, middle), 2.5, 2.5)
        width = metrics.horizontalAdvance(text)
        left = min(max(GRID / 2, x - width / 2), self.width() - width - GRID / 2)
        painter.setPen(p.colour("text" if self._hover is not None else "soft"))
        painter.drawText(QPointF(left, middle - GRID), text)
