"""One picture in tokens: what it looks like then, and how much of it is left."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..snapshot import Bytes
from .palettes import learn_palette
from .prepare import prepared
from .sources import Size
from .tokens import Numbers, Tokens, palette_size, tokens_of

# Shown side by side.
KINDS = ("exact", "hsv:5,4,4", "hsv:4,3,3", "rgb:3,3,2", "grey:4", "palette:512", "palette:16")


@dataclass(frozen=True, eq=False)
class Quantised:
    """A picture in some tokens."""

    tokens: Tokens
    numbers: Numbers  # (H, W, tokens a place)
    pixels: Bytes  # (H, W, 3), the picture that they are
    psnr: float  # in dB, against the picture before; infinite where nothing is lost

    @property
    def colours(self) -> int:
        """How many different ones there could be."""
        return int(self.tokens.count**self.tokens.channels)

    @property
    def used(self) -> int:
        """How many different ones there are."""
        return len(np.unique(self.pixels.reshape(-1, 3), axis=0))

    @property
    def bits(self) -> float:
        """Of a pixel, if every colour were as likely."""
        return math.log2(self.colours)

    def facts(self) -> tuple[str, str]:
        """What is left of the picture, and what it costs, in words."""
        left = "nothing lost" if math.isinf(self.psnr) else f"{self.psnr:.1f} dB"
        return f"{left}, {self.bits:.3g} bits per pixel", f"{self.used:,} of {self.colours:,} colours"


class Quantiser:
    """A picture (h, w, 3) that can be had in any tokens; a palette is learned from the picture itself, once."""

    def __init__(self, pixels: Bytes) -> None:
        self._pixels = pixels
        self._tokens: dict[str, Tokens] = {}

    def resized(self, size: Size) -> Bytes:
        """Its middle in that shape and size (H, W, 3), as data sets have it."""
        return prepared(Image.fromarray(self._pixels), size, 3)

    def quantised(self, size: Size, spec: str) -> Quantised:
        """In that size, in these tokens."""
        picture, tokens = self.resized(size), self._tokens_of(spec)
        numbers = tokens.encode(picture)
        back = np.broadcast_to(tokens.decode(numbers), picture.shape)
        error = float(np.mean((picture.astype(float) - back) ** 2))
        return Quantised(tokens, numbers, back, 10 * math.log10(255**2 / error) if error else math.inf)

    def _tokens_of(self, spec: str) -> Tokens:
        if spec not in self._tokens:
            most = palette_size(spec)
            self._tokens[spec] = tokens_of(spec, learn_palette(self._pixels, most) if most else "")
        return self._tokens[spec]
