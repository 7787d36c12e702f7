"""Attention of the tokens of a picture to those before them.

B pictures, T tokens, D numbers a token, H heads of d numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .local import local_attention
from .places import Places
from .rotary import rotate
from .shape import PixelsShape


def unit(x: Tensor) -> Tensor:
    """With a mean square of 1."""
    return F.rms_norm(x, x.shape[-1:])


class Attention(nn.Module):
    """What a token takes over from those before it."""

    heads_on: Tensor  # (H,): 1, or 0 for heads that a person has switched off

    def __init__(self, shape: PixelsShape):
        super().__init__()
        D, self.shape = shape.width, shape
        self.query, self.key, self.value, self.out = (nn.Linear(D, D, bias=False) for _ in range(4))
        self.register_buffer("heads_on", torch.ones(shape.heads), persistent=False)
        if shape.value_embeddings:
            self.seen = nn.Embedding(shape.vocabulary, D)
            self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, tokens: Tensor, places: Places) -> Tensor:
        """(B, T, D) and the tokens that went in, (B, T) → (B, T, D)."""
        q, k, v = self.project(x, tokens, places)
        if self.shape.attention == "local":
            seen = local_attention(q, k, v, places)
        else:
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.gather(seen)

    def project(self, x: Tensor, tokens: Tensor, places: Places) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (B, H, T, d) each."""
        q, k, v = (self._heads(part(x)) for part in (self.query, self.key, self.value))
        if self.shape.value_embeddings:
            v = v + self.share * self._heads(self.seen(tokens))
        if self.shape.qk_norm:
            q, k = unit(q), unit(k)
        if self.shape.positions != "learned":
            q, k = rotate(q, places.query_turn), rotate(k, places.key_turn)
        return q, k, v

    def gather(self, seen: Tensor) -> Tensor:
        """What all heads saw, (B, H, T, d) → (B, T, D)."""
        seen = seen * self.heads_on[:, None, None].to(seen.dtype)
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.shape.heads, -1)).transpose(1, 2)  # (B, T, D) → (B, H, T, d)
