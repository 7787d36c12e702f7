"""What a person changes in a drawing: each edit, and what takes it back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ...controls import ControlError, differing, edited
from ...errors import JobError
from ...snapshot import Array, Change
from ..job import Edit, Restore, SetControls, StartOver, Undo
from ..memory import OutOfMemoryError
from ..undo import Reverse, Step, UndoStack
from .controls import DrawControls
from .edits import GoTo, SetPrompt, SetValue, SetWay, Watch
from .layout import Layout
from .sampler import Sampler
from .state import Prompt, State, labels_for


class Edited(Protocol):
    """What is needed of the job that is edited."""

    sampler: Sampler
    layout: Layout
    state: State
    watched: int

    @property
    def controls(self) -> DrawControls: ...

    @property
    def step_count(self) -> int: ...

    def begin(self, controls: DrawControls, prompt: Prompt | None = None) -> State: ...

    def not_begun(self) -> State: ...

    def start(self, controls: DrawControls, prompt: Prompt | None) -> None: ...

    def adopt(self, state: State) -> None: ...

    def watch(self, picture: int) -> None: ...

    def renew(self) -> None: ...

    def advance(self, to: int) -> None: ...

    def recall(self) -> None: ...

    def within_memory(self, work: Callable[[], None]) -> None: ...


class Editing:
    """Applies edits to a job, and remembers how it was before them."""

    def __init__(self, job: Edited):
        self._job = job
        self.past = UndoStack()

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
                prompt = self._prompt(edit)
                what, gesture = "no prompt" if prompt is None else "prompt", object()
                job.start(job.controls, prompt)
            case SetValue():
                what, gesture = "set a value", object()
                values = {"picture": edit.picture, "y": edit.y, "x": edit.x, "values": list(edit.values)}
                self._set_value(edit)
            case SetWay():
                what, values = "set a way", {"pictures": list(edit.pictures), **edit.values}
                gesture = "way", *sorted(edit.pictures), *sorted(edit.values)
                self._set_way(edit)
            case Restore():
                what, gesture, values = "go on from a recorded frame", object(), {"from_step": edit.step}
                job.adopt(self._recorded(edit.frame))
            case GoTo():
                what, values = "go to", {"position": edit.position}
                try:
                    self._go_to(edit.position)
                except JobError:  # it may have gone back, or drawn a part
                    job.state = before
                    job.watch(job.watched)
                    self._recall()
                    raise
            case Watch():
                what, values = "watch", {"picture": edit.picture}
                self._check(edit.picture, len(job.state.position), "pictures")
                job.watch(edit.picture)
            case Undo():
                what = f"undo: {self.past.undo()}"
            case _:
                raise ControlError(f"A drawing has no edit {type(edit).__name__}.")
        if gesture is not None:
            size = sum(array.nbytes for array in before.arrays().values())
            self.past.add(Step(what, self._back_to(before), gesture, size))
        self._recall()
        return Change(job.step_count, what, values)

    def _recall(self) -> None:
        """Ask what is not known. The edit was made, or taken back, also where memory lacks for this: what is not known
        then is asked again with the next step or edit."""
        with contextlib.suppress(OutOfMemoryError):
            self._job.within_memory(self._job.recall)

    def _back_to(self, state: State) -> Reverse:
        def reverse() -> Reverse:
            job, now = self._job, self._job.state
            pace = job.controls.speed  # which is no part of the drawing
            state.controls = replace(state.controls, speed=pace)
            job.adopt(state)
            return self._back_to(now)

        return reverse

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
            state.steer_all(new, (c.name for c in changed))  # some have a way of their own
            job.renew()
        return tuple(c.name for c in changed)

    def _set_value(self, edit: SetValue) -> None:
        """The place is done and given, so that the picture is drawn on from the one after it."""
        job, state = self._job, self._job.state
        (height, width), levels = self._size(edit.stage), job.layout.stages[edit.stage].levels
        self._check(edit.picture, len(state.position), "pictures")
        self._check(edit.y, height, "rows")
        self._check(edit.x, width, "columns")
        if len(edit.values) != job.sampler.channels or not all(0 <= v < levels for v in edit.values):
            raise ControlError(
                f"A place holds {job.sampler.channels} values from 0 to {levels - 1}, not {edit.values}."
            )
        at = int(job.layout.positions_of(edit.stage)[edit.y * width + edit.x])
        to = state.position.copy()
        to[edit.picture] = at + 1
        state.go_back(to)
        if state.alive is not None and state.parent is not None:  # it is drawn on, whatever became of it
            state.alive[edit.picture], state.parent[edit.picture] = True, edit.picture
        state.given[edit.picture, at] = True
        state.values[edit.picture, at] = edit.values
        state.entropy[edit.picture, at] = state.surprise[edit.picture, at] = 0
        job.renew()

    def _set_way(self, edit: SetWay) -> None:
        job, state = self._job, self._job.state
        for picture in edit.pictures:
            self._check(picture, len(state.position), "pictures")
        others = edit.values.keys() - {"temperature", "top_k", "top_p", "label"}
        if others:
            raise ControlError(f"Pictures have no {', '.join(sorted(others))} of their own.")
        new = edited(job.controls, edit.values)
        pictures = np.array(edit.pictures, np.int64)
        labels = state.labels.copy()
        if "label" in edit.values:
            labels[pictures] = labels_for(new.label, pictures, len(job.sampler.classes))
        position = state.position.copy()
        anew = (position[pictures] == state.places) | (labels != state.labels)[pictures]
        ways = [state.way_of(picture) for picture in edit.pictures]
        position[pictures[anew]] = 0
        state.labels = labels
        state.go_back(position)
        for picture, way in zip(edit.pictures, ways, strict=True):
            state.steer(way.with_changes(new, edit.values), picture)
        job.renew()

    def _go_to(self, position: int) -> None:
        job = self._job
        if not 0 <= position <= job.state.places:
            raise ControlError(f"A drawing has the places 0 to {job.state.places}, not {position}.")
        if (job.state.position > position).any():
            if job.sampler.beams:  # which cannot go back
                state = job.not_begun()
                state.step = job.state.step
                job.adopt(state)
            else:
                job.state.go_back(position)
                job.renew()
        job.within_memory(lambda: job.advance(position))

    def _prompt(self, edit: SetPrompt) -> Prompt | None:
        if edit.values is None and edit.pixels is None:
            return None
        job, layout, size = self._job, self._job.layout, self._size(edit.stage)
        part = np.ones(size, bool) if edit.keep is None else np.asarray(edit.keep, bool)
        if part.shape != size:
            raise ControlError(f"What is kept of a picture is said place by place, {size}, not {part.shape}.")
        found = self._encoded(edit) if edit.values is None else self._checked_values(edit, part)
        positions = layout.positions_of(edit.stage)
        values, keep = np.zeros_like(job.state.values[0]), np.zeros(layout.count, bool)  # (N, C), (N,)
        values[positions], keep[positions] = found.reshape(part.size, -1), part.reshape(-1)
        return Prompt(values, keep)

    def _encoded(self, edit: SetPrompt) -> Array:
        """The values (H, W, C) of a picture from outside."""
        pixels = np.asarray(edit.pixels)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise ControlError(
                f"A prompt is a picture of bytes (h, w, 3), not {pixels.dtype} {pixels.shape}."
            )
        return self._job.sampler.values_of(pixels, edit.stage)

    def _checked_values(self, edit: SetPrompt, keep: Any) -> Array:
        """The values (H, W, C), 0 where they do not stay."""
        values, levels = np.asarray(edit.values), self._job.layout.stages[edit.stage].levels
        shape = *keep.shape, self._job.sampler.channels
        if values.shape != shape or not np.issubdtype(values.dtype, np.integer):
            raise ControlError(f"Given values are integers {shape}, not {values.dtype} {values.shape}.")
        values = np.where(keep[..., None], values, 0)
        if not 0 <= values.min() <= values.max() < levels:
            raise ControlError(f"Given values go from 0 to {levels - 1}.")
        return values

    def _recorded(self, frame: Mapping[str, Array]) -> State:
        """The state of a recorded frame, in which all to come is drawn with the controls of now."""
        job, by_position = self._job, self._job.layout.by_position
        try:
            given, position = np.asarray(frame["given"]), np.asarray(frame["position"])
            values = by_position(np.asarray(frame["values"]))
            state = job.begin(edited(job.controls, {"count": len(values)}))
            if values.min() < 0 or (values >= job.layout.levels[:, None]).any():
                raise ValueError
            if not 0 <= position.min() <= position.max() <= state.places:
                raise ValueError
            state.prompt, state.step = job.state.prompt, job.state.step
            same = min(len(values), len(job.state.labels))
            state.labels[:same] = job.state.labels[:same]
            state.given[:] = by_position(given)
            state.values[:] = values
            state.entropy[:] = by_position(np.asarray(frame["entropy"]))
            surprise = frame.get("surprise", np.where(given, 0, np.nan))  # recordings once had none
            state.surprise[:] = by_position(np.asarray(surprise))
            for name in ("parent", "score", "alive") if job.sampler.beams else ():
                getattr(state, name)[:] = frame[name]
            state.position[:] = state.places
            state.go_back(position)
        except (KeyError, ValueError, TypeError, IndexError):
            raise ControlError("This frame is of other pictures than those drawn here.") from None
        return state

    def _size(self, stage: int) -> tuple[int, int]:
        self._check(stage, len(self._job.layout.stages), "stages")
        return self._job.layout.stages[stage].size

    def _check(self, number: int, count: int, what: str) -> None:
        if not 0 <= number < count:
            raise ControlError(f"There are {count} {what} here, counted from 0; {number} is none of them.")
