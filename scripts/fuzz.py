"""Faults on purpose, by every door of the studio: damaged files, files that are none, values out of reason, kills.

    python scripts/fuzz.py [--minutes 5] [--seed 1] [--only models,flags,…] [--keep FOLDER]

Each trial is a process of its own, of which it is told how it ended: a traceback, another exit code than 0 or 2, more
than one sentence, too long, or too much memory is a failure. What failed is kept in a folder with its commands, and the
same seed and number make the same trial again: --trial NUMBER. Ends with 1 where anything failed. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import faulthandler
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import torch
from fuzz_doors import DOORS, OPEN, REGISTRY, Argv, Goods, making
from fuzz_kills import KILLS, what_was_said

from scalefree_studio import cli
from scalefree_studio.controls import ControlError
from scalefree_studio.data import official
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.download import DownloadError
from scalefree_studio.data.pictures import load_picture
from scalefree_studio.data.pretrained import OWN_VARIABLE
from scalefree_studio.errors import JobError, UserError, told

SECONDS = 30  # of work: a trial that takes longer hangs
WAITING = 600  # seconds on the clock, in which a trial that waits for nothing ends on any machine
MEMORY = 2 << 30  # bytes, beyond what a process has that has done nothing
LIMIT = 6 << 30  # … at which the system refuses more
LONGEST = 1000  # letters of a sentence


@dataclass
class Outcome:
    """How a trial ended."""

    door: str
    trouble: str = ""  # empty where all is well
    code: int = 0
    seconds: float = 0.0
    memory: int = 0  # bytes
    said: str = ""


@dataclass
class Tally:
    """Of the trials of one door."""

    trials: int = 0
    codes: collections.Counter[int] = field(default_factory=collections.Counter)
    troubles: collections.Counter[str] = field(default_factory=collections.Counter)
    seconds: float = 0.0
    longest: float = 0.0
    memory: int = 0

    def add(self, outcome: Outcome) -> None:
        self.trials += 1
        self.codes[outcome.code] += 1
        self.seconds += outcome.seconds
        self.longest, self.memory = max(self.longest, outcome.seconds), max(self.memory, outcome.memory)
        if outcome.trouble:
            self.troubles[outcome.trouble] += 1


def run_here(argv: Argv) -> int:
    """One command in this process: its exit code, or whatever it raises."""
    if argv[0] == OPEN:
        return _opened(argv[1])
    if argv[0] == REGISTRY:
        os.environ[OWN_VARIABLE] = argv[1]
        argv = ["fetch", "--list"]
    try:
        return cli.main(argv)
    except SystemExit as leaving:  # --help, --version
        return leaving.code if isinstance(leaving.code, int) else 1


def _opened(subject: str) -> int:
    """What the window does before it shows anything, and a step."""
    from scalefree_studio.window.work.opening import open_subject

    try:
        opened = open_subject(subject, Path("runs"))
        opened.job.step()
        opened.job.snapshot()
    except (UserError, ControlError, JobError, OSError) as error:
        print(f"{cli.PROGRAM}: {told(str(error))}", file=sys.stderr)
        return 2
    return 0


def refuse_downloads() -> None:
    """Nothing of a trial leaves this machine."""

    def refused(*_: object) -> None:
        raise DownloadError("no downloads here")

    official.fetch = refused  # type: ignore[assignment]


def judged(code: int, said: str) -> str:
    """What is wrong with how a command ended; empty where nothing is."""
    if "Traceback (most recent call last)" in said or code not in (0, 2):
        return "traceback" if "Traceback" in said else f"exit code {code}"
    told = [line for line in said.splitlines() if line.startswith(f"{cli.PROGRAM}:")]
    if code == 2 and not told:
        return "no sentence"
    if any(len(line) > LONGEST for line in told):
        return "a sentence without an end"
    return ""


def measured(door: str, commands: list[Argv], place: Path) -> Outcome:
    """Run the commands one after the other, in a process of their own."""
    said = place.with_suffix(".txt")
    child = os.fork()
    if child == 0:
        _be_the_trial(commands, place, said)
    _, status, used = os.wait4(child, 0)
    memory = max(0, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) - IDLE)
    text = said.read_text(errors="replace")
    code = os.waitstatus_to_exitcode(status)
    outcome = Outcome(door, judged(code, text), code, used.ru_utime + used.ru_stime, memory, text)
    if code == -signal.SIGALRM:
        outcome.trouble = f"waits after {WAITING} s"
    elif code == -signal.SIGXCPU:
        outcome.trouble = f"longer than {SECONDS} s"
    elif not outcome.trouble and memory > MEMORY:
        outcome.trouble = "memory"
    return outcome


def _be_the_trial(commands: list[Argv], place: Path, said: Path) -> None:
    """In the child, which ends here."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with open(said, "wb", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(place)
        with contextlib.suppress(ValueError, OSError):  # what the system does not know, or does not allow
            resource.setrlimit(resource.RLIMIT_AS, (LIMIT + IDLE_ADDRESSES, resource.RLIM_INFINITY))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends also what hangs outside Python
        faulthandler.register(signal.SIGXCPU, chain=True)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        faulthandler.dump_traceback_later(WAITING - 2)
        signal.alarm(WAITING)
        for argv in commands:
            code = run_here(argv)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _addresses() -> int:
    """Bytes of the addresses that this process uses, which are far more than its memory."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


IDLE = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
IDLE_ADDRESSES = _addresses()


def made(folder: Path) -> Goods:
    """The good files; what cannot even be made is no start for any trial."""
    for number, argv in enumerate(making(folder)):
        outcome = measured("making", [argv], _place(folder / f"making-{number}"))
        if outcome.trouble or outcome.code:
            sys.exit(f"{' '.join(argv)}: {outcome.said}")
    return Goods(folder)


def trial(seed: int, number: int, doors: list[str], place: Path, goods: Goods) -> tuple[Outcome, list[Argv]]:
    """One trial, all of which follows from its seed and its number."""
    rng = random.Random(f"{seed}/{number}")
    door = rng.choices(doors, [DOORS[name][0] if name in DOORS else KILLS[name][0] for name in doors])[0]
    if door in KILLS:
        began = time.monotonic()
        try:
            trouble, said = KILLS[door][1](rng, place, goods)
        except TimeoutError as error:
            trouble, said = str(error), what_was_said(place)
        return Outcome(door, trouble, 0, time.monotonic() - began, 0, said), [[f"@{door}"]]
    commands = DOORS[door][1](rng, place, goods)
    return measured(door, commands, place), commands


def _place(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def _keep(folder: Path, number: int, place: Path, outcome: Outcome, commands: list[Argv]) -> None:
    """What led to a failure, and what was said."""
    kept = folder / f"{number}-{outcome.door}"
    with contextlib.suppress(OSError, shutil.Error):  # sockets, endless files
        shutil.copytree(place, kept, symlinks=True, ignore=_too_large)
    kept.mkdir(parents=True, exist_ok=True)
    text = f"{outcome.trouble}\n{commands!r}\n{outcome.seconds:.1f} s, {outcome.memory >> 20} MiB\n\n{outcome.said}"
    (kept / "TRIAL.txt").write_text(text, errors="backslashreplace")


def _too_large(folder: str, names: list[str]) -> list[str]:
    """Files that may be endless, or are no files."""
    paths = [Path(folder, name) for name in names]
    return [
        path.name
        for path in paths
        if not path.is_symlink()
        and not path.is_dir()
        and (not path.is_file() or path.stat().st_size > 1 << 26)
    ]


def table(tallies: dict[str, Tally]) -> str:
    lines = [
        f"{'door':<12}{'trials':>7}{'exit 0':>8}{'exit 2':>8}{'failed':>8}{'mean s':>8}{'most s':>8}{'most MiB':>10}"
    ]
    for door, t in sorted(tallies.items()):
        lines.append(
            f"{door:<12}{t.trials:>7}{t.codes[0]:>8}{t.codes[2]:>8}{t.troubles.total():>8}"
            f"{t.seconds / t.trials:>8.2f}{t.longest:>8.1f}{t.memory >> 20:>10}"
        )
    for door, t in sorted(tallies.items()):
        lines += [f"  {door}: {count} × {what}" for what, count in t.troubles.most_common()]
    return "\n".join(lines)


def main() -> int:
    every = [*DOORS, *KILLS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(every), help=f"of {', '.join(every)}")
    parser.add_argument("--trial", type=int, help="this one alone")
    parser.add_argument("--keep", type=Path, default=Path("output/fuzz"), help="where failures go")
    asked = parser.parse_args()
    refuse_downloads()
    torch.set_num_threads(1)  # what is forked has no other threads
    load_dataset("digits")  # what takes its time to import is imported once for all
    load_picture("photo:coins")
    importlib.import_module("torch._dynamo")  # which every optimizer looks for
    tallies: dict[str, Tally] = collections.defaultdict(Tally)
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        os.environ.update(
            {f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
        )
        os.environ.update(SCALEFREE_DATA=str(home / "data"), TMPDIR=str(_place(home / "tmp")))
        tempfile.tempdir = None
        goods = made(_place(home / "goods"))
        end, number = time.monotonic() + 60 * asked.minutes, asked.trial or 0
        while time.monotonic() < end:
            place = _place(home / f"trial-{number}")
            outcome, commands = trial(asked.seed, number, asked.only.split(","), place, goods)
            tallies[outcome.door].add(outcome)
            if outcome.trouble:
                print(f"{number} {outcome.door}: {outcome.trouble}: {commands!r}", file=sys.stderr)
                _keep(asked.keep, number, place, outcome, commands)
            shutil.rmtree(place, ignore_errors=True)
            place.with_suffix(".txt").unlink(missing_ok=True)
            if asked.trial is not None:
                print(outcome.said)
                break
            number += 1
    print(table(tallies))
    return 1 if any(tally.troubles for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
