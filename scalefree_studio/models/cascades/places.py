"""Where the tokens of all stages lie: coarser ones among those that are drawn, so that grids lie over each other.

N tokens that are drawn, S coarser ones of all stages, one after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..transformer.places import Places, Tiles, table
from ..transformer.rotary import angles
from .shape import TokensShape

Size = tuple[int, int]


class TokenPlaces(Places):
    """Those of a picture whose own tokens, and those of whose coarser stages, have these rows and columns."""

    @torch.inference_mode(False)
    def __init__(self, shape: TokensShape, size: Size, coarser: tuple[Size, ...], device: torch.device):
        super().__init__(*size, shape.head, device, shape.radius or max(size))
        self.shape, self.coarser = shape, coarser

    def _cells(self, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """Middles and half sizes of the coarser tokens of a stage, in rows and columns of own ones: (S, 2) each."""
        sizes = torch.tensor([self.rows / rows, self.columns / columns], device=self.device)
        index = torch.cartesian_prod(*(torch.arange(n, device=self.device) for n in (rows, columns)))
        return (index + 0.5) * sizes - 0.5, (sizes / 2).expand(len(index), 2)

    @table
    def coarser_at(self) -> Tensor:
        """Row and column of the middle of each coarser token: (S, 2)."""
        return torch.cat([self._cells(*size)[0] for size in self.coarser])

    @table
    def coarser_turn(self) -> Tensor:
        """How far its queries and keys are turned: (2, S, d // 2)."""
        return angles(self.coarser_at, self.head)

    def near_coarser(self, rows: slice | Tensor = slice(None)) -> Tensor:
        """The definition: which coarser tokens each own one may see, (N, S) bool; of these own ones only. Those count
        that any part lies near of, so that the one beneath is always seen."""
        halves = torch.cat([self._cells(*size)[1] for size in self.coarser])
        apart = (self.query_at[rows, None] - self.coarser_at).abs() - halves  # (N, S, 2)
        near: Tensor = apart.amax(-1) <= self.shape.coarser_radius
        return near

    @table
    def coarser_tiles(self) -> Tiles:
        """Which of them meet: tiles of own tokens, and the coarser ones that any of a tile sees."""
        r = self.shape.coarser_radius
        _, queries, where = self.tiled(min(r, self.rows), min(r, self.columns))
        near = torch.stack([self.near_coarser(tile) for tile in queries])  # (M, Q, S)
        seen = near.any(1)  # (M, S)
        keys = seen.byte().argsort(dim=1, descending=True, stable=True)[:, : int(seen.sum(1).max())]  # (M, K)
        near = near.gather(2, keys[:, None].expand(-1, near.shape[1], -1))
        return Tiles(queries, keys, near, where)

    # A learned row or column stands for as large a part of a picture of another size as of those learnt.

    @table
    def learned(self) -> Tensor:
        """Learned rows and columns of own tokens: (N, 2)."""
        return self._learned(self.query_at)

    @table
    def coarser_learned(self) -> Tensor:
        """Of coarser ones: (S, 2)."""
        return self._learned(self.coarser_at)

    def _learned(self, at: Tensor) -> Tensor:
        own = self.shape.own
        learned = torch.tensor([own.rows, own.columns], device=self.device)
        size = torch.tensor([self.rows, self.columns], device=self.device)
        return ((at + 0.5) * learned / size).long().minimum(learned - 1)
