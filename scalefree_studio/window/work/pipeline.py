"""A recipe that is open in the window: how far its steps are, what a click on one means, and what comes next. No Qt.

`read`, `open`, `make` and `measure` take a while and are work for the background. All else answers at once, of what was
read last and of the training that is on the stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...controls import values_of
from ...data.download import Progress
from ...errors import UserError
from ...jobs.recipes.plan import PICTURES, SHARDS
from ...jobs.training.train import Train
from ...recipes.run import Running
from ...recipes.states import DONE, LEARNING, NEXT, STALE, StepState
from ...runner import Status
from ...storage.run_folder import MODEL, InUseError, RunFolder
from ...storage.tensors import read_tensors

LATER, PAUSED = "later", "paused"  # how a step is shown, besides the states of states.py
OPEN, ANEW, MAKE, DRAW, PLAY, SAY = "open", "anew", "make", "draw", "play", "say"  # what is to be done
WORDS = {SHARDS: "Encoding", PICTURES: "Drawing"}


@dataclass(frozen=True)
class Action:
    """OPEN a training, or begin it ANEW; MAKE shards or pictures; let the model DRAW; PLAY what is on the stage; or SAY
    why not."""

    kind: str
    what: str = ""  # a step, or a sentence


@dataclass(frozen=True)
class Learning:
    """How the training on the stage is at this moment."""

    step: int
    progress: float
    controls: Mapping[str, Any]
    playing: bool
    at_end: bool
    left: str = ""  # how long it still takes, in words, as far as anybody can say

    @classmethod
    def of(cls, job: Train[Any, Any], status: Status, left: str) -> Learning:
        values = values_of(job.controls)
        return cls(job.step_count, job.progress, values, status.playing, status.rests, left)


@dataclass(frozen=True)
class Box:
    """A step as a person sees it."""

    name: str
    title: str
    state: str
    words: str
    help: str
    progress: float | None = None  # in [0, 1], where there is some
    open: bool = False  # on the stage


class Pipeline:
    """While this is open, nobody else works in its folder."""

    def __init__(self, running: Running):
        self.running = running
        self.shown = False  # the window has taken it over, and closes it
        self.on_stage = ""  # a training, by the name of its step
        self.goes_on = True  # from step to step by itself
        self.working = ""  # the step for which something is done in the background
        self._share = 0.0  # of that
        self._cancelled = False
        try:
            running.hold()
        except InUseError:
            raise UserError(f"{self.name} is already open, here or elsewhere.") from None
        try:
            self.read()
        except UserError:
            running.release()
            raise

    @property
    def name(self) -> str:
        return self.running.recipe.name

    @property
    def folder(self) -> Path:
        return self.running.folder

    @property
    def model(self) -> Path:
        """What has come of it, in the end."""
        return self.folder / MODEL

    @property
    def done(self) -> bool:
        return all(state.state == DONE for state in self.states)

    def has(self, *paths: Path) -> bool:
        """Whether any of these lies in its folder."""
        return any(path.absolute().is_relative_to(self.folder.absolute()) for path in paths)

    # In the background.

    def read(self) -> None:
        self.states: tuple[StepState, ...] = self.running.states()

    def open(
        self, name: str, progress: Progress | None, anew: bool = False
    ) -> tuple[Train[Any, Any], RunFolder]:
        """A training: begun, to go on with, or at its end. What was set otherwise by hand goes on, or begins anew."""
        opened = self.running.job_of(name, progress, as_is=not anew)
        self.read()
        return opened

    def make(self, name: str) -> None:
        """Shards, or pictures."""
        self.running.progress = self._follow
        try:
            self.running.run_step(name)
        finally:
            self.running.progress = None  # or each would keep the other alive
            self.read()

    def measure(self, name: str, step: int) -> bool:
        """Whether the end of a training could be put down. The one on the stage stays as it is: what is measured is
        the same, from the disk, once it is kept there."""
        model = self.folder / name / MODEL
        if not model.exists() or read_tensors(model, arrays=False)[1].get("step") != step:
            return False
        self.read()
        if self.state(name).state == LEARNING:
            job, _ = self.running.job_of(name)
            self.running.finish(name, job)
            self.read()
        return True

    def _follow(self, what: str, done: int, total: int) -> None:
        if self._cancelled:
            raise UserError("It was stopped.")
        self._share = done / total if total else 0.0

    # What goes on in the background: said by whoever has it done.

    def begin(self, name: str) -> None:
        self.working, self._share, self._cancelled = name, 0.0, False

    def end(self) -> bool:
        """Whether it came to its end by itself."""
        self.working = ""
        return not self._cancelled

    def cancel(self) -> None:
        """What is being made stops soon, and can be gone on with."""
        self._cancelled = True

    def close(self) -> None:
        self.running.release()

    # What a person does, and what comes next.

    def clicked(self, name: str, learning: Learning | None) -> Action:
        state = self._now(name, learning)
        title = state.step.title
        if self.working == name:
            return Action(SAY, f"{title}: in progress.")
        if state.state != DONE and (missing := self._missing(state)):
            return Action(SAY, f"{title} needs {_listed(missing)} first.")
        if state.step.learning is None:
            if state.state != DONE:
                return Action(SAY, self._wait()) if self.working else Action(MAKE, name)
            return Action(DRAW) if name == PICTURES else Action(SAY, f"{title} are done: {_fact(state)}.")
        if name != self.on_stage:
            return Action(OPEN, name)
        if state.state == STALE:
            return Action(ANEW, name)
        return Action(SAY, f"{title} is already open.") if state.state == DONE else Action(PLAY)

    def next(self, learning: Learning | None) -> Action | None:
        """What comes next; None where it goes on by itself, or nothing is left."""
        if self.working:
            return None
        for name in (state.name for state in self.states):
            state = self._now(name, learning)
            if state.state == DONE:
                continue
            if state.step.learning is None:
                return Action(MAKE, name)
            if name != self.on_stage:
                return Action(OPEN, name)
            if state.state == STALE:
                if not state.changed:
                    return Action(ANEW, name)
                words = f"The recipe is waiting: {state.why}. Click {state.step.title} to train it again."
                return Action(SAY, words)
            return None if learning and learning.at_end else Action(PLAY)
        return None

    def at_end(self, learning: Learning | None) -> bool:
        """Whether the training on the stage has come to its end, and is still to be measured."""
        if learning is None or not self.on_stage or self.working or not learning.at_end:
            return False
        return self._now(self.on_stage, learning).state == LEARNING

    def outdated(self, learning: Learning | None) -> bool:
        """Whether what was read last says otherwise than what is on the stage."""
        if learning is None or not self.on_stage or self.working:
            return False
        state = self.state(self.on_stage)
        return bool(state.changed) and not state.by_hand(learning.controls)

    def state(self, name: str) -> StepState:
        return next(state for state in self.states if state.name == name)

    def _now(self, name: str, learning: Learning | None) -> StepState:
        """What is on the stage may be further than what is on the disk."""
        state = self.state(name)
        if name != self.on_stage or learning is None:
            return state
        if labels := state.by_hand(learning.controls):
            return state.set_by_hand(labels)
        if state.state == DONE and learning.step < int(state.metrics.get("steps", 0)):
            return replace(state, state=LEARNING)  # started over
        return state

    def _missing(self, state: StepState) -> list[str]:
        needs = (self.state(name) for name in state.step.needs)
        return [need.step.title for need in needs if need.state != DONE]

    def _wait(self) -> str:
        return f"{self.state(self.working).step.title} come first; the recipe does one thing at a time."

    # What a person sees.

    def boxes(self, learning: Learning | None) -> list[Box]:
        return [self._box(self._now(state.name, learning), learning) for state in self.states]

    def _box(self, state: StepState, learning: Learning | None) -> Box:
        name, title, on_stage = state.name, state.step.title, state.name == self.on_stage
        shown = Box(name, title, state.state, "", "", open=on_stage)
        missing = self._missing(state)
        if name == self.working:
            making = state.step.learning is None
            words = f"{WORDS[name]} {self._share:.0%}" if making else "Measuring …"
            share = self._share if making else 1.0
            return replace(shown, state=LEARNING, words=words, progress=share, help=f"{title}: {words}")
        if state.state == DONE:
            click = {SHARDS: "", PICTURES: " Click to let it draw."}.get(name, " Click to open it.")
            return replace(shown, words=f"✓ {_fact(state)}", help=f"{title}, done: {_facts(state)}.{click}")
        if state.state == STALE:
            anew = "Click to make it again; what a training has learned is kept in earlier/."
            what = "" if missing else "Click to continue it." if state.changed and not on_stage else anew
            return replace(shown, words="Stale", help=f"{title} is stale: {state.why}. {what}".strip())
        if state.state == LEARNING:
            return self._begun(shown, state, learning if on_stage else None)
        if missing:
            return replace(shown, state=LATER, words="Later", help=f"{title} needs {_listed(missing)} first.")
        return replace(shown, state=NEXT, words="Next", help=f"{title} comes next. Click to begin.")

    def _begun(self, shown: Box, state: StepState, learning: Learning | None) -> Box:
        if learning is None or not learning.playing:
            share = state.progress if learning is None else learning.progress
            words = "Measuring …" if learning is not None and learning.at_end else f"Paused {share:.0%}"
            help = f"{shown.title} has begun. Click to continue it."
            return replace(shown, state=PAUSED, words=words, help=help, progress=share)
        help = f"{shown.title} is learning: {learning.progress:.0%} done, step {learning.step:,}."
        return replace(shown, words=learning.left or "Learning", help=help, progress=learning.progress)


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _fact(state: StepState) -> str:
    """The number that says most, short."""
    metrics = state.metrics
    if "psnr" in metrics:
        return f"{metrics['psnr']:.1f} dB"
    for name in ("bits_per_token", "bits_per_dimension"):
        if name in metrics:
            return f"{metrics[name]:.2f} bits"
    if "quantisation_error" in metrics:
        return f"error {metrics['quantisation_error']:.2f}"
    if "train" in metrics:
        return f"{metrics['train'] + metrics['held_out']:,} pictures"
    return f"{metrics['pictures']:,} pictures" if "pictures" in metrics else "done"


def _facts(state: StepState) -> str:
    """All of them."""
    shown = {n: v for n, v in state.metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return ", ".join(
        f"{name.replace('_', ' ')} {value:,}"
        if isinstance(value, int)
        else f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in shown.items()
    )
