"""What a network that draws shows of itself while it learns: a wall of samples, and how surprising held-out pictures
are.

M samples and K held-out pictures of h × w pixels, C channels.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Generic

import numpy as np
import numpy.typing as npt
import torch

from ...models.ordered.request import Drawn
from ...models.threads import torch_threads
from ...snapshot import Array, Bytes
from .held_out import spread
from .lesson import N

SAMPLES, HELD = 64, 16  # pictures on the wall of samples, and of those held out


def bits_per_dimension(nats_per_dimension: float) -> float:
    return nats_per_dimension / math.log(2)


class SampleWall(ABC, Generic[N]):
    """A Display whose wall of samples renews itself row by row.

    `begin` takes the network as it is then; every `advance` draws one more row of all pictures, or
    a part of a long one, over the old ones. The
    random numbers stay the same, so that what changes is what was learnt.
    """

    def __init__(self, shape: tuple[int, int, int], held: int):
        """Pictures of this shape (h, w, C), of a data set that has so many held-out ones."""
        self.pictures: Bytes = np.zeros((SAMPLES, *shape), np.uint8)
        self.held = spread(held, HELD)  # which of them are shown
        self._steps: Iterator[Drawn] | None = None
        self._fresh = 0  # rows of the new pictures
        self._any = False  # whether there is something to see
        self._surprise: Array | None = None  # bits a place: (K, H, W)

    @abstractmethod
    def steps(self, network: N) -> Iterator[Drawn]:
        """Draw new samples, a row of places each step."""

    @abstractmethod
    def take(self, drawn: Drawn) -> int:
        """Lay what was drawn over `pictures`; how many rows of those are new."""

    @abstractmethod
    def surprised(self, network: N) -> npt.NDArray[np.floating[Any]]:
        """How surprising held-out pictures are, in nats: (K, H, W)."""

    @abstractmethod
    def still(self) -> Mapping[str, Array]:
        """A few held-out pictures as the network sees them, (K, h, w, C), and the bits of a place that is guessed."""

    def begin(self, network: N) -> None:
        then = copy.deepcopy(network)  # it goes on learning while this is drawn
        self._steps, self._fresh = self.steps(then), 0
        self.advance()
        with torch.no_grad():
            self._surprise = (bits_per_dimension(1.0) * self.surprised(network)).astype(np.float16)

    @property
    def pieces(self) -> int:
        return int(self.pictures.shape[1])

    @property
    def busy(self) -> bool:
        return self._steps is not None

    def advance(self) -> None:
        if self._steps is None:
            return
        steps, self._steps = self._steps, None  # if this fails, there is nothing to go on with
        with torch_threads(1):  # its pieces are too small to share
            drawn = next(steps)
        self._fresh = self.take(drawn)
        self._any = True
        if self._fresh < self.pictures.shape[1]:
            self._steps = steps

    def frame(self) -> Mapping[str, Array]:
        frame: dict[str, Array] = {}
        if self._any:
            frame |= {"wall": self.pictures, "fresh": np.array(self._fresh)}
        return frame if self._surprise is None else frame | {"surprise": self._surprise}

    def saved(self) -> Mapping[str, Array]:
        saved: dict[str, Array] = {"samples": self.pictures} if self._any else {}
        return saved if self._surprise is None else saved | {"surprise": self._surprise}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        pictures, surprise = arrays.get("samples"), arrays.get("surprise")
        if pictures is not None and pictures.shape == self.pictures.shape and pictures.dtype == np.uint8:
            self.pictures[:] = pictures
            self._fresh, self._any = self.pictures.shape[1], True
        if surprise is not None and surprise.shape == (len(self.held), *self.pictures.shape[1:3]):
            self._surprise = surprise
