"""From job to consumers: the screen takes the newest, the recorder takes every one, and stopping is one way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_runner import Add, Counter, Everything, run_in_thread, wait_for

from scalefree_studio import runner as runners
from scalefree_studio.errors import JobError, UserError
from scalefree_studio.jobs.job import Limit
from scalefree_studio.runner import AUTOSAVE_SECONDS, LOOK_SECONDS, Mailbox, Runner
from scalefree_studio.snapshot import Change, Snapshot
from scalefree_studio.storage import saver
from scalefree_studio.storage.history import History
from scalefree_studio.storage.recorder import METRICS_EVERY, Recorder
from scalefree_studio.storage.worker import BATCH, HOLDS


class Counted(Counter):
    """Counts its snapshots, too."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.snapshots = 0

    def snapshot(self) -> Snapshot:
        self.snapshots += 1
        return super().snapshot()


# ---- The screen takes the newest ----


def test_a_runner_without_a_looker_makes_one_snapshot_and_the_last() -> None:
    mailbox, job = Mailbox(), Counted(Limit(steps=1000))
    Runner(job, [mailbox]).run(until_limit=True)
    assert job.snapshots == 2
    last = mailbox.take()
    assert last is not None and last.step == 1000, "what waited was older"
    assert mailbox.take() is None


def test_whoever_looks_now_and_then_sees_what_is_new_and_at_the_end_the_end() -> None:
    rung: list[int] = []
    mailbox = Mailbox(lambda: rung.append(1))
    runner = Runner(Counted(), [mailbox])
    thread, seen = run_in_thread(runner), list[int]()

    def look() -> bool:
        if (shot := mailbox.take()) is not None:
            seen.append(shot.step)
        return len(seen) > 20

    wait_for(look)
    runner.stop()
    thread.join(5)
    last = mailbox.take()
    assert seen == sorted(set(seen)), "older than what was seen before"
    assert last is not None and last.step == runner.job.step_count >= seen[-1]
    assert len(rung) <= len(seen) + 2, "nothing rings for what waits already"
    assert runner.job.snapshots <= len(seen) + 2


def test_an_edit_is_news_though_no_step_was_made() -> None:
    mailbox = Mailbox()
    mailbox.show(Snapshot("counter", 7, 0.0, {}))
    mailbox.take()
    assert not mailbox.wants(7)
    mailbox.changed(Change(7, "add"))
    assert mailbox.wants(7)
    mailbox.show(Snapshot("counter", 7, 0.0, {}))
    mailbox.changed(Change(7, "add"))
    assert not mailbox.wants(7), "what waits has not been taken"


class Seldom(Everything):
    """Wants every so many steps."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every

    def wants(self, step: int) -> bool:
        return step % self.every == 0


def test_a_snapshot_is_made_once_for_all_who_want_it_and_not_where_nobody_does() -> None:
    job, twos, threes = Counted(Limit(steps=12)), Seldom(2), Seldom(3)
    Runner(job, [twos, threes]).run(until_limit=True)
    assert twos.steps == [2, 4, 6, 8, 10, 12] and threes.steps == [3, 6, 9, 12]
    assert job.snapshots == len({*twos.steps, *threes.steps}) + 1  # and the one that all are closed with


# ---- The recorder takes every one ----


def test_a_job_waits_for_a_disk_that_is_slow_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, write = threading.Event(), History.write

    def slowly(self: History, *args: Any, **rows: Any) -> None:
        disk.wait()
        write(self, *args, **rows)

    monkeypatch.setattr(History, "write", slowly)
    recorder = Recorder(tmp_path / "h.sqlite", every=1)
    runner = Runner(Counter(Limit(steps=3000)), [recorder])
    thread = threading.Thread(target=lambda: runner.run(until_limit=True))
    thread.start()
    wait_for(lambda: recorder._worker._queue.full() or not thread.is_alive())
    assert runner.job.step_count <= HOLDS + BATCH + 2, "it went on without the disk"
    disk.set()
    thread.join(30)
    with History.open(tmp_path / "h.sqlite") as history:
        steps = [step for _, step in history.index()]
        measured = [m.step for m in history.metrics()]
    assert (
        sorted({*steps}) == list(range(1, 3001)) and len(steps) == 3001
    )  # the end is recorded as it is left
    assert measured == list(range(1, 3001, METRICS_EVERY))


def test_frames_at_a_stride_and_at_once_after_an_edit_or_a_step_back(tmp_path: Path) -> None:
    def walk(*steps: int) -> None:
        for step in steps:
            if recorder.wants(step):
                recorder.show(Snapshot("counter", step, 0.0, {}, {"n": 1.0}))

    recorder = Recorder(tmp_path / "h.sqlite", every=10)
    walk(*range(1, 35))  # 1, 11, 21, 31
    assert not recorder.wants(34) and recorder.wants(41)
    recorder.changed(Change(34, "add"))
    walk(34, 35, 43, 44)  # 34, 44
    recorder.changed(Change(5, "go to"))
    walk(5, 6, 15)  # 5, 15
    recorder.recording = False
    walk(*range(16, 60))
    recorder.close(Snapshot("counter", 60, 0.0, {}))
    with History.open(tmp_path / "h.sqlite") as history:
        assert [step for _, step in history.index()] == [1, 11, 21, 31, 34, 44, 5, 15]
        assert [(step, what) for step, what, _ in history.changes()] == [(34, "add"), (5, "go to")]
        assert max(m.step for m in history.metrics()) > 40, "curves go on while no frame is recorded"


def test_whoever_begins_a_recording_hears_at_once_that_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        Recorder(tmp_path / "missing" / "h.sqlite")


def test_a_recorder_in_trouble_wants_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: History, *args: Any, **rows: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(History, "write", full)
    recorder = Recorder(tmp_path / "h.sqlite", every=1)
    recorder.show(Snapshot("counter", 1, 0.0, {}))
    wait_for(lambda: recorder.trouble)
    assert not any(recorder.wants(step) for step in range(100))
    recorder.close()


# ---- Stopping ----


@pytest.mark.parametrize("until_limit", [True, False])
def test_a_run_stops_after_the_step_that_is_being_made(until_limit: bool) -> None:
    class Stopped(Counter):
        def step(self) -> None:
            if self.step_count == 2:
                runner.stop()
                runner.stop()
            super().step()

    kept: list[Any] = []
    seen = Everything()
    runner = Runner(Stopped(Limit(steps=9)), [seen], kept.append)
    runner.run(until_limit)
    assert runner.job.step_count == 3 and seen.steps == [1, 2, 3] and seen.closed == 1
    assert [checkpoint.step for checkpoint in kept] == [3] and runner.status.stopped


def test_who_stops_before_the_first_step_keeps_what_there_is() -> None:
    kept: list[Any] = []
    runner = Runner(Counter(), keep=kept.append)
    runner.edit(Add(5))
    runner.stop()
    runner.run()
    assert runner.job.step_count == 0 and [checkpoint.step for checkpoint in kept] == [0]


@pytest.mark.parametrize("rest", [0.0, 1e9, float("inf")], ids=["paused", "resting", "done"])
def test_a_run_that_does_nothing_stops_at_once(rest: float) -> None:
    runner = Runner(Counter(), playing=rest > 0)
    runner.job.rest = rest
    thread = run_in_thread(runner)
    runner.edit(Add(1))
    wait_for(lambda: runner.job.value == 1)
    runner.stop()
    thread.join(5)
    assert not thread.is_alive() and runner.job.step_count <= 1 and runner.status.stopped


class Waits(threading.Event):
    """Waits not at all, but writes down how long it would have; after some times there is something to do."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then, self.waited = then, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waited.append(timeout)
        if len(self.waited) == 3:
            self.then()
        return True


@pytest.mark.parametrize(
    ("rest", "playing"), [(0.0, False), (1e9, True), (float("inf"), True)], ids=["paused", "resting", "done"]
)
def test_a_run_that_does_nothing_waits_and_does_not_spin(rest: float, playing: bool) -> None:
    runner = Runner(Counter(), playing=playing)
    runner.job.rest = rest
    runner._wake = waits = Waits(runner.stop)
    runner.run()
    assert waits.waited == [LOOK_SECONDS] * 3 and runner.job.step_count <= 1


def test_a_run_that_plays_never_waits() -> None:
    runner = Runner(Counter())
    runner._wake = waits = Waits(runner.stop)
    runner.consumers.append(Everything())
    runner.consumers[0].show = lambda shot: runner.stop() if shot.step == 50 else None
    runner.run()
    assert waits.waited == [] and runner.job.step_count == 50


def test_steps_that_were_asked_for_are_not_made_after_one_has_failed() -> None:
    class Fails(Counter):
        tried = 0

        def step(self) -> None:
            self.tried += 1
            raise JobError("It broke.")

    runner = Runner(Fails(), playing=False)
    for _ in range(3):
        runner.step_once()
    runner._wake = Waits(runner.stop)
    runner.run()
    assert runner.job.tried == 1
    playing = Runner(Fails())
    playing._wake = Waits(playing.stop)
    playing.run()
    assert playing.job.tried == 1 and not playing.status.playing


def test_whoever_asks_for_a_step_while_it_plays_gets_one_and_then_it_is_paused() -> None:
    class Asks(Counter):
        def step(self) -> None:
            super().step()
            if self.step_count == 3:
                runner.step_once()

    runner = Runner(Asks())
    runner._wake = Waits(runner.stop)
    runner.run()
    assert runner.job.step_count == 4 and not runner.status.playing


def test_runs_that_belong_together_end_together() -> None:
    """Whether another one ends is asked at the top of every step, and believed."""
    asked: list[bool] = []

    def agree(mine: bool) -> bool:
        asked.append(mine)
        return mine or len(asked) > 4

    runner = Runner(Counter(Limit(steps=9)), agree=agree)
    runner.run(until_limit=True)
    assert runner.job.step_count == 4 and asked == [False] * 5


# ---- Saving, and what is said ----


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Timed(Counter):
    """A step takes a second of the clock."""

    def __init__(self, clock: Clock, limit: Limit) -> None:
        super().__init__(limit)
        self.clock = clock

    def step(self) -> None:
        super().step()
        self.clock.now += 1


def test_a_run_is_saved_every_few_seconds_at_its_end_and_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    for module in (runners, saver):
        monkeypatch.setattr(module, "time", clock)
    saved: list[int] = []

    class Asks(Seldom):
        def show(self, snapshot: Snapshot) -> None:
            runner.save_soon()

    runner = Runner(Timed(clock, Limit(steps=20)), [Asks(14)], lambda kept: saved.append(kept.step))
    runner.run(until_limit=True)
    every = int(AUTOSAVE_SECONDS) + 1
    assert saved == [every, 2 * every, 14, 20]


def test_whoever_shows_a_runner_hears_at_once_of_what_went_wrong() -> None:
    said: list[tuple[str, int, bool, bool]] = []

    def heard() -> None:
        s = runner.status
        said.append((s.message, s.said, s.failed, s.stopped))

    def full(_: Any) -> None:
        raise OSError("the disk is full")

    runner = Runner(Counter(Limit(steps=5), fail_at=2), (), full, True, heard)
    runner.edit(Add(-1))
    runner.run(until_limit=True)
    assert [message for message, *_ in said] == [
        "Only forwards.", "It broke.", "Saving failed: the disk is full", "Saving failed: the disk is full",
    ]  # fmt: skip
    assert [rest for _, *rest in said] == [
        [1, False, False], [2, True, False], [3, True, False], [3, True, True],
    ]  # fmt: skip
