"""Vector quantisation: each latent becomes the nearest code."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .codebook import Codebook, Seen
from .interface import Quantised, Quantiser, map_of, rows_of
from .shape import QuantiserShape
from .through import rotated_through, straight_through


class VQ(Quantiser):
    def __init__(self, shape: QuantiserShape, width: int):
        super().__init__(shape, shape.codes, width)
        self.codebook = Codebook(shape, width)
        self._seen: Seen = ()

    def forward(self, z: Tensor) -> Quantised:
        with torch.autocast(z.device.type, enabled=False):
            x = self.codebook.like_codes(
                rows_of(z).to(self.codebook.vectors.dtype), self.shape.cosine
            )  # (N, D)
            at = self.codebook.nearest(x)
            if self.learning:
                self._seen = ((x.detach(), at),)
            codes = (at.view(len(z), *z.shape[-2:]),)
            if self.learning and not self.codebook.started:  # no codes yet: k-means makes them of this batch
                return Quantised(map_of(x, z), codes, x.new_zeros(()))
            chosen = self.codebook(at)
            loss = self.shape.commitment * F.mse_loss(x, chosen.detach())
            if not self.codebook.averaged:
                loss = loss + F.mse_loss(chosen, x.detach())
            through = rotated_through if self.shape.rotation else straight_through
            return Quantised(map_of(through(x, chosen.detach()), z), codes, loss)

    def lookup(
        self, codes: Sequence[Tensor], rows: int, columns: int, drawn: Sequence[Tensor] | None = None
    ) -> Tensor:
        return self.filled(map_of(self.codebook(codes[0].reshape(-1)), codes[0]), drawn)

    def vectors(self) -> Tensor:
        return self.codebook.vectors.detach()

    def learn(self) -> None:
        if self._seen:
            self.usage.add(self.codebook.learn(self._seen, self.shape))
            self._seen = ()

    @property
    def revived(self) -> Tensor:
        return self.codebook.revived
