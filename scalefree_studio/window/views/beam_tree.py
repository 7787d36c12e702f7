"""The tree of a search with beams, painted: thumbnails with their scores, and what was given up, fading."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ...snapshot import Array
from ..widgets.theme import DARK, GRID, Palette, scaled, tabular
from .branches import Node, Tree

EMPTY = "The search tree will grow here: the best pictures, and those given up."
LARGEST, SMALLEST = 72, 8  # pixels of a thumbnail's longer side
SCORED = 28  # from this size on, it has its score below it
LEAST_WAY = 20  # pixels between two columns, for the branches


class BeamTree(QWidget):
    """`pointed` says what the pointer is over, in words."""

    pointed = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.palette_ = DARK
        self.tree: Tree | None = None
        self._images: dict[tuple[int, int], QImage] = {}
        self._node: Node | None = None  # under the pointer
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("The search tree")
        self.setAccessibleDescription(EMPTY)
        self.setToolTip("Each column shows the search after more places, the best first. Pale: given up.")

    def show_frame(self, frame: Mapping[str, Array]) -> None:
        tree, before = Tree.of(frame), self.tree
        if tree is not None and before is not None and tree.same(before):
            return
        self.tree, self._images, self._node = tree, {}, None
        if tree is not None:
            height, width = tree.pictures.shape[2:4]
            for node in tree.nodes:
                pixels = tree.pictures[node.level, node.picture].tobytes()
                image = QImage(pixels, width, height, 3 * width, QImage.Format.Format_RGB888)
                self._images[node.level, node.picture] = image.copy()  # which owns its pixels
            best = next(n for n in tree.nodes if n.level == len(tree.positions) - 1)
            self.setAccessibleDescription(tree.words(best))
        self.update()

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)

    # Where things lie.

    @property
    def _font(self) -> QFont:
        return tabular(scaled(self.font(), 0.8))

    @property
    def _line(self) -> float:
        return math.ceil(QFontMetricsF(self._font).height())

    def _size(self, tree: Tree) -> tuple[float, float, bool]:
        """A thumbnail's width and height, and whether scores fit below them."""
        across = (self.width() - 2 * GRID) / len(tree.positions) - LEAST_WAY
        room = self.height() - 2 * GRID - self._line  # under the heads
        height, width = tree.pictures.shape[2:4]
        shape = width / max(height, width), height / max(height, width)
        for words in (True, False):
            side = min(LARGEST, across / shape[0], (room / tree.rows - 4 - words * self._line) / shape[1])
            if side >= SCORED or not words:
                break
        side = max(SMALLEST, side)
        return side * shape[0], side * shape[1], words

    def rect_of(self, node: Node) -> QRectF:
        tree = self.tree
        assert tree is not None
        width, height, words = self._size(tree)
        column = (self.width() - 2 * GRID - width) / max(1, len(tree.positions) - 1)
        if len(tree.positions) == 1:
            column = 0.0
        x = GRID + node.level * column
        y = GRID + self._line + node.row * (height + 4 + words * self._line)
        return QRectF(x, y, width, height)

    def _at(self, at: QPointF) -> Node | None:
        nodes = () if self.tree is None else self.tree.nodes
        return next((node for node in nodes if self.rect_of(node).contains(at)), None)

    # Painting.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, p, tree = QPainter(self), self.palette_, self.tree
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), p.colour("window"))
        painter.setFont(self._font)
        painter.setPen(p.colour("soft"))
        if tree is None:
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(4 * GRID, 0, -4 * GRID, 0), middle, EMPTY)
            return
        for before, node in tree.edges():
            self._draw_edge(painter, before, node)
        for node in tree.nodes:
            self._draw_node(painter, node)
        self._draw_heads(painter, tree)

    def _draw_edge(self, painter: QPainter, before: Node, node: Node) -> None:
        tree, p = self.tree, self.palette_
        assert tree is not None
        a, b = self.rect_of(before), self.rect_of(node)
        begin, end = QPointF(a.right() + 1, a.center().y()), QPointF(b.left() - 1, b.center().y())
        middle = (begin.x() + end.x()) / 2
        path = QPainterPath(begin)
        path.cubicTo(QPointF(middle, begin.y()), QPointF(middle, end.y()), end)
        best = (node.level, node.picture) in tree.best
        colour: QColor = p.colour("accent" if best else "edge", node.strength(len(tree.positions)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 2.0 if best else 1.2))
        painter.drawPath(path)

    def _draw_node(self, painter: QPainter, node: Node) -> None:
        tree, p, rect = self.tree, self.palette_, self.rect_of(node)
        assert tree is not None
        strength = node.strength(len(tree.positions))
        painter.setOpacity(strength)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, rect.width() < 28)
        painter.drawImage(rect, self._images[node.level, node.picture])
        painter.setOpacity(1.0)
        best = (node.level, node.picture) in tree.best
        role = "text" if node == self._node else "accent" if best else "line"
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(p.colour(role), 2 if best or node == self._node else 1))
        painter.drawRect(rect.adjusted(-1, -1, 1, 1))
        if self._size(tree)[2]:
            below = QRectF(rect.left() - GRID, rect.bottom() + 2, rect.width() + 2 * GRID, self._line)
            painter.setPen(p.colour("text" if best else "soft", max(0.45, strength)))
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, f"{node.score:.1f}")

    def _draw_heads(self, painter: QPainter, tree: Tree) -> None:
        """After how many places each column stands, where there is room."""
        painter.setPen(self.palette_.colour("soft"))
        metrics, free = QFontMetricsF(self._font), 0.0
        firsts = {node.level: node for node in reversed(tree.nodes) if node.row == 0}
        for level, position in enumerate(tree.positions):
            if level not in firsts:
                continue
            text, middle = f"{position:,}", self.rect_of(firsts[level]).center().x()
            width = metrics.horizontalAdvance(text)
            left = min(max(0.0, middle - width / 2), self.width() - width - 2)
            if left >= free:
                painter.drawText(QPointF(left, GRID / 2 + metrics.ascent()), text)
                free = left + width + GRID

    # The pointer.

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        self._mark(None if event is None else self._at(event.position()))

    def leaveEvent(self, event: QEvent | None) -> None:
        self._mark(None)

    def _mark(self, node: Node | None) -> None:
        if node != self._node:
            self._node = node
            self.pointed.emit("" if node is None or self.tree is None else self.tree.words(node))
            self.update()
