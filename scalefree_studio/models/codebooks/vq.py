"""Vector quantisation: each latent becomes the nearest code."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .codebook import CodebookQuantiser
from .interface import Quantised, map_of, rows_of


class VQ(CodebookQuantiser):
    def forward(self, z: Tensor) -> Quantised:
        with torch.autocast(z.device.type, enabled=False):
            # (N, D)
            x = self.codebook.like_codes(rows_of(z).to(self.codebook.vectors.dtype), self.shape.cosine)
            at = self.codebook.nearest(x)
            if self.learning:
                self._seen = ((x.detach(), at),)
            codes = (at.view(len(z), *z.shape[-2:]),)
            if self.learning and not self.codebook.started:  # no codes yet: k-means makes them of this batch
                return Quantised(map_of(x, z), codes, x.new_zeros(()))
            chosen = self.codebook(at)
            return Quantised(map_of(self.through(x, chosen), z), codes, self.closeness(x, chosen))

    def lookup(
        self, codes: Sequence[Tensor], rows: int, columns: int, drawn: Sequence[Tensor] | None = None
    ) -> Tensor:
        return self.filled(map_of(self.codebook(codes[0].reshape(-1)), codes[0]), drawn)
