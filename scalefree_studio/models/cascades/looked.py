"""Where the heads of a token transformer looked while it drew a picture, across all stages that it knows.

A layer with an encoder looks twice, at own tokens and at coarser ones: what is said of a head is half of each.

H heads of d numbers, S coarser tokens, T own tokens; places are counted stage after stage, the coarsest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..transformer.local import near
from ..transformer.looked import watched
from .layers import CoarserAttention, OwnAttention
from .network import TokenTransformer


class TokensLooked:
    """One picture: own tokens (1, N), of which those that are not drawn yet may be any, and coarser ones (1, H, W)."""

    def __init__(
        self,
        network: TokenTransformer,
        tokens: Tensor,
        labels: Tensor | None = None,
        coarser: Sequence[Tensor] = (),
        size: tuple[int, int] | None = None,
    ):
        self._places, self._shape = network.places_of(coarser, size), network.shape
        self._before = sum(grid[0].numel() for grid in coarser)  # places of coarser stages
        # A layer each, (H, T, d)
        queries: dict[type, list[Tensor]] = {OwnAttention: [], CoarserAttention: []}
        keys: dict[type, list[Tensor]] = {OwnAttention: [], CoarserAttention: []}  # (H, T or S, d)

        def keep(layer: Any, inputs: Any) -> None:
            x, known = inputs
            seen, turn = x, known.places.key_turn
            if isinstance(layer, CoarserAttention):
                seen, turn = known.coarser, known.places.coarser_turn
            queries[type(layer)].append(layer.queries(x, known.places.query_turn)[0].float())
            keys[type(layer)].append(layer.keys(seen, turn)[0].float())

        with watched([m for m in network.blocks.modules() if type(m) in queries], keep):
            network(tokens, labels, coarser, size)
        self._own = torch.stack(queries[OwnAttention]), torch.stack(keys[OwnAttention])
        read = network.shape.read
        self._coarser = tuple(torch.stack(t[CoarserAttention]) for t in (queries, keys)) if read else None

    def of_own(self, t: int) -> Tensor:
        """The shares that the query of own place t gives to the keys of all positions: (layers, H, T)."""
        queries, keys = self._own
        seen = near(self._places, slice(t, t + 1), slice(t + 1))[0]
        shares: Tensor = queries.new_zeros(*queries.shape[:3])
        shares[..., : t + 1] = _shares(queries[:, :, t], keys[:, :, : t + 1], seen)
        return shares

    def of_coarser(self, t: int) -> Tensor:
        """The shares that it gives to coarser tokens that are read: (layers, H, S)."""
        assert self._coarser is not None
        queries, keys = self._coarser
        seen = torch.ones(keys.shape[2], dtype=torch.bool, device=keys.device)
        if self._shape.coarser_radius:
            seen = self._places.near_coarser(slice(t, t + 1))[0]
        return _shares(queries[:, :, t], keys, seen)

    def at(self, position: int) -> Tensor:
        """By place, as the own one at a position took: (layers, H, S + N). A key stands where its input was seen; the
        first one, the condition, stands nowhere, or at the one coarser token that says it."""
        own = self.of_own(position - self._before)
        start, own = own[..., :1], torch.cat([own[..., 1:], torch.zeros_like(own[..., :1])], dim=-1)
        if self._coarser is not None:
            return torch.cat([self.of_coarser(position - self._before), own], dim=-1) / 2
        return torch.cat([start, own], dim=-1) if self._shape.whole else own

    def buckets(self) -> None:
        return None


def _shares(query: Tensor, keys: Tensor, seen: Tensor) -> Tensor:
    """softmax(q kᵀ / √d) of queries (layers, H, d) and keys (layers, H, T, d), of those that are seen (T,)."""
    scores = (keys @ query[..., None])[..., 0] * query.shape[-1] ** -0.5
    shares: Tensor = scores.masked_fill(~seen, -torch.inf).softmax(-1)
    return shares
