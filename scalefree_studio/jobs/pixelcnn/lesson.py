"""What a gated PixelCNN learns: pictures, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ...controls import part_of
from ...models.ordered.request import Drawn, Request
from ...models.pixelcnn.draw import draw
from ...models.pixelcnn.network import PixelCNN, PixelCNNShape, count_numbers
from ..training.picture_lesson import Order, PictureLesson
from .controls import PixelCNNControls


class PixelCNNLesson(PictureLesson[PixelCNNControls, PixelCNN]):
    kind = "pixelcnn"
    title = "PixelCNN"
    summary = "a gated convolutional network that draws pictures pixel by pixel"
    controls = PixelCNNControls
    advice = "use a smaller batch or fewer maps"

    @classmethod
    def network(cls, controls: PixelCNNControls) -> PixelCNN:
        return PixelCNN(part_of(PixelCNNShape, controls))

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
