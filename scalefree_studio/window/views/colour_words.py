"""Colours in words: "orange, fairly light". No Qt."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...data.colours import hsv_of, oklab_of
from ...snapshot import Bytes

GREY = 8  # a colour of which the three bytes differ by no more is grey to the eye
HUES = (  # where each one ends, in degrees; the last one begins again at red
    (15, "red"), (42, "orange"), (68, "yellow"), (95, "lime"), (155, "green"), (190, "turquoise"), (255, "blue"),
    (290, "violet"), (330, "magenta"), (346, "pink"), (361, "red"),
)  # fmt: skip
LIGHTNESS = (
    (0.2, "very dark"), (0.35, "dark"), (0.5, "fairly dark"), (0.65, ""), (0.8, "fairly light"), (0.92, "light"),
    (2.0, "very light"),
)  # fmt: skip
BROWN = 0.55  # what is orange is called so below this lightness
GREYISH = 0.3  # of saturation


def is_grey(colours: Bytes) -> np.ndarray:
    """Which colours (…, 3) are grey to the eye: (…)."""
    return np.asarray(np.ptp(colours.astype(int), axis=-1) <= GREY)


def names_of(colours: Bytes) -> tuple[str, ...]:
    """Colours (L, 3) in words."""
    return _names(np.ascontiguousarray(colours, np.uint8).tobytes())


@lru_cache(maxsize=8)
def _names(data: bytes) -> tuple[str, ...]:
    colours = np.frombuffer(data, np.uint8).reshape(-1, 3)
    hues, saturations, _ = hsv_of(colours).T
    rows = zip(
        (hues * 360).tolist(),
        saturations.tolist(),
        oklab_of(colours)[:, 0].tolist(),
        is_grey(colours).tolist(),
        strict=True,
    )
    return tuple(_name(*row) for row in rows)


def _name(degrees: float, saturation: float, lightness: float, grey: bool) -> str:
    if grey and not 0.1 < lightness < 0.98:
        return "white" if lightness > 0.5 else "black"
    light = next(word for end, word in LIGHTNESS if lightness < end)
    hue = "grey" if grey else next(word for end, word in HUES if degrees < end)
    if hue == "orange" and lightness < BROWN:
        hue = "brown"
    if not grey and saturation < GREYISH:
        hue = f"greyish {hue}"
    return f"{hue}, {light}" if light else hue
