"""When a tracker is told what, and what becomes of a run whose tracker fails."""

import itertools
import threading

import numpy as np
import pytest
from small_training import make

from scalefree_studio.jobs.job import SetControls
from scalefree_studio.runner import Runner
from scalefree_studio.snapshot import Change, Snapshot
from scalefree_studio.storage import trackers
from scalefree_studio.storage.trackers import Tracked, Walls
from scalefree_studio.storage.worker import Worker

pytestmark = pytest.mark.usefixtures("untold")


def shot(step, **metrics):
    return Snapshot("counter", step, step / 10, {}, metrics)


class Heard:
    """A tracker that keeps all it is told."""

    name = "heard"

    def __init__(self, fails=lambda step: False, fails_to_close=False):
        self.steps, self.changes, self.pictures = [], [], []
        self.flushed, self.closed = 0, False
        self._fails, self._fails_to_close = fails, fails_to_close

    def measured(self, measured):
        if self._fails(measured.step):
            raise OSError(f"no answer.\nAt step {measured.step}")
        self.steps.append(measured.step)

    def changed(self, change):
        self.changes.append(change)

    def pictured(self, step, picture):
        self.pictures.append((step, picture))

    def flush(self):
        self.flushed = len(self.steps)

    def close(self):
        if self._fails_to_close:
            raise RuntimeError
        self.closed = True


class EveryFinishedWall:
    """The slow way: looks at every step, and sees each last row being drawn."""

    def __init__(self):
        self.walls, self._before = [], 0

    def wants(self, step):
        return True

    def show(self, snapshot):
        fresh = int(snapshot.frame.get("fresh", 0))
        if fresh == 6 != self._before:
            self.walls.append((snapshot.step, snapshot.frame["wall"]))
        self._before = fresh

    def changed(self, change): ...

    def close(self, last): ...


def train(steps, *consumers, edit_at=None, **controls):
    job = make(steps, **controls)
    runner = Runner(job, consumers)
    if edit_at is not None:
        runner.edit(edit_at)
    runner.run(until_limit=True)
    return job


@pytest.mark.parametrize("wall_every", [1, 6, 7, 10, 17, 50])
def test_every_wall_is_shown_once_as_soon_as_it_is_finished(wall_every):
    heard, slow = Heard(), EveryFinishedWall()
    train(120, Tracked(heard, walls=Walls(6, lambda wall: wall)), slow, wall_every=wall_every)
    assert len(slow.walls) > 1
    different = slow.walls[:1] + [
        b for a, b in itertools.pairwise(slow.walls) if not np.array_equal(a[1], b[1])
    ]
    assert [step for step, _ in heard.pictures] == [step for step, _ in different]
    assert all((a == b).all() for (_, a), (_, b) in zip(heard.pictures, different, strict=True))


def test_walls_are_seen_without_many_looks():
    tracked, looks = Tracked(Heard(), walls=Walls(20, lambda wall: wall)), 0
    wall = np.zeros((1, 20, 2, 1), np.uint8)
    for step in range(1, 1001):
        if tracked.wants(step):
            looks += 1
            frame = {"wall": wall + step // 50, "fresh": np.array(min(20, step % 50 + 1))}
            tracked.show(Snapshot("pixelcnn", step, 0.0, frame, {}))
    assert looks < 150


def test_metrics_are_told_at_a_stride_and_at_the_end():
    heard = Heard()
    train(50, Tracked(heard))
    assert heard.steps == [1, 21, 41, 50] and not heard.pictures
    assert heard.flushed == 4 and heard.closed


def test_a_run_that_had_come_to_its_end_already_is_not_measured_again():
    heard = Heard()
    train(0, Tracked(heard))
    assert heard.steps == [] and heard.closed


def test_a_change_is_told_and_its_effect_seen_at_once():
    heard = Heard()
    tracked = Tracked(heard)
    for step in range(1, 40):
        if step == 30:
            tracked.changed(Change(29, "controls", {"clip": 2.0}))
        if tracked.wants(step):
            tracked.show(shot(step))
    tracked.close(shot(39))
    assert heard.steps == [1, 21, 30, 39]
    assert [(c.step, c.values) for c in heard.changes] == [(29, {"clip": 2.0})]


def test_it_goes_on_after_a_step_back():
    heard = Heard()
    tracked = Tracked(heard)
    for step in (*range(1, 30), *range(1, 30)):
        if step == 1:
            tracked.changed(Change(0, "start over"))
        if tracked.wants(step):
            tracked.show(shot(step))
    tracked.close(shot(29))
    assert heard.steps == [1, 21, 1, 21, 29]


def test_a_tracker_that_fails_is_told_once_and_dropped_and_all_else_goes_on():
    failing, sound, told = Heard(fails=lambda step: step > 20), Heard(), []
    first = Tracked(failing, told.append)
    job = train(100, first, Tracked(sound), wall_every=0, edit_at=SetControls({"clip": 2.0}))
    assert job.step_count == 100
    assert sound.steps[-1] == 100 and sound.closed
    assert failing.steps == [1] and not failing.closed and not first.wants(3000)
    assert told == ["heard stopped tracking: no answer. The run continues without it."]


def test_nobody_waits_for_a_tracker_that_is_gone():
    told = []
    tracked = Tracked(Heard(fails=lambda step: True), told.append)
    for step in range(1, 20_000):
        tracked.show(shot(step))
        tracked.changed(Change(step, "paint"))
    tracked.close(shot(20_000))
    assert len(told) == 1


def test_a_tracker_that_cannot_close_is_told_of():
    told = []
    train(3, Tracked(Heard(fails_to_close=True), told.append))
    assert told == ["heard stopped tracking: RuntimeError. The run continues without it."]


def test_a_tracker_that_never_ends_is_left_alone(monkeypatch):
    monkeypatch.setattr(trackers, "CLOSE_SECONDS", 0.05)
    answer, told = threading.Event(), []
    heard = Heard(fails=lambda step: not answer.wait(100))
    tracked = Tracked(heard, told.append)
    tracked.show(shot(1))
    tracked.close(shot(1))
    assert len(told) == 1 and "left behind" in told[0] and not heard.closed
    answer.set()


def test_a_worker_that_fails_goes_on_taking_what_it_is_given():
    failed = []

    def work(batches):
        raise ValueError(next(batches))

    worker = Worker("failing", work, failed.append)
    for item in range(2000):  # far more than it holds
        worker.put(item)
    assert worker.close() and len(failed) == 1


def test_a_worker_that_hangs_with_its_hands_full_can_be_left_alone():
    hang, got = threading.Event(), threading.Event()

    def work(batches):
        next(batches)
        got.set()
        hang.wait(100)

    worker = Worker("hanging", work, lambda error: None)
    worker.put(0)
    assert got.wait(100)
    for item in range(256):  # as many as it holds
        worker.put(item)
    assert not worker.close(timeout=0.01)
    hang.set()
