"""A table of pictures: a row a prompt, a column a temperature, each cell as if it were drawn by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_samplers import BeamSampler, drawing_of, job_of, one_stage
from small_drawings import make, play
from small_drawings import picture as coloured

from scalefree_studio.controls import ControlError
from scalefree_studio.drawings import PAPER, Drawing, first, kept_too_late
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import (
    FITTING,
    ChangeTable,
    GoTo,
    SetPrompt,
    SetTable,
    SetValue,
    SetWay,
    Watch,
)
from scalefree_studio.jobs.job import Restore, SetControls, StartOver, Undo
from scalefree_studio.models.ordered.request import Request, uniforms, uniforms_of

T = 0.5, 1.0, 2.0


def prompts(job, count=2, cut=7, seed=3):
    """Pictures of noise, of which the first places of the order are given."""
    size, levels = job.sampler.size, job.sampler.levels
    values = np.random.default_rng(seed).integers(levels, size=(count, *size, job.sampler.channels))
    keep = first(cut, job.layout.order, size)
    return tuple(SetPrompt(each, keep) for each in values)


def table(order="rows", count=2, cut=7, **controls):
    job = job_of(one_stage(order, (4, 5), classes=3), seed=4, **controls)
    job.apply(SetTable(T, prompts(job, count, cut)))
    return job


def alone(job, prompt=None, **controls):
    """A drawing of one picture by itself."""
    one = job_of(job.sampler, 1, seed=job.controls.seed, **controls)
    if prompt is not None:
        one.apply(prompt)
    return drawing_of(play(one)).values[0]


@pytest.mark.parametrize("order", ["rows", "columns", "spiral", "random"])
def test_a_cell_is_the_picture_that_is_drawn_by_itself(order):
    job = play(table(order, top_p=0.9))
    for row, prompt in enumerate(prompts(job)):
        for column, temperature in enumerate(T):
            cell = drawing_of(job).values[len(T) * row + column]
            np.testing.assert_array_equal(cell, alone(job, prompt, temperature=temperature, top_p=0.9))


@pytest.mark.parametrize("channels", [1, 3])
def test_so_it_is_with_a_network_whose_pictures_come_from_outside(channels):
    job, single = make(channels=channels, seed=2), make(count=1, channels=channels, seed=2, temperature=T[1])
    pixels = np.ascontiguousarray(coloured(job)[0])
    keep = np.zeros(job.sampler.size, bool)
    keep[:2, 1:] = True
    prompt = SetPrompt(keep=keep, pixels=pixels)
    job.apply(SetTable(T, (SetPrompt(keep=~keep, pixels=pixels), prompt)))
    single.apply(prompt)
    np.testing.assert_array_equal(drawing_of(play(job)).values[4], drawing_of(play(single)).values[0])


def test_a_column_from_nothing_is_a_wall_of_that_temperature():
    job = job_of(one_stage(classes=3), seed=9)
    job.apply(SetTable(T, rows=4))
    cells = drawing_of(play(job)).values.reshape(4, len(T), 3, 4, 1)
    for column, temperature in enumerate(T):
        wall = drawing_of(play(job_of(job.sampler, 4, seed=9, temperature=temperature))).values
        np.testing.assert_array_equal(cells[:, column], wall)
    assert drawing_of(job).prompts() is None and job.controls.count == 12


def test_rows_of_the_same_picture_differ_and_those_of_others_do_not_matter():
    job, single = table(count=1), job_of(one_stage("rows", (4, 5), classes=3), 3, seed=4, temperature=T[0])
    (same,), other = prompts(job, 1), prompts(job, 1, seed=8)[0]
    job.apply(SetTable(T, (same, other, same, same)))
    single.apply(same)
    cells = drawing_of(play(job)).values[:: len(T)]
    np.testing.assert_array_equal(cells[[0, 2, 3]], drawing_of(play(single)).values)
    np.testing.assert_array_equal(cells[1], alone(job, other, temperature=T[0]))


def test_what_is_given_and_hidden_is_shown():
    job = table("columns")
    drawing, size = drawing_of(job), job.sampler.size
    keep = first(7, job.layout.order, size).repeat(2, 0).repeat(3, 1)  # a place is 2 × 3 pixels
    given, hidden = drawing.prompts(), drawing.prompts(hidden=True)
    assert drawing.temperatures == T and given is not None and hidden is not None
    assert (given[:, ~keep] == PAPER).all() and (hidden[:, keep] == PAPER).all()
    whole = np.where(keep[..., None], given, hidden)
    levels = np.stack([prompt.values for prompt in prompts(job)])
    done = {"values": levels, "given": np.ones(levels.shape[:3], bool), "position": np.zeros(2, int)}
    np.testing.assert_array_equal(whole, Drawing(done, drawing.still).pictures())
    np.testing.assert_array_equal(drawing.frame["prompts"], levels)  # the truth stays known
    assert kept_too_late(first(7, job.layout.order, size), job.layout.order) == 0


def test_the_bits_of_what_is_drawn_and_of_what_is_hidden_are_the_networks_own():
    job = play(table(top_p=0.9))
    job.apply(Watch(4))
    one = job_of(job.sampler, 1)  # at temperature 1, with nothing left out
    found = []
    for values in (drawing_of(job).values[4], prompts(job)[1].values):
        one.apply(SetPrompt(values, np.zeros(values.shape[:2], bool)))
        by_position = one.layout.by_position(values[None]).astype(np.int64)
        request = Request(torch.zeros(1, 20, 1), torch.tensor([0]))
        chances = job.sampler.chances(request, torch.from_numpy(by_position))[0, :, 0].numpy()
        found.append(-np.log2(chances[np.arange(20), by_position[0, :, 0]])[7:].sum())
    np.testing.assert_allclose(drawing_of(job).frame["bits"], found, rtol=1e-5)
    job.apply(GoTo(12))
    assert np.isnan(np.asarray(drawing_of(job).frame["bits"], float)).all()


def test_one_cell_is_drawn_again_with_another_seed_and_undo_brings_it_back():
    job = play(table())
    before = drawing_of(job).values.copy()
    job.apply(SetWay((4,), {"seed": 77}))
    assert drawing_of(job).position.tolist() == [20] * 4 + [0] + [20]
    after = drawing_of(play(job)).values
    assert (np.delete(after, 4, 0) == np.delete(before, 4, 0)).all()
    single = job_of(job.sampler, 1, seed=77, temperature=T[1])
    single.apply(prompts(job)[1])
    np.testing.assert_array_equal(after[4], drawing_of(play(single)).values[0])
    job.apply(Undo())
    np.testing.assert_array_equal(drawing_of(job).values, before)
    job.apply(GoTo(3))  # with its own random numbers again
    np.testing.assert_array_equal(drawing_of(play(job)).values, before)


def test_it_starts_over_as_a_table_and_another_prompt_ends_it():
    job = play(table())
    whole = drawing_of(job).values.copy()
    for edit in (StartOver(), SetControls({"top_k": 2}), SetControls({"top_k": 0})):
        job.apply(edit)
        assert drawing_of(job).temperatures == T and job.state.position.max() == 0
        play(job)
    np.testing.assert_array_equal(drawing_of(job).values, whole)
    job.apply(SetPrompt())
    assert drawing_of(job).temperatures == () and "columns" not in job.snapshot().frame
    job.apply(Undo())
    assert drawing_of(job).temperatures == T
    np.testing.assert_array_equal(drawing_of(job).values, whole)


def test_a_live_control_acts_in_all_columns():
    job, other = table(), table()
    for each in (job, other):
        each.apply(GoTo(10))
    job.apply(SetControls({"top_k": 1}))
    assert [way.temperature for way in (job.state.way_of(n) for n in range(6))] == [*T, *T]
    assert (drawing_of(play(job)).values != drawing_of(play(other)).values).any()


@pytest.mark.parametrize("until", [0, 9, 20])
def test_it_is_saved_and_goes_on(until, monkeypatch):
    job = table()
    job.apply(GoTo(until))
    job.apply(SetWay((3,), {"seed": 5}))
    monkeypatch.setattr("scalefree_studio.jobs.drawing.draw.sampler_of", lambda *_: job.sampler)
    twin = DrawPictures.from_checkpoint(job.checkpoint())
    for name, array in job.snapshot().frame.items():
        np.testing.assert_array_equal(twin.snapshot().frame[name], array, err_msg=name)
    np.testing.assert_array_equal(drawing_of(play(twin)).values, drawing_of(play(job)).values)
    for each in (job, twin):
        each.apply(StartOver())
    np.testing.assert_array_equal(drawing_of(play(twin)).values, drawing_of(play(job)).values)


def test_a_damaged_table_is_refused(monkeypatch):
    job = table()
    monkeypatch.setattr("scalefree_studio.jobs.drawing.draw.sampler_of", lambda *_: job.sampler)
    saved = job.checkpoint()
    for temperatures in ([1.0] * 4, [0.0, 1.0, 2.0], ["hot"]):
        state = {**saved.about["state"], "temperatures": temperatures}
        with pytest.raises(Exception, match="damaged"):
            DrawPictures.from_checkpoint(
                type(saved)(saved.kind, 0, {**saved.about, "state": state}, saved.model)
            )


def test_a_recorded_moment_of_another_table_is_gone_on_from():
    job = table()
    job.apply(GoTo(11))
    past, step = job.snapshot().frame, job.step_count
    whole = drawing_of(play(job)).values.copy()
    job.apply(SetTable((1.0,), prompts(job, 4, seed=6)))
    job.apply(Restore(past, step))
    assert drawing_of(job).temperatures == T and drawing_of(job).position.tolist() == [11] * 6
    np.testing.assert_array_equal(drawing_of(play(job)).values, whole)
    job.apply(StartOver())
    np.testing.assert_array_equal(drawing_of(play(job)).values, whole)
    job.apply(SetPrompt())
    wall = job.snapshot()
    job.apply(SetTable(T, prompts(job)))
    job.apply(Restore(wall.frame, wall.step))  # a wall from before the table
    job.apply(StartOver())
    assert drawing_of(job).temperatures == () and not drawing_of(job).frame["given"].any()


def test_a_value_that_is_set_by_hand_stays_in_its_cell():
    job = play(table())
    before = drawing_of(job).values.copy()
    job.apply(SetValue(2, 3, 3, (1 if before[2, 3, 3, 0] != 1 else 2,)))
    after = drawing_of(play(job)).values
    assert (np.delete(after, 2, 0) == np.delete(before, 2, 0)).all() and (after[2] != before[2]).any()


@pytest.mark.parametrize(
    "edit",
    [
        SetTable(()), SetTable((0.0,)), SetTable((1.0, 99.0)), SetTable(T, rows=0), SetTable(T, rows=2000),
        SetTable(T, (SetPrompt(np.zeros((9, 9, 1), int)),)), SetControls({"count": 3}),
        SetControls({"temperature": 0.3}), SetWay((6,), {"seed": 1}), SetWay((0,), {"seed": -1}),
        SetWay((0,), {"count": 1}),
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_table_is_refused_and_changes_nothing(edit):
    job = table()
    job.apply(GoTo(9))
    before = job.snapshot()
    with pytest.raises(ControlError) as error:
        job.apply(edit)
    assert str(error.value).endswith(".")
    for name, array in before.frame.items():
        np.testing.assert_array_equal(job.snapshot().frame[name], array, err_msg=name)


def test_a_search_with_beams_draws_no_table():
    job = job_of(BeamSampler(one_stage().stages))
    with pytest.raises(ControlError):
        job.apply(SetTable(T))


def test_random_numbers_are_those_of_each_seed():
    found = uniforms_of([5, 7, 5, 5], [0, 2, 3, 0], 6, 2)
    five, seven = uniforms(4, 6, 2, 5), uniforms(3, 6, 2, 7)
    for row, expected in zip(found, (five[0], seven[2], five[3], five[0]), strict=True):
        np.testing.assert_array_equal(row, expected)


def test_a_table_is_changed_bit_by_bit():
    job = table()
    play(job)
    keep = first(12, job.layout.order, job.sampler.size)
    (new,) = prompts(job, 1, 12, seed=9)
    a, b = prompts(job, 2, 12)
    expected = job_of(job.sampler, seed=4)
    for edit, rows, columns in (
        (ChangeTable(keep=keep), (a, b), T),
        (ChangeTable(add=(new,)), (a, b, new), T),
        (ChangeTable(temperatures=(0.7,)), (a, b, new), (0.7,)),
        (ChangeTable(drop=(0,)), (b, new), (0.7,)),
        (ChangeTable(replace={1: a}, temperatures=T), (b, a), T),
        (ChangeTable(drop=(0, 1)), (), T),
        (ChangeTable(add=(a,)), (a,), T),
    ):
        job.apply(edit)
        expected.apply(SetTable(columns, rows))
        np.testing.assert_array_equal(drawing_of(play(job)).values, drawing_of(play(expected)).values)
        assert drawing_of(job).temperatures == columns
    for _ in range(7):
        job.apply(Undo())
    assert drawing_of(job).frame["kept"].sum() == 2 * 7 and len(drawing_of(job).values) == 6
    for wrong in (
        ChangeTable(drop=(2,)), ChangeTable(replace={-1: a}), ChangeTable(keep=np.ones((9, 9), bool)),
        ChangeTable(temperatures=(0.0,)), ChangeTable(add=(SetPrompt(a.values, label=3),)),
    ):  # fmt: skip
        with pytest.raises(ControlError):
            job.apply(wrong)
    assert drawing_of(job).frame["kept"].sum() == 2 * 7


def test_the_class_of_a_prompt_is_asked_for_unless_another_one_is():
    job = table()
    a, b = prompts(job)
    job.apply(SetTable(T, (replace(a, label=2), b)))
    assert job.still()["labels"].tolist() == [2, 2, 2, 0, 0, 0]
    twin = DrawPictures(job.sampler)
    twin.adopt(type(job.state).read(*_read_back(job), twin.begin(job.controls)))
    twin.apply(StartOver())
    assert twin.still()["labels"].tolist() == [2, 2, 2, 0, 0, 0]
    job.apply(SetControls({"label": 1}))
    assert job.still()["labels"].tolist() == [1] * 6
    job.apply(SetControls({"label": -1}))
    assert job.still()["labels"].tolist() == [2, 2, 2, 0, 0, 0]


def _read_back(job):
    about, arrays = job.state.saved()
    return about, {**arrays, "labels": job.state.labels}


def test_a_prompt_may_be_taken_for_the_class_that_fits_what_is_given():
    job = table()
    asked = [replace(prompt, label=FITTING) for prompt in prompts(job, count=4)]
    job.apply(SetTable(T, tuple(asked)))
    taken = job.state.labels.reshape(4, len(T))
    for row, prompt in enumerate(prompts(job, count=4)):
        bits = []
        for label in range(3):
            values = torch.from_numpy(
                job.layout.by_position(np.asarray(prompt.values)[None]).astype(np.int64)
            )
            request = Request(torch.zeros(values.shape), torch.tensor([label]))
            chances = job.sampler.chances(request, values).gather(3, values[..., None])[0, ..., 0]  # (N, C)
            given = job.layout.by_position(np.asarray(prompt.keep)[None])[0]
            bits.append(-chances.log2().sum(1)[torch.from_numpy(given)].sum())
        assert (taken[row] == int(np.argmin(bits))).all()
    assert len(np.unique(taken)) > 1
    unlabelled = job_of(one_stage("rows", (4, 5), classes=0), seed=4)
    unlabelled.apply(SetTable(T, tuple(replace(p, label=FITTING) for p in prompts(unlabelled))))
    assert (unlabelled.state.labels == -1).all()
