"""On a GPU, the drawing of a pixel as one captured graph: its hundred small kernels are launched at one go.

Whatever drawing a pixel reads and writes lies in buffers that stay where they are (see `CachedPixelCNN` and `Row`), and
what is done differs from column to column, but not from row to row. So the work of a column is done as it is in the
first row, captured in the second, and replayed from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import torch

Work = Callable[[], None]


class Capture(Protocol):
    """Makes graphs of work."""

    def warm_up(self, work: Work) -> None:
        """Do it where it will be captured later, so that libraries have there what they need."""

    def replay(self, work: Work) -> Work:
        """What does the same from a graph, or a RuntimeError. The work itself is not done."""


class Graphed:
    """The work of each column, row after row."""

    def __init__(self, work: Callable[[int], None], capture: Capture):
        self._work, self._capture = work, capture
        self._warm: set[int] = set()
        self._replays: dict[int, Work] = {}  # from a column's second row on

    def __call__(self, x: int) -> None:
        work = partial(self._work, x)
        if x not in self._warm:
            self._warm.add(x)
            self._capture.warm_up(work)
            return
        if x not in self._replays:
            try:
                self._replays[x] = self._capture.replay(work)
            except RuntimeError:  # an old driver, memory that is short: it goes on as it began
                self._replays[x] = work
        self._replays[x]()


class CudaCapture:
    """Captures on a stream of its own. All graphs share their memory, since one is replayed after another."""

    def __init__(self, device: torch.device):
        self._stream, self._memory = torch.cuda.Stream(device), torch.cuda.graph_pool_handle()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Within this, kernels go to that stream: after all that was launched before, and before all that comes."""
        here = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(here)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            here.wait_stream(self._stream)

    def warm_up(self, work: Work) -> None:
        with self._aside():
            work()

    def replay(self, work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        with self._aside():
            graph.capture_begin(self._memory, capture_error_mode="thread_local")
            try:
                work()
            finally:
                graph.capture_end()
        again: Work = graph.replay
        return again


def graphed(work: Callable[[int], None], device: torch.device) -> Callable[[int], None]:
    """The same work, from captured graphs where there is a GPU."""
    return Graphed(work, CudaCapture(device)) if device.type == "cuda" else work
