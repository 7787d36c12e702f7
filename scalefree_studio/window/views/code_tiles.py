"""Codes as their pictures, to choose among: a grid that is painted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ...snapshot import Bytes
from ..widgets.theme import DARK, GRID, Palette, focus_ring

LEAST, MOST = 5, 40  # pixels of a code's longer side
KEYS = "Click one, or use the arrow keys and Enter."


class CodeTiles(QWidget):
    """`chosen` says which code a person clicked; `pointed` which one is under the pointer or the arrow keys, or -1."""

    chosen = pyqtSignal(int)
    pointed = pyqtSignal(int)

    def __init__(self, name: str, highest: int = 30 * GRID, hint: str = KEYS):
        super().__init__()
        self.palette_ = DARK
        self.codes: Sequence[int] = ()  # in the order in which they lie, row by row
        self.code: int | None = None  # the one that is chosen
        self.marked: int | None = None  # of `codes`: which of them is under the pointer or the arrow keys
        self.described: Callable[[int], str] = lambda code: f"Code {code}"
        self._columns = 1
        self._highest, self._hint = highest, hint
        self._image: QImage | None = None
        self._tiles: Bytes | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(name)
        self.setAccessibleDescription(hint)

    def show_codes(self, tiles: Bytes, codes: Sequence[int], columns: int) -> None:
        """Some of the codes (K, h, w, 3), so many in a row."""
        shape = len(self.codes), self._columns, None if self._tiles is None else self._tiles.shape
        if tiles is self._tiles and codes == self.codes and columns == self._columns:
            return
        self._tiles, self.codes, self._columns = tiles, codes, max(1, columns)
        if self.marked is not None and self.marked >= len(codes):
            self.marked = None
        self._image = _strip(tiles[np.asarray(codes, int)]) if len(codes) else None
        if shape != (len(codes), self._columns, tiles.shape):
            self.updateGeometry()
        self.update()

    @property
    def pictures(self) -> Bytes | None:
        """Of all codes, (K, h, w, 3)."""
        return self._tiles

    def show_chosen(self, code: int | None) -> None:
        if code != self.code:
            self.code = code
            self.update()

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    # Where things lie.

    @property
    def _rows(self) -> int:
        return -(-len(self.codes) // self._columns)

    def _side_in(self, width: float) -> float:
        """The side of a code's cell."""
        high = self._highest / max(1, self._rows)
        return max(LEAST, min(MOST, math.floor(min(width / self._columns, high))))

    @property
    def _side(self) -> float:
        return self._side_in(self.width())

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return math.ceil(self._rows * self._side_in(width)) + 2

    def sizeHint(self) -> QSize:
        return QSize(28 * GRID, self.heightForWidth(28 * GRID))

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self._columns * LEAST, 28 * GRID), self._rows * LEAST + 2)

    def rect_of(self, number: int) -> QRectF:
        """Where one of them lies, counted as they are shown."""
        row, column = divmod(number, self._columns)
        return QRectF(column * self._side + 1, row * self._side + 1, self._side - 1, self._side - 1)

    def _at(self, at: QPointF) -> int | None:
        column, row = int((at.x() - 1) // self._side), int((at.y() - 1) // self._side)
        number = row * self._columns + column
        return number if 0 <= column < self._columns and 0 <= number < len(self.codes) else None

    # Painting.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, p = QPainter(self), self.palette_
        if self._image is None:
            return
        width, height = self._image.width() / len(self.codes), self._image.height()
        for number in range(len(self.codes)):
            painter.drawImage(
                self.rect_of(number), self._image, QRectF(number * width, 0, width, height)
            )  # fmt: skip
        for number, role, wide in self._frames():
            rect = self.rect_of(number)
            painter.setPen(QPen(p.colour("window"), wide + 2))
            painter.drawRect(rect)
            painter.setPen(QPen(p.colour(role), wide))
            painter.drawRect(rect)
        focus_ring(self, painter, p)

    def _frames(self) -> list[tuple[int, str, int]]:
        frames = []
        if self.marked is not None:
            frames.append((self.marked, "text", 1))
        if self.code is not None and self.code in self.codes:
            frames.append((list(self.codes).index(self.code), "accent", 2))
        return frames

    # The pointer and the keys.

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent):
            number = self._at(QPointF(event.pos()))
            words = self._hint if number is None else f"{self.described(self.codes[number])}\n{self._hint}"
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def _mark(self, number: int | None) -> None:
        if number != self.marked:
            self.marked = number
            self.setCursor(
                Qt.CursorShape.ArrowCursor if number is None else Qt.CursorShape.PointingHandCursor
            )
            self.pointed.emit(-1 if number is None else self.codes[number])
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self._mark(self._at(event.position()))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        number = None if event is None else self._at(event.position())
        if event is not None and number is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.codes[number])

    def leaveEvent(self, event: QEvent | None) -> None:
        self._mark(None)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or not len(self.codes):
            return
        keys, key = Qt.Key, Qt.Key(event.key())
        steps = {
            keys.Key_Left: -1,
            keys.Key_Right: 1,
            keys.Key_Up: -self._columns,
            keys.Key_Down: self._columns,
        }
        if key in (keys.Key_Return, keys.Key_Enter) and self.marked is not None:
            self.chosen.emit(self.codes[self.marked])
        elif key in steps:
            start = (
                0 if self.code is None or self.code not in self.codes else list(self.codes).index(self.code)
            )
            at = start if self.marked is None else self.marked + steps[key]
            if 0 <= at < len(self.codes):
                self._mark(at)
        else:
            super().keyPressEvent(event)


def _strip(tiles: Bytes) -> QImage:
    """Tiles (N, h, w, 3) side by side, as an image that owns its pixels."""
    count, height, width = tiles.shape[:3]
    pixels = np.ascontiguousarray(tiles.transpose(1, 0, 2, 3)).reshape(height, count * width, 3)
    wide = count * width
    return QImage(pixels.tobytes(), wide, height, 3 * wide, QImage.Format.Format_RGB888).copy()
