"""The blocks of a token transformer: attention to own tokens, to coarser ones, and a hidden layer.

What goes into each of these parts is scaled and shifted, and what it adds is scaled, by what the condition says and, if
the shape has it so, the place: AdaLN-zero (Peebles and Xie, 2023). The two add up, so that they cost B + T rows of a
product rather than B · T, and are known before anything is drawn.

B pictures, T tokens, S coarser ones, D numbers a token, H heads of d numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..transformer.attention import Attention
from ..transformer.hidden import Hidden
from ..transformer.local import local_attention
from ..transformer.rotary import rotate
from .places import TokenPlaces
from .shape import TokensShape


def norm(x: Tensor) -> Tensor:
    """With mean 0 and variance 1."""
    return F.layer_norm(x, x.shape[-1:])


@dataclass(frozen=True)
class Known:
    """What is known before any own token is: it goes into all blocks of a stack."""

    places: TokenPlaces
    condition: Tensor  # (B, 1, D): also what goes in first
    position: Tensor | None  # (1, T, D), if positions modulate
    coarser: Tensor | None = None  # (B, S, D): what the encoder made of them


class TokenAttention(Attention):
    """Tokens attend to others, of their own kind or not."""

    def __init__(self, shape: TokensShape):
        super().__init__(shape.width, shape.heads, shape.head)
        self.shape = shape

    def queries(self, x: Tensor, turn: Tensor) -> Tensor:
        """(B, T, D) → (B, H, T, d)."""
        return self._turned(self.split(self.query(x)), turn)

    def keys(self, x: Tensor, turn: Tensor) -> Tensor:
        return self._turned(self.split(self.key(x)), turn)

    def values(self, x: Tensor) -> Tensor:
        return self.split(self.value(x))

    def _turned(self, x: Tensor, turn: Tensor) -> Tensor:
        return rotate(norm(x), turn) if self.shape.rotates else norm(x)

    def added(self, seen: Tensor) -> Tensor:
        added: Tensor = F.dropout(self.gather(seen), self.dropout, self.training)
        return added


class OwnAttention(TokenAttention):
    """Of own tokens to those before them."""

    def forward(self, x: Tensor, known: Known) -> Tensor:
        places = known.places
        q, k, v = self.queries(x, places.query_turn), self.keys(x, places.key_turn), self.values(x)
        if self.shape.radius:
            return self.added(local_attention(q, k, v, places.tiles))
        return self.added(F.scaled_dot_product_attention(q, k, v, is_causal=True))


class CoarserAttention(TokenAttention):
    """Of own tokens to coarser ones."""

    def forward(self, x: Tensor, known: Known) -> Tensor:
        assert known.coarser is not None
        places = known.places
        q, k = self.queries(x, places.query_turn), self.keys(known.coarser, places.coarser_turn)
        v = self.values(known.coarser)
        if self.shape.coarser_radius:
            return self.added(local_attention(q, k, v, places.coarser_tiles))
        return self.added(F.scaled_dot_product_attention(q, k, v))


class AmongCoarser(TokenAttention):
    """Of coarser tokens to one another."""

    def forward(self, x: Tensor, known: Known) -> Tensor:
        turn = known.places.coarser_turn
        q, k = self.queries(x, turn), self.keys(x, turn)
        return self.added(F.scaled_dot_product_attention(q, k, self.values(x)))


class Thought(nn.Module):
    """The hidden layer as a part of a block."""

    def __init__(self, shape: TokensShape):
        super().__init__()
        self.hidden = Hidden(shape.width, shape.hidden)

    def forward(self, x: Tensor, _: Known) -> Tensor:
        return self.hidden.think(x)


class Block(nn.Module):
    """Parts that add to what goes through, one after another."""

    def __init__(self, shape: TokensShape, *attention: TokenAttention):
        super().__init__()
        self.parts = nn.ModuleList([*attention, Thought(shape)])
        self.modulation = nn.Linear(shape.width, 3 * len(self.parts) * shape.width)

    def forward(self, x: Tensor, known: Known) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        ways = self.ways(known.condition, known.position).chunk(3 * len(self.parts), dim=-1)
        for n, part in enumerate(self.parts):
            shift, scale, gate = ways[3 * n : 3 * n + 3]
            x = torch.addcmul(x, gate, part(torch.addcmul(shift, norm(x), 1 + scale), known))
        return x

    def ways(self, condition: Tensor, position: Tensor | None) -> Tensor:
        """Shift, scale and gate of each part: (B, T or 1, 3 · parts · D)."""
        ways: Tensor = self.modulation(F.silu(condition))
        return ways if position is None else ways + F.linear(F.silu(position), self.modulation.weight)
