"""Which pictures are learnt from, in which order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

HELD_OUT = 1 / 6  # as in CIFAR-10


def split(labels: npt.NDArray[np.integer], fraction: float = HELD_OUT) -> tuple[Indices, Indices]:
    """Indices to learn from and indices to hold out: of each class that share, evenly spaced through its pictures.

    Evenly spaced rather than drawn: the same for everybody, for ever, without a seed. A class of two or more is on
    both sides.
    """
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(max(round(len(members) * fraction), 1), len(members) - 1)
        held[members[(2 * np.arange(count) + 1) * len(members) // (2 * max(count, 1))]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


class Batches:
    """An endless iterator over batches of indices, each index once an epoch in an order of that epoch's own.

    Every batch is full, as captured graphs want it: the last of an epoch goes on into the next one. The order follows
    from the seed and the epoch alone, so three whole numbers are the entire state and any moment can be returned to.
    """

    def __init__(self, count: int, size: int, seed: int = 0) -> None:
        if count < 1 or size < 1:
            raise ValueError(f"batches of {size} from {count} pictures cannot be made")
        self.count, self.size, self.seed = count, size, seed
        self.epoch = self.position = 0  # position: how many of this epoch's have been handed out
        self._order = self._shuffled()

    def __iter__(self) -> Iterator[Indices]:
        return self

    def __next__(self) -> Indices:
        parts: list[Indices] = []
        missing = self.size
        while missing:
            part = self._order[self.position : self.position + missing]
            parts.append(part)
            missing -= len(part)
            self.position += len(part)
            if self.position == self.count:
                self.epoch, self.position = self.epoch + 1, 0
                self._order = self._shuffled()
        return np.concatenate(parts)

    def state(self) -> dict[str, int]:
        return {"seed": self.seed, "epoch": self.epoch, "position": self.position}

    def restore(self, state: dict[str, int]) -> None:
        """Goes on exactly as the iterator would have whose state this is."""
        seed, epoch, position = (int(state[key]) for key in ("seed", "epoch", "position"))
        if seed < 0 or epoch < 0 or not 0 <= position < self.count:
            raise ValueError(f"no place among {self.count} pictures: {state}")
        self.seed, self.epoch, self.position = seed, epoch, position
        self._order = self._shuffled()

    def _shuffled(self) -> Indices:
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
