"""Drawing with a PixelCNN: a generator that yields pixels as they are drawn.

The network is asked for one channel after another, in raster order, by one of two: `PlainPixelCNN` puts the question to
the whole network every time, and is the definition; `CachedPixelCNN` says the same from what it knows already. Each
level is read off the chances at a random number that was drawn beforehand, so both draw the same pictures.

B pictures, H × W pixels, C channels, L levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ..ordered.graphs import graphed
from .cached import CachedPixelCNN
from .network import PixelCNN


@dataclass(frozen=True)
class Request:
    """What to draw. `uniforms` is the only chance in it."""

    uniforms: Tensor  # (B, H, W, C) in [0, 1)
    labels: Tensor | None = None  # (B,), if the network has classes
    temperature: float = 1.0
    top_p: float = 1.0  # draw among the likeliest levels that hold this share of the chances
    given: Tensor | None = None  # (B, H, W, C): a prompt's levels …
    keep: Tensor | None = None  # (B, H, W): … where they stay; all else is drawn
    every: int = 1  # pixels a step; a step ends with its row at the latest
    chances: bool = False  # whether to tell what each level's chance was


@dataclass(frozen=True)
class Drawn:
    """One step: pixels start … stop - 1 in raster order, those of a prompt among them."""

    start: int
    stop: int
    levels: Tensor  # (B, stop - start, C)
    chances: (
        Tensor | None
    )  # (B, stop - start, C, L): what was drawn from; a row that is given as a whole has none


class Teller(Protocol):
    """One that says what a PixelCNN says while pictures come to be."""

    def begin_row(self, above: Tensor | None) -> None: ...

    def say(self, x: int, c: int) -> Tensor: ...

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

    def say(self, x: int, c: int) -> Tensor:
        said: Tensor = self.model(self.model.scaled(self.levels), self.labels)
        return said[:, self.y, x, c]

    def take(self, x: int, c: int, levels: Tensor) -> None:
        self.levels[:, self.y, x, c] = levels[:, 0]


def uniforms(count: int, height: int, width: int, channels: int, seed: int) -> Tensor:
    """The random numbers of a seed: (B, H, W, C)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, height, width, channels, generator=generator)


def chances_of(
    logits: Tensor, temperature: float = 1.0, top_p: float = 1.0, out: Tensor | None = None
) -> Tensor:
    """What is drawn from, (…, L), summing to 1."""
    if temperature != 1:
        logits = logits / temperature
    chances = torch.softmax(logits, dim=-1, out=out)
    if top_p < 1:
        ordered, order = chances.sort(dim=-1, descending=True, stable=True)
        ordered *= ordered.cumsum(-1) - ordered < top_p  # the likeliest always stays
        chances.scatter_(-1, order, ordered / ordered.sum(-1, keepdim=True))
    return chances


def level_at(chances: Tensor, uniform: Tensor) -> Tensor:
    """The level at the share `uniform` (…, 1) of the chances (…, L): (…, 1). Never one without a chance."""
    below = chances.cumsum(-1)
    return torch.searchsorted(below, below[..., -1:] * uniform, right=True)


def draw(model: PixelCNN, request: Request, cached: bool = True) -> Iterator[Drawn]:
    """Draw, yielding a step whenever `request.every` pixels are done. The network should be in eval mode."""
    B, H, W, _ = request.uniforms.shape
    labels = None if request.labels is None else request.labels.to(model.head.weight.device)
    teller: Teller
    draw_pixel: Callable[[int], None]
    if cached:
        teller = CachedPixelCNN(model, B, W, labels)
    else:
        teller = PlainPixelCNN(model, B, H, W, labels)
    row = Row(model, request)
    draw_pixel = partial(row.draw_pixel, teller)
    if cached:
        draw_pixel = graphed(draw_pixel, model.head.weight.device)
    for y in range(H):
        teller.begin_row(row.above())
        row.begin(y)
        step = W if row.is_given else request.every
        for x0 in range(0, W, step):
            x1 = min(x0 + step, W)
            if not row.is_given:
                with torch.inference_mode():
                    for x in range(x0, x1):
                        draw_pixel(x)
            yield row.drawn(x0, x1)


def finish(steps: Iterable[Drawn], request: Request) -> Tensor:
    """Take all steps: the levels of the pictures, (B, H, W, C)."""
    return torch.cat([step.levels for step in steps], dim=1).view(request.uniforms.shape)


class Row:
    """The row that is being drawn. Pixels and channels come first in its buffers, so that a pixel's lie together."""

    def __init__(self, model: PixelCNN, request: Request):
        self.model, self.request, self.y, self.is_given = model, request, -1, False
        B, _, W, C = request.uniforms.shape
        like = model.head.weight
        self.uniforms = torch.zeros(W, C, B, 1, dtype=like.dtype, device=like.device)
        self.levels = torch.zeros(W, C, B, 1, dtype=torch.long, device=like.device)
        self.given, self.keep = torch.zeros_like(self.levels), torch.zeros_like(self.levels, dtype=torch.bool)
        told = W if request.chances else 1  # pixels whose chances are kept
        self.chances = torch.zeros(told, C, B, model.shape.levels, dtype=like.dtype, device=like.device)

    def above(self) -> Tensor | None:
        """The row before the one that begins: (B, W, C)."""
        return None if self.y < 0 else self.levels[..., 0].permute(2, 0, 1)

    def begin(self, y: int) -> None:
        self.y, r = y, self.request
        self.uniforms.copy_(r.uniforms[:, y].permute(1, 2, 0)[..., None])
        if r.given is not None and r.keep is not None:
            self.given.copy_(r.given[:, y].permute(1, 2, 0)[..., None])
            self.keep.copy_(r.keep[:, y].T[:, None, :, None])
            self.is_given = bool(self.keep.all())
            if self.is_given:
                self.levels.copy_(self.given)

    def draw_pixel(self, teller: Teller, x: int) -> None:
        r = self.request
        chances = self.chances[x if r.chances else 0]  # (C, B, L)
        for c in range(len(chances)):
            logits = self.model.logits(teller.say(x, c))
            chances_of(logits, r.temperature, r.top_p, out=chances[c])
            levels = level_at(chances[c], self.uniforms[x, c])  # (B, 1)
            if r.keep is not None:
                levels = torch.where(self.keep[x, c], self.given[x, c], levels)
            self.levels[x, c] = levels
            teller.take(x, c, levels)

    def drawn(self, x0: int, x1: int) -> Drawn:
        """What was drawn of pixels x0 … x1 - 1, in memory of its own."""
        levels = self.levels[x0:x1, ..., 0].permute(2, 0, 1).clone()
        told = self.request.chances and not self.is_given
        chances = self.chances[x0:x1].permute(2, 0, 1, 3).clone() if told else None
        start = self.y * len(self.levels)
        return Drawn(start + x0, start + x1, levels, chances)
