"""Files that are there whole or not at all: written beside their place, synced, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from .errors import UserError

PART = ".part"  # ends the name of a file that is being written
LOCK = ".writing.lock"  # in a folder that somebody writes: see storage/lock.py


def part_of(path: Path) -> Path:
    """A name beside a file's that nobody else has, for as long as it is being written."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only once it is complete and on the disk; until then what was there before stays."""
    part = part_of(path)
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """All of the data under this name, or what was there before."""
    with replacing(path) as file:
        file.write(data)


def is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder, but perhaps the lock of whoever is about to write there."""
    return all(entry.name == LOCK for entry in islice(folder.iterdir(), 2))


def check_folder(path: Path) -> None:
    """A UserError where a file could not be written because its folder is missing."""
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: there is no such folder.")


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Within this, whatever the disk refuses becomes one sentence about that file."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from None
