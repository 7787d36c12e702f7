"""A person's hands in a drawing: each edit, and what takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...controls import ControlError, differing, edited
from ...snapshot import Array, Change
from ..job import Edit, Restore, SetControls, StartOver, Undo
from .edits import GoTo, SetPrompt, SetValue, Watch
from .state import Prompt, State

if TYPE_CHECKING:
    from .draw import DrawPictures

UNDO_BYTES = 1 << 26  # of earlier states are kept; the last one in any case


@dataclass(frozen=True)
class Undoable:
    """A state, and what was done to it then; the moves of a slider are taken back together."""

    what: str
    before: State
    gesture: object


class Editing:
    """Applies edits to a job, and remembers how it was before them."""

    def __init__(self, job: DrawPictures):
        self._job = job
        self._past: list[Undoable] = []

    def apply(self, edit: Edit) -> Change:
        """Take the edit, or raise a ControlError and leave everything as it was."""
        job, before = self._job, self._job.state.copy()
        gesture: object = None
        values: Mapping[str, Any] = {}
        match edit:
            case SetControls():
                what, values = "controls", dict(edit.values)
                gesture = self._set_controls(edit.values)
            case StartOver():
                what, gesture = "start over", object()
                job.start(job.controls, job.state.prompt)
            case SetPrompt():
                what, gesture = "prompt" if edit.pixels is not None else "no prompt", object()
                job.start(job.controls, self._prompt(edit))
            case SetValue():
                what, gesture = "set a value", object()
                values = {"picture": edit.picture, "y": edit.y, "x": edit.x, "levels": list(edit.levels)}
                self._set_value(edit)
            case Restore():
                what, gesture, values = "go on from a recorded frame", object(), {"from_step": edit.step}
                job.adopt(self._recorded(edit.frame))
            case GoTo():
                what, values = "go to", {"position": edit.position}
                self._go_to(edit.position)
            case Watch():
                what, values = "watch", {"picture": edit.picture}
                self._check(edit.picture, len(job.state.position), "pictures")
                job.watch(edit.picture)
            case Undo():
                what = f"undo: {self._undo()}"
            case _:
                raise ControlError(f"A drawing has no edit {type(edit).__name__}.")
        if gesture is not None:
            self._remember(Undoable(what, before, gesture))
        job.within_memory(job.tell)
        return Change(job.step_count, what, values)

    def _remember(self, done: Undoable) -> None:
        if self._past and self._past[-1].gesture == done.gesture:
            return  # the first state of a gesture is the one before it
        self._past.append(done)
        room = UNDO_BYTES - _size(done)
        for n in reversed(range(len(self._past) - 1)):
            room -= _size(self._past[n])
            if room < 0:
                del self._past[: n + 1]
                break

    def _undo(self) -> str:
        if not self._past:
            raise ControlError("There is nothing to undo.")
        job, last = self._job, self._past.pop()
        last.before.controls = replace(last.before.controls, speed=job.controls.speed)
        job.adopt(last.before)
        return last.what

    # Each edit does its work.

    def _set_controls(self, values: Mapping[str, Any]) -> object:
        """What gesture it is, if the drawing is another by it."""
        job, state = self._job, self._job.state
        new = edited(job.controls, values)
        changed = [c for c, _ in differing(job.controls, new) if c.name != "speed"]
        if not changed:
            state.controls = new
            return None
        if state.done or not all(c.live for c in changed):  # what is drawn already would not show the change
            job.start(new, state.prompt)
        else:
            state.controls = new
            state.steer((new.temperature, new.top_p))
            job.renew()
        return tuple(c.name for c in changed)

    def _set_value(self, edit: SetValue) -> None:
        job, state = self._job, self._job.state
        (height, width), sampler = job.sampler.size, job.sampler
        self._check(edit.picture, len(state.position), "pictures")
        self._check(edit.y, height, "rows")
        self._check(edit.x, width, "columns")
        if len(edit.levels) != sampler.channels or not all(0 <= n < sampler.levels for n in edit.levels):
            raise ControlError(
                f"A place takes {sampler.channels} of the levels 0 to {sampler.levels - 1}, not {edit.levels}."
            )
        at = edit.y * width + edit.x
        to = state.position.copy()
        to[edit.picture] = at + 1
        state.go_back(to)
        state.given[edit.picture, at] = True
        state.values[edit.picture, at] = edit.levels
        state.entropy[edit.picture, at] = state.surprise[edit.picture, at] = 0
        job.renew()

    def _go_to(self, position: int) -> None:
        job = self._job
        if not 0 <= position <= job.state.places:
            raise ControlError(f"A drawing has the places 0 to {job.state.places}, not {position}.")
        if (job.state.position > position).any():
            job.state.go_back(position)
            job.renew()
        job.within_memory(lambda: job.advance(position))

    def _prompt(self, edit: SetPrompt) -> Prompt | None:
        if edit.pixels is None:
            return None
        size, pixels = self._job.sampler.size, edit.pixels
        keep = np.ones(size, bool) if edit.keep is None else np.asarray(edit.keep, bool)
        if keep.shape != size:
            raise ControlError(f"What is kept of a picture is told place by place, {size}, not {keep.shape}.")
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise ControlError(
                f"A prompt is a picture of bytes (h, w, 3), not {pixels.dtype} {pixels.shape}."
            )
        values = self._job.sampler.values_of(pixels).astype(self._job.state.values.dtype)
        return Prompt(values.reshape(keep.size, -1), keep.reshape(-1))

    def _recorded(self, frame: Mapping[str, Array]) -> State:
        """The state of a recorded frame, in which all to come is drawn with the controls of now."""
        job, sampler = self._job, self._job.sampler
        try:
            values, position, given = (np.asarray(frame[name]) for name in ("values", "position", "given"))
            controls = edited(job.controls, {"count": len(values)})
            state = State.begin(controls, None, job.state.places, sampler.channels, sampler.levels)
            if values.shape[1:3] != sampler.size or not 0 <= values.min() <= values.max() < sampler.levels:
                raise ValueError
            if not 0 <= position.min() <= position.max() <= state.places:
                raise ValueError
            state.prompt, state.step = job.state.prompt, job.state.step
            state.given[:] = given.reshape(state.given.shape)
            state.values[:] = values.reshape(state.values.shape)
            state.entropy[:] = np.asarray(frame["entropy"]).reshape(state.entropy.shape)
            surprise = np.asarray(
                frame.get("surprise", np.where(given, 0, np.nan))
            )  # recordings once had none
            state.surprise[:] = surprise.reshape(state.surprise.shape)
            state.position[:] = state.places
            state.go_back(position)
        except (KeyError, ValueError, TypeError, IndexError):
            raise ControlError("This frame is of other pictures than those drawn here.") from None
        return state

    def _check(self, number: int, count: int, what: str) -> None:
        if not 0 <= number < count:
            raise ControlError(f"There are {count} {what} here, counted from 0; {number} is none of them.")


def _size(done: Undoable) -> int:
    return sum(array.nbytes for array in done.before.arrays().values())
