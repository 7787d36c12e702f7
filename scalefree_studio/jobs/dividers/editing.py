"""A person's hands in a divider network: each edit, and what takes it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...controls import ControlError, values_of
from ...models.dividers import network as dividers
from ...models.dividers.edit import reader_of_units, unit_values, with_unit, without_unit
from ...models.dividers.network import Params
from ...snapshot import Array, Change
from ..job import Edit, Restore, SetControls, StartOver, Undo
from . import start as divider_start
from .edits import AddUnit, MoveUnit, RemoveUnit, SetMask

if TYPE_CHECKING:
    from .fit import FitDividers

UNDO_DEPTH = 100
Inverse = Callable[[], None]


@dataclass(frozen=True)
class Undoable:
    """What takes an edit back; the moves of one gesture are taken back together."""

    what: str
    inverse: Inverse
    gesture: object = None


class Editing:
    """Applies edits to a job, and remembers how to undo them."""

    def __init__(self, job: FitDividers):
        self._job = job
        self._past: list[Undoable] = []
        self._next_id = 0

    def apply(self, edit: Edit) -> Change:
        """Take the edit, or raise a ControlError and leave everything as it was."""
        job = self._job
        gesture: object = None  # edits of the same gesture are undone together
        values: Mapping[str, Any] = {}
        match edit:
            case SetControls():
                what, inverse, values = "controls", self._set_controls(edit.values), dict(edit.values)
                gesture = tuple(sorted(values))  # a slider being drawn is one gesture
            case StartOver():
                what, inverse = "start over", self._return_to_now()
                job.start()
            case Restore():
                what, inverse, values = (
                    "go on from a recorded frame",
                    self._restore(edit),
                    {"from_step": edit.step},
                )
            case MoveUnit():
                what, inverse, values = "move a unit", self._move(edit), {"unit": edit.unit}
                gesture = edit.gesture
            case AddUnit():
                what, inverse, values = f"add a {edit.kind}", self._add(edit), {}
            case RemoveUnit():
                what, inverse, values = "remove a unit", self._remove(edit.unit), {"unit": edit.unit}
            case SetMask():
                what, inverse = "paint", self._set_mask(edit.mask)
            case Undo():
                return self._undo()
            case _:
                raise ControlError(f"A divider network has no edit {type(edit).__name__}.")
        same_gesture = bool(self._past) and gesture is not None and self._past[-1].gesture == gesture
        if not same_gesture:  # the first inverse of a gesture leads back to before it
            self._past = [*self._past[1 - UNDO_DEPTH :], Undoable(what, inverse, gesture)]
        return Change(job.step_count, what, values)

    def _undo(self) -> Change:
        if not self._past:
            raise ControlError("There is nothing to undo.")
        last = self._past.pop()
        last.inverse()
        return Change(self._job.step_count, f"undo: {last.what}")

    # Each edit does its work and returns what takes it back.

    def _set_controls(self, values: Mapping[str, Any]) -> Inverse:
        job = self._job
        before, back = job.controls, self._return_to_now()
        started_over = job.set_controls(values)

        def inverse() -> None:
            job.set_controls(values_of(before))
            if started_over:
                back()

        return inverse

    def _return_to_now(self) -> Inverse:
        backup = self._job.backup()
        return lambda: self._job.return_to(backup)

    def _restore(self, edit: Restore) -> Inverse:
        """The recorded parameters from here on; steps and schedules go on counting."""
        inverse = self._return_to_now()
        params = dividers.params_from_arrays(edit.frame)
        self._job.lay_out({n: t.to(self._job.device) for n, t in params.items()}, edit.frame["unit_ids"])
        return inverse

    def _move(self, edit: MoveUnit) -> Inverse:
        job, index = self._job, self._index(edit.unit)
        kind, row = dividers.place_of(index, job.params)
        names = dividers.names_of(kind, job.params)
        if not set(edit.values) <= set(names):
            raise ControlError(f"A {kind} has {', '.join(names)}, not {', '.join(edit.values)}.")
        new = {name: self._tensor(value, job.params[name][row]) for name, value in edit.values.items()}
        old = {name: job.params[name][row].clone() for name in new}
        unit = edit.unit

        def put(values: Params) -> None:
            at = dividers.place_of(self._index(unit), job.params)[1]
            for name, value in values.items():
                job.params[name][at] = value

        put(new)
        return lambda: put(old)

    def _add(self, edit: AddUnit) -> Inverse:
        job = self._job
        if edit.kind not in ("line", "circle"):
            raise ControlError(f"A line or a circle can be added, not a {edit.kind}.")
        values = divider_start.placed_unit(job, edit.kind)
        for name, value in (edit.values or {}).items():
            values[name] = self._tensor(value, values[name])
        reader = job.params[f"{reader_of_units(job.params)}_weight"]
        values["column"] = torch.randn(
            len(reader), generator=torch.Generator().manual_seed(job.step_count)
        ).to(reader)
        values["column"] *= 0.1 * reader.std() if reader.numel() > 1 else 0.1
        unit = self._fresh_id()
        self._insert(unit, edit.kind, values)
        return lambda: self._drop(unit)

    def _remove(self, unit: int) -> Inverse:
        job, index = self._job, self._index(unit)
        if len(job.unit_ids) == 1:
            raise ControlError("The last unit cannot be removed.")
        kind, row = dividers.place_of(index, job.params)
        values = unit_values(job.params, index)
        mean = float(job.said_on_average()[index])
        self._bias().add_(values["column"] * mean)
        self._drop(unit)

        def inverse() -> None:
            self._bias().sub_(values["column"] * mean)
            self._insert(unit, kind, values, row)

        return inverse

    def _set_mask(self, mask: Array | None) -> Inverse:
        before = self._job.mask
        self._job.set_mask(mask)
        return lambda: self._job.set_mask(before)

    # Units by their ids, in parameters and in the optimizer's memory alike.

    def _index(self, unit: int) -> int:
        found = np.flatnonzero(self._job.unit_ids == unit)
        if len(found) == 0:
            raise ControlError("That unit is no longer there.")
        return int(found[0])

    def _fresh_id(self) -> int:
        self._next_id = max(self._next_id, int(self._job.unit_ids.max(initial=-1)) + 1) + 1
        return self._next_id - 1

    def _bias(self) -> torch.Tensor:
        return self._job.params[f"{reader_of_units(self._job.params)}_bias"]

    def _tensor(self, value: Any, like: torch.Tensor) -> torch.Tensor:
        tensor = torch.as_tensor(np.array(value), dtype=like.dtype, device=like.device)
        if tensor.shape != like.shape or not torch.isfinite(tensor).all():
            raise ControlError("A unit moves by finite numbers of its own shape.")
        return tensor

    def _insert(self, unit: int, kind: str, values: Params, row: int | None = None) -> None:
        job = self._job
        mean, square, count = job.moments
        nothing = {name: torch.zeros_like(value) for name, value in values.items()}
        params, index = with_unit(job.params, kind, values, row)
        moments = (with_unit(mean, kind, nothing, row)[0], with_unit(square, kind, nothing, row)[0], count)
        job.lay_out(params, np.insert(job.unit_ids, index, unit), moments)

    def _drop(self, unit: int) -> None:
        job, index = self._job, self._index(unit)
        mean, square, count = job.moments
        moments = (without_unit(mean, index), without_unit(square, index), count)
        job.lay_out(without_unit(job.params, index), np.delete(job.unit_ids, index), moments)
