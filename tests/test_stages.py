"""Drawings of several stages, searches with beams, and pictures that only the network can show."""

import math

import numpy as np
import pytest
import torch
from fake_samplers import (
    BeamSampler,
    DecodedSampler,
    drawing_of,
    job_of,
    one_stage,
    order_of,
    slowly,
    three_stages,
)
from recordings import Recording
from small_drawings import frame, play, same_frames

from scalefree_studio.controls import ControlError
from scalefree_studio.drawings import PAPER, Drawing, still_of
from scalefree_studio.export.movie import movie_of_run
from scalefree_studio.export.walls.scene import DrawingScene
from scalefree_studio.export.walls.wall import fitted_wall
from scalefree_studio.jobs.drawing import draw as drawing_job
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo, SetPrompt, SetTable, SetValue, Watch
from scalefree_studio.jobs.drawing.sampler import Stage
from scalefree_studio.jobs.job import Restore, SetControls, Undo

STARTS, SIZES, LEVELS = (0, 1, 7, 23), ((1, 1), (2, 3), (4, 4)), (4, 9, 6)
ORDERS = [order_of(name, *size) for name, size in zip(("rows", "columns", "random"), SIZES, strict=True)]


def staged(values, stage):
    """One stage's part of (B, N, …) by position, as people see it: (B, H, W, …)."""
    part = values[:, STARTS[stage] : STARTS[stage + 1]]
    found = np.zeros_like(part)
    found[:, ORDERS[stage]] = part
    return found.reshape(len(values), *SIZES[stage], *values.shape[2:])


# ---- Stages ----


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("speed", [60.0, 180.0, AT_ONCE])
def test_stages_are_drawn_one_after_another_and_each_is_a_drawing(speed, channels):
    job = play(job_of(three_stages(channels=channels), speed=speed))
    values, chances = slowly(job)
    drawing = drawing_of(job)
    assert drawing.done and drawing.values.shape == (4, 23, channels) and drawing.count == 4
    assert drawing.still["stages"].tolist() == [list(size) for size in SIZES]
    for picture in (0, 2):
        job.apply(Watch(picture))
        for number in range(3):
            stage = drawing_of(job).stage(number)
            assert (stage.number, stage.size, stage.levels) == (number, SIZES[number], LEVELS[number])
            np.testing.assert_array_equal(stage.values, staged(values, number))
            expected = staged(chances, number)[picture]
            np.testing.assert_allclose(stage.frame["chances"][..., : LEVELS[number]], expected[..., : LEVELS[number]],
                                       atol=1e-3)  # fmt: skip
            assert not stage.frame["chances"][..., LEVELS[number] :].any()
            assert stage.done and stage.drawn().all() and stage.cursors().size == 0
            np.testing.assert_array_equal(stage.pictures()[:, 0, 0], stage.colours()[:, 0, 0])
    np.testing.assert_array_equal(drawing.pictures(), drawing.stage(2).pictures())
    size = (4, 8, 12, 3) if channels == 1 else (4, 4, 4, 3)
    assert drawing.pictures().shape == size and drawing.current.tile == ((2, 3) if channels == 1 else (1, 1))


@pytest.mark.parametrize(
    ("position", "current"), [(0, 0), (1, 0), (2, 1), (6, 1), (7, 1), (8, 2), (22, 2), (23, 2)]
)
def test_the_stage_that_was_begun_last_is_shown_as_far_as_it_is(position, current):
    job = job_of(three_stages())
    job.apply(GoTo(position))
    stage = drawing_of(job).current
    assert stage.number == current
    done = position - STARTS[current]
    assert stage.position.tolist() == [done] * 4
    order = ORDERS[current]
    assert (stage.drawn().reshape(4, -1) == np.isin(np.arange(len(order)), order[:done])).all()
    if done < len(order):
        assert stage.cursors().tolist() == [[b, *divmod(order[done], SIZES[current][1])] for b in range(4)]
        y, x = divmod(int(order[done]), SIZES[current][1])
        np.testing.assert_array_equal(stage.sees(y, x), stage.drawn()[0])


def test_values_and_prompts_are_of_a_stage():
    job = play(job_of(three_stages()))
    before = job.snapshot().frame["values"]
    at = 1 + int(np.flatnonzero(ORDERS[1] == 4)[0])  # row 1, column 1 of the second stage
    value = (int(drawing_of(job).stage(1).values[2, 1, 1, 0]) + 1) % LEVELS[1]
    job.apply(SetValue(2, 1, 1, (value,), stage=1))
    assert frame(job)["position"].tolist() == [23, 23, at + 1, 23]
    assert np.argwhere(drawing_of(job).stage(1).frame["given"]).tolist() == [[2, 1, 1]]
    found = frame(play(job))["values"]
    np.testing.assert_array_equal(np.delete(found, 2, 0), np.delete(before, 2, 0))
    assert drawing_of(job).stage(1).values[2, 1, 1] == value
    with pytest.raises(ControlError, match="0 to 3"):
        job.apply(SetValue(0, 0, 0, (4,), stage=0))
    with pytest.raises(ControlError, match="columns"):
        job.apply(SetValue(0, 0, 3, (1,), stage=1))
    keep = np.array([[True, False, True], [False, False, True]])
    job.apply(SetPrompt(np.full((2, 3, 1), 8), keep, stage=1))
    by_position = np.zeros((4, 23), bool)
    by_position[:, 1:7] = keep.reshape(-1)[ORDERS[1]]
    expected, _ = slowly(job, by_position, np.full((4, 23, 1), 8))
    for number in range(3):
        np.testing.assert_array_equal(drawing_of(play(job)).stage(number).values, staged(expected, number))
    pixels = np.full((4, 4, 3), 255, np.uint8)
    job.apply(SetPrompt(pixels=pixels, keep=np.eye(4, dtype=bool), stage=2))
    assert (drawing_of(play(job)).stage(2).values[:, np.eye(4, dtype=bool)] == 5).all()


def test_a_drawing_of_stages_goes_on_from_a_frame_and_a_file(monkeypatch):
    job = job_of(three_stages(), speed=120.0)
    job.apply(GoTo(10))
    recorded, kept = job.snapshot(), job.checkpoint()
    whole = frame(play(job))
    job.apply(SetControls({"seed": 4}))
    play(job, 3)
    job.apply(SetControls({"seed": 0}))
    job.apply(Restore(recorded.frame, recorded.step))
    same_frames(frame(job), recorded.frame)
    same_frames(frame(play(job)), whole)
    monkeypatch.setattr(drawing_job, "sampler_of", lambda *_: three_stages())
    same_frames(frame(play(DrawPictures.from_checkpoint(kept))), whole)
    shown = Drawing(recorded.frame, still_of(kept.model))
    np.testing.assert_array_equal(shown.pictures(), Drawing(recorded.frame, job.still()).pictures())
    with pytest.raises(ControlError, match="other pictures"):
        job.apply(Restore({**recorded.frame, "values": np.full((4, 23, 1), 8)}, 3))  # the first stage has 4


def recorded(job):
    snapshots = [job.snapshot()]
    while not job.state.done:
        job.step()
        snapshots.append(job.snapshot())
    return Recording(job.checkpoint(), snapshots)


@pytest.mark.parametrize("make", [three_stages, lambda: decoded(three=True), lambda: decoded()])
def test_a_movie_goes_through_the_stages(make, tmp_path):
    run = recorded(job_of(make()))
    scene = DrawingScene(run.kept, run.snapshots[-1], size=(100, 90))
    for snapshot in run.snapshots[::6]:
        drawing = Drawing(snapshot.frame, still_of(run.kept.model)).current
        shown, (h, w) = drawing.pictures(), drawing.tile
        for number, y, x in drawing.cursors().tolist() if drawing.size != (1, 1) else ():
            shown[number, y * h : (y + 1) * h, x * w : (x + 1) * w] = (242, 178, 92)
        np.testing.assert_array_equal(scene.draw(0, snapshot), fitted_wall(shown, (100, 90)))
    assert movie_of_run(run, tmp_path / "a.mp4", size=60, seconds=0.5, overlay=True).frames == 15


# ---- Decoded by the network ----


def decoded(three=False):
    plain = three_stages() if three else one_stage("spiral", size=(4, 4), levels=6)
    return DecodedSampler(list(plain.stages))


def test_pictures_are_what_the_network_makes_of_the_values():
    job = job_of(decoded(), speed=60.0)
    job.apply(GoTo(9))
    drawing = drawing_of(job)
    values = 10 * drawing.values[..., 0].astype(int)
    mean = (values + np.roll(values, 1, axis=2)) // 2
    expected = mean.repeat(2, 1).repeat(3, 2)[..., None].repeat(3, 3)
    np.testing.assert_array_equal(drawing.pictures(), expected)
    assert drawing.tile == (2, 3) and drawing.looks() is None and drawing.levels == 6
    assert drawing.most_bits == pytest.approx(math.log2(6))
    assert drawing.thought(0, 0, 0).chances.shape == (1, 6)
    job.apply(SetPrompt(drawing.values[1], drawing.drawn()[1]))  # its values: pixels would say nothing
    again = drawing_of(job)
    np.testing.assert_array_equal(again.values, np.broadcast_to(drawing.values[1], (4, 4, 4, 1)))
    np.testing.assert_array_equal(again.pictures(), np.broadcast_to(expected[1], expected.shape))
    assert "levels" in still_of(job.checkpoint().model)


def test_a_decoded_picture_is_pointed_at_stage_by_stage():
    job = job_of(decoded(three=True))
    job.apply(GoTo(4))
    stage = drawing_of(job).current
    assert stage.number == 1 and stage.frame["pictures"].shape == (4, 8, 12, 3)
    assert stage.tile == (4, 4) and stage.pictures().shape == (4, 2 * 4, 3 * 4, 3)
    job.apply(GoTo(0))
    assert drawing_of(job).current.tile == (8, 12)


def test_pictures_are_stretched_where_places_do_not_divide_them():
    still = {"order": np.arange(6), "levels": np.array(4), "labels": np.zeros(1)}
    pictures = np.arange(5 * 7, dtype=np.uint8).reshape(1, 5, 7, 1).repeat(3, 3)
    shown = {
        "values": np.zeros((1, 2, 3, 1), int),
        "position": np.array([6]),
        "given": np.zeros((1, 2, 3), bool),
    }
    drawing = Drawing({**shown, "pictures": pictures}, still)
    found = drawing.pictures()
    assert drawing.tile == (3, 3) and found.shape == (1, 6, 9, 3)
    assert found[0, 0, 0, 0] == 0 and found[0, -1, -1, 0] == 34 and set(found.flat) == set(pictures.flat)


# ---- Beams ----


def beams(count=4, levels=5, size=(2, 3), margin=BeamSampler.margin, **controls):
    sampler = BeamSampler([Stage(size, order_of("columns", *size), levels)])
    sampler.margin = margin
    return job_of(sampler, count=count, **controls)


def searched(job, margin, upto=None, given=None):
    """Beam search in plain Python: every picture's values by position, its score, and whether it is alive."""
    table, N = job.sampler.table.double().numpy(), job.layout.count if upto is None else upto
    L, B = job.sampler.levels, job.controls.count

    def log(line):
        whole = sum((value + 1) * (n + 1) for n, value in enumerate(line)) % len(table)
        return [x - math.log(sum(math.exp(y) for y in table[whole][:L])) for x in table[whole][:L]]

    slots = [((), 0.0, True, 0)] * B  # line, score, alive, where it stopped
    for n in range(N):
        going = {line: (score, b) for b, (line, score, alive, _) in reversed(list(enumerate(slots))) if alive}
        options = [
            (score + chance, line, value, b)
            for line, (score, b) in sorted(going.items(), key=lambda item: item[1][1])
            for value, chance in enumerate(log(line))
        ]
        options.sort(key=lambda option: -option[0])
        best = options[0][0]
        for b in range(B):
            if slots[b][2] and b < len(options) and options[b][0] > best - margin:
                score, line, value, _ = options[b]
                slots[b] = (*line, value), score, True, n + 1
            elif slots[b][2]:
                slots[b] = slots[b][0], slots[b][1], False, slots[b][3]
    return slots


@pytest.mark.parametrize("margin", [1000.0, 3.0, 1.0])
def test_a_search_with_beams_finds_what_the_slow_one_finds(margin):
    job = beams(margin=margin)
    order = order_of("columns", 2, 3)
    while not job.state.done:
        job.step()
        position = int(job.state.position.max())
        slots = searched(job, margin, position)
        found, drawing = frame(job), drawing_of(job)
        assert found["alive"].tolist() == [alive for _, _, alive, _ in slots]
        assert found["position"].tolist() == [len(line) for line, *_ in slots]
        values = found["values"].reshape(4, 6)[:, order]
        for b, (line, score, _, _) in enumerate(slots):
            assert values[b, : len(line)].tolist() == list(line) and not values[b, len(line) :].any()
            assert found["score"][b] == pytest.approx(score, abs=1e-4)
        assert len(drawing.cursors()) == (0 if job.state.done else sum(drawing.alive))
    assert drawing.done and drawing.behind == 6 and job.snapshot().metrics["share"] == 1
    if margin == 1.0:
        assert not found["alive"].all() and found["alive"].any()


def test_as_many_beams_as_values_find_the_likeliest_pairs_of_all():
    job = play(beams(count=8, levels=8, size=(1, 2), margin=1000.0))
    table = torch.log_softmax(job.sampler.table, dim=1).double()
    pairs = {(a, b): float(table[0, a] + table[a + 1, b]) for a in range(8) for b in range(8)}
    best = sorted(pairs, key=lambda pair: -pairs[pair])[:8]
    assert [tuple(values) for values in frame(job)["values"].reshape(8, 2).tolist()] == best


def test_a_search_may_be_looked_at_stopped_and_gone_on_with(monkeypatch):
    whole, job = frame(play(beams(margin=2.0))), beams(margin=2.0)
    for position in (1, 2, 3, 4, 5, 6):
        job.apply(GoTo(position))
        job.apply(Watch(position % 4))  # a new generator, of those that are left
        if position == 4:
            recorded, kept = job.snapshot(), job.checkpoint()
    job.apply(Watch(0))
    same_frames(frame(job), whole)
    for name in ("parent", "alive"):
        np.testing.assert_array_equal(frame(job)[name], whole[name])
    np.testing.assert_allclose(frame(job)["score"], whole["score"], atol=1e-4)
    job.apply(SetControls({"seed": 3}))
    play(job, 1)
    job.apply(Undo())
    same_frames(frame(job), whole)
    job.apply(Restore(recorded.frame, recorded.step))
    assert {"parent", "score", "alive"} <= recorded.frame.keys()
    for name in recorded.frame:
        np.testing.assert_array_equal(frame(job)[name], recorded.frame[name], err_msg=name)
    job.apply(Watch(0))
    same_frames(frame(play(job)), whole)
    monkeypatch.setattr(drawing_job, "sampler_of", lambda *_: beams(margin=2.0).sampler)
    again = DrawPictures.from_checkpoint(kept)
    again.apply(Watch(0))
    same_frames(frame(play(again)), whole)


def test_a_search_goes_back_to_what_it_was():
    """Though pictures have taken the places of others since."""
    job, first = beams(margin=2.0), {}
    for position in (1, 2, 3, 4, 5, 6, 3, 1, 2, 5, 0, 4):
        job.apply(GoTo(position))
        found = frame(job)
        for name, array in first.setdefault(position, found).items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{name} at {position}")
    assert job.step_count > 6


def test_what_was_thought_is_of_the_picture_that_there_is_now():
    order, moved = order_of("columns", 2, 3), False
    for watched in range(4):
        job = beams(margin=1000.0, speed=60.0)
        job.apply(Watch(watched))
        while not job.state.done:
            job.step()
            moved |= bool(frame(job)["parent"][watched] != watched)
        line = frame(job)["values"][watched].reshape(-1)[order]
        for n, place in enumerate(order):
            at = sum((int(value) + 1) * (m + 1) for m, value in enumerate(line[:n])) % len(job.sampler.table)
            expected = torch.softmax(job.sampler.table[at], 0).numpy()
            np.testing.assert_allclose(frame(job)["chances"][divmod(place, 3)][0], expected, atol=1e-3)
    assert moved


def test_a_value_set_by_hand_wakes_a_picture_that_was_given_up():
    job = play(beams(margin=1.0))
    dead = int(np.flatnonzero(~frame(job)["alive"])[0])
    before = frame(job)["values"]
    job.apply(SetValue(dead, 0, 0, (3,)))
    assert frame(job)["alive"][dead] and not job.state.done
    found = frame(play(job))
    assert found["position"][dead] == 6 and found["values"][dead, 0, 0] == 3
    np.testing.assert_array_equal(np.delete(found["values"], dead, 0), np.delete(before, dead, 0))


def test_only_a_search_has_parents_and_scores():
    assert not {"parent", "score", "alive", "pictures", "likeliest"} & frame(job_of(one_stage())).keys()
    assert not {"stages", "levels"} & job_of(one_stage()).still().keys()


def test_what_a_table_goes_on_from_is_shown_as_the_network_makes_it():
    sampler = DecodedSampler([Stage((2, 3), order_of("rows", 2, 3), 5)])
    job = job_of(sampler, count=2)
    keep = np.array([[True, True, True], [True, False, False]])
    prompt = SetPrompt(np.arange(6).reshape(2, 3, 1) % 5, keep)
    job.apply(SetTable((0.8, 1.2), (prompt,), rows=1))
    asked: list[int] = []
    decode = sampler.decode
    sampler.decode = lambda values, drawn: asked.append(len(values)) or decode(values, drawn)
    for _ in range(2):
        drawing = drawing_of(job)
    assert asked == [2, 1, 2]  # what is drawn each time, what was given once
    whole = decode(np.arange(6).reshape(1, 2, 3, 1) % 5, np.ones((1, 2, 3), bool))
    mask = keep.repeat(2, 0).repeat(3, 1)[None, ..., None]
    np.testing.assert_array_equal(drawing.prompts(), np.where(mask, whole, PAPER))
    np.testing.assert_array_equal(drawing.prompts(hidden=True), np.where(mask, PAPER, whole))
