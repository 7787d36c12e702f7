"""What a gated PixelCNN learns: pictures, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...controls import part_of
from ...models.ordered.request import Drawn, Request
from ...models.pixelcnn.draw import draw
from ...models.pixelcnn.network import PixelCNN, PixelCNNShape, count_numbers
from ..training.foresight import weights_and_kept
from ..training.picture_lesson import Order, PictureLesson
from .controls import PixelCNNControls

WORTH_A_LOOK = 10**8  # numbers of all layers, of a batch or of the weights: below, any machine has room


class PixelCNNLesson(PictureLesson[PixelCNNControls, PixelCNN]):
    kind = "pixelcnn"
    title = "PixelCNN"
    summary = "a gated convolutional network that draws pictures pixel by pixel"
    controls = PixelCNNControls
    advice = "use a smaller batch or fewer maps"

    @classmethod
    def network(cls, controls: PixelCNNControls) -> PixelCNN:
        return PixelCNN(part_of(PixelCNNShape, controls))

    def bytes_needed(self, controls: PixelCNNControls) -> int:
        """By two networks of few layers: every further layer takes as much as the one between them, and every picture
        of a batch as much as the first."""
        rows, columns, _ = self.dataset.shape
        maps, layers, batch = controls.hidden_maps, controls.hidden_layers, controls.batch_size
        if layers * maps * max(maps, batch * rows * columns) < WORTH_A_LOOK:
            return 0
        one, two = (self._measured(replace(controls, hidden_layers=n)) for n in (1, 2))
        fixed, each = (least + (layers - 1) * (more - least) for least, more in zip(one, two, strict=True))
        return fixed + batch * each

    def _measured(self, controls: PixelCNNControls) -> tuple[int, int]:
        """What a network and its step take whatever the batch, and what each picture of it takes."""
        random = torch.get_rng_state()
        network, train = self.network(controls).train(), self.dataset.train
        kept = []
        for count in (1, 2):
            inputs = self.inputs(train.take(np.arange(count) % len(train)), controls)
            weights, some = weights_and_kept(network, lambda inputs=inputs: self.loss(network, *inputs))  # type: ignore[misc]
            kept.append(some)
        torch.set_rng_state(random)
        each = kept[1] - kept[0]
        return weights + kept[0] - each, each

    def follow(self, network: PixelCNN, controls: PixelCNNControls) -> None:
        network.dropout = controls.dropout

    @classmethod
    def logits(cls, network: PixelCNN, values: Tensor, labels: Tensor | None) -> Tensor:
        return network.logits(network(network.scaled(values), labels))

    @classmethod
    def surprise(cls, network: PixelCNN, values: Tensor, labels: Tensor | None) -> Tensor:
        return network.surprise(values, labels)

    @classmethod
    def draw(
        cls, network: PixelCNN, request: Request, width: int, cached: bool = True, order: Order | None = None
    ) -> Iterator[Drawn]:
        return draw(network, request, width, cached)

    @classmethod
    def reach(cls, network: PixelCNN) -> tuple[int, int]:
        return network.shape.reach

    @classmethod
    def count_numbers(cls, network: PixelCNN) -> int:
        return count_numbers(network)
