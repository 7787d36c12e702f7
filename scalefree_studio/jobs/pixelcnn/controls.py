"""Every control of training a PixelCNN: those of the network, those of any training, and one of its own."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control
from ...models.pixelcnn.network import PixelCNNShape
from ..training.controls import TrainControls


@dataclass(frozen=True)
class PixelCNNControls(TrainControls, PixelCNNShape):
    # fmt: off
    labelled: bool = control(
        True, label="Labels", help="Learn which pictures belong to which class, so that you can ask for a "
        "class.",
        group="Learning",
    )
    # fmt: on
