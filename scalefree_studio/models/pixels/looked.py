"""Where the heads of a pixel transformer looked while it drew a picture.

A head takes from what it sees the shares softmax(q kᵀ / √d), with LSH softmax(q kᵀ). One pass over the picture gives
the queries and keys of all layers, and with them the shares of any place at once.

H heads of d numbers, T tokens, C of them a place, N places, R rounds of LSH.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..transformer.hidden import unit
from ..transformer.local import near
from ..transformer.looked import attentions, watched
from .lsh import APART, places_of, seen_by_next
from .network import PixelTransformer
from .places import Places


class PixelsLooked:
    """One picture, as tokens (1, T); those that are not drawn yet may be any."""

    def __init__(self, network: PixelTransformer, tokens: Tensor, labels: Tensor | None, places: Places):
        self._places = places
        queries, keys, hashed = [], [], []  # a layer each

        def keep(attention: Any, inputs: Any) -> None:
            x, *rest = inputs
            query, key, _, buckets = attention.project(unit(x), *rest)
            queries.append(query[0].float())
            keys.append(key[0].float())
            if buckets is not None:
                hashed.append(places_of(buckets)[0])

        with watched(attentions(network), keep):
            network.logits(tokens, labels, places)
        self._queries, self._keys = torch.stack(queries), torch.stack(keys)  # (layers, H, T, d)
        # With LSH: where each token is among those of its bucket, (layers, H, R, T).
        self._hashed = torch.stack(hashed) if hashed else None

    def of_token(self, t: int) -> Tensor:
        """The shares that the query at position t of the sequence gives to all keys: (layers, H, T)."""
        query, keys = self._queries[:, :, t], self._keys[:, :, : t + 1]
        scores = (keys @ query[..., None])[..., 0]  # (layers, H, t + 1)
        if self._hashed is not None:
            hashed = self._hashed[..., : t + 1]
            seen = seen_by_next(hashed[..., t], hashed, self._places.shape.chunk)
            scores = scores.masked_fill(~seen, -torch.inf)
        else:
            scores = scores * query.shape[-1] ** -0.5
        if self._places.shape.attention == "local":
            scores = scores.masked_fill(~near(self._places, slice(t, t + 1), slice(t + 1)), -torch.inf)
        shares: Tensor = scores.new_zeros(*scores.shape[:2], self._places.count)
        shares[..., : t + 1] = scores.softmax(-1)
        return shares

    def at(self, position: int) -> Tensor:
        """The same by place, as the tokens of the one at a position took together: (layers, H, N). A key stands where
        its input was seen, so the first one, the start token, stands nowhere."""
        C = self._places.channels
        shares = torch.stack([self.of_token(t) for t in range(position * C, (position + 1) * C)]).mean(0)
        seen = torch.cat([shares[..., 1:], torch.zeros_like(shares[..., :1])], dim=-1)  # (layers, H, T)
        by_place: Tensor = seen.unflatten(-1, (-1, C)).sum(-1)
        return by_place

    def buckets(self) -> Tensor | None:
        """Of the first round, by place: where its last token is a key. The last place of all never is."""
        if self._hashed is None:
            return None
        of_keys = self._hashed[:, :, 0].div(APART, rounding_mode="floor")  # (layers, H, T)
        later = torch.cat([of_keys[..., 1:], torch.full_like(of_keys[..., :1], -1)], dim=-1)
        by_place: Tensor = later[..., self._places.channels - 1 :: self._places.channels]
        return by_place
