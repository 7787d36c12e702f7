"""Packed archives, read in memory: nothing in them is ever written anywhere, so no name in them can do harm."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import UserError
from ..files import open_file

MOST_BYTES = 2**30  # unpacked and all together: CIFAR-10 has a fifth of it
MOST_BYTES_EACH = 2**26
MOST_MEMBERS = 2**20  # files, folders, links and all


class _Bounded:
    """As much of a stream as may be had; a bomb ends here, wherever in the archive it is."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self.stream, self.left = stream, most

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError("unpacked it is too large")
        return data


def members(
    path: Path, most: int = MOST_BYTES, most_each: int = MOST_BYTES_EACH, most_members: int = MOST_MEMBERS
) -> Iterator[tuple[str, bytes]]:
    """Name and content of each ordinary file in a .tar.gz, or a UserError in one sentence."""
    try:
        with open_file(path, "archive") as packed, gzip.open(packed) as unpacked:
            bounded = _Bounded(cast(BinaryIO, unpacked), most)
            with tarfile.open(fileobj=cast(BinaryIO, bounded), mode="r|") as archive:
                for number, member in enumerate(archive):
                    if number >= most_members:
                        raise ValueError(f"it holds more than {most_members:,} files")
                    archive.members.clear()  # type: ignore[attr-defined]  # or it remembers every one
                    if not member.isreg():  # links, devices, folders
                        continue
                    if member.size > most_each:  # before reading: a sparse file unpacks from nothing
                        raise ValueError(f"{member.name!r} in it is too large")
                    file = archive.extractfile(member)
                    yield member.name, file.read() if file else b""
            # tarfile takes a damaged header for the end; the check sum, at the true end, knows better.
            while bounded.read(2**16):
                pass
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError, MemoryError) as error:
        what = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"{path} cannot be read: {what.splitlines()[0].rstrip('.')}.") from None
