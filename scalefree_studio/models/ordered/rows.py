"""Drawing row by row with a network that predicts one value after another: a generator that yields places as they are
drawn. A row is as many places of the order as lie side by side in the picture.

Each value is read off the chances at a random number that was drawn beforehand, so that a slow predictor and a fast one
draw the same pictures.

B pictures of N places, W of them a row, C channels, L values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from .graphs import graphed
from .request import Drawn, Request, chances_of, likeliest_of, measure, value_at

ROOM = 1 << 22  # so many chances are kept, at most, until they are measured


class Predictor(Protocol):
    """One that predicts what a network predicts, while pictures come to be."""

    def begin_row(self, above: Tensor | None, given: bool) -> None:
        """The next row begins; `above` is the row that is complete now, (B, W, C), or None before the first. A row that
        is given is not asked about."""

    def predict(self, x: int, c: int) -> Tensor:
        """The logits of channel c of place x of this row, (B, L), when all before it have been taken."""

    def take(self, x: int, c: int, values: Tensor) -> None:
        """The values (B, 1) of channel c of place x, now that they are known."""


class Plain:
    """Asks the whole network for every value: the definition of what a faster one predicts."""

    def __init__(self, logits: Callable[[Tensor, int, int], Tensor], request: Request, width: int):
        """`logits`: of the values so far (B, N, C), at a place and a channel → (B, L)."""
        self._logits, self._width, self._start = logits, width, -width
        self._values = torch.zeros_like(request.uniforms, dtype=torch.long)

    def begin_row(self, above: Tensor | None, given: bool) -> None:
        if above is not None:
            self._values[:, self._start : self._start + self._width] = above
        self._start += self._width

    def predict(self, x: int, c: int) -> Tensor:
        return self._logits(self._values, self._start + x, c)

    def take(self, x: int, c: int, values: Tensor) -> None:
        self._values[:, self._start + x, c] = values[:, 0]

    def reorder(self, parents: Tensor) -> None:
        self._values = self._values[parents]


def draw_rows(
    predictor: Predictor, request: Request, width: int, levels: int, like: Tensor, captured: bool
) -> Iterator[Drawn]:
    """Draw pictures so wide, yielding a step whenever `request.every` places are done, and at the end of a row. A row
    that is given as a whole is one step. `levels` is L, and chances are numbers `like` these; with `captured`, the work
    of a predictor that keeps all it has in one place is captured where there is a GPU. `request` lies there."""
    row = Row(request, width, levels, like)
    draw_place: Callable[[int], None] = partial(row.draw_place, predictor)
    if captured:
        draw_place = graphed(draw_place, like.device)
    for y in range(request.uniforms.shape[1] // width):
        is_given = row.given_at(y)
        with torch.inference_mode():
            predictor.begin_row(row.above(), is_given)
        row.begin(y, is_given)
        step = width if is_given else request.every
        for x0 in range(0, width, step):
            x1 = min(x0 + step, width)
            if not is_given:
                with torch.inference_mode():
                    row.draw_places(x0, x1, draw_place)
            yield row.drawn(x0, x1)


class Row:
    """The row that is being drawn. Places and channels come first in its buffers, so that a place's lie together."""

    def __init__(self, request: Request, width: int, levels: int, like: Tensor):
        self.request, self.width = request, width
        self.y, self.is_given = -1, False
        (B, _, C), L, W = request.uniforms.shape, levels, width
        self.uniforms = torch.zeros(W, C, B, 1, dtype=like.dtype, device=like.device)
        self.values = torch.zeros(W, C, B, 1, dtype=torch.long, device=like.device)
        self.given, self.keep = torch.zeros_like(self.values), torch.zeros_like(self.values, dtype=torch.bool)
        self.slots = max(1, min(W, ROOM // (C * B * L))) if request.measured else 1  # places of `chances`
        self.chances = torch.zeros(self.slots, C, B, L, dtype=like.dtype, device=like.device)
        self.measured: list[tuple[Tensor, Tensor]] = []  # pieces of a step: entropy and surprise, (B, k) each
        self.watched: list[Tensor] = []  # the chances of the watched picture, (k, C, L)

    def above(self) -> Tensor | None:
        """The row before the one that begins: (B, W, C)."""
        return None if self.y < 0 else self.values[..., 0].permute(2, 0, 1)

    def given_at(self, y: int) -> bool:
        """Whether all of a row is given in all pictures."""
        r = self.request
        if r.given is None or r.keep is None:
            return False
        return bool(r.keep[:, y * self.width : (y + 1) * self.width].all())

    def begin(self, y: int, is_given: bool) -> None:
        self.y, self.is_given, r = y, is_given, self.request
        row = slice(y * self.width, (y + 1) * self.width)
        self.uniforms.copy_(r.uniforms[:, row].permute(1, 2, 0)[..., None])
        if r.given is not None and r.keep is not None:
            self.given.copy_(r.given[:, row].permute(1, 2, 0)[..., None])
            self.keep.copy_(r.keep[:, row].T[:, None, :, None])
            if is_given:
                self.values.copy_(self.given)

    def draw_places(self, x0: int, x1: int, draw_place: Callable[[int], None]) -> None:
        """Places x0 … x1 - 1, measured together as far as there are slots."""
        start = x0
        for x in range(x0, x1):
            draw_place(x)
            if self.request.measured and ((x + 1) % self.slots == 0 or x + 1 == x1):
                self._measure(start, x + 1)
                start = x + 1

    def draw_place(self, predictor: Predictor, x: int) -> None:
        r = self.request
        chances = self.chances[x % self.slots]  # (C, B, L)
        for c in range(len(chances)):
            logits = predictor.predict(x, c)
            chances_of(logits, r.temperature, r.top_k, r.top_p, out=chances[c])
            values = value_at(chances[c], self.uniforms[x, c])  # (B, 1)
            if r.keep is not None:
                values = torch.where(self.keep[x, c], self.given[x, c], values)
            self.values[x, c] = values
            predictor.take(x, c, values)

    def _measure(self, x0: int, x1: int) -> None:
        slot = x0 % self.slots
        chances = self.chances[slot : slot + x1 - x0].permute(2, 0, 1, 3)  # (B, k, C, L)
        self.measured.append(measure(chances, self._values(x0, x1)))
        if self.request.watched is not None:
            self.watched.append(chances[self.request.watched].clone())

    def _values(self, x0: int, x1: int) -> Tensor:
        return self.values[x0:x1, ..., 0].permute(2, 0, 1)  # (B, k, C)

    def drawn(self, x0: int, x1: int) -> Drawn:
        """What was drawn of places x0 … x1 - 1, in memory of its own."""
        start, values = self.y * self.width, self._values(x0, x1).clone()
        if self.is_given or not self.request.measured:
            return Drawn(start + x0, start + x1, values)
        entropy, surprise = (torch.cat(pieces, dim=1) for pieces in zip(*self.measured, strict=True))
        likeliest = likeliest_of(torch.cat(self.watched)) if self.watched else None
        self.measured, self.watched = [], []
        return Drawn(start + x0, start + x1, values, entropy, surprise, likeliest)
