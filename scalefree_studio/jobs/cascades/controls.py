"""Every control of training a token transformer: those of the network, those of any training, and its own."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control
from ...models.cascades.shape import TokensShape
from .codec_lesson import CodecControls


@dataclass(frozen=True)
class TokensControls(CodecControls, TokensShape):
    # fmt: off
    stage_number: int = control(
        1, label="Stage", help="Which stage of that model it draws; 1 is the coarsest.", low=1, high=16, group="Tokens",
        flag_name="stage",
    )
    # fmt: on

    @property
    def stage(self) -> int:
        """Its index, from 0."""
        return self.stage_number - 1
