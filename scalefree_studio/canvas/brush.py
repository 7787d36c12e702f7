"""A weight mask that one paints: 1 is the ordinary weight, more means that detail matters here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .camera import Point, Size, half_extent

Mask = npt.NDArray[np.float32]

NARROWEST, WIDEST = 4.0, 256.0  # radius


@dataclass(frozen=True)
class Brush:
    """`radius` in logical pixels of the screen; `peak` is the weight in the middle of a stroke."""

    radius: float = 24.0
    peak: float = 8.0

    def sized(self, factor: float) -> Brush:
        """Wider by this factor, within reason."""
        return replace(self, radius=min(WIDEST, max(NARROWEST, self.radius * factor)))


def painted(mask: Mask, start: Point, end: Point, radius: float, peak: float, erase: bool) -> Mask:
    """The mask, changed in place, after a stroke from start to end (world): full within half the radius, then soft.

    Strokes do not add up: going over a place twice makes it no heavier, so that a tremor of the hand leaves no mark.
    """
    height, width = mask.shape
    size: Size = (width, height)
    texel = 2 / max(size)
    extent = np.array(half_extent(size))
    a, b = (np.array(start) + extent) / texel - 0.5, (np.array(end) + extent) / texel - 0.5  # in pixels
    r = max(radius / texel, 0.75)  # even a tiny brush meets the pixel below it
    low = np.floor(np.minimum(a, b) - r).astype(int).clip(0, size)
    high = (np.ceil(np.maximum(a, b) + r).astype(int) + 1).clip(0, size)
    part = mask[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return mask
    way = b - a
    px = np.arange(low[0], high[0]) - a[0]
    py = (np.arange(low[1], high[1]) - a[1])[:, None]
    t = ((px * way[0] + py * way[1]) / max(float(way @ way), 1e-12)).clip(0, 1)
    distance = np.hypot(px - t * way[0], py - t * way[1])
    full = ((r - distance) / (0.5 * r)).clip(0, 1)
    full = full * full * (3 - 2 * full)
    if erase:
        np.minimum(part, 1 + (max(peak, float(mask.max())) - 1) * (1 - full), out=part, casting="same_kind")
    else:
        np.maximum(part, 1 + (peak - 1) * full, out=part, casting="same_kind")
    return mask
