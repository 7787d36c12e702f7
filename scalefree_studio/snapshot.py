"""What a job shows: frozen numpy records that own their memory, and so may cross any thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Bytes = npt.NDArray[np.uint8]


def frozen(array: npt.ArrayLike) -> Array:
    """A private, read-only copy."""
    copy = np.array(array, copy=True)
    copy.setflags(write=False)
    return copy


def frozen_all(arrays: Mapping[str, npt.ArrayLike]) -> Mapping[str, Array]:
    return MappingProxyType({name: frozen(array) for name, array in arrays.items()})


def shapes(arrays: Mapping[str, Array]) -> str:
    """Names and shapes, in a few words; the numbers themselves would be pages."""
    return ", ".join(f"{name} {'×'.join(map(str, array.shape)) or 'one'}" for name, array in arrays.items())


@dataclass(frozen=True)
class Segment:
    """A stretch of work without a jump: another one begins where it starts over or goes on from a recorded moment, and
    an earlier one goes on where that is undone."""

    number: int = 0
    parent: int | None = None  # the segment whose past it shares …
    at: int = 0  # … up to this step


FIRST = Segment()


@dataclass(frozen=True)
class Snapshot:
    """Everything a person may look at after one step.

    `frame` is what a recording keeps: data, not pixels (for a divider network its parameters). `kind` names the
    instrument and so the view that can draw the frame.
    """

    kind: str
    step: int
    seconds: float  # spent learning, pauses not counted
    frame: Mapping[str, Array]
    metrics: Mapping[str, float] = field(default_factory=dict)
    segment: Segment = FIRST

    def __repr__(self) -> str:
        measured = "".join(f", {name} {value:.4g}" for name, value in self.metrics.items())
        return f"<Snapshot of {self.kind!r}, step {self.step:,}{measured}: {shapes(self.frame)}>"


@dataclass(frozen=True)
class Checkpoint:
    """Everything a job needs to be itself again; storage writes it without knowing what it means."""

    kind: str
    step: int
    about: Mapping[str, Any]  # JSON: controls, metrics, where the data came from
    model: Mapping[str, Array]  # what sampling or rendering needs
    trainer: Mapping[str, Array] = field(default_factory=dict)  # what exact resume needs besides

    def __repr__(self) -> str:
        resumable = ", to go on with exactly" if self.trainer else ""
        return f"<Checkpoint of {self.kind!r}, step {self.step:,}{resumable}: {len(self.model)} arrays>"


@dataclass(frozen=True)
class Change:
    """What became of an edit, for the history: at which step it took effect, and what it was, in JSON."""

    step: int
    what: str
    values: Mapping[str, Any] = field(default_factory=dict)
    passing: bool = False  # what is shown is another, but nothing that is kept
