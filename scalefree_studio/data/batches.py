"""Which examples are learnt from, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

HELD_OUT = 1 / 6  # as in CIFAR-10
MOST_LISTED = 2**22  # examples whose order is listed in memory (32 MiB)
ROUNDS = 8
MOST = 2**62  # examples


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
            raise ValueError(f"batches of {size} from {count} examples cannot be made")
        self.count, self.size, self.seed = count, size, seed
        self.epoch = self.position = 0  # position: how many of this epoch's have been handed out
        self._order = self._shuffled()

    def __iter__(self) -> Iterator[Indices]:
        return self

    def __next__(self) -> Indices:
        parts: list[Indices] = []
        missing = self.size
        while missing:
            part = self._order(self.position, self.position + missing)
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
            raise ValueError(f"no place among {self.count} examples: {state}")
        self.seed, self.epoch, self.position = seed, epoch, position
        self._order = self._shuffled()

    def _shuffled(self) -> Callable[[int, int], Indices]:
        """The order of this epoch: what comes from one place to before another."""
        seed = (self.seed, self.epoch)
        if self.count > MOST_LISTED:
            return Permutation(self.count, seed).part
        order = np.random.default_rng(seed).permutation(self.count)
        return lambda begin, end: order[begin:end]


class Permutation:
    """An order of the numbers 0 to count - 1 that follows from its seed.

    A Feistel network: the bits of a number are cut in two, and in every round one half is changed by a hash of the
    other, which can be undone and so sends no two numbers to the same place. It permutes the numbers below the next
    power of two; one that is sent beyond `count` is sent on until it is back, which again can be undone.
    """

    def __init__(self, count: int, seed: tuple[int, ...]) -> None:
        if not 1 <= count <= MOST:
            raise ValueError(f"{count} examples cannot be put in order")
        self.count = count
        bits = max(2, (count - 1).bit_length())
        self._low = np.uint64(bits // 2)  # bits of the lower half; the upper one may have one more
        self._masks = [np.uint64(2**half - 1) for half in (bits // 2, bits - bits // 2)]
        self._keys = np.random.SeedSequence(seed).generate_state(ROUNDS, np.uint64)

    def part(self, begin: int, end: int) -> Indices:
        """What comes at the places from `begin` to before `end`."""
        numbers = self._sent(np.arange(begin, min(end, self.count), dtype=np.uint64))
        while (beyond := numbers >= self.count).any():
            numbers[beyond] = self._sent(numbers[beyond])
        return numbers.astype(np.int64)

    def _sent(self, numbers: Words) -> Words:
        low, high = numbers & self._masks[0], numbers >> self._low
        for n, key in enumerate(self._keys):
            if n % 2:
                low = low ^ _mixed(high ^ key) & self._masks[0]
            else:
                high = high ^ _mixed(low ^ key) & self._masks[1]
        return high << self._low | low


def _mixed(words: Words) -> Words:
    """Every bit of the result depends on every bit: the finish of the generator SplitMix64."""
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)
