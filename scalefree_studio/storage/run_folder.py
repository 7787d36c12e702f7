"""A run folder: weights, what exact resume needs, the history, and how it came to be.

model.safetensors    weights, and in its metadata everything that says what they are
trainer.safetensors  optimizer and random state; good only together with a model of the same step
history.sqlite       metrics, changes, recorded frames
metrics.jsonl        metrics and changes, a line each, for other programs; of runs without a window
checkpoints/         weights of some of the steps before, if they were asked for: step-000100.safetensors
run.json             command, versions, seed

Whoever writes in it holds its lock, a run from its beginning to its end; readers need none, and are never kept waiting.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ..errors import UserError
from ..files import check_folder, clear_parts, read_file, write_atomically
from ..snapshot import Array, Checkpoint
from ..versions import STUDIO, version_of
from .about import check_about
from .history import History
from .lock import FolderLock
from .shipped import resolved
from .tensors import pack, read_tensors, write_tensors

MODEL, TRAINER, HISTORY, RUN = "model.safetensors", "trainer.safetensors", "history.sqlite", "run.json"
CHECKPOINTS = "checkpoints"
SUFFIX = ".safetensors"  # of a model in a file of its own
MOST_ABOUT = 2**24  # bytes of run.json
NOTED = (STUDIO, "torch", "numpy")  # packages whose versions it names


class InUseError(UserError):
    """Somebody else writes in the folder."""


class RunFolder:
    """One run on disk. It is made when something is first written to it."""

    def __init__(self, path: Path | str):
        path = Path(path)
        self.path = path.parent if path.name == MODEL else path  # a run may be named by its model
        self._lock = FolderLock(self.path)

    @property
    def model_path(self) -> Path:
        return self.path / MODEL

    @property
    def history_path(self) -> Path:
        return self.path / HISTORY

    # Writing: whoever writes keeps all others from writing, here and in other processes.

    def hold(self) -> None:
        """Make the folder, and keep all others from writing in it until `release`, or the end of this process. Where
        somebody else writes it, an InUseError."""
        self.make()
        try:
            ours = self._lock.hold()
        except OSError as error:
            raise UserError(f"The folder {self.path} cannot be written to: {error.strerror}.") from None
        if not ours:
            raise InUseError(
                f"Another window or command is using {self.path}: wait until it is done, or choose another "
                f"folder."
            )

    def release(self) -> None:
        self._lock.release()

    @property
    def held(self) -> bool:
        """Whether we write in it."""
        return self._lock.held

    def __enter__(self) -> Self:
        self.hold()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def fresh(self, otherwise: str = "add --resume to continue it, or name another --out") -> Self:
        """Itself, for a new run; where there is one already, a UserError that says what to do instead."""
        if self.model_path.exists():
            raise UserError(f"{self.path} already holds a run; {otherwise}.")
        return self

    def again(self) -> Self:
        """Itself, to go on with its run; where there is none, a UserError, and no folder is made."""
        if not model_in(self.model_path).exists():
            raise UserError(f"There is no file {self.model_path}.")
        return self

    def prepare(self) -> None:
        """Before a run begins or goes on: the folder, without what a killed process had only half written."""
        with self:
            clear_parts(self.path)
            clear_parts(self.path / CHECKPOINTS)

    def make(self) -> None:
        """Make the folder, or say in one sentence why it cannot be made or written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"The folder {self.path} cannot be created: {error.strerror}.") from None
        if not os.access(self.path, os.W_OK):  # told before hours of learning rather than after
            raise UserError(f"The folder {self.path} cannot be written to.")

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write model and trainer. Whenever this is interrupted, a whole model is there."""
        model, trainer = (
            pack(checkpoint.model, _said(checkpoint)),
            pack(checkpoint.trainer, {"step": checkpoint.step}),
        )
        with self:
            write_atomically(self.model_path, model)
            write_atomically(self.path / TRAINER, trainer)

    def keep_network(self, checkpoint: Checkpoint) -> Path:
        """Write a network in a file of its own, named by its step."""
        path = self.path / CHECKPOINTS / f"step-{checkpoint.step:06}.safetensors"
        with self:
            path.parent.mkdir(exist_ok=True)
            write_tensors(path, checkpoint.model, _said(checkpoint))
        return path

    def describe(self, command: list[str], **more: Any) -> None:
        """Write run.json: where this run comes from."""
        found = {name: version for name in NOTED if (version := version_of(name))}
        about = {"command": command, "python": platform.python_version(), "versions": found, **more}
        with self:
            write_atomically(self.path / RUN, (json.dumps(about, indent=2) + "\n").encode())

    # Reading.

    def source(self) -> str:
        """What it was made of, as run.json says; empty where that is not told, or no longer there."""
        try:
            source = str(json.loads(read_file(self.path / RUN, MOST_ABOUT)).get("source", ""))
            return source if resolved(source).exists() else ""
        except (OSError, ValueError, AttributeError, UserError):
            return ""

    def checkpoint(self) -> Checkpoint:
        return load_checkpoint(self.model_path)

    def history(self) -> History:
        return History.open(self.history_path)


def check_model_file(path: Path) -> None:
    """A UserError where no model can be written there."""
    if path.suffix != SUFFIX:
        raise UserError(f"A model file ends in {SUFFIX}; {path} does not.")
    check_folder(path)


def model_in(path: Path | str) -> Path:
    """The model that is meant by a run folder, a model file or `model:NAME`; where a run was stopped before it had
    one, a UserError that says so."""
    path = resolved(path)
    folder, model = (path, path / MODEL) if path.is_dir() else (path.parent, path)
    if model.name == MODEL and not model.exists() and is_run(folder):
        raise UserError(
            f"The run in {folder} was stopped before its model was first saved: there is nothing to open "
            f"or continue."
        )
    return model


def is_run(folder: Path) -> bool:
    """Whether a run was begun there, even if nothing has come of it."""
    return any((folder / name).exists() for name in (MODEL, HISTORY, RUN))


def kind_of(path: Path | str) -> str:
    """The kind of network in a run folder or model file, also where that has drawn something; empty if it does not
    say."""
    _, about = read_tensors(model_in(path), arrays=False)
    sampler = about.get("sampler")
    return str(sampler.get("kind", "") if isinstance(sampler, dict) else about.get("kind", ""))


def load_checkpoint(path: Path | str) -> Checkpoint:
    """A checkpoint from a run folder, a model file or `model:NAME`; without its trainer part where that is missing or
    older."""
    path = model_in(path)
    model, about = read_model(path)
    step = about["step"]
    return Checkpoint(about["kind"], step, about, model, _trainer_of(path, step))


def read_model(path: Path, arrays: bool = True) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of a model file, if they are wanted, and what it says of itself: checked, or a UserError."""
    model, about = read_tensors(path, arrays)
    try:
        check_about(about)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged, or from another program: {error}.") from None
    return model, about


def _trainer_of(model_path: Path, step: int) -> Mapping[str, Array]:
    """What exact resume needs, if it belongs to this very model: a kill between two files leaves an older one."""
    path = model_path.with_name(TRAINER)
    if model_path.name != MODEL or not path.exists():
        return {}
    try:
        trainer, about = read_tensors(path)
    except UserError:
        return {}
    return trainer if about.get("step") == step else {}


def _said(checkpoint: Checkpoint) -> dict[str, Any]:
    return {"kind": checkpoint.kind, "step": checkpoint.step, **checkpoint.about}


def free_folder(parent: Path, name: str) -> Path:
    """parent/name, or parent/name-2, -3, …: one that is not there yet. Of a long row not all are looked at."""
    if not (parent / name).exists():
        return parent / name
    taken, free = 1, 2
    while (parent / f"{name}-{free}").exists():
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        if (parent / f"{name}-{middle}").exists():
            taken = middle
        else:
            free = middle
    return parent / f"{name}-{free}"
