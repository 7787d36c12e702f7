"""Pictures as colour tokens, and back: a whole number for the colour of each place, or one for each of its channels.

    hsv:5,4,4    hue, saturation and value in so many bits each, packed into one number
    rgb:3,3,2    red, green and blue, likewise
    grey:4       levels of grey, as `quantise` has them
    palette:512  the nearest of so many learned colours
    exact        every byte: a token a channel; only its bits per dimension may stand beside published ones

Colours are counted from 0 here. A network's vocabulary begins with reserved tokens (padding, start), which a network
adds and takes off by itself.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..controls import ControlError
from ..snapshot import Bytes
from .colours import hsv_of, rgb_of
from .palettes import Nearest, colours_of
from .quantise import dequantise, quantise

MOST_BITS = 16  # of a token
MOST_PALETTE = 4096
KINDS = "hsv:5,4,4, rgb:3,3,2, grey:4, palette:512 or exact"

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Tokens(Protocol):
    """One way to write pictures as tokens."""

    @property
    def spec(self) -> str:
        """What finds it again, as in "hsv:5,4,4"."""

    @property
    def count(self) -> int:
        """How many different tokens there are."""

    @property
    def channels(self) -> int:
        """Tokens a place: 1, or where every channel has its own, as many as there are channels."""

    @property
    def title(self) -> str:
        """In plain words."""

    def encode(self, pictures: Bytes) -> Numbers:
        """Pictures (…, H, W, 1 or 3) as tokens (…, H, W, channels)."""

    def decode(self, tokens: npt.NDArray[np.integer]) -> Bytes:
        """Tokens (…, channels) as colours (…, 3), or (…, 1) where they are grey."""


def tokens_of(spec: str, palette: str = "", channels: int = 3) -> Tokens:
    """The tokens of that spec, or a ControlError in one sentence.

    `palette` is what `learn_palette` gives, wanted for "palette:…" only; `channels` says how many the pictures have,
    heeded by "exact" only, the others being of colours or greys whatever the pictures are.
    """
    kind, rest, numbers = _parted(spec)
    if kind == "exact" and not rest:
        return Exact(channels)
    if kind in ("hsv", "rgb") and len(numbers) == 3:
        _check_bits(spec, numbers)
        return (Hsv if kind == "hsv" else Rgb)(numbers)
    if kind == "grey" and len(numbers) == 1:
        _check_bits(spec, numbers)
        return Grey(numbers[0])
    if most := palette_size(spec):
        return Palette(most, palette)
    raise ControlError(f"Tokens are {KINDS}, not {spec!r}.")


def spec_of(text: str) -> str:
    """A spec as it was typed, if there are such tokens; else a ControlError in one sentence."""
    tokens_of(text, "000000")
    return text


def palette_size(spec: str) -> int:
    """How many colours must be learned for these tokens: 0 for most; or a ControlError in one sentence."""
    kind, _, numbers = _parted(spec)
    if kind != "palette" or len(numbers) != 1:
        return 0
    if not 2 <= numbers[0] <= MOST_PALETTE:
        raise ControlError(f"A palette has 2 to {MOST_PALETTE} colours, not {numbers[0]}.")
    return numbers[0]


def _parted(spec: str) -> tuple[str, str, tuple[int, ...]]:
    """The kind of tokens, what comes after the colon, and the numbers that this is."""
    kind, _, rest = spec.strip().lower().partition(":")
    are_numbers = re.fullmatch(r"[0-9]{1,6}(,[0-9]{1,6})*", rest)
    return kind, rest, tuple(int(n) for n in rest.split(",")) if are_numbers else ()


def _check_bits(spec: str, bits: tuple[int, ...]) -> None:
    if not all(1 <= n <= 8 for n in bits) or sum(bits) > MOST_BITS:
        raise ControlError(
            f"Tokens have 1 to 8 bits for each channel and at most {MOST_BITS} in all; {spec!r} does not fit."
        )


class _Packed:
    """Three channels, each in a depth of its own, in one whole number: the first in the lowest bits."""

    kind: str
    names: tuple[str, str, str]
    channels = 1

    def __init__(self, bits: tuple[int, ...]) -> None:
        self.bits = bits
        self.spec = f"{self.kind}:{','.join(map(str, bits))}"
        self.count = 2 ** sum(bits)
        self.title = ", ".join(f"{name} in {n} bits" for name, n in zip(self.names, bits, strict=True))

    @cached_property
    def _shifts(self) -> Numbers:
        return np.cumsum((0, *self.bits[:2]))

    @cached_property
    def _highest(self) -> Numbers:
        """The highest level of each channel."""
        return 2 ** np.array(self.bits) - 1

    def pack(self, levels: Numbers) -> Numbers:
        """Levels (…, 3) as one token (…)."""
        return np.asarray(np.bitwise_or.reduce(levels << self._shifts, axis=-1))

    def unpack(self, tokens: npt.NDArray[np.integer]) -> Numbers:
        """Tokens (…) as levels (…, 3): exactly what was packed."""
        return tokens.astype(np.int64)[..., None] >> self._shifts & self._highest

    def quantised(self, values: Floats) -> Numbers:
        """Values (…, 3) in 0 to 1 as tokens (…)."""
        return self.pack(np.rint(values * self._highest).astype(np.int64))

    def values(self, tokens: npt.NDArray[np.integer]) -> Floats:
        """Tokens (…) as values (…, 3) in 0 to 1; quantised(values(t)) is t, for every token."""
        return self.unpack(tokens) / self._highest


class Rgb(_Packed):
    """Red, green and blue. Every token comes back from its colour."""

    kind, names = "rgb", ("red", "green", "blue")

    def encode(self, pictures: Bytes) -> Numbers:
        return self.quantised(_colour(pictures) / 255)[..., None]

    def decode(self, tokens: npt.NDArray[np.integer]) -> Bytes:
        _check_tokens(tokens, self.count)
        return np.rint(self.values(tokens[..., 0]) * 255).astype(np.uint8)


class Hsv(_Packed):
    """Hue, saturation and value; encode(decode(t)) is t for every token t that some picture has.

    A hue goes from 0 to 1 and both its ends are red: so are the lowest level and the highest.
    """

    kind, names = "hsv", ("hue", "saturation", "value")

    def encode(self, pictures: Bytes) -> Numbers:
        return self.quantised(hsv_of(_colour(pictures)))[..., None]

    def decode(self, tokens: npt.NDArray[np.integer]) -> Bytes:
        _check_tokens(tokens, self.count)
        return np.asarray(_hsv_colours(self.bits)[tokens[..., 0]])


@cache
def _hsv_colours(bits: tuple[int, ...]) -> Bytes:
    """The colour (3,) of each token: in bytes its own if that gives the token again, else a near one that does.

    Dark and pale colours are so few in bytes that rounding would change the hue of many, and the highest hue itself
    is that of 0. So whatever a picture's token is, its colour has that token too. (Tokens that no bytes have, 5 % of
    hsv:5,4,4, keep their rounded colour; `values` are exact for them as well.)
    """
    every = Hsv(bits)
    tokens = np.arange(every.count)
    own = rgb_of(every.values(tokens)) * 255
    colours: Bytes = np.rint(own).astype(np.uint8)
    distances = np.where(every.encode(colours)[:, 0] == tokens, 0, np.inf)
    highest, lowest = (side.astype(np.float64) for side in np.tril_indices(256))
    chroma, value = highest - lowest, highest / 255
    saturation = chroma / np.maximum(highest, 1)
    for level in range(
        2 ** bits[0]
    ):  # of all bytes with this highest and lowest one, those nearest to the hue
        hue = np.minimum(level / (2 ** bits[0] - 1), 1 - 1 / (6 * np.maximum(chroma, 1)))
        tried = np.rint(rgb_of(np.stack([hue, saturation, value], -1)) * 255).astype(np.uint8)
        given = every.encode(tried)[:, 0]
        far = ((tried - own[given]) ** 2).sum(-1)
        order = np.argsort(far, kind="stable")
        found, first = np.unique(given[order], return_index=True)
        best = order[first]
        nearer = far[best] < distances[found]
        colours[found[nearer]], distances[found[nearer]] = tried[best[nearer]], far[best[nearer]]
    return colours


class Grey:
    """Levels of grey, in bins of equal width: what `quantise` makes of bytes, so that numbers can be compared."""

    channels = 1

    def __init__(self, bits: int) -> None:
        self.spec, self.count = f"grey:{bits}", 2**bits
        self.title = f"{self.count} levels of grey"

    def encode(self, pictures: Bytes) -> Numbers:
        return quantise(_grey(pictures), self.count)

    def decode(self, tokens: npt.NDArray[np.integer]) -> Bytes:
        _check_tokens(tokens, self.count)
        return dequantise(tokens, self.count)


class Exact:
    """Every byte of every channel is a token."""

    spec, count = "exact", 256

    def __init__(self, channels: int) -> None:
        if channels not in (1, 3):
            raise ControlError(f"Pictures have 1 or 3 channels, not {channels}.")
        self.channels = channels
        self.title = "every byte as it is"

    def encode(self, pictures: Bytes) -> Numbers:
        return (_grey if self.channels == 1 else _colour)(pictures).astype(np.int64)

    def decode(self, tokens: npt.NDArray[np.integer]) -> Bytes:
        _check_tokens(tokens, self.count)
        return tokens.astype(np.uint8)


class Palette:
    """The nearest of some colours, as far as the eye can tell; the colours are sorted from dark to light."""

    channels = 1

    def __init__(self, most: int, palette: str) -> None:
        self.spec = f"palette:{most}"
        self.colours = colours_of(palette)  # (count, 3)
        self.count = len(self.colours)
        self._nearest = Nearest(self.colours)
        if self.count > most:
            raise ControlError(f"A palette of {self.count} colours is no palette of {most}.")
        self.title = f"{self.count} learned colours"

    def encode(self, pictures: Bytes) -> Numbers:
        return self._nearest(_colour(pictures))[..., None]

    def decode(self, tokens: npt.NDArray[np.integer]) -> Bytes:
        _check_tokens(tokens, self.count)
        return np.asarray(self.colours[tokens[..., 0]])


def _colour(pictures: Bytes) -> Bytes:
    """Pictures (…, 1 or 3) as pictures (…, 3)."""
    _check_pictures(pictures)
    return np.broadcast_to(pictures, (*pictures.shape[:-1], 3))


def _grey(pictures: Bytes) -> Bytes:
    """Pictures (…, 1 or 3) as pictures (…, 1), by the formula with which Pillow makes a picture grey."""
    _check_pictures(pictures)
    if pictures.shape[-1] == 1:
        return pictures
    weights = np.array([19595, 38470, 7471], np.uint32)  # 0.299, 0.587 and 0.114 of 2^16
    return np.asarray(pictures @ weights + 2**15 >> 16, np.uint8)[..., None]


def _check_pictures(pictures: npt.NDArray[Any]) -> None:
    if pictures.dtype != np.uint8 or pictures.ndim < 1 or pictures.shape[-1] not in (1, 3):
        raise ValueError(f"pictures are bytes (…, 1 or 3), not {pictures.dtype} {pictures.shape}")


def _check_tokens(tokens: npt.NDArray[np.integer], count: int) -> None:
    if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < count:
        raise ValueError(f"tokens go from 0 to {count - 1}, not from {tokens.min()} to {tokens.max()}")
