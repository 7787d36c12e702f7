"""PNG, written row by row. Pillow wants the whole picture in memory; the packages that write in pieces do so in pure
Python and without filters, which makes larger files. A PNG is a signature and four kinds of chunks, so here it is."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ..snapshot import Bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SUB, UP = 1, 2  # filters: a row is stored as its difference from the pixel at the left, or from the row above
LEVEL = 4  # of zlib: beyond, pictures of flat regions take much longer and become hardly smaller
CHUNK = 1 << 18


class PngWriter:
    """Give it rows of bytes (n, width, 3) until the picture is full, then close it."""

    def __init__(self, file: BinaryIO, width: int, height: int):
        self._file, self._width, self._missing = file, width, height
        self._above = np.zeros((1, width, 3), np.uint8)
        self._zlib = zlib.compressobj(LEVEL)
        self._waiting = bytearray()
        file.write(SIGNATURE)
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))  # 8 bits, RGB
        self._chunk(b"sRGB", b"\0")

    def write(self, rows: Bytes) -> None:
        if rows.shape[1:] != (self._width, 3) or len(rows) > self._missing:
            raise ValueError(f"rows of shape {rows.shape} do not fit into the picture")
        self._missing -= len(rows)
        self._waiting += self._zlib.compress(self._filtered(rows))
        self._above = rows[-1:].copy()
        if len(self._waiting) >= CHUNK:
            self._flush()

    def close(self) -> None:
        if self._missing:
            raise ValueError(f"{self._missing} rows are missing")
        self._waiting += self._zlib.flush()
        self._flush()
        self._chunk(b"IEND", b"")

    def _filtered(self, rows: Bytes) -> bytes:
        """Every row as whichever difference is smaller, led by the filter's number."""
        n = len(rows)
        up = rows - np.concatenate([self._above, rows[:-1]])  # modulo 256, as PNG wants it
        sub = rows.copy()
        sub[:, 1:] -= rows[:, :-1]
        by_up = _size(up) <= _size(sub)  # (n,)
        stored = np.empty((n, 1 + 3 * self._width), np.uint8)
        stored[:, 0] = np.where(by_up, UP, SUB)
        stored[:, 1:] = np.where(by_up[:, None, None], up, sub).reshape(n, -1)
        return stored.tobytes()

    def _flush(self) -> None:
        self._chunk(b"IDAT", bytes(self._waiting))
        self._waiting.clear()

    def _chunk(self, name: bytes, data: bytes) -> None:
        self._file.write(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )


def _size(differences: Bytes) -> npt.NDArray[np.int64]:
    """How large the differences of each row are, taken as small numbers around 0."""
    near_zero = np.minimum(differences, -differences)  # modulo 256 the smaller of |d| and |256 − d|
    size: npt.NDArray[np.int64] = near_zero.sum((1, 2), dtype=np.int64)
    return size
