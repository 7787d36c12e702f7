"""Any number of rectangles in one draw call, each with a record of its own that a shader makes something of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vispy import gloo


class Quads:
    """A program whose vertices come in fours: `a_corner` is (±1, ±1), the record's fields are the same for all four.
    Buffers are kept, and grow when they must."""

    def __init__(self, vertex: str, fragment: str, record: np.dtype[Any]) -> None:
        self.program = gloo.Program(vertex, fragment)
        self._record = record
        self._capacity = self._drawn = 0
        self._buffer = gloo.VertexBuffer(np.zeros(4, record))
        self._corners = gloo.VertexBuffer(np.zeros((4, 2), np.float32))
        self._indices = gloo.IndexBuffer(np.zeros(6, np.uint32))
        self.empty = True

    def set(self, records: npt.NDArray[Any]) -> None:
        """These from now on, the last on top. A record of zeros must come out as nothing."""
        self.empty = not len(records)
        if self.empty:
            return
        if len(records) > self._capacity:
            self._grow(len(records))
        blank = max(0, self._drawn - len(records))  # what was drawn before and is no more
        data = np.concatenate([records, np.zeros(blank, self._record)]) if blank else records
        self._buffer.set_subdata(np.repeat(data, 4), copy=False)
        self._drawn = len(records)

    def _grow(self, wanted: int) -> None:
        n = self._capacity = 1 << max(6, (wanted - 1).bit_length())
        corner = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
        self._corners.set_data(np.tile(corner, (n, 1)))
        self._indices.set_data(
            (np.arange(n, dtype=np.uint32)[:, None] * 4 + np.array([0, 1, 2, 0, 2, 3], np.uint32)).ravel()
        )
        self._buffer.set_data(np.zeros(4 * n, self._record))
        self._drawn = 0
        self.program["a_corner"] = self._corners
        self.program.bind(self._buffer)

    def draw(self) -> None:
        if not self.empty:
            self.program.draw("triangles", self._indices)
