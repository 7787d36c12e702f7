"""Drawing a stage with a token transformer: token after token, row by row, given all coarser stages.

The network is asked as a whole every time, which is the definition, or by `CachedTokens`, which predicts the same from
what it knows already.

B pictures of N tokens, K codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..ordered.request import Drawn, Request
from ..ordered.rows import Plain, Predictor, draw_rows
from .cached import CachedTokens
from .network import TokenTransformer
from .places import Size


def draw_tokens(
    network: TokenTransformer,
    request: Request,
    coarser: Sequence[Tensor] = (),
    cached: bool = True,
    size: Size | None = None,
    precision: torch.dtype | None = None,
) -> Iterator[Drawn]:
    """Draw the last stage, (B, N, 1), of pictures with these coarser tokens (B, H, W) a stage: a step whenever
    `request.every` places are done, and at the end of a row. A row that is given as a whole is one step. The network
    should be in eval mode. `size`: rows and columns, where they are not those learnt. `precision`: of weights; another
    one than the network's own, such as bfloat16, is faster and not exact."""
    like = network.head.weight
    request, coarser = request.to(like.device), [tokens.to(like.device) for tokens in coarser]
    _, width = size or (network.shape.own.rows, network.shape.own.columns)
    predictor: Predictor = (
        CachedTokens(network, len(request.uniforms), request.labels, coarser, size, precision)
        if cached
        else plain(network, request, coarser, size, width)
    )
    yield from draw_rows(predictor, request, width, network.shape.own.codes, like, captured=cached)


def plain(
    network: TokenTransformer, request: Request, coarser: Sequence[Tensor], size: Size | None, width: int
) -> Plain:
    """Asks the whole network for every token."""

    def logits(values: Tensor, place: int, _: int) -> Tensor:
        # Where chances are no numbers, values are none either.
        tokens = values[..., 0].clamp(max=network.shape.own.codes - 1)
        found: Tensor = network(tokens, request.labels, coarser, size)[:, place]
        return found

    return Plain(logits, request, width)
