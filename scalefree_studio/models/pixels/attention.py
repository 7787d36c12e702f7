"""Attention of the tokens of a picture to those before them.

B pictures, T tokens, D numbers a token, H heads of d numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .local import local_attention
from .lsh import buckets_of, lsh_attention, random_rotations
from .places import Places
from .rotary import rotate
from .shape import PixelsShape


def unit(x: Tensor) -> Tensor:
    """With a mean square of 1."""
    return F.rms_norm(x, x.shape[-1:])


class Attention(nn.Module):
    """What a token takes over from those before it."""

    heads_on: Tensor  # (H,): 1, or 0 for heads that a person has switched off
    rotations: Tensor  # of LSH attention, (H, R, d, buckets / 2)

    def __init__(self, shape: PixelsShape):
        super().__init__()
        D, inner, self.shape, self.dropout = shape.width, shape.heads * shape.head, shape, 0.0
        self.query, self.value = nn.Linear(D, inner, bias=False), nn.Linear(D, inner, bias=False)
        self.out = nn.Linear(inner, D, bias=False)
        if shape.attention == "lsh":  # queries are keys
            rotations = random_rotations(shape.heads, shape.rounds, shape.head, shape.buckets // 2 * 2)
            self.register_buffer("rotations", rotations)
        else:
            self.key = nn.Linear(D, inner, bias=False)
        self.register_buffer("heads_on", torch.ones(shape.heads), persistent=False)
        if shape.value_embeddings:
            self.seen = nn.Embedding(shape.vocabulary, inner)
            self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, tokens: Tensor, places: Places) -> Tensor:
        """(B, T, D) and the tokens that went in, (B, T) → what is added, (B, T, D)."""
        q, k, v, buckets = self.project(unit(x), tokens, places)
        if buckets is not None:
            seen = lsh_attention(q, k, v, buckets, self.shape.chunk)
        elif self.shape.attention == "local":
            seen = local_attention(q, k, v, places)
        else:
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        added: Tensor = F.dropout(self.gather(seen), self.dropout, self.training)
        return added

    def project(
        self, x: Tensor, tokens: Tensor, places: Places
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Queries, keys and values, (B, H, T, d) each; with LSH, their buckets (B, H, R, T)."""
        lsh = self.shape.attention == "lsh"
        q, v = self._heads(self.query(x)), self._heads(self.value(x))
        k = q if lsh else self._heads(self.key(x))
        if self.shape.value_embeddings:
            v = v + self.share * self._heads(self.seen(tokens))
        if self.shape.qk_norm:
            q, k = unit(q), unit(k)
        buckets = buckets_of(q, self.rotations) if lsh else None  # before they are turned: wherever they are
        if self.shape.positions != "learned":
            q, k = rotate(q, places.query_turn), rotate(k, places.key_turn)
        return q, F.normalize(k, dim=-1) if lsh else k, v, buckets

    def gather(self, seen: Tensor) -> Tensor:
        """What all heads saw, (B, H, T, d) → (B, T, D)."""
        seen = seen * self.heads_on[:, None, None].to(seen.dtype)
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x: Tensor) -> Tensor:
        heads: Tensor = x.unflatten(-1, (self.shape.heads, -1))
        return heads.transpose(1, 2)  # (B, T, D) → (B, H, T, d)
