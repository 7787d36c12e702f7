"""The terminal: where results may go, a progress bar that consumes snapshots, signals as commands to a runner."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from .data.download import Progress
from .errors import UserError
from .jobs.job import Limit
from .jobs.training.lesson import Curve
from .runner import Runner
from .snapshot import Change, Snapshot
from .time_left import TimeLeft, left_in_words

REFRESH_SECONDS = 0.1  # on a terminal
LOG_SECONDS, LOG_SHARE = 5.0, 0.05  # in a log file; the share is of the time that the work has taken

MODEL_HELP = "a model file, a run folder, or model:NAME for one that comes with the studio or was fetched"


def output(text: str) -> Path:
    """The file that a command shall write, as argparse asks for it: told before any work, not after all of it."""
    path = Path(text)
    if not text.strip():
        raise UserError(f"The output {text!r} is not a file name.")
    if path.is_dir():
        raise UserError(f"{text} is a folder; name a file in it.")
    if path.parent.is_dir():  # else whoever writes it says so
        try:  # rights alone do not tell: a disk may be read-only
            tempfile.TemporaryFile(dir=path.parent).close()
        except OSError:
            raise UserError(f"Cannot write in {path.parent}.") from None
    return path


class Line:
    """How far some work is: on a terminal one line with a bar, written over and over; elsewhere, as in a log file, a
    line of its own now and then, the more seldom the longer it takes."""

    def __init__(self, name: str, total: float | None, words: str = ""):
        self.total, self._name = total, name
        self._begun = self._looked = time.monotonic()
        self.said = False  # anything of how far it is
        self._bar: Any = None
        if sys.stderr.isatty():
            self._looked, self.said = -math.inf, True
            form = "{desc} {percentage:3.0f}%|{bar}| {postfix[0]}" if total else "{desc} {postfix[0]}"
            self._bar = tqdm(
                total=total, desc=name, file=sys.stderr, bar_format=form, postfix=[words], leave=True, mininterval=0
            )  # fmt: skip
        elif words:
            print(f"{name} {words}", file=sys.stderr, flush=True)

    def due(self) -> bool:
        """Whether it is time to say something again."""
        now = time.monotonic()
        every = max(LOG_SECONDS, LOG_SHARE * (now - self._begun)) if self._bar is None else REFRESH_SECONDS
        return now - self._looked > every

    def show(self, done: float, words: str) -> None:
        self._looked, self.said = time.monotonic(), True
        if self._bar is None:
            share = f" {100 * min(1.0, done / self.total):3.0f}%|" if self.total else ""
            print(f"{self._name}{share} {words}", file=sys.stderr, flush=True)
            return
        self._bar.postfix[0] = words
        self._bar.n = min(done, self.total) if self.total else done
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class ProgressBar:
    """How far a run is, at what rate, how good, and how long it still takes. `curve` is what it is judged by."""

    def __init__(self, limit: Limit, name: str, curve: Curve | None = None):
        self._limit = limit
        self._line = Line(name, None if limit == Limit() else 1.0, "starting")
        self._left, self._curve = TimeLeft(), curve
        self._left.follow(0.0, 0.0)

    def wants(self, step: int) -> bool:
        return self._line.due()

    def show(self, snapshot: Snapshot) -> None:
        share = self._limit.progress(snapshot.step, snapshot.seconds)
        words = [*self._measured(snapshot.metrics), f"{snapshot.step:,} steps", f"{snapshot.seconds:.1f} s"]
        if rate := snapshot.metrics.get("steps_per_second"):
            words.append(f"{rate:.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s")
        if 0 < share < 1:
            words.append(left_in_words(self._left.follow(snapshot.seconds, share)))
        self._line.show(share, ", ".join(filter(None, words)))

    def _measured(self, metrics: Mapping[str, float]) -> Iterator[str]:
        if "psnr" in metrics:
            yield f"{metrics['psnr']:.2f} dB"
        if self._curve is not None:
            c = self._curve
            names = {c.metric: c.title.lower(), c.beside: c.beside_title}
            yield from (f"{word} {metrics[name]:.4g}" for name, word in names.items() if name in metrics)

    def changed(self, change: Change) -> None: ...

    def close(self, last: Snapshot) -> None:
        self.show(last)
        self._line.close()


@contextmanager
def signals_stop(runner: Runner) -> Iterator[None]:
    """Within this, Ctrl-C and SIGTERM stop the runner as Escape stops the window: it saves, and all is well."""
    if threading.current_thread() is not threading.main_thread():  # others hear of no signal
        yield
        return
    names = [signal.SIGINT, signal.SIGTERM]
    before = {name: signal.signal(name, lambda *_: runner.stop()) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def say(message: str) -> None:
    """A sentence while work goes on, above the progress bar."""
    tqdm.write(message, file=sys.stderr)


class Parts:
    """Takes reports of long work: a line for each part of it, with the time that is left."""

    def __init__(self) -> None:
        self._part, self._done, self._whole = "", 0, False
        self._line: Line | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._line is None or what != self._part or done < self._done:
            self.close()
            self._line, self._left = Line(what, total or None), TimeLeft()
            self._part, self._whole = what, False
        self._done, share = done, done / total if total else 0.0
        seconds = self._left.follow(time.monotonic(), share)
        ends = share >= 1 and not self._whole and self._line.said
        self._whole = share >= 1  # what is read may turn out longer than it said, and say so again and again
        if ends or self._line.due():
            left = "" if self._whole or not total else left_in_words(seconds)
            self._line.show(done, ", ".join(filter(None, (_of(what, done, total), left))))

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None


@contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Progress]:
    """Yields what takes the reports of long work. A quiet one is for a program that reads only what comes of it."""
    if quiet:
        yield lambda what, done, total: None
        return
    parts = Parts()
    try:
        yield parts
    finally:
        parts.close()


def _of(what: str, done: int, total: int) -> str:
    """'500 of 2,000', or of bytes '1.2 of 170.1 MB'."""
    if what.startswith("Downloading"):
        return f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"
    return f"{done:,} of {total:,}" if total else f"{done:,}"


def counting(progress: Progress, what: str) -> Callable[[int], Callable[[int], None]]:
    """Reports for work that says first how much there is, then again and again how much more of it is done."""

    def begin(total: int) -> Callable[[int], None]:
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            progress(what, done, total)

        return more

    return begin


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON on the last line")


def _in_words(value: Any) -> list[str]:
    """A line, or of a list of measurements a line each."""
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return [
            ", ".join(f"{n.replace('_', ' ')} {_in_words(v)[0]}" for n, v in each.items()) for each in value
        ]
    return [f"{value:.4f}" if isinstance(value, float) else str(value)]


def report(result: Mapping[str, Any], as_json: bool, words: str = "", person: TextIO | None = None) -> None:
    """What came of a command: for a program, on stdout; or for a person, in these words or a line each."""
    if as_json:
        print(json.dumps(result), flush=True)
        return
    lines = (
        f"  {'' if row else name.replace('_', ' '):<20}{line}"
        for name, value in result.items()
        for row, line in enumerate(_in_words(value))
    )
    print(words or "\n".join(lines), file=person or sys.stderr)
