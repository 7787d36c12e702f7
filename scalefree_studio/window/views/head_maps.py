"""Small maps of where each head of each layer looked, to choose among and to switch heads off."""

from __future__ import annotations

from collections.abc import Collection

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ...export.heat import heat
from ..widgets.theme import DARK, Palette, focus_ring, scaled, tabular
from .chances import percent
from .looked import LIGHT, Floats, Head, brightness, head_named

GAP = 4  # pixels between maps
LARGEST, SMALLER, SMALLEST = 44, 16, 6  # of a map's side: at most, where there is little room, at least
HIGHEST = 208  # of all of them
HINT = (
    "Click a map to see that head alone; Shift and a click switch it off or on. Or use the arrow keys and "
    "Enter."
)


class HeadMaps(QWidget):
    """A row a layer, a column a head. `chosen` and `switched` say which of them, layer and head."""

    chosen = pyqtSignal(int, int)
    switched = pyqtSignal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.palette_ = DARK
        self.heads: tuple[int, int] = (0, 0)  # layers, and heads of each
        self.off: frozenset[Head] = frozenset()
        self.head: Head | None = None  # the one that is shown alone
        self.marked: Head | None = None  # under the pointer or the arrow keys
        self._looked: Floats | None = None  # (layers, heads, H, W)
        self._images: list[QImage] = []
        self._gutter = self._measure()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Where each head looked")
        self.setAccessibleDescription(HINT)

    def begin(self, heads: tuple[int, int]) -> None:
        """A network with so many layers and heads."""
        self.heads, self.off, self.head, self.marked = heads, frozenset(), None, None
        self._gutter = self._measure()
        self.show_looked(None)
        self.updateGeometry()

    def show_looked(self, looked: Floats | None) -> None:
        """(layers, heads, H, W); None: it is not known."""
        self._looked = looked
        self._images = []
        if looked is not None:
            height, width = looked.shape[2:]
            for pixels in heat(brightness(looked), LIGHT).reshape(-1, height, width, 3):
                image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
                self._images.append(image.copy())  # which owns its pixels
        self.update()

    def show_heads(self, head: Head | None, off: Collection[Head]) -> None:
        """Which one is shown alone, and which are off."""
        self.head, self.off = head, frozenset(off)
        self.update()

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    # Where things lie.

    @property
    def _font(self) -> QFont:
        return tabular(scaled(self.font(), 0.85))

    def _measure(self) -> int:
        """Room for the names of layers and, above, of heads."""
        metrics = QFontMetricsF(self._font)
        return round(max(metrics.horizontalAdvance(f"L{self.heads[0]}"), metrics.height())) + GAP

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        self._gutter = self._measure()

    def _side_in(self, width: float, height: float) -> int:
        """A map's side, in so much room."""
        layers, heads = max(1, self.heads[0]), max(1, self.heads[1])
        across, down = (width - self._gutter) / heads, (min(height, HIGHEST) - self._gutter) / layers
        return max(SMALLEST, min(LARGEST, int(min(across, down)) - GAP))

    @property
    def _side(self) -> int:
        return self._side_in(self.width(), self.height())

    def rect_of(self, head: Head) -> QRectF:
        step = self._side + GAP
        left, top = self._gutter + head[1] * step, self._gutter + head[0] * step
        return QRectF(left, top, step - GAP, step - GAP)

    def _size_for(self, side: int) -> QSize:
        layers, heads = self.heads
        return QSize(self._gutter + heads * (side + GAP), self._gutter + layers * (side + GAP))

    def sizeHint(self) -> QSize:
        return self._size_for(self._side_in(256, HIGHEST))

    def minimumSizeHint(self) -> QSize:
        return self._size_for(min(SMALLER, self._side_in(224, HIGHEST)))

    def _all(self) -> list[Head]:
        return [(layer, head) for layer in range(self.heads[0]) for head in range(self.heads[1])]

    def _at(self, at: QPointF) -> Head | None:
        step = self._side + GAP
        layer, head = (int((side + GAP / 2 - self._gutter) // step) for side in (at.y(), at.x()))
        return (layer, head) if 0 <= layer < self.heads[0] and 0 <= head < self.heads[1] else None

    # Painting.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, p = QPainter(self), self.palette_
        focus_ring(self, painter, p)
        painter.setFont(self._font)
        painter.setPen(p.colour("soft"))
        gutter, side = self._gutter, self._side
        if side >= QFontMetricsF(self._font).horizontalAdvance("H9"):
            middle = Qt.AlignmentFlag.AlignCenter
            for n in range(self.heads[1]):
                painter.drawText(
                    QRectF(self.rect_of((0, n)).left(), 0, side, gutter - GAP), middle, f"H{n + 1}"
                )
            for n in range(self.heads[0]):
                painter.drawText(
                    QRectF(0, self.rect_of((n, 0)).top(), gutter - GAP, side), middle, f"L{n + 1}"
                )
        for n, head in enumerate(self._all()):
            self._draw_map(painter, head, self._images[n] if self._images else None)

    def _draw_map(self, painter: QPainter, head: Head, image: QImage | None) -> None:
        rect, p = self.rect_of(head), self.palette_
        painter.fillRect(rect, p.colour("raised"))
        if image is not None:
            painter.setOpacity(0.3 if head in self.off else 1.0)
            size = image.size().scaled(rect.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            inner = QRectF(0, 0, size.width(), size.height())
            inner.moveCenter(rect.center())
            painter.drawImage(inner, image)
            painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if head in self.off:
            painter.setPen(QPen(p.colour("danger"), 2))
            painter.drawLine(rect.topLeft(), rect.bottomRight())
            painter.drawLine(rect.topRight(), rect.bottomLeft())
        role = "accent" if head == self.head else "text" if head == self.marked else "line"
        painter.setPen(QPen(p.colour(role), 2 if role == "accent" else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    # The pointer and the keys.

    def described(self, head: Head) -> str:
        """A head in words."""
        words = head_named(head).capitalize()
        if head in self.off:
            words += ", switched off"
        if self._looked is not None:
            shares = self._looked[head]
            start = percent(max(0.0, 1 - float(shares.sum())))
            words += f": at most {percent(float(shares.max()))} from one place, {start} from the start"
        return f"{words}.\n{HINT}"

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent):
            head = self._at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.described(head) if head is not None else HINT, self)
            return True
        return super().event(event)

    def _mark(self, head: Head | None) -> None:
        if head != self.marked:
            self.marked = head
            self.setCursor(Qt.CursorShape.ArrowCursor if head is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def _do(self, head: Head, modifiers: Qt.KeyboardModifier) -> None:
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        (self.switched if shift else self.chosen).emit(*head)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self._mark(self._at(event.position()))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        head = None if event is None else self._at(event.position())
        if event is not None and head is not None and event.button() == Qt.MouseButton.LeftButton:
            self._do(head, event.modifiers())

    def leaveEvent(self, event: QEvent | None) -> None:
        self._mark(None)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        keys = Qt.Key
        steps = {keys.Key_Left: (0, -1), keys.Key_Right: (0, 1), keys.Key_Up: (-1, 0), keys.Key_Down: (1, 0)}
        key, at = Qt.Key(event.key()), self.marked or self.head or (0, 0)
        if key in (keys.Key_Return, keys.Key_Enter):
            self._do(at, event.modifiers())
        elif key in steps:
            down, right = steps[key]
            layer, head = at[0] + down, at[1] + right
            self._mark((min(max(layer, 0), self.heads[0] - 1), min(max(head, 0), self.heads[1] - 1)))
        else:
            super().keyPressEvent(event)
