"""A divider network while it learns: parameters, the optimizer's memory of them, and units, each with its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...controls import ControlError
from ...models.dividers import network as dividers
from ...models.dividers.edit import reader_of_units, unit_values, with_unit, without_unit
from ...models.dividers.fast import FlatParams, FusedGradient
from ...models.dividers.network import Params
from ...models.dividers.optimizer import Optimizer
from ...snapshot import Array, Segment
from ..undo import Reverse

# The optimizer's means and squares, laid out like the parameters; its updates.
Moments = tuple[Params, Params, int]


@dataclass(frozen=True)
class Learnt:
    """A network, with what the optimizer remembers of it."""

    params: Params
    moments: Moments
    ids: Array
    looked_at: Tensor | None = None  # which cells each tile of the picture looks at

    @classmethod
    def nothing(cls, params: Params) -> Learnt:
        """A network as it begins."""
        units = sum(dividers.unit_counts(params).values())
        zeros = tuple({name: torch.zeros_like(p) for name, p in params.items()} for _ in range(2))
        return cls(params, (zeros[0], zeros[1], 0), np.arange(units, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return 3 * sum(tensor.nbytes for tensor in self.params.values())


@dataclass(frozen=True)
class Backup:
    """Everything that learning changes, in memory."""

    learnt: Learnt
    step: int
    seconds: float
    random: Tensor
    # Revivals made, what was regained of the schedule, whether it began on edges.
    schedule: tuple[int, float, bool]
    segment: Segment


class Learner:
    def __init__(self, begun: Learnt):
        self._next_id = 0
        self.go_on(begun)

    def lay_out(
        self, params: Params, ids: Array, moments: Moments | None = None, looked_at: Tensor | None = None
    ) -> None:
        """Go on with these parameters; without moments, the optimizer forgets."""
        flat = FlatParams(params)
        fused, optimizer = FusedGradient(flat), Optimizer(flat)
        if moments:
            mean, square, optimizer.count = moments
            optimizer.mean, optimizer.square = FlatParams(mean).vector, FlatParams(square).vector
        if fused.cells:
            fused.cells.looked_at = looked_at
        # All, or none if there is no memory for it.
        self.flat, self.fused, self.optimizer = flat, fused, optimizer
        self.unit_ids = ids

    @property
    def params(self) -> Params:
        return self.flat.views

    @property
    def moments(self) -> Moments:
        o = self.optimizer
        return self.flat.like(o.mean), self.flat.like(o.square), o.count

    @property
    def newest(self) -> int:
        """The unit that was added last."""
        return self._next_id - 1

    @property
    def finite(self) -> bool:
        return bool(torch.isfinite(self.flat.vector).all())

    def copy(self) -> Learnt:
        mean, square, count = self.moments
        params, mean, square = ({n: t.clone() for n, t in p.items()} for p in (self.params, mean, square))
        return Learnt(params, (mean, square, count), self.unit_ids, self.looked_at)

    def go_on(self, learnt: Learnt) -> None:
        self.lay_out(learnt.params, learnt.ids, learnt.moments, learnt.looked_at)

    @property
    def looked_at(self) -> Tensor | None:
        return self.fused.cells.looked_at if self.fused.cells else None

    def look_anew(self) -> None:
        """At the next step the tiles of the picture choose anew which cells they look at."""
        if self.fused.cells:
            self.fused.cells.looked_at = None

    # Units, in the parameters and in the optimizer's memory alike. What is done comes back as what takes it back.

    def index(self, unit: int) -> int:
        found = np.flatnonzero(self.unit_ids == unit)
        if len(found) == 0:
            raise ControlError("That unit is no longer there.")
        return int(found[0])

    def move(self, unit: int, values: Mapping[str, Any]) -> Reverse:
        """Other values for some of its parameters."""
        kind, row = dividers.place_of(self.index(unit), self.params)
        names = dividers.names_of(kind, self.params)
        if not set(values) <= set(names):
            raise ControlError(f"A {kind} has {', '.join(names)}, not {', '.join(values)}.")
        return self._put(
            unit, {name: checked(value, self.params[name][row]) for name, value in values.items()}
        )

    def add(self, kind: str, values: Params, seed: int) -> Reverse:
        """One more, with these parameters. At first the colours hear little of it; a cell says what is said there."""
        reader = self.params[f"{reader_of_units(self.params)}_weight"]
        if kind == "cell" and self.fused.cells:
            shares = self.fused.cells.shares(values["cell_centre"][:, None])[:, 0]  # (C,)
            column = reader[:, -len(shares) :] @ shares
        else:
            column = torch.randn(len(reader), generator=torch.Generator().manual_seed(seed)).to(reader)
            column *= 0.1 * reader.std() if reader.numel() > 1 else 0.1
        self._next_id = max(self._next_id, int(self.unit_ids.max(initial=-1)) + 1) + 1
        return self._insert(self._next_id - 1, kind, values | {"column": column})

    def remove(self, unit: int, mean: float) -> Reverse:
        """One less. What it says on average, `mean`, stays behind in the colours; a cell leaves its share to the
        others, if there are any."""
        index = self.index(unit)
        if len(self.unit_ids) == 1:
            raise ControlError("The last unit cannot be removed.")
        is_cell = dividers.place_of(index, self.params)[0] == "cell"
        return self._drop(index, 0.0 if is_cell and dividers.unit_counts(self.params)["cell"] > 1 else mean)

    def _put(self, unit: int, values: Params) -> Reverse:
        row = dividers.place_of(self.index(unit), self.params)[1]
        before = {name: self.params[name][row].clone() for name in values}
        for name, value in values.items():
            self.params[name][row] = value
        return lambda: self._put(unit, before)

    def _insert(
        self, unit: int, kind: str, values: Params, row: int | None = None, mean: float = 0.0
    ) -> Reverse:
        nothing = {name: torch.zeros_like(value) for name, value in values.items()}
        means, squares, count = self.moments
        params, index = with_unit(self._with_bias(-mean * values["column"]), kind, values, row)
        moments = with_unit(means, kind, nothing, row)[0], with_unit(squares, kind, nothing, row)[0], count
        self.lay_out(params, np.insert(self.unit_ids, index, unit), moments)
        return lambda: self._drop(self.index(unit), mean)

    def _drop(self, index: int, mean: float) -> Reverse:
        unit, (kind, row) = int(self.unit_ids[index]), dividers.place_of(index, self.params)
        values = unit_values(self.params, index)
        means, squares, count = self.moments
        moments = without_unit(means, index), without_unit(squares, index), count
        params = without_unit(self._with_bias(mean * values["column"]), index)
        self.lay_out(params, np.delete(self.unit_ids, index), moments)
        return lambda: self._insert(unit, kind, values, row, mean)

    def _with_bias(self, more: Tensor) -> Params:
        """Parameters in which the layer that reads the units has other biases."""
        name = f"{reader_of_units(self.params)}_bias"
        return self.params | {name: self.params[name] + more}


def checked(value: Any, like: Tensor) -> Tensor:
    """What a person gives for a parameter of a unit."""
    tensor = torch.as_tensor(np.array(value), dtype=like.dtype, device=like.device)
    if tensor.shape != like.shape or not torch.isfinite(tensor).all():
        raise ControlError("A unit moves by finite numbers of its own shape.")
    return tensor
