"""The terminal: where results may go, a progress bar that consumes snapshots, signals as commands to a runner."""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from .data.download import Progress
from .errors import UserError
from .jobs.job import Limit
from .runner import Runner
from .snapshot import Change, Snapshot
from .time_left import TimeLeft, left_in_words

REFRESH_SECONDS = 0.1  # on a terminal
LOG_SECONDS = 5.0  # in a log file

MODEL_HELP = "a model file, a run folder, or model:NAME for one that came with the studio or was fetched"


def output(text: str) -> Path:
    """The file that a command shall write, as argparse asks for it: told before any work, not after all of it."""
    path = Path(text)
    if not text.strip():
        raise UserError(f"The output {text!r} is no name of a file.")
    if path.is_dir():
        raise UserError(f"{text} is a folder; name a file in it.")
    if path.parent.is_dir():  # else whoever writes it says so
        try:  # rights alone do not tell: a disk may be read-only
            tempfile.TemporaryFile(dir=path.parent).close()
        except OSError:
            raise UserError(f"Nothing can be written in {path.parent}.") from None
    return path


class ProgressBar:
    """How far learning is, at what rate, how good, and how long it still takes."""

    def __init__(self, limit: Limit, name: str):
        self._by_time = limit.steps is None and limit.seconds is not None
        total = limit.seconds if self._by_time else limit.steps
        form = "{desc} {percentage:3.0f}%|{bar}| {postfix[0]}" if total else "{desc} {postfix[0]}"
        self._bar: Any = tqdm(
            total=total,
            desc=name,
            file=sys.stderr,
            bar_format=form,
            postfix=["starting"],
            leave=True,
            mininterval=0,
        )
        self._every = REFRESH_SECONDS if sys.stderr.isatty() else LOG_SECONDS
        self._looked = 0.0
        self._left = TimeLeft()
        self._left.follow(0.0, 0.0)

    def wants(self, step: int) -> bool:
        return time.monotonic() - self._looked > self._every

    def show(self, snapshot: Snapshot) -> None:
        self._looked = time.monotonic()
        done = snapshot.seconds if self._by_time else snapshot.step
        total, m = self._bar.total, snapshot.metrics
        words = [f"{snapshot.step} steps", f"{snapshot.seconds:.1f} s"]
        if "psnr" in m:
            words.insert(0, f"{m['psnr']:.2f} dB")
        if m.get("steps_per_second"):
            words.append(f"{m['steps_per_second']:.0f} steps/s")
        if total and done:
            words.append(left_in_words(self._left.follow(snapshot.seconds, min(1.0, done / total))))
        self._bar.postfix[0] = ", ".join(filter(None, words))
        self._bar.n = min(done, total) if total else done
        self._bar.refresh()

    def changed(self, change: Change) -> None: ...

    def close(self, last: Snapshot) -> None:
        self.show(last)
        self._bar.close()


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


def show_progress(what: str, done: int, total: int) -> None:
    """How far a download or the reading of a folder is; the total is 0 where nobody knows it yet."""
    text = f"\r{what}: {done:,} of {total:,}" if total else f"\r{what}: {done:,}"
    if done == total:
        print(text, file=sys.stderr)
    elif sys.stderr.isatty():  # elsewhere every number would be a line of its own
        print(text, end="", file=sys.stderr, flush=True)


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A bar for each part of long work, with its rate and the time that is left; yields what takes the reports."""
    bar: Any = None

    def end() -> None:
        nonlocal bar
        if bar is not None:
            bar.close()
        bar = None

    def show(what: str, done: int, total: int) -> None:
        nonlocal bar
        if bar is not None and bar.desc != what:
            end()
        if bar is None:
            every = REFRESH_SECONDS if sys.stderr.isatty() else LOG_SECONDS
            bar = tqdm(desc=what, total=total or None, file=sys.stderr, mininterval=every, initial=done)
        bar.update(done - bar.n)
        if done == total:
            end()

    try:
        yield show
    finally:
        end()


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON, as the last line")


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
        f"  {name.replace('_', ' ') if first else '':<20}{line}"
        for name, value in result.items()
        for first, line in zip(
            itertools.chain([True], itertools.repeat(False)), _in_words(value), strict=False
        )
    )
    print(words or "\n".join(lines), file=person or sys.stderr)
