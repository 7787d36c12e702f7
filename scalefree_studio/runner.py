"""Runs a job. The same runner works inline in a test, under a progress bar, or in a thread behind the window.

    commands → staged edits → job.step() → snapshot → { mailbox · recorder · progress bar · tracker }

Any thread may send a command; one thread runs the job and is the only one to touch it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from .controls import ControlError, Staging
from .errors import JobError, UserError
from .jobs.job import Edit, Job
from .snapshot import Change, Snapshot
from .storage.saver import AUTOSAVE_SECONDS, Keep, Saver

TOLD_SECONDS = 30.0  # where saves lie further apart than this, it is said
LOOK_SECONDS = 0.1  # a mailbox emptied while nothing is done wants what it missed


class Consumer(Protocol):
    """Someone who looks at snapshots. It is asked after every step whether it wants one, so it must answer fast."""

    def wants(self, step: int) -> bool: ...

    def show(self, snapshot: Snapshot) -> None: ...

    def changed(self, change: Change) -> None: ...

    def close(self, last: Snapshot) -> None:
        """The run has ended with this."""


class Mailbox:
    """A slot for the newest snapshot, for a consumer that looks when it has time (the window, at display rate).

    `ready` is called, without arguments, in the runner's thread when the slot is filled. The slot is filled again only
    after it was emptied: nothing piles up, and a runner without a looker makes no snapshots.
    """

    def __init__(self, ready: Callable[[], None] = lambda: None):
        self._ready = ready
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._wanted = True
        self._shown: int | None = None  # the step last shown; the same step again is no news

    def take(self) -> Snapshot | None:
        """The newest snapshot if there is one; asks for the next."""
        with self._lock:
            snapshot, self._snapshot = self._snapshot, None
            self._wanted = True
            return snapshot

    def wants(self, step: int) -> bool:
        return self._wanted and step != self._shown

    def show(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._snapshot, self._wanted, self._shown = snapshot, False, snapshot.step
        self._ready()

    def changed(self, change: Change) -> None:
        """An edit is news even while no step is made."""
        self._shown = None

    def close(self, last: Snapshot) -> None:
        self.show(last)


@dataclass(frozen=True)
class Status:
    """How a runner is doing, for whoever shows it."""

    playing: bool
    stopped: bool  # the run has ended, and nothing touches the job any more
    failed: bool  # the job itself could not go on
    unsaved: bool  # the last attempt to save failed
    message: str  # empty, or one sentence about what went wrong
    said: int  # how many such sentences there have been
    rests: bool  # there is nothing to do until an edit comes


class Count:
    """How much is still to be done. Any thread adds to it, and takes of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0

    def __bool__(self) -> bool:
        return self._number > 0

    def add(self) -> None:
        with self._lock:
            self._number += 1

    def take(self) -> None:
        """One, if there is one."""
        with self._lock:
            self._number = max(0, self._number - 1)

    def clear(self) -> None:
        with self._lock:
            self._number = 0


class Runner:
    """Steps one job until it is told to stop."""

    def __init__(
        self,
        job: Job,
        consumers: Sequence[Consumer] = (),
        keep: Keep | None = None,
        playing: bool = True,
        told: Callable[[], None] = lambda: None,
        agree: Callable[[bool], bool] = bool,
        autosave: float = AUTOSAVE_SECONDS,
        beside: bool = False,
    ):
        """`keep` stores a checkpoint, or raises OSError: every so many seconds, and `beside` the steps, in a thread of
        its own. `told` is called when the status has changed; `agree` makes one answer of those of all runners that run
        this job together: whether one of them ends."""
        self.job = job
        self.consumers = list(consumers)
        self.saver = Saver(keep, autosave, beside) if keep is not None else None
        self._told, self._agree = told, agree
        self._staging = Staging()
        self._wake = threading.Event()
        self._playing = playing
        self._idle = False  # there is nothing to do until an edit comes
        self._stepped_at = -math.inf
        self._single_steps = Count()
        self._stopping = self._stopped = self._failed = self._unsaved = self._save_now = False
        self._message, self._said = "", 0
        self._changed = True  # since it was last kept
        self._told_interval = False

    # Commands: from any thread, at any time.

    def edit(self, edit: Edit) -> None:
        self._staging.stage(edit)
        self._wake.set()

    @property
    def waits(self) -> bool:
        """Whether an edit is still to be made."""
        return self._staging.waits

    def play(self) -> None:
        self._playing = True
        self._wake.set()

    def pause(self) -> None:
        self._playing = False
        self._wake.set()

    def step_once(self) -> None:
        self._playing = False
        self._single_steps.add()
        self._wake.set()

    def save_soon(self) -> None:
        """At the top of the next step; also before the first one."""
        self._save_now = True
        self._wake.set()

    def stop(self) -> None:
        """Stop after the current step. Safe to call twice, or from a signal handler."""
        self._stopping = True
        self._wake.set()

    @property
    def status(self) -> Status:
        playing = self._playing and not self._idle
        return Status(
            playing, self._stopped, self._failed, self._unsaved, self._message, self._said, self._idle
        )

    # The loop: in one thread.

    def run(self, until_limit: bool = False) -> None:
        """Work until stopped. `until_limit` (headless) also stops where the job's limit is reached, and never rests."""
        self._playing = self._playing or until_limit
        try:
            while not self._agree(self._stopping or (until_limit and self._finished())):
                self._wake.clear()  # before looking, so that a command sent while we look wakes us again
                self._apply_edits()
                self._autosave()
                wait = 0.0 if until_limit else self._until_next_step()
                if wait <= 0:
                    self._work()
                self._show()
                if wait > 0 and not self._stopping:
                    self._wake.wait(timeout=min(wait, LOOK_SECONDS))
        finally:
            self._shut_down()

    def _until_next_step(self) -> float:
        """Seconds. A job that has nothing left to do is paused, and plays on when an edit gives it something."""
        rest = self.job.rest
        if self._idle != (rest == math.inf):
            self._idle = not self._idle
            self._told()
        if self._single_steps:
            return 0.0
        return self._stepped_at + rest - time.monotonic() if self._playing and not self._idle else math.inf

    def _finished(self) -> bool:
        """Asked before a step, so that a run that has reached its limit is not changed by resuming it."""
        return self._failed or self.job.limit.reached(self.job.step_count, self.job.seconds)

    def _work(self) -> None:
        self._single_steps.take()
        self._changed = True
        self._stepped_at = time.monotonic()
        try:
            self.job.step()
        except JobError as error:
            self._playing = False
            self._single_steps.clear()
            self._say(str(error), failed=True)

    def _apply_edits(self) -> None:
        refused = []
        for edit in self._staging.take():
            try:
                change = self.job.apply(edit)
            except (ControlError, JobError) as error:
                refused.append(str(error))
                continue
            self._changed = True
            for consumer in self.consumers:
                if not change.passing or isinstance(consumer, Mailbox):
                    consumer.changed(change)
        self._staging.made()
        for message in refused:  # once none waits any more
            self._say(message)

    def _show(self) -> None:
        wanting = [c for c in self.consumers if c.wants(self.job.step_count)]
        if wanting:
            snapshot = self.job.snapshot()
            for consumer in wanting:
                consumer.show(snapshot)

    def _autosave(self) -> None:
        saver = self.saver
        if saver is None or saver.busy:
            return
        with self._saving():
            if saver.finish():
                self._unsaved = False
        if self._save_now or (saver.due and (self._changed or self._unsaved)):
            self._save_now = self._changed = False
            with self._saving():
                saver.save(self.job.checkpoint)
        if saver.interval > TOLD_SECONDS and not self._told_interval:
            self._told_interval = True
            self._say(f"Saving is slow here, so it is done every {saver.interval:.0f} s.")

    def save(self, keep: Keep | None = None) -> bool:
        """Keep a checkpoint now, to the end; on failure say why and return False.

        In the job's thread, or in any thread once the run has ended: then also in another place, with another `keep`.
        """
        saver = self.saver if keep is None else Saver(keep)
        with self._saving():
            if saver is not None:
                with suppress(OSError, UserError):  # what is kept now is newer
                    saver.finish()
                saver.save(self.job.checkpoint)
                saver.finish()
            self._unsaved = False
        return not self._unsaved  # whoever was told may have tried again

    @contextmanager
    def _saving(self) -> Iterator[None]:
        """Within this, what goes wrong is said."""
        try:
            yield
        except (OSError, UserError, JobError) as error:
            self._unsaved = True
            self._say(f"Saving failed: {getattr(error, 'strerror', None) or error}")

    def _shut_down(self) -> None:
        """The one way out: the last picture shown, recordings closed, the model saved."""
        try:
            snapshot = self.job.snapshot()
            for consumer in self.consumers:
                consumer.close(snapshot)
        finally:  # whatever a consumer runs into, a terminal that is gone for one
            self.save()
            if self.saver is not None:
                self.saver.close()
            self._stopped = True
            self._told()

    def _say(self, message: str, failed: bool = False) -> None:
        self._message, self._failed = message, self._failed or failed
        self._said += 1
        self._told()
