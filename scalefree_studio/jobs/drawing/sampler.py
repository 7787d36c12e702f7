"""What a job that draws in order needs of a network: the one interface of every sampler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from ...models.pixelcnn.draw import Drawn, Request
from ...snapshot import Array


class Sampler(Protocol):
    """A trained network that draws one place after another, row by row. It does not change while it is drawn from."""

    kind: str  # the kind of the network's own checkpoint
    channels: int
    levels: int
    size: tuple[int, int]  # places of the pictures it draws: (H, W)
    classes: Sequence[str]  # by name; none if it draws without labels
    device: Any

    def draw(self, request: Request) -> Iterator[Drawn]:
        """Draw place after place; rows that are given pass by quickly, and without chances."""

    def chances(self, request: Request, values: Tensor) -> Tensor:
        """What each level's chance was at every place of finished pictures (B, H, W, C), told at one go:
        (B, H, W, C, L), as `draw` would have told them."""

    def looks(self) -> Mapping[str, Array]:
        """`tiles` or `ramp`, and `reach`: see drawings.py."""

    def values_of(self, pixels: Array) -> Array:
        """The values (H, W, C) of a picture (h, w, 3) of any size: of its middle, where its shape is another."""

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        """(about, model) from which it can be made again: those of its checkpoint."""
