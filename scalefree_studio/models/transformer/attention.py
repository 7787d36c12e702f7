"""What all kinds of attention have: heads, and what projects into and out of them.

B pictures, T tokens, D numbers a token, H heads of d numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Tokens take over what they look for from those that have it."""

    heads_on: Tensor  # (H,): 1, or 0 for heads that a person has switched off

    def __init__(self, width: int, heads: int, head: int, keys: bool = True):
        """`keys`: whether keys are others than queries."""
        super().__init__()
        D, inner, self.dropout = width, heads * head, 0.0
        self.query, self.value = nn.Linear(D, inner, bias=False), nn.Linear(D, inner, bias=False)
        self.out = nn.Linear(inner, D, bias=False)
        if keys:
            self.key = nn.Linear(D, inner, bias=False)
        self.register_buffer("heads_on", torch.ones(heads), persistent=False)

    def split(self, x: Tensor) -> Tensor:
        """Numbers of all heads (B, T, H · d) → (B, H, T, d)."""
        heads: Tensor = x.unflatten(-1, (len(self.heads_on), -1))
        return heads.transpose(1, 2)

    def gather(self, seen: Tensor) -> Tensor:
        """What all heads saw, (B, H, T, d) → (B, T, D)."""
        seen = seen * self.heads_on[:, None, None].to(seen.dtype)
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out
