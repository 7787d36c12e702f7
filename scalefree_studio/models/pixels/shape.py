"""What a pixel transformer is made of: every field is a control."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control
from ..transformer.orders import ORDERS

PADDING, START, RESERVED = 0, 1, 2  # tokens that are no colours come before them
ATTENTIONS = ("full", "local", "lsh")


@dataclass(frozen=True)
class PixelsShape:
    """Every field but dropout starts over. The first five are what the pictures and their tokens decide."""

    # fmt: off
    rows: int = control(8, label="Rows", help="Rows of the pictures.", low=1, high=1024, group="Pictures")
    columns: int = control(8, label="Columns", help="Columns of the pictures.", low=1, high=1024, group="Pictures")
    channels: int = control(
        1, label="Tokens per pixel", help="One for a whole colour, or one for each channel.", low=1, high=3,
        group="Pictures",
    )
    colours: int = control(
        16, label="Colours", help="How many different tokens there are.", low=2, high=65_536, scale="log",
        group="Pictures",
    )
    classes: int = control(
        0, label="Classes", help="How many labels pictures come with; 0 learns without labels.",
        low=0, high=100_000, group="Pictures",
    )
    order: str = control(
        "raster", label="Order", help="The order in which pixels are drawn: by row, by column, or from the middle out.",
        choices=ORDERS, group="Pictures",
    )
    layers: int = control(
        4, label="Layers", help="How many blocks, each of attention and a small network, follow one another.",
        low=1, high=64, group="Network",
    )
    width: int = control(
        96, label="Width", help="How many numbers the network keeps about every pixel.",
        low=8, high=4096, scale="log", group="Network",
    )
    heads: int = control(
        3, label="Heads", help="How many places a layer can attend to at once; the width is shared among them.",
        low=1, high=64, group="Network",
    )
    attention: str = control(
        "full", label="Attention",
        help="What a pixel sees: all before it, those near it, or those that a hash finds alike.",
        choices=ATTENTIONS, group="Network",
    )
    radius: int = control(
        7, label="Radius", help="How far local attention sees, in pixels up and to each side.",
        low=1, high=64, group="Network",
    )
    buckets: int = control(
        16, label="Buckets", help="How many groups the hash of lsh attention sorts pixels into; an even number.",
        low=2, high=2046, scale="log", group="Network", advanced=True,
    )
    chunk: int = control(
        32, label="Chunk", help="How many pixels back a pixel sees in its bucket, with lsh attention.",
        low=1, high=4096, scale="log", group="Network", advanced=True,
    )
    rounds: int = control(
        2, label="Rounds", help="How often lsh attention hashes, each time differently.",
        low=1, high=16, group="Network", advanced=True,
    )
    reversible: bool = control(
        False, label="Reversible",
        help="Recompute layers for the gradients, so that memory does not grow with their number.",
        group="Network",
    )
    neighbours: int = control(
        2, label="Neighbours", help="Pixels this near are seen directly, without attention; 0 means only "
        "the last one.",
        low=0, high=16, group="Network", advanced=True,
    )
    positions: str = control(
        "both", label="Positions",
        help="How the network knows where a pixel is: by rotated attention, by learned rows and columns, or by both.",
        choices=("rotary", "learned", "both"), group="Network", advanced=True,
    )
    hidden: str = control(
        "relu2", label="Hidden layer", help="The small network of a block: squared ReLU, SwiGLU or GELU.",
        choices=("relu2", "swiglu", "gelu"), group="Network", advanced=True,
    )
    qk_norm: bool = control(
        True, label="Unit queries and keys", help="Queries and keys have one length, so that no score explodes.",
        group="Network", advanced=True,
    )
    zero_start: bool = control(
        True, label="Start from nothing", help="Blocks add nothing at first, and learn what to add.",
        group="Network", advanced=True,
    )
    softcap: float = control(
        0.0, label="Soft cap", help="Logits never go beyond this; 0 leaves them as they are.",
        low=0.0, high=1000.0, group="Network", advanced=True,
    )
    tied: bool = control(
        False, label="Tied colours", help="One table of colours for what is seen and what is predicted.",
        group="Network", advanced=True,
    )
    value_embeddings: bool = control(
        False, label="Value embeddings", help="Each layer has a table of colours that it adds to what it carries.",
        group="Network", advanced=True,
    )
    dropout: float = control(
        0.0, label="Dropout", help="Share of what each block adds that is left out at random while learning.",
        low=0.0, high=0.9, live=True, group="Network", advanced=True,
    )
    # fmt: on

    @property
    def head(self) -> int:
        """Numbers of a head: those of all heads are the width, or a little more where they do not divide it."""
        return -(-self.width // self.heads)

    @property
    def vocabulary(self) -> int:
        """All tokens that the network reads: the colours, and those kept for itself before them."""
        return RESERVED + self.colours
