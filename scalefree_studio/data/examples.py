"""What is learnt from: examples by number, wherever they lie."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .batches import Indices

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples. Values are as they are kept, never cast: pictures are bytes, tokens integers, latents floats."""

    values: npt.NDArray[Any]  # (B, …)
    labels: Labels  # (B,); an index into the classes, 0 where there are none
    tokens: int = (
        0  # how many different ones there are, where values are tokens of pictures rather than pictures
    )


class Examples(Protocol):
    """What a network learns from or is judged by. A batch is the taker's own: no later one changes it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one value."""

    def __len__(self) -> int: ...

    def take(self, indices: Indices) -> Batch:
        """The examples of these numbers, in their order; JobError where one of them can be read no more."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Examples in memory: values (N, …) and labels (N,), which nobody changes any more."""

    values: npt.NDArray[Any]
    labels: Labels
    tokens: int = 0  # how many different ones there are, where values are tokens

    def __post_init__(self) -> None:
        if len(self.values) != len(self.labels):
            raise ValueError(f"{len(self.values)} values have {len(self.labels)} labels")
        self.values.setflags(write=False)
        self.labels.setflags(write=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape[1:]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: Indices) -> Batch:
        return Batch(self.values[indices], self.labels[indices], self.tokens)


@dataclass(frozen=True, eq=False)
class Joined:
    """Examples of several sources, one source after the other; `numbers` (K,) says as what each label is counted."""

    sources: tuple[Examples, ...]
    numbers: Labels

    @property
    def shape(self) -> tuple[int, ...]:
        return self.sources[0].shape

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    def take(self, indices: Indices) -> Batch:
        begins = np.cumsum([0, *map(len, self.sources)])
        there = [(begin <= indices) & (indices < end) for begin, end in itertools.pairwise(begins)]
        parts = zip(self.sources, there, begins[:-1], strict=True)
        batches = [source.take(indices[here] - begin) for source, here, begin in parts]
        values = np.empty((len(indices), *self.shape), batches[0].values.dtype)
        labels = np.empty(len(indices), np.int64)
        for here, batch in zip(there, batches, strict=True):
            values[here], labels[here] = batch.values, self.numbers[batch.labels]
        return Batch(values, labels, batches[0].tokens)
