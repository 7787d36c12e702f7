"""What a next-scale network is made of: every field is a control."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ...controls import control
from .shape import DrawerShape, TokenGrid, grids_of, read_grids


@dataclass(frozen=True)
class NextScaleShape(DrawerShape):
    """Every field but dropout starts over. The vector, too, is what the model of the codes decides."""

    # fmt: off
    grids: str = control(
        "1x1x512 2x2x512 4x4x512", label="Grids",
        help="Rows, columns and codes of every scale, such as 1x1x512 2x2x512 4x4x512; all share their codes.",
        read=read_grids, wants="rows, columns and codes of each scale, such as 1x1x512 2x2x512", group="Tokens",
    )
    vector: int = control(
        16, label="Vector", help="How many numbers each code is in its codebook.", low=1, high=65_536, scale="log",
        group="Tokens",
    )
    # fmt: on

    @property
    def scales(self) -> tuple[TokenGrid, ...]:
        """The coarsest first."""
        return grids_of(self.grids)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where the tokens of each scale begin among those of all, and where the last ones end: (S + 1)."""
        return (0, *itertools.accumulate(scale.count for scale in self.scales))

    @property
    def count(self) -> int:
        """Tokens of all scales."""
        return self.starts[-1]

    @property
    def choices(self) -> int:
        """How many codes there are to choose from: all scales share them."""
        return self.scales[-1].codes

    @property
    def head(self) -> int:
        """Numbers of a head: those of all heads are the width, or a little more where they do not divide it."""
        return -(-self.width // self.heads)
