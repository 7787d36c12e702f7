"""The present session, how another takes its place, and the one way in which it ends."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtBoundSignal, pyqtSignal

from ...controls import values_of
from ...crashes import note
from ...data.download import Progress
from ...errors import UserError
from ...jobs.job import Edit
from ...runs import choose_device
from ...storage.run_folder import RUN, InUseError, RunFolder, free_folder
from ...storage.saver import AUTOSAVE_SECONDS
from .background import Background, Done, Failed, Work
from .opening import Opened, open_subject
from .session import Session
from .subjects import COMPLETE, DRAW, SEARCH, Subject, wish_of

MOMENT = 10.0  # seconds: what was looked at for less, and not touched, is not kept
PATIENCE = 20_000  # ms for the current step and for saving, before the person is asked
RETURN = 10.0  # seconds for a thread that has done everything


class Questions:
    """What only a person can decide. The window asks with dialogs; a test answers by itself."""

    def unsaved(self, why: str, folder: Path) -> Path | bool:
        """Saving failed: another folder, True to try again, False to throw the work away."""
        return False

    def still_working(self) -> bool:
        """The current step takes long: wait on, or (False) leave without its end."""
        return False


class Sessions(QObject):
    """Signals reach the window on its own thread and carry nothing from the job: what is new is in the session."""

    ready = pyqtSignal()  # a snapshot waits in the session's mailbox
    changed = pyqtSignal()  # the session's status, or its messages
    opening = pyqtSignal()  # something is being read: see `reading`
    begun = pyqtSignal()  # another session
    refused = pyqtSignal(str)  # what was to be opened cannot be: one sentence

    def __init__(self, runs: Path, questions: Questions, parent: QObject | None = None):
        super().__init__(parent)
        self.runs, self.questions = runs, questions
        self.session: Session | None = None
        self.opened: Opened | None = None  # what the session was made of
        self.moment, self.autosave = MOMENT, AUTOSAVE_SECONDS
        self._held: RunFolder | None = None  # the session's folder, while nobody else may write in it
        self._new = False  # whether it is there only since this session
        self._opening, self._reading = Background("opening", self), Background("reading", self)
        self._then: list[Callable[[], None]] = []
        self._ending = self._leaving = self._closed = False
        self._gate = (
            threading.RLock()
        )  # held while a signal is emitted, and while the end of them all is noted
        self.abandoned = False  # the last step was not waited for: its thread is still at work
        self._wanted = 0  # the number of the newest wish to open something
        self._doing = 0, ""  # for which wish something is read, and what, in words
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(PATIENCE)
        self._slow.timeout.connect(self._ask_patience)
        self.changed.connect(self._end_when_done)

    # Opening: the new is read while the old goes on; what cannot be read changes nothing.

    def open(self, subject: Subject, controls: Any = None) -> None:
        if self._leaving:
            return
        if self.session is not None and controls is None and _is_run(subject, self.session.folder):
            self.refused.emit(f"{self.session.name} is already open.")  # what is on disk is older
            return
        self._wanted += 1
        wish = self._wanted
        runs = self.runs

        def read(device: str, progress: Progress) -> Opened:
            return open_subject(subject, runs, controls, device, progress)

        if self.session is not None and _draws_with(subject, self.session.folder):
            # Ends first, so that what is on disk is the newest.
            self.end(lambda: self._read(read, _name_of(subject), wish))
        else:
            self._read(read, _name_of(subject), wish)

    def open_by(self, read: Callable[[str, Progress], Opened], name: str, folder: Path | None = None) -> None:
        """Open what somebody else knows how to read, on a device, for a follower of what takes long. Where this very
        folder is at work, that ends first."""
        if self._leaving:
            return
        self._wanted += 1
        wish = self._wanted
        if self.session is not None and self.session.folder.path == folder:
            self.end(lambda: self._read(read, name, wish))
        else:
            self._read(read, name, wish)

    def _read(self, read: Callable[[str, Progress], Opened], name: str, wish: int) -> None:
        def show(what: str) -> None:
            if (wish, what) != self._doing:  # a signal a percent, not one a piece
                self._doing = wish, what
                self.opening.emit()

        def progress(what: str, done: int, total: int) -> None:
            if wish != self._wanted:
                raise UserError("Something else is wanted now.")
            show(f"{what}: {done / total:.0%}" if total else f"{what} …")

        show(f"Opening {name} …")

        self._opening.submit(
            lambda: read(choose_device(), progress),
            lambda opened: self._begin(opened, wish),
            lambda message: self._refuse(message, wish),
        )

    def _refuse(self, message: str, wish: int) -> None:
        if wish == self._wanted:
            self._doing = 0, ""
            self.refused.emit(message)

    @property
    def reading(self) -> str:
        """What is being read that is still wanted, in words; or nothing."""
        wish, what = self._doing
        return what if wish == self._wanted else ""

    def stay(self) -> None:
        """Nothing else is wanted after all, unless the present session has ended for it already."""
        if self.session is not None and not self._ending:
            self._wanted += 1

    def _begin(self, opened: Opened, wish: int) -> None:
        if wish != self._wanted:
            _let_go(opened)  # overtaken by a later wish
            return
        glance = self._glance(opened)

        def go_on() -> None:
            if glance is not None and not self.abandoned:
                shutil.rmtree(glance, ignore_errors=True)
            self._start(opened, wish)

        self.end(go_on)

    def _glance(self, opened: Opened) -> Path | None:
        """The folder of the present session, where it is not worth keeping: a new one, that was looked at for a moment
        only and not touched, and that what is opened now does not need."""
        session = self.session
        if session is None or not self._new or session.touched or session.looked_at > self.moment:
            return None
        path = session.folder.path
        belongs = self.opened is not None and self.opened.pipeline is not None
        return None if belongs or str(path) in opened.source else path

    def _start(self, opened: Opened, wish: int) -> None:
        if wish != self._wanted:
            _let_go(opened)
            return
        self._doing = 0, ""
        note(f"open a {opened.job.kind}")
        folder = self._claim(opened.folder)
        another = opened.copy_of or (opened.folder.path if folder is not opened.folder else None)
        self.opened = opened
        self.session = Session(
            opened.job, folder, opened.name, lambda: self._emit(self.ready), lambda: self._emit(self.changed),
            playing=not opened.waits, autosave=self.autosave,
        )  # fmt: skip
        self.session.start()
        self._describe()
        self.begun.emit()  # which takes the notices of the session before away
        if another is not None:
            self.session.say(
                f"Another window or command is using {another.name}: this is a copy, in {folder.path}. "
                "Its recording begins now."
            )
        elif opened.notes:
            self.session.say(" ".join(opened.notes))
        self.changed.emit()

    def _emit(self, signal: pyqtBoundSignal) -> None:
        """For the session's threads, of which one that was not waited for may outlive the window."""
        with self._gate:
            if not self._closed:
                signal.emit()

    def _claim(self, folder: RunFolder) -> RunFolder:
        """The folder for ourselves alone; where somebody else is at work in it, one for a copy."""
        claimed = folder
        while True:
            self._new = not claimed.path.exists()
            try:
                if not claimed.held:  # as that of a run which goes on is
                    claimed.hold()
                self._held = claimed
            except InUseError:
                claimed = RunFolder(free_folder(self.runs, folder.path.name))
                continue
            except UserError:  # that nothing can be written there the session reports
                self._held = None
            return claimed

    def _describe(self) -> None:
        """Write where the run comes from, once."""
        if self.session is None or self.opened is None or (self.session.folder.path / RUN).exists():
            return
        controls, source = self.opened.job.controls, self.opened.source
        command = ["scalefree-studio", source or self.opened.name]
        with contextlib.suppress(UserError, OSError):  # the session reports it
            self.session.folder.describe(
                command, source=source, seed=controls.seed, controls=values_of(controls)
            )

    def set_autosave(self, seconds: float) -> None:
        """How often runs are saved, from here on."""
        self.autosave = seconds
        if self.session is not None and self.session.runner.saver is not None:
            self.session.runner.saver.every = seconds

    def read(self, work: Work, done: Done, failed: Failed) -> None:
        """Read something in the background, beside what is opened, which does not wait for it."""
        self._reading.submit(work, done, failed)

    def edit(self, edit: Edit) -> None:
        note(f"edit {type(edit).__name__}")
        if self.session is not None:
            self.session.edit(edit)
            self.changed.emit()

    # Ending: stop after the current step, finish the recording, save; if that fails, ask.

    def end(self, then: Callable[[], None]) -> None:
        """End the present session, then go on. Asking twice asks for both, and ends once."""
        self._then.append(then)
        if self.session is None:
            self._ended()
        elif not self._ending:
            self._ending = True
            self._slow.start()
            self.session.stop()
            self._end_when_done()

    def leave(self, then: Callable[[], None]) -> None:
        """End for good: nothing is opened any more."""
        self._leaving = True
        self._wanted += 1
        self.end(then)

    @property
    def opened_of_recipe(self) -> bool:
        """Whether what goes on is a step of a recipe."""
        return self.opened is not None and bool(self.opened.step)

    @property
    def ending(self) -> bool:
        return self._ending

    def _end_when_done(self) -> None:
        session = self.session
        if not self._ending or session is None or not session.ended:
            return
        self._slow.stop()
        self.abandoned |= not session.join(RETURN)  # nothing is left to do in it but to return
        while why := session.unsaved:
            answer = self.questions.unsaved(why, session.folder.path)
            if answer is False:
                break
            if session.save_again(RunFolder(answer) if isinstance(answer, Path) else None):
                self._describe()
        self._ended()

    def _ask_patience(self) -> None:
        if self.session is None or self.session.ended:
            self._end_when_done()
        elif self.questions.still_working():
            self._slow.start()
        else:
            self.abandoned = True
            self._ended()

    def _ended(self) -> None:
        if self._held is not None and not self.abandoned:  # whoever was not waited for may still write
            self._held.release()
        self.session, self._held, self._ending = None, None, False
        then, self._then = self._then, []
        for go_on in then:
            go_on()

    def close(self) -> None:
        """After the end of everything."""
        with self._gate:
            self._closed = True
        self._slow.stop()
        for background in (self._opening, self._reading):
            background.close()


def _name_of(subject: Subject) -> str:
    """What is opened, in a word: a file's name, or that of a model or data set."""
    if not isinstance(subject, str | Path):
        return subject.name
    return Path(wish_of(subject).source).name.rpartition(":")[2]


def _let_go(opened: Opened) -> None:
    """What was opened in vain: others may have it. A recipe that is open stays so."""
    if opened.folder.held:
        opened.folder.release()
    if opened.pipeline is not None and not opened.pipeline.shown:
        opened.pipeline.close()


def _draws_with(subject: Subject, folder: RunFolder) -> bool:
    """Whether this very run is to draw with what it has learnt."""
    if not isinstance(subject, str | Path):
        return False
    wish = wish_of(subject)
    return wish.action in (DRAW, COMPLETE, SEARCH) and Path(wish.source).absolute() == folder.path.absolute()


def _is_run(subject: Subject, folder: RunFolder) -> bool:
    ours = folder.path.absolute(), folder.model_path.absolute()
    return isinstance(subject, str | Path) and Path(subject).absolute() in ours
