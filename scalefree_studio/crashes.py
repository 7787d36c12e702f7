"""What is written down when the studio breaks: versions, what was done last, and where it broke.

A report is a text file that the next start offers to show. It holds no personal data beyond paths, and nobody sends it.

`begin` watches a whole process: exceptions that nobody has caught, in any thread, and hard crashes, of which Python
itself can still write where they were (faulthandler) into a file that has the rest already.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from .files import write_atomically
from .versions import versions

LAST, MOST, KEPT = 30, 5, 20  # commands told; reports a process writes; reports kept, new ones and seen ones
RUNNING, NEW, SEEN = "running-", "crash-", "seen-"  # begin the names of files
FATAL = ("Fatal Python error", "Windows fatal exception")  # as faulthandler says it

_done: deque[str] = deque(maxlen=LAST)
_told: set[str] = set()  # what this process has written a report of
_running: TextIO | None = None
_savers: list[Callable[[], object]] = []
_tellers: list[Callable[[Path], object]] = []


def state_folder() -> Path:
    """Where the system keeps what a program notes about itself."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / "Scalefree Studio"
    if sys.platform == "darwin":
        return home / "Library/Application Support/Scalefree Studio"
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local/state") / "scalefree-studio"


def note(what: str) -> None:
    """Something was done: the last few are told in a report."""
    if _done and _done[-1] == what:
        return
    _done.append(what)
    if _running is not None:
        with contextlib.suppress(OSError, ValueError):
            _running.write(f"did: {what}\n")
            _running.flush()


def begin(arguments: Sequence[str] = ()) -> None:
    """Watch this process from now on."""
    global _running
    hook()
    with contextlib.suppress(OSError):  # where nothing can be written there are no reports
        state_folder().mkdir(parents=True, exist_ok=True)
        path = state_folder() / f"{RUNNING}{os.getpid()}.txt"
        if path.exists():  # of an earlier process that had the same number, as in a container all have
            _take_up(path)
        _running = open(path, "w", encoding="utf-8")  # noqa: SIM115
        _running.write(_head("The studio closed unexpectedly.", arguments))
        _running.flush()
        faulthandler.enable(_running)
        atexit.register(end)


def hook() -> None:
    """Report what nobody catches."""
    sys.excepthook, threading.excepthook = _uncaught, _uncaught_in_thread


def end() -> None:
    """All is well: nothing is left behind."""
    global _running
    if _running is not None:
        faulthandler.disable()
        _running.close()
        with contextlib.suppress(OSError):
            Path(_running.name).unlink()
        _running = None


def before_a_report(save: Callable[[], object]) -> Callable[[], None]:
    """What is learnt is saved first. Returns what forgets it again."""
    _savers.append(save)
    return lambda: _savers.remove(save)


def after_a_report(tell: Callable[[Path], object]) -> Callable[[], None]:
    """Whoever is to hear of it, in whatever thread. Returns what forgets it again."""
    _tellers.append(tell)
    return lambda: _tellers.remove(tell)


def report(error: BaseException) -> Path | None:
    """Save, then write down what happened and name the file in the terminal; once for the same place."""
    for save in list(_savers):
        with contextlib.suppress(Exception):
            save()
    traced = "".join(traceback.format_exception(error))
    print(traced, end="", file=sys.stderr)
    place = "".join(traceback.format_tb(error.__traceback__))
    if place in _told or len(_told) >= MOST:
        return None
    _told.add(place)
    path = state_folder() / f"{NEW}{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{len(_told)}.txt"
    done = "".join(f"did: {what}\n" for what in _done)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, f"{_head('Something went wrong.', sys.argv)}{done}\n{traced}".encode())
    except OSError:
        return None
    print(f"scalefree-studio: an error report was written to {path}", file=sys.stderr)
    for tell in list(_tellers):
        with contextlib.suppress(Exception):
            tell(path)
    return path


def unseen() -> list[Path]:
    """Reports that nobody has been offered, newest first; those of hard crashes are made of what is left of them."""
    with contextlib.suppress(OSError):
        for left in state_folder().glob(f"{RUNNING}*.txt"):
            number = left.stem.removeprefix(RUNNING)
            if number.isdecimal() and not _lives(int(number)):
                _take_up(left)
        _newest(SEEN)
        return _newest(NEW)
    return []


def seen(reports: Sequence[Path]) -> list[Path]:
    """They are offered now: they stay, under other names, and are not offered again."""
    renamed = []
    for path in reports:
        with contextlib.suppress(OSError):
            renamed.append(path.rename(path.with_name(path.name.replace(NEW, SEEN, 1))))
    return renamed


def _newest(kind: str) -> list[Path]:
    """Reports whose names begin so, newest first; of too many, the oldest go."""
    found = state_folder().glob(f"{kind}*.txt")
    reports = sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    for old in reports[KEPT:]:
        old.unlink(missing_ok=True)
    return reports[:KEPT]


def _take_up(left: Path) -> None:
    """The file of a process that has gone: a report if it crashed; if it was killed, there is nothing to say."""
    text = left.read_text(encoding="utf-8", errors="replace")
    if any(word in text for word in FATAL):
        left.rename(left.with_name(f"{NEW}{left.stem.removeprefix(RUNNING)}-hard.txt"))
    else:
        left.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    if process == os.getpid():
        return True
    if sys.platform == "win32":
        return False  # its file cannot be moved while it lives, and that is an OSError
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _head(what: str, arguments: Sequence[str]) -> str:
    installed = "".join(f"{name}: {version or 'missing'}\n" for name, version in versions().items())
    asked = " ".join(["scalefree-studio", *arguments[1:]])
    return f"{what}\n{time.strftime('%Y-%m-%d %H:%M:%S')}\n\n{asked}\n\n{installed}\n"


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        report(error)


def _uncaught_in_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None:
        report(raised.exc_value)
