"""Drawing with a PixelCNN: a generator that yields pixels as they are drawn.

The network is asked for one channel after another, in raster order, by one of two: `PlainPixelCNN` puts the question to
the whole network every time, and is the definition; `CachedPixelCNN` predicts the same from what it knows already. Each
level is read off the chances at a random number that was drawn beforehand, so both draw the same pictures.

B pictures, W pixels a row, C channels, L levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ..ordered.graphs import graphed
from ..ordered.request import Drawn, Request, chances_of, likeliest_of, measure, value_at
from .cached import CachedPixelCNN
from .network import PixelCNN

ROOM = 1 << 22  # so many chances are kept, at most, until they are measured


class Predictor(Protocol):
    """One that predicts what a PixelCNN predicts, while pictures come to be."""

    def begin_row(self, above: Tensor | None) -> None: ...

    def predict(self, x: int, c: int) -> Tensor: ...

    def take(self, x: int, c: int, levels: Tensor) -> None: ...


class PlainPixelCNN:
    """Asks the whole network for every channel of every pixel."""

    def __init__(self, model: PixelCNN, count: int, height: int, width: int, labels: Tensor | None = None):
        self.model, self.labels, self.y = model, labels, -1
        size = (count, height, width, model.shape.channels)
        self.levels = torch.zeros(size, dtype=torch.long, device=model.head.weight.device)

    def begin_row(self, above: Tensor | None) -> None:
        if above is not None:
            self.levels[:, self.y] = above
        self.y += 1

    def predict(self, x: int, c: int) -> Tensor:
        predicted: Tensor = self.model(self.model.scaled(self.levels), self.labels)
        return predicted[:, self.y, x, c]

    def take(self, x: int, c: int, levels: Tensor) -> None:
        self.levels[:, self.y, x, c] = levels[:, 0]


def draw(model: PixelCNN, request: Request, width: int, cached: bool = True) -> Iterator[Drawn]:
    """Draw pictures so wide, yielding a step whenever `request.every` pixels are done, and at the end of a row. A row
    that is given as a whole is one step. The network should be in eval mode."""
    B, N, _ = request.uniforms.shape
    request = request.to(model.head.weight.device)
    predictor: Predictor
    draw_pixel: Callable[[int], None]
    if cached:
        predictor = CachedPixelCNN(model, B, width, request.labels)
    else:
        predictor = PlainPixelCNN(model, B, N // width, width, request.labels)
    row = Row(model, request, width)
    draw_pixel = partial(row.draw_pixel, predictor)
    if cached:
        draw_pixel = graphed(draw_pixel, model.head.weight.device)
    for y in range(N // width):
        predictor.begin_row(row.above())
        row.begin(y)
        step = width if row.is_given else request.every
        for x0 in range(0, width, step):
            x1 = min(x0 + step, width)
            if not row.is_given:
                with torch.inference_mode():
                    row.draw_pixels(x0, x1, draw_pixel)
            yield row.drawn(x0, x1)


class Row:
    """The row that is being drawn. Pixels and channels come first in its buffers, so that a pixel's lie together."""

    def __init__(self, model: PixelCNN, request: Request, width: int):
        self.model, self.request, self.width = model, request, width
        self.y, self.is_given = -1, False
        (B, _, C), L, W = request.uniforms.shape, model.shape.levels, width
        like = model.head.weight
        self.uniforms = torch.zeros(W, C, B, 1, dtype=like.dtype, device=like.device)
        self.levels = torch.zeros(W, C, B, 1, dtype=torch.long, device=like.device)
        self.given, self.keep = torch.zeros_like(self.levels), torch.zeros_like(self.levels, dtype=torch.bool)
        self.slots = max(1, min(W, ROOM // (C * B * L))) if request.measured else 1  # pixels of `chances`
        self.chances = torch.zeros(self.slots, C, B, L, dtype=like.dtype, device=like.device)
        self.measured: list[tuple[Tensor, Tensor]] = []  # pieces of a step: entropy and surprise, (B, k) each
        self.watched: list[Tensor] = []  # the chances of the watched picture, (k, C, L)

    def above(self) -> Tensor | None:
        """The row before the one that begins: (B, W, C)."""
        return None if self.y < 0 else self.levels[..., 0].permute(2, 0, 1)

    def begin(self, y: int) -> None:
        self.y, r = y, self.request
        row = slice(y * self.width, (y + 1) * self.width)
        self.uniforms.copy_(r.uniforms[:, row].permute(1, 2, 0)[..., None])
        if r.given is not None and r.keep is not None:
            self.given.copy_(r.given[:, row].permute(1, 2, 0)[..., None])
            self.keep.copy_(r.keep[:, row].T[:, None, :, None])
            self.is_given = bool(self.keep.all())
            if self.is_given:
                self.levels.copy_(self.given)

    def draw_pixels(self, x0: int, x1: int, draw_pixel: Callable[[int], None]) -> None:
        """Pixels x0 … x1 - 1, measured together as far as there are slots."""
        start = x0
        for x in range(x0, x1):
            draw_pixel(x)
            if self.request.measured and ((x + 1) % self.slots == 0 or x + 1 == x1):
                self._measure(start, x + 1)
                start = x + 1

    def draw_pixel(self, predictor: Predictor, x: int) -> None:
        r = self.request
        chances = self.chances[x % self.slots]  # (C, B, L)
        for c in range(len(chances)):
            logits = self.model.logits(predictor.predict(x, c))
            chances_of(logits, r.temperature, r.top_k, r.top_p, out=chances[c])
            levels = value_at(chances[c], self.uniforms[x, c])  # (B, 1)
            if r.keep is not None:
                levels = torch.where(self.keep[x, c], self.given[x, c], levels)
            self.levels[x, c] = levels
            predictor.take(x, c, levels)

    def _measure(self, x0: int, x1: int) -> None:
        slot = x0 % self.slots
        chances = self.chances[slot : slot + x1 - x0].permute(2, 0, 1, 3)  # (B, k, C, L)
        self.measured.append(measure(chances, self._levels(x0, x1)))
        if self.request.watched is not None:
            self.watched.append(chances[self.request.watched].clone())

    def _levels(self, x0: int, x1: int) -> Tensor:
        return self.levels[x0:x1, ..., 0].permute(2, 0, 1)  # (B, k, C)

    def drawn(self, x0: int, x1: int) -> Drawn:
        """What was drawn of pixels x0 … x1 - 1, in memory of its own."""
        start, levels = self.y * self.width, self._levels(x0, x1).clone()
        if self.is_given or not self.request.measured:
            return Drawn(start + x0, start + x1, levels)
        entropy, surprise = (torch.cat(pieces, dim=1) for pieces in zip(*self.measured, strict=True))
        likeliest = likeliest_of(torch.cat(self.watched)) if self.watched else None
        self.measured, self.watched = [], []
        return Drawn(start + x0, start + x1, levels, entropy, surprise, likeliest)
