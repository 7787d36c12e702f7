"""What every job promises, whatever it learns or draws: what is seen of it, how it is saved, resumed and edited."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_cases import HALF, STEPS, Case, equal, finite, one_sentence, plain, run, same, stated
from small_jobs import JOBS, every_job

from scalefree_studio.controls import ControlError, controls_of
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.instruments import fits, instruments, lessons
from scalefree_studio.jobs.job import Edit, Job, Redo, Restore, SetControls, StartOver, Undo
from scalefree_studio.runner import Runner
from scalefree_studio.snapshot import Array, Change, Snapshot
from scalefree_studio.storage.run_folder import RunFolder


def test_every_kind_of_job_is_in_the_table() -> None:
    assert {case.make().kind for case in JOBS.values()} == {*fits(), *lessons(), DrawPictures.kind}
    samplers = {kind for instrument in instruments().values() for kind in instrument.all_samplers()}
    assert {case.sampler for case in JOBS.values()} - {""} == samplers


# ---- Steps and snapshots ----


@every_job
def test_a_few_steps_and_what_is_seen_of_them(case: Case) -> None:
    job = case.make()
    seen: list[Snapshot] = []
    for _ in range(STEPS):
        before, progress = (job.step_count, job.seconds), job.progress
        assert not job.limit.reached(*before) and job.rest < math.inf
        job.step()
        assert job.step_count > before[0] and job.seconds > before[1]
        assert 0 <= progress < job.progress <= 1 and (progress > 0) == bool(seen)
        seen.append(job.snapshot())
        finite(job)
    last = seen[-1]
    assert last.metrics, "there is nothing to draw a curve of"
    assert (last.kind, last.step, last.seconds) == (job.kind, job.step_count, job.seconds)
    assert {name: array.shape for name, array in last.frame.items()} == dict(case.frame)
    assert {name: array.shape for name, array in job.still().items()} == dict(case.still)


@every_job
def test_what_a_job_gives_away_is_frozen_and_its_own(case: Case) -> None:
    job = run(case.make(), HALF)
    early, late = ([*shown(job)] for _ in range(2))  # of the same moment, too
    copies = [array.copy() for array in early]
    run(job, STEPS - HALF)
    later = [*shown(job)]
    for array, copy in zip(early, copies, strict=True):
        assert not array.flags.writeable and array.base is None
        assert array.tobytes() == copy.tobytes()
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    changing = [[a for a in shot if a.size and id(a) not in {id(s) for s in job.still().values()}] for shot in
                (early, late, later)]  # fmt: skip
    for mine in changing[0]:
        assert not any(np.may_share_memory(mine, theirs) for theirs in changing[1] + changing[2])


def shown(job: Job) -> list[Array]:
    """All arrays that a job gives away at this moment."""
    kept = job.checkpoint()
    return [
        a for part in (job.snapshot().frame, job.still(), kept.model, kept.trainer) for a in part.values()
    ]


@every_job
def test_the_same_seed_gives_the_same_numbers_and_another_one_others(case: Case) -> None:
    first = run(case.make(), STEPS)
    same(first, plain(case, STEPS))
    assert not equal(first.snapshot().frame, run(case.make(seed=5), STEPS).snapshot().frame)


@every_job
def test_starting_over_is_a_new_start(case: Case) -> None:
    job = run(case.make(), HALF)
    job.apply(StartOver())
    assert job.step_count == 0
    same(run(job, STEPS), run((case.over or case.make)(), STEPS))


@every_job
@pytest.mark.parametrize("what", ["live", "rebuild", "start over"])
def test_an_edit_that_is_taken_back_at_once_has_not_been(case: Case, what: str) -> None:
    job = run(case.make(), HALF)
    job.apply({"live": case.live, "rebuild": case.rebuild, "start over": StartOver()}[what])
    job.apply(Undo())
    same(job, plain(case, HALF))
    job.apply(Redo())
    job.apply(Undo())
    same(run(job, STEPS - HALF), plain(case, STEPS))


@every_job
def test_what_was_taken_back_can_be_made_again_and_is_another_segment(case: Case) -> None:
    """What is learnt after a restart is there again, too, and its undo goes on with the segment that was before."""
    job, before = run(case.make(), HALF), run(case.make(), HALF).past.names[0]
    twin, segment = run(case.make(), HALF), job.segment
    for each in (job, twin):
        each.apply(case.rebuild)
        run(each, 1)
    anew, named = job.segment, job.past.names[0]
    assert anew.number > segment.number and anew.parent is None and job.snapshot().segment == anew
    job.apply(Undo())
    assert job.past.names == (before, named) and named and job.segment == job.snapshot().segment == segment
    assert job.apply(Redo()).what == f"redo: {named}"
    assert job.past.names == (named, "") and job.segment == anew
    same(run(job, 1), run(twin, 1))
    job.apply(Undo())
    job.apply(StartOver())
    with pytest.raises(ControlError, match="nothing to redo"):
        job.apply(Redo())


# ---- Save, load, resume ----


@every_job
def test_what_is_saved_is_what_is_loaded(case: Case, tmp_path: Path) -> None:
    job = run(case.make(), HALF)
    kept = job.checkpoint()
    RunFolder(tmp_path).keep(kept)
    loaded = RunFolder(tmp_path).checkpoint()
    assert (kept.kind, kept.step, stated(kept.about)) == (loaded.kind, loaded.step, stated(loaded.about))
    assert equal(kept.model, loaded.model) and equal(kept.trainer, loaded.trainer)
    assert kept.kind == job.kind and kept.step == job.step_count
    same(case.resume(loaded), job, case.redrawn)


@every_job
@pytest.mark.parametrize("steps", [0, 3, 4])
def test_a_resumed_run_equals_one_that_was_not_interrupted(case: Case, steps: int, tmp_path: Path) -> None:
    job = run(case.make(), steps)
    RunFolder(tmp_path).keep(job.checkpoint())
    resumed = case.resume(RunFolder(tmp_path).checkpoint())
    assert resumed.seconds == job.seconds
    same(run(resumed, STEPS - steps), plain(case, STEPS), case.redrawn)


@every_job
def test_an_edited_run_resumes_with_its_edits(case: Case, tmp_path: Path) -> None:
    job = run(case.make(), HALF)
    job.apply(case.live)
    RunFolder(tmp_path).keep(run(job, 1).checkpoint())
    same(run(case.resume(RunFolder(tmp_path).checkpoint()), 2), run(job, 2), case.redrawn)


# ---- Edits ----


@dataclass
class Logged:
    """A job that writes down what is done with it; `during` is called in the middle of each step."""

    job: Job
    during: Callable[[], None]
    log: list[str] = field(default_factory=list)

    def step(self) -> None:
        self.log.append("begins")
        self.during()
        self.job.step()
        self.log.append("ends")

    def apply(self, edit: Edit) -> Change:
        self.log.append("edit")
        return self.job.apply(edit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.job, name)


class Changes:
    """A consumer that hears of edits."""

    def __init__(self) -> None:
        self.heard: list[Change] = []

    def wants(self, step: int) -> bool:
        return False

    def show(self, snapshot: Snapshot) -> None: ...

    def changed(self, change: Change) -> None:
        self.heard.append(change)

    def close(self, last: Snapshot) -> None: ...


@every_job
def test_an_edit_that_comes_in_the_middle_of_a_step_takes_effect_at_the_top_of_the_next(case: Case) -> None:
    edits = [case.live]

    def during() -> None:
        if len(logged.log) == 3:  # the second step has begun
            runner.edit(edits.pop())
        if len(logged.log) == 8:  # the fourth has
            runner.stop()

    logged, changes = Logged(case.make(), during), Changes()
    runner = Runner(logged, [changes])
    runner.run()
    step = ["begins", "ends"]
    assert logged.log == [*step, *step, "edit", *step, *step]
    other = run(case.make(), 2)
    assert [change.step for change in changes.heard] == [other.step_count]
    json.dumps(dict(changes.heard[0].values))  # the history keeps it so
    other.apply(case.live)
    same(logged.job, run(other, 2))
    kept, untouched = other.checkpoint(), plain(case, HALF).checkpoint()
    assert not (equal(kept.model, untouched.model) and equal(kept.trainer, untouched.trainer))


class Odd(Edit):
    """Nobody knows this one."""


def wrong_values(job: Job) -> list[dict[str, Any]]:
    """For every control, what it cannot take; and nothing is taken of an edit of which a part is wrong."""
    wrong: list[dict[str, Any]] = [{"nonsense": 1}]
    for control in controls_of(job.controls):
        wrong += [{control.name: value} for value in (object(), None, math.nan) if control.type is not str]
        if control.low is not None:
            wrong += [{control.name: control.low - 1}, {control.name: -math.inf}]
        if control.high is not None:
            wrong += [{control.name: control.high + 1}, {control.name: math.inf}]
        if control.choices:
            wrong.append({control.name: "nonsense"})
    good = {"seed": job.controls.seed + 1}
    return wrong + [{**good, **values} for values in wrong[:2]] + [{"nonsense": 1, **good}]


@every_job
def test_what_is_refused_changes_nothing(case: Case) -> None:
    job = run(case.make(), HALF)
    edits = [SetControls(values) for values in wrong_values(job)]
    edits += [Odd(), *case.refused]
    for edit in edits:
        with pytest.raises(ControlError) as caught:
            job.apply(edit)
        one_sentence(caught.value)
    same(job, plain(case, HALF))
    same(run(job, STEPS - HALF), plain(case, STEPS))


@every_job
def test_a_frame_of_something_else_is_refused_and_changes_nothing(case: Case) -> None:
    job = run(case.make(), HALF)
    for frame in ({}, {"values": np.zeros(3)}, *case.foreign(job.snapshot().frame)):
        with pytest.raises(ControlError) as caught:
            job.apply(Restore(frame, 2))
        one_sentence(caught.value)
    same(job, plain(case, HALF))


@every_job
def test_a_runner_goes_on_after_what_was_refused(case: Case) -> None:
    def during() -> None:
        runner.edit(Odd())
        if len(logged.log) > 3:
            runner.stop()

    logged, changes = Logged(case.make(), during), Changes()
    runner = Runner(logged, [changes])
    runner.run()
    assert (
        runner.status.said == logged.log.count("edit") > 0 and not runner.status.failed and not changes.heard
    )
    same(logged.job, plain(case, logged.log.count("ends")))
