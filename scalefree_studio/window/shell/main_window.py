"""The window: what the sessions report reaches its parts, and what the person does in the parts reaches the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, QSettings, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
)

from ... import crashes
from ...jobs.instruments import instruments
from ...storage.history import present
from ..views.view import View
from ..widgets.finding import Entry
from ..work.preferences import SYSTEM
from ..work.session import Session
from ..work.sessions import Questions
from ..work.subjects import Subject
from .actions import WHY_NOT, all_commands, allow, connect_actions, name_action, name_undo
from .commands import Commands
from .found import found_in
from .frame import Frame
from .recipe import RecipeAtWork

FIRST = "dividers"  # the kind whose view an empty window has


class MainWindow(Frame):
    shown = pyqtSignal()  # a snapshot has reached the screen
    gone = pyqtSignal()  # everything is saved and ended

    def __init__(self, settings: QSettings, questions: Questions | None = None, runs: Path | None = None):
        super().__init__(settings, questions, runs)
        self.setWindowTitle("Scalefree Studio")
        self.setAcceptDrops(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self._leaving = self._ended = False
        self.commands = Commands(self)
        self.recipe = RecipeAtWork(self.sessions, self.steps, self.say, lambda: self.course.left, self)
        self._connect()
        self.show_view(self.stage.take_view(FIRST))
        self.begin_curves(self.stage.view)

    def _connect(self) -> None:
        connect_actions(self.actions_, self.do)
        hints = QGuiApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._follow_desktop)
        self.sessions.ready.connect(self.stage.pace.ask)
        self.sessions.changed.connect(self._show_messages)
        self.sessions.begun.connect(self._begin)
        self.sessions.opening.connect(self.show_status)
        self.sessions.refused.connect(self._refuse)
        self.stage.tick.connect(self._show_newest)
        self.stage.view_made.connect(self._connect_view)
        self.stage.past_changed.connect(self._show_past)
        self.panel.edited.connect(lambda values: self.stage.view.set_controls(values))
        self.panel.display_edited.connect(self.set_display)
        self.panel.instrument_chosen.connect(self.take_instrument)
        self.top.mode_chosen.connect(self.set_mode)
        for menu in self.menus.values():
            menu.aboutToShow.connect(self.show_status)  # a notice may have taken its offer away since
        self.transport.past_begun.connect(self.show_possible)
        self.transport.past_chosen.connect(self.stage.show_past)
        self.transport.refused.connect(self.say)
        self.transport.timeline.back_to_now.connect(lambda: self.stage.back_to_now())

    def _connect_view(self, view: View) -> None:
        """One that has just been made."""
        view.edited.connect(self.sessions.edit)
        view.edited.connect(lambda edit: self._follow_hint(isinstance(edit, view.follows)))
        view.followed.connect(lambda: self._follow_hint(True))
        view.message.connect(self.say)
        view.noted.connect(self.panel.note)
        view.notice.connect(lambda text, choices: self.say(text, *choices))
        view.possible.connect(self.show_possible)
        view.open_requested.connect(self.open)
        view.restore()

    # -- opening, and the pipe's end -----------------------------------------------------------------------------

    def open(self, subject: Subject, controls: Any = None) -> None:
        """Learn a picture, or go on with a model or run. What is there goes on until the other is ready."""
        self.sessions.open(subject, controls)

    def take_instrument(self, instrument: str) -> None:
        """Another instrument: with the newest of its runs, or with what it begins with."""
        if instrument == self.stage.view.instrument:
            self.stay()
        else:
            self.open(self.memory.newest_of(instrument) or instruments()[instrument].start)

    def stay(self) -> None:
        """Not to another instrument or view after all."""
        self.sessions.stay()
        self.show_status()

    def _begin(self) -> None:
        session, opened = self.sessions.session, self.sessions.opened
        if session is None or opened is None:
            return
        self.stage.forget()
        self.course.begin()
        view = self.stage.take_view(opened.view)
        view.begin(session, opened)
        self.show_view(view)
        session.record(self.settings.value("record", True, bool))
        self.begin_curves(view)
        for measured in present(opened.past):
            self.curves.add(measured.step, measured.metrics)
        self.transport.follow(session.folder.history_path, view.step_name)
        self._show_controls(session, force=True)
        recipe = opened.pipeline if opened.step else None  # a training of a recipe is opened with all of it
        self.memory.add_recent(recipe.folder if recipe is not None else session.folder.path)
        self.load.begin(session, view.step_name)
        self._show_hint(view)
        self.show_status()

    def _show_hint(self, view: View) -> None:
        """Once, the first time that a view is seen; it goes by itself, or as soon as it is followed."""
        name = f"hint/{type(view).__name__}"
        if (
            view.first_hint
            and self.settings.value("hints", True, bool)
            and not self.settings.value(name, False, bool)
        ):
            self.settings.setValue(name, True)
            self.stage.hint.say(view.first_hint)

    def _follow_hint(self, done: bool) -> None:
        if done:
            self.stage.hint.hide()

    def show_view(self, view: View) -> None:
        """Fit the window to a view: its modes, tools, commands, and its place in the panel."""
        for command in all_commands():
            action, possible = self.actions_[command.name], self.commands.find(command.name) is not None
            action.setVisible(possible)
            name_action(action, command, *view.names.get(command.name, ()))
        self.show_possible()
        self.top.show_view(view)
        self.panel.show_view(view)

    def show_possible(self) -> None:
        """What can be done just now, and why not what cannot."""
        for name, action in self.actions_.items():
            if action.isVisible():
                before = action.property(WHY_NOT)
                allow(action, self.commands.why_not(name))
                if before and action.isEnabled() and self.stage.toast.label.text() == before:
                    self.stage.toast.hide()  # it has become untrue

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """The key of a command that cannot be given says why: nobody has taken it so far."""
        super().keyPressEvent(event)
        if event is not None:
            pressed = QKeySequence(event.keyCombination())
            for action in self.actions_.values():
                if pressed in action.shortcuts() and action.isVisible() and action.property(WHY_NOT):
                    self.say(str(action.property(WHY_NOT)))

    def _refuse(self, message: str) -> None:
        self.panel.show_instrument(self.stage.view.instrument)
        if self.sessions.session is None:
            self.show_nothing()
        else:
            self._show_controls(self.sessions.session, force=True)
        self.show_status()
        self.say(message)

    def _show_newest(self) -> None:
        session = self.sessions.session
        if session is None:
            return
        if self.course.tell_changes(session):  # also where undo came before anything else was shown
            self._show_controls(session, force=True)
        snapshot = session.mailbox.take()
        if snapshot is None:
            return
        self._show_controls(session)
        self.course.follow(session, snapshot)
        self.curves.add(snapshot.step, snapshot.metrics, snapshot.segment)
        self.transport.show_clock(snapshot.step, snapshot.seconds)
        self.load.follow(snapshot)
        self.stage.show_newest(snapshot)
        self.show_status()
        self.shown.emit()

    def _show_controls(self, session: Session, force: bool = False) -> None:
        controls = session.job.controls
        if controls is not self.stage.controls or force:
            self.stage.controls = controls
            self.panel.show_controls(controls, self.stage.view.choices)
        self.panel.show_size(*session.job.size)

    def _show_past(self) -> None:
        if self.stage.past is None:
            self.transport.timeline.show_frame(None)
        self.show_status()

    # -- what is said --------------------------------------------------------------------------------------------

    def _follow_desktop(self) -> None:
        if self.memory.preferences.theme == SYSTEM:
            self.set_palette(self.memory.palette())

    def _show_messages(self) -> None:
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
        self.show_possible()
        name_undo(self.actions_, *self.commands.names)
        if session is not None:
            playing = session.status.playing and not session.ended
            self.transport.show_playing(playing)
            self.transport.show_recording(session.recording)
            self.stage.view.show_state(playing, self.stage.past is not None)
            if not self.sessions.opened_of_recipe:  # which goes on with its next step
                self.course.tell_end(session)
        title = "Scalefree Studio"
        if session is not None:  # by the name of the run, which a person may have given it
            title = (
                f"{session.name if self.sessions.opened_of_recipe else session.folder.path.name} — {title}"
            )
        if title != self.windowTitle():
            self.setWindowTitle(title)

    def _sentence(self) -> str:
        sessions, view, newest = self.sessions, self.stage.view, self.stage.newest
        if self._leaving or sessions.ending:
            return "Saving …"
        if sessions.reading:
            return sessions.reading
        if sessions.session is None:
            return ""
        status, ended = sessions.session.status, sessions.session.ended
        at_end = self.course.at_end(sessions.session)
        playing = (
            status.playing or (status.rests and not at_end)
        ) and not ended  # its last picture is still to come
        words = view.words(newest) if newest is not None else ""
        left = f", {self.course.left}" if playing and self.course.left else ""
        doing = f"{view.doing(playing, at_end, ended)} {sessions.session.name}{left}"
        return f"{doing} — {words}" if words else doing

    def changeEvent(self, event: QEvent | None) -> None:
        """Whoever made it fill the screen: the memory of yesterday, a key, or the desktop."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.WindowStateChange:
            self.actions_["full_screen"].setChecked(self.isFullScreen())

    # -- what the person does ------------------------------------------------------------------------------------

    def do(self, name: str, *values: object) -> None:
        """A command, by its name."""
        crashes.note(name)
        self.commands.do(name, *values)
        self.show_status()

    def prefer(self, name: str, value: object) -> None:
        self.commands.prefer({name: value})

    def found(self) -> list[Entry]:
        return found_in(self)

    def set_display(self, values: dict[str, Any]) -> None:
        self.stage.view.set_display(values)
        if self.panel.display is not None:
            self.panel.display.put(self.stage.view.display)

    def set_mode(self, mode: str) -> None:
        view = self.stage.view
        if mode == view.mode:
            self.stay()
        view.set_mode(mode)
        if view.mode in self.top.modes:
            self.top.show_mode(view.mode)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event is not None:
            mime = event.mimeData()
            if mime is not None and (mime.hasUrls() or mime.hasImage() or mime.hasText()):
                event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        if event is not None:
            event.acceptProposedAction()
            self.commands.take(event.mimeData(), "That is not a picture, model, run or recipe.")

    # -- the end: Escape, the X, Ctrl-C and SIGTERM all come here ------------------------------------------------

    def leave(self) -> None:
        """Stop, save, go. Once."""
        if self._leaving:
            return
        self._leaving = True
        self.remember()
        self.show_status()
        self.sessions.leave(self._finish)

    def _finish(self) -> None:
        self._ended = True
        self.close_dialogs()
        self.transport.close_history()
        self.stage.close_views()
        self.sessions.abandoned |= not self.recipe.close()
        self.sessions.abandoned |= not self.exports.close()
        self.sessions.close()
        for timer in self.findChildren(QTimer):
            timer.stop()
        self.close()
        self.gone.emit()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self.leave()
        if event is not None:
            event.setAccepted(self._ended)
