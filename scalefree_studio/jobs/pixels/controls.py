"""Every control of training a pixel transformer: those of the network, those of any training, and its own."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control
from ...data.tokens import spec_of
from ...models.pixels.shape import PixelsShape
from ..training.controls import TrainControls


@dataclass(frozen=True)
class PixelsControls(TrainControls, PixelsShape):
    # fmt: off
    tokens: str = control(
        "grey:4", label="Tokens",
        help="How a pixel becomes a token: hsv:5,4,4, rgb:3,3,2, grey:4, palette:512 or exact.",
        read=spec_of, group="Pictures",
    )
    palette: str = control("", label="Palette", help="The colours of a learned palette.", group="Pictures")
    labelled: bool = control(
        True, label="Labels", help="Learn which pictures belong to which class, so that you can ask for a "
        "class.",
        group="Learning",
    )
    optimizer: str = control(
        "muon", label="Optimizer", help="Muon for the matrices inside and AdamW for the rest, or AdamW for all.",
        choices=("muon", "adamw"), group="Learning", advanced=True,
    )
    # fmt: on
