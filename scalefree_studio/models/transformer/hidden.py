"""The half of a block that works on each token by itself.

B pictures, T tokens, D numbers a token.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def unit(x: Tensor) -> Tensor:
    """With a mean square of 1."""
    return F.rms_norm(x, x.shape[-1:])


class Hidden(nn.Module):
    """A small network for each token by itself. All kinds have about as many numbers."""

    def __init__(self, width: int, kind: str):
        super().__init__()
        D, self.kind, self.dropout = width, kind, 0.0
        inner = 8 * D // 3 if self.kind == "swiglu" else 4 * D
        self.into = nn.Linear(D, 2 * inner if self.kind == "swiglu" else inner, bias=False)
        self.out = nn.Linear(inner, D, bias=False)

    def forward(self, x: Tensor, *_: object) -> Tensor:
        """(B, T, D) → what is added, (B, T, D)."""
        return self.think(unit(x))

    def think(self, x: Tensor) -> Tensor:
        """The same of what has its right size already."""
        added: Tensor = F.dropout(self.out(self.act(self.into(x))), self.dropout, self.training)
        return added

    def act(self, x: Tensor) -> Tensor:
        if self.kind == "swiglu":
            gate, value = x.chunk(2, dim=-1)
            return F.silu(gate) * value
        return F.relu(x).square() if self.kind == "relu2" else F.gelu(x)
