"""What turns pictures into latents: the interface of every model with an encoder, as far as codebooks need it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

from ..snapshot import Bytes

Floats = npt.NDArray[Any]  # float32 or float16


class Latents(Protocol):
    """A trained model. It does not change while it is used."""

    @property
    def kind(self) -> str:
        """Of its checkpoint."""

    @property
    def size(self) -> tuple[int, int]:
        """Of the pictures that it learned, (h, w)."""

    @property
    def channels(self) -> int:
        """Of pictures: 1 or 3."""

    def shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Of the latents (Z, H, W) of a picture of a size; or a UserError where that size cannot be had."""

    def encode(self, pictures: Bytes) -> Floats:
        """Pictures (B, h, w, C) as latents (B, Z, H, W)."""

    def fingerprint(self) -> str:
        """Another model, or other weights, another text."""
