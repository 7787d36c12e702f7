"""How a search with beams came to what it has: its pictures at a few positions, and which of them went on from which.

B pictures; V positions that are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...drawings import TREE
from ...snapshot import Array, Bytes

SIDE = 64  # pixels of a picture's longer side, at most about

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Branches:
    """Never changed: what follows is another one."""

    position: Ints  # (V,)
    parent: Ints  # (V, B): the picture of the position before from which each one comes; -1: none
    score: npt.NDArray[np.float32]  # (V, B)
    alive: npt.NDArray[np.bool_]  # (V, B)
    pictures: Bytes  # (V, B, h, w, 3)
    origin: Ints  # (B,): the picture of the last position from which each one of now comes

    @classmethod
    def none(cls, count: int) -> Branches:
        return cls(
            np.zeros(0, np.int64), np.zeros((0, count), np.int64), np.zeros((0, count), np.float32),
            np.zeros((0, count), bool), np.zeros((0, count, 1, 1, 3), np.uint8), np.full(count, -1),
        )  # fmt: skip

    @property
    def last(self) -> int:
        """The last position, or -1."""
        return int(self.position.max(initial=-1))

    def follow(self, who: Ints, parents: Ints) -> Branches:
        """Some pictures are now what others were."""
        origin = self.origin.copy()
        origin[who] = self.origin[parents]
        return replace(self, origin=origin)

    def add(
        self, position: int, score: npt.NDArray[np.float32], alive: npt.NDArray[np.bool_], pictures: Bytes
    ) -> Branches:
        """With the search (B,) as it is at a further position."""
        small, count = thumbnails(pictures), len(score)
        before = sized(self.pictures, small.shape[1:3])
        return Branches(
            np.append(self.position, position),
            np.concatenate([self.parent, self.origin[None]]),
            np.concatenate([self.score, score[None].astype(np.float32)]),
            np.concatenate([self.alive, alive[None]]),
            np.concatenate([before, small[None]]),
            np.arange(count),
        )

    def arrays(self) -> dict[str, Array]:
        return {TREE + name: array for name, array in vars(self).items()}

    @classmethod
    def read(cls, arrays: Mapping[str, Array], count: int) -> Branches:
        """Of a frame or a file, for so many pictures; a ValueError where it is not what a search has left there. None
        was kept of older searches."""
        none = cls.none(count)
        if TREE + "position" not in arrays:
            return none
        found = cls(**{name: arrays[TREE + name].copy() for name in vars(none)})  # type: ignore[arg-type]
        for name, like in vars(none).items():
            array = vars(found)[name]
            inner = 0 if name == "origin" else 1
            whole = array.shape[inner:2] == like.shape[inner:2] and array.ndim == like.ndim
            if array.dtype != like.dtype or not whole or (inner and len(array) != len(found.position)):
                raise ValueError(f"its tree has no {name}")
        for parents in (found.parent, found.origin):
            if parents.size and not -1 <= parents.min() <= parents.max() < count:
                raise ValueError("its tree has no such branches")
        return found


def thumbnails(pictures: Bytes) -> Bytes:
    """(B, h, w, 3), with fewer pixels where there are very many."""
    step = max(1, -(-max(pictures.shape[1:3]) // SIDE))
    return np.ascontiguousarray(pictures[:, ::step, ::step])


def sized(pictures: Bytes, size: tuple[int, ...]) -> Bytes:
    """Pictures (V, B, h, w, 3) with as many pixels as others have, the nearest ones."""
    rows, columns = (np.arange(to) * of // to for to, of in zip(size, pictures.shape[2:4], strict=True))
    return np.ascontiguousarray(pictures[:, :, rows[:, None], columns])
