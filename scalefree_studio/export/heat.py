"""Numbers as colours, without a screen: how surprising the places of a picture are, beside the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..files import replacing, write_errors
from ..snapshot import Bytes
from .walls.wall import BEHIND

STOPS = (
    "#0f1318",
    "#f2b25c",
    "#e4e8ed",
)  # from what was seen coming to what was not: those of the dark window
SIDE = 512  # pixels: each of the two is enlarged to about this, by a whole factor …
GAP = 16  # … with so much between them


def rgb(text: str) -> npt.NDArray[np.float64]:
    return np.array(list(bytes.fromhex(text.removeprefix("#"))), float)


def heat(shares: npt.ArrayLike, stops: Sequence[str] = STOPS) -> Bytes:
    """Shares in [0, 1], (…), as colours between evenly spaced stops, (…, 3)."""
    colours = np.stack([rgb(stop) for stop in stops])
    at = np.clip(np.asarray(shares, float), 0, 1)[..., None] * (len(colours) - 1)
    low = np.minimum(at.astype(int), len(colours) - 2)[..., 0]
    found: Bytes = (
        (colours[low] + (colours[low + 1] - colours[low]) * (at - low[..., None])).round().astype(np.uint8)
    )
    return found


def beside(picture: Bytes, shares: npt.NDArray[np.floating]) -> Bytes:
    """A picture (h, w, 3) and, at its right, a share in [0, 1] of each of its places (H, W) as heat, in its size."""
    height, width = picture.shape[:2]
    rows = np.arange(height) * shares.shape[0] // height
    columns = np.arange(width) * shares.shape[1] // width
    larger = max(1, round(SIDE / max(height, width)))
    both = (picture, heat(shares)[rows[:, None], columns])
    left, right = (part.repeat(larger, axis=0).repeat(larger, axis=1) for part in both)
    gap = np.full((len(left), GAP, 3), BEHIND, np.uint8)
    return np.hstack([left, gap, right])


def write_beside(picture: Bytes, shares: npt.NDArray[np.floating], path: Path) -> None:
    """Write both as a PNG, whole or not at all."""
    with write_errors(path), replacing(path) as file:
        Image.fromarray(beside(picture, shares)).save(file, format="PNG", optimize=True)
