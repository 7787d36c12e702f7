"""The consumer that keeps everything: frames, metrics and changes go to the history, in a thread of its own; the job
slows down rather than a frame being lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ..snapshot import Change, Snapshot
from .history import History, Measured
from .worker import Worker

COMMIT_SECONDS = 0.5
METRICS_EVERY = 20  # steps


class Recorder:
    """Records frames at a stride of steps. A stride of 0 widens as learning slows: every frame at first, later each
    frame 1% of the steps further, so that a film of the run shows the fast beginning as well as the long end."""

    def __init__(self, path: Path, every: int = 0, told: Callable[[str], None] = lambda message: None):
        self.every = every
        self.recording = True
        self._path, self._told = path, told
        self._next = 0
        self._next_metrics = 0
        self.trouble = ""  # why nothing is recorded any more, in one sentence
        History.create(path).close()  # a folder that cannot be written is told now, to the caller
        self._worker = Worker("recorder", self._write_all, self._failed, COMMIT_SECONDS)

    def wants(self, step: int) -> bool:
        due = (self.recording and step >= self._next) or step >= self._next_metrics
        return due and not self.trouble

    def show(self, snapshot: Snapshot) -> None:
        if self.trouble:
            return
        step = snapshot.step
        if self.recording and step >= self._next:
            self._next = step + (self.every or max(1, step // 100))
            self._worker.put(snapshot)
        if step >= self._next_metrics:
            self._next_metrics = step + METRICS_EVERY
            self._worker.put(Measured(step, snapshot.seconds, snapshot.metrics, snapshot.segment))

    def changed(self, change: Change) -> None:
        # An edit, or a step back, is seen at once.
        self._next = self._next_metrics = min(self._next, change.step)
        if not self.trouble:
            self._worker.put(change)

    def close(self, last: Snapshot | None = None) -> None:
        if last is not None and not self.trouble and self.recording:
            self._worker.put(last)
        self._worker.close()

    def _write_all(self, batches: Iterator[list[Snapshot | Measured | Change]]) -> None:
        with History.create(self._path) as history:
            for items in batches:
                history.write(
                    frames=[i for i in items if isinstance(i, Snapshot)],
                    metrics=[i for i in items if isinstance(i, Measured)],
                    changes=[(i.step, i.what, i.values) for i in items if isinstance(i, Change)],
                )

    def _failed(self, error: Exception) -> None:
        why = str(error).rstrip(".")
        self.trouble = f"Recording stopped: {why}. What was recorded before is kept."
        self._told(self.trouble)
