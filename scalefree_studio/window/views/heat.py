"""Numbers as colours, in a theme's own: from its ground through its accent to white or ink."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...snapshot import Bytes
from ..widgets.theme import Palette


def rgb(text: str) -> npt.NDArray[np.float64]:
    return np.array(list(bytes.fromhex(text.removeprefix("#"))), float)


def heat(shares: npt.ArrayLike, palette: Palette) -> Bytes:
    """Shares in [0, 1], (…), as opaque colours, (…, 3)."""
    stops = np.stack([rgb(palette.window), rgb(palette.accent), rgb(palette.text)])
    at = np.clip(np.asarray(shares, float), 0, 1)[..., None] * (len(stops) - 1)
    low = np.minimum(at.astype(int), len(stops) - 2)[..., 0]
    colours: Bytes = (
        (stops[low] + (stops[low + 1] - stops[low]) * (at - low[..., None])).round().astype(np.uint8)
    )
    return colours


def veil(shares: npt.ArrayLike, colour: str, most: float = 0.85) -> Bytes:
    """Shares in [0, 1], (…), as how much a colour covers what lies under it: (…, 4)."""
    alpha = np.clip(np.asarray(shares, float), 0, 1) * (most * 255)
    covered = np.empty((*alpha.shape, 4), np.uint8)
    covered[..., :3] = rgb(colour)
    covered[..., 3] = alpha.round()
    return covered
