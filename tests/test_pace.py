"""How often the canvas is drawn: by a clock of our own, on which drawing takes as long as we say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PyQt6.QtCore import QObject

from scalefree_studio.window.shell import pace
from scalefree_studio.window.shell.pace import FASTEST, SHARE, SLOWEST, Pace

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


class Loop:
    """A clock, and timers that fire when it comes to them: what Qt's loop does, without waiting."""

    def __init__(self) -> None:
        self.now = 50.0
        self.timers: list[Timer] = []
        self.started = 0

    def perf_counter(self) -> float:
        return self.now

    def run(self, until: float) -> None:
        """Fire what is due until then, and what has become due while it was done: first what was started first."""
        while due := [t for t in self.timers if t.due is not None and t.due[0] <= max(until, self.now)]:
            timer = min(due, key=lambda timer: timer.due or (0.0, 0))
            assert timer.due is not None
            self.now = max(self.now, timer.due[0])
            timer.due = None
            timer.fired()
        self.now = max(self.now, until)


class Timer:
    """As much of a QTimer as is used of it."""

    loop: Loop

    def __init__(self, parent: QObject) -> None:
        self.due: tuple[float, int] | None = None  # when, and how many timers were started before
        self.fired: Callable[[], Any] = lambda: None
        self.timeout = self
        self.loop.timers.append(self)

    def connect(self, fired: Callable[[], Any]) -> None:
        self.fired = fired

    def setSingleShot(self, single: bool) -> None:
        assert single

    def setTimerType(self, kind: object) -> None: ...

    def start(self, milliseconds: int) -> None:
        assert milliseconds >= 0
        self.loop.started += 1
        self.due = self.loop.now + milliseconds / 1000, self.loop.started

    def stop(self) -> None:
        self.due = None

    def isActive(self) -> bool:
        return self.due is not None


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    Timer.loop = Loop()
    monkeypatch.setattr(pace, "QTimer", Timer)
    monkeypatch.setattr(pace, "time", Timer.loop)
    return Timer.loop


class Canvas:
    """Something whose drawing costs some seconds."""

    def __init__(self, loop: Loop, cost: float) -> None:
        self.loop, self.cost, self.drawn = loop, cost, list[float]()
        self.pace = Pace(self.draw)

    def draw(self) -> None:
        self.drawn.append(self.loop.now)
        self.loop.now += self.cost

    def gaps(self, ask_every: float, seconds: float = 3.0) -> np.ndarray:
        """Seconds from drawing to drawing while somebody keeps asking, once the pace has found itself."""
        end = self.loop.now + seconds
        while self.loop.now < end:
            self.pace.ask()
            self.loop.run(self.loop.now + ask_every)
        return np.array([b - a for a, b in pairwise(self.drawn)])[len(self.drawn) // 2 :]


def test_the_first_is_drawn_at_once_and_all_that_ask_meanwhile_with_it(loop: Loop) -> None:
    canvas = Canvas(loop, 0.001)
    began = loop.now
    for _ in range(9):
        canvas.pace.ask()
    assert canvas.drawn == []  # not from within whoever asks
    loop.run(loop.now + 1)
    assert canvas.drawn == [began]
    canvas.pace.ask("an argument of some signal")
    loop.run(loop.now + 1)
    assert len(canvas.drawn) == 2


def test_what_costs_nothing_is_drawn_as_often_as_a_display_shows_it(loop: Loop) -> None:
    gaps = Canvas(loop, 0.0).gaps(ask_every=0.001)
    assert gaps.min() >= FASTEST - 1e-9 and gaps.mean() < 1.2 * FASTEST


def test_what_costs_much_leaves_a_third_of_the_time_to_all_else(loop: Loop) -> None:
    cost = 0.04
    gaps = Canvas(loop, cost).gaps(ask_every=0.002)
    assert gaps.mean() == pytest.approx(SHARE * cost, rel=0.08)


@pytest.mark.parametrize("cost", [0.1, 2.0])
def test_it_is_never_slower_than_that_it_still_looks_alive(cost: float, loop: Loop) -> None:
    canvas = Canvas(loop, cost)
    gaps = canvas.gaps(ask_every=0.001, seconds=60 * cost)
    assert canvas.pace.interval == SLOWEST and gaps.max() <= max(cost, SLOWEST) + 0.01


def test_one_slow_drawing_is_soon_forgotten(loop: Loop) -> None:
    canvas = Canvas(loop, 0.04)
    canvas.gaps(ask_every=0.002)
    slow, canvas.cost = canvas.pace.interval, 0.001
    assert canvas.gaps(ask_every=0.002).mean() < slow / 2


def test_whoever_asks_seldom_is_answered_at_once(loop: Loop) -> None:
    canvas = Canvas(loop, 0.04)
    canvas.gaps(ask_every=0.002)
    for _ in range(5):
        loop.run(loop.now + 1)
        asked, before = loop.now, len(canvas.drawn)
        canvas.pace.ask()
        loop.run(loop.now + 1e-9)
        assert canvas.drawn[before:] == [asked]


def test_a_drawing_that_asks_for_itself_is_not_drawn_for_ever(loop: Loop) -> None:
    canvas = Canvas(loop, 0.001)
    canvas.pace = Pace(lambda: (canvas.draw(), canvas.pace.ask()))
    canvas.pace.ask()
    loop.run(loop.now + 1)
    assert len(canvas.drawn) == 1
    canvas.pace.ask()
    loop.run(loop.now + 1)
    assert len(canvas.drawn) == 2


def test_a_drawing_that_fails_does_not_end_them_all(loop: Loop) -> None:
    canvas = Canvas(loop, 0.001)

    def fails() -> None:
        canvas.draw()
        raise ZeroDivisionError

    canvas.pace = Pace(fails)
    for n in range(1, 4):
        canvas.pace.ask()
        with pytest.raises(ZeroDivisionError):
            loop.run(loop.now + 1)
        assert len(canvas.drawn) == n


def test_nothing_is_drawn_after_the_end(loop: Loop) -> None:
    canvas = Canvas(loop, 0.001)
    canvas.pace.ask()
    canvas.pace.stop()
    canvas.pace.ask()
    loop.run(loop.now + 1)
    assert canvas.drawn == []
    canvas = Canvas(loop, 0.001)
    canvas.pace = Pace(lambda: (canvas.draw(), canvas.pace.stop()))  # a window that is closed while it draws
    canvas.pace.ask()
    loop.run(loop.now + 1)
    assert len(canvas.drawn) == 1 and not any(timer.isActive() for timer in loop.timers)


def test_in_a_real_loop(qtbot: QtBot) -> None:
    drawn: list[int] = []
    paced = Pace(lambda: drawn.append(1))
    for n in range(1, 4):
        paced.ask()
        paced.ask()
        qtbot.waitUntil(lambda n=n: len(drawn) == n)
    paced.stop()
