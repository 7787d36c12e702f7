"""What becomes of a run that is kept: another name, or the bin, from which it can be taken back for a while."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path

from ..errors import UserError
from ..files import write_atomically
from .run_folder import RunFolder, free_folder, is_run

BIN = "bin"  # beside the runs that were thrown into it
MARK = "thrown-away.json"  # in each of them: without it nothing is ever removed
DAYS = 30  # in which a run can be taken back
MOST = 1000  # folders that are looked at


def rename_run(path: Path, name: str) -> Path:
    """Give a run another name; where it is then."""
    name = folder_name(name)
    renamed = path.with_name(name)
    if renamed == path:
        return path
    if renamed.exists():
        raise UserError(f"There is already a run called {name}.")
    return _moved(path, renamed)


def throw_away(path: Path) -> Path:
    """Move a run to the bin; where it is then."""
    try:
        _check_free(path)
        thrown = free_folder(path.parent / BIN, path.name)
        thrown.parent.mkdir(exist_ok=True)
        write_atomically(path / MARK, json.dumps({"from": str(path), "at": time.time()}).encode())
    except OSError as error:
        raise UserError(f"{path} cannot be deleted: {error.strerror or error}.") from None
    return _moved(path, thrown)


def take_back(thrown: Path, path: Path) -> Path:
    """Out of the bin again; where it is then."""
    back = _moved(thrown, free_folder(path.parent, path.name))
    (back / MARK).unlink(missing_ok=True)
    return back


def empty_bin(place: Path, now: float) -> int:
    """Remove what has lain in a bin for too long; how many runs that were."""
    removed = 0
    with suppress(OSError):
        for path in islice((place / BIN).iterdir(), MOST):
            with suppress(OSError, ValueError, TypeError, KeyError):
                old = now - float(json.loads((path / MARK).read_bytes())["at"]) > DAYS * 86_400
                if old and is_run(path):
                    shutil.rmtree(path)
                    removed += 1
    return removed


def folder_name(name: str) -> str:
    """What a folder can be called that is named after something; no hidden one."""
    kept = "".join(c if c.isalnum() or c in "-_ ." else "-" for c in name).strip(" .")
    return kept[:80].rstrip(" .") or "picture"


def _check_free(path: Path) -> None:
    """An InUseError where somebody writes in a run; a UserError where there is none any more."""
    if not path.is_dir():
        raise UserError(f"There is no run {path.name} any more.")
    with RunFolder(path):
        pass


def _moved(path: Path, to: Path) -> Path:
    _check_free(path)
    try:
        path.rename(to)
    except OSError as error:
        raise UserError(f"{path} cannot be moved to {to}: {error.strerror or error}.") from None
    return to
