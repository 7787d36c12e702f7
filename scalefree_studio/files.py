"""Files that are there whole or not at all, written beside their place, synced, then renamed; and the reading of files
that are files: a pipe or a device in the place of one would be waited for, or read for ever."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from .errors import UserError

if sys.platform != "win32":
    import fcntl

PART = ".part"  # ends the name of a file that is being written
LOCK = ".writing.lock"  # in a folder that somebody writes: see storage/lock.py
PASSING, HELD = "scalefree-studio-", ".held"  # folders for the time being, and the file by which each is held
PARTS = re.compile(rf"\..*\.[0-9a-f]{{8}}{re.escape(PART)}", re.DOTALL)
KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip


# Reading.


def at_home(path: Path | str) -> Path:
    """The path, with the home folder where it begins with ~; as it stands where that names nobody."""
    return Path(os.path.expanduser(path))


def same_file(a: Path, b: Path) -> bool:
    """Whether two paths lead to one place, whether or not something is there."""
    return os.path.realpath(a) == os.path.realpath(b)


def check_file(path: Path, what: str = "file") -> int:
    """The size of an ordinary file; a UserError where it is something else, an OSError where nothing is there."""
    found = path.stat()
    for is_kind, name in KINDS:
        if is_kind(found.st_mode):
            raise UserError(f"{path} is {name}, not a {what}.")
    return found.st_size


def open_file(path: Path, what: str = "file") -> BinaryIO:
    """An ordinary file, to be read; else likewise."""
    check_file(path, what)
    return path.open("rb")


def read_file(path: Path, most: int, what: str = "file") -> bytes:
    """All of an ordinary file that has at most so many bytes; else likewise."""
    if check_file(path, what) > most:
        raise UserError(f"{path} is not a readable {what}: it is larger than {most >> 20} MiB.")
    return path.read_bytes()


# Writing.


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A folder for the time being. What killed processes have left of theirs goes first."""
    for left in Path(tempfile.gettempdir()).glob(f"{PASSING}*"):
        if is_left(left / HELD):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PASSING) as place, open(Path(place, HELD), "xb") as file:
        hold(file)
        yield Path(place)


def part_of(path: Path) -> Path:
    """A name beside a file's that nobody else has, for as long as it is being written."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")


def new_part(path: Path) -> tuple[Path, BinaryIO]:
    """An empty file beside another's place. While it is open, `clear_parts` knows that somebody is writing it."""
    while True:
        part = part_of(path)
        file = open(part, "xb")  # noqa: SIM115 - whoever asked for it closes it
        if hold(file) and part.exists():  # else somebody has just cleared it away
            return part, file
        file.close()


def clear_parts(folder: Path) -> None:
    """Remove what killed processes have left half written in a folder."""
    with suppress(OSError):
        for part in folder.iterdir():
            if PARTS.fullmatch(part.name) and part.is_file() and is_left(part):
                part.unlink(missing_ok=True)


def hold(file: BinaryIO) -> bool:
    """Mark an open file as in use, until it is closed or its process ends; whether nobody else has."""
    if sys.platform == "win32":  # an open file is in use by itself
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nothing is known, nothing is cleared
        return True
    return True


def is_left(path: Path) -> bool:
    """Whether nobody who holds this file lives any more."""
    try:
        if sys.platform == "win32":
            os.rename(path, path)  # refused while it is open
            return True
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        return False


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name only once it is complete and on the disk; until then what was there before stays."""
    part, file = new_part(path)
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        put_in_place(part, file, path)
    finally:
        file.close()
        part.unlink(missing_ok=True)


def put_in_place(part: Path, file: BinaryIO, path: Path) -> None:
    """Give what is complete its name, as long as it is held: nobody clears it away in between."""
    if sys.platform == "win32":  # which renames no file that is open
        file.close()
    os.replace(part, path)


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
