"""Something that is made off the window's thread, such as a file: how far it is, and how it can be cancelled."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PyQt6.QtCore import QObject, pyqtSignal

from ...errors import UserError
from .background import Background

T = TypeVar("T")
CANCELLED = "The export was cancelled."
LOOKS = 0.1  # seconds between two looks whether anybody still waits


class Making(QObject):
    """`work` is called with this, in a thread of its own: it says how much there is to do, then counts what is done. An
    exception out of the count ends it."""

    done = pyqtSignal(object)  # what came of it
    failed = pyqtSignal(str)
    _asked = pyqtSignal()

    def __init__(self, work: Callable[[Making], Any], parent: QObject | None = None):
        super().__init__(parent)
        self.total = self.counted = 0
        self._cancelled = threading.Event()
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._asked.connect(self._serve)  # emitted in another thread, so Qt queues it
        self._background = Background("export", self)
        self._background.submit(lambda: work(self), self._end, self._fail)

    @property
    def share(self) -> float:
        """In [0, 1]."""
        return min(1.0, self.counted / self.total) if self.total else 0.0

    def cancel(self) -> bool:
        """Whether nothing of it goes on any more."""
        self._cancelled.set()
        return self._background.close()

    # In the thread.

    def begin(self, total: int) -> Making:
        """So much there is to do."""
        self.total, self.counted = total, 0
        return self

    def __call__(self, done: int) -> None:
        """So much more is done."""
        self.counted += done
        if self._cancelled.is_set():
            raise UserError(CANCELLED)

    def on_window(self, do: Callable[[], T]) -> T:
        """What only the window's thread can do, such as drawing with OpenGL."""
        answered, answers, errors = threading.Event(), list[T](), list[Exception]()

        def order() -> None:
            try:
                answers.append(do())
            except Exception as error:  # belongs to the thread that asked
                errors.append(error)
            answered.set()

        self._orders.put(order)
        self._asked.emit()
        while not answered.wait(LOOKS):
            self(0)
        if errors:
            raise errors[0]
        return answers[0]

    # On the window's thread.

    def _serve(self) -> None:
        if not self._cancelled.is_set() and not self._orders.empty():
            self._orders.get()()

    def _end(self, result: object) -> None:
        self._background.close()
        self.done.emit(result)

    def _fail(self, message: str) -> None:
        self._background.close()
        self.failed.emit(message)


def whole_or_nothing(path: Path, write: Callable[[], object]) -> Path:
    """Write a file that was not there before; where that fails or is cancelled, it is not there afterwards either."""
    old = path.exists()
    try:
        write()
    except BaseException:
        if not old:
            path.unlink(missing_ok=True)
        raise
    return path
