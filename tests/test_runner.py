"""The one pipe: commands, staged edits, consumers, and the one way out."""

import threading

import pytest

from scalefree_studio.controls import ControlError
from scalefree_studio.errors import JobError
from scalefree_studio.jobs.job import Edit, Limit
from scalefree_studio.runner import Mailbox, Runner
from scalefree_studio.snapshot import Change, Checkpoint, Snapshot


class Add(Edit):
    def __init__(self, amount):
        self.amount = amount


class Counter:
    """A job that counts, and can be told to count differently."""

    kind = "counter"
    rest = 0.0

    def __init__(self, limit=Limit(), fail_at=None):  # noqa: B008
        self.step_count, self.value, self.limit, self.fail_at = 0, 0, limit, fail_at
        self.controls, self.seconds, self.during_step = None, 0.0, []

    def step(self):
        if self.step_count == self.fail_at:
            raise JobError("It broke.")
        self.step_count += 1

    def apply(self, edit):
        if edit.amount < 0:
            raise ControlError("Only forwards.")
        self.value += edit.amount
        return Change(self.step_count, "add", {"amount": edit.amount})

    def snapshot(self):
        return Snapshot("counter", self.step_count, self.seconds, {}, {"value": self.value})

    def still(self):
        return {}

    def checkpoint(self):
        return Checkpoint("counter", self.step_count, {"value": self.value}, {})


class Everything:
    """A consumer that keeps all it is shown."""

    def __init__(self):
        self.steps, self.changes, self.closed = [], [], 0

    def wants(self, step):
        return True

    def show(self, snapshot):
        self.steps.append(snapshot.step)

    def changed(self, change):
        self.changes.append(change)

    def close(self, last):
        self.closed += 1


def run_in_thread(runner):
    thread = threading.Thread(target=runner.run)
    thread.start()
    return thread


def wait_for(condition):
    done = threading.Event()
    for _ in range(6000):  # a minute: machines may be slow and busy
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it never happened")


def test_it_runs_to_the_limit_shows_every_step_and_saves_once():
    kept, seen = [], Everything()
    runner = Runner(Counter(Limit(steps=5)), [seen], kept.append)
    runner.run(until_limit=True)
    assert seen.steps == [1, 2, 3, 4, 5] and seen.closed == 1
    assert [c.step for c in kept] == [5] and runner.status.stopped


def test_a_job_that_is_at_its_limit_already_makes_no_step():
    job = Counter(Limit(steps=5))
    job.step_count = 5
    Runner(job).run(until_limit=True)
    assert job.step_count == 5


def test_edits_take_effect_at_the_top_of_the_next_step_in_order():
    seen = Everything()
    runner = Runner(Counter(Limit(steps=1)), [seen])
    for amount in (1, 2, -5, 3):
        runner.edit(Add(amount))
    runner.run(until_limit=True)
    assert runner.job.value == 6
    assert [(c.step, c.values["amount"]) for c in seen.changes] == [(0, 1), (0, 2), (0, 3)]
    assert runner.status.message == "Only forwards."


def test_pause_single_steps_and_play():
    runner = Runner(Counter(), playing=False)
    thread = run_in_thread(runner)
    runner.step_once()
    runner.step_once()
    wait_for(lambda: runner.job.step_count == 2)
    assert not runner.status.playing
    runner.play()
    wait_for(lambda: runner.job.step_count > 50)
    runner.pause()
    runner.stop()
    runner.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_edits_are_applied_while_paused_and_shown():
    mailbox = Mailbox()
    runner = Runner(Counter(), [mailbox], playing=False)
    thread = run_in_thread(runner)
    wait_for(lambda: mailbox.take() is not None)
    runner.edit(Add(4))
    shown = []
    wait_for(lambda: (shot := mailbox.take()) is not None and shown.append(shot) is None)
    assert shown[0].metrics["value"] == 4
    runner.stop()
    thread.join(5)


def test_the_mailbox_holds_one_and_asks_for_the_next_only_when_emptied():
    rang = []
    mailbox = Mailbox(lambda: rang.append(1))
    assert mailbox.wants(1)
    mailbox.show(Snapshot("counter", 1, 0.0, {}))
    assert not mailbox.wants(2) and len(rang) == 1
    assert mailbox.take().step == 1 and mailbox.take() is None
    assert mailbox.wants(2) and not mailbox.wants(1)  # the same step again is no news


def test_a_failing_job_stops_stepping_says_why_and_is_saved():
    kept = []
    runner = Runner(Counter(Limit(steps=9), fail_at=3), keep=kept.append)
    runner.run(until_limit=True)
    assert runner.status.failed and runner.status.message == "It broke." and kept[0].step == 3


def test_a_failed_save_is_told_and_another_place_can_be_given():
    def full(checkpoint):
        raise OSError(28, "No space left on device")

    runner = Runner(Counter(Limit(steps=2)), keep=full)
    runner.run(until_limit=True)
    assert runner.status.unsaved and "No space left" in runner.status.message
    kept = []
    assert runner.save(kept.append) and kept[0].step == 2 and not runner.status.unsaved


def test_a_bug_in_a_job_still_closes_consumers_and_saves():
    class Broken(Counter):
        def step(self):
            raise ZeroDivisionError

    kept, seen = [], Everything()
    with pytest.raises(ZeroDivisionError):
        Runner(Broken(), [seen], kept.append).run()
    assert seen.closed == 1 and len(kept) == 1


def test_a_consumer_that_fails_at_the_end_does_not_cost_the_model():
    class Gone(Everything):
        def close(self, last):
            raise BrokenPipeError

    kept = []
    runner = Runner(Counter(Limit(steps=3)), [Gone()], kept.append)
    with pytest.raises(BrokenPipeError):
        runner.run(until_limit=True)
    assert [c.step for c in kept] == [3] and runner.status.stopped


class Slow(Counter):
    """A job that rests for ever so long, or to the end of all days; an edit says which."""

    rest = 1e9

    def apply(self, edit):
        self.rest = edit.amount
        return Change(self.step_count, "rest")


def test_a_rest_is_kept_while_edits_act_at_once_and_ends_by_a_step_asked_for_or_by_the_end():
    seen = Everything()
    runner = Runner(Slow(), [seen])
    thread = run_in_thread(runner)
    wait_for(lambda: runner.job.step_count == 1)
    for n in range(20):
        runner.edit(Add(1e9 + n))
        wait_for(lambda n=n: len(seen.changes) == n + 1)
    assert runner.job.step_count == 1 and runner.status.playing
    runner.step_once()
    wait_for(lambda: runner.job.step_count == 2)
    runner.play()
    runner.edit(Add(0))  # a shorter rest counts from the last step, and so is over
    wait_for(lambda: runner.job.step_count > 50)
    runner.edit(Add(1e9))
    runner.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_a_job_with_nothing_to_do_is_paused_until_an_edit_comes():
    told = []
    runner = Runner(Slow(), told=lambda: told.append(runner.status.playing))
    runner.job.rest = 0.0
    thread = run_in_thread(runner)
    runner.edit(Add(float("inf")))
    wait_for(lambda: told == [False])
    steps = runner.job.step_count
    runner.play()  # there still is nothing to do
    runner.edit(Add(float("inf")))
    wait_for(lambda: not runner._staging._edits)
    assert runner.job.step_count == steps and not runner.status.playing
    runner.edit(Add(0))
    wait_for(lambda: runner.job.step_count > steps + 5)
    assert told == [False, True]
    runner.edit(Add(float("inf")))
    wait_for(lambda: not runner.status.playing)
    steps = runner.job.step_count
    runner.pause()  # a person who has paused stays so
    runner.edit(Add(0))
    wait_for(lambda: runner.job.rest == 0)
    runner.step_once()
    wait_for(lambda: runner.job.step_count == steps + 1)
    assert not runner.status.playing
    runner.stop()
    thread.join(5)


def test_without_a_person_nobody_rests():
    runner = Runner(Slow(Limit(steps=5)))
    runner.run(until_limit=True)
    assert runner.job.step_count == 5


def test_progress_and_limits():
    assert Limit(steps=10).progress(5, 99) == 0.5 and Limit().progress(5, 5) == 0
    assert Limit(seconds=2.0).reached(0, 2.5) and not Limit(steps=3).reached(2, 1e9)
    assert Limit(steps=10, seconds=1.0).progress(1, 0.9) == 0.9
