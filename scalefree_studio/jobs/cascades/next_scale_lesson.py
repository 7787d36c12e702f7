"""What a next-scale network learns: the tokens of a residual codebook, all of a scale at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...controls import ControlError, edited, part_of
from ...data.examples import Batch
from ...models.cascades.next_scale import NextScale
from ...models.cascades.next_scale_shape import NextScaleShape
from ..encoding import joined
from ..training.lesson import Inputs, Moment
from ..training.trainer import to_device
from .codec_lesson import CodecControls, CodecLesson
from .next_scale_wall import NextScaleWall


@dataclass(frozen=True)
class NextScaleControls(CodecControls, NextScaleShape):
    pass


class NextScaleLesson(CodecLesson[NextScaleControls, NextScale]):
    kind = "next-scale"
    title = "Next-scale transformer"
    summary = "a transformer that draws all tokens of a scale at once, from coarse to fine"
    controls = NextScaleControls
    settled = ("grids", "vector", "classes")
    advice = "use a smaller batch or a narrower network"

    def fitted(self, controls: NextScaleControls) -> NextScaleControls:
        grids = self.grids(controls)
        if not self.codec(controls).adds or len({grid.codes for grid in grids}) > 1:
            raise ControlError(
                "A next-scale network draws scales that add up, with the same codes: those of a VQ-VAE with scales."
            )
        width = self.codec(controls).vectors().shape[1]
        return edited(controls, {**self.known(controls), "vector": width})

    @classmethod
    def network(cls, controls: NextScaleControls) -> NextScale:
        return NextScale(part_of(NextScaleShape, controls))

    def begin_step(self, network: NextScale, controls: NextScaleControls, moment: Moment) -> None:
        """Before every step, as a network that is gone back to may not know them yet."""
        network.know(torch.from_numpy(self.codec(controls).vectors()))

    def follow(self, network: NextScale, controls: NextScaleControls) -> None:
        network.set_dropout(controls.dropout)

    def inputs(self, batch: Batch, controls: NextScaleControls) -> Inputs:
        values = torch.from_numpy(joined(self.tokens(batch, controls)))  # (B, T)
        return values, torch.from_numpy(batch.labels) if controls.classes else None

    @classmethod
    def surprise(cls, network: NextScale, tokens: Tensor, labels: Tensor | None) -> Tensor:
        """-log of the chance that the network gave each token, in nats: (B, T)."""
        logits = network(tokens, labels)  # (B, T, K)
        return F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").view(tokens.shape)

    def loss(self, network: NextScale, *inputs: Tensor | None) -> Tensor:
        tokens, labels = inputs
        assert tokens is not None
        return self.surprise(network, tokens, labels).mean()

    def display(self, controls: NextScaleControls, device: torch.device) -> NextScaleWall:
        def surprise(network: NextScale, batch: Batch) -> Tensor:
            tokens, labels = to_device(self.inputs(batch, controls), device)
            assert tokens is not None
            return self.surprise(network, tokens, labels)

        codec = self.codec(controls)
        return NextScaleWall(self.dataset, codec, self.size, controls.classes, controls.seed, surprise)
