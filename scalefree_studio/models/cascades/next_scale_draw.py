"""Drawing scale by scale: one pass of the network for all tokens of a scale.

A token's chances depend on coarser scales alone, so that all tokens of a scale are drawn at once; they are still handed
out piece by piece, as whatever is drawn in order.

B pictures of T places, n of a scale, K codes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..ordered.request import Drawn, Request, chances_of, likeliest_of, measure, value_at
from .next_scale import Cache, NextScale

# (tokens of all coarser scales (B, ·), a scale) → its logits (B, n, K)
Predict = Callable[[Tensor, slice], Tensor]


def draw_scales(network: NextScale, request: Request, cached: bool = True) -> Iterator[Drawn]:
    """Draw, yielding a step whenever `request.every` places are done, and at the end of a row. The network should be in
    eval mode. Without `cached`, the whole of it is asked for every scale."""
    r = request.to(network.head.weight.device)
    predict = CachedScales(network, r) if cached else plain(network, r)
    starts = network.shape.starts
    tokens = r.uniforms.new_zeros(len(r.uniforms), starts[-1], dtype=torch.long)  # (B, T)
    for (start, stop), scale in zip(itertools.pairwise(starts), network.shape.scales, strict=True):
        with torch.inference_mode():
            logits = predict(tokens[:, :start], slice(start, stop))
            chances = chances_of(logits, r.temperature, r.top_k, r.top_p)  # (B, n, K)
            found = value_at(chances, r.uniforms[:, start:stop])[..., 0]  # (B, n)
            if r.given is not None and r.keep is not None:
                found = torch.where(r.keep[:, start:stop], r.given[:, start:stop, 0], found)
            # Beyond the last one where chances are no numbers.
            tokens[:, start:stop] = found.clamp(max=network.shape.choices - 1)
        yield from _pieces(chances[:, :, None], found[..., None].clone(), start, scale.columns, r)


def _pieces(chances: Tensor, values: Tensor, start: int, width: int, r: Request) -> Iterator[Drawn]:
    """A scale that begins at `start`, its chances (B, n, 1, K) and values (B, n, 1), row by row."""
    for row in range(0, values.shape[1], width):
        for x in range(row, row + width, r.every):
            part = slice(x, min(x + r.every, row + width))
            here = start + part.start, start + part.stop
            if not r.measured:
                yield Drawn(*here, values[:, part])
                continue
            with torch.inference_mode():
                watched = None if r.watched is None else likeliest_of(chances[r.watched, part])
                measured = measure(chances[:, part], values[:, part])
            yield Drawn(*here, values[:, part], *measured, watched)


def plain(network: NextScale, request: Request) -> Predict:
    """Asks the whole network for every scale: the definition of what a faster one predicts."""

    def predict(tokens: Tensor, at: slice) -> Tensor:
        unknown = network.shape.count - tokens.shape[1]
        logits: Tensor = network(torch.nn.functional.pad(tokens, (0, unknown)), request.labels)
        return logits[:, at]

    return predict


class CachedScales:
    """Computes nothing twice: keys and values of coarser scales are kept."""

    def __init__(self, network: NextScale, request: Request):
        self.network, self.caches = network, [Cache() for _ in network.blocks]
        self.labels = network.labels(request.labels, len(request.uniforms))
        self.asked = network.asked(self.labels)

    def __call__(self, tokens: Tensor, at: slice) -> Tensor:
        x = self.network.known(tokens, at, self.labels)
        for block, asked, cache in zip(self.network.blocks, self.asked, self.caches, strict=True):
            x = block(x, asked, cache=cache)
        return self.network.predict(x)
