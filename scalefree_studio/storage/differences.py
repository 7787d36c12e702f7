"""What a recorded frame is kept as: its bytes, or those compressed, or their compressed difference from an earlier one.

Frames that follow one another mostly differ little, and the difference is a byte-wise exclusive or: exact, whatever the
bytes mean. The frame before would be the nearest, but then the last of many frames could only be had through them all.
So frame k after a key frame is told from frame k with its lowest bit put out:

    k     1  2  3  4  5  6  7  8  9 10 11 12 …
    from  0  0  2  0  4  4  6  0  8  8 10  8 …

Thus a key is at most log2(64) = 6 differences away, which are three frames wide on average; and whoever reads frame
after frame undoes one each, since what k is told from lies on the way from k - 1 to its key.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_BYTES = 2**28  # of a frame: what claims more is not unpacked
KEY_EVERY = 64  # frames
MAGIC = b"differs\xff"  # no frame begins so: safetensors begin with the size of a header, which would be 10^19 bytes
# MAGIC; so many ids before (0: from nothing); size and checksum of the frame.
HEADER = struct.Struct("<8sIII")
LEVEL = 1  # of zlib: a difference is zeros for the most part, which any level finds


class Writer:
    """Says what is to be kept of frames that are given one after the other."""

    def __init__(self) -> None:
        self._way: list[tuple[int, int, bytes]] = []  # (k, id, frame) from the key to the last one

    def kept(self, id: int, frame: bytes) -> bytes:
        k = self._way[-1][0] + 1 if self._way else KEY_EVERY
        if k < KEY_EVERY and len(frame) == len(self._way[-1][2]):
            way = [step for step in self._way if step[0] <= k & (k - 1)]
            _, before, base = way[-1]
            difference = _packed(_xor(frame, base), id - before, frame)
            if len(difference) < len(frame) // 2 or len(difference) < len(_alone(frame)):
                self._way = [*way, (k, id, frame)]
                return difference
        self._way = [(0, id, frame)]
        return _alone(frame)


class Reader:
    """Gives frames back, by what `fetch` says is kept under an id."""

    def __init__(self, fetch: Callable[[int], bytes]):
        self._fetch = fetch
        self._way: dict[int, bytes] = {}  # frames by id, from a key to the last one asked for

    def frame(self, id: int) -> bytes:
        """The frame, or a ValueError where it is damaged."""
        ahead: list[tuple[int, _Kept]] = []
        at = id
        while at not in self._way and (not ahead or ahead[-1][1].back):
            if len(ahead) == KEY_EVERY:
                raise ValueError("it is too far from a key frame")
            kept = _Kept(self._fetch(at))
            ahead.append((at, kept))
            at -= kept.back
        way = {n: frame for n, frame in self._way.items() if n <= at} if at in self._way else {}
        for n, kept in reversed(ahead):
            way[n] = kept.frame(way[n - kept.back] if kept.back else None)
        self._way = way
        return way[id]


@dataclass
class _Kept:
    """What is kept of a frame, taken apart."""

    data: bytes

    def __post_init__(self) -> None:
        self.back = 0
        self.plain = not self.data.startswith(MAGIC)
        if not self.plain:
            if len(self.data) < HEADER.size:
                raise ValueError("it is cut off")
            _, self.back, self.size, self.checksum = HEADER.unpack_from(self.data)

    def frame(self, base: bytes | None) -> bytes:
        if self.plain:
            return self.data
        if self.size > MOST_BYTES:
            raise ValueError("it is too large")
        try:
            stream = zlib.decompressobj()
            frame = stream.decompress(self.data[HEADER.size :], max(1, self.size))
        except zlib.error as error:
            raise ValueError(f"it cannot be unpacked ({error})") from None
        if base is not None and len(base) == len(frame):
            frame = _xor(frame, base)
        if len(frame) != self.size or zlib.crc32(frame) != self.checksum:
            raise ValueError("it is not what it was")
        return frame


def _alone(frame: bytes) -> bytes:
    """What is kept of a key frame."""
    return min(frame, _packed(frame, 0, frame), key=len)


def _packed(data: bytes, back: int, frame: bytes) -> bytes:
    return HEADER.pack(MAGIC, back, len(frame), zlib.crc32(frame)) + zlib.compress(data, LEVEL)


def _xor(a: bytes, b: bytes) -> bytes:
    return (np.frombuffer(a, np.uint8) ^ np.frombuffer(b, np.uint8)).tobytes()
