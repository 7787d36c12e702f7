"""The strip at the top: the menus, one sentence on what goes on, and the ways to show it."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QMenuBar, QSizePolicy, QToolButton, QWidget

from ..views.view import View
from ..widgets.fields import segment
from ..widgets.theme import GRID, tabular

ROOMY = 170 * GRID  # from where tools have names


class Sentence(QLabel):
    """One line; where there is no room for all of it, its end is left out, and the tooltip has all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(tabular(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, room = QPainter(self), self.rect().adjusted(GRID, 0, -GRID, 0)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        self.setToolTip("" if text == self.text() else self.text())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)


class TopBar(QWidget):
    """`mode_chosen` gives its name."""

    mode_chosen = pyqtSignal(str)

    def __init__(self, bar: QMenuBar, actions: dict[str, QAction]):
        super().__init__()
        self.setObjectName("bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._actions, self._menus = actions, bar
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, GRID // 2, 2 * GRID, GRID // 2)
        row.setSpacing(GRID // 2)
        bar.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        row.addWidget(bar, 0, Qt.AlignmentFlag.AlignVCenter)
        self.words = Sentence()
        row.addWidget(self.words, 1)
        self._modes = QHBoxLayout()
        self._modes.setSpacing(0)
        row.addLayout(self._modes)
        row.addSpacing(GRID)
        self._tools = QHBoxLayout()
        self._tools.setSpacing(GRID // 2)
        row.addLayout(self._tools)
        self.modes: dict[str, QToolButton] = {}
        self.tools: list[QToolButton] = []
        self._group = QButtonGroup(self)

    def show_view(self, view: View) -> None:
        """The modes and tools of another view."""
        for button in (*self.modes.values(), *self.tools):
            self._group.removeButton(button)
            button.hide()
            button.deleteLater()
        self.modes = {}
        for n, mode in enumerate(view.modes):
            button = segment(mode.title, n, len(view.modes))
            button.setToolTip(mode.why_not or f"{mode.help} (V switches between them)")
            button.setEnabled(not mode.why_not)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, m=mode.name: self.mode_chosen.emit(m))
            button.setChecked(mode.name == view.mode)
            self._group.addButton(button)
            self._modes.addWidget(button)
            self.modes[mode.name] = button
        self.tools = []
        for name in (name for name in view.tools if name not in view.lacks):
            button = QToolButton()
            button.setDefaultAction(self._actions[name])
            button.setIconSize(QSize(16, 16))
            button.setProperty("flat", True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setAccessibleName(self._actions[name].text())
            self._tools.addWidget(button)
            self.tools.append(button)
        self._name_tools()

    def _name_tools(self) -> None:
        style, named = Qt.ToolButtonStyle, self.width() > ROOMY
        for button in self.tools:
            button.setToolButtonStyle(style.ToolButtonTextBesideIcon if named else style.ToolButtonIconOnly)
        parts = (self._menus, *self.modes.values(), *self.tools)
        needed = sum(part.sizeHint().width() for part in parts) + len(self.tools) * GRID // 2 + 6 * GRID
        for button in self.tools:
            button.setVisible(needed <= self.width())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Where there is little room, the tools are named by their tooltips only, or found in the menus."""
        super().resizeEvent(event)
        self._name_tools()

    def minimumSizeHint(self) -> QSize:
        return QSize(40 * GRID, super().minimumSizeHint().height())

    def show_mode(self, mode: str) -> None:
        self.modes[mode].setChecked(True)

    def say(self, text: str) -> None:
        if text != self.words.text():
            self.words.setText(text)
