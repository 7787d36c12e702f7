"""What draws a stage of a cascade: a network, or examples that stand for a network that is not there.

B pictures of N tokens of a stage in rows of W, K codes; E examples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...models.cascades.cached import CachedTokens
from ...models.cascades.draw import draw_tokens
from ...models.cascades.looked import TokensLooked
from ...models.cascades.network import TokenTransformer
from ...models.ordered.beams import SearchPredictor
from ...models.ordered.looked import Looked
from ...models.ordered.request import Drawn, Request
from ...models.ordered.rows import Plain, draw_rows
from ...models.transformer.looked import without_heads
from ..codec import Grid, Tokens

Coarser = Sequence[Tensor]  # the tokens of all coarser stages, (B, H, W) each


class StageDrawer(ABC):
    """Draws the tokens of one stage row by row, given those of all coarser ones."""

    grid: Grid
    heads: tuple[int, int] = (0, 0)  # layers of attention, and heads of each, that say where they looked
    reach: tuple[int, int] = (-1, -1)  # rows up and columns to each side that a token sees; -1: all before it
    classes: int = 0  # that it knows; 0: labels are nothing to it
    learns: bool = True  # whether it is a network, and so can be searched

    @abstractmethod
    def logits(self, values: Tensor, labels: Tensor | None, coarser: Coarser) -> Tensor:
        """Of every token, given those before it: (B, N) → (B, N, K)."""

    def draw(self, request: Request, coarser: Coarser) -> Iterator[Drawn]:
        """As a sampler of this stage alone would."""
        predictor, like = self.predictor(request, coarser), request.uniforms
        return draw_rows(predictor, request, self.grid.columns, self.grid.codes, like, captured=False)

    def predictor(self, request: Request, coarser: Coarser) -> SearchPredictor:
        """What predicts token after token while pictures may take each other's places."""
        return PlainTokens(self, request, coarser)

    def looked(self, values: Tensor, labels: Tensor | None, coarser: Coarser) -> Looked:
        """Where its heads looked while it drew one picture (1, N); positions are counted through all stages."""
        raise NotImplementedError

    def without_heads(self, off: Tensor) -> StageDrawer:
        """The same without some heads, (layers, heads) bool."""
        return self


class PlainTokens(Plain):
    """Asks a stage for all of its tokens to predict one: the definition of what a faster one predicts."""

    def __init__(self, drawer: StageDrawer, request: Request, coarser: Coarser):
        self._coarser = list(coarser)

        def logits(values: Tensor, place: int, _: int) -> Tensor:
            tokens = values[..., 0].clamp(max=drawer.grid.codes - 1)  # none, where chances are no numbers
            return drawer.logits(tokens, request.labels, self._coarser)[:, place]

        super().__init__(logits, request, drawer.grid.columns)

    def reorder(self, parents: Tensor) -> None:
        super().reorder(parents)
        self._coarser = [tokens[parents] for tokens in self._coarser]


class NetworkStage(StageDrawer):
    """A token transformer."""

    def __init__(self, network: TokenTransformer, cached: bool = True):
        self.network, self._cached = network, cached
        own = network.shape.own
        self.grid = Grid(own.rows, own.columns, own.codes)
        self.classes = network.shape.classes
        self.heads = network.shape.layers, network.shape.heads
        radius = network.shape.radius or -1
        self.reach = radius, radius

    def logits(self, values: Tensor, labels: Tensor | None, coarser: Coarser) -> Tensor:
        found: Tensor = self.network(values, labels, coarser)
        return found

    def draw(self, request: Request, coarser: Coarser) -> Iterator[Drawn]:
        return draw_tokens(self.network, request, coarser, self._cached)

    def predictor(self, request: Request, coarser: Coarser) -> SearchPredictor:
        if not self._cached:
            return super().predictor(request, coarser)
        return CachedTokens(self.network, len(request.uniforms), request.labels, coarser)

    def looked(self, values: Tensor, labels: Tensor | None, coarser: Coarser) -> Looked:
        return TokensLooked(self.network, values, labels, coarser)

    def without_heads(self, off: Tensor) -> NetworkStage:
        return NetworkStage(without_heads(self.network, off), self._cached)


class ExampleStage(StageDrawer):
    """Tokens of examples, for a network that is trained by itself and has no coarser one beside it.

    One of the examples is drawn, token by token: at first each is as likely as another, and those that differ from what
    is there already are hardly likely any more. So whatever a person sets by hand stays, and the rest of that example
    is drawn around it.
    """

    learns = False
    OTHER = 12.0  # nats that an example loses by a token that differs …
    OTHER_CLASS = 1000.0  # … and by its class: only where none is of that class, others are drawn

    def __init__(self, grid: Grid, stages: Sequence[Tokens], labels: Any, device: torch.device):
        """`stages`: the tokens (E, H, W) of all coarser stages and of this one."""
        self.grid = grid
        *coarser, own = (torch.from_numpy(np.array(tokens)).flatten(1).to(device) for tokens in stages)
        self._coarser, self._own = coarser, own  # (E, n) each
        self._labels = torch.from_numpy(np.array(labels)).to(device)  # (E,)

    def logits(self, values: Tensor, labels: Tensor | None, coarser: Coarser) -> Tensor:
        likely = torch.zeros(len(values), len(self._own), device=self._own.device)  # (B, E): nats
        if labels is not None:
            likely = likely - self.OTHER_CLASS * (labels[:, None] != self._labels)
        for theirs, tokens in zip(self._coarser, coarser, strict=True):
            likely = likely - self.OTHER * (tokens.flatten(1)[:, None] != theirs).sum(-1)
        differs = (values[:, None] != self._own).long()  # (B, E, N)
        before = differs.cumsum(-1) - differs
        shares = torch.softmax(likely[..., None] - self.OTHER * before, dim=1)  # (B, E, N)
        codes = self._own.T[None].expand(len(values), -1, -1)  # (B, N, E)
        chances = torch.zeros(*values.shape, self.grid.codes, device=shares.device)
        return chances.scatter_add(2, codes, shares.transpose(1, 2)).log()
