"""A line in which one value is typed."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from PyQt6.QtWidgets import QDialog, QLineEdit, QStyle, QStyleOptionFrame, QToolTip

from ...controls import with_unit
from .theme import GRID, tabular


class ValueEdit(QLineEdit):
    """A short line for one value: right-aligned, selected when it is entered. In the window, Enter gives the keys back
    to the picture, and so does Escape, which takes back what was typed; where nothing was, Escape is the window's.
    What is too long for it is in its tooltip."""

    left = pyqtSignal()
    given_up = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFont(tabular(self.font()))
        self._shown = ""
        self._suffix = ""  # its unit, which stands behind the value and is not typed
        self._entered = False  # by the click that is being made

    def say(self, text: str) -> None:
        self._shown = text
        if text != self.text():
            self.setText(text)
        self.setModified(False)
        self.mark()

    def width_of(self, words: str) -> int:
        """So wide that these stand in it whole."""
        return self.fontMetrics().horizontalAdvance(words) + 3 * GRID

    @property
    def _cut(self) -> str:
        """What stands there, if not all of it can be seen."""
        words = self.text() or self.placeholderText()
        return words if self.width_of(words) > self.width() else ""

    def set_unit(self, unit: str) -> None:
        """Show a unit inside the line, which grows by its width."""
        self._suffix = with_unit("", unit)
        room = self.fontMetrics().horizontalAdvance(self._suffix)
        self.setTextMargins(0, 0, room, 0)
        self.setFixedWidth(self.maximumWidth() + room)
        self.setAccessibleDescription(unit)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        style = self.style()
        if not self._suffix or not self.text() or style is None:
            return
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        inside = style.subElementRect(QStyle.SubElement.SE_LineEditContents, option, self).adjusted(
            0, 0, -2, 0
        )
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(inside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._suffix)
        painter.end()

    def mark(self, wrong: str = "", pending: bool = False) -> None:
        """Show that the value cannot be taken, or waits."""
        if bool(self.property("wrong")) == bool(wrong) and bool(self.property("pending")) == pending:
            return
        self.setProperty("wrong", bool(wrong))
        self.setProperty("pending", pending)
        self.setToolTip(wrong)
        style = self.style()
        if style is not None:  # properties are looked at only when a style is put on
            style.unpolish(self)
            style.polish(self)

    def end_passing(self) -> bool:
        """Give the keys back; whether it had them."""
        had = self.hasFocus()
        self.clearFocus()
        return had

    def _gives_up(self, event: QEvent | None) -> bool:
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        return escape and self.isModified() and not isinstance(self.window(), QDialog)

    def event(self, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.ShortcutOverride and self._gives_up(event):
            event.accept()
            return True
        if isinstance(event, QHelpEvent) and not self.toolTip() and self._cut:
            QToolTip.showText(event.globalPos(), self._cut, self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if self._gives_up(event):
            self.say(self._shown)
            self.given_up.emit()
            self.clearFocus()
            return
        super().keyPressEvent(event)
        enter = event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not self.property("wrong") and not isinstance(self.window(), QDialog):
            self.clearFocus()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        self.selectAll()
        self._entered = event is not None and event.reason() == Qt.FocusReason.MouseFocusReason

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        super().mouseReleaseEvent(event)
        if self._entered and not self.hasSelectedText():
            self.selectAll()  # the press has put the cursor somewhere instead
        self._entered = False

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        super().focusOutEvent(event)
        if self.property("wrong"):
            self.setModified(False)
            self.given_up.emit()
        elif self.isModified():
            self.left.emit()
