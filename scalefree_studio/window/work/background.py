"""Work that takes a while, off the window's thread: opening, thumbnails, exports. One at a time, in one thread."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from ...crashes import report
from ...errors import JobError, UserError, told
from ...jobs.memory import is_out_of_memory

NO_MEMORY = "There is not enough memory for this: ask for something smaller."
Work = Callable[[], Any]
Done = Callable[[Any], None]
Failed = Callable[[str], None]


class Background(QObject):
    """`submit` work; its result comes back on the window's thread. Results wait in a queue of ours: only a bare signal
    goes through Qt's."""

    _ready = pyqtSignal()

    def __init__(self, name: str, parent: QObject | None = None):
        super().__init__(parent)
        self._work: queue.SimpleQueue[tuple[Work, Done, Failed] | None] = queue.SimpleQueue()
        self._results: deque[Callable[[], None]] = deque()
        self._closed = False
        self._ready.connect(self._deliver)  # emitted in another thread, so Qt queues it
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work, done: Done, failed: Failed = lambda message: None) -> None:
        self._work.put((work, done, failed))

    def close(self, timeout: float = 10.0) -> bool:
        """Forget what is not done yet; wait so many seconds for what is being done. Whether that came to its end."""
        self._closed = True
        self._work.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._work.get()) is not None and not self._closed:
            work, done, failed = item
            try:
                result = work()
                self._results.append(lambda done=done, result=result: done(result))  # type: ignore[misc]
            except (UserError, JobError, OSError, ValueError, MemoryError) as error:
                text = told(str(error)) or NO_MEMORY
                self._results.append(lambda failed=failed, text=text: failed(text))  # type: ignore[misc]
            except Exception as error:  # a bug; the person still gets a sentence
                if not is_out_of_memory(error):
                    report(error)
                text = NO_MEMORY if is_out_of_memory(error) else told(f"That did not work: {error}.")
                self._results.append(lambda failed=failed, text=text: failed(text))  # type: ignore[misc]
            del item, work, done, failed
            with contextlib.suppress(RuntimeError):  # the window has gone
                if not self._closed:
                    self._ready.emit()

    def _deliver(self) -> None:
        while self._results and not self._closed:
            self._results.popleft()()
