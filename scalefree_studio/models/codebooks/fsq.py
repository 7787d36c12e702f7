"""Finite scalar quantisation: each of a few numbers is rounded to some levels. There is no codebook that could die.

After Mentzer and others, 2023. C numbers, of which the first counts fastest in the index of a code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..ranks import add_up
from .interface import Quantised, Quantiser, map_of, rows_of
from .shape import QuantiserShape
from .through import straight_through

BEYOND = 1e-3  # the range is so much wider than the levels that the outermost ones are reached


class FSQ(Quantiser):
    levels: Tensor  # (C,)
    below: Tensor  # (C,): levels below 0
    steps: Tensor  # (C,): how far apart codes are whose numbers differ by one level

    def __init__(self, shape: QuantiserShape, width: int):
        levels = torch.tensor(shape.level_list)
        super().__init__(shape, int(levels.prod()), width)
        steps = torch.cat([torch.tensor([1]), levels[:-1].cumprod(0)])
        for name, tensor in (("levels", levels), ("below", levels // 2), ("steps", steps)):
            self.register_buffer(name, tensor, persistent=False)
        self.inward, self.outward = nn.Linear(width, len(levels)), nn.Linear(len(levels), width)
        self._seen: Tensor | None = None

    def forward(self, z: Tensor) -> Quantised:
        with torch.autocast(z.device.type, enabled=False):
            bounded = self.bounded(self.inward(rows_of(z).to(self.inward.weight.dtype)))  # (N, C)
            rounded = bounded.detach().round().nan_to_num()
            at = ((rounded.long() + self.below) * self.steps).sum(1)
            values = self.outward(straight_through(bounded, rounded) / self.below)
        if self.learning:
            self._seen = at
        return Quantised(map_of(values, z), (at.view(len(z), *z.shape[-2:]),), values.new_zeros(()))

    def bounded(self, x: Tensor) -> Tensor:
        """x (N, C) in a range that rounds to the levels, which lie around 0."""
        reach = (self.levels - 1) * (1 + BEYOND) / 2
        offset = (self.levels % 2 == 0) / 2
        return torch.tanh(x + torch.atanh(offset / reach)) * reach - offset

    def rounded_of(self, at: Tensor) -> Tensor:
        """The numbers (N, C) of codes (N,), each in [−1, 1]."""
        return (at[:, None] // self.steps % self.levels - self.below) / self.below

    def lookup(
        self, codes: Sequence[Tensor], rows: int, columns: int, drawn: Sequence[Tensor] | None = None
    ) -> Tensor:
        return self.filled(map_of(self.outward(self.rounded_of(codes[0].reshape(-1))), codes[0]), drawn)

    @torch.no_grad()
    def vectors(self) -> Tensor:
        values: Tensor = self.outward(self.rounded_of(torch.arange(self.codes, device=self.steps.device)))
        return values

    @torch.no_grad()
    def learn(self) -> None:
        if self._seen is not None:
            counts = torch.bincount(self._seen, minlength=self.codes)
            add_up([counts])
            self.usage.add(counts[None])
            self._seen = None
