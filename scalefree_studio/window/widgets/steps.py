"""A strip of steps that come one after another: a box each, with arrows between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFont, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QAbstractButton, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from .theme import GRID, Palette, scaled, tabular

NARROWEST, WIDEST = 8 * GRID, 20 * GRID
SMALL = 0.9  # of the letters that say how far a step is
BAR = 3  # pixels
KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


@dataclass(frozen=True)
class Look:
    """How a step is shown; `role` and `edge` are colours by their names in a palette."""

    title: str
    words: str
    help: str
    role: str = "soft"
    edge: str = "line"
    progress: float | None = None  # in [0, 1]
    open: bool = False


class StepBox(QAbstractButton):
    """Its name, and below it how far it is."""

    def __init__(self, palette: Palette):
        super().__init__()
        self.palette_, self.look = palette, Look("", "", "")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(WIDEST)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def show_look(self, look: Look) -> None:
        if look != self.look:
            self.look = look
            self.setText(look.title)
            self.setToolTip(look.help)
            self.setStatusTip(look.help)
            self.setAccessibleName(f"{look.title}: {look.words}")
            self.setAccessibleDescription(look.help)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDEST, 2 * self.fontMetrics().height() + GRID + 2 * BAR)

    def minimumSizeHint(self) -> QSize:
        return QSize(NARROWEST, self.sizeHint().height())

    def _small(self) -> QFont:
        return tabular(scaled(self.font(), SMALL))

    def event(self, event: QEvent | None) -> bool:
        """The space bar is a key of the window, too: here it is that of a button."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() in KEYS
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() in KEYS:
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        p, look, painter = self.palette_, self.look, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        accented = self.hasFocus() or look.open
        painter.setPen(QPen(p.colour("accent" if accented else look.edge), 2 if self.hasFocus() else 1))
        painter.setBrush(p.colour("hover" if self.underMouse() or self.isDown() else "raised"))
        painter.drawRoundedRect(frame, 6, 6)
        room = self.rect().adjusted(GRID, GRID // 2, -GRID, -GRID // 2 - BAR)
        line = self.fontMetrics().height()
        self._write(painter, QRect(room.x(), room.y(), room.width(), line), look.title, "text")
        painter.setFont(self._small())
        self._write(painter, QRect(room.x(), room.y() + line, room.width(), line), look.words, look.role)
        if look.progress is not None:
            whole = QRectF(room.x(), self.height() - 2 * BAR, room.width(), BAR)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(p.colour("line"))
            painter.drawRoundedRect(whole, 1.5, 1.5)
            painter.setBrush(p.colour("accent"))
            whole.setWidth(whole.width() * min(1.0, look.progress))
            painter.drawRoundedRect(whole, 1.5, 1.5)
        painter.end()

    def _write(self, painter: QPainter, room: QRect, text: str, role: str) -> None:
        painter.setPen(self.palette_.colour(role))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


class Arrow(QWidget):
    def __init__(self, palette: Palette):
        super().__init__()
        self.palette_ = palette
        self.setFixedWidth(GRID)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette_.colour("edge"), 1.5))
        x, y = self.width() / 2, self.height() / 2
        painter.drawPolyline(QPolygonF([QPointF(x - 2, y - 4), QPointF(x + 2, y), QPointF(x - 2, y + 4)]))
        painter.end()


class Steps(QWidget):
    """`chosen` gives the number of a step; `run_chosen` comes from the button at the end."""

    chosen = pyqtSignal(int)
    run_chosen = pyqtSignal()

    def __init__(self, palette: Palette):
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Steps of the recipe")
        self.palette_ = palette
        self.boxes: list[StepBox] = []
        self._arrows: list[Arrow] = []
        self.button = QPushButton()
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.run_chosen)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(2 * GRID, GRID // 2, 2 * GRID, GRID // 2)
        self._row.setSpacing(GRID // 2)
        self._row.addStretch()
        self._row.addWidget(self.button)

    def show_steps(self, looks: Sequence[Look], button: str, help: str) -> None:
        if len(looks) != len(self.boxes):
            self._make(len(looks))
        for box, look in zip(self.boxes, looks, strict=True):
            box.show_look(look)
        widest = max(self.button.fontMetrics().horizontalAdvance(word) for word in ("Run all", "Pause"))
        self.button.setFixedWidth(widest + 4 * GRID)  # it does not jump when its word changes
        self.button.setText(button)
        self.button.setToolTip(help)
        self.button.setVisible(bool(button))

    def _make(self, count: int) -> None:
        for part in (*self.boxes, *self._arrows):
            self._row.removeWidget(part)
            part.hide()
            part.deleteLater()
        self.boxes, self._arrows = [StepBox(self.palette_) for _ in range(count)], []
        for number, box in enumerate(self.boxes):
            if number:
                self._arrows.append(Arrow(self.palette_))
                self._row.insertWidget(2 * number - 1, self._arrows[-1])
            box.clicked.connect(lambda _=False, n=number: self.chosen.emit(n))
            self._row.insertWidget(2 * number, box, 1)
        first: QWidget
        for first, then in zip(self.boxes, [*self.boxes[1:], self.button], strict=True):
            QWidget.setTabOrder(first, then)

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        parts: list[StepBox | Arrow] = [*self.boxes, *self._arrows]
        for part in parts:
            part.palette_ = palette
            part.update()
