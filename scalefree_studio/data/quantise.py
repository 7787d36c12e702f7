"""Colours in fewer levels, and back: the one pair of functions that says what level a byte belongs to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..snapshot import Bytes

Levels = npt.NDArray[np.int64]


def quantise(values: Bytes, levels: int) -> Levels:
    """Bytes as levels 0 to levels - 1: bins of equal width (as equal as 256 bytes allow); 256 changes nothing."""
    _check(levels)
    if values.dtype != np.uint8:
        raise ValueError(f"quantise takes bytes, not {values.dtype}")
    return values.astype(np.int64) * levels >> 8


def dequantise(values: npt.NDArray[np.integer], levels: int) -> Bytes:
    """Levels as bytes, from black (0) to white (levels - 1) in even steps.

    That, rather than the middle of each bin, so that two levels are black and white and not two greys. The steps are
    rounded up, which keeps each byte in the bin of its level: quantise(dequantise(x)) is x, for any number of levels.
    """
    _check(levels)
    if values.size and not 0 <= int(values.min()) <= int(values.max()) < levels:
        raise ValueError(f"levels go from 0 to {levels - 1}, not from {values.min()} to {values.max()}")
    return (-(-255 * values.astype(np.int64) // (levels - 1))).astype(np.uint8)


def _check(levels: int) -> None:
    if not 2 <= levels <= 256:
        raise ValueError(f"there are 2 to 256 levels, not {levels}")
