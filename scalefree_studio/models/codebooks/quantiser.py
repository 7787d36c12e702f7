"""Every quantiser, by its shape."""

from __future__ import annotations

from .interface import Quantised, Quantiser
from .shape import QuantiserShape
from .vq import VQ

__all__ = ["Quantised", "Quantiser", "QuantiserShape", "quantiser_of"]


def quantiser_of(shape: QuantiserShape, width: int) -> Quantiser:
    """A new one for latents of so many numbers."""
    return VQ(shape, width)
