"""One writer for each folder: a lock that a process holds, and that goes with it, however it ends."""

from __future__ import annotations

import errno
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..files import LOCK

if sys.platform == "win32":
    import msvcrt

    def _locked(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _locked(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


# How systems say that it is somebody else's.
TAKEN = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


class FolderLock:
    """Held by one process, and there by one object, at a time. A lock file alone means nothing: what a killed process
    has left of one stops nobody."""

    def __init__(self, folder: Path):
        self._path = folder / LOCK
        self._file: BinaryIO | None = None
        self._holds = 0
        self._gate = threading.Lock()  # against our own threads

    @property
    def held(self) -> bool:
        return self._holds > 0

    def hold(self) -> bool:
        """Whether it is ours now. It may be held again, and is let go once it was released as often."""
        with self._gate:
            if self._holds == 0 and not self._take():
                return False
            self._holds += 1
            return True

    def release(self) -> None:
        with self._gate:
            self._holds -= 1
            file, self._file = (None, self._file) if self._holds else (self._file, None)
            if file is not None:
                with suppress(OSError):  # Windows takes no name away from a file that is open
                    self._path.unlink()
                file.close()

    def _take(self) -> bool:
        while True:
            file = open(self._path, "ab")  # noqa: SIM115  # closed by `release`, or with its process
            try:
                _locked(file)
            except OSError as error:
                if error.errno in TAKEN:
                    file.close()
                    return False
                # This disk knows no locks: nobody can be kept out of it.
            if self._is_named(file):
                self._file = file
                return True
            file.close()  # whoever held it before us has just taken its name away

    def _is_named(self, file: BinaryIO) -> bool:
        with suppress(OSError):
            return os.path.samestat(os.fstat(file.fileno()), os.stat(self._path))
        return False
