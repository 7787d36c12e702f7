"""Every control of training an autoencoder or a VQ-VAE: those of the network, those of any training, and its own."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control
from ...models.codebooks.autoencoder import AutoencoderShape
from ...models.codebooks.quantiser import QuantiserShape
from ..training.controls import TrainControls


@dataclass(frozen=True)
class AutoencoderControls(TrainControls, AutoencoderShape):
    # fmt: off
    batch_size: int = control(
        64, label="Batch", help="How many pictures a step learns from.",
        low=1, high=4096, scale="log", group="Learning", unit="pictures",
    )
    # fmt: on


@dataclass(frozen=True)
class VQVAEControls(AutoencoderControls, QuantiserShape):
    # fmt: off
    codes_from: int = control(
        40, label="Codes from step",
        help="Until this step it learns without codes; they then start where its numbers are, so that few "
        "are lost. In a short run they "
        "start after a tenth of it.",
        low=0, high=100_000, group="Codes", unit="steps", advanced=True,
    )
    adversarial: float = control(
        0.0, label="Adversarial",
        help="How much an opponent, which tells real patches from generated ones, sharpens pictures; 0 "
        "for none.",
        low=0.0, high=10.0, group="Learning", advanced=True,
    )
    adversarial_from: float = control(
        0.3, label="Adversarial from", help="The opponent begins after this share of the run.",
        low=0.0, high=1.0, live=True, group="Learning", unit="×", advanced=True,
    )
    # fmt: on
