"""Attention of the tokens of a picture to those before them.

B pictures, T tokens, D numbers a token, H heads of d numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..transformer.attention import Attention
from ..transformer.hidden import unit
from ..transformer.local import local_attention
from ..transformer.rotary import rotate
from .lsh import buckets_of, lsh_attention, random_rotations
from .places import Places
from .shape import PixelsShape


class PixelAttention(Attention):
    """What a token takes over from those before it."""

    rotations: Tensor  # of LSH attention, (H, R, d, buckets / 2)

    def __init__(self, shape: PixelsShape):
        is_lsh = shape.attention == "lsh"
        super().__init__(shape.width, shape.heads, shape.head, keys=not is_lsh)  # with LSH, queries are keys
        self.shape = shape
        if is_lsh:
            rotations = random_rotations(shape.heads, shape.rounds, shape.head, shape.buckets // 2 * 2)
            self.register_buffer("rotations", rotations)
        if shape.value_embeddings:
            self.seen = nn.Embedding(shape.vocabulary, shape.heads * shape.head)
            self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, tokens: Tensor, places: Places) -> Tensor:
        """(B, T, D) and the tokens that went in, (B, T) → what is added, (B, T, D)."""
        q, k, v, buckets = self.project(unit(x), tokens, places)
        if buckets is not None:
            seen = lsh_attention(q, k, v, buckets, self.shape.chunk)
        elif self.shape.attention == "local":
            seen = local_attention(q, k, v, places.tiles)
        else:
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        added: Tensor = F.dropout(self.gather(seen), self.dropout, self.training)
        return added

    def project(
        self, x: Tensor, tokens: Tensor, places: Places
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Queries, keys and values, (B, H, T, d) each; with LSH, their buckets (B, H, R, T)."""
        lsh = self.shape.attention == "lsh"
        q, v = self.split(self.query(x)), self.split(self.value(x))
        k = q if lsh else self.split(self.key(x))
        if self.shape.value_embeddings:
            v = v + self.share * self.split(self.seen(tokens))
        if self.shape.qk_norm:
            q, k = unit(q), unit(k)
        buckets = buckets_of(q, self.rotations) if lsh else None  # before they are turned: wherever they are
        if self.shape.positions != "learned":
            q, k = rotate(q, places.query_turn), rotate(k, places.key_turn)
        return q, F.normalize(k, dim=-1) if lsh else k, v, buckets
