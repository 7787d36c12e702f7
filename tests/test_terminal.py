"""The progress bar: in a terminal, in a log file; by steps, by time, without an end."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from scalefree_studio import terminal
from scalefree_studio.jobs.job import Limit
from scalefree_studio.runner import Runner
from scalefree_studio.snapshot import Change, Checkpoint, Snapshot
from scalefree_studio.terminal import LOG_SECONDS, REFRESH_SECONDS, ProgressBar


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
    bar.show(shot(30, 6.0, loss=0.5, steps_per_second=0.0))
    assert screen.lines[-1].startswith("moon  75%|") and screen.lines[-1].endswith(
        "| 30 steps, 6.0 s, 1 s left"
    )
    bar.close(shot(41, 8.0))  # beyond the end there is nothing left, rather than less than that
    assert screen.lines[-1].startswith("moon 100%|") and screen.lines[-1].endswith("| 41 steps, 8.0 s")


@pytest.mark.parametrize("limit", [Limit(seconds=20.0), Limit(steps=20, seconds=999.0)], ids=["time", "both"])
def test_by_time_unless_steps_are_counted(limit: Limit, screen: Screen) -> None:
    bar = ProgressBar(limit, "moon")
    bar.show(shot(5 if limit.steps else 12345, 5.0))
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
    assert "\n" not in screen.getvalue() and screen.getvalue().count("\r") >= 3
    bar.changed(Change(2, "controls"))
    bar.close(shot(3, 3.0))
    assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == 1
    assert screen.lines[-1].endswith("| 3 steps, 3.0 s")


def test_a_terminal_is_refreshed_often_and_a_file_now_and_then(screen: Screen, clock: Clock) -> None:
    bar = ProgressBar(Limit(steps=10**6), "moon")
    every = REFRESH_SECONDS if screen.is_terminal else LOG_SECONDS
    assert bar.wants(1), "at first, at once"
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
