"""Kills at random moments, and two at once: what was saved opens and goes on, and nothing is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fuzz_doors import Argv, Goods

Trouble = tuple[str, str]  # what is wrong, if anything is, and what was said
PROGRAM = [sys.executable, "-X", "faulthandler", "-m", "scalefree_studio"]
PATIENCE = 120  # seconds


def started(argv: Argv, place: Path) -> subprocess.Popen[bytes]:
    with (place / "said.txt").open("ab") as said:
        return subprocess.Popen(
            [*PROGRAM, *argv], stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=place
        )


def ended(argv: Argv, place: Path) -> int:
    return end_of(started(argv, place))


def end_of(process: subprocess.Popen[bytes]) -> int:
    """Its exit code; a TimeoutError where it does not end, after it has said what each of its threads was at."""
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # which faulthandler answers
        process.wait()
        raise TimeoutError(f"no end within {PATIENCE} s: {process.args}") from None


def what_was_said(place: Path) -> str:
    return (place / "said.txt").read_text(errors="replace")


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)


def kill_learning(rng: random.Random, place: Path, goods: Goods) -> Trouble:
    """A fit or a training, killed: its folder opens, or is told as what it is, and goes on."""
    run = place / "run"
    fit = rng.random() < 0.6
    begin = ["fit", "photo:coins"] if fit else ["train", "pixelcnn", "--dataset=digits", "--levels=2"]
    process = started([*begin, "--out", str(run), "--steps=1000000"], place)
    _wait_for(lambda: (run / "history.sqlite").exists(), process)
    time.sleep(rng.random() * 8)
    process.send_signal(rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
    end_of(process)
    if not (run / "model.safetensors").exists():
        return ("" if ended(["info", str(run)], place) == 2 else "a run without a model"), what_was_said(
            place
        )
    if ended(["info", str(run)], place):
        return "what was saved does not open", what_was_said(place)
    resume = ["fit"] if fit else ["train", "pixelcnn"]
    if ended([*resume, "--resume", "--out", str(run), "--seconds=0.1"], place):
        return "what was saved does not go on", what_was_said(place)
    left = [path.name for path in run.rglob("*.part")]
    return (f"left behind: {left}" if left else ""), what_was_said(place)


def kill_movie(rng: random.Random, place: Path, goods: Goods) -> Trouble:
    """A movie, killed: ffmpeg goes, and the next one clears what is left."""
    movie = place / "movie.mp4"
    if rng.random() < 0.5:
        movie.write_bytes(b"an old one")
    argv = ["movie", str(goods.folder / "fit"), str(movie), "--size=256", "--seconds=30"]
    process = started(argv, place)
    _wait_for(
        lambda: any(p.suffix in (".part", ".mp4") and p.stat().st_size > 9999 for p in place.iterdir()),
        process,
    )
    time.sleep(rng.random())
    process.kill()
    process.wait()
    end = time.monotonic() + 10
    while _writers(place) and time.monotonic() < end:
        time.sleep(0.05)
    if _writers(place):
        return "ffmpeg stays", what_was_said(place)
    if ended([*argv[:3], "--size=32", "--seconds=0.2"], place):
        return "the next movie fails", what_was_said(place)
    left = [path.name for path in place.iterdir() if path.name not in ("movie.mp4", "said.txt")]
    return (f"left behind: {left}" if left else ""), what_was_said(place)


def kill_drawing(rng: random.Random, place: Path, goods: Goods) -> Trouble:
    """`sample --movie`, killed: the next one clears the temporary folder."""
    temporary = Path(os.environ["TMPDIR"])
    argv = ["sample", "model:digits", str(place / "o.png"), "--count=16", "--movie", str(place / "o.mp4")]
    process = started([*argv, "--seconds=20"], place)
    _wait_for(lambda: any(temporary.rglob("*.sqlite")), process)
    time.sleep(rng.random() * 2)
    process.kill()
    process.wait()
    if ended([*argv[:3], "--count=1", "--movie", str(place / "o.mp4"), "--seconds=0.2"], place):
        return "the next one fails", what_was_said(place)
    left = [str(path) for path in temporary.rglob("*.sqlite")]
    return (f"left behind: {left}" if left else ""), what_was_said(place)


def two_at_once(rng: random.Random, place: Path, goods: Goods) -> Trouble:
    """Two that go on with one run: it never goes back, and opens."""
    run = goods.run(rng, place)
    kind = ["fit"] if (run / "picture.png").exists() else ["train", "pixelcnn"]
    both = [started([*kind, "--resume", "--out", str(run), "--seconds=3"], place) for _ in range(2)]
    codes = sorted(end_of(process) for process in both)
    wrong = [code for code in codes if code not in (0, 2)]
    if wrong or (codes == [2, 2] and ended(["info", str(run)], place)):
        return f"exit codes {codes}", what_was_said(place)
    return ("" if ended(["info", str(run)], place) == 0 else "it does not open"), what_was_said(place)


def _writers(place: Path) -> list[int]:
    """Processes that have a file of this folder open."""
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(
                str(place) in os.readlink(link) and "said.txt" not in os.readlink(link)
                for link in folder.iterdir()
            ):
                found.append(int(folder.parent.name))
        except OSError:  # it is gone, or not ours
            continue
    return found


KILLS: dict[str, tuple[int, Callable[[random.Random, Path, Goods], Trouble]]] = {
    "learning": (1, kill_learning), "movies": (1, kill_movie), "samples": (1, kill_drawing), "two": (1, two_at_once),
}  # fmt: skip
