"""What a person changes in a drawing: each edit, and what takes it back."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ...controls import ControlError, differing, edited, named_in_words
from ...errors import JobError
from ...snapshot import Array, Change, Segment
from ..job import Edit, Redo, Restore, SetControls, StartOver, Undo
from ..memory import OutOfMemoryError
from ..undo import Reverse, Step, UndoStack
from .branches import Branches
from .controls import DrawControls
from .edits import EVERY, FITTING, ChangeTable, GoTo, SetPrompt, SetTable, SetValue, SetValues, SetWay, Watch
from .layout import Layout
from .sampler import Sampler
from .state import Bools, Prompt, State, changed, labels_for
from .table import class_that_fits, table_prompt, table_rows


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

    def begin(
        self, controls: DrawControls, prompt: Prompt | None = None, temperatures: tuple[float, ...] = ()
    ) -> State: ...

    def not_begun(self) -> State: ...

    def start(
        self, controls: DrawControls, prompt: Prompt | None, temperatures: tuple[float, ...] = ()
    ) -> None: ...

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
        self._segments = itertools.count(1)

    def apply(self, edit: Edit) -> Change:
        """Take the edit, or raise a ControlError and leave everything as it was."""
        job, before = self._job, self._job.state.copy()
        gesture: object = None
        named = ""  # for a person, where that is another word
        values: Mapping[str, Any] = {}
        match edit:
            case SetControls():
                what, values = "controls", dict(edit.values)
                named = f"change {named_in_words(job.controls, values)}"
                gesture = self._set_controls(edit.values)
            case StartOver():
                what, gesture = "start over", object()
                job.start(job.controls, job.state.prompt, job.state.temperatures)
            case SetTable():
                what, gesture = "set the table", object()
                values = {"temperatures": list(edit.temperatures), "pictures": len(edit.prompts)}
                self._set_table(edit.temperatures, self._prompts(edit.prompts), edit.rows)
            case ChangeTable():
                what, gesture = "change the table", object()
                values = {
                    "temperatures": list(edit.temperatures),
                    "added": len(edit.add),
                    "dropped": edit.drop,
                }
                self._change_table(edit)
            case SetPrompt():
                prompt = self._prompt(edit)
                what, gesture = "remove the prompt" if prompt is None else "set the prompt", object()
                job.start(job.controls, prompt)
            case SetValue():
                what, gesture = "change a value", object()
                values = {"picture": edit.picture, "y": edit.y, "x": edit.x, "values": list(edit.values)}
                self._set_value(edit)
            case SetValues():
                what, gesture = "change values", object() if edit.stroke is None else ("stroke", edit.stroke)
                places = self._set_values(edit)
                values = {"picture": edit.picture, "values": list(edit.values), "places": places}
            case SetWay():
                what, values = (
                    "change how pictures are drawn",
                    {"pictures": list(edit.pictures), **edit.values},
                )
                gesture = "way", *sorted(edit.pictures), *sorted(edit.values)
                self._set_way(edit)
            case Restore():
                what, gesture, values = "continue from a recorded frame", object(), {"from_step": edit.step}
                job.adopt(self._recorded(edit.frame))
            case GoTo():
                what, values = "go to a place", {"position": edit.position}
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
            case Undo() | Redo():
                what = self.past.take(edit)
            case _:
                raise ControlError(f"A drawing has no edit {type(edit).__name__}.")
        if gesture is not None:
            size = sum(array.nbytes for array in before.arrays().values())
            self.past.add(Step(named or what, self._back_to(before), gesture, size))
            job.state.segment = self._segment_after(before)
        self._recall()
        return Change(job.step_count, what, values)

    def _segment_after(self, before: State) -> Segment:
        """The stretch that an edit begins: of a drawing begun anew, or of the one that it was."""
        step, number = self._job.state.step, next(self._segments)
        return Segment(number, before.segment.number, step) if step else Segment(number)

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
        for c in changed if state.temperatures else ():
            if c.name in ("count", "temperature"):
                raise ControlError(f"In a table, {c.label.lower()} is set by its rows and columns.")
        if state.done or not all(c.live for c in changed):  # what is drawn already would not show the change
            job.start(new, state.prompt, state.temperatures)
        else:
            state.controls = new
            state.steer_all(new, (c.name for c in changed))  # some have a way of their own
            job.renew()
        return tuple(c.name for c in changed)

    def _set_value(self, edit: SetValue) -> None:
        height, width = self._size(edit.stage)
        self._check(edit.y, height, "rows")
        self._check(edit.x, width, "columns")
        places = np.zeros((height, width), bool)
        places[edit.y, edit.x] = True
        self._set_values(SetValues(edit.picture, places, edit.values, edit.stage))

    def _set_values(self, edit: SetValues) -> int:
        """The places are given, so that the picture is drawn on from the first of them; how many there are."""
        job, state = self._job, self._job.state
        self._check(edit.stage, len(job.layout.stages), "stages")
        levels = job.layout.stages[edit.stage].levels
        self._check(edit.picture, len(state.position), "pictures")
        if len(edit.values) != job.sampler.channels or not all(0 <= v < levels for v in edit.values):
            raise ControlError(
                f"A place holds {job.sampler.channels} values from 0 to {levels - 1}, not {edit.values}."
            )
        at = job.layout.positions_of(edit.stage)[self._part(edit.places, edit.stage).reshape(-1)]
        if not len(at):
            raise ControlError("Name the places to change.")
        to = state.position.copy()
        to[edit.picture] = at.min() + 1
        state.go_back(to)
        if state.alive is not None and state.parent is not None:  # it is drawn on, whatever became of it
            state.alive[edit.picture], state.parent[edit.picture] = True, edit.picture
        state.given[edit.picture, at] = True
        state.values[edit.picture, at] = edit.values
        state.entropy[edit.picture, at] = state.surprise[edit.picture, at] = 0
        job.renew()
        return len(at)

    def _set_way(self, edit: SetWay) -> None:
        job, state = self._job, self._job.state
        for picture in edit.pictures:
            self._check(picture, len(state.position), "pictures")
        others = edit.values.keys() - {"temperature", "top_k", "top_p", "label", "seed"}
        if others:
            raise ControlError(f"Pictures have no {', '.join(sorted(others))} of their own.")
        new = edited(job.controls, edit.values)
        if "seed" in edit.values:
            state = state.copy()  # which is taken once there are other random numbers
        pictures = np.array(edit.pictures, np.int64)
        labels = state.labels.copy()
        if "label" in edit.values:
            labels[pictures] = labels_for(new.label, state.number[pictures], len(job.sampler.classes))
        seed = state.seed.copy()
        seed[pictures] = new.seed if "seed" in edit.values else seed[pictures]
        position = state.position.copy()
        anew = (position == state.places) | (labels != state.labels) | (seed != state.seed)
        anew = anew[pictures]
        ways = [state.way_of(picture) for picture in edit.pictures]
        position[pictures[anew]] = 0
        state.labels, state.seed = labels, seed
        state.go_back(position)
        for picture, way in zip(edit.pictures, ways, strict=True):
            state.steer(changed(way, new, edit.values), picture)
        if "seed" in edit.values:
            job.adopt(state)
        else:
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

    def _change_table(self, edit: ChangeTable) -> None:
        state, rows = self._job.state, table_rows(self._job.state)
        for row in (*edit.replace, *edit.drop):
            self._check(row, len(rows), "rows")
        for row, prompt in edit.replace.items():
            rows[row : row + 1] = self._prompts([prompt])
        rows = [prompt for row, prompt in enumerate(rows) if row not in edit.drop] + self._prompts(edit.add)
        if edit.keep is not None:
            keep = self._kept(edit.keep, EVERY)
            rows = [replace(prompt, keep=keep) for prompt in rows]
        self._set_table(edit.temperatures or state.temperatures, rows)

    def _set_table(self, temperatures: tuple[float, ...], prompts: list[Prompt], rows: int = 1) -> None:
        job, columns = self._job, len(temperatures)
        if not columns or job.sampler.beams:
            raise ControlError("A table has a temperature for each column, and each cell is drawn by itself.")
        for temperature in temperatures:
            edited(job.controls, {"temperature": temperature})
        count = columns * (len(prompts) or rows)
        controls = edited(job.controls, {"count": count, "temperature": temperatures[0]})
        job.start(controls, table_prompt(prompts, columns), tuple(map(float, temperatures)))

    def _prompts(self, edits: Iterable[SetPrompt]) -> list[Prompt]:
        prompts = [self._prompt(edit) for edit in edits]
        return [prompt for prompt in prompts if prompt is not None]

    def _part(self, keep: Array | None, stage: int) -> Bools:
        """Which places (H, W) of a stage are kept."""
        size = self._size(stage)
        part = np.ones(size, bool) if keep is None else np.asarray(keep, bool)
        if part.shape != size:
            raise ControlError(f"What is kept of a picture is said place by place, {size}, not {part.shape}.")
        return part

    def _prompt(self, edit: SetPrompt) -> Prompt | None:
        if edit.values is None and edit.pixels is None:
            return None
        job, layout, keep = self._job, self._job.layout, self._kept(edit.keep, edit.stage)
        label = -1 if edit.label == FITTING else edit.label
        labels_for(label, np.zeros(1, np.int64), len(job.sampler.classes))  # or a ControlError
        values = np.zeros_like(job.state.values[:1])  # (1, N, C)
        for stage in range(len(layout.stages)) if edit.stage == EVERY else (edit.stage,):
            found = self._encoded(edit, stage) if edit.values is None else self._checked_values(edit)
            values[0, layout.positions_of(stage)] = found.reshape(-1, found.shape[2])
        prompt = Prompt(values, keep, np.array([label]), edit.name)
        if edit.label == FITTING:
            job.within_memory(lambda: prompt.labels.fill(class_that_fits(job.sampler, prompt)))
        return prompt

    def _kept(self, keep: Array | None, stage: int) -> Bools:
        """The same of all places by position, (1, N)."""
        layout, part = self._job.layout, self._part(keep, stage)
        kept = np.zeros((1, layout.count), bool)
        if stage != EVERY:
            kept[0, layout.positions_of(stage)] = part.reshape(-1)
            return kept
        for number in range(len(layout.stages)):
            kept[0, layout.positions_of(number)] = layout.covered(part, number).reshape(-1)
        return kept

    def _encoded(self, edit: SetPrompt, stage: int) -> Array:
        """The values (H, W, C) of a picture from outside."""
        pixels = np.asarray(edit.pixels)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise ControlError(
                f"A prompt is a picture of bytes (h, w, 3), not {pixels.dtype} {pixels.shape}."
            )
        return self._job.sampler.values_of(pixels, stage)

    def _checked_values(self, edit: SetPrompt) -> Array:
        """The values (H, W, C); where they do not stay they may be any, and are 0 if there are none such."""
        if edit.stage == EVERY:
            raise ControlError("Values are of one stage; a picture is given in every stage by its pixels.")
        keep = self._part(edit.keep, edit.stage)
        values, levels = np.asarray(edit.values), self._job.layout.stages[edit.stage].levels
        shape = *keep.shape, self._job.sampler.channels
        if values.shape != shape or not np.issubdtype(values.dtype, np.integer):
            raise ControlError(f"Given values are integers {shape}, not {values.dtype} {values.shape}.")
        values = np.where(keep[..., None] | ((values >= 0) & (values < levels)), values, 0)
        if not 0 <= values.min() <= values.max() < levels:
            raise ControlError(f"Given values go from 0 to {levels - 1}.")
        return values

    def _recorded(self, frame: Mapping[str, Array]) -> State:
        """The state of a recorded frame, in which all to come is drawn with the controls of now."""
        job, by_position = self._job, self._job.layout.by_position
        try:
            given, position = np.asarray(frame["given"]), np.asarray(frame["position"])
            values = by_position(np.asarray(frame["values"]))
            prompt, temperatures = self._recorded_table(frame)
            state = job.begin(edited(job.controls, {"count": len(values)}), prompt, temperatures)
            if prompt is None and not (temperatures or job.state.temperatures):
                state.prompt = job.state.prompt
            if values.min() < 0 or (values >= job.layout.levels[:, None]).any():
                raise ValueError
            if not 0 <= position.min() <= position.max() <= state.places:
                raise ValueError
            state.step = job.state.step
            same = min(len(values), len(job.state.labels))
            state.labels[:same] = job.state.labels[:same]
            state.given[:] = by_position(given)
            state.values[:] = values
            state.entropy[:] = by_position(np.asarray(frame["entropy"]))
            surprise = frame.get("surprise", np.where(given, 0, np.nan))  # recordings once had none
            state.surprise[:] = by_position(np.asarray(surprise))
            for name in ("parent", "score", "alive") if job.sampler.beams else ():
                getattr(state, name)[:] = frame[name]
            if state.branches is not None:
                state.branches = Branches.read(frame, len(values))
            state.position[:] = state.places
            state.go_back(position)
        except (KeyError, ValueError, TypeError, IndexError):
            raise ControlError("This frame belongs to other pictures.") from None
        return state

    def _recorded_table(self, frame: Mapping[str, Array]) -> tuple[Prompt | None, tuple[float, ...]]:
        """What the rows of a recorded table went on from, and the temperatures of its columns."""
        temperatures = tuple(np.asarray(frame.get("columns", ()), float).tolist())
        for temperature in temperatures:
            edited(self._job.controls, {"temperature": temperature})
        if "prompts" not in frame:
            return None, temperatures
        values, keep = (self._job.layout.by_position(np.asarray(frame[name])) for name in ("prompts", "kept"))
        if values.min() < 0 or (values >= self._job.layout.levels[:, None]).any():
            raise ValueError
        values = values.astype(self._job.state.values.dtype)
        labels = np.full(len(values), -1)
        return table_prompt([Prompt(values, keep, labels)], len(temperatures)), temperatures

    def _size(self, stage: int) -> tuple[int, int]:
        if stage != EVERY:
            self._check(stage, len(self._job.layout.stages), "stages")
        return self._job.layout.stages[stage].size

    def _check(self, number: int, count: int, what: str) -> None:
        if not 0 <= number < count:
            raise ControlError(f"There are {count} {what} here, counted from 0; {number} is not one of them.")
