"""Drawing with a pixel transformer: token after token, in the order that it has learnt.

The network is asked as a whole every time, which is the definition, or by `CachedPixels`, which predicts the same from
what it knows already.

B pictures of N places, C channels, L colours.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..ordered.request import Drawn, Request
from ..ordered.rows import Plain, Predictor, draw_rows
from .cached import CachedPixels
from .network import PixelTransformer
from .shape import RESERVED


def draw(
    network: PixelTransformer,
    request: Request,
    width: int,
    cached: bool = True,
    precision: torch.dtype | None = None,
) -> Iterator[Drawn]:
    """Draw pictures so wide, yielding a step whenever `request.every` places are done, and after as many places as a
    row has. So many that are given are one step. The network should be in eval mode. `precision`: of weights and
    caches; another one than the network's own, such as bfloat16, is faster and not exact."""
    like = network.embedding.colour.weight
    request = request.to(like.device)
    B, N, C = request.uniforms.shape
    places = network.places(N // width, width, like.device)

    def logits(values: Tensor, place: int, channel: int) -> Tensor:
        """By the whole network: (B, N, C) → (B, L)."""
        found = network.logits(values.flatten(1) + RESERVED, request.labels, places)
        return found[:, place * C + channel]

    predictor: Predictor = Plain(logits, request, width)
    if cached:
        predictor = CachedPixels(network, B, places, request.labels, precision=precision)
    yield from draw_rows(predictor, request, width, network.shape.colours, like, captured=cached)
