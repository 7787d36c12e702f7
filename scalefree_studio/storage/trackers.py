"""The consumers that write down how a run goes: metrics.jsonl always, and the trackers that a person asks for."""

from __future__ import annotations

import argparse
import importlib
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..errors import UserError
from ..snapshot import Bytes, Change, Snapshot
from .history import Measured
from .metrics_lines import MetricsLines
from .recorder import METRICS_EVERY
from .tracker import Begin, Tracker
from .worker import Worker

NAMES = ("tensorboard", "mlflow", "wandb")  # also of the packages, and of our extras that bring them along
CLOSE_SECONDS = 60.0  # a tracker that has not finished by then is left alone

Told: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Walls:
    """What is to be known of walls of samples to show them."""

    rows: int  # of one of the pictures
    picture: Callable[[Bytes], Bytes]  # pictures (M, H, W, C) → one of them all (height, width, 3)


def add_track_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--track", action="extend", type=tracker_names, default=[], metavar="NAME",
        help=f"also send the metrics to one or more of {', '.join(NAMES)}, separated by commas "
        f"(metrics.jsonl is always written)",
    )  # fmt: skip


def tracker_names(text: str) -> list[str]:
    """The trackers in a list with commas, each known and there, or a UserError in one sentence."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in NAMES:
            raise UserError(f"There is no tracker {name!r}; there are {', '.join(NAMES)}.")
        _service(name)
    return names


def start_trackers(
    names: Sequence[str], begin: Begin, told: Told = lambda message: None, walls: Walls | None = None
) -> list[Tracked]:
    """metrics.jsonl, and each of those that are named, once."""
    trackers: list[Tracker] = [MetricsLines(begin.folder)]
    for name in dict.fromkeys(names):
        service = _service(name)
        try:
            trackers.append(service(begin))
        except Exception as error:  # whatever it is: they are not ours
            raise UserError(f"{name} cannot start: {_why(error)}.") from None
    return [Tracked(tracker, told, walls) for tracker in trackers]


def _service(name: str) -> Callable[[Begin], Tracker]:
    try:
        service: Callable[[Begin], Tracker] = importlib.import_module(f"{__package__}.tracker_{name}").Service
    except ImportError:
        raise UserError(
            f"{name} is not installed; install it with: pip install 'scalefree-studio[{name}]'"
        ) from None
    except Exception as error:  # installed, but not soundly
        raise UserError(f"{name} cannot be used: {_why(error)}.") from None
    return service


@dataclass(frozen=True)
class Wall:
    """A wall of samples that is finished."""

    step: int
    pictures: Bytes  # (M, H, W, C) bytes


class Tracked:
    """Looks at a run on behalf of one tracker, and tells it, in a thread of its own, what it sees: metrics at the
    recorder's stride, so that one snapshot serves both, and each wall of samples when its last row is drawn."""

    def __init__(self, tracker: Tracker, told: Told = lambda message: None, walls: Walls | None = None):
        self._tracker, self._told, self._walls = tracker, told, walls
        self._next_metrics = self._next_wall = 0
        self._measured: int | None = None  # the step last measured
        self._shown: Bytes | None = None  # the last wall
        self.trouble = ""  # why nothing is tracked any more, in one sentence
        self._worker = Worker(f"tracker {tracker.name}", self._tell_all, self._failed)

    def wants(self, step: int) -> bool:
        return not self.trouble and step >= min(self._next_metrics, self._next_wall)

    def show(self, snapshot: Snapshot) -> None:
        if self.trouble:
            return
        if snapshot.step >= self._next_metrics:
            self._measure(snapshot)
        if snapshot.step >= self._next_wall:
            self._look_at_wall(snapshot)

    def changed(self, change: Change) -> None:
        self._next_metrics = min(self._next_metrics, change.step)
        self._next_wall = min(self._next_wall, change.step)  # it may be a step back
        if not self.trouble:
            self._worker.put(change)

    def close(self, last: Snapshot) -> None:
        if not self.trouble and self._measured not in (None, last.step):
            self._measure(last)
            self._look_at_wall(last)
        if not self._worker.close(CLOSE_SECONDS):
            self._told(
                f"{self._tracker.name} did not finish within {CLOSE_SECONDS:.0f} s and was left behind."
            )

    def _measure(self, snapshot: Snapshot) -> None:
        self._measured, self._next_metrics = snapshot.step, snapshot.step + METRICS_EVERY
        self._worker.put(Measured(snapshot.step, snapshot.seconds, snapshot.metrics))

    def _look_at_wall(self, snapshot: Snapshot) -> None:
        """A wall grows by a row a step at most: until the rows that are missing can be there, or all rows of the next
        wall, there is nothing to see."""
        wait = METRICS_EVERY
        if self._walls is not None:
            rows, fresh = self._walls.rows, int(snapshot.frame.get("fresh", 0))
            wait = min(wait, rows - fresh or rows)
            if fresh == rows and "wall" in snapshot.frame:
                self._show_wall(snapshot.step, np.asarray(snapshot.frame["wall"], np.uint8))
        self._next_wall = snapshot.step + wait

    def _show_wall(self, step: int, pictures: Bytes) -> None:
        if self._shown is None or not np.array_equal(pictures, self._shown):
            self._shown = pictures
            self._worker.put(Wall(step, pictures))

    # In the worker's thread.

    def _tell_all(self, batches: Iterator[list[Measured | Change | Wall]]) -> None:
        for items in batches:
            for item in items:
                self._tell(item)
            self._tracker.flush()
        self._tracker.close()

    def _tell(self, item: Measured | Change | Wall) -> None:
        match item:
            case Measured():
                self._tracker.measured(item)
            case Change():
                self._tracker.changed(item)
            case Wall(step, pictures) if self._walls is not None:
                self._tracker.pictured(step, self._walls.picture(pictures))

    def _failed(self, error: Exception) -> None:
        self.trouble = f"{self._tracker.name} stopped tracking: {_why(error)}. The run continues without it."
        self._told(self.trouble)


def _why(error: Exception) -> str:
    """An error as the middle of a sentence."""
    lines = str(error).strip().splitlines()
    return textwrap.shorten(lines[0] if lines else type(error).__name__, 160).rstrip(".")
