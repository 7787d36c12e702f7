"""What turns pictures into tokens and tokens into pictures: the one interface of every model with codebooks.

A picture becomes tokens in one stage or several, the coarsest first: S grids of H × W tokens, each of which is one of K
codes. Stages either replace each other, each saying the whole picture again in finer tokens, or each adds to those
before it what they lack.

B pictures of h × w pixels, C channels.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..snapshot import Array, Bytes

Tokens = npt.NDArray[np.int64]  # (B, H, W) of a stage
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """The tokens of a picture in one stage."""

    rows: int
    columns: int
    codes: int  # how many there are to choose from, those that were pruned left out

    @property
    def count(self) -> int:
        return self.rows * self.columns


class Codec(ABC):
    """A trained model. It does not change while it is used."""

    kind: str  # of its own checkpoint
    size: tuple[int, int]  # of the pictures that it learned, (h, w)
    channels: int  # of pictures: 1 or 3
    adds: bool = False  # whether each stage adds to those before it, rather than replacing them
    device: torch.device = torch.device("cpu")

    @abstractmethod
    def grids(self, size: tuple[int, int] | None = None) -> tuple[Grid, ...]:
        """The stages of pictures of a size, or of the one learned; or a UserError where that size cannot be cut."""

    @abstractmethod
    def encode(self, pictures: Bytes) -> list[Tokens]:
        """Pictures (B, h, w, C) as tokens, (B, H, W) a stage."""

    @abstractmethod
    def decode(self, tokens: Sequence[Tokens], drawn: Sequence[Bools] | None = None) -> Bytes:
        """Pictures (B, h, w, C) of the tokens of the first stages, as many as are given. Where a token is not drawn
        yet, the stage before it shows through; under the first there is what the model makes of nothing."""

    @abstractmethod
    def tiles(self, stage: int = 0) -> Bytes:
        """What each code of a stage looks like by itself: (K, th, tw, 3)."""

    def some_tiles(self, codes: npt.NDArray[np.int64], stage: int = 0) -> Bytes:
        """Of some of the codes of a stage alone, where all at once would take long: (N, th, tw, 3)."""
        return self.tiles(stage)[codes]

    def pixels_of_a_tile(self, stage: int = 0) -> int:
        """About how many pixels are decoded for one."""
        return 1

    @abstractmethod
    def vectors(self, stage: int = 0) -> npt.NDArray[np.float32]:
        """The codes of a stage as the decoder knows them: (K, D)."""

    def arrangement(self, stage: int = 0) -> tuple[int, int]:
        """Rows and columns in which the codes of a stage lie for a person to see, row by row; the last row may be
        shorter."""
        count = self.grids()[stage].codes
        columns = int(np.ceil(np.sqrt(count)))
        return -(-count // columns), columns

    def is_map(self, stage: int = 0) -> bool:
        """Whether codes that lie side by side there were taught to be alike."""
        return False

    def is_line(self, stage: int = 0) -> bool:
        """Whether they lie on a line, which is shown in rows."""
        return False

    def usage(self, stage: int = 0) -> npt.NDArray[np.float64]:
        """How often each code of a stage was used while it learned, (K,): shares, all alike where nobody counted."""
        count = self.grids()[stage].codes
        return np.full(count, 1 / count)

    @abstractmethod
    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        """(about, model) from which it can be made again: those of its checkpoint."""

    def fingerprint(self) -> str:
        """Another model, or other weights, another text: tokens of one mean nothing to another."""
        about, model = self.saved()
        known = {"kind": self.kind, "controls": about.get("controls", {})}
        found = hashlib.blake2b(json.dumps(known, sort_keys=True).encode(), digest_size=16)
        for name in sorted(model):
            found.update(f"{name} {model[name].dtype} {model[name].shape}".encode())
            found.update(np.ascontiguousarray(model[name]).tobytes())
        return found.hexdigest()
