"""A small data set for tests."""

from __future__ import annotations

import numpy as np

from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset


def noise(side: int, channels: int = 1) -> Dataset:
    """Twelve pictures to learn from, two steps of six an epoch, and eight that are held out."""
    pixels = np.random.default_rng(1).integers(256, size=(20, side, side, channels), dtype=np.uint8)
    labels = np.arange(20) % 2
    learnt, held = Arrays(pixels[8:], labels[8:]), Arrays(pixels[:8], labels[:8])
    return Dataset("noise", "noise", learnt, held, ("even", "odd"))
