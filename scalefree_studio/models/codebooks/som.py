"""A self-organising map: a codebook whose units lie on a line or on a grid and learn together with their neighbours.

Of a batch only two things matter: the sum of the vectors that are nearest to each unit, and how many they are. So the
neighbourhood, a Gaussian, smooths K sums along the map instead of weighing K units for each of N vectors, and on a grid
it does so along rows and columns one after the other.

N vectors of width D; K units on a map of R rows and C columns, row by row; a line is a map of one row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

AT_ONCE = 2**22  # distances in memory
TINY = 1e-30  # a unit with less than this of all neighbourhoods has learnt nothing
Shape = tuple[int, int]  # rows and columns of a map


def shape_of_map(units: int, grid: bool) -> Shape:
    """A line, or the grid that is nearest to a square."""
    rows = max(n for n in range(1, math.isqrt(units) + 1) if units % n == 0) if grid else 1
    return rows, units // rows


def radius_at(progress: float, shape: Shape, settling: float) -> float:
    """How far learning reaches: from half the longest side down to one, geometrically; in the last part of a run, the
    share `settling` of it, each unit learns alone."""
    if progress >= 1 - settling:
        return 0.0
    return float((max(shape) / 2) ** (1 - progress / (1 - settling)))


# ---- Which unit, and what falls to it ----


def distances(x: Tensor, units: Tensor, alive: Tensor | None = None) -> Tensor:
    """(N, K): squared distances of vectors (N, D) from units (K, D), less what is the same for all units. Those that
    are not alive are infinitely far."""
    lengths = units.square().sum(1)
    if alive is not None:
        lengths = lengths.masked_fill(~alive, math.inf)
    return torch.addmm(lengths, x, units.T, alpha=-2)


def nearest(x: Tensor, units: Tensor, alive: Tensor | None = None, count: int = 1) -> Tensor:
    """(N,): which unit is nearest to each vector; or (N, count): which are, the nearest first."""
    parts = []
    for part in x.split(max(1, AT_ONCE // len(units))):
        far = distances(part, units, alive)
        parts.append(far.argmin(1) if count == 1 else far.topk(count, largest=False).indices)
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def sums_of(x: Tensor, best: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(K, D) and (K,): the sum of all vectors (N, D) that fall to a unit, and how many they are."""
    sums = x.new_zeros(count, x.shape[1]).index_add_(0, best, x)
    return sums, torch.bincount(best, minlength=count).to(x.dtype)


# ---- Neighbours ----


def kernel(length: int, radius: float, like: Tensor) -> Tensor:
    """(L, L): how much one place on a line learns of what falls to another."""
    places = torch.arange(length, dtype=like.dtype, device=like.device)
    return torch.exp((places[:, None] - places).square() / (-2 * radius**2))


def smoothed(values: Tensor, shape: Shape, radius: float) -> Tensor:
    """(K, D): for each unit, the sum of values (K, D) of all units, weighed by how near they are on the map."""
    if radius < 1:
        return values
    rows, columns = shape
    if columns > 1:
        values = torch.matmul(kernel(columns, radius, values), values.view(rows, columns, -1))
    if rows > 1:
        values = kernel(rows, radius, values) @ values.reshape(rows, -1)
    return values.reshape(rows * columns, -1)


def smoothed_both(sums: Tensor, counts: Tensor, shape: Shape, radius: float) -> tuple[Tensor, Tensor]:
    return smoothed(sums, shape, radius), smoothed(counts[:, None], shape, radius)


# ---- Two rules of learning ----


def batch_units(units: Tensor, sums: Tensor, counts: Tensor, shape: Shape, radius: float) -> Tensor:
    """(K, D): every unit where it should be, the mean of all vectors, weighed by how near each one's unit is on the
    map. Where nothing is near, units stay."""
    sums, counts = smoothed_both(sums, counts, shape, radius)
    return torch.where(counts > TINY, sums / counts.clamp_min(TINY), units)


def gradient(units: Tensor, sums: Tensor, counts: Tensor, shape: Shape, radius: float) -> Tensor:
    """(K, D): of the mean over vectors of the sum over units of neighbourhood × squared distance / 2."""
    total = counts.sum().clamp_min(1)
    sums, counts = smoothed_both(sums, counts, shape, radius)
    return (units * counts - sums) / total
