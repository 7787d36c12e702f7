"""Examples on disk, as many as there are: none is in memory until it is taken.

A folder with `values.raw`, the values (N, …) one after the other, `labels.raw`, their labels (N,), and `header.json`,
which says what they are. Everything is little-endian; nothing is ever unpickled.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from ..errors import JobError, UserError
from ..files import check_file, read_file, write_atomically, write_errors
from .batches import Indices
from .examples import Batch, Labels

HEADER, VALUES, LABELS = "header.json", "values.raw", "labels.raw"
VERSION = 1
TYPES = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("uint8", "uint16", "int32", "int64", "float16", "float32")
}
LABEL = TYPES["int64"]
MOST_HEADER = 2**20  # bytes
MOST_BYTES = 2**48  # of values
MOST_DIMENSIONS = 8
SHOWN = 40  # characters of what something was made of

MadeOf = Mapping[str, Any]  # data, settings, hash of a model, …: whatever JSON can hold


@dataclass(frozen=True)
class Header:
    shape: tuple[int, ...]  # of one value
    dtype: str
    made_of: dict[str, Any]
    tokens: int = 0  # how many different ones there are; 0 where values are no tokens
    classes: int = 0
    count: int = 0
    whole: bool = False  # whether all that was to be written is there
    version: int = VERSION

    def __post_init__(self) -> None:
        whole_numbers = (*self.shape, self.tokens, self.classes, self.count)
        if not all(type(n) is int and n >= 0 for n in whole_numbers) or 0 in self.shape:
            raise ValueError("its header has impossible numbers")
        if len(self.shape) > MOST_DIMENSIONS or self.dtype not in TYPES or not isinstance(self.made_of, dict):
            raise ValueError("its header describes no values")
        if self.count * self.bytes_each > MOST_BYTES:
            raise ValueError("its header promises too much")

    @property
    def bytes_each(self) -> int:
        return math.prod(self.shape) * TYPES[self.dtype].itemsize

    def differences(self, made_of: MadeOf) -> list[str]:
        """What it was made of other than this, in words."""
        wanted = _as_json(made_of)

        def words(value: Any) -> str:
            text = json.dumps(value, ensure_ascii=False)
            return text if len(text) <= SHOWN else text[:SHOWN] + "…"

        return [
            f"{key} is {words(self.made_of.get(key))}, not {words(wanted.get(key))}"
            for key in sorted({*wanted, *self.made_of})
            if self.made_of.get(key) != wanted.get(key)
        ]


class StaleError(UserError):
    """What is there is whole, and was made of something else."""


class Shards:
    """Values and labels of a folder, which are on disk and read-only; `values[a:b]` copies nothing."""

    def __init__(self, folder: Path, made_of: MadeOf | None = None) -> None:
        """Open a folder that is whole and, if it is said what of, made of that; else a UserError in one sentence."""
        self.folder, self.header = folder, _read_header(folder)
        header = self.header
        if made_of is not None and (differences := header.differences(made_of)):
            raise StaleError(
                f"{folder} was made of something else ({'; '.join(differences)}): make it again."
            )
        if not header.whole or not header.count:
            raise UserError(f"{folder} is incomplete: finish it first.")
        self.values: npt.NDArray[Any] = _mapped(
            folder / VALUES, TYPES[header.dtype], (header.count, *header.shape)
        )
        self.labels: Labels = _mapped(folder / LABELS, LABEL, (header.count,))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.header.shape

    def __len__(self) -> int:
        return self.header.count

    def take(self, indices: Indices) -> Batch:
        header = self.header
        values = self.values[indices].astype(np.dtype(header.dtype), copy=False)
        labels = self.labels[indices].astype(np.int64, copy=False)
        self._check(labels, max(1, header.classes), "class")
        if header.tokens:
            self._check(values, header.tokens, "token")
        return Batch(values, labels, header.tokens)

    def _check(self, numbers: npt.NDArray[Any], count: int, what: str) -> None:
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
            wrong = numbers.min() if numbers.min() < 0 else numbers.max()
            raise JobError(f"{self.folder} is damaged: it has a {what} {wrong}, where there are {count}.")


class ShardWriter:
    """Writes such a folder, piece by piece. What is added is kept: where a writer of the same was ended, the next goes
    on, from `len(writer)`; what was made of something else is written anew.

        with ShardWriter(folder, (8, 8), "uint16", made_of, tokens=512) as writer:
            for piece in pieces_from(len(writer)):
                writer.add(piece.values, piece.labels)
            shards = writer.finish()
    """

    def __init__(
        self,
        folder: Path,
        shape: tuple[int, ...],
        dtype: str,
        made_of: MadeOf,
        tokens: int = 0,
        classes: int = 0,
    ) -> None:
        self.folder = folder
        fresh = Header(shape, dtype, _as_json(made_of), tokens, classes)
        with write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / ".lock", timeout=0)
            try:
                self._lock.acquire()
            except Timeout:
                raise UserError(f"{folder} is being written by another process.") from None
            self.header = self._left_by_another(fresh)
            if (
                not self.header.count
            ):  # no header may promise what is gone, and who reads the old files keeps them
                for name in (HEADER, VALUES, LABELS):
                    (folder / name).unlink(missing_ok=True)
            for name, size in ((VALUES, self.header.bytes_each), (LABELS, LABEL.itemsize)):
                with open(folder / name, "ab") as file:
                    file.truncate(self.header.count * size)  # an end of which the header does not know
            self._write_header()

    def _left_by_another(self, fresh: Header) -> Header:
        """How far another writer of the same has come."""
        try:
            found = _read_header(self.folder)
        except UserError:
            return fresh
        there = (found.count * found.bytes_each, found.count * LABEL.itemsize)
        kept = all(_size(self.folder / name) >= n for name, n in zip((VALUES, LABELS), there, strict=True))
        return found if kept and replace(found, count=0, whole=False) == fresh else fresh

    def __len__(self) -> int:
        """How many examples have been written."""
        return self.header.count

    def add(self, values: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> None:
        """More values (n, …), and their labels (n,), 0 where there are none. They are on the disk when this returns."""
        header, given = self.header, np.asarray(values)
        kept = given.astype(TYPES[header.dtype])
        numbers = np.zeros(len(kept), LABEL) if labels is None else np.asarray(labels).astype(LABEL)
        if kept.shape[1:] != header.shape or numbers.shape != kept.shape[:1]:
            raise ValueError(f"values {kept.shape} with labels {numbers.shape} are not (n, *{header.shape})")
        if kept.dtype.kind != "f" and not np.array_equal(kept, given):
            raise ValueError(f"these values are not {header.dtype}")
        if header.tokens and kept.size and not 0 <= kept.min() <= kept.max() < header.tokens:
            raise ValueError(f"there are {header.tokens} tokens, but these are {kept.min()} to {kept.max()}")
        with write_errors(self.folder):
            for name, array in ((VALUES, kept), (LABELS, numbers)):
                with open(self.folder / name, "ab") as file:
                    file.write(array.tobytes())
                    file.flush()
                    os.fsync(file.fileno())
            self.header = replace(header, count=header.count + len(kept), whole=False)
            self._write_header()

    def finish(self) -> Shards:
        """Nothing more will come."""
        self.header = replace(self.header, whole=True)
        with write_errors(self.folder):
            self._write_header()
        return Shards(self.folder)

    def _write_header(self) -> None:
        text = json.dumps(asdict(self.header), indent=1)
        write_atomically(self.folder / HEADER, text.encode())

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._lock.release()


def _as_json(made_of: MadeOf) -> dict[str, Any]:
    """As it is once it has been written and read."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(made_of), allow_nan=False))
    return plain


def _read_header(folder: Path) -> Header:
    path = folder / HEADER
    try:
        said = json.loads(read_file(path, MOST_HEADER, "header"))
        if not isinstance(said, dict) or not isinstance(said.get("whole"), bool):
            raise ValueError("its header describes no values")
        if said.get("version") != VERSION:
            raise ValueError("it was written by another version of this studio")
        return Header(**{**said, "shape": tuple(said["shape"])})
    except FileNotFoundError:
        raise UserError(f"{folder} holds no examples: there is no {HEADER} in it.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (TypeError, KeyError, RecursionError):
        raise UserError(f"{folder} cannot be read: its header describes no values.") from None
    except json.JSONDecodeError:
        raise UserError(f"{folder} cannot be read: its header is damaged.") from None
    except ValueError as error:
        raise UserError(f"{folder} cannot be read: {error}.") from None


def _size(path: Path) -> int:
    return check_file(path) if path.exists() else 0


def _mapped(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The file as an array that stays on disk, if it is exactly as large as it should be."""
    size, needed = _size(path), math.prod(shape) * dtype.itemsize
    if size != needed:
        raise UserError(f"{path} is damaged: it has {size:,} bytes, not {needed:,}.")
    try:
        return np.asarray(np.memmap(path, dtype, "r", shape=shape))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
