"""A model with codes, to paint with: it draws each code as often as it was used while it learned, whatever lies beside
it, and shows what the decoder makes of them. What a person gives or paints is where the pictures come from.

B pictures of N tokens in all stages, h × w pixels; K codes of a stage, L the most of any.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import UserError
from ...models.ordered.request import Drawn, Request, chances_of, likeliest_of, measure, value_at
from ...snapshot import Array, Checkpoint
from ..drawing.codec_sampler import CodecSampler
from ..drawing.layout import Layout
from ..instruments import codec_of


class CodesSampler(CodecSampler):
    """Of a codec whose stages add up, all stages; else the last one, which says all that the others do."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: str = "cpu",
        size: tuple[int, int] | None = None,
        cached: bool = True,
    ):
        """`size` (h, w) is that of pictures, as the model learned it where it is not named; `cached` means nothing."""
        codec = codec_of(checkpoint, device)
        try:
            pixels = _pair(size or checkpoint.about.get("size") or codec.size)
        except (TypeError, ValueError, IndexError):
            raise UserError("The model does not say what it draws; it is damaged.") from None
        super().__init__(codec, pixels, first=0 if codec.adds else len(codec.grids(pixels)) - 1)
        self.kind, self._about, self._model = checkpoint.kind, dict(checkpoint.about), checkpoint.model
        self.layout = Layout(self._stages)
        self._logits = [self._logits_of(stage) for stage in range(len(self._stages))]  # (K,) a stage

    def _logits_of(self, stage: int) -> Tensor:
        used = np.asarray(self.codec.usage(self.first + stage), np.float64)
        known = np.isfinite(used).all() and (used >= 0).all() and used.sum() > 0
        shares = used / used.sum() if known else np.full(len(used), 1 / len(used))
        return torch.from_numpy(shares).to(self.device, torch.float32).log()

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
        number = self.first + stage
        return {
            "tiles": self.codec.tiles(number),
            "arranged": np.array(self.codec.arrangement(number)),
            "reach": np.array([0, 0]),  # no place sees another
        }

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return {**self._about, "size": list(self.pixels)}, self._model


def _pair(size: Any) -> tuple[int, int]:
    height, width = int(size[0]), int(size[1])
    if min(height, width) < 1:
        raise UserError(f"Pictures have a height and a width of at least 1, not {(height, width)}.")
    return height, width
