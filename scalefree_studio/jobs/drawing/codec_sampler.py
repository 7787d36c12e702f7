"""What all samplers share that draw the tokens of a codec: the codec shows what they have drawn.

B pictures of h × w pixels, N tokens of all stages that are drawn, one stage after the other, each row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from ...data.pictures import fitted
from ...snapshot import Array, Bytes
from ..codec import Codec, Grid
from ..encoding import parted
from .sampler import Sampler, Stage


class CodecSampler(Sampler):
    """`pixels` is the size of its pictures, (h, w); `first` is how many of the coarsest stages of its codec it leaves
    out, as finer ones say all that they do; `grids` are those of the stages that it draws."""

    codec: Codec
    pixels: tuple[int, int]
    first: int = 0

    def __init__(
        self, codec: Codec, pixels: tuple[int, int], first: int = 0, stages: int | None = None
    ) -> None:
        """`stages`: how many of those after the first it draws, where it is not all of them."""
        self.codec, self.pixels, self.first, self.device = codec, pixels, first, codec.device
        every = codec.grids(pixels)
        self.grids: Sequence[Grid] = every[first:][:stages]
        self.size, self.levels = (
            (self.grids[-1].rows, self.grids[-1].columns),
            max(g.codes for g in self.grids),
        )
        numbers, last = pixels[0] * pixels[1] * codec.channels, self.grids[-1].count
        self.dimensions = numbers // last if numbers % last == 0 else 0
        self._stages = [Stage((g.rows, g.columns), np.arange(g.count), g.codes) for g in self.grids]
        self.decode_alone()

    def decode_alone(self) -> None:
        """A copy that draws other pictures at the same time does not use the same memory."""
        self._decoded = Decoded(self.codec, self.codec.grids(self.pixels)[: self.first], self.grids)

    @property
    def stages(self) -> Sequence[Stage]:
        return self._stages

    def decode(self, values: Array, drawn: Array) -> Bytes:
        return self._decoded(values.reshape(len(values), -1), drawn.reshape(len(drawn), -1))

    def values_of(self, pixels: Array, stage: int = 0) -> Array:
        picture = fitted(pixels, self.pixels, self.codec.channels)[None]  # (1, h, w, C)
        values: Array = self.codec.encode(picture)[self.first + stage][0, ..., None]
        return values


class Decoded:
    """Pictures of tokens, of which only those are made anew that have changed: a stroke of a brush changes one picture
    of many."""

    def __init__(self, codec: Codec, empty: Sequence[Grid], grids: Sequence[Grid]):
        """Of the coarsest stages, those that are always `empty`; of the ones that are drawn, their `grids`."""
        self._codec, self._empty, self._grids = codec, empty, grids
        self._ends = list(accumulate(grid.count for grid in grids))
        # By the last stage of which something is drawn: values (B, N), what of them is drawn, and pictures.
        self._known: dict[int, tuple[Array, Array, Bytes]] = {}

    def __call__(self, values: Array, drawn: Array) -> Bytes:
        """(B, N) each → (B, h, w, 3)."""
        last = int(np.flatnonzero(drawn.any(0)).max(initial=0))  # what comes after that place shows nothing
        stage = int(np.searchsorted(self._ends, last, side="right"))
        changed, pictures = np.ones(len(values), bool), None
        if stage in self._known and self._known[stage][0].shape == values.shape:
            before, seen, pictures = self._known[stage]
            changed = ((values != before) | (drawn != seen))[:, : self._ends[stage]].any(1)
        if pictures is None or changed.any():
            made = self._made(values[changed], drawn[changed])
            pictures = (
                np.empty((len(values), *made.shape[1:]), np.uint8) if pictures is None else pictures.copy()
            )
            pictures[changed] = made
            self._known[stage] = values.copy(), drawn.copy(), pictures
        return pictures

    def _made(self, values: Array, drawn: Array) -> Bytes:
        """Of all stages: by the first ones alone, a codec would not know how large pictures are."""
        grids = self._grids
        empty = [np.zeros((len(values), grid.rows, grid.columns), np.int64) for grid in self._empty]
        # Where chances are no numbers, values are none either: they are shown as some code.
        tokens = [t.clip(max=g.codes - 1) for t, g in zip(parted(values, grids), grids, strict=True)]
        there = [part > 0 for part in (*empty, *parted(drawn, grids))]
        made = self._codec.decode([*empty, *tokens], there)
        return np.broadcast_to(made, (*made.shape[:3], 3))
