"""How good a self-organising map is, as the field measures it. N vectors of width D, K units on a map of R × C."""

from __future__ import annotations

import torch
from torch import Tensor

from .nearest import nearest
from .som import Shape, neighbours, two_nearest


def quantisation_error(x: Tensor, units: Tensor) -> float:
    """The mean distance of vectors (N, D) from the nearest of the units (K, D)."""
    return float((x - units[nearest(x, units)]).norm(dim=1).mean())


def topographic_error(x: Tensor, units: Tensor, shape: Shape, alive: Tensor | None = None) -> float:
    """The share of vectors (N, D) whose two best units (K, D) are no neighbours on the map: neither side by side nor,
    on a grid, corner to corner. Units that are not alive (K,) are never best."""
    alive = torch.ones(len(units), dtype=torch.bool, device=units.device) if alive is None else alive
    best, second = two_nearest(x, units, alive)
    return float((~neighbours(best, second, shape)).double().mean())


def u_matrix(units: Tensor, shape: Shape) -> Tensor:
    """(K,): the mean distance of every unit (K, D) from its neighbours on the map: 8 on a grid, 2 on a line, fewer at
    its edges."""
    rows, columns = shape
    grid = units.detach().reshape(rows, columns, -1)
    total, count = grid.new_zeros(rows, columns), grid.new_zeros(rows, columns)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):  # each pair of neighbours once
        one = slice(0, rows - down), slice(max(0, -right), columns - max(0, right))
        other = slice(down, rows), slice(max(0, right), columns + min(0, right))
        apart = (grid[one] - grid[other]).norm(dim=-1)
        for place in (one, other):
            total[place] += apart
            count[place] += 1
    return (total / count.clamp_min(1)).reshape(-1)
