"""A window driven by hands: keys, mouse and waiting, for every test of the window."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from scalefree_studio.jobs.dividers.controls import FitControls
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.storage.run_folder import load_checkpoint
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.work.session import Session
from scalefree_studio.window.work.sessions import Questions
from scalefree_studio.window.work.subjects import Subject

PATIENCE = 20_000  # ms: only so that a broken window does not hang the tests
OURS = {"recorder", "render", "opening", "reading", "thumbnails", "export", "surprise", "tokens", "recipe"}
SMALL = "synthetic:lines-5"
FEW = FitControls(lines=8, hidden=8, batch_size=512, start="random")


class Answers(Questions):
    """Someone who answers without a dialog."""

    def __init__(self) -> None:
        self.answer: Path | bool = False
        self.asked: list[str] = []

    def unsaved(self, why: str, folder: Path) -> Path | bool:
        self.asked.append(why)
        return self.answer


def saved(folder: Path) -> FitDividers:
    """The job as it is on disk."""
    return FitDividers.from_checkpoint(load_checkpoint(folder))


class Driven:
    """A window, and hands to drive it."""

    def __init__(self, qtbot: QtBot, folder: Path):
        self.qtbot, self.folder, self.person = qtbot, folder, Answers()
        self.settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        self.settings.setValue("hints", False)  # they lie over what is clicked
        self.window = MainWindow(self.settings, self.person, runs=folder / "runs")
        self.window.sessions.moment = 0.0  # what was looked at, however shortly, is kept
        self.gone: list[bool] = []
        self.window.gone.connect(lambda: self.gone.append(True))
        self.window.resize(960, 640)
        with qtbot.waitExposed(self.window):
            self.window.show()
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)

    def until(self, what: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(what()), timeout=PATIENCE)

    def open(self, subject: Subject = SMALL) -> None:
        """Open, and wait until something has been learnt and shown."""
        before = self.window.sessions.session
        self.window.open(subject, FEW)
        self.until(
            lambda: (
                self.window.sessions.session not in (before, None)
                and self.window.stage.view.snapshot is not None
            )
        )

    @property
    def session(self) -> Session:
        assert self.window.sessions.session is not None
        return self.window.sessions.session

    @property
    def job(self) -> FitDividers:
        assert isinstance(self.session.job, FitDividers)
        return self.session.job

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.window, key, modifier)

    def learn_on(self) -> None:
        """Wait for a few more steps."""
        step = self.job.step_count
        self.until(lambda: self.job.step_count > step + 3)

    def pause(self) -> None:
        """Until nothing is done any more, and the last of it is shown."""
        self.key(Qt.Key.Key_Space)
        assert not self.session.status.playing
        mailbox, looked = self.session.mailbox, threading.Event()
        wants = mailbox.wants
        mailbox.wants = lambda step: bool(looked.set()) or wants(step)  # type: ignore[method-assign]
        self.until(looked.is_set)  # the step that was being made has been made
        mailbox.wants = wants  # type: ignore[method-assign]
        self.until(lambda: self._shown == self.session.job.step_count)

    @property
    def _shown(self) -> int:
        """The newest step on the stage."""
        newest = self.window.stage.newest
        return -1 if newest is None else newest.step

    def leave(self) -> None:
        self.window.leave()
        self.until(lambda: self.gone)


def said(driven: Driven) -> str:
    return driven.window.stage.toast.label.text()
