"""The undo of every job: bounded, and all moves of one gesture are taken back together."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from ..controls import ControlError

MOST_STEPS, MOST_BYTES = 1000, 1 << 27


class Reverse(Protocol):
    """Takes a change back, once, and returns what makes it again."""

    def __call__(self) -> Reverse: ...


@dataclass(frozen=True)
class Step:
    """A change that was made."""

    what: str  # as a person reads it
    reverse: Reverse
    gesture: object = None  # changes of the same gesture, one after the other, are one step; None: alone
    size: int = 0  # bytes that it keeps


class UndoStack:
    """Remembers the last steps: so many at most, and of so many bytes, but the last one in any case."""

    def __init__(self, most_steps: int = MOST_STEPS, most_bytes: int = MOST_BYTES):
        self.most_steps, self.most_bytes = most_steps, most_bytes
        self._steps: deque[Step] = deque()
        self._bytes = 0

    def add(self, step: Step) -> None:
        last = self._steps[-1] if self._steps else None
        if last is not None and step.gesture is not None and step.gesture == last.gesture:
            return  # the first step of a gesture leads back to before it
        self._steps.append(step)
        self._bytes += step.size
        while len(self._steps) > 1 and (len(self._steps) > self.most_steps or self._bytes > self.most_bytes):
            self._bytes -= self._steps.popleft().size

    def undo(self) -> str:
        """Take the last step back; what it was."""
        if not self._steps:
            raise ControlError("There is nothing to undo.")
        step = self._steps[-1]
        step.reverse()  # first what may lack memory: then it can be tried again
        self._steps.pop()
        self._bytes -= step.size
        return step.what
