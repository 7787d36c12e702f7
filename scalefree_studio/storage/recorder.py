"""The consumer that keeps everything: frames, metrics and changes go to the history, in a thread of its own.

The queue is bounded and waits when it is full: the job slows down rather than a frame being lost.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..snapshot import Change, Snapshot
from .history import History, Measured

COMMIT_SECONDS = 0.5
METRICS_EVERY = 20  # steps


class Recorder:
    """Records frames at a stride of steps. A stride of 0 widens as learning slows: every frame at first, later each
    frame 1% of the steps further, so that a film of the run shows the fast beginning as well as the long end."""

    def __init__(self, path: Path, every: int = 0, told: Callable[[str], None] = lambda message: None):
        self.every = every
        self.recording = True
        self._told = told
        self._next = 0
        self._next_metrics = 0
        self._queue: queue.Queue[Snapshot | Measured | Change | None] = queue.Queue(maxsize=256)
        self.trouble = ""  # why nothing is recorded any more, in one sentence
        History.create(path).close()  # a folder that cannot be written is told now, to the caller
        self._thread = threading.Thread(target=self._write_all, args=(path,), name="recorder", daemon=True)
        self._thread.start()

    def wants(self, step: int) -> bool:
        due = (self.recording and step >= self._next) or step >= self._next_metrics
        return due and not self.trouble

    def show(self, snapshot: Snapshot) -> None:
        if self.trouble:
            return
        step = snapshot.step
        if self.recording and step >= self._next:
            self._next = step + (self.every or max(1, step // 100))
            self._queue.put(snapshot)
        if step >= self._next_metrics:
            self._next_metrics = step + METRICS_EVERY
            self._queue.put(Measured(step, snapshot.seconds, snapshot.metrics))

    def changed(self, change: Change) -> None:
        self._next = self._next_metrics = min(
            self._next, change.step
        )  # an edit, or a step back, is seen at once
        if not self.trouble:
            self._queue.put(change)

    def close(self, last: Snapshot | None = None) -> None:
        if last is not None and not self.trouble and self.recording:
            self._queue.put(last)
        self._queue.put(None)
        self._thread.join()

    def _write_all(self, path: Path) -> None:
        closed = False
        try:
            with History.create(path) as history:
                while not closed:
                    items = self._gather()
                    closed = None in items
                    history.write(
                        frames=[i for i in items if isinstance(i, Snapshot)],
                        metrics=[i for i in items if isinstance(i, Measured)],
                        changes=[(i.step, i.what, i.values) for i in items if isinstance(i, Change)],
                    )
        except Exception as error:  # whatever it is: a job must not wait for a recorder that is gone
            why = str(error).rstrip(".")
            self.trouble = f"Recording stopped: {why}. What was recorded before is kept."
            self._told(self.trouble)
            while not closed:
                closed = self._queue.get() is None

    def _gather(self) -> list[Snapshot | Measured | Change | None]:
        """At least one item, and what follows it within one commit's time."""
        items = [self._queue.get()]
        until = time.monotonic() + COMMIT_SECONDS
        while items[-1] is not None and len(items) < 128:
            try:
                items.append(self._queue.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return items
