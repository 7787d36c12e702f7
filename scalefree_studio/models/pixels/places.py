"""Where the tokens of a picture lie, and which of them lie around each."""

from __future__ import annotations

import torch
from torch import Tensor

from ..transformer import places
from ..transformer.places import table
from .shape import PixelsShape


class Places(places.Places):
    """Those of a pixel transformer."""

    @torch.inference_mode(False)
    def __init__(self, shape: PixelsShape, rows: int, columns: int, device: torch.device):
        super().__init__(rows, columns, shape.head, device, shape.radius, shape.order, shape.channels)
        self.shape = shape

    @table
    def neighbours(self) -> Tensor:
        """Which tokens of the sequence lie around each target and are known before it, (T, K); T: not known, or
        outside. What an order never knows is left out, such as the rows below."""
        return self._around[:, self._known]

    @property
    def _known(self) -> Tensor:
        """Which of all around are known in pictures of any size, so that it is counted on one with room for all."""
        side = 2 * self.shape.neighbours + 2
        small = Places(self.shape, side, side, torch.device("cpu"))
        return (small._around < small.count).any(0).nonzero()[:, 0].to(self.device)  # (K,)

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
