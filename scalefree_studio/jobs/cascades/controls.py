"""Every control of training a token transformer: those of the network, those of any training, and its own."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control
from ...models.cascades.shape import TokensShape
from .codec_lesson import CodecControls


@dataclass(frozen=True)
class TokensControls(CodecControls, TokensShape):
    # fmt: off
    stage: int = control(
        0, label="Stage", help="Which stage of that model it draws; 0 is the coarsest.", low=0, high=15, group="Tokens",
    )
    # fmt: on
