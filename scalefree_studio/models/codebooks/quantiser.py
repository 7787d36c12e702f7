"""Every quantiser, by its shape."""

from __future__ import annotations

from ...controls import ControlError
from .fsq import FSQ
from .interface import Quantised, Quantiser
from .residual import Residual
from .shape import QuantiserShape
from .vq import VQ

__all__ = ["Quantised", "Quantiser", "QuantiserShape", "quantiser_of"]


def quantiser_of(shape: QuantiserShape, width: int) -> Quantiser:
    """A new one for latents of so many numbers, or a ControlError."""
    if shape.scales and (shape.quantiser == "fsq" or shape.cosine):
        raise ControlError(
            "Scales add up codes of any length: leave out fsq and unit vectors, or the scales."
        )
    if shape.quantiser == "fsq":
        return FSQ(shape, width)
    return Residual(shape, width) if shape.scales else VQ(shape, width)
