"""Every control of training a token transformer: those of the network, those of any training, and its own."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control
from ...models.cascades.shape import TokensShape
from ..training.controls import TrainControls


@dataclass(frozen=True)
class TokensControls(TrainControls, TokensShape):
    # fmt: off
    codes: str = control(
        "", label="Codes",
        help="The model that turns pictures into tokens: a file, a run or model:NAME; empty for the one that has "
        "encoded the data set.",
        group="Tokens",
    )
    stage: int = control(
        0, label="Stage", help="Which stage of that model it draws; 0 is the coarsest.", low=0, high=15, group="Tokens",
    )
    labelled: bool = control(
        True, label="Labels", help="Learn what belongs to which class, so that a class can be asked for.",
        group="Learning",
    )
    optimizer: str = control(
        "muon", label="Optimizer", help="Muon for the matrices inside and AdamW for the rest, or AdamW for all.",
        choices=("muon", "adamw"), group="Learning", advanced=True,
    )
    # fmt: on
