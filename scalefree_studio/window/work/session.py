"""One job at work behind the window: the job, its thread, its recorder, its mailbox and its folder. No widgets."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ...crashes import report
from ...errors import UserError
from ...jobs.job import Edit, Job
from ...models.threads import cores_for_learning
from ...runner import Consumer, Mailbox, Runner, Status
from ...runs import Recording, recorders, save_first
from ...snapshot import Array, Change, Snapshot
from ...storage.recorder import Recorder
from ...storage.run_folder import HISTORY, RunFolder
from ...storage.saver import AUTOSAVE_SECONDS
from .job_thread import JobThread

MOST_CHANGES = 1000  # that wait for a window
POLITE = 10  # how far behind: as `nice` counts


@dataclass(frozen=True)
class Made:
    """A change that was made, and whether all began anew by it."""

    change: Change
    anew: bool


class Session:
    """From `start` until `ended`. `ready` and `changed` are called, without arguments, in the job's thread: when a new
    snapshot waits in the mailbox, and when something else is new (see `status`, `messages`, `ended`)."""

    def __init__(
        self,
        job: Job,
        folder: RunFolder,
        name: str,
        ready: Callable[[], None] = lambda: None,
        changed: Callable[[], None] = lambda: None,
        playing: bool = True,
        autosave: float = AUTOSAVE_SECONDS,
    ):
        self.job, self.folder, self.name = job, folder, name
        self._changed = changed
        self._messages: list[str] = []
        self._seen = 0  # messages of the runner
        self._crash = ""
        self.ended = False
        self.touched = False  # a person has changed it, or wants it kept
        self._begun_at = time.monotonic()
        self.mailbox = Mailbox(ready)
        self._still = _Still(job)
        consumers: list[Consumer] = [self._still, self.mailbox]
        self.recorder: Recorder | None = None
        try:
            consumers += recorders(job, Recording(folder), self.say)
            self.recorder = next(c for c in consumers if isinstance(c, Recorder))
        except (UserError, OSError) as error:  # learning goes on; what can be lost is reported
            self._messages.append(f"{error} Nothing is recorded.")
        self.runner = Runner(
            job, consumers, folder.keep, playing, told=changed, autosave=autosave, beside=True
        )
        save_first(self.runner, folder)
        self._thread: JobThread | None = JobThread("training", self._work)

    def start(self) -> None:
        if self._thread is not None:
            self._thread.begin()

    @property
    def status(self) -> Status:
        return self.runner.status

    @property
    def still(self) -> Mapping[str, Array]:
        """What does not change from step to step, as of the last change."""
        return self._still.arrays

    @property
    def mask(self) -> Array | None:
        """What is painted, as of the last change."""
        return self._still.mask

    def changes(self) -> list[Made]:
        """What has been changed since the last call."""
        return self._still.taken()

    @property
    def names(self) -> tuple[str, str]:
        """What can be taken back now, and made again, in words; or nothing."""
        return self._still.names

    def why_not(self, which: str) -> str:
        """Why there can be no "undo" or "redo" now; or nothing, also while an edit is still to be made."""
        possible = self.runner.waits or dict(zip(("undo", "redo"), self.names, strict=True))[which]
        return "" if possible else f"There is nothing to {which}."

    @property
    def recording(self) -> bool:
        return self.recorder is not None and self.recorder.recording and not self.recorder.trouble

    def record(self, on: bool) -> None:
        if self.recorder is not None:
            self.recorder.recording = on

    def edit(self, edit: Edit) -> None:
        self.touched = True
        self.runner.edit(edit)

    def messages(self) -> list[str]:
        """What is new for the person to read since the last call."""
        taken, self._messages = self._messages, []
        status = self.status
        if status.said > self._seen and not status.stopped:
            taken.append(status.message)
        self._seen = status.said
        return taken

    def stop(self) -> None:
        """Stop after the current step, finish the recording, save. Returns at once; `changed` is called at the end."""
        self.runner.stop()

    @property
    def looked_at(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._begun_at

    def save_soon(self) -> None:
        """Because a person wants it kept."""
        self.touched = True
        self.runner.save_soon()

    def join(self, timeout: float) -> bool:
        """Wait for the end; whether it came."""
        if self._thread is not None and self._thread.join(timeout):
            self._thread = None  # goes here and now: the garbage collector may come in any thread
        return self._thread is None

    @property
    def unsaved(self) -> str:
        """Why the work is not on disk, after the end; or nothing."""
        if not self.ended or not (self.status.unsaved or self._crash):
            return ""
        return self.status.message or self._crash

    def save_again(self, folder: RunFolder | None = None) -> bool:
        """After the end: try once more, or in another place, to which the recording goes along as far as it can."""
        if folder is None or folder.path == self.folder.path:
            saved = self.runner.save()
        else:
            saved = self.runner.save(keep=folder.keep)
            if saved:
                with contextlib.suppress(OSError):
                    shutil.copy2(self.folder.history_path, folder.path / HISTORY)
                self.folder = folder
        if saved:
            self._crash = ""
        return saved

    def _work(self) -> None:
        yield_to_the_window()
        try:
            self.runner.run()
        except BaseException as error:  # a bug: the person must read of it, and whoever mends it too
            report(error)
            saved = self.status.stopped and not self.status.unsaved
            self._messages.append(f"It stopped: {error}.")
            self._crash = "" if saved else f"It stopped, and the model was not saved: {error}."
        finally:
            self.ended = True
            self._changed()

    def say(self, message: str) -> None:
        self._messages.append(message)
        self._changed()


def yield_to_the_window() -> None:
    """Let this thread step back behind the one that draws. One core stays free for the window, whatever torch would
    take for itself; and where cores are short, drawing goes first: it is a small part of the time, and a person waits
    for it. Only Linux knows priorities of threads."""
    torch.set_num_threads(cores_for_learning())
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), POLITE)


class _Still:
    """Keeps what does not change, and what was changed, read in the job's own thread."""

    def __init__(self, job: Job):
        self._job = job
        self._newest = job.segment.number
        self._made: deque[Made] = deque(maxlen=MOST_CHANGES)
        self.arrays = job.still()
        self.mask: Array | None = getattr(job, "mask", None)
        self.names = job.past.names

    def taken(self) -> list[Made]:
        made = []
        while self._made:
            made.append(self._made.popleft())
        return made

    def wants(self, step: int) -> bool:
        return False

    def show(self, snapshot: Snapshot) -> None:
        pass

    def changed(self, change: Change) -> None:
        self.arrays = self._job.still()
        self.mask = getattr(self._job, "mask", None)
        self.names = self._job.past.names
        segment, newest = self._job.segment, self._newest
        self._newest = max(newest, segment.number)
        self._made.append(Made(change, segment.parent is None and segment.number > newest))

    def close(self, last: Snapshot) -> None:
        pass
