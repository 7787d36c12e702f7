"""What codebooks look like while they are learned: the record that every training of codes shows.

A picture is cut into tokens in S stages, the coarsest first; stage s is a grid of H × W tokens, each one of K codes.

    frame   wall       (M, h, w, C) bytes     what M held-out pictures become when they are made of their tokens again
            fresh      () integer             h: all of it is new
            stage.s    (M, h, w, C) bytes     the same from the stages up to s alone; only if there are several
            tokens.s   (M, H, W) integers     the tokens of those pictures
            tiles.s    (K, th, tw, 3) bytes   what each code looks like by itself
            usage.s    (K,) integers          how many tokens each code stood for in the last whole epoch, or so far
            revived.s  (K,) integers          the step at which a code that nothing used was last set anew; -1: never
            alive.s    (K,) bool              False where a code is pruned, or about to be
            near.s     (K, N) integers        the codes most alike to each, the most alike first
            apart.s    (K,) float32           how far a code lies from its neighbours on the map, on average (U-matrix)
            radius.s   () float32             how far learning reaches around the best unit of the map now, in units
            going.s    (G, 3) float64         pruning: of some thresholds, the error that would be left, and how many
                                              codes would go: (threshold, codes, error); the first threshold is 0
    still   held       (M, h, w, C) bytes     those held-out pictures themselves
            stages     (S, 2) integers        rows and columns of tokens
            arranged.s (2,) integers          rows and columns in which the codes lie for a person to see
            map.s      () bool                whether neighbours there were taught to be alike: a self-organising map
            line.s     () bool                … whose units lie on a line, which is shown in rows; only of maps

Of these a training has what it can say: without `tiles.0` there are no codes, as of a plain autoencoder; `revived`
belongs to codebooks that are revived, `apart` and `radius` to maps. The error is the mean squared one of pixels that
lie in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .snapshot import Array, Bytes

KEPT = "shown."  # before the names of these arrays in trainer.safetensors, for movies and for going on


@dataclass(frozen=True)
class Codebook:
    """One stage of what is shown: a frame, and what stays the same from frame to frame."""

    frame: Mapping[str, Array]
    still: Mapping[str, Array]
    stage: int = 0

    def part(self, name: str) -> Array | None:
        """What is said of this stage under a name, if anything is."""
        own = f"{name}.{self.stage}"
        return self.frame.get(own, self.still.get(own))

    @property
    def tiles(self) -> Bytes:
        return np.asarray(self.frame[f"tiles.{self.stage}"], np.uint8)

    @property
    def count(self) -> int:
        return len(self.tiles)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of tokens."""
        rows, columns = self.still["stages"][self.stage].tolist()
        return rows, columns

    @property
    def arranged(self) -> tuple[int, int]:
        rows, columns = self.still[f"arranged.{self.stage}"].tolist()
        return rows, columns

    @property
    def is_map(self) -> bool:
        return bool(self.still[f"map.{self.stage}"])

    @property
    def is_line(self) -> bool:
        """Whether it is a map on a line, which is shown in rows."""
        return bool(self.still.get(f"line.{self.stage}", np.array(False)))


def stages_of(frame: Mapping[str, Array]) -> int:
    """How many stages of codes a frame shows; 0: it shows none."""
    return sum(name.startswith("tiles.") for name in frame)
