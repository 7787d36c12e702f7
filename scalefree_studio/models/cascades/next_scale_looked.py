"""Where the heads of a next-scale network looked while it drew a picture.

A head looks at places of its own scale and of coarser ones, and at each it finds what the codes of all scales before
that one say there. So what it took from a place is shared among those codes as they are spread over the picture. What
it took from the first place, of which nothing is known but the class, it took from no code.

H heads of d numbers, T places of all scales.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..transformer.looked import attentions, watched
from .next_scale import NextScale


class NextScaleLooked:
    """One picture, as tokens (1, T); those that are not drawn yet may be any."""

    def __init__(self, network: NextScale, tokens: Tensor, labels: Tensor | None):
        queries, keys = list[Tensor](), list[Tensor]()  # a layer each

        def keep(attention: Any, inputs: Any) -> None:
            query, key, _ = attention.project(inputs[0])
            queries.append(query[0].float())
            keys.append(key[0].float())

        with watched(attentions(network), keep):
            network(tokens, labels)
        self._queries, self._keys = torch.stack(queries), torch.stack(keys)  # (layers, H, T, d)
        self._allowed = network.allowed
        # Of each place, the share of each code in what is known there: (T, T), 0 for the first scale.
        self._codes = network.spread / network.spread.sum(1, keepdim=True).clamp(min=1)

    def of_place(self, place: int) -> Tensor:
        """The shares that a place gives to all places: (layers, H, T)."""
        query = self._queries[:, :, place]  # (layers, H, d)
        scores = (self._keys @ query[..., None])[..., 0] * query.shape[-1] ** -0.5  # (layers, H, T)
        shares: Tensor = scores.masked_fill(~self._allowed[place], -torch.inf).softmax(-1)
        return shares

    def at(self, position: int) -> Tensor:
        """The same shared among codes: (layers, H, T)."""
        return self.of_place(position) @ self._codes

    def buckets(self) -> Tensor | None:
        """There is no hash."""
        return None
