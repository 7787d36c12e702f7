"""The interface of every job, and the edits that every job understands.

A job is stepped by one thread. Whatever else wants something of it leaves an edit, which the runner applies at the top
of the next step: a job never sees half an edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..controls import checked, control
from ..snapshot import Array, Change, Checkpoint, Segment, Snapshot


@dataclass(frozen=True)
class Limit:
    """When learning is over, and so how fast schedules run: after some steps, or some seconds, or never."""

    steps: int | None = None
    seconds: float | None = None

    def progress(self, step: int, seconds: float) -> float:
        """How much of the way has been gone: 1 at the end, more after it. Steps alone make it reproducible."""
        by_steps = step / self.steps if self.steps else 0.0
        by_seconds = seconds / self.seconds if self.seconds else 0.0
        return max(by_steps, by_seconds)

    def reached(self, step: int, seconds: float) -> bool:
        return (self.steps is not None and step >= self.steps) or (
            self.seconds is not None and seconds >= self.seconds
        )


@dataclass(frozen=True)
class LimitControls:
    """When a training ends, if not with its epochs."""

    # fmt: off
    steps: int | None = control(
        None, label="Steps", help="Stop after this many.", low=1, high=10**9, unset="as many as the epochs "
        "have",
    )
    seconds: float | None = control(
        None, label="Seconds", help="Stop after this many seconds of learning.", above=0.0, high=1e9,
        unset="as many as it takes",
    )
    # fmt: on


def limit_of(steps: int | None = None, seconds: float | None = None) -> Limit:
    """A limit that a person has asked for, or a ControlError."""
    asked = checked(LimitControls(steps, seconds))
    return Limit(asked.steps, asked.seconds)


class Edit:
    """Something a person changes while the job runs. Each job says which kinds it understands."""


@dataclass(frozen=True)
class SetControls(Edit):
    """New values for some controls. If one of them is no live control, the job starts over."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class StartOver(Edit):
    """Begin again from the start, with the same controls."""


@dataclass(frozen=True)
class Restore(Edit):
    """Go on from a recorded frame."""

    frame: Mapping[str, Array]
    step: int


@dataclass(frozen=True)
class Undo(Edit):
    """Take back the last edit that can be taken back."""


@dataclass(frozen=True)
class Redo(Edit):
    """Make the edit again that was taken back last, unless another has been made since."""


@dataclass(frozen=True)
class GoOn(Edit):
    """After the end: as much again."""


class Told:
    """Every job says in a line what it is and how far it has come, as Python shows it."""

    name: str  # what it learns or draws
    step_count: Any
    limit: Any

    def __repr__(self) -> str:
        of = "" if self.limit.steps is None else f" of {self.limit.steps:,}"
        return f"<{type(self).__name__}: {self.name}, step {self.step_count:,}{of}>"


class Past(Protocol):
    """What a job remembers of its edits."""

    @property
    def names(self) -> tuple[str, str]:
        """What an Undo would take back now, and a Redo make again: as a person reads it, or nothing."""


class Job(Protocol):
    """What the runner, and whoever shows it, know of a job."""

    kind: str

    @property
    def past(self) -> Past: ...

    @property
    def segment(self) -> Segment:
        """The stretch of work that goes on now."""

    @property
    def progress(self) -> float:
        """How much of the way has been gone, in [0, 1]."""

    @property
    def step_count(self) -> int:
        """Steps made since the start."""

    @property
    def limit(self) -> Limit: ...

    @property
    def controls(self) -> Any: ...

    @property
    def size(self) -> tuple[int, int]:
        """Of its network: how many numbers it holds, and how many bytes they take."""

    @property
    def seconds(self) -> float:
        """Time spent stepping, pauses not counted."""

    @property
    def rest(self) -> float:
        """Seconds from the begin of the last step to the next one, while it plays: 0 for as fast as may be; infinity
        where nothing is left to do until an edit comes."""

    def step(self) -> None:
        """Do one unit of work, or raise JobError."""

    def apply(self, edit: Edit) -> Change:
        """Take an edit, or refuse it with a ControlError and stay as it was."""

    def snapshot(self) -> Snapshot:
        """Everything a person may look at now."""

    def still(self) -> Mapping[str, Array]:
        """What a person looks at that does not change from step to step, such as the target picture."""

    def checkpoint(self) -> Checkpoint:
        """Everything needed to go on exactly from here, or JobError where it is not worth keeping."""
