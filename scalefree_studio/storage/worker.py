"""A thread that does for another what may take long: writing to a disk, talking to a server."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

HOLDS = 256  # items
BATCH = 128  # items, at most


class Worker(Generic[T]):
    """Takes items, and works on many at a time in a thread of its own.

    The queue is bounded and waits when it is full: whoever gives slows down rather than an item being lost. Where the
    work fails, `failed` is told why, in the worker's thread, and nobody waits for it any more.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Iterator[list[T]]], None],
        failed: Callable[[Exception], None],
        gather: float = 0.0,
    ):
        """`work` is given all batches to come; a batch is what comes within `gather` seconds after its first item."""
        self._work, self._failed, self._gather = work, failed, gather
        self._queue: queue.Queue[T | None] = queue.Queue(maxsize=HOLDS)
        self._closed = False  # the end has been taken from the queue
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        self._queue.put(item)

    def close(self, timeout: float | None = None) -> bool:
        """Wait until all is done, or so many seconds; whether it is."""
        try:
            self._queue.put(None, timeout=timeout)
        except queue.Full:
            return False
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work(self._batches())
        except Exception as error:  # whatever it is: nobody must wait for a worker that is gone
            self._failed(error)
            while not self._closed:
                self._closed = self._queue.get() is None

    def _batches(self) -> Iterator[list[T]]:
        while not self._closed:
            batch = self._batch()
            if batch:
                yield batch

    def _batch(self) -> list[T]:
        """What is there, once something is; nothing if that is the end."""
        batch: list[T] = []
        item = self._queue.get()
        until = time.monotonic() + self._gather
        try:
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH:
                    return batch
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return batch
        self._closed = True
        return batch
