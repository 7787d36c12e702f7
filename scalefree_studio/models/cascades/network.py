"""A token transformer: the chances of every token of a stage, given those before it and all tokens of coarser stages.

    coarser tokens ─► [ attention, hidden layer ] × encoder layers ─┐
    condition, own tokens ─► [ attention, attention to coarser ones ┴, hidden layer ] × layers ─► logits

The sequence begins with the condition: a class, the one token of a stage that has no more, or only a start. The input
at position t is token t - 1, and what comes out there predicts token t. Without stages to read there is no encoder.

B pictures, N own tokens, S coarser ones, D numbers a token, K codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..transformer.attention import Attention
from ..transformer.hidden import Hidden
from .layers import AmongCoarser, Block, CoarserAttention, Known, OwnAttention, norm
from .places import Size, TokenPlaces
from .shape import TokensShape


class Condition(nn.Module):
    """What is known of a picture as a whole."""

    def __init__(self, shape: TokensShape):
        super().__init__()
        self.start = nn.Parameter(torch.zeros(1, shape.width))
        if shape.classes:
            self.label = nn.Embedding(shape.classes, shape.width)
        if shape.whole:
            self.whole = nn.Embedding(shape.whole.codes, shape.width)
        self.shape = shape

    def forward(self, count: int, labels: Tensor | None, coarser: Sequence[Tensor]) -> Tensor:
        """Labels (B,) and coarser tokens (B, H, W) a stage → (B, 1, D)."""
        x = self.start.expand(count, -1)
        if self.shape.classes and labels is not None:
            x = x + self.label(labels)
        if self.shape.whole:
            x = x + self.whole(coarser[0].flatten(1)[:, 0])
        return x[:, None]


class Place(nn.Module):
    """Learned rows and columns."""

    def __init__(self, shape: TokensShape):
        super().__init__()
        self.row = nn.Embedding(shape.own.rows, shape.width)
        self.column = nn.Embedding(shape.own.columns, shape.width)

    def forward(self, at: Tensor) -> Tensor:
        """(T, 2) → (1, T, D)."""
        found: Tensor = self.row(at[:, 0]) + self.column(at[:, 1])
        return found[None]


class TokenTransformer(nn.Module):
    def __init__(self, shape: TokensShape):
        super().__init__()
        self.shape = shape
        self.condition = Condition(shape)
        self.token = nn.Embedding(shape.own.codes, shape.width)
        if shape.positions != "rotary":
            self.place = Place(shape)
        self.coarser_tokens = nn.ModuleList(nn.Embedding(grid.codes, shape.width) for grid in shape.read)
        reads = shape.encoder_layers if shape.read else 0
        self.encoder_blocks = nn.ModuleList(Block(shape, AmongCoarser(shape)) for _ in range(reads))
        self.blocks = nn.ModuleList(
            Block(shape, OwnAttention(shape), *([CoarserAttention(shape)] if shape.read else []))
            for _ in range(shape.layers)
        )
        self.head = nn.Linear(shape.width, shape.own.codes, bias=False)
        self._begin()
        self.set_dropout(shape.dropout)
        self.checkpointing = shape.checkpointing
        self.places = lru_cache(maxsize=4)(self._places)

    def _begin(self) -> None:
        for name, weight in self.named_parameters():
            if "modulation" in name:
                nn.init.zeros_(weight)
            elif "blocks." in name:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
            else:
                nn.init.normal_(weight, std=0.5 if "token" in name else 0.1)
        nn.init.normal_(self.head.weight, std=0.1 * self.shape.width**-0.5)

    def set_dropout(self, share: float) -> None:
        for part in self.modules():
            if isinstance(part, Attention | Hidden):
                part.dropout = share

    def _places(self, size: Size, coarser: tuple[Size, ...], device: torch.device) -> TokenPlaces:
        return TokenPlaces(self.shape, size, coarser, device)

    def places_of(self, coarser: Sequence[Tensor], size: Size | None = None) -> TokenPlaces:
        """Of pictures with these coarser tokens (B, H, W) a stage, whose own tokens have the learnt size or another."""
        own, read = self.shape.own, coarser if self.shape.read else ()
        sizes = tuple((tokens.shape[1], tokens.shape[2]) for tokens in read)
        return self.places(size or (own.rows, own.columns), sizes, self.head.weight.device)

    def forward(
        self,
        tokens: Tensor,
        labels: Tensor | None = None,
        coarser: Sequence[Tensor] = (),
        size: Size | None = None,
    ) -> Tensor:
        """Own tokens (B, N) row by row, labels (B,), and the tokens of all coarser stages (B, H, W) each → logits
        (B, N, K). `size`: rows and columns of own tokens, where they are not those learnt."""
        known = self.known(len(tokens), labels, coarser, size)
        x = torch.cat([known.condition, self.token(tokens[:, :-1])], dim=1)
        if self.shape.positions == "learned":
            x = x + self.place(known.places.learned)
        return self.predict(self._through(self.blocks, x, known))

    def known(
        self, count: int, labels: Tensor | None, coarser: Sequence[Tensor], size: Size | None = None
    ) -> Known:
        """What goes into the blocks that draw so many pictures."""
        if len(coarser) != len(self.shape.coarser):
            raise ValueError(f"{len(coarser)} coarser stages, not {len(self.shape.coarser)}")
        places = self.places_of(coarser, size)
        condition = self.condition(count, labels, coarser)
        position = self.place(places.learned) if self.shape.modulates else None
        return Known(places, condition, position, self._read(coarser, condition, places))

    def _read(self, coarser: Sequence[Tensor], condition: Tensor, places: TokenPlaces) -> Tensor | None:
        """What the encoder makes of coarser tokens: (B, S, D)."""
        if not self.shape.read:
            return None
        x = torch.cat(
            [table(t.flatten(1)) for table, t in zip(self.coarser_tokens, coarser, strict=True)], dim=1
        )
        position = None
        if self.shape.positions == "learned":
            x = x + self.place(places.coarser_learned)
        elif self.shape.modulates:
            position = self.place(places.coarser_learned)
        return norm(self._through(self.encoder_blocks, x, Known(places, condition, position)))

    def _through(self, blocks: nn.ModuleList, x: Tensor, known: Known) -> Tensor:
        again = self.checkpointing and self.training and torch.is_grad_enabled()
        for block in blocks:
            x = checkpoint(block, x, known, use_reentrant=False) if again else block(x, known)
        return x

    def predict(self, x: Tensor) -> Tensor:
        """What is left of the network after its blocks: (…, D) → (…, K)."""
        logits: Tensor = self.head(norm(x))
        return logits
