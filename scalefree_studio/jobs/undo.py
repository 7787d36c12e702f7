"""The undo of every job, and its redo: bounded, and all moves of one gesture are taken back together."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Protocol

from ..controls import ControlError
from .job import Redo, Undo

MOST_STEPS, MOST_BYTES = 1000, 1 << 27


class Reverse(Protocol):
    """Takes a change back, once, and returns what makes it again."""

    def __call__(self) -> Reverse: ...


@dataclass(frozen=True)
class Step:
    """A change that was made, or taken back."""

    what: str  # as a person reads it
    reverse: Reverse
    gesture: object = None  # changes of the same gesture, one after the other, are one step; None: alone
    size: int = 0  # bytes that it keeps


class UndoStack:
    """Remembers the last steps: so many at most, and of so many bytes, but the last one in any case. What was taken
    back can be made again, until something else is done."""

    def __init__(self, most_steps: int = MOST_STEPS, most_bytes: int = MOST_BYTES):
        self.most_steps, self.most_bytes = most_steps, most_bytes
        self.forget()

    def forget(self) -> None:
        """All of it, where there is no room."""
        self._done: deque[Step] = deque()
        self._undone: list[Step] = []
        self._open = False  # whether the last gesture may go on

    @property
    def names(self) -> tuple[str, str]:
        """What would be taken back now, and what made again: as a person reads it, or nothing."""
        return self._done[-1].what if self._done else "", self._undone[-1].what if self._undone else ""

    def add(self, step: Step) -> None:
        last = self._done[-1] if self._done else None
        self._undone = []
        if last is not None and self._open and step.gesture is not None and step.gesture == last.gesture:
            return  # the first step of a gesture leads back to before it
        self._done.append(step)
        self._open = True
        while len(self._done) > 1 and (len(self._done) > self.most_steps or self._bytes() > self.most_bytes):
            self._done.popleft()

    def _bytes(self) -> int:
        return sum(step.size for step in self._done)

    def take(self, edit: Undo | Redo) -> str:
        """Take the last step back, or make again what was taken back last; what that was."""
        undoes = isinstance(edit, Undo)
        back, forth = (self._done, self._undone) if undoes else (self._undone, self._done)
        if not back:
            raise ControlError(f"There is nothing to {'undo' if undoes else 'redo'}.")
        step = back[-1]
        # First what may lack memory: it can then be tried again.
        forth.append(replace(step, reverse=step.reverse()))
        back.pop()
        self._open = False
        return f"{'undo' if undoes else 'redo'}: {step.what}"
