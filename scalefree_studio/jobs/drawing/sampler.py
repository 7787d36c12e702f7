"""What a job that draws in order needs of a network: the one interface of every sampler.

The shortest sampler draws one grid row by row, and shows a value as a tile:

    class MySampler(Sampler):
        kind = "mine"

        def __init__(self, checkpoint, device="cpu", size=None, cached=True):
            self.network = ...
            self.levels, self.size = 16, size or (28, 28)

        def draw(self, request): ...       # yields Drawn, place after place
        def chances(self, request, values): ...
        def looks(self, stage=0): ...
        def values_of(self, pixels, stage=0): ...
        def saved(self): ...

Another order is one array, several grids are `stages`, pictures that only the network can show are `decode`, a search
that prunes its pictures sets `beams`, and a network that can say where its heads looked sets `heads`. Everything else
(what is given, going back, edits, undo, recordings, movies, the window) follows from these.

B pictures, N places of all stages, counted along their order; C channels, L values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import UserError
from ...models.ordered.looked import Looked
from ...models.ordered.request import Drawn, Request
from ...snapshot import Array, Bytes


class Way(NamedTuple):
    """How a place is drawn: by the names of the controls. Without more, as the network itself says."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def within(self, own: Way) -> Way:
        """This way in a stage that has one of its own: temperatures are multiplied, and of two limits the stricter
        one holds."""
        limits = [k for k in (self.top_k, own.top_k) if k]
        return Way(self.temperature * own.temperature, min(limits, default=0), min(self.top_p, own.top_p))


PLAIN = Way()  # the network itself


@dataclass(frozen=True, eq=False)
class Stage:
    """A grid of places that are drawn before those of the next stage."""

    size: tuple[int, int]  # (H, W)
    order: npt.NDArray[np.int64]  # (H · W,): its places as they are drawn, each counted row by row
    levels: int  # how many values a place may hold
    way: Way = PLAIN  # how it is drawn, before a person has a say


class Sampler(ABC):
    """A trained network that draws one place after another. It does not change while it is drawn from."""

    kind: str  # the kind of the network's own checkpoint
    levels: int  # how many values a place may hold, in each channel
    size: tuple[int, int]  # places of the pictures it draws, (H, W): of the last stage, if there are several
    channels: int = 1  # the same in all stages
    dimensions: int = 0  # how many numbers of a picture a place of the last stage stands for; 0: nobody says
    comparable: bool = (
        False  # whether bits per dimension are those of bytes, and may stand beside published ones
    )
    classes: Sequence[str] = ()  # by name; none if it draws without labels
    device: torch.device = torch.device("cpu")  # where it computes, and so where requests go
    heads: tuple[int, int] = (0, 0)  # layers of attention, and heads of each, that say where they looked
    # Whether its steps say which picture each one continues, and which are given up: so many pictures side by side are
    # one search, and draw with the same random numbers. 1: all together are one, each with its own.
    beams: int = 0

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """The places of its one stage as they are drawn: row by row."""
        return np.arange(self.size[0] * self.size[1])

    @property
    def stages(self) -> Sequence[Stage]:
        """Grids that are drawn one after another."""
        return (Stage(self.size, self.order, self.levels),)

    @abstractmethod
    def draw(self, request: Request) -> Iterator[Drawn]:
        """Draw place after place, from the first one on: in steps of `request.every` places, or fewer at the end of a
        row or a stage. Places that are given in all pictures may pass in one larger step, without being measured."""

    @abstractmethod
    def chances(self, request: Request, values: Tensor) -> Tensor:
        """What each value's chance was at every place of finished pictures (B, N, C), at one go: (B, N, C, L), what
        `draw` drew from; 0 for values that a stage does not have."""

    @abstractmethod
    def looks(self, stage: int = 0) -> Mapping[str, Array]:
        """What the values of a stage look like, `tiles`, `ramp` or `levels`, and its `reach`: see drawings.py."""

    @abstractmethod
    def values_of(self, pixels: Array, stage: int = 0) -> Array:
        """The values (H, W, C) of a picture (h, w, 3) of any size: of its middle, where its shape is another."""

    def decode(self, values: Array, drawn: Array) -> Bytes | None:
        """What the network makes of values (B, H, W, C), as far as they are drawn (B, H, W): bytes (B, h, w, 3); of
        several stages, (B, N, C) and (B, N), stage after stage. None: values look like what `looks` says."""
        return None

    @property
    def can_search(self) -> bool:
        """Whether there is a search to begin: see `with_beams`."""
        return not self.beams and type(self).with_beams is not Sampler.with_beams

    def with_beams(self, count: int, width: int = 0, judge: Sampler | None = None) -> Sampler:
        """The same by searches for the likeliest pictures, each with so many beams that try so many values (0: all); or
        for those that surprise another network least. A UserError where it cannot search."""
        raise UserError(
            "This model draws by chance alone; only cascades of token transformers search with beams."
        )

    def looked(self, request: Request, values: Tensor) -> Looked:
        """Where its heads looked while it drew one picture (1, N, C), of which the rest may be anything."""
        raise NotImplementedError

    def without_heads(self, off: npt.NDArray[np.bool_]) -> Sampler:
        """The same without some heads, (layers, heads)."""
        raise NotImplementedError

    def amount(self) -> tuple[int, int]:
        """How many numbers it holds, and how many bytes they take."""
        arrays = self.saved()[1].values()
        return sum(array.size for array in arrays), sum(array.nbytes for array in arrays)

    @abstractmethod
    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        """(about, model) from which it can be made again: those of its checkpoint."""
