"""A wall of samples that renews itself row by row while a network goes on learning, and a look at held-out pictures
that takes a batch a step: what a training shows of itself without stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.batches import Indices
from ...data.quantise import Bytes, dequantise
from ...models.pixelcnn.draw import Drawn, Request, draw, uniforms
from ...models.pixelcnn.network import PixelCNN
from ...models.threads import torch_threads

LOOKED_AT = 512  # held-out pictures, at most, of a look while learning


class Samples:
    """`begin` takes the network as it is then; every `row` draws one more row of all pictures, over the old ones. The
    random numbers stay the same, so that what changes is what was learnt."""

    def __init__(self, count: int, shape: tuple[int, int, int], levels: int, classes: int, seed: int):
        height, width, channels = shape
        self._levels = levels
        labels = torch.arange(count) % classes if classes else None
        self._request = Request(uniforms(count, height, width, channels, seed), labels, every=width)
        self._steps: Iterator[Drawn] | None = None
        self.pictures: Bytes = np.zeros((count, height, width, channels), np.uint8)
        self.fresh = 0  # rows of the new pictures
        self.any = False  # whether there is something to see

    def restore(self, pictures: Any) -> None:
        """Show these as they were left, if they are of this kind, until others are drawn."""
        if pictures.shape == self.pictures.shape and pictures.dtype == np.uint8:
            self.pictures[:] = pictures
            self.fresh, self.any = self.pictures.shape[1], True

    def begin(self, model: PixelCNN) -> None:
        self._steps, self.fresh = draw(model, self._request), 0
        self.row()  # packs the weights as they are

    @property
    def drawing(self) -> bool:
        return self._steps is not None

    def row(self) -> None:
        """One more row, if there is one to draw."""
        if self._steps is None:
            return
        with torch_threads(1):  # its pieces are too small to share
            drawn = next(self._steps)
        self.pictures[:, self.fresh] = dequantise(drawn.levels.cpu().numpy(), self._levels)
        self.fresh += 1
        self.any = True
        if self.fresh == self.pictures.shape[1]:
            self._steps = None


class HeldOutPass:
    """The loss of a network, as it was when the look began, on held-out pictures: batch by batch."""

    def __init__(self, model: PixelCNN, weights: Mapping[str, Tensor], at: int = 0, total: float = 0.0):
        self.weights = {name: weight.clone() for name, weight in weights.items()}
        self.at, self._total = at, total
        self._model = copy.deepcopy(
            model
        ).eval()  # a new one would draw from the random numbers of the learning
        self._model.load_state_dict(self.weights, strict=False)

    @torch.no_grad()
    def loss_of(self, levels: Tensor, labels: Tensor | None) -> Tensor:
        """Of some pictures, the mean."""
        return self._model.loss(levels, labels)

    def add(self, loss: float, count: int) -> None:
        """So many pictures more, of this mean loss."""
        self._total += loss * count
        self.at += count

    @property
    def loss(self) -> float:
        """Nats per dimension, of all batches so far."""
        return self._total / self.at if self.at else math.nan

    def saved(self) -> dict[str, Any]:
        return {"at": self.at, "total": self._total}


def spread(count: int, most: int) -> Indices:
    """Which of `count` pictures stand for all: at most so many, evenly, since their order may be that of classes."""
    return np.unique(np.linspace(0, max(0, count - 1), min(count, most)).round().astype(np.int64))
