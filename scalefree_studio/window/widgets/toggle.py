"""A switch for yes or no, painted by hand."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QAbstractButton

from .theme import DARK, Palette, focus_ring


class Toggle(QAbstractButton):
    def __init__(self) -> None:
        super().__init__()
        self.palette_: Palette = DARK
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        return QSize(38, 22)

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    def event(self, event: QEvent | None) -> bool:
        """Space belongs to the switch that has the focus, not to the transport."""
        wanted = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride
        if isinstance(event, QKeyEvent) and wanted and event.key() == Qt.Key.Key_Space:
            event.accept()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        p, painter = self.palette_, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self.isChecked()
        track = QRectF(4, 4, self.width() - 8, self.height() - 8)
        focus_ring(self, painter, p)
        full = "accent" if self.isEnabled() else "line"
        painter.setPen(QPen(p.colour(full if on or self.underMouse() else "edge"), 1.2))
        painter.setBrush(p.colour(full) if on else p.colour("raised"))
        painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)
        x = track.right() - track.height() / 2 if on else track.left() + track.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(p.colour("edge" if not self.isEnabled() else "on_accent" if on else "soft"))
        painter.drawEllipse(QPointF(x, track.center().y()), 4, 4)
