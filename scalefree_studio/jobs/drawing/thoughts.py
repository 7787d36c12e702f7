"""What a network thought possible at the places of one picture, as far as that is known.

N places in their order, C channels, K values of which the chances are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ...models.ordered.request import ALL_KEPT, Likeliest, likeliest_of
from ...snapshot import Array
from .layout import Layout


class Thoughts:
    def __init__(self, layout: Layout, channels: int):
        self._layout = layout
        self.known = np.zeros(layout.count, bool)
        shape = layout.count, channels, layout.kept
        self._chances = np.zeros(shape, np.float16)  # (N, C, K), …
        self._likeliest: npt.NDArray[np.integer] | None = None  # … of these values; None: of all, in order
        most = int(layout.levels.max())
        if most > ALL_KEPT:
            self._likeliest = np.zeros(shape, np.min_scalar_type(most - 1))

    def forget(self, where: Any = slice(None)) -> None:
        self.known[where] = False
        self._chances[where] = 0

    def keep(self, at: Any, likeliest: Likeliest, part: Any = slice(None)) -> None:
        """What was thought at some positions: a part of this."""
        chances = likeliest.chances[part].cpu().numpy()  # (k, C, K)
        self._chances[at, :, : chances.shape[2]] = chances
        if self._likeliest is not None:
            values = likeliest.values
            found = np.arange(chances.shape[2]) if values is None else values[part].cpu().numpy()
            self._likeliest[at, :, : chances.shape[2]] = found
        self.known[at] = True

    def keep_all(self, at: npt.NDArray[np.bool_], chances: Tensor) -> None:
        """What was thought wherever it is asked for, of the chances (N, C, L) of all positions."""
        for levels in np.unique(self._layout.levels[at]).tolist():  # of one stage or another
            here = np.flatnonzero(at & (self._layout.levels == levels))
            self.keep(here, likeliest_of(chances[here][..., :levels]))

    def frame(self) -> dict[str, Array]:
        by_place = self._layout.by_place
        frame = {"chances": by_place(self._chances[None])[0]}
        if self._likeliest is not None:
            frame["likeliest"] = by_place(self._likeliest[None])[0]
        return frame
