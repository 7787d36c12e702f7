"""What a token transformer is made of: every field is a control.

A picture is tokens in one stage or several, the coarsest first: grids of R × W tokens, each of which is one of K codes.
A token transformer draws the last of the stages that it knows, given all others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...controls import control

# Held-out nats a token of digits, 7×7 k-means patches, 2 layers of 32 and a radius of 2, after 300 steps (two seeds):
#             rotary        both          learned       modulation
# base        1.211 1.209   1.244 1.252   1.291 1.293   1.292 1.311
# refiner     1.091 1.120   1.074 1.134   1.273 1.270   1.266 1.289   (of 4×4)
POSITIONS = ("rotary", "learned", "modulation", "both")


@dataclass(frozen=True)
class TokenGrid:
    """The tokens of a picture in one stage."""

    rows: int
    columns: int
    codes: int  # how many there are to choose from

    @property
    def size(self) -> tuple[int, int]:
        return self.rows, self.columns

    @property
    def count(self) -> int:
        return self.rows * self.columns


def grids_of(text: str) -> tuple[TokenGrid, ...]:
    """ "4x4x64 8x8x512": rows, columns and codes of each stage, the coarsest first; or a ValueError."""
    grids = tuple(TokenGrid(*map(int, part.split("x"))) for part in text.split())
    if not grids or min(min(g.rows, g.columns, g.codes) for g in grids) < 1:
        raise ValueError(f"no grids: {text!r}")
    return grids


def named(grids: tuple[TokenGrid, ...]) -> str:
    """The opposite."""
    return " ".join(f"{g.rows}x{g.columns}x{g.codes}" for g in grids)


def read_grids(text: str) -> str:
    try:
        return named(grids_of(str(text)))
    except (TypeError, ValueError):
        raise ValueError from None


@dataclass(frozen=True)
class DrawerShape:
    """What all networks that draw tokens are made of. The first two are what the pictures and the model of their codes
    decide."""

    # fmt: off
    grids: str = control(
        "8x8x512", label="Grids",
        help="Rows, columns and codes of each stage, up to the one that is drawn, such as 4x4x64 8x8x512.",
        read=read_grids, wants="rows, columns and codes of each stage, such as 4x4x64 8x8x512", group="Tokens",
    )
    classes: int = control(
        0, label="Classes", help="How many labels pictures come with; 0 learns without labels.",
        low=0, high=100_000, group="Tokens",
    )
    layers: int = control(
        4, label="Layers", help="How many blocks, each of attention and a small network, follow one another.",
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


@dataclass(frozen=True)
class TokensShape(DrawerShape):
    """Every field but dropout and checkpointing starts over."""

    # fmt: off
    grids: str = control(
        "8x8x512", label="Grids",
        help="Rows, columns and codes of each stage, up to the one that is drawn, such as 4x4x64 8x8x512.",
        read=read_grids, wants="rows, columns and codes of each stage, such as 4x4x64 8x8x512", group="Tokens",
    )
    encoder_layers: int = control(
        2, label="Encoder layers", help="How many blocks read the coarser stages, where there are any.",
        low=0, high=64, group="Network",
    )
    radius: int = control(
        0, label="Radius", help="How far a token sees, in tokens up and to each side; 0 means everything "
        "before it.",
        low=0, high=64, group="Network",
    )
    coarser_radius: int = control(
        0, label="Coarser radius",
        help="How far a token sees coarser stages, in its own tokens around it; 0 means all of them.",
        low=0, high=64, group="Network", advanced=True,
    )
    positions: str = control(
        "rotary", label="Positions",
        help="How the network knows where a token is: by rotated attention, by learned rows and columns, by "
        "scaling and shifting each layer (modulation), or by rotation and modulation both.",
        choices=POSITIONS, group="Network", advanced=True,
    )
    checkpointing: bool = control(
        False, label="Checkpointing",
        help="Recompute the inside of blocks for the gradients: less memory, a third more time.",
        live=True, group="Network", advanced=True,
    )
    # fmt: on

    @property
    def stages(self) -> tuple[TokenGrid, ...]:
        """All that it knows."""
        return grids_of(self.grids)

    @property
    def own(self) -> TokenGrid:
        """The one that it draws."""
        return self.stages[-1]

    @property
    def coarser(self) -> tuple[TokenGrid, ...]:
        return self.stages[:-1]

    @property
    def whole(self) -> TokenGrid | None:
        """The one coarser stage of one token for the whole picture: it is a condition, as a class is, and not read."""
        return self.coarser[0] if len(self.coarser) == 1 and self.coarser[0].count == 1 else None

    @property
    def read(self) -> tuple[TokenGrid, ...]:
        """The coarser stages that an encoder reads."""
        return () if self.whole else self.coarser

    @property
    def head(self) -> int:
        """Numbers of a head: those of all heads are the width, or a little more where they do not divide it; an even
        number, as positions turn them in pairs."""
        return 2 * math.ceil(self.width / self.heads / 2)

    @property
    def rotates(self) -> bool:
        return self.positions in ("rotary", "both")

    @property
    def modulates(self) -> bool:
        """Whether positions scale and shift what layers see."""
        return self.positions in ("modulation", "both")
