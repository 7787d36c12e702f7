"""A model with codes, to paint with: it draws each code as often as it was used while it learned, whatever lies beside
it, and shows what the decoder makes of them. What a person gives or paints is where the pictures come from.

B pictures of N tokens in all stages, h × w pixels; K codes of a stage, L the most of any.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.pictures import fitted
from ...errors import UserError
from ...models.ordered.request import Drawn, Request, chances_of, likeliest_of, measure, value_at
from ...snapshot import Array, Bytes, Checkpoint
from ..codec import Codec
from ..drawing.layout import Layout
from ..drawing.sampler import Sampler, Stage
from ..instruments import codec_of


class CodesSampler(Sampler):
    """Of a codec whose stages add up, all stages; else the last one, which says all that the others do."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: str = "cpu",
        size: tuple[int, int] | None = None,
        cached: bool = True,
    ):
        """`size` (h, w) is that of pictures, as the model learned it where it is not named; `cached` means nothing."""
        self.codec: Codec = codec_of(checkpoint, device)
        self.kind, self.device = checkpoint.kind, torch.device(device)
        self._about, self._model = dict(checkpoint.about), checkpoint.model
        try:
            self.pixels = _pair(size or checkpoint.about.get("size") or self.codec.size)
        except (TypeError, ValueError, IndexError):
            raise UserError("The model does not say what it draws; it is damaged.") from None
        grids = self.codec.grids(self.pixels)
        self._first = 0 if self.codec.adds else len(grids) - 1
        self._all = [(grid.rows, grid.columns) for grid in grids]
        drawn = grids[self._first :]
        self._stages = [Stage((g.rows, g.columns), np.arange(g.count), g.codes) for g in drawn]
        self.size, self.levels = self._stages[-1].size, max(stage.levels for stage in self._stages)
        self.dimensions = self.pixels[0] * self.pixels[1] * self.codec.channels
        self.layout = Layout(self._stages)
        self._logits = [self._logits_of(stage) for stage in range(len(self._stages))]  # (K,) a stage
        # What was decoded last, by the stage that it goes to: values, drawn, pictures.
        self._seen: dict[int, tuple[Array, Array, Bytes]] = {}

    def _logits_of(self, stage: int) -> Tensor:
        used = np.asarray(self.codec.usage(self._first + stage), np.float64)
        known = np.isfinite(used).all() and (used >= 0).all() and used.sum() > 0
        shares = used / used.sum() if known else np.full(len(used), 1 / len(used))
        return torch.from_numpy(shares).to(self.device, torch.float32).log()

    @property
    def stages(self) -> Sequence[Stage]:
        return self._stages

    # Chances, which are those of no neighbour.

    def _chances(self, request: Request, start: int, stop: int) -> Tensor:
        """At some places of one stage: (B, k, 1, K)."""
        stage = int(np.searchsorted(self.layout.starts, start, side="right")) - 1
        B = len(request.uniforms)
        logits = self._logits[stage].expand(B, stop - start, 1, -1)
        return chances_of(logits, request.temperature, request.top_k, request.top_p)

    def draw(self, request: Request) -> Iterator[Drawn]:
        N, n = request.uniforms.shape[1], 0
        while n < N:
            stop = min(n + request.every, self.layout.row_at(n)[1])
            chances = self._chances(request, n, stop)  # (B, k, 1, K)
            values = value_at(chances, request.uniforms[:, n:stop, :, None])[..., 0]  # (B, k, 1)
            if request.keep is not None and request.given is not None:
                values = torch.where(request.keep[:, n:stop, None], request.given[:, n:stop], values)
            if request.measured:
                watched = None if request.watched is None else likeliest_of(chances[request.watched])
                yield Drawn(n, stop, values, *measure(chances, values), watched)
            else:
                yield Drawn(n, stop, values)
            n = stop

    def chances(self, request: Request, values: Tensor) -> Tensor:
        found = torch.zeros(*values.shape, self.levels, device=values.device)  # (B, N, 1, L)
        for start, stop in itertools.pairwise(self.layout.starts.tolist()):
            chances = self._chances(request, start, stop)
            found[:, start:stop, :, : chances.shape[-1]] = chances
        return found

    # What it looks like.

    def looks(self, stage: int = 0) -> Mapping[str, Array]:
        number = self._first + stage
        return {
            "tiles": self.codec.tiles(number),
            "arranged": np.array(self.codec.arrangement(number)),
            "reach": np.array([0, 0]),  # no place sees another
        }

    def values_of(self, pixels: Array, stage: int = 0) -> Array:
        picture = fitted(pixels, self.pixels, self.codec.channels)[None]  # (1, h, w, C)
        values: Array = self.codec.encode(picture)[self._first + stage][0][..., None]
        return values

    def decode(self, values: Array, drawn: Array) -> Bytes | None:
        """Only what has changed since the last time is decoded: a stroke of a brush changes one picture of many."""
        values, drawn = np.asarray(values), np.asarray(drawn, bool)
        new = np.arange(len(values))
        pictures = np.empty((len(values), *self.pixels, 3), np.uint8)
        there = np.flatnonzero(drawn.reshape(len(drawn), -1).any(0))
        last = int(np.searchsorted(self.layout.starts, there.max(initial=0), side="right"))
        if last in self._seen and self._seen[last][0].shape == values.shape:
            before, reached, shown = self._seen[last]
            flat = len(values), -1
            other = (before != values).reshape(flat).any(1) | (reached != drawn).reshape(flat).any(1)
            new, pictures = np.flatnonzero(other), shown.copy()
        if len(new):
            pictures[new] = self._decoded(values[new], drawn[new])
        self._seen[last] = values.copy(), drawn.copy(), pictures
        return pictures

    def _decoded(self, values: Any, drawn: Any) -> Bytes:
        """Of values (b, H, W, 1) or (b, N, 1) by place, and which of them are drawn."""
        b = len(values)
        tokens = [
            np.zeros((b, *size), np.int64) for size in self._all
        ]  # stages that are not drawn stay empty
        there = [np.zeros((b, *size), bool) for size in self._all]
        values, drawn = values.reshape(b, -1), drawn.reshape(b, -1)
        for n, (start, stop) in enumerate(itertools.pairwise(self.layout.starts.tolist())):
            size = (b, *self._stages[n].size)
            tokens[self._first + n] = values[:, start:stop].reshape(size).astype(np.int64)
            there[self._first + n] = drawn[:, start:stop].reshape(size)
        pictures = np.asarray(self.codec.decode(tokens, there), np.uint8)
        return np.broadcast_to(pictures, (*pictures.shape[:3], 3))

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return {**self._about, "size": list(self.pixels)}, self._model


def _pair(size: Any) -> tuple[int, int]:
    height, width = int(size[0]), int(size[1])
    if min(height, width) < 1:
        raise UserError(f"Pictures have a height and a width of at least 1, not {(height, width)}.")
    return height, width
