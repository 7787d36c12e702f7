"""How far a recipe is, without running anything."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..controls import controls_of
from ..data.encoded_folder import ABOUT as ENCODED
from ..data.shards import HEADER, LABEL, LABELS
from ..errors import UserError
from ..files import read_file, write_atomically, write_errors
from ..jobs.instruments import lessons
from ..jobs.job import Limit
from ..jobs.recipes.plan import PICTURES, SHARDS, Step, steps_of
from ..jobs.recipes.recipe import Recipe
from ..storage.run_folder import MODEL, read_model
from ..storage.tensors import read_tensors

STATES, TEXT = "recipe.json", "recipe.toml"
DONE, LEARNING, STALE, NEXT = "done", "learning", "stale", "next"
WALL, STAGES_WALL = "pictures.png", "stages.png"
VERSION = 1
MOST_BYTES = 2**24  # of what is known of the steps


@dataclass(frozen=True)
class StepState:
    step: Step
    state: (
        str  # DONE; LEARNING: begun; STALE: what is there was made of something else; NEXT: nothing is there
    )
    progress: float  # in [0, 1]
    folder: Path
    metrics: Mapping[str, Any] = field(default_factory=dict)  # what was measured in the end
    files: tuple[Path, ...] = ()  # what has come of it
    why: str = ""  # it is stale
    changed: tuple[
        str, ...
    ] = ()  # controls that a person has set otherwise, by their labels, where that is why
    begun: Mapping[str, Any] = field(default_factory=dict)  # the controls with which a training began

    @property
    def name(self) -> str:
        return self.step.name

    def set_by_hand(self, labels: tuple[str, ...]) -> StepState:
        """The same, where a person has set these controls otherwise."""
        why = f"it was changed by hand: {', '.join(labels)}"
        return replace(self, state=STALE, progress=0.0, why=why, changed=labels)

    def by_hand(self, controls: Mapping[str, Any]) -> tuple[str, ...]:
        """What a person has set otherwise than the recipe, by its labels: only what makes another network. How a
        training is led on its way is anybody's."""
        if self.step.learning is None:
            return ()
        now = json.loads(json.dumps(dict(controls)))
        return tuple(
            c.label
            for c in controls_of(lessons()[self.step.learning.kind].controls)
            if not c.live and c.name in self.begun and self.begun[c.name] != now.get(c.name)
        )


@dataclass
class Record:
    """What is known of the steps that were begun, in a file of the recipe's folder."""

    folder: Path
    recipe: str = ""  # its name
    base: str = ""  # the folder from which its paths are meant
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Record:
        try:
            said = json.loads(read_file(folder / STATES, MOST_BYTES))
            if said["version"] != VERSION:
                raise UserError(f"{folder / STATES} was written by another version of this studio.")
            steps = {str(name): dict(step) for name, step in dict(said["steps"]).items()}
            return cls(folder, str(said["recipe"]), str(said["base"]), steps)
        except FileNotFoundError:
            return cls(folder)
        except OSError as error:
            raise UserError(f"{folder / STATES} cannot be read: {error.strerror or error}.") from None
        except (KeyError, TypeError, ValueError, RecursionError):
            raise UserError(f"{folder / STATES} is damaged; remove it to start again.") from None

    def write(self) -> None:
        said = {"version": VERSION, "recipe": self.recipe, "base": self.base, "steps": self.steps}
        with write_errors(self.folder / STATES):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / STATES, json.dumps(said, indent=1).encode())


def states(recipe: Recipe, folder: Path) -> tuple[StepState, ...]:
    """Of all steps, in their order."""
    record, found = Record.read(folder), dict[str, StepState]()
    for step in steps_of(recipe):
        found[step.name] = _state(step, folder, record.steps.get(step.name), found)
    return tuple(found.values())


def _state(
    step: Step, folder: Path, record: Mapping[str, Any] | None, others: Mapping[str, StepState]
) -> StepState:
    place = folder if step.name == PICTURES else folder / step.name
    if record is None:
        return StepState(step, NEXT, 0.0, place)
    files = tuple(folder / name for name in record.get("files", ()))
    state = StepState(step, LEARNING, 0.0, place, begun=record.get("controls", {}))
    about = _about_model(step, place)
    if why := _stale(step, folder, record, others):
        there = tuple(file for file in files if file.exists())
        return replace(state, state=STALE, files=there, why=why)
    if labels := state.by_hand(about["controls"]) if about.get("controls") else ():
        return state.set_by_hand(labels)
    metrics = record.get("metrics", {})
    started_over = int(about.get("step", 0)) < int(metrics.get("steps", 0)) if step.learning else False
    if record.get("whole") and not started_over and all(file.exists() for file in files):
        return replace(state, state=DONE, progress=1.0, metrics=metrics, files=files)
    return replace(state, progress=_progress(step, place, record, about))


def _stale(step: Step, folder: Path, record: Mapping[str, Any], others: Mapping[str, StepState]) -> str:
    """Why what is there was made of something else than the recipe says now, or nothing."""
    missing = [others[name].step.title for name in step.needs if others[name].state != DONE]
    if missing:
        return f"{' and '.join(missing)} must be made first"
    changed = record.get("made_of") != made_of(step, folder)
    return "the recipe, or a step before it, has changed since" if changed else ""


def _about_model(step: Step, place: Path) -> Mapping[str, Any]:
    """What the model of a training says of itself."""
    if step.learning is None or not (place / MODEL).exists():
        return {}
    return read_model(place / MODEL, arrays=False)[1]


def _progress(step: Step, place: Path, record: Mapping[str, Any], about: Mapping[str, Any]) -> float:
    if step.name == SHARDS:
        sizes = [(place / part / LABELS) for part in ("train", "held")]
        written = sum(path.stat().st_size // LABEL.itemsize for path in sizes if path.exists())
        return min(0.99, written / max(1, int(record.get("total", 0))))
    if not about:
        return 0.0
    limit = Limit(**record.get("limit", {}))
    return min(0.999, limit.progress(int(about.get("step", 0)), float(about.get("seconds", 0))))


def made_of(step: Step, folder: Path) -> str:
    """Other settings or other steps before it, another text; the steps that it needs are done."""
    before = [fingerprint(folder / name) for name in step.needs]
    said = json.dumps([step.settings, before], sort_keys=True, default=list)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def fingerprint(folder: Path) -> str:
    """Of what a step has made: of a run its numbers, of shards what they were made of."""
    if (folder / ENCODED).exists():
        headers = [read_file(folder / part / HEADER, MOST_BYTES) for part in ("train", "held")]
        return hashlib.blake2b(b"".join(headers), digest_size=16).hexdigest()
    about = (folder / MODEL).stat()
    return _of_model(folder / MODEL, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=256)
def _of_model(path: Path, changed: int, size: int) -> str:
    arrays, about = read_tensors(path)
    found = hashlib.blake2b(str(about.get("kind")).encode(), digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()
