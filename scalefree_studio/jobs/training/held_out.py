"""How good a network is on examples that it does not learn from: a batch a step, while it goes on learning."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from torch import Tensor, nn

from ...data.batches import Indices
from .weights import copied

N = TypeVar("N", bound=nn.Module)

MOST = 512  # examples, at most, of a pass while learning


class HeldOutPass(Generic[N]):
    """The loss of a network, as it was when the pass began, on held-out examples: batch by batch."""

    def __init__(self, network: N, weights: Mapping[str, Tensor], at: int = 0, total: float = 0.0):
        self.weights = copied(weights)
        self.at, self._total = at, total
        self.network = copy.deepcopy(
            network
        ).eval()  # a new one would draw from the learning's random numbers
        self.network.load_state_dict(self.weights, strict=False)

    def add(self, loss: float, count: int) -> None:
        """So many examples more, of this mean loss."""
        self._total += loss * count
        self.at += count

    @property
    def loss(self) -> float:
        """The mean over all batches so far."""
        return self._total / self.at if self.at else math.nan

    def saved(self) -> dict[str, Any]:
        return {"at": self.at, "total": self._total}


def spread(count: int, most: int) -> Indices:
    """Which of `count` examples stand for all: at most so many, evenly, since their order may be that of classes."""
    return np.unique(np.linspace(0, max(0, count - 1), min(count, most)).round().astype(np.int64))
