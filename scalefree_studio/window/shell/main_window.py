"""The window: the canvas in the middle, the controls on the right, curves and the past at the bottom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSettings, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication, QDialog, QMainWindow, QMenuBar, QSplitter, QVBoxLayout, QWidget

from ...errors import UserError
from ...jobs.job import Edit
from ...snapshot import Snapshot
from ..views.view import Host, View
from ..widgets import theme
from ..widgets.curves import Curves
from ..widgets.theme import GRID, Palette
from ..work.opening import STARTS, Subject, subject_of
from ..work.session import Session, place_for_runs
from ..work.sessions import Person, Sessions
from .actions import COMMANDS, call, dress, fill_menus, make_actions
from .commands import Commands
from .dialogs import Asking
from .memory import Memory
from .panel import Panel
from .stage import Stage
from .topbar import TopBar
from .transport import Transport

FIRST = "dividers"  # the kind whose view an empty window has


class MainWindow(QMainWindow):
    shown = pyqtSignal()  # a snapshot has reached the screen
    gone = pyqtSignal()  # everything is saved and ended

    def __init__(self, settings: QSettings, person: Person | None = None, runs: Path | None = None):
        super().__init__()
        self.settings = settings
        self.memory = Memory(settings)
        self.setWindowTitle("Scalefree Studio")
        self.setAcceptDrops(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self.past: Snapshot | None = None  # the recorded moment that is looked at
        self._newest: Snapshot | None = None
        self._controls: Any = None
        self._leaving = self._ended = False
        self._dialogs: list[QDialog] = []
        self.sessions = Sessions(runs or place_for_runs(), person or Asking(self), self)
        self.commands = Commands(self)
        self.actions_ = make_actions(self, self.commands.do)
        self._build()
        self._connect()
        self.memory.restore(self)
        self.show_view(self.stage.take_view(FIRST))
        self.curves.begin(self.stage.view.quantities, self.stage.view.counted)

    # -- what it is made of --------------------------------------------------------------------------------------

    def _build(self) -> None:
        bar = QMenuBar()
        fill_menus(bar, self.actions_)
        self.top = TopBar(bar, self.actions_)
        self.setMenuWidget(self.top)
        self.stage = Stage(Host(self.actions_, self.settings, lambda: None, self.sessions.read))
        self.curves = Curves(self.actions_["recent_curves"])
        self.transport = Transport(self.actions_)
        self.panel = Panel()
        self.bottom = QWidget()
        self.bottom.setObjectName("bar")
        self.bottom.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
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
        self.setCentralWidget(self.whole)

    def _connect(self) -> None:
        self.stage.tick.connect(self._show_newest)
        self.sessions.ready.connect(self.stage.pace.ask)
        self.sessions.told.connect(self._hear)
        self.sessions.opened.connect(self._begin)
        self.sessions.opening.connect(self.show_status)
        self.sessions.refused.connect(self._refuse)
        self.stage.made.connect(self._meet)
        self.panel.edited.connect(lambda values: self.stage.view.set_controls(values))
        self.panel.looked.connect(self.set_look)
        self.panel.chosen.connect(self.take_instrument)
        self.top.mode_chosen.connect(self.set_mode)
        self.transport.looked.connect(self.look_at)
        self.transport.refused.connect(self.say)
        self.transport.timeline.back_to_now.connect(self.back_to_now)

    # -- opening, and the pipe's end -----------------------------------------------------------------------------

    def open(self, subject: Subject, controls: Any = None) -> None:
        """Learn a picture, or go on with a model or run. What is there goes on until the other is ready."""
        if not self._leaving:
            self.sessions.open(subject, controls)

    def take(self, subject: Subject) -> None:
        """Something dropped or pasted: the view may have a use for it."""
        if not self.stage.view.take(subject):
            self.open(subject)

    def take_instrument(self, instrument: str) -> None:
        """Another instrument: with the newest of its runs, or with what it begins with."""
        if instrument == self.stage.view.instrument:
            self.stay()
        else:
            self.open(self.memory.newest_of(instrument) or STARTS[instrument])

    def stay(self) -> None:
        """Not to another instrument or view after all."""
        self.sessions.stay()
        self.show_status()

    def _meet(self, view: View) -> None:
        """A view that has just been made."""
        view.edited.connect(self.edit)
        view.said.connect(self.say)
        view.wanted.connect(self.open)
        view.restore()

    def _begin(self) -> None:
        session, found = self.sessions.session, self.sessions.found
        if session is None or found is None:
            return
        self.back_to_now()
        self.stage.empty.hide()
        self.stage.toast.hide()
        self._newest = None
        view = self.stage.take_view(session.job.kind)
        view.begin(session, found)
        self.show_view(view)
        session.record(self.settings.value("record", True, bool))
        self.curves.begin(view.quantities, view.counted)
        for measured in found.past:
            self.curves.add(measured.step, measured.metrics)
        self.transport.follow(session.folder.history_path, view.counted)
        self._show_controls(session, force=True)
        self.memory.add_recent(session.folder.path)
        self.show_status()

    def show_view(self, view: View) -> None:
        """Dress the window for a view: its modes, tools, commands, and its place in the panel."""
        for command in COMMANDS:
            action, possible = self.actions_[command.name], self.commands.find(command.name) is not None
            action.setVisible(possible)
            action.setEnabled(possible)
            call(action, command, *view.names.get(command.name, ()))
        self._allow_past()
        self.top.show_view(view)
        self.panel.show_view(view)

    def _refuse(self, message: str) -> None:
        self.say(message)
        self.panel.show_instrument(self.stage.view.instrument)
        if self.sessions.session is None:
            self.show_empty()
        else:
            self._show_controls(self.sessions.session, force=True)
        self.show_status()

    def show_empty(self) -> None:
        """Nothing is there: say what to do."""
        self.stage.empty.say(
            "Drop a picture here, or choose one.",
            (self.actions_["show_gallery"], self.actions_["open_file"]),
            closes=False,
        )

    def _show_newest(self) -> None:
        session = self.sessions.session
        snapshot = session.mailbox.take() if session is not None else None
        if session is None or snapshot is None:
            return
        self._newest = snapshot
        self._show_controls(session)
        self.curves.add(snapshot.step, snapshot.metrics)
        self.transport.show_clock(snapshot.step, snapshot.seconds)
        if self.past is None:
            self._show_on_stage(snapshot)
        else:
            self._say_where()
        self.show_status()
        self.shown.emit()

    def _show_on_stage(self, snapshot: Snapshot) -> None:
        self.stage.view.show_snapshot(snapshot, self._controls)

    def _show_controls(self, session: Session, force: bool = False) -> None:
        controls = session.job.controls
        if controls is not self._controls or force:
            self._controls = controls
            self.panel.show_controls(controls, self.stage.view.choices)

    # -- what is said --------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        self.stage.toast.say(text)

    def _hear(self) -> None:
        session = self.sessions.session
        if session is not None:
            messages = session.messages()
            if messages:
                self.say(" ".join(messages))
                self._show_controls(session, force=True)
        self.show_status()

    def show_status(self) -> None:
        """One sentence on what goes on, and the buttons as they are."""
        session = self.sessions.session
        self.top.say(self._sentence())
        if session is not None:
            playing = session.status.playing and not session.ended
            self.transport.show_playing(playing)
            self.transport.show_recording(session.recording)
            self.stage.view.show_state(playing, self.past is not None)
        title = f"{session.name} — Scalefree Studio" if session is not None else "Scalefree Studio"
        if title != self.windowTitle():
            self.setWindowTitle(title)

    def _sentence(self) -> str:
        sessions, view = self.sessions, self.stage.view
        if self._leaving or sessions.ending:
            return "Saving …"
        if sessions.reading:
            return sessions.reading
        if sessions.session is None:
            return ""
        status, ended = sessions.session.status, sessions.session.ended
        doing = view.doing(status.playing and not ended, status.rests, ended)
        told = view.words(self._newest) if self._newest is not None else ""
        return f"{doing} {sessions.session.name}" + (f" — {told}" if told else "")

    # -- what the person does ------------------------------------------------------------------------------------

    def edit(self, edit: Edit) -> None:
        self.sessions.edit(edit)

    def set_look(self, values: dict[str, Any]) -> None:
        self.stage.view.set_look(values)
        if self.panel.look is not None:
            self.panel.look.put(self.stage.view.look)

    def set_mode(self, mode: str) -> None:
        view = self.stage.view
        if mode == view.mode:
            self.stay()
        view.set_mode(mode)
        if view.mode in self.top.modes:
            self.top.show_mode(view.mode)

    def look_at(self, snapshot: Snapshot) -> None:
        """A recorded moment instead of the present one."""
        self.past = snapshot
        self._show_on_stage(snapshot)
        self._say_where()
        self._allow_past()
        self.show_status()

    def _say_where(self) -> None:
        if self.past is None:
            return
        told = self.stage.view.words(self.past)
        words = f"Looking at {self.stage.view.counted} {self.past.step:,}" + (f": {told}" if told else "")
        if self.stage.past.isVisible() and self.stage.past.label.text() == words:
            return
        choices = (self.actions_[name] for name in ("go_on_from_here", "to_now") if self.commands.find(name))
        self.stage.past.say(words, tuple(choices), closes=False)

    def _allow_past(self) -> None:
        for name in ("to_now", "go_on_from_here"):
            self.actions_[name].setEnabled(self.past is not None and self.commands.find(name) is not None)

    def back_to_now(self) -> None:
        if self.past is None:
            return
        self.past = None
        self._allow_past()
        self.stage.past.hide()
        self.transport.timeline.show_frame(None)
        if self._newest is not None:
            self._show_on_stage(self._newest)
        self.show_status()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event is not None:
            mime = event.mimeData()
            if mime is not None and (mime.hasUrls() or mime.hasImage() or mime.hasText()):
                event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        if event is None:
            return
        try:
            subject = subject_of(event.mimeData())
        except UserError as error:
            self.say(str(error))
            return
        event.acceptProposedAction()
        if subject is None:
            self.say("That is no picture, model or run.")
        else:
            self.take(subject)

    def show_dialog(self, dialog: QDialog) -> None:
        """Beside the window, which goes on."""
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

    # -- how it looks, remembered --------------------------------------------------------------------------------

    def set_palette(self, palette: Palette, remember: bool = True) -> None:
        self.palette_ = palette
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, palette)
        dress(self.actions_, palette)
        for part in (self.stage, self.curves, self.transport, self.panel):
            part.set_palette(palette)
        if remember:
            self.settings.setValue("theme", palette.name)
        self.show_status()

    # -- the end: Escape, the X, Ctrl-C and SIGTERM all come here ------------------------------------------------

    def leave(self) -> None:
        """Stop, save, go. Once."""
        if self._leaving:
            return
        self._leaving = True
        self.memory.keep(self)
        self.show_status()
        self.sessions.leave(self._finish)

    def _finish(self) -> None:
        self._ended = True
        self.close_dialogs()
        self.transport.close_history()
        self.stage.close_views()
        self.sessions.close()
        for timer in self.findChildren(QTimer):
            timer.stop()
        self.close()
        self.gone.emit()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        if event is None:
            return
        if self._ended:
            event.accept()
        else:
            event.ignore()
            self.leave()
