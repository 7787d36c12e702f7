"""Undo and running out of memory, as every job has them."""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from job_cases import run

from scalefree_studio.controls import ControlError
from scalefree_studio.errors import JobError
from scalefree_studio.jobs.dividers import start as divider_start
from scalefree_studio.jobs.dividers.controls import FitControls
from scalefree_studio.jobs.dividers.edits import AddUnit, MoveUnit, RemoveUnit, SetMask
from scalefree_studio.jobs.dividers.fit import CHECK_EVERY, FitDividers
from scalefree_studio.jobs.job import Edit, GoOn, Limit, Redo, Restore, SetControls, StartOver, Undo
from scalefree_studio.jobs.memory import OutOfMemoryError, within_memory
from scalefree_studio.jobs.undo import Reverse, Step, UndoStack

# -- the stack --------------------------------------------------------------------------------------------------------


class Counter:
    """Something with an undo: a number that is set."""

    def __init__(self) -> None:
        self.value = 0

    def set(self, value: int) -> Reverse:
        before, self.value = self.value, value
        return lambda: self.set(before)


def remembered(steps: list[Step], most_steps: int, most_bytes: int) -> list[Step]:
    """The longest end of all steps that is within the bounds, but at least the last one."""
    for first in range(len(steps)):
        kept = steps[first:]
        if len(kept) == 1 or (len(kept) <= most_steps and sum(step.size for step in kept) <= most_bytes):
            return kept
    return []


DEEDS = st.lists(
    st.tuples(st.sampled_from(["set", "set", "set", "undo", "redo"]), st.integers(0, 9), st.integers(0, 2))
)


@given(DEEDS, st.integers(1, 6), st.integers(0, 25))
def test_it_is_bounded_gestures_are_one_step_and_what_was_undone_can_be_redone(
    deeds: list[tuple[str, int, int]], most_steps: int, most_bytes: int
) -> None:
    counter, stack = Counter(), UndoStack(most_steps, most_bytes)
    slow: list[tuple[Step, int]] = []  # every step that can be taken back, and the value before it
    again: list[tuple[Step, int]] = []  # every one that can be made again, and the value after it
    pulled = 0  # the gesture that may go on
    for n, (deed, size, gesture) in enumerate(deeds, start=1):
        if deed == "set":
            before = counter.value
            step = Step(f"set {n}", counter.set(n), gesture or None, size)
            stack.add(step)
            if not gesture or gesture != pulled:
                slow.append((step, before))
            kept = remembered([step for step, _ in slow], most_steps, most_bytes)
            slow, again, pulled = slow[len(slow) - len(kept) :], [], gesture
        elif deed == "undo" and slow:
            (step, before), after = slow.pop(), counter.value
            assert stack.take(Undo()) == f"undo: {step.what}" and counter.value == before
            again, pulled = [*again, (step, after)], 0
        elif deed == "redo" and again:
            (step, after), before = again.pop(), counter.value
            assert stack.take(Redo()) == f"redo: {step.what}" and counter.value == after
            slow, pulled = [*slow, (step, before)], 0
        else:
            value = counter.value
            with pytest.raises(ControlError, match=f"There is nothing to {deed}"):
                stack.take(Undo() if deed == "undo" else Redo())
            assert counter.value == value
        assert stack.names == tuple(steps[-1][0].what if steps else "" for steps in (slow, again))
    for step, before in reversed(slow):
        assert stack.take(Undo()) == f"undo: {step.what}" and counter.value == before
    with pytest.raises(ControlError):
        stack.take(Undo())


def test_what_could_not_be_taken_back_can_be_tried_again() -> None:
    counter, stack, full = Counter(), UndoStack(), [True]
    back = counter.set(7)

    def reverse() -> Reverse:
        if full.pop():
            raise OutOfMemoryError("Out of memory.")
        return back()

    full.insert(0, False)
    stack.add(Step("set 7", reverse))
    with pytest.raises(OutOfMemoryError):
        stack.take(Undo())
    assert counter.value == 7
    assert stack.take(Undo()) == "undo: set 7" and counter.value == 0


# -- a step that was taken back can be made again ---------------------------------------------------------------------


def fit() -> FitDividers:
    y, x = np.mgrid[:20, :24]
    pixels = np.stack([x * 10, y * 12, (x > y) * 200], axis=-1).astype(np.uint8)
    controls = FitControls(lines=3, circles=2, tanh=1, hidden=5, batch_size=64, start="random", seed=2)
    job = FitDividers(pixels, controls, Limit(steps=50))
    for _ in range(6):
        job.step()
    return job


def state(job: FitDividers) -> dict[str, Any]:
    kept = job.checkpoint()
    arrays = {**kept.model, **{f"trainer.{name}": array for name, array in kept.trainer.items()}}
    return {"controls": job.controls, "step": job.step_count, **arrays}


def alike(mine: dict[str, Any], theirs: dict[str, Any], forgotten: str = "nothing") -> bool:
    """To the rounding of a sum; but for the optimizer's memory of a unit, where it is forgotten."""
    names = {name for name in mine if not name.startswith(forgotten)}
    if names != {name for name in theirs if not name.startswith(forgotten)}:
        return False
    arrays = {name for name in names if isinstance(mine[name], np.ndarray)}
    close = all(
        mine[n].shape == theirs[n].shape and np.allclose(mine[n], theirs[n], rtol=0, atol=1e-6)
        for n in arrays
    )
    return close and all(mine[n] == theirs[n] for n in names - arrays)


MASK = np.linspace(1, 3, 20 * 24, dtype=np.float32).reshape(20, 24)
EARLIER = fit().snapshot()


@pytest.mark.parametrize(
    "edit",
    [
        SetControls({"learning_rate": 0.02}), SetControls({"hidden": 7}), SetControls({"numbers": 100}), StartOver(),
        Restore(EARLIER.frame, 3), SetMask(MASK), AddUnit("line"), AddUnit("circle"), RemoveUnit(1), RemoveUnit(4),
        MoveUnit(1, {"line_angle": 0.5}), MoveUnit(3, {"circle_centre": np.array([0.1, 0.2])}),
    ],
    ids=lambda edit: f"{type(edit).__name__}-{getattr(edit, 'values', None) or getattr(edit, 'unit', '')}"[:40],
)  # fmt: skip
def test_what_takes_an_edit_back_returns_what_makes_it_again(edit: Edit) -> None:
    job = fit()
    job.apply(SetControls({"seed": 9}))
    for _ in range(4):
        job.step()
    before = state(job)
    step = job._make(edit)[0]
    after = state(job)
    assert not alike(before, after)
    # A unit that comes back begins anew, as far as the optimizer goes.
    forgotten = "trainer." if isinstance(edit, AddUnit | RemoveUnit) else "nothing"
    again = step.reverse()
    assert alike(state(job), before, forgotten)
    back = again()
    assert alike(state(job), after, forgotten)
    back()
    assert alike(state(job), before, forgotten)


def test_a_redo_ends_with_another_edit_and_comes_back_to_what_was_learnt_in_between() -> None:
    job = fit()
    job.apply(SetControls({"hidden": 7}))
    for _ in range(3):
        job.step()
    learnt = state(job)
    for edit in (Undo(), Redo()):
        job.apply(edit)
    assert alike(state(job), learnt)
    job.apply(Undo())
    job.apply(AddUnit("line"))
    with pytest.raises(ControlError, match="nothing to redo"):
        job.apply(Redo())
    assert job.past.names == ("add a line", "")


def test_undo_of_a_restart_does_not_pass_over_what_was_learnt_since_another() -> None:
    job = fit()
    job.apply(SetControls({"hidden": 7}))
    job.apply(SetControls({"hidden": 8}))  # nothing was learnt in between: one gesture
    for _ in range(4):
        job.step()
    learnt = state(job)
    job.apply(SetControls({"hidden": 9}))
    job.apply(Undo())
    assert alike(state(job), learnt)
    job.apply(Undo())
    assert alike(state(job), state(fit()))


@pytest.mark.parametrize(
    "edit", [StartOver(), SetControls({"lines": 7})], ids=lambda edit: type(edit).__name__
)
def test_learning_that_fails_after_an_undo_goes_back_to_what_was_undone_to(edit: Edit) -> None:
    job = fit()
    learnt = state(job)
    job.apply(edit)
    job.apply(Undo())
    job.params["out_bias"][0] = math.nan
    assert alike(state(job), learnt)  # what is kept of it is the last good one
    with pytest.raises(JobError, match="back at step 6"):
        run(job, CHECK_EVERY)
    assert alike(state(job), learnt)


def test_undo_of_a_restart_looks_for_no_start_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    job, begun = fit(), []
    start = divider_start.start
    monkeypatch.setattr(divider_start, "start", lambda *what: begun.append(what) or start(*what))
    job.apply(SetControls({"lines": 7, "weigh_center": 3.0}))
    assert len(begun) == 1
    for edit in (Undo(), Redo(), Undo()):
        job.apply(edit)
    assert len(begun) == 1 and alike(state(job), state(fit()))
    assert not job._target.weighted


def test_the_controls_say_how_many_units_there_are() -> None:
    job = fit()

    def said() -> tuple[int, int, int]:
        return job.controls.lines, job.controls.circles, job.controls.numbers

    job.apply(SetControls({"numbers": 100}))
    budget = said()
    assert budget[2] == 100
    job.apply(AddUnit("circle"))
    job.apply(AddUnit("line"))
    assert said() == (1, budget[1] + 1, 0)
    job.apply(RemoveUnit(int(job.unit_ids[1])))  # the circle; cells come last
    assert said() == (1, budget[1], 0)
    job.apply(Restore(EARLIER.frame, 3))
    assert said() == (3, 2, 0)
    saved = FitDividers.from_checkpoint(job.checkpoint())
    assert saved.controls == job.controls
    for _ in range(4):
        job.apply(Undo())
    assert said() == budget
    job.apply(Redo())
    assert said() == (0, budget[1] + 1, 0)
    job.apply(StartOver())
    assert len(job.unit_ids) == budget[1] + 1 + job.controls.tanh + job.controls.cells


def test_a_fit_rests_at_the_end_of_its_schedule_and_can_go_on_for_as_long_again() -> None:
    job = fit()  # of 50 steps
    with pytest.raises(ControlError, match="not finished"):
        job.apply(GoOn())
    while job.rest == 0:
        job.step()
    assert job.step_count == 50 and job.progress == 1
    job.apply(GoOn())
    assert job.rest == 0 and job.limit == Limit(steps=100) and job.progress == 0.5
    job.apply(Undo())
    assert job.rest > 0 and job.limit == Limit(steps=50)
    endless = FitDividers(
        job.pixels, FitControls(lines=2, hidden=3, batch_size=16, horizon=100, start="random")
    )
    for _ in range(100):
        endless.step()
    assert endless.rest > 0
    endless.apply(GoOn())
    assert endless.controls.horizon == 200 and endless.rest == 0
    endless.apply(Undo())
    endless.apply(AddUnit("line"))  # a hand late in the schedule sets things moving again
    assert endless.rest == 0


@pytest.mark.parametrize(
    "edits",
    [
        (SetMask(MASK), SetMask(None)),
        (SetMask(MASK), Undo()),
        (SetControls({"weigh_center": 9.0}), SetControls({"weigh_center": 1.0})),
    ],
    ids=["cleared", "undone", "weighed"],
)
def test_where_no_pixel_matters_more_any_longer_all_count_alike(edits: tuple[Edit, ...]) -> None:
    """Cells, too, whose pixels come tile by tile."""
    job, plain = (FitDividers(fit().pixels, FitControls(cells=60, start="random")) for _ in range(2))
    for edit in edits:
        job.apply(edit)
    for each in (job, plain):
        each.step()
    assert all(torch.equal(tensor, plain.params[name]) for name, tensor in job.params.items())


def test_a_frame_says_what_was_painted_then() -> None:
    job = fit()
    assert "mask" not in job.snapshot().frame
    job.apply(SetMask(MASK))
    assert np.array_equal(job.snapshot().frame["mask"], MASK)
    job.apply(Restore(job.snapshot().frame, 3))  # which is no part of the network
    job.apply(SetMask(None))
    assert "mask" not in job.snapshot().frame


def test_large_steps_are_forgotten_before_they_fill_the_memory() -> None:
    job = fit()
    job.past.most_bytes = 3 * job.backup().learnt.nbytes
    for n in range(1, 6):
        job.apply(StartOver())
        job.apply(SetControls({"learning_rate": n / 1000}))  # takes no room
    for what in ["change learning rate", "start over"] * 3 + ["change learning rate"]:
        assert job.apply(Undo()).what == f"undo: {what}"
    with pytest.raises(ControlError, match="nothing to undo"):
        job.apply(Undo())
    assert job.controls.learning_rate == 1 / 1000


# -- memory -----------------------------------------------------------------------------------------------------------

CPU = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError(CPU),
    MemoryError("Unable to allocate 9 GiB"),
]


def test_work_within_memory_gives_its_result() -> None:
    assert within_memory(lambda: 7, "buy more") == 7


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_running_out_of_memory_is_one_sentence_and_holds_on_to_nothing(error: Exception) -> None:
    large: list[weakref.ref[torch.Tensor]] = []

    def work() -> None:
        tensor = torch.zeros(1000)
        large.append(weakref.ref(tensor))
        raise type(error)(*error.args)

    with pytest.raises(OutOfMemoryError) as caught:
        within_memory(work, "buy more")
    assert str(caught.value) == "Out of memory: buy more." and isinstance(caught.value, JobError)
    assert large[0]() is None  # though the error is still at hand


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes cannot be multiplied"), JobError("alloc"), ValueError("alloc")]
)
def test_other_errors_pass(error: Exception) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        within_memory(work, "buy more")
    assert caught.value is error
