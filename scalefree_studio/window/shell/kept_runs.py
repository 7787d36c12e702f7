"""The runs that were open before, and what can be done with them: a menu of them, other names, the bin."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6 import sip
from PyQt6.QtCore import QUrl
from PyQt6.QtGui import QAction, QDesktopServices
from PyQt6.QtWidgets import QInputDialog, QMenu

from ...errors import UserError
from ...snapshot import Array
from ...storage.bin import rename_run, take_back, throw_away
from ..widgets.theme import GRID
from ..work.thumbnails import thumbnail_of
from .frame import Frame
from .gallery import Gallery, rounded

ICON = 5 * GRID


class RecentRuns(QMenu):
    """Made anew whenever it opens. The thumbnails, of what was learnt, come as they are ready."""

    def __init__(self, window: Frame):
        super().__init__("Recent runs", window)
        self._window = window
        self.setToolTipsVisible(True)
        self.setStyleSheet(f"QMenu {{ icon-size: {ICON}px; }}")
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        self.clear()
        paths = self._window.memory.recent()
        for path in paths:
            action = QAction(f"{path.name.replace('&', '&&')}\t{_ago(path)}", self)
            action.setToolTip(f"Continue {path}")
            action.triggered.connect(partial(self._window.sessions.open, str(path)))
            self.addAction(action)
            self._window.sessions.read(partial(thumbnail_of, str(path)), partial(_show_on, action), _nothing)
        if not paths:
            self.addAction("None yet").setEnabled(False)  # type: ignore[union-attr]


def _show_on(action: QAction, pixels: Array) -> None:
    if not sip.isdeleted(action):
        action.setIcon(rounded(pixels))


def _nothing(message: str) -> None:
    """A run without a picture."""


def _ago(path: Path) -> str:
    try:
        minutes = max(0.0, time.time() - path.stat().st_mtime) / 60
    except OSError:
        return ""
    for unit, each in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= each:
            count = math.floor(minutes / each)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


class KeptRuns:
    """What a person does with a run, be it the one that is open or another."""

    def __init__(self, window: Frame):
        self.w = window
        self._undo: QAction | None = None  # of the newest deletion

    @property
    def offered(self) -> QAction | None:
        """What takes a run back out of the bin, as long as a notice offers it."""
        toast, undo = self.w.stage.toast, self._undo
        return undo if undo is not None and undo in toast.choices and not toast.isHidden() else None

    @property
    def open_one(self) -> Path | None:
        session = self.w.sessions.session
        return None if session is None else session.folder.path

    def show(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self.w.say(f"It is kept in {path}.")

    def ask_name(self, path: Path) -> None:
        dialog = QInputDialog(self.w)
        dialog.setWindowTitle("Rename this run")
        dialog.setLabelText("Its name")
        dialog.setTextValue(path.name)
        dialog.resize(50 * GRID, dialog.height())  # room for a long name
        if dialog.exec() and dialog.textValue().strip():
            self.rename(path, dialog.textValue().strip())

    def rename(self, path: Path, name: str) -> None:
        self._let_go(path, lambda was_open: self._rename(path, name, was_open))

    def _rename(self, path: Path, name: str, was_open: bool) -> None:
        try:
            renamed = rename_run(path, name)
        except UserError as error:
            renamed = path
            self.w.say(str(error))
        self.w.memory.replace_recent(path, renamed)
        if renamed != path:
            self._forget_in_gallery(path)
        if was_open:
            self.w.sessions.open(str(renamed))

    def delete(self, path: Path) -> None:
        """To the bin; a notice offers to take it back."""
        self._let_go(path, lambda was_open: self._delete(path, was_open))

    def _delete(self, path: Path, was_open: bool) -> None:
        try:
            thrown = throw_away(path)
        except UserError as error:
            self.w.say(str(error))
            if was_open:
                self.w.sessions.open(str(path))
            return
        self._forget_in_gallery(path)
        if was_open:
            self.w.show_nothing()
        undo = QAction("Undo", self.w.stage.toast)
        undo.setToolTip("Restore it from the bin")
        undo.triggered.connect(lambda: self.take_back(thrown, path, was_open))
        self._undo = undo
        self.w.stage.toast.say(f"{path.name} was moved to the bin.", (undo,))
        self.w.show_possible()  # the key of undo, too

    def _forget_in_gallery(self, path: Path) -> None:
        for gallery in self.w.findChildren(Gallery):
            gallery.forget(path)

    def take_back(self, thrown: Path, path: Path, reopen: bool) -> None:
        try:
            back = take_back(thrown, path)
        except UserError as error:
            self.w.say(str(error))
            return
        self.w.memory.add_recent(back)
        self.w.say(f"{back.name} is back.")
        if reopen and self.open_one is None:
            self.w.sessions.open(str(back))

    def _let_go(self, path: Path, then: Callable[[bool], None]) -> None:
        """First its session ends, if it is the one that is open."""
        sessions = self.w.sessions
        if (
            sessions.opened is not None
            and sessions.session is not None
            and sessions.opened.pipeline is not None
        ):
            pipeline = sessions.opened.pipeline
            if path == pipeline.folder or pipeline.has(path):
                self.w.say(f"{path.name} belongs to a recipe that is open: open something else first.")
                return
        if path != self.open_one:
            then(False)
            return
        self.w.transport.close_history()
        sessions.end(lambda: then(True))
