"""Next-scale drawing: all tokens of a scale at once, given those of all coarser scales.

    class ─► 1 × 1      what 1 × 1 says ─► 2 × 2      what both say ─► 4 × 4   …

A residual codebook says of a picture a little more at every scale: what the scales so far say together is the sum of
their codes, each spread over the picture. That sum, at the size of the next scale, is what the network is given there:
of the vectors of the codebook itself, as with vectors that the network has to learn it takes those it has seen by heart
(handwritten digits, 40 s of learning: 4.63 bits a token held out, and 4.87).
A place attends to all places of its own scale and of those before it; so one pass learns all scales, and drawing takes
one pass a scale.

B pictures, S scales, T tokens of all scales, n of those that pass, D numbers a token, H heads of d numbers, K codes.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..transformer.attention import Attention
from ..transformer.hidden import Hidden, unit
from .next_scale_shape import NextScaleShape
from .shape import TokenGrid


class Cache:
    """Keys and values of one block, of all places that have passed: (B, H, T so far, d)."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def add(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Those of a scale more; all so far."""
        if self.keys is not None and self.values is not None:
            keys, values = torch.cat([self.keys, keys], dim=2), torch.cat([self.values, values], dim=2)
        self.keys, self.values = keys, values
        return keys, values


class Attend(Attention):
    """Places attend to all that have passed, or to those that a mask allows."""

    def forward(self, x: Tensor, allowed: Tensor | None, cache: Cache | None) -> Tensor:
        """(B, n, D) → what is added, (B, n, D)."""
        q, k, v = self.project(x)
        if cache is not None:
            k, v = cache.add(k, v)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        return F.dropout(self.gather(seen), self.dropout, self.training)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of places (B, n, D): (B, H, n, d) each."""
        return unit(self.split(self.query(x))), unit(self.split(self.key(x))), self.split(self.value(x))


class Block(nn.Module):
    """Attention and a hidden layer, each of them scaled, shifted and gated as the class asks for (AdaLN-zero)."""

    def __init__(self, shape: NextScaleShape):
        super().__init__()
        self.attention = Attend(shape.width, shape.heads, shape.head)
        self.hidden = Hidden(shape.width, shape.hidden)

    def forward(
        self, x: Tensor, asked: Tensor, allowed: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """(B, n, D), and how it is modulated, (6, B, 1, D) → (B, n, D)."""
        scale, shift, gate, hidden_scale, hidden_shift, hidden_gate = asked
        x = x + gate * self.attention(unit(x) * (1 + scale) + shift, allowed, cache)
        x = x + hidden_gate * self.hidden.think(unit(x) * (1 + hidden_scale) + hidden_shift)
        return x


class NextScale(nn.Module):
    spread: Tensor  # (T, T): how what is known at a place is made of the codes of coarser scales
    allowed: Tensor  # (T, T) bool: which places a place attends to
    vectors: Tensor  # (K, V): the codes as their codebook has them, of standard deviation 1

    def __init__(self, shape: NextScaleShape):
        super().__init__()
        self.shape, D, classes = shape, shape.width, max(1, shape.classes)
        self.said = nn.Linear(shape.vector, D, bias=False)
        self.place = nn.Embedding(shape.count, D)  # of all scales
        self.start = nn.Embedding(classes, D)
        self.modulation = nn.Embedding(classes, shape.layers * 6 * D)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.head = nn.Linear(D, shape.choices, bias=False)
        self.register_buffer("vectors", torch.zeros(shape.choices, shape.vector))
        self.register_buffer("spread", spread_of(shape.scales), persistent=False)
        self.register_buffer("allowed", allowed_of(shape.scales), persistent=False)
        self._begin()
        self.set_dropout(shape.dropout)

    def _begin(self) -> None:
        """Blocks add nothing at first: their gates are shut."""
        for table in (self.place, self.start):
            nn.init.normal_(table.weight, std=0.5)
        nn.init.normal_(self.said.weight, std=self.shape.vector**-0.5)
        nn.init.zeros_(self.modulation.weight)
        for weight in self.blocks.parameters():
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
        nn.init.normal_(self.head.weight, std=0.1 * self.shape.width**-0.5)

    def know(self, vectors: Tensor) -> None:
        """What codes say: (K, V) of their codebook."""
        self.vectors.copy_(vectors / vectors.std().clamp(min=1e-6))

    def set_dropout(self, share: float) -> None:
        for part in self.modules():
            if isinstance(part, Attention | Hidden):
                part.dropout = share

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        """Tokens of all scales, one scale after the other, (B, T) → logits of each of them, (B, T, K)."""
        labels = self.labels(labels, len(tokens))
        x = self.known(tokens, slice(0, self.shape.count), labels)
        for block, asked in zip(self.blocks, self.asked(labels), strict=True):
            x = block(x, asked, self.allowed)
        return self.predict(x)

    def labels(self, labels: Tensor | None, count: int) -> Tensor:
        """Labels (B,), also where there are no classes."""
        if labels is None or not self.shape.classes:
            return torch.zeros(count, dtype=torch.long, device=self.head.weight.device)
        return labels

    def known(self, tokens: Tensor, at: slice, labels: Tensor) -> Tensor:
        """What is known at places `at` (n of them) before their scales are drawn, by tokens (B, T), or as many as there
        are before the last of these scales: (B, n, D)."""
        T = tokens.shape[1]
        sums = torch.matmul(self.spread[at, :T], F.embedding(tokens, self.vectors))  # (B, n, V)
        x: Tensor = self.said(sums) + self.place.weight[at] + self.start(labels)[:, None]
        return x

    def asked(self, labels: Tensor) -> Tensor:
        """How these labels (B,) modulate each block: (layers, 6, B, 1, D)."""
        found: Tensor = self.modulation(labels)[:, None].unflatten(-1, (self.shape.layers, 6, -1))
        return found.permute(2, 3, 0, 1, 4)

    def predict(self, x: Tensor) -> Tensor:
        """What is left of the network after its blocks: (B, n, D) → (B, n, K)."""
        logits: Tensor = self.head(unit(x))
        return logits


def allowed_of(scales: tuple[TokenGrid, ...]) -> Tensor:
    """Whether a place (row) attends to another (column): to all of its own scale and of coarser ones. (T, T) bool."""
    number = torch.repeat_interleave(torch.tensor([scale.count for scale in scales]))
    return number[:, None] >= number


def spread_of(scales: tuple[TokenGrid, ...]) -> Tensor:
    """What the scales before a place's own say there, as sums of their codes: (T, T), 0 for all other scales."""
    finest, starts = (
        scales[-1].size,
        [0, *itertools.accumulate(scale.count for scale in scales)],
    )
    spread = torch.zeros(starts[-1], starts[-1])
    for coarse, fine in itertools.combinations(range(len(scales)), 2):
        rows, columns = scales[coarse].size
        each = torch.eye(rows * columns).view(-1, 1, rows, columns)  # one token alone, of each
        full = F.interpolate(each, finest, mode="bilinear", align_corners=False)
        there = F.interpolate(full, scales[fine].size, mode="area")  # (n, 1, H, W) of the finer
        spread[starts[fine] : starts[fine + 1], starts[coarse] : starts[coarse + 1]] = there.flatten(1).T
    return spread
