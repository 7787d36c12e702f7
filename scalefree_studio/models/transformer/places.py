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
    def __init__(
        self,
        rows: int,
        columns: int,
        head: int,
        device: torch.device,
        radius: int = 1,
        order: str = "raster",
        channels: int = 1,
    ):
        """`head`: how many numbers of a head positions turn. `radius`: how far local attention sees."""
        self.rows, self.columns, self.channels = rows, columns, channels
        self.head, self.radius, self.device = head, radius, device
        self.order = order_of(order, rows, columns).to(device)  # (N,): the place at each rank
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
    def query_turn(self) -> Tensor:
        """How far queries are turned: (2, T, d // 2)."""
        return angles(self.query_at, self.head)

    @table
    def key_turn(self) -> Tensor:
        return angles(self.key_at, self.head)

    @table
    def tiles(self) -> Tiles:
        """A tile is as wide as the radius; what is nowhere seen around tiles, such as the rows below, is left out."""
        r, T = self.radius, self.count
        high, wide = min(r, self.rows), min(r, self.columns)
        corner, queries, where = self.tiled(high, wide)
        keys = self._tokens(corner, range(-r, high + r), range(-r, wide + r)) + 1  # inputs are one token late
        keys = torch.cat([torch.zeros_like(keys[:, :1]), keys], dim=1)  # (M, K): the start token first
        before = (keys[:, None] <= queries[..., None]) & (keys < T)[:, None]  # (M, Q, K)
        keys = keys.clamp(max=T - 1)
        apart = (self.query_at[queries][:, :, None] - self.key_at[keys][:, None]).abs().amax(-1)
        near = before & ((apart <= r) | (keys == 0)[:, None])
        seen = near.any(0).any(0)  # (K,)
        return Tiles(queries, keys[:, seen], near[:, :, seen], where)

    def tiled(self, high: int, wide: int) -> tuple[Tensor, Tensor, Tensor]:
        """The picture cut into tiles so high and wide: their corners (M, 2), and of Tiles `queries` and `where`."""
        corner = torch.cartesian_prod(
            torch.arange(0, self.rows, high, device=self.device),
            torch.arange(0, self.columns, wide, device=self.device),
        )
        queries = self._tokens(corner, range(high), range(wide))  # (M, Q)
        inside = queries < self.count
        queries = queries.where(inside, queries[:, :1])
        where = queries.new_empty(self.count)
        where[queries[inside]] = torch.arange(queries.numel(), device=self.device).view(queries.shape)[inside]
        return corner, queries, where

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
