"""What is learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .batches import Indices


@dataclass(frozen=True)
class Batch:
    values: npt.NDArray[np.generic]
    labels: npt.NDArray[np.int64]


class Examples(Protocol):
    def __len__(self) -> int: ...

    def take(self, indices: Indices) -> Batch: ...


class Arrays:
    def __init__(self, values: npt.NDArray[np.generic], labels: npt.NDArray[np.int64]):
        self.values, self.labels = values, labels

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: Indices) -> Batch:
        return Batch(self.values[indices], self.labels[indices])
