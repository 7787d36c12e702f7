"""What every tracker has in common: where it begins, what it is told, and how it finds its run again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import UserError
from ..files import read_file, write_atomically
from ..snapshot import Bytes, Change
from .history import Measured

PROJECT = "scalefree-studio"  # under which trackers of many runs put ours
MOST_BYTES = 2**20  # of that
RUNS = "trackers.json"  # in a run folder: tracker → how it calls the run
SAMPLES = "samples"  # how trackers call the walls


@dataclass(frozen=True)
class Begin:
    """What a tracker knows of a run when it begins, or goes on."""

    folder: Path
    step: int
    controls: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    def called(self, tracker: str) -> str | None:
        """How a tracker called this run when it tracked it before."""
        return _runs(self.folder).get(tracker)

    def call(self, tracker: str, run: str) -> None:
        """Remember that, so that a resumed run is not two."""
        runs = json.dumps({**_runs(self.folder), tracker: run}, indent=2)
        write_atomically(self.folder / RUNS, (runs + "\n").encode())


def _runs(folder: Path) -> dict[str, str]:
    try:
        runs = json.loads(read_file(folder / RUNS, MOST_BYTES))
    except (FileNotFoundError, ValueError, UserError):
        return {}
    return {t: run for t, run in runs.items() if isinstance(run, str)} if isinstance(runs, dict) else {}


class Tracker(Protocol):
    """Someone who is told about a run. Whatever it raises while told ends its tracking, and nothing else."""

    name: str

    def measured(self, measured: Measured) -> None: ...

    def changed(self, change: Change) -> None: ...

    def pictured(self, step: int, picture: Bytes) -> None:
        """A wall of samples, as a picture (height, width, 3) of bytes."""

    def flush(self) -> None:
        """There is nothing to tell at the moment."""

    def close(self) -> None: ...


def prefer(**settings: str) -> None:
    """Environment variables that a package reads when it is imported, unless a person has set them otherwise."""
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def numbers_of(change: Change) -> dict[str, float]:
    """The controls among what was changed, as far as a curve can show them."""
    if change.what != "controls":
        return {}
    return {f"controls/{n}": float(v) for n, v in change.values.items() if isinstance(v, bool | int | float)}


def text_of(change: Change) -> str:
    return json.dumps({"what": change.what, **change.values})
