"""Where the tokens of a picture lie, once for each size and order.

A picture of N places with C tokens each is a sequence of T = N · C tokens. At position t the network has seen the
tokens before t and predicts token t: its input there is token t - 1, or the start token. So a query stands where it
predicts, and a key where its input was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from .orders import order_of
from .rotary import angles
from .shape import PixelsShape

Made = TypeVar("Made")


def table(make: Callable[[Any], Made]) -> cached_property[Made]:
    """Made once, so that learning can use it also where it was drawing that needed it first."""
    return cached_property(torch.inference_mode(False)(make))


@dataclass(frozen=True)
class Tiles:
    """Which positions of the sequence meet in local attention: M tiles of Q queries and K keys."""

    queries: Tensor  # (M, Q): positions; those that stand for nothing repeat the first
    keys: Tensor  # (M, K)
    near: Tensor  # (M, Q, K) bool: whether a query sees a key
    where: Tensor  # (T,): where the query of each position is among the M · Q


class Places:
    """All tensors are indices or coordinates, and lie on one device."""

    @torch.inference_mode(False)
    def __init__(self, shape: PixelsShape, rows: int, columns: int, device: torch.device):
        self.shape, self.rows, self.columns, self.channels = shape, rows, columns, shape.channels
        self.device = device
        self.order = order_of(shape.order, rows, columns).to(device)  # (N,): the place at each rank
        self.ranks = self.order.argsort()  # (N,): the rank of each place
        self.count = len(self.order) * self.channels  # T
        self.target = self.order.repeat_interleave(self.channels)  # (T,): the place that position t predicts
        self.channel = torch.arange(self.channels, device=device).repeat(len(self.order))  # (T,)

    @table
    def query_at(self) -> Tensor:
        """Row and column of what is predicted: (T, 2)."""
        return torch.stack([self.target // self.columns, self.target % self.columns], dim=1)

    @table
    def key_at(self) -> Tensor:
        """Row and column of the input: (T, 2). The start token stands outside of the picture."""
        return torch.cat([self.query_at.new_full((1, 2), -1), self.query_at[:-1]])

    @table
    def neighbours(self) -> Tensor:
        """Which tokens of the sequence lie around each target and are known before it, (T, K); T: not known, or
        outside. What an order never knows is left out, such as the rows below."""
        return self._around[:, self._known]

    @property
    def _known(self) -> Tensor:
        """The same for pictures of any size, so that it is counted on one with room for all: (all around,) bool."""
        side = 2 * self.shape.neighbours + 2
        small = Places(self.shape, side, side, self.device)
        return (small._around < small.count).any(0)

    @table
    def _around(self) -> Tensor:
        """All tokens around each target, (T, (2 r + 1)² · C); T where they are not known."""
        r, C, T = self.shape.neighbours, self.channels, self.count
        steps = torch.arange(-r, r + 1, device=self.device)
        around = torch.cartesian_prod(steps, steps)  # (K, 2)
        at = self.query_at[:, None] + around  # (T, K, 2)
        size = torch.tensor([self.rows, self.columns], device=self.device)
        inside = ((at >= 0) & (at < size)).all(-1)
        place = (at[..., 0] * self.columns + at[..., 1]).where(inside, 0)
        first = self.ranks[place] * C  # (T, K): where the tokens of that place begin in the sequence
        index = first[..., None] + torch.arange(C, device=self.device)  # (T, K, C)
        now = torch.arange(T, device=self.device)[:, None, None]
        return index.where(inside[..., None] & (index < now), T).flatten(1)

    # A learned row or column stands for as large a part of a picture of another size as of those learnt.

    @table
    def learned_row(self) -> Tensor:
        return self.query_at[:, 0] * self.shape.rows // self.rows

    @table
    def learned_column(self) -> Tensor:
        return self.query_at[:, 1] * self.shape.columns // self.columns

    @table
    def query_turn(self) -> Tensor:
        """How far queries are turned: (2, T, d // 2)."""
        return angles(self.query_at, self.shape.head)

    @table
    def key_turn(self) -> Tensor:
        return angles(self.key_at, self.shape.head)

    @table
    def tiles(self) -> Tiles:
        """A tile is as wide as the radius; what is nowhere seen around tiles, such as the rows below, is left out."""
        r, T = self.shape.radius, self.count
        high, wide = min(r, self.rows), min(r, self.columns)
        corner = torch.cartesian_prod(
            torch.arange(0, self.rows, high, device=self.device),
            torch.arange(0, self.columns, wide, device=self.device),
        )  # (M, 2)
        queries = self._tokens(corner, range(high), range(wide))  # (M, Q)
        inside = queries < T
        queries = queries.where(inside, queries[:, :1])
        keys = self._tokens(corner, range(-r, high + r), range(-r, wide + r)) + 1  # inputs are one token late
        keys = torch.cat([torch.zeros_like(keys[:, :1]), keys], dim=1)  # (M, K): the start token first
        before = (keys[:, None] <= queries[..., None]) & (keys < T)[:, None]  # (M, Q, K)
        keys = keys.clamp(max=T - 1)
        apart = (self.query_at[queries][:, :, None] - self.key_at[keys][:, None]).abs().amax(-1)
        near = before & ((apart <= r) | (keys == 0)[:, None])
        seen = near.any(0).any(0)  # (K,)
        where = queries.new_empty(T)
        where[queries[inside]] = torch.arange(queries.numel(), device=self.device).view(queries.shape)[inside]
        return Tiles(queries, keys[:, seen], near[:, :, seen], where)

    def _tokens(self, corner: Tensor, down: range, right: range) -> Tensor:
        """The tokens of the places around each corner, as they lie in the sequence: (M, places · C); T or more where
        there is no place."""
        C, T = self.channels, self.count
        ys, xs = (torch.tensor(list(steps), device=self.device) for steps in (down, right))
        y, x = (corner[:, :1, None] + ys[:, None]), (corner[:, 1:, None] + xs[None])  # (M, h, 1), (M, 1, w)
        inside = (y >= 0) & (y < self.rows) & (x >= 0) & (x < self.columns)  # (M, h, w)
        first = self.ranks[(y * self.columns + x).where(inside, 0)] * C
        tokens = first[..., None] + torch.arange(C, device=self.device)
        return tokens.where(inside[..., None], T).flatten(1)
