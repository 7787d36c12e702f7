"""What a quantiser is made of: every field is a control."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...controls import ControlError, control

MOST_CODES = 65_536
LONGEST = 4096  # sides of maps and patches


def whole_numbers(name: str, low: int, high: int, empty: bool, such_as: str) -> Callable[[Any], str]:
    """Makes of "8, 5,5" or (8, 5, 5) the text "8,5,5"; each number is from `low` to `high`."""

    def read(value: Any) -> str:
        words = value.replace(",", " ").split() if isinstance(value, str) else list(value)
        numbers = [int(word) for word in words]
        if not all(low <= number <= high for number in numbers) or not (numbers or empty):
            raise ControlError(
                f"{name} are whole numbers, each from {low} to {high:,}, such as {such_as}; not {value!r}."
            )
        return ",".join(map(str, numbers))

    return read


def read_scales(value: Any) -> str:
    text = whole_numbers("Scales", 1, LONGEST, empty=True, such_as="1,2,4,7")(value)
    scales = [int(word) for word in text.split(",") if word]
    if scales != sorted(scales):
        raise ControlError(f"Scales go from the coarsest to the finest, such as 1,2,4,7; not {value!r}.")
    return text


def read_levels(value: Any) -> str:
    text = whole_numbers("Levels", 3, MOST_CODES, empty=False, such_as="8,5,5,5")(value)
    if math.prod(int(word) for word in text.split(",")) > MOST_CODES:
        raise ControlError(f"The levels {text} make more than {MOST_CODES:,} codes.")
    return text


@dataclass(frozen=True)
class QuantiserShape:
    # fmt: off
    quantiser: str = control(
        "vq", label="Quantiser",
        help="vq: the nearest code in a learned codebook; fsq: a few numbers, each rounded.",
        choices=("vq", "fsq"), group="Codes",
    )
    codes: int = control(
        512, label="Codes", help="How many codes the codebook of vq has.", low=1, high=MOST_CODES, scale="log",
        group="Codes",
    )
    scales: str = control(
        "", label="Scales",
        help="Sizes of token maps that add up, from coarse to fine, such as 1,2,4,7; one codebook for all; "
        "empty: one map only.",
        read=read_scales, wants="sizes such as 1,2,4,7", metavar="SIZES", group="Codes",
    )
    levels: str = control(
        "8,5,5,5", label="Levels", help="How many levels fsq rounds each number to; their product is the "
        "number of codes.",
        read=read_levels, wants="levels such as 8,5,5,5", metavar="LEVELS", group="Codes",
    )
    learning: str = control(
        "ema", label="Codes learn by", help="ema: codes are moving averages of their latents; gradient: as weights do.",
        choices=("ema", "gradient"), group="Codes", advanced=True,
    )
    decay: float = control(
        0.99, label="Decay", help="The share of its average that a code keeps at each step.", low=0.0, high=0.99999,
        live=True, group="Codes", advanced=True,
    )
    commitment: float = control(
        0.25, label="Commitment", help="How strongly latents are drawn to their codes.", low=0.0, high=100.0,
        live=True, group="Codes",
    )
    revive: float = control(
        0.03, label="Revive", help="A code used less than this share of the average is set to a latent of the batch.",
        low=0.0, high=1.0, live=True, group="Codes",
    )
    cosine: bool = control(
        False, label="Unit vectors", help="Latents and codes have length 1: only directions count.",
        group="Codes", advanced=True,
    )
    rotation: bool = control(
        False, label="Rotation trick", help="Turn and scale gradients the way the code lies relative to the "
        "latent.",
        group="Codes", advanced=True,
    )
    refine: bool = control(
        True, label="Refine scales", help="A small convolution, learned for each scale, smooths the "
        "coarse ones.",
        group="Codes", advanced=True,
    )
    # fmt: on

    @property
    def level_list(self) -> tuple[int, ...]:
        return tuple(int(word) for word in self.levels.split(","))

    @property
    def scale_list(self) -> tuple[int, ...]:
        return tuple(int(word) for word in self.scales.split(",") if word)
