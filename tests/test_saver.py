"""When a run is kept, and where: beside the learning, seldom enough, and never half."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from job_cases import Case, run, same
from small_jobs import fit, lesson
from test_pipe import Clock
from test_runner import Add, Counter, Slow, run_in_thread, wait_for

from scalefree_studio import runner as runners
from scalefree_studio.jobs.job import Limit
from scalefree_studio.runner import Count, Runner
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage import saver as savers
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.storage.saver import SHARE, Saver

EMPTY = Checkpoint("counter", 0, {}, {})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (runners, savers):
        monkeypatch.setattr(module, "time", clock)
    return clock


def test_what_takes_long_to_save_is_saved_seldom(clock: Clock) -> None:
    def slow(_: Checkpoint) -> None:
        clock.now += cost

    saver, before = Saver(slow, every=5), 0.0
    for cost, interval in ((0.1, 5), (2.0, 5), (2.0, 2.0 / SHARE), (3.0, 2.0 / SHARE), (0.0, 5)):
        saver.save(lambda: EMPTY)
        assert saver.interval == interval
        clock.now += interval
        assert not saver.due
        clock.now += 0.001
        assert saver.due
        assert min(before, cost) <= SHARE * interval  # one that is slow by chance does not count
        before = cost


def test_a_person_hears_how_much_a_slow_disk_may_cost(clock: Clock) -> None:
    runner = Runner(Counter(Limit(steps=3)), keep=lambda _: setattr(clock, "now", clock.now + 3))
    assert runner.saver is not None
    runner.saver.save(lambda: EMPTY)
    runner.save_soon()
    said: list[str] = []
    runner._told = lambda: said.append(runner.status.message)
    runner.run(until_limit=True)
    assert said[0] == "Saving is slow here, so it is done every 60 s." and not runner.status.unsaved


class Blocked:
    """A disk that takes its time."""

    def __init__(self) -> None:
        self.go_on, self.kept, self.threads = threading.Event(), [], []

    def keep(self, checkpoint: Checkpoint) -> None:
        assert self.go_on.wait(20)
        self.threads.append(threading.current_thread())
        self.kept.append(checkpoint.step)


def test_learning_goes_on_while_it_is_kept_and_what_is_kept_is_of_one_moment() -> None:
    disk = Blocked()
    runner = Runner(Counter(), keep=disk.keep, beside=True)
    runner.save_soon()
    thread = run_in_thread(runner)
    wait_for(lambda: runner.job.step_count > 20)
    assert disk.kept == []
    runner.save_soon()  # waits for the one before
    disk.go_on.set()
    wait_for(lambda: len(disk.kept) == 2)
    runner.stop()
    thread.join(20)
    assert disk.kept[0] == 0 and disk.kept[1] > 20 and disk.kept[2] == runner.job.step_count
    assert thread not in disk.threads and not [
        t for t in threading.enumerate() if t.name.startswith("saving")
    ]


def test_what_fails_beside_the_learning_is_told_and_tried_again_at_the_end() -> None:
    def full(checkpoint: Checkpoint) -> None:
        kept.append(checkpoint.step)
        if len(kept) == 1:
            raise OSError("the disk is full")

    kept: list[int] = []
    runner = Runner(Counter(), keep=full, beside=True)
    runner.save_soon()
    thread = run_in_thread(runner)
    wait_for(lambda: runner.status.said)
    assert runner.status.unsaved and runner.status.message == "Saving failed: the disk is full"
    runner.stop()
    thread.join(20)
    assert not runner.status.unsaved and kept[-1] == runner.job.step_count


def test_what_has_not_changed_is_not_kept_again(clock: Clock) -> None:
    kept: list[int] = []
    runner = Runner(Slow(), keep=lambda checkpoint: kept.append(checkpoint.step))
    runner.save()
    runner._changed = False
    for change, count in ((lambda: None, 1), (runner._work, 2), (lambda: None, 2), (edited(runner), 3)):
        change()
        clock.now += 1000
        runner._autosave()
        assert len(kept) == count


def edited(runner: Runner) -> Callable[[], None]:
    def change() -> None:
        runner.edit(Add(1e9))
        runner._apply_edits()

    return change


@pytest.mark.parametrize("case", [fit(), lesson()], ids=["fit", "lesson"])
def test_what_is_kept_beside_the_learning_is_what_was_when_it_began(case: Case, tmp_path: Path) -> None:
    """The disk is slow: in the meantime the job has learnt on. (Every job gives away what it never touches again: see
    test_every_job.py.)"""
    job, folder, go_on = run(case.make(), 2), RunFolder(tmp_path), threading.Event()

    def keep(checkpoint: Checkpoint) -> None:
        assert go_on.wait(20)
        folder.keep(checkpoint)

    saver = Saver(keep, beside=True)
    saver.save(job.checkpoint)
    run(job, 2)
    go_on.set()
    saver.finish()
    saver.close()
    same(case.resume(folder.checkpoint()), run(case.make(), 2), case.redrawn)


@pytest.mark.parametrize("averaging", [0.0, 0.5])
def test_averages_are_kept_where_they_are_asked_for(averaging: float, tmp_path: Path) -> None:
    case, folder = lesson(averaging=averaging), RunFolder(tmp_path)
    job = run(case.make(), 3)
    folder.keep(job.checkpoint())
    kept = folder.checkpoint()
    assert bool(averaging) == any(name.startswith("average.") for name in kept.trainer)
    same(run(case.resume(kept), 3), run(job, 3), case.redrawn)


# ---- Single steps, counted by two threads ----


class Watched:
    """A lock that says whether it is held."""

    def __init__(self) -> None:
        self.held = False

    def __enter__(self) -> None:
        assert not self.held
        self.held = True

    def __exit__(self, *_: object) -> None:
        self.held = False


def interrupted(work: Callable[[], object], at: int, by: Callable[[], object], lock: Watched) -> bool:
    """Do a piece of work; at its n-th instruction in which another thread might come, that one comes. Whether there
    was such an instruction."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != runners.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and not lock.held:
            seen += 1
            if seen == at:
                sys.settrace(None)
                by()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return seen >= at


@pytest.mark.parametrize("what", ["add", "take"])
def test_no_single_step_is_lost_whenever_another_thread_comes(what: str) -> None:
    at, lock = 1, Watched()
    while True:
        count = Count()
        count._lock = lock  # type: ignore[assignment]
        count.add()
        count.add()
        if not interrupted(getattr(count, what), at, count.add, lock):
            break
        assert count._number == {"add": 4, "take": 2}[what]
        at += 1
    assert at > 5


def test_the_runner_counts_single_steps_so() -> None:
    runner = Runner(Counter(), playing=False)
    assert isinstance(runner._single_steps, Count)
    runner.step_once()
    runner.step_once()
    runner._work()
    assert runner._single_steps
    runner._work()
    assert not runner._single_steps
