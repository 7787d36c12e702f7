"""What all samplers share that draw the tokens of a codec: the codec shows what they have drawn.

B pictures of h × w pixels, N tokens of all stages, one stage after the other, each row by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...data.pictures import fitted
from ...snapshot import Array, Bytes
from ..codec import Codec, Grid
from ..drawing.sampler import Sampler, Stage
from ..encoding import parted


class CodecSampler(Sampler):
    """`grids` are those of the stages that it draws: the first ones of its codec."""

    codec: Codec
    grids: Sequence[Grid]

    @property
    def stages(self) -> Sequence[Stage]:
        return [Stage((grid.rows, grid.columns), np.arange(grid.count), grid.codes) for grid in self.grids]

    def decode(self, values: Array, drawn: Array) -> Bytes:
        """Of one stage (B, H, W, 1), of several (B, N, 1), and as far as they are drawn (B, H, W) or (B, N)."""
        rows, seen = (np.asarray(a, np.int64).reshape(len(a), -1) for a in (values, drawn))  # (B, N)
        tokens, there = parted(rows, self.grids), [part > 0 for part in parted(seen, self.grids)]
        known = [part.clip(max=grid.codes - 1) for part, grid in zip(tokens, self.grids, strict=True)]
        pictures = self.codec.decode(known, there)
        return np.repeat(pictures, 3, axis=3) if pictures.shape[3] == 1 else pictures

    def looks(self, stage: int = 0) -> Mapping[str, Array]:
        return {"tiles": self.codec.tiles(stage), "reach": np.array([-1, -1])}

    def values_of(self, pixels: Array, stage: int = 0) -> Array:
        picture = fitted(pixels, self.codec.size, self.codec.channels)[None]  # (1, h, w, C)
        tokens: Array = self.codec.encode(picture)[stage][0][..., None]
        return tokens


def classes_of(about: Mapping[str, Any], wanted: int) -> list[str]:
    """The names of the classes that a network was taught, if it was; ValueError where they are not as many."""
    classes = [str(name) for name in about.get("classes") or []] if wanted else []
    if len(classes) != wanted:
        raise ValueError(f"{len(classes)} classes have names, not {wanted}")
    return classes
