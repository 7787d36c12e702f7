"""Numbers as colours, without a screen: how surprising the places of a picture are, beside the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..snapshot import Bytes
from .picture import thick, write_bands
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


def usual_scale(picture: Bytes) -> int:
    """How large each of its pixels is, where nobody asks."""
    longer: int = max(picture.shape[:2])
    return max(1, round(SIDE / longer))


def beside(picture: Bytes, shares: npt.NDArray[np.floating], scale: int | None = None) -> Bytes:
    """A picture (h, w, 3) and, at its right, a share in [0, 1] of each of its places (H, W) as heat, in its size."""
    return np.concatenate(list(_bands(picture, shares, scale)))


def _bands(picture: Bytes, shares: npt.NDArray[np.floating], scale: int | None) -> Iterator[Bytes]:
    """The same from top to bottom, in parts (rows, width, 3)."""
    height, width = picture.shape[:2]
    rows = np.arange(height) * shares.shape[0] // height
    columns = np.arange(width) * shares.shape[1] // width
    larger = scale or usual_scale(picture)
    gap = np.full((GAP, 3), BEHIND, np.uint8)
    for left, right in zip(picture, heat(shares)[rows[:, None], columns], strict=True):
        line = np.concatenate([left.repeat(larger, axis=0), gap, right.repeat(larger, axis=0)])
        yield thick(line, larger)


def beside_size(picture: Bytes, scale: int | None = None) -> tuple[int, int]:
    """(width, height) of both beside each other."""
    (height, width), larger = picture.shape[:2], scale or usual_scale(picture)
    return 2 * width * larger + GAP, height * larger


def write_beside(
    picture: Bytes, shares: npt.NDArray[np.floating], path: Path, scale: int | None = None
) -> None:
    """Write both in the format that the suffix names, whole or not at all."""
    write_bands(path, beside_size(picture, scale), _bands(picture, shares, scale))
