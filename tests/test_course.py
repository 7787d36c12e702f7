"""What is told of the course of a session, without a window: whether it is at its end, and how long it still takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scalefree_studio.snapshot import Segment, Snapshot
from scalefree_studio.window.shell import course as module
from scalefree_studio.window.shell.course import Course


def shot(step: int, segment: int = 0) -> Snapshot:
    return Snapshot("counter", step, step / 10, {}, {}, Segment(segment))


def at_work(step: int, rests: bool = False, progress: float = 0.0) -> Any:
    return SimpleNamespace(
        status=SimpleNamespace(rests=rests, playing=not rests),
        job=SimpleNamespace(step_count=step, progress=progress),
    )


def test_it_is_at_its_end_only_when_the_last_picture_is_there() -> None:
    """A drawing said that it was done, at 98 %."""
    stage: Any = SimpleNamespace(newest=None)
    course = Course(stage, lambda: None)
    assert not course.at_end(at_work(100, rests=True))
    stage.newest = shot(98)
    assert not course.at_end(at_work(100, rests=True))
    stage.newest = shot(100)
    assert course.at_end(at_work(100, rests=True)) and not course.at_end(at_work(100))


def test_time_left_leaves_out_pauses_and_begins_anew_after_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    course = Course(SimpleNamespace(newest=None), lambda: None)  # type: ignore[arg-type]

    def go(seconds: float, progress: float, segment: int = 0, playing: bool = True) -> str:
        now[0] += seconds
        course.follow(at_work(1, not playing, progress), shot(1, segment))
        return course.left

    go(0, 0)
    for second in range(1, 10):
        said = go(1, second / 100)
    assert said == "1 min 30 s left"
    go(3600, 0.09, playing=False)
    assert go(1, 0.1) == "1 min 30 s left"
    assert go(1, 0.0, segment=1) == "" and go(1, 0.5, segment=1) == "1 s left"


def test_a_shorter_schedule_is_no_faster_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    view = SimpleNamespace(changed=lambda _: None, told_anew=lambda _: "")
    course = Course(SimpleNamespace(newest=None, view=view, toast=None), lambda: None)  # type: ignore[arg-type]
    made: list[Any] = []

    def go(progress: float) -> str:
        now[0] += 1
        work = at_work(1, progress=progress)
        work.changes = lambda: [made.pop()] if made else []
        course.tell_changes(work)
        course.follow(work, shot(1))
        return course.left

    for second in range(10):
        go(second / 1000)
    made.append(SimpleNamespace(change=None, anew=False))
    assert go(0.5) == ""  # a thousand steps of two thousand, no longer of a hundred thousand
    assert go(0.51) == "49 s left" and go(0.52) == "48 s left"
    made.append(SimpleNamespace(change=None, anew=False))
    assert go(0.53) == "47 s left", "another control changes nothing"
