"""The idx files of the MNIST family, packed or not, read with suspicion."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..files import open_file

MOST_BYTES = 2**30  # the largest of the family, EMNIST's, has half of it
MOST_EXAMPLES = 2**22  # EMNIST has 814,255
MOST_SIDE = 1024  # of a picture
BYTES = b"\0\0\x08"  # how a file of unsigned bytes begins; the number of dimensions follows


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array in the file, or a UserError in one sentence. Nothing that the header promises is believed, and what is
    out of proportion is not read."""
    try:
        with (
            open_file(path) as kept,
            cast(BinaryIO, gzip.open(kept)) if path.suffix == ".gz" else kept as file,
        ):
            if file.read(4) != BYTES + bytes([dimensions]):
                raise ValueError(f"it is not an idx file of bytes in {dimensions} dimensions")
            header = file.read(4 * dimensions)
            if len(header) < 4 * dimensions:
                raise ValueError("it ends too soon")
            shape = [int(n) for n in np.frombuffer(header, ">u4")]
            size = math.prod(shape)  # of Python's integers, which do not overflow
            if (
                not 0 < size <= MOST_BYTES
                or shape[0] > MOST_EXAMPLES
                or max(shape[1:], default=0) > MOST_SIDE
            ):
                raise ValueError(f"it claims to hold {' × '.join(map(str, shape))} values")
            data = file.read(size)
            if len(data) < size:
                raise ValueError("it ends too soon")
            if file.read(1):  # for a packed file this also has its check sum verified
                raise ValueError("it has extra bytes at its end")
    except (OSError, EOFError, zlib.error, ValueError, MemoryError) as error:
        what = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"{path} cannot be read: {what.rstrip('.')}.") from None
    return np.frombuffer(data, np.uint8).reshape(shape)
