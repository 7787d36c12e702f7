"""Where places lie, and when they are drawn: what a sampler says of its stages and orders, in one.

All that is kept of a drawing lies in the order in which it is drawn: by position. What people see and touch lies row by
row, stage after stage: by place. This goes from one to the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...drawings import starts_of
from ...models.ordered.request import kept_of
from .sampler import Stage, Way

Ints = npt.NDArray[np.int64]
LANDMARKS = 12


class Span(NamedTuple):
    """Places of stages one after another that are drawn in one way, if a person wants no other."""

    start: int
    stop: int
    way: Way


class Layout:
    """The places of all stages, N of them."""

    def __init__(self, stages: Sequence[Stage]):
        self.stages = tuple(stages)
        self.sizes = np.array([stage.size for stage in stages], np.int64)  # (S, 2)
        self.starts = starts_of(self.sizes)  # (S + 1,)
        self._starts: list[int] = self.starts.tolist()
        self.count = self._starts[-1]
        orders = [start + np.asarray(s.order) for start, s in zip(self.starts, stages, strict=False)]
        self.order: Ints = np.concatenate(orders).astype(np.int64)  # (N,): the place at each position
        if not np.array_equal(np.sort(self.order), np.arange(self.count)):
            raise ValueError("an order has each place of its stage once")
        self.positions: Ints = np.argsort(self.order)  # (N,): the position of each place
        self.levels = np.repeat([stage.levels for stage in stages], np.diff(self.starts))  # (N,): by position
        self.kept = max(kept_of(stage.levels) for stage in stages)  # values whose chances are kept
        self.widest = int(self.sizes[:, 1].max())
        self.spans = tuple(self._spans())
        # Positions at which a search is kept to be looked at: even ones, and the ends of stages.
        even = {round(n * self.count / LANDMARKS) for n in range(1, LANDMARKS + 1)} - {0}
        self.landmarks = frozenset(even | set(self._starts[1:]))
        # What people see of N places: rows and columns, or all of several stages in one line.
        self.shape = self.stages[0].size if len(self.stages) == 1 else (self.count,)

    def _spans(self) -> Iterator[Span]:
        start = 0
        for number, (stage, stop) in enumerate(zip(self.stages, self._starts[1:], strict=True)):
            if number + 1 == len(self.stages) or self.stages[number + 1].way != stage.way:
                yield Span(start, stop, stage.way)
                start = stop

    def by_position(self, places: Any) -> Any:
        """(B, H, W, …) or (B, N, …) as people see it, to (B, N, …) as it is drawn."""
        inner = 1 + len(self.shape)
        if places.shape[1:inner] != self.shape:
            raise ValueError(f"it has the places {places.shape[1:inner]}, not {self.shape}")
        return places.reshape(len(places), self.count, *places.shape[inner:])[:, self.order]

    def by_place(self, positions: Any) -> Any:
        """(B, N, …) as it is drawn, to (B, H, W, …) or (B, N, …) as people see it."""
        return positions[:, self.positions].reshape(len(positions), *self.shape, *positions.shape[2:])

    def positions_of(self, stage: int) -> Ints:
        """When the places of a stage are drawn, row by row: (H · W,)."""
        return self.positions[self.starts[stage] : self.starts[stage + 1]]

    def span_at(self, position: int) -> Span:
        """The stages around a position that are drawn in one way."""
        return next(span for span in self.spans if position < span.stop)

    def covered(self, keep: npt.NDArray[np.bool_], stage: int) -> npt.NDArray[np.bool_]:
        """Which places of a stage lie wholly in what is kept of the last one, (H, W)."""
        (H, W), (h, w) = keep.shape, self.stages[stage].size
        rows, columns = (
            [slice(n * fine // coarse, -(-(n + 1) * fine // coarse)) for n in range(coarse)]
            for fine, coarse in ((H, h), (W, w))
        )
        return np.array([[keep[y, x].all() for x in columns] for y in rows])

    def row_at(self, position: int) -> tuple[int, int]:
        """Where the row of a position begins and ends: as many places as lie side by side in its stage."""
        stage = bisect_right(self._starts, position) - 1
        width, start = self.stages[stage].size[1], self._starts[stage]
        begin = start + (position - start) // width * width
        return begin, begin + width
