"""The window's parts, how they are laid out, and how they look. main_window.py says what happens in it."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import QApplication, QDialog, QMainWindow, QMenuBar, QSplitter, QVBoxLayout, QWidget

from ..views.exports import Exports
from ..views.view import Host, View
from ..widgets import theme
from ..widgets.curves import Curves
from ..widgets.fields import Field
from ..widgets.finding import Entry
from ..widgets.steps import Steps
from ..widgets.theme import GRID, Palette
from ..widgets.toast import Choice
from ..widgets.value_edit import ValueEdit
from ..work.sessions import Questions, Sessions
from .actions import fill_menus, make_actions, show_icons
from .command_palette import CommandPalette
from .course import Course
from .dialogs import QuestionDialogs
from .load_line import LoadLine
from .memory import FIRST, Memory
from .panel import Panel
from .stage import Stage
from .topbar import TopBar
from .transport import Transport

NO_LIMIT = (1 << 24) - 1  # Qt's own


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
        self._unfolded = [10_000, FIRST["left"]]  # sizes of the left splitter while the curves are there
        self._make_parts()
        self._lay_out()
        keys = self.actions_["find_command"].shortcuts()
        self.finder = CommandPalette(self, settings, lambda: self.found(), keys)
        self.set_palette(self.memory.palette())
        self.memory.restore_layout(self, self._splitters)
        self.actions_["record"].setChecked(settings.value("record", True, bool))
        self.actions_["show_tree"].setChecked(True)
        for name, part in self._foldable.items():
            on = settings.value(name, True, bool)
            self.actions_[name].setChecked(on)
            part.setVisible(on)
        self.show_curves()

    def _make_parts(self) -> None:
        bar = QMenuBar()
        self.menus = fill_menus(bar, self.actions_)
        self.top = TopBar(bar, self.actions_)
        host = Host(self.actions_, self.settings, lambda: None, self.sessions.read, self.show_dialog)
        self.stage = Stage(host)
        self.exports = Exports(self, host, self.say, lambda: self.palette_)
        self.course = Course(self.stage, self.actions_["undo"].trigger)
        self.curves = Curves(self.actions_["recent_curves"])
        self.transport = Transport(self.actions_)
        self.panel = Panel()
        self.load = LoadLine()
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
        beneath = self.panel.layout()
        assert beneath is not None
        beneath.addWidget(self.load)
        self.stage.setMinimumSize(28 * GRID, 20 * GRID)
        middle = QWidget()
        rows = QVBoxLayout(middle)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.steps)
        rows.addWidget(self.whole, 1)
        self.setCentralWidget(middle)
        self._splitters = {"left": self.left, "whole": self.whole}
        self._foldable = {"show_panel": self.panel, "show_bottom": self.curves}

    def begin_curves(self, view: View) -> None:
        """Nothing has been measured yet. What a view has no curves of takes no room for them."""
        self.curves.begin(view.quantities, view.step_name)
        self.show_curves()

    def show_curves(self) -> None:
        """Where there are any, and they are wanted."""
        self.curves.setVisible(bool(self.curves.curves) and self.actions_["show_bottom"].isChecked())
        self._fold_bottom()

    def _fold_bottom(self) -> None:
        """Without the curves, what is beneath them needs no more room than its own."""
        folded, low = self.curves.isHidden(), self.transport.sizeHint().height()
        if folded == (self.bottom.maximumHeight() == low):
            return
        if folded:
            self._unfolded = self.left.sizes()
        self.bottom.setMaximumHeight(low if folded else NO_LIMIT)
        self.left.setSizes([sum(self.left.sizes()), low] if folded else self._unfolded)

    def say(self, text: str, *choices: Choice, stays: bool = False, outlasts: bool = False) -> None:
        """A notice over the picture, with a button a choice: a command, or (what it says, what it does)."""
        self.stage.toast.say(text, choices, stays=stays, outlasts=outlasts)

    def show_nothing(self) -> None:
        """What was on the stage is no longer there."""
        view = self.stage.view
        self.stage.forget()
        view.end()
        self.stage.show_empty()
        self.begin_curves(view)
        self.transport.clear()
        self.panel.show_nothing()
        self.load.end()

    def show_dialog(self, dialog: QDialog) -> None:
        """Beside the window, which goes on; instead of another."""
        self.close_dialogs()
        self._dialogs = [dialog]
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(lambda _: self._dialogs.remove(dialog) if dialog in self._dialogs else None)
        dialog.show()

    # What main_window.py does.

    def do(self, name: str, *values: object) -> None:
        """A command, by its name."""

    def show_possible(self) -> None:
        """What can be done just now."""

    def prefer(self, name: str, value: object) -> None:
        """A preference."""

    def found(self) -> list[Entry]:
        """What the command palette finds."""
        return []

    def end_typing(self) -> bool:
        """In a field of the window: the keys go back to the picture, and what is not settled is taken back."""
        focused = QApplication.focusWidget()
        if focused is None or focused.window() is not self:
            return False
        near = (focused, focused.parentWidget())
        return any(part.end_passing() for part in near if isinstance(part, ValueEdit | Field))

    def end_full_screen(self) -> bool:
        full = self.isFullScreen()
        if full:
            self.actions_["full_screen"].trigger()
        return full

    def close_dialogs(self) -> bool:
        """Whether there were any."""
        closed, self._dialogs = self._dialogs, []
        for dialog in closed:
            dialog.close()
        return bool(closed)

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, palette)
        show_icons(self.actions_, palette)
        for part in (self.stage, self.curves, self.transport, self.panel, self.steps, self.finder):
            part.set_palette(palette)
        for dialog in self._dialogs:
            if isinstance(dialog, theme.Themed):
                dialog.set_palette(palette)

    def remember(self) -> None:
        """For the next day."""
        for name in self._foldable:
            self.settings.setValue(name, self.actions_[name].isChecked())
        self.memory.keep_layout(self, self._splitters)
