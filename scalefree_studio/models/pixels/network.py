"""A pixel transformer: the chances of every token of a picture, given all tokens before it.

    tokens ─► colours + place + label + what is near ─► [ + attention ─► + hidden layer ] × layers ─► logits

The sequence begins with a start token; the input at position t is token t - 1, and what comes out there predicts token
t. Everything that depends on the size of the picture and on its order is in `Places`.

B pictures of T tokens, D numbers a token, L colours.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..transformer.attention import Attention
from ..transformer.hidden import Hidden, unit
from .attention import PixelAttention
from .places import Places
from .reversible import reversible
from .shape import PADDING, RESERVED, START, PixelsShape

NEAR = 8  # numbers that say what colour a near pixel has


class Block(nn.Module):
    def __init__(self, shape: PixelsShape):
        super().__init__()
        self.attention, self.hidden = PixelAttention(shape), Hidden(shape.width, shape.hidden)


class Embedding(nn.Module):
    """What is known of a position before any attention: its input, where it is, what lies around it, and the label."""

    def __init__(self, shape: PixelsShape):
        super().__init__()
        D, self.shape = shape.width, shape
        self.colour = nn.Embedding(shape.vocabulary, D)
        if shape.positions != "rotary":
            self.row, self.column = nn.Embedding(shape.rows, D), nn.Embedding(shape.columns, D)
        if shape.channels > 1:
            self.channel = nn.Embedding(shape.channels, D)
        if shape.classes:
            self.label = nn.Embedding(shape.classes, D)
        if shape.neighbours:
            known = Places(shape, shape.rows, shape.columns, torch.device("cpu")).neighbours.shape[1]
            self.near_colour = nn.Embedding(shape.vocabulary, NEAR)
            self.near = nn.Linear(known * NEAR, D, bias=False)

    def forward(self, tokens: Tensor, labels: Tensor | None, places: Places) -> Tensor:
        """Tokens (B, T), those for which nothing is drawn yet among them → (B, T, D)."""
        before = F.pad(tokens[:, :-1], (1, 0), value=START)  # (B, T): the inputs
        known = around(tokens, places.neighbours) if self.shape.neighbours else None
        return self.seen(before, known) + self.place(places, labels)

    def seen(self, before: Tensor, known: Tensor | None) -> Tensor:
        """What inputs (B, T) say, and the tokens around (B, T, K): (B, T, D)."""
        x: Tensor = self.colour(before)
        return x if known is None else x + self.near(self.near_colour(known).flatten(2))

    def place(self, places: Places, labels: Tensor | None) -> Tensor:
        """What is known without any token: (B or 1, T, D)."""
        like = self.colour.weight
        x = like.new_zeros(1, places.count, like.shape[1])
        if self.shape.positions != "rotary":
            x = x + self.row(places.learned_row) + self.column(places.learned_column)
        if self.shape.channels > 1:
            x = x + self.channel(places.channel)
        if self.shape.classes and labels is not None:
            x = x + self.label(labels)[:, None]
        return x


def around(tokens: Tensor, neighbours: Tensor) -> Tensor:
    """The tokens (B, T) around positions, given which they are (T, K): (B, T, K); padding where nothing is known."""
    return F.pad(tokens, (0, 1), value=PADDING)[:, neighbours]


class PixelTransformer(nn.Module):
    def __init__(self, shape: PixelsShape):
        super().__init__()
        self.shape = shape
        self.embedding = Embedding(shape)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        if not shape.tied:
            self.head = nn.Linear(shape.width, shape.colours, bias=False)
        self._begin()
        self.set_dropout(shape.dropout)
        self.places = lru_cache(maxsize=4)(self._places)

    def _begin(self) -> None:
        D = self.shape.width
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                continue
            if ("embedding." in name and "near.weight" not in name) or "seen" in name:
                nn.init.normal_(weight, std=0.5 if "colour" in name else 0.1)
            else:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
            if self.shape.zero_start and name.endswith("out.weight"):
                nn.init.zeros_(weight)
        if self.shape.tied:
            nn.init.normal_(self.embedding.colour.weight, std=D**-0.5)
        else:
            nn.init.normal_(self.head.weight, std=0.1 * D**-0.5)

    def set_dropout(self, share: float) -> None:
        for part in self.modules():
            if isinstance(part, Attention | Hidden):
                part.dropout = share

    def _places(self, rows: int, columns: int, device: torch.device) -> Places:
        return Places(self.shape, rows, columns, device)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Colours (B, R, W, C), row by row → logits of each of them, (B, R, W, C, L)."""
        B, rows, columns, C = values.shape
        places = self.places(rows, columns, values.device)
        logits = self.logits(self.sequence(values, places), labels, places)  # (B, T, L)
        by_place: Tensor = logits.unflatten(1, (-1, C))[:, places.ranks]  # (B, N, C, L)
        return by_place.view(B, rows, columns, C, -1)

    def sequence(self, values: Tensor, places: Places) -> Tensor:
        """Colours (B, R, W, C) as tokens in their order, (B, T)."""
        return values.flatten(1, 2)[:, places.order].flatten(1).long() + RESERVED

    def logits(self, tokens: Tensor, labels: Tensor | None, places: Places) -> Tensor:
        """Of each token of a sequence (B, T) that is a colour: (B, T, L)."""
        x = self.embedding(tokens, labels, places)
        before = F.pad(tokens[:, :-1], (1, 0), value=START)
        if self.shape.reversible:  # two streams, which the parts of all blocks add to in turn
            a, b = reversible(self.parts(), x, x, before, places)
            return self.predict(a + b)
        for part in self.parts():
            x = x + part(x, before, places)
        return self.predict(x)

    def parts(self) -> list[nn.Module]:
        """All that is added to the embedding, in turn: attention, hidden layer, attention …"""
        return [part for block in self.blocks for part in block.children()]

    def predict(self, x: Tensor) -> Tensor:
        """What is left of the network after its blocks: (…, D) → (…, L)."""
        return self.capped(F.linear(unit(x), self.head_weight))

    @property
    def head_weight(self) -> Tensor:
        """(L, D)"""
        weight: Tensor = self.embedding.colour.weight[RESERVED:] if self.shape.tied else self.head.weight
        return weight

    def capped(self, logits: Tensor) -> Tensor:
        cap = self.shape.softcap
        # tanh(x) is 2 σ(2x) - 1, which a CPU finds ten times as fast
        return cap * (2 * torch.sigmoid(logits * (2 / cap)) - 1) if cap else logits


def count_numbers(network: PixelTransformer) -> int:
    """How many numbers it learns."""
    return sum(p.numel() for p in network.parameters())
