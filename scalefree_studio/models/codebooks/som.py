"""A self-organising map: a codebook whose units lie on a line or on a grid and learn together with their neighbours.

Of a batch only two things matter: the sum of the vectors that are nearest to each unit, and how many they are. So the
neighbourhood, a Gaussian, smooths K sums along the map instead of weighing K units for each of N vectors; on a grid it
does so along rows and columns, one after the other.

N vectors of width D; K units on a map of R rows and C columns, row by row; a line is a map of one row.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ranks import add_up
from .nearest import CHUNK, nearest, sums_of
from .usage import Usage

BLOCK = 64  # units of a long line that are smoothed together
REACH = 8  # radii; what is farther away weighs less than 1e-13
TINY = 1e-30  # a unit that has less of all neighbourhoods stays where it is
RULES = ("batch", "gradient")
Shape = tuple[int, int]  # rows and columns of a map


def shape_of_map(units: int, grid: bool) -> Shape:
    """A line, or the grid that is nearest to a square."""
    rows = max(n for n in range(1, math.isqrt(units) + 1) if units % n == 0) if grid else 1
    return rows, units // rows


def radius_at(progress: float, shape: Shape, settling: float) -> float:
    """How far learning reaches: from half the longest side of the map down to one, geometrically. In the last part of a
    run, the share `settling` of it, every unit learns alone: the radius is 0."""
    if progress >= 1 - settling:
        return 0.0
    return float(max(1.0, max(shape) / 2) ** (1 - progress / (1 - settling)))


# ---- Neighbours ----


def neighbourhood(length: int, radius: float, like: Tensor) -> Tensor:
    """(L, L): how much a place on a line learns of what falls to another."""
    places = torch.arange(length, dtype=like.dtype, device=like.device)
    return torch.exp((places[:, None] - places).square() / (-2 * radius**2))


def smoothed(values: Tensor, shape: Shape, radius: float) -> Tensor:
    """(K, D): for each unit the sum of the values (K, D) of all units, weighed by how near these are on the map."""
    if radius < 1:
        return values
    rows, columns = shape
    if rows == 1 and BLOCK + 2 * math.ceil(REACH * radius) < columns:
        return smoothed_in_blocks(values, radius)
    if columns > 1:
        along_rows = neighbourhood(columns, radius, values)
        values = torch.matmul(along_rows, values.reshape(rows, columns, -1))
    if rows > 1:
        values = neighbourhood(rows, radius, values) @ values.reshape(rows, -1)
    return values.reshape(rows * columns, -1)


def smoothed_in_blocks(values: Tensor, radius: float) -> Tensor:
    """(K, D): the same along a line, a block at a time: what is far away weighs nothing."""
    count, reach = len(values), math.ceil(REACH * radius)
    blocks = -(-count // BLOCK)
    padded = F.pad(values, (0, 0, reach, reach + blocks * BLOCK - count))
    windows = padded.unfold(0, BLOCK + 2 * reach, BLOCK)  # (blocks, D, window)
    weights = neighbourhood(BLOCK + 2 * reach, radius, values)[:, reach : reach + BLOCK]  # (window, block)
    return (windows @ weights).transpose(1, 2).reshape(blocks * BLOCK, -1)[:count]


def smoothed_both(sums: Tensor, counts: Tensor, shape: Shape, radius: float) -> tuple[Tensor, Tensor]:
    """Of sums (K, D) and counts (K,), together: (K, D) and (K, 1)."""
    both = smoothed(torch.cat([sums, counts[:, None]], 1), shape, radius)
    return both[:, :-1], both[:, -1:]


# ---- Two rules of learning ----


def batch_units(units: Tensor, sums: Tensor, counts: Tensor, shape: Shape, radius: float) -> Tensor:
    """(K, D): every unit at the mean of all vectors, weighed by how near their best units are to it on the map."""
    sums, counts = smoothed_both(sums, counts, shape, radius)
    return torch.where(counts > TINY, sums / counts.clamp_min(TINY), units)


def gradient(units: Tensor, sums: Tensor, counts: Tensor, shape: Shape, radius: float) -> Tensor:
    """(K, D): of the mean over vectors of the sum over units of neighbourhood × squared distance / 2."""
    total = counts.sum().clamp_min(1)
    sums, counts = smoothed_both(sums, counts, shape, radius)
    return (units * counts - sums) / total


class _WithGradient(torch.autograd.Function):
    """A number, as if it were a function of the units with this gradient."""

    @staticmethod
    def forward(context: Any, units: Tensor, number: Tensor, gradient: Tensor) -> Tensor:
        context.save_for_backward(gradient)
        return number.clone()

    @staticmethod
    def backward(context: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        (found,) = context.saved_tensors
        return found * outer[0], None, None


# ---- The map ----


@torch.no_grad()
def two_nearest(x: Tensor, units: Tensor, alive: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) each: which of units (K, D) is nearest to each of x (N, D), and which is next; of those that are alive."""
    half = (units.square().sum(1) / 2).masked_fill(~alive, math.inf)
    first = torch.empty(len(x), dtype=torch.int64, device=x.device)
    second = torch.empty_like(first)
    size = max(1, CHUNK // len(units))
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        far = torch.addmm(half, x[part], units.T, alpha=-1)
        torch.argmin(far, 1, out=first[part])
        far.scatter_(1, first[part, None], math.inf)
        torch.argmin(far, 1, out=second[part])
    return first, second


def neighbours(one: Tensor, other: Tensor, shape: Shape) -> Tensor:
    """(N,): whether units (N,) lie side by side on the map, or corner to corner, or are the same."""
    columns = shape[1]
    rows = (one // columns - other // columns).abs()
    return torch.maximum(rows, (one % columns - other % columns).abs()) <= 1


class SelfOrganisingMap(nn.Module):
    """`forward` changes nothing but what `learn` then takes up, once a step is made."""

    sums: Tensor  # (K, D): of the vectors that fell to each unit, those of long ago counted less
    counts: Tensor  # (K,): and how many these were
    alive: Tensor  # (K,): whether a unit may be chosen
    radius: Tensor  # (): of the neighbourhood in the last step
    tally: Tensor  # (2, 3): of the last whole epoch and of this one: vectors, sum of distances, topographic errors

    def __init__(self, shape: Shape, width: int, rule: str = "batch"):
        super().__init__()
        self.shape, self.rule = shape, rule
        count = shape[0] * shape[1]
        self.units = nn.Parameter(torch.randn(count, width))
        self.usage = Usage(1, count)
        self.register_buffer("sums", torch.zeros(count, width))
        self.register_buffer("counts", torch.zeros(count))
        self.register_buffer("alive", torch.ones(count, dtype=torch.bool))
        self.register_buffer("radius", torch.tensor(max(shape) / 2))
        self.register_buffer("tally", torch.zeros(2, 3, dtype=torch.float64))
        self.least = 0  # units that were used less often are not alive
        self._reach, self._decay = max(shape) / 2, 0.0
        self._seen: tuple[Tensor, ...] = ()

    @torch.no_grad()
    def start(self, x: Tensor, generator: torch.Generator) -> None:
        """Units are random ones of vectors (N, D)."""
        order = torch.randperm(len(x), generator=generator)
        self.units.copy_(x[order.repeat(-(-len(self.units) // len(x)))[: len(self.units)].to(x.device)])

    def begin_step(self, epoch: int, radius: float, decay: float) -> None:
        """`decay` is the share of the sums of earlier steps that is kept."""
        self._reach, self._decay = radius, decay
        self.radius.fill_(radius)
        if self.usage.begin_epoch(epoch):
            self.tally[0].copy_(self.tally[1])
            self.tally[1].zero_()
        if self.least:
            self.prune(self.least)

    def prune(self, least: int) -> None:
        """Units that were used less often than this in the last whole epoch are not chosen; 0: all may be. One is left
        in any case."""
        self.least = least
        counts = self.usage.counts[0]
        enough = counts >= least
        if self.usage.whole and bool(enough.any()):
            self.alive.copy_(enough)
        else:
            self.alive.fill_(True)

    def nearest(self, x: Tensor) -> Tensor:
        """(N,): the best unit of each of x (N, D), of those that are alive."""
        kept = self.alive.nonzero()[:, 0]
        return kept[nearest(x, self.units.detach()[kept])]

    def forward(self, x: Tensor) -> Tensor:
        """(): the quantisation error of vectors (N, D), their mean distance from the best unit. Its gradient is that of
        the neighbourhood, or none where the batch rule learns."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self.units.dtype)
            if not (self.training and torch.is_grad_enabled()):
                error: Tensor = (x - self.units[self.nearest(x)]).norm(dim=1).mean()
                return error
            learnt: Tensor = _WithGradient.apply(self.units, *self._see(x))  # type: ignore[no-untyped-call]
            return learnt

    @torch.no_grad()
    def _see(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Leave ready what is to be learnt; the error and its gradient (K, D) come back."""
        best, second = two_nearest(x, self.units, self.alive)
        distances = (x - self.units[best]).norm(dim=1)
        sums, counts = sums_of(x, best, len(self.units))
        # What pruning goes by is counted as if nothing were pruned, so that it can be taken back.
        wanted = counts if not self.least else sums_of(x, nearest(x, self.units), len(self.units))[1]
        wrong = (~neighbours(best, second, self.shape)).sum()
        far = distances.sum(dtype=torch.float64)
        tally = torch.stack([torch.full_like(far, len(x)), far, wrong.to(far.dtype)])
        self._seen = sums, counts, wanted, tally
        if self.rule == "batch":
            return distances.mean(), torch.zeros_like(self.units)
        return distances.mean(), gradient(self.units, sums, counts, self.shape, self._reach)

    @torch.no_grad()
    def learn(self) -> None:
        """After a step was made: the same on all processes of a run, of what all have seen."""
        if not self._seen:
            return
        sums, counts, wanted, tally = self._seen
        self._seen = ()
        add_up([sums, counts, wanted])
        add_up([tally])  # of another type
        if self.rule == "batch":
            sums = torch.add(sums, self.sums, alpha=self._decay)
            counts = torch.add(counts, self.counts, alpha=self._decay)
            self.units.copy_(batch_units(self.units, sums, counts, self.shape, self._reach))
            self.sums.copy_(sums)
            self.counts.copy_(counts)
        self.usage.add(wanted.long()[None])
        self.tally[1] += tally

    def errors(self) -> tuple[float, float] | None:
        """Quantisation and topographic error over the last whole epoch, or so far, while it learned."""
        vectors, far, wrong = self.tally[0 if self.usage.whole else 1].tolist()
        return (far / vectors, wrong / vectors) if vectors else None
