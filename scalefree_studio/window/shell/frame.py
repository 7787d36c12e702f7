"""The window's parts, how they are laid out, and how they look. main_window.py says what happens in it."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import QApplication, QDialog, QMainWindow, QMenuBar, QSplitter, QVBoxLayout, QWidget

from ..views.view import Host
from ..widgets import theme
from ..widgets.curves import Curves
from ..widgets.steps import Steps
from ..widgets.theme import GRID, Palette
from ..work.sessions import Questions, Sessions
from .actions import fill_menus, make_actions, show_icons
from .dialogs import QuestionDialogs
from .memory import Memory
from .panel import Panel
from .stage import Stage
from .topbar import TopBar
from .transport import Transport


class Frame(QMainWindow):
    """The canvas in the middle, the controls on the right, curves and the past at the bottom."""

    def __init__(self, settings: QSettings, questions: Questions | None = None, runs: Path | None = None):
        super().__init__()
        self.settings = settings
        self.memory = Memory(settings)
        preferences = self.memory.preferences
        self.sessions = Sessions(runs or preferences.place, questions or QuestionDialogs(self), self)
        self.sessions.set_autosave(preferences.autosave)
        self.actions_ = make_actions(self)
        self._dialogs: list[QDialog] = []
        self._make_parts()
        self._lay_out()
        self.set_palette(self.memory.palette(), remember=False)
        self.memory.restore_layout(self, self._splitters)
        self.actions_["record"].setChecked(settings.value("record", True, bool))
        self.actions_["show_tree"].setChecked(True)
        for name, part in self._foldable.items():
            on = settings.value(name, True, bool)
            self.actions_[name].setChecked(on)
            part.setVisible(on)

    def _make_parts(self) -> None:
        bar = QMenuBar()
        self.menus = fill_menus(bar, self.actions_)
        self.top = TopBar(bar, self.actions_)
        host = Host(self.actions_, self.settings, lambda: None, self.sessions.read, self.show_dialog)
        self.stage = Stage(host)
        self.curves = Curves(self.actions_["recent_curves"])
        self.transport = Transport(self.actions_)
        self.panel = Panel()
        self.steps = Steps(self.memory.palette())
        self.bottom = QWidget()
        self.bottom.setObjectName("bar")
        self.bottom.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def _lay_out(self) -> None:
        self.setMenuWidget(self.top)
        column = QVBoxLayout(self.bottom)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.curves, 1)
        column.addWidget(self.transport)
        self.left = QSplitter(Qt.Orientation.Vertical)
        self.left.addWidget(self.stage)
        self.left.addWidget(self.bottom)
        self.whole = QSplitter(Qt.Orientation.Horizontal)
        self.whole.addWidget(self.left)
        self.whole.addWidget(self.panel)
        for splitter in (self.left, self.whole):
            splitter.setHandleWidth(1)
            splitter.setChildrenCollapsible(False)
            splitter.setStretchFactor(0, 1)
            splitter.setStretchFactor(1, 0)
        self.panel.setMaximumWidth(60 * GRID)
        self.stage.setMinimumSize(28 * GRID, 20 * GRID)
        middle = QWidget()
        rows = QVBoxLayout(middle)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.steps)
        rows.addWidget(self.whole, 1)
        self.setCentralWidget(middle)
        self._splitters = {"left": self.left, "whole": self.whole}
        self._foldable = {"show_panel": self.panel, "show_bottom": self.bottom}

    def say(self, text: str) -> None:
        self.stage.toast.say(text)

    def show_nothing(self) -> None:
        """What was on the stage is no longer there."""
        view = self.stage.view
        self.stage.forget()
        self.stage.show_empty()
        self.curves.begin(view.quantities, view.step_name)
        self.transport.clear()

    def show_dialog(self, dialog: QDialog) -> None:
        """Beside the window, which goes on; instead of another."""
        self.close_dialogs()
        self._dialogs = [dialog]
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(lambda _: self._dialogs.remove(dialog) if dialog in self._dialogs else None)
        dialog.show()

    def close_dialogs(self) -> bool:
        """Whether there were any."""
        closed, self._dialogs = self._dialogs, []
        for dialog in closed:
            dialog.close()
        return bool(closed)

    def set_palette(self, palette: Palette, remember: bool = True) -> None:
        self.palette_ = palette
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, palette)
        show_icons(self.actions_, palette)
        for part in (self.stage, self.curves, self.transport, self.panel, self.steps):
            part.set_palette(palette)
        if remember:
            self.settings.setValue("theme", palette.name)

    def remember(self) -> None:
        """For the next day."""
        for name in self._foldable:
            self.settings.setValue(name, self.actions_[name].isChecked())
        self.memory.keep_layout(self, self._splitters)
