"""Colours in other spaces: hue, saturation and value; and OKLab, in which distances are about what the eye sees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..snapshot import Bytes

Floats = npt.NDArray[np.float64]

# OKLab (Björn Ottosson, 2020): linear sRGB → cones, and the cube roots of those → lightness and two opponents.
CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
OPPONENTS = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip


def hsv_of(colours: Bytes) -> Floats:
    """Bytes (…, 3) as hue, saturation and value (…, 3), each in 0 to 1, the hue below 1; grey has hue 0."""
    rgb = colours / 255.0
    value = rgb.max(-1)
    chroma = value - rgb.min(-1)
    some = np.where(chroma > 0, chroma, 1)
    red, green, blue = np.moveaxis(rgb, -1, 0)
    sixths = np.select(
        [value == red, value == green],
        [(green - blue) / some, (blue - red) / some + 2],
        (red - green) / some + 4,
    )
    hue = sixths / 6 % 1
    return np.stack([np.where(chroma > 0, hue, 0), chroma / np.where(value > 0, value, 1), value], -1)


def rgb_of(hsv: Floats) -> Floats:
    """Hue, saturation and value (…, 3) as red, green and blue (…, 3), all in 0 to 1."""
    hue, saturation, value = np.moveaxis(hsv, -1, 0)[..., None]
    turned = (hue * 6 + np.array([5.0, 3.0, 1.0])) % 6  # how far from where each of the three is lowest
    return np.asarray(value * (1 - saturation * np.clip(np.minimum(turned, 4 - turned), 0, 1)))


def oklab_of(colours: Bytes) -> Floats:
    """Bytes (…, 3) as OKLab (…, 3)."""
    return np.asarray(np.cbrt(_LINEAR[colours] @ CONES.T) @ OPPONENTS.T)


def bytes_of_oklab(lab: Floats) -> Bytes:
    """OKLab (…, 3) as the nearest bytes (…, 3); what lies beyond them is cut off."""
    linear = np.clip((lab @ np.linalg.inv(OPPONENTS).T) ** 3 @ np.linalg.inv(CONES).T, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(srgb * 255), np.uint8)


def _linear_bytes() -> Floats:
    srgb = np.arange(256) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


_LINEAR = _linear_bytes()  # the light of each byte
