"""The thread in which a session's job works, as Qt has threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from PyQt6.QtCore import QThread

STACK = 16 << 20  # bytes, as Python's own threads have; macOS would give a QThread half a megabyte


class JobThread(QThread):
    """Calls `work` once, in a thread of its own. `begin` and `join` are for the window's thread; whoever begins one
    joins it. Nothing may escape from `work`: Qt would end the process."""

    # Qt ends the process, too, when a thread is destroyed while it runs. One whose end nobody waits for stays in here.
    begun: ClassVar[set[JobThread]] = set()

    def __init__(self, name: str, work: Callable[[], None]):
        super().__init__()
        self.setObjectName(name)
        self.setStackSize(STACK)
        self._work = work

    def begin(self) -> None:
        self.begun.add(self)
        self.start()

    def join(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        ended = self.wait(round(seconds * 1000))
        if ended:
            self.begun.discard(self)
        return ended

    def run(self) -> None:
        self._work()
