"""What a person changes about a fit while it learns: each edit, and what takes it back."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...controls import ControlError, differing, edited, named_in_words
from ...models.dividers import network as dividers
from ...models.dividers.network import Params
from ...snapshot import Array, Change, Segment
from ..job import Edit, GoOn, Limit, Redo, Restore, SetControls, StartOver, Undo
from ..memory import within_memory
from ..undo import Reverse, Step, UndoStack
from . import start as divider_start
from .controls import FitControls, with_units, with_values
from .edits import AddUnit, MoveUnit, RemoveUnit, SetMask
from .learner import Backup, Learner, checked
from .saved import checked_ids
from .target import Target

ADVICE = "use a smaller batch, fewer units or a smaller picture"  # where memory runs out


class Editable(ABC):
    """The half of a fit that takes edits. The other half learns, and says what is used of it here."""

    limit: Limit
    step_count: int
    seconds: float
    segment: Segment
    _controls: FitControls
    _learner: Learner
    _target: Target
    _regained: float
    _metrics: dict[str, float]

    def __init__(self) -> None:
        self.past = UndoStack()
        self._segments, self._restarts = itertools.count(), 0

    @property
    @abstractmethod
    def pixels(self) -> Array: ...

    @property
    @abstractmethod
    def mask(self) -> Array | None: ...

    @property
    @abstractmethod
    def params(self) -> Params: ...

    @property
    @abstractmethod
    def progress(self) -> float: ...

    @abstractmethod
    def backup(self) -> Backup: ...

    @abstractmethod
    def return_to(self, backup: Backup) -> None: ...

    @abstractmethod
    def said_on_average(self) -> Tensor: ...

    @abstractmethod
    def _start(self, controls: FitControls, begun: divider_start.Start) -> None: ...

    @abstractmethod
    def _here(self, params: Params) -> Params: ...

    @abstractmethod
    def _reheat(self) -> None: ...

    # Edits.

    def apply(self, edit: Edit) -> Change:
        values: dict[str, Any] = {}
        if isinstance(edit, Undo | Redo):
            what = within_memory(lambda: self.past.take(edit), ADVICE)
        else:
            step, values = within_memory(lambda: self._make(edit), ADVICE)
            what = "controls" if isinstance(edit, SetControls) else step.what
            self.past.add(step)
        if isinstance(edit, MoveUnit | AddUnit | RemoveUnit | SetMask | Restore):
            self._reheat()
        self._metrics = {}  # how good the picture is must be looked at again
        return Change(self.step_count, what, values)

    def _make(self, edit: Edit) -> tuple[Step, dict[str, Any]]:
        """Do what an edit says, or raise a ControlError and leave everything as it was. What was done comes back, and
        what is recorded of it."""
        match edit:
            case SetControls():
                return self.set_controls(edit.values), dict(edit.values)
            case StartOver():
                return self._start_over(), {}
            case Restore():
                return self._restore(edit), {"from_step": edit.step}
            case GoOn():
                return self._go_on(), {}
            case MoveUnit():
                reverse = self._learner.move(edit.unit, edit.values)
                return Step(f"move a {self._kind(edit.unit)}", reverse, edit.gesture), {"unit": edit.unit}
            case AddUnit():
                reverse = self._counting(lambda: self._add(edit))
                return Step(f"add a {edit.kind}", reverse), {"unit": self._learner.newest}
            case RemoveUnit():
                kind = self._kind(edit.unit)
                mean = float(self.said_on_average()[self._learner.index(edit.unit)])
                reverse = self._counting(lambda: self._learner.remove(edit.unit, mean))
                return Step(f"remove a {kind}", reverse), {"unit": edit.unit}
            case SetMask():
                what = "clear what was painted" if edit.mask is None else "paint"
                size = 0 if self.mask is None else self.mask.nbytes
                return Step(what, self._set_mask(edit.mask), size=size), {}
        raise ControlError(f"A divider network has no edit {type(edit).__name__}.")

    def set_controls(self, values: Mapping[str, Any]) -> Step:
        """Take new values. If one of them is no live control, start over."""
        new = divider_start.divided_for(with_values(self._controls, values), self.pixels)
        return self._take(new, values)

    def _take(self, new: FitControls, named: Iterable[str]) -> Step:
        before, what = self._controls, f"change {named_in_words(new, named)}"
        if all(c.live for c, _ in differing(before, new)):
            self._target.weigh(self._target.weights(new, self.mask), self.mask)
            self._controls = new
            step, since = Step(what, lambda: self._take(before, named).reverse), None
        else:
            step = self._step_from(what)
            self._restarts += self.step_count > 0
            self._start(new, divider_start.start(new, self.pixels))
            since = self._restarts
        # Moves of a slider are one gesture, but never so that undo passes over what was learnt in between.
        return replace(step, gesture=(tuple(sorted(named)), since))

    def _start_over(self) -> Step:
        step = self._step_from("start over")
        self._start(self._controls, divider_start.start(self._controls, self.pixels))
        return step

    def _restore(self, edit: Restore) -> Step:
        """The recorded parameters from here on; steps and schedules go on counting."""
        try:
            params = dividers.params_from_arrays(edit.frame)
            ids = checked_ids(edit.frame["unit_ids"], params)
        except (KeyError, ValueError, TypeError, AttributeError):
            raise ControlError("This frame does not come from a divider network.") from None
        step = self._step_from("continue from a recorded frame")
        self._learner.lay_out(self._here(params), ids)
        self.segment = Segment(next(self._segments), self.segment.number, self.step_count)
        self._controls = with_units(self._controls, dividers.unit_counts(params))
        return step

    def _step_from(self, what: str) -> Step:
        """A change of everything that is learnt, which is to be made after this."""
        backup, controls = self.backup(), self._controls

        def reverse() -> Reverse:
            again, weights = self._step_from(what), self._target.weights(controls, self.mask)
            self.return_to(backup)
            self._target.weigh(weights, self.mask)
            self._controls = controls
            return again.reverse

        return Step(what, reverse, size=backup.learnt.nbytes)

    def _go_on(self) -> Step:
        """Another schedule, as long as the one that has ended, from its middle on."""
        if self.progress < 1:
            raise ControlError("It has not finished yet.")
        steps, seconds, horizon = self.limit.steps, self.limit.seconds, self._controls.horizon
        if self.limit == Limit():
            horizon = edited(self._controls, {"horizon": self.step_count + horizon}).horizon
        longer = Limit(steps and self.step_count + steps, seconds and self.seconds + seconds)
        return Step("keep learning", self._schedule(longer, horizon, 0.0))

    def _schedule(self, limit: Limit, horizon: int, regained: float) -> Reverse:
        before = self.limit, self._controls.horizon, self._regained
        self.limit, self._controls, self._regained = limit, replace(self._controls, horizon=horizon), regained
        return lambda: self._schedule(*before)

    def _kind(self, unit: int) -> str:
        return dividers.place_of(self._learner.index(unit), self.params)[0]

    def _counting(self, change: Reverse, controls: FitControls | None = None) -> Reverse:
        """Make a change of the units. The controls say how many there are; those of before come back with them."""
        before, back = self._controls, change()
        self._controls = controls or with_units(before, dividers.unit_counts(self.params))
        return lambda: self._counting(back, before)

    def _add(self, edit: AddUnit) -> Reverse:
        if edit.kind not in ("line", "circle", "cell"):
            raise ControlError(f"A line, a circle or a cell can be added, not a {edit.kind}.")
        if dividers.unit_counts(self.params)[edit.kind] >= dividers.MOST_UNITS:
            raise ControlError(
                f"There are already {dividers.MOST_UNITS:,} {edit.kind}s, the most there can be."
            )
        values = divider_start.placed_unit(
            edit.kind, self.params, self._controls, self.pixels, seed=self.step_count
        )
        for name, value in (edit.values or {}).items():
            values[name] = checked(value, values[name])
        return self._learner.add(edit.kind, values, seed=self.step_count)

    def _set_mask(self, mask: Array | None) -> Reverse:
        before, mask = self.mask, self._target.checked(mask)
        self._target.weigh(self._target.weights(self._controls, mask), mask)
        return lambda: self._set_mask(before)
