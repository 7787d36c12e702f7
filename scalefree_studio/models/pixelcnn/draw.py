"""Drawing with a PixelCNN: channel after channel of every pixel, in raster order.

The network is asked as a whole every time, which is the definition, or by `CachedPixelCNN`, which predicts the same
from what it knows already.

B pictures, W pixels a row, C channels, L levels.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ..ordered.request import Drawn, Request
from ..ordered.rows import Plain, Predictor, draw_rows
from .cached import CachedPixelCNN
from .network import PixelCNN


def draw(model: PixelCNN, request: Request, width: int, cached: bool = True) -> Iterator[Drawn]:
    """Draw pictures so wide, yielding a step whenever `request.every` pixels are done, and at the end of a row. A row
    that is given as a whole is one step. The network should be in eval mode."""
    like = model.head.weight
    request = request.to(like.device)
    B, N, C = request.uniforms.shape

    def logits(levels: Tensor, place: int, channel: int) -> Tensor:
        """By the whole network: (B, N, C) → (B, L)."""
        picture = model.scaled(levels.view(B, N // width, width, C))
        return model.logits(model(picture, request.labels)[:, place // width, place % width, channel])

    predictor: Predictor = Plain(logits, request, width)
    if cached:
        predictor = CachedPixelCNN(model, B, width, request.labels)
    yield from draw_rows(predictor, request, width, model.shape.levels, like, captured=cached)
