"""Where a network with attention looked while it drew a picture: what every such network answers.

N places in their order.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Looked(Protocol):
    """One picture, as far as it is drawn."""

    def at(self, position: int) -> Tensor:
        """How much each head took from each place when it drew the one at a position of the order: (layers, H, N), 0
        for that place's later ones. What a head's sum lacks to 1 it took from what is no place, as a start token."""

    def buckets(self) -> Tensor | None:
        """The bucket into which the hash of each head put each place, (layers, H, N); -1: none. None without a hash."""
