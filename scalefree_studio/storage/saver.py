"""Keeps what a run has learnt, while it learns: not so often that learning would wait for the disk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ..snapshot import Checkpoint

AUTOSAVE_SECONDS = 5.0  # a killed process loses no more than this, wherever saving is quick
SHARE = 0.05  # of the time that saving may take
Keep = Callable[[Checkpoint], None]


class Saver:
    """One checkpoint at a time, `beside` the learning in a thread of its own, or at once. A checkpoint owns its
    memory, so it stays what it was while learning goes on."""

    def __init__(self, keep: Keep, every: float = AUTOSAVE_SECONDS, beside: bool = False):
        self.every = every
        self._keep = keep
        self._pool = ThreadPoolExecutor(1, "saving") if beside else None
        self._writing: Future[None] | None = None
        self._began = self._ended = time.monotonic()
        self._costs = (0.0, 0.0)  # seconds of the last two

    @property
    def interval(self) -> float:
        """Seconds from the end of a save to the next one: all that a killed process can lose."""
        usual = min(self._costs)  # a single slow one, as when all else starts too, is chance
        return max(self.every, usual / SHARE)

    @property
    def busy(self) -> bool:
        return self._writing is not None and not self._writing.done()

    @property
    def due(self) -> bool:
        return self._writing is None and time.monotonic() - self._ended > self.interval

    def save(self, checkpoint: Callable[[], Checkpoint]) -> None:
        """Begin to keep what is now. Whatever goes wrong is raised here, or by `finish`."""
        self._began = time.monotonic()
        self._ended = math.inf
        try:
            kept = checkpoint()
            if self._pool is not None:
                self._writing = self._pool.submit(self._write, kept)
            else:
                self._write(kept)
        except BaseException:
            self._note()
            raise

    def finish(self) -> bool:
        """Wait for what is being kept; whether there was anything. Raises what went wrong."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()
        return writing is not None

    def close(self) -> None:
        """From here on, everything is kept at once."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _write(self, checkpoint: Checkpoint) -> None:
        try:
            self._keep(checkpoint)
        finally:
            self._note()

    def _note(self) -> None:
        self._ended = time.monotonic()
        self._costs = (self._costs[1], self._ended - self._began)
