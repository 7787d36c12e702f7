"""The rows of the command palette, painted: what was typed stands out, the value and the key are at the right."""

from __future__ import annotations

from PyQt6.QtCore import QModelIndex, QRectF, QSize, Qt
from PyQt6.QtGui import QFont, QFontMetricsF, QPainter, QPen
from PyQt6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from .finding import Hit
from .theme import DARK, GRID, Palette, scaled, tabular

HIT = Qt.ItemDataRole.UserRole


class HitRows(QStyledItemDelegate):
    height = 4 * GRID

    def __init__(self, list_: QWidget):
        super().__init__(list_)
        self.palette_: Palette = DARK

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(10 * GRID, self.height)

    @staticmethod
    def spoken(hit: Hit) -> str:
        """For those who hear it."""
        value = f": {hit.value or hit.entry.value}" if hit.value or hit.entry.value else ""
        return f"{hit.entry.title}{value}{f', {hit.entry.keys}' if hit.entry.keys else ''}"

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        hit: Hit | None = index.data(HIT)
        if painter is None or hit is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(self.palette_.colour("accent"), 1))
            painter.setBrush(self.palette_.colour("hover"))
            painter.drawRoundedRect(room.adjusted(0.5, 1.5, -0.5, -1.5), 6, 6)
        room = room.adjusted(1.5 * GRID, 0, -1.5 * GRID, 0)
        used = self._draw_right(painter, room, hit, option.font)
        self._draw_name(painter, room.adjusted(0, 0, -used, 0), hit, option.font)
        painter.restore()

    def _draw_right(self, painter: QPainter, room: QRectF, hit: Hit, font: QFont) -> float:
        """The key, and left of it the value; how much room they took."""
        right, p = room.right(), self.palette_
        quiet = tabular(scaled(font, 0.92))
        metrics = QFontMetricsF(quiet)
        painter.setFont(quiet)
        if hit.entry.keys:
            wide = metrics.horizontalAdvance(hit.entry.keys) + 1.5 * GRID
            cap = QRectF(right - wide, room.center().y() - 10, wide, 20)
            painter.setPen(QPen(p.colour("edge"), 1))
            painter.setBrush(p.colour("raised"))
            painter.drawRoundedRect(cap, 4, 4)
            painter.setPen(p.colour("edge" if hit.entry.why_not else "text"))
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, hit.entry.keys)
            right -= wide + GRID
        wrong = hit.trouble and hit.value
        value = hit.value if wrong else f"→ {hit.value}" if hit.value else hit.entry.value
        if value:
            value = metrics.elidedText(value, Qt.TextElideMode.ElideRight, room.width() * 0.4)
            wide = metrics.horizontalAdvance(value) + 1
            painter.setPen(p.colour("danger" if wrong else "accent" if hit.value else "soft"))
            painter.drawText(
                QRectF(right - wide, room.top(), wide, room.height()), Qt.AlignmentFlag.AlignVCenter, value
            )
            right -= wide + GRID
        return room.right() - right

    def _draw_name(self, painter: QPainter, room: QRectF, hit: Hit, font: QFont) -> None:
        """The title letter by letter, and its place in quiet words."""
        p, x = self.palette_, room.left()
        bold = QFont(font)
        bold.setBold(True)
        off = bool(hit.entry.why_not)
        for n, letter in enumerate(hit.entry.title):
            typed = n in hit.letters and not off
            painter.setFont(bold if typed else font)
            wide = painter.fontMetrics().horizontalAdvance(letter)
            if x + wide > room.right():
                return
            painter.setPen(p.colour("edge" if off else "accent" if typed else "text"))
            painter.drawText(
                QRectF(x, room.top(), wide + 4, room.height()), Qt.AlignmentFlag.AlignVCenter, letter
            )
            x += wide
        painter.setFont(scaled(font, 0.92))
        painter.setPen(p.colour("edge" if off else "soft"))
        rest = QRectF(x + 1.5 * GRID, room.top(), max(0.0, room.right() - x - 1.5 * GRID), room.height())
        words = hit.entry.why_not or hit.entry.place
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, round(rest.width()))
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, words)
