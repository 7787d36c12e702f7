"""The progress bar: in a terminal, in a log file; by steps, by time, without an end."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_training import FLAGS
from tqdm import tqdm

from scalefree_studio import terminal
from scalefree_studio.cli import main
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.lesson import Curve
from scalefree_studio.runner import Runner
from scalefree_studio.snapshot import Change, Checkpoint, Snapshot
from scalefree_studio.terminal import LOG_SECONDS, REFRESH_SECONDS, ProgressBar, counting, progress_bars


class Screen(io.StringIO):
    """What stderr is: a terminal, or a file."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def lines(self) -> list[str]:
        """What could be read, one after the other."""
        return [line.rstrip() for line in re.split(r"[\r\n]", self.getvalue()) if line.strip()]


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """Bars that a test leaves open would move those of the next one down."""
    screen = Screen(request.param)
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stderr=screen))
    yield screen
    for bar in list(tqdm._instances):
        bar.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    return clock


def shot(step: int, seconds: float = 0.0, **metrics: float) -> Snapshot:
    return Snapshot("counter", step, seconds, {}, metrics)


def test_by_steps(screen: Screen) -> None:
    bar = ProgressBar(Limit(steps=40), "moon")
    bar.show(shot(10, 5.0, psnr=21.256, steps_per_second=2.0))
    assert screen.lines[-1].startswith("moon  25%|")
    assert screen.lines[-1].endswith("| 21.26 dB, 10 steps, 5.0 s, 2 steps/s, 15 s left")
    bar.show(shot(30, 15.0, loss=0.5, steps_per_second=0.0))
    assert screen.lines[-1].startswith("moon  75%|")
    assert screen.lines[-1].endswith("| 30 steps, 15.0 s, 5 s left")
    bar.close(shot(41, 20.0))  # at the end and beyond it nothing is left
    assert screen.lines[-1].startswith("moon 100%|") and screen.lines[-1].endswith("| 41 steps, 20.0 s")


def test_what_it_is_judged_by_is_said(screen: Screen) -> None:
    bar = ProgressBar(Limit(steps=40), "moon", Curve("error", "Squared error", beside="held_out"))
    bar.show(shot(1, 1.0, error=0.123456))
    assert screen.lines[-1].endswith("| squared error 0.1235, 1 steps, 1.0 s, 39 s left")
    bar.show(shot(2, 2.0, error=0.1, held_out=12.0, steps_per_second=0.51))
    assert screen.lines[-1].endswith(
        "| squared error 0.1, held out 12, 2 steps, 2.0 s, 0.51 steps/s, 38 s left"
    )


@pytest.mark.parametrize(
    "limit",
    [Limit(seconds=20.0), Limit(steps=20, seconds=999.0), Limit(steps=9999, seconds=20.0)],
    ids=["time", "steps sooner", "time sooner"],
)
def test_by_time_and_by_steps_whichever_ends_it_sooner(limit: Limit, screen: Screen) -> None:
    bar = ProgressBar(limit, "moon")
    bar.show(shot(5, 5.0))
    assert screen.lines[-1].startswith("moon  25%|") and screen.lines[-1].endswith("5.0 s, 15 s left")


def test_without_an_end(screen: Screen) -> None:
    bar = ProgressBar(Limit(), "moon")
    assert screen.lines == ["moon starting"]
    bar.show(shot(7, 2.0, psnr=9.0))
    assert screen.lines[-1] == "moon 9.00 dB, 7 steps, 2.0 s"


def test_before_the_first_step_nobody_knows_how_long_it_takes(screen: Screen) -> None:
    for limit in (Limit(steps=9), Limit(seconds=9.0)):
        bar = ProgressBar(limit, "moon")
        bar.show(shot(0))
        bar.close(shot(0))
        assert screen.lines[-1].startswith("moon   0%|") and screen.lines[-1].endswith("| 0 steps, 0.0 s")


def test_one_line_is_written_over_and_ends_with_the_run(screen: Screen) -> None:
    bar = ProgressBar(Limit(steps=3), "moon")
    for step in (1, 2):
        bar.show(shot(step, step))
    written = screen.getvalue()
    if screen.is_terminal:
        assert "\n" not in written and written.count("\r") >= 3
    else:
        assert "\r" not in written and written.count("\n") == 3
    bar.changed(Change(2, "controls"))
    bar.close(shot(3, 3.0))
    assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == (
        1 if screen.is_terminal else 4
    )
    assert screen.lines[-1].endswith("| 3 steps, 3.0 s")


def test_a_terminal_is_refreshed_often_and_a_file_now_and_then(screen: Screen, clock: Clock) -> None:
    bar = ProgressBar(Limit(steps=10**6), "moon")
    every = REFRESH_SECONDS if screen.is_terminal else LOG_SECONDS
    assert bar.wants(1) == screen.is_terminal, "at first, at once"
    bar.show(shot(1))
    clock.now += every * 0.9
    assert not bar.wants(2)
    clock.now += every * 0.2
    assert bar.wants(3) and bar.wants(4)
    bar.show(shot(4))
    assert not bar.wants(5)


@dataclass
class Counter:
    """A job of which every step takes a hundredth of a second of the clock."""

    clock: Clock
    limit: Limit
    kind: str = "counter"
    step_count: int = 0
    seconds: float = 0.0
    rest: float = 0.0
    controls: None = None
    shots: list[int] = field(default_factory=list)

    def step(self) -> None:
        self.step_count += 1
        self.clock.now += 0.01
        self.seconds += 0.01

    def apply(self, edit: object) -> Change: ...

    def snapshot(self) -> Snapshot:
        self.shots.append(self.step_count)
        return shot(self.step_count, self.seconds)

    def still(self) -> dict[str, object]:
        return {}

    def checkpoint(self) -> Checkpoint:
        return Checkpoint("counter", self.step_count, {}, {})


def test_a_run_makes_no_more_snapshots_than_the_bar_asks_for(screen: Screen, clock: Clock) -> None:
    """A log file of 1000 steps in ten seconds has a line each five."""
    job = Counter(clock, Limit(steps=1000))
    Runner(job, [ProgressBar(job.limit, "moon")]).run(until_limit=True)
    expected = 1000 * 0.01 / (REFRESH_SECONDS if screen.is_terminal else LOG_SECONDS)
    assert expected * 0.85 <= len(job.shots) <= expected + 3 and job.shots[-1] == 1000
    assert "100%" in screen.lines[-1] and len(screen.lines) <= len(job.shots) + 2


# --- Long work that is no run ---


def test_a_log_file_has_a_line_now_and_then_and_never_one_a_picture(screen: Screen, clock: Clock) -> None:
    """2,000 pictures in 100 seconds."""
    with progress_bars() as progress:
        for done in range(1, 2001):
            clock.now += 0.05
            progress("Reading pictures", done, 2000)
    if screen.is_terminal:
        assert screen.lines[-1].endswith("| 2,000 of 2,000") and screen.getvalue().count("\n") == 1
        return
    assert 15 <= len(screen.lines) <= 100 / LOG_SECONDS + 1 and "\r" not in screen.getvalue()
    assert re.fullmatch(r"Reading pictures  \d\d%\| [\d,]+ of 2,000, \d\d s left", screen.lines[9])
    assert screen.lines[-1] == "Reading pictures 100%| 2,000 of 2,000"


def test_a_day_in_a_log_file_has_few_lines(screen: Screen, clock: Clock) -> None:
    with progress_bars() as progress:
        for done in range(1, 24 * 60 + 1):
            clock.now += 60.0
            progress("Making tokens", done, 24 * 60)
    assert screen.is_terminal or len(screen.lines) < 100


def test_what_is_soon_done_is_not_told_in_a_log_file(screen: Screen, clock: Clock) -> None:
    with progress_bars() as progress:
        for what in ("Reading pictures", "Measuring"):
            for done in range(1, 10):
                progress(what, done, 9)
    assert screen.getvalue().count("\n") == 2 * screen.is_terminal
    assert not screen.is_terminal or screen.lines[-1].startswith("Measuring 100%|")


def test_a_film_that_is_longer_than_it_said_is_one_line(screen: Screen, clock: Clock) -> None:
    with progress_bars() as progress:
        for seen in range(1, 300):
            clock.now += 0.05
            progress("Reading a.mp4", seen, max(100, seen))
    assert screen.getvalue().count("\n") <= (1 if screen.is_terminal else 4)


def test_what_has_no_known_end_and_what_are_bytes(screen: Screen, clock: Clock) -> None:
    with progress_bars() as progress:
        for done in (1, 2):
            clock.now += 6.0
            progress("Reading pictures", done, 0)
        for done in (10**6, 2 * 10**6):
            clock.now += 6.0
            progress("Downloading a.tar.gz", done, 4 * 10**6)
    assert "Reading pictures 2" in screen.lines
    assert screen.lines[-1].startswith("Downloading a.tar.gz  50%|")
    assert re.search(r"\| 2\.0 of 4\.0 MB, \d+ s left$", screen.lines[-1])


def test_for_a_program_nothing_is_said(screen: Screen, clock: Clock) -> None:
    with progress_bars(quiet=True) as progress:
        for done in range(1, 10):
            clock.now += 60.0
            progress("Reading pictures", done, 9)
    assert screen.getvalue() == ""


def test_counting_adds_up() -> None:
    told: list[tuple[str, int, int]] = []
    more = counting(lambda *said: told.append(said), "movie.mp4")(5)
    for count in (1, 1, 3):
        more(count)
    assert told == [("movie.mp4", 1, 5), ("movie.mp4", 2, 5), ("movie.mp4", 5, 5)]


def test_what_has_come_of_a_training_is_told_below_its_bars(screen: Screen, tmp_path: Path) -> None:
    assert main(["train", "pixelcnn", *FLAGS, "--steps", "2", "--out", str(tmp_path / "run")]) == 0
    assert re.search(r"\n  steps +2\n", screen.getvalue())
    drawn = [line for line in screen.lines if line.startswith("Drawing samples")]
    assert all("100%" in line for line in drawn[-1:]) and (drawn or not screen.is_terminal)
