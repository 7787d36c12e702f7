"""A trained PixelCNN as a sampler: what a drawing needs of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.pictures import fitted
from ...data.quantise import dequantise, quantise
from ...errors import UserError
from ...models.ordered.request import Drawn, Request, chances_of
from ...models.pixelcnn.draw import draw
from ...snapshot import Array, Checkpoint
from ..drawing.sampler import Sampler
from ..training.learnt import shape_learnt
from .lesson import PixelCNNLesson

SAVED = ("controls", "dataset", "classes", "best")  # of its checkpoint, what is needed or worth knowing


class PixelCNNSampler(Sampler):
    kind = PixelCNNLesson.kind

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: str = "cpu",
        size: tuple[int, int] | None = None,
        cached: bool = True,
    ):
        """`size` (H, W) may be any, and is the one learnt where it is not named; without `cached`, the whole network is
        asked for every number."""
        height, width, _ = shape_learnt(checkpoint)
        self.network = PixelCNNLesson.read_network(checkpoint).to(device)
        self.device, self._cached = torch.device(device), cached
        shape = self.network.shape
        self.channels, self.levels, self.reach = shape.channels, shape.levels, shape.reach
        self._about = {name: checkpoint.about.get(name) for name in SAVED}
        self._model = checkpoint.model
        try:
            drawn = size or checkpoint.about.get("size") or (height, width)
            self.size = int(drawn[0]), int(drawn[1])
            classes = [str(name) for name in self._about["classes"] or []]
        except (TypeError, ValueError, IndexError):
            raise UserError("The model does not say what it draws; it is damaged.") from None
        if min(self.size) < 1 or (shape.classes and len(classes) != shape.classes):
            raise UserError("The model does not say what it draws; it is damaged.")
        self.classes: Sequence[str] = classes if shape.classes else ()

    def draw(self, request: Request) -> Iterator[Drawn]:
        return draw(self.network, request, self.size[1], self._cached)

    @torch.inference_mode()
    def chances(self, request: Request, values: Tensor) -> Tensor:
        B, N, C = values.shape
        picture = self.network.scaled(values).view(B, *self.size, C)
        logits = self.network.logits(self.network(picture, request.labels))  # (B, H, W, C, L)
        return chances_of(logits, request.temperature, request.top_k, request.top_p).view(B, N, C, -1)

    def looks(self, stage: int = 0) -> Mapping[str, Array]:
        ramp = dequantise(np.arange(self.levels), self.levels)  # (L,)
        tiles = np.repeat(ramp, 3).reshape(-1, 1, 1, 3)  # a pixel each
        look = {"tiles": tiles} if self.channels == 1 else {"ramp": ramp}
        return {**look, "reach": np.array(self.reach)}

    def values_of(self, pixels: Array, stage: int = 0) -> Array:
        return quantise(fitted(pixels, self.size, self.channels), self.levels)

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return {**self._about, "size": list(self.size)}, self._model
