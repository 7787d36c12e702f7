"""What a next-scale network is made of: every field is a control."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ...controls import control
from .shape import TokenGrid, grids_of, read_grids


@dataclass(frozen=True)
class NextScaleShape:
    """Every field but dropout starts over. The first three are what pictures and the model of their codes decide."""

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
    classes: int = control(
        0, label="Classes", help="How many labels pictures come with; 0 learns without labels.",
        low=0, high=100_000, group="Tokens",
    )
    layers: int = control(
        4, label="Layers", help="How many blocks of attention and of a small network follow one another.",
        low=1, high=64, group="Network",
    )
    width: int = control(
        128, label="Width", help="How many numbers the network keeps about every token.",
        low=8, high=4096, scale="log", group="Network",
    )
    heads: int = control(
        4, label="Heads", help="How many places a layer can attend to at once; the width is shared among them.",
        low=1, high=64, group="Network",
    )
    hidden: str = control(
        "relu2", label="Hidden layer", help="The small network of a block: squared ReLU, SwiGLU or GELU.",
        choices=("relu2", "swiglu", "gelu"), group="Network", advanced=True,
    )
    dropout: float = control(
        0.0, label="Dropout", help="Share of what each block adds that is left out at random while learning.",
        low=0.0, high=0.9, live=True, group="Network", advanced=True,
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
