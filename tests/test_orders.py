"""Drawing in any order, with any alphabet, each picture in its own way: as slow plain Python says it must be."""

import dataclasses

import numpy as np
import pytest
from fake_samplers import drawing_of, job_of, one_stage, order_of, slowly
from hypothesis import given
from hypothesis import strategies as st
from small_drawings import frame, play, same_frames

from scalefree_studio.controls import ControlError
from scalefree_studio.drawings import Drawing, Thought, kept_too_late
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.drawing import draw as drawing_job
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo, SetPrompt, SetValue, SetWay, Watch
from scalefree_studio.jobs.job import Restore, SetControls, StartOver, Undo

H, W = 3, 4
N = H * W
orders = pytest.mark.parametrize("order", ["rows", "columns", "spiral", "random"])


def placed(values, order):
    """(B, N, …) by position, as people see it."""
    found = np.zeros_like(values)
    found[:, order_of(order, H, W)] = values
    return found.reshape(len(values), H, W, *values.shape[2:])


def bits_of(chances):
    """(…, C, L) → (…)"""
    return -(chances * np.log2(np.maximum(chances, 1e-300))).sum((-2, -1))


# ---- Orders ----


@orders
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("speed", [60.0, 180.0, AT_ONCE])
def test_pictures_come_in_their_order_and_every_array_lies_where_people_see_it(order, channels, speed):
    job = job_of(one_stage(order, channels=channels), speed=speed, temperature=0.8)
    values, chances = slowly(job)
    job.apply(Watch(2))
    found = frame(play(job))
    np.testing.assert_array_equal(found["values"], placed(values, order))
    np.testing.assert_allclose(found["chances"], placed(chances, order)[2], atol=1e-3)
    np.testing.assert_allclose(found["entropy"].astype(float), placed(bits_of(chances), order), rtol=2e-3)
    job.apply(Watch(0))  # asked for afterwards, at one go
    np.testing.assert_allclose(frame(job)["chances"], placed(chances, order)[0], atol=1e-3)
    assert job.still()["order"].tolist() == order_of(order, H, W).tolist()


@orders
def test_on_the_way_there_is_what_was_drawn_and_the_cursor_is_at_the_next_place(order):
    job, places = job_of(one_stage(order)), order_of(order, H, W)
    whole = frame(play(job_of(one_stage(order))))["values"]
    for position in (5, 11, 0, 7):
        job.apply(GoTo(position))
        drawing = drawing_of(job)
        done = np.isin(np.arange(N), places[:position]).reshape(H, W)
        assert (drawing.drawn() == done).all()
        np.testing.assert_array_equal(drawing.values, np.where(done[..., None], whole, 0))
        assert drawing.cursors().tolist() == [[b, *divmod(places[position], W)] for b in range(4)]
        y, x = divmod(int(places[position]), W)
        assert (drawing.sees(y, x) == done).all()
        for place in range(N):
            assert (drawing.thought(0, *divmod(place, W)) is None) == (not done.flat[place])


@orders
def test_a_value_is_set_at_the_place_that_was_clicked(order):
    job, places = play(job_of(one_stage(order))), order_of(order, H, W)
    before = frame(job)["values"].astype(np.int64)
    y, x, at = 1, 2, int(np.flatnonzero(places == 1 * W + 2)[0])
    value = (int(before[3, y, x, 0]) + 1) % 5
    job.apply(SetValue(3, y, x, (value,)))
    assert frame(job)["position"].tolist() == [N, N, N, at + 1]
    keep, wanted = np.zeros((4, N), bool), before.reshape(4, N, 1)[:, places]
    keep[3, : at + 1], wanted[3, at] = True, value
    keep[:3] = True
    np.testing.assert_array_equal(frame(play(job))["values"], placed(slowly(job, keep, wanted)[0], order))
    assert np.argwhere(frame(job)["given"]).tolist() == [[3, y, x]]


@orders
@pytest.mark.parametrize("kind", ["top", "left", "bottom", "spots", "all"])
def test_a_prompt_stays_and_the_rest_is_drawn_around_it(order, kind):
    y, x = np.mgrid[:H, :W]
    keep = {"top": y < 1, "left": x < 2, "bottom": y > 1, "spots": (x + 2 * y) % 3 == 0, "all": y >= 0}[kind]
    values = np.random.default_rng(2).integers(5, size=(H, W, 1))
    job, places = job_of(one_stage(order), speed=120.0), order_of(order, H, W)
    job.apply(SetPrompt(values, keep))
    drawing = drawing_of(job)
    assert (drawing.drawn() == keep).all() and (drawing.values[:, keep] == values[keep]).all()
    by_position = np.broadcast_to(keep.reshape(-1)[places], (4, N))
    expected, chances = slowly(job, by_position, np.broadcast_to(values.reshape(N, 1)[places], (4, N, 1)))
    found = frame(play(job))
    np.testing.assert_array_equal(found["values"], placed(expected, order))
    np.testing.assert_allclose(found["chances"], placed(chances, order)[0], atol=1e-3)
    assert ((found["entropy"] > 0) == ~keep).all()
    job.apply(StartOver())
    np.testing.assert_array_equal(frame(play(job))["values"], placed(expected, order))


@orders
def test_a_drawing_goes_on_from_a_frame_or_a_file_exactly(order, monkeypatch):
    job = job_of(one_stage(order), speed=60.0)
    job.apply(SetPrompt(np.full((H, W, 1), 3), np.eye(H, W, dtype=bool)))
    job.apply(GoTo(5))
    recorded, kept = job.snapshot(), job.checkpoint()
    whole = frame(play(job))
    job.apply(Restore(recorded.frame, recorded.step))
    same_frames(frame(job), recorded.frame)
    same_frames(frame(play(job)), whole)
    monkeypatch.setattr(drawing_job, "sampler_of", lambda *_: one_stage(order))
    again = DrawPictures.from_checkpoint(kept)
    same_frames(frame(again), recorded.frame)
    same_frames(frame(play(again)), whole)
    other = {"rows": "spiral"}.get(order, "rows")
    monkeypatch.setattr(drawing_job, "sampler_of", lambda *_: one_stage(other))
    with pytest.raises(UserError, match="not in the order"):
        DrawPictures.from_checkpoint(kept)


def test_an_order_has_each_place_once():
    sampler = one_stage()
    for order in (np.zeros(N, int), np.arange(N) + 1, np.arange(N - 1)):
        sampler._stages = [dataclasses.replace(sampler.stages[0], order=order)]
        with pytest.raises(ValueError, match="each place"):
            job_of(sampler)


@given(st.integers(0, 2**N - 1), st.sampled_from(["rows", "columns", "spiral", "random"]))
def test_what_is_kept_too_late_is_what_comes_after_a_place_that_is_drawn(bits, order):
    keep, places = np.array([bits >> n & 1 for n in range(N)], bool).reshape(H, W), order_of(order, H, W)
    late = sum(
        bool(keep.flat[place]) and not all(keep.flat[earlier] for earlier in places[:n])
        for n, place in enumerate(places)
    )
    assert kept_too_late(keep, places) == late


def test_the_bottom_half_is_kept_too_late_row_by_row_and_the_top_half_is_not():
    keep = np.arange(H)[:, None] * np.ones(W) >= 2
    assert kept_too_late(keep, np.arange(N)) == W and kept_too_late(keep, np.arange(N)[::-1]) == 0
    assert kept_too_late(~keep, np.arange(N)) == 0


# ---- Alphabets ----


@pytest.mark.parametrize(("levels", "dtype"), [(256, np.uint8), (257, np.uint16), (70_000, np.uint32)])
def test_values_are_tokens_of_any_size(levels, dtype):
    job = job_of(one_stage("spiral", levels=levels), count=2)
    found = frame(play(job))
    assert found["values"].dtype == dtype
    wanted = found["values"][:1].astype(np.int64)
    wanted[0, 1, 1] = levels - 1
    keep = np.zeros((H, W), bool)
    keep[1, 1] = keep[0, 0] = True
    job.apply(SetPrompt(wanted[0], keep))
    found = frame(play(job))
    assert (found["values"][:, keep] == wanted[0][keep]).all() and found["values"].dtype == dtype
    job.apply(SetValue(0, 2, 3, (levels - 1,)))
    assert frame(job)["values"][0, 2, 3, 0] == levels - 1
    for bad in (levels, -1):
        with pytest.raises(ControlError, match=f"0 to {levels - 1}"):
            job.apply(SetPrompt(np.full((H, W, 1), bad), keep))
        job.apply(SetPrompt(np.where(keep[..., None], 1, bad), keep))  # what is not kept does not matter
    for values in (np.zeros((H, W)), np.zeros((W, H, 1), int), np.zeros((H, W, 1))):
        with pytest.raises(ControlError, match="integers"):
            job.apply(SetPrompt(values, keep))


@pytest.mark.parametrize("channels", [1, 2])
def test_of_very_many_values_the_likeliest_are_kept_and_the_share_of_all_others(channels):
    job = job_of(one_stage("columns", levels=1000, channels=channels), count=3, speed=60.0)
    values, chances = slowly(job)
    job.apply(Watch(1))
    play(job)
    by_place = placed(chances, "columns")[1]  # (H, W, C, L)
    for _ in range(2):  # while it was drawn, and asked for afterwards
        found = frame(job)
        np.testing.assert_array_equal(found["values"], placed(values, "columns"))
        assert found["chances"].shape == found["likeliest"].shape == (H, W, channels, 64)
        best = np.argsort(-by_place, axis=-1, kind="stable")[..., :64]
        np.testing.assert_array_equal(found["likeliest"], best)
        np.testing.assert_allclose(found["chances"], np.take_along_axis(by_place, best, -1), atol=1e-4)
        np.testing.assert_allclose(
            found["entropy"].astype(float), placed(bits_of(chances), "columns"), rtol=2e-3
        )
        thought = drawing_of(job).thought(1, 2, 1)
        others = 1 - np.take_along_axis(by_place, best, -1)[2, 1].sum(-1)
        np.testing.assert_allclose(thought.others, others, atol=2e-3)
        assert (thought.values == best[2, 1]).all() and (thought.others > 0.1).all()
        job.apply(Watch(0))
        job.apply(Watch(1))
    assert drawing_of(job).thought(0, 2, 1) is None


def test_of_few_values_all_are_kept_and_nothing_is_left_for_others():
    found = play(job_of(one_stage(levels=256), count=2))
    thought = drawing_of(found).thought(0, 1, 1)
    assert "likeliest" not in frame(found) and thought.values is None
    assert thought.chances.shape == (1, 256) and (thought.others == 0).all()
    assert Thought(np.array([[0.5, 0.49]])).others == [0]  # what is missing was lost in rounding


def test_a_frame_of_very_many_values_is_small():
    job = job_of(one_stage(levels=8192, size=(8, 8)), count=64)
    play(job, 1)
    assert sum(array.nbytes for array in frame(job).values()) < 64 * 64 * 8 + 8 * 8 * 64 * 4 + 1000


# ---- Each picture in its own way ----


def ways_of(sampler_job, **own):
    """Temperature, top k and top p of each picture, some of them its own: picture → (…)."""
    c = sampler_job.controls
    return [own.get(f"p{n}", (c.temperature, c.top_k, c.top_p)) for n in range(c.count)]


@pytest.mark.parametrize(
    "own",
    [
        {"temperature": 0.3}, {"top_k": 2}, {"top_p": 0.6}, {"top_k": 1}, {"top_k": 99},
        {"temperature": 2.0, "top_p": 0.9},
    ],
    ids=str,
)  # fmt: skip
def test_a_way_of_its_own_changes_that_picture_and_no_other(own):
    job = job_of(one_stage("spiral", levels=7), count=5)
    others = frame(play(job_of(one_stage("spiral", levels=7), count=5)))
    job.apply(SetWay((1, 3), own))
    way = own.get("temperature", 1.0), own.get("top_k", 0), own.get("top_p", 1.0)
    expected, chances = slowly(job, ways=ways_of(job, p1=way, p3=way))
    job.apply(Watch(3))
    found = frame(play(job))
    np.testing.assert_array_equal(found["values"], placed(expected, "spiral"))
    np.testing.assert_allclose(found["chances"], placed(chances, "spiral")[3], atol=1e-3)
    for name in ("values", "entropy", "surprise"):  # to the last bit
        np.testing.assert_array_equal(found[name][[0, 2, 4]], others[name][[0, 2, 4]])
    job.apply(Watch(1))
    job.apply(Watch(3))  # told afterwards in the way that it was drawn
    np.testing.assert_allclose(frame(job)["chances"], placed(chances, "spiral")[3], atol=1e-3)


def test_all_ways_are_drawn_together():
    job = job_of(one_stage(), count=6, speed=AT_ONCE)
    for n in range(6):
        job.apply(SetWay((n,), {"temperature": 0.5 + n}))
    job.sampler.asked.clear()
    play(job)
    (request,) = job.sampler.asked
    assert request.temperature.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert (request.top_k, request.top_p) == (0, 1.0)


def test_half_drawn_pictures_go_on_in_the_new_way_and_finished_ones_begin_anew():
    job = job_of(one_stage())
    plain = frame(play(job_of(one_stage())))["values"]
    job.apply(GoTo(6))
    job.apply(SetWay((2,), {"temperature": 4.0}))
    assert frame(job)["position"].tolist() == [6] * 4
    hot = frame(play(job))["values"]
    np.testing.assert_array_equal(hot.reshape(4, N)[:, :6], plain.reshape(4, N)[:, :6])
    np.testing.assert_array_equal(np.delete(hot, 2, 0), np.delete(plain, 2, 0))
    job.apply(SetWay((2,), {"top_k": 3}))  # its temperature stays its own
    assert frame(job)["position"].tolist() == [N, N, 0, N]
    expected, _ = slowly(job, ways=ways_of(job, p2=(4.0, 3, 1.0)))
    np.testing.assert_array_equal(frame(play(job))["values"][2], placed(expected, "rows")[2])
    job.apply(Undo())
    np.testing.assert_array_equal(frame(job)["values"], hot)


def test_a_control_that_is_changed_leaves_what_else_a_picture_has_of_its_own():
    job = job_of(one_stage(levels=7))
    job.apply(SetWay((1,), {"temperature": 3.0}))
    job.apply(SetWay((2,), {"top_p": 0.5, "temperature": 0.4}))
    job.apply(SetControls({"top_k": 3}))
    ways = {"p1": (3.0, 3, 1.0), "p2": (0.4, 3, 0.5)}
    expected, _ = slowly(job, ways=ways_of(job, **ways))
    np.testing.assert_array_equal(frame(play(job))["values"], placed(expected, "rows"))
    job = job_of(one_stage(levels=7))
    job.apply(SetWay((1,), {"temperature": 3.0, "top_k": 4}))
    job.apply(SetControls({"temperature": 0.5}))  # the same name: for all pictures
    expected, _ = slowly(job, ways=ways_of(job, p1=(0.5, 4, 1.0)))
    np.testing.assert_array_equal(frame(play(job))["values"], placed(expected, "rows"))


def test_a_control_that_is_changed_after_going_back_is_for_all_that_is_to_come():
    job = job_of(one_stage(levels=7))
    job.apply(GoTo(8))
    job.apply(SetControls({"temperature": 3.0}))
    job.apply(GoTo(0))
    job.apply(SetControls({"top_k": 2}))
    expected, _ = slowly(job)  # with the controls of now from the first place on
    np.testing.assert_array_equal(frame(play(job))["values"], placed(expected, "rows"))


def test_a_label_of_its_own_is_of_the_whole_picture():
    job = job_of(one_stage(classes=3), speed=60.0)
    assert job.still()["labels"].tolist() == [0, 1, 2, 0]
    job.apply(GoTo(4))
    job.apply(SetWay((0, 1), {"label": 1, "temperature": 0.7}))
    assert frame(job)["position"].tolist() == [0, 4, 4, 4]  # the second one had it
    assert job.still()["labels"].tolist() == [1, 1, 2, 0]
    expected, _ = slowly(job, labels=[1, 1, 2, 0], ways=ways_of(job, p0=(0.7, 0, 1.0)))
    np.testing.assert_array_equal(frame(play(job))["values"][0], placed(expected, "rows")[0])
    job.apply(SetWay((0, 3), {"label": -1}))  # as if nobody had asked: each in turn
    assert job.still()["labels"].tolist() == [0, 1, 2, 0]
    job.apply(Undo())
    assert job.still()["labels"].tolist() == [1, 1, 2, 0]


def test_ways_and_labels_are_kept_with_the_drawing(monkeypatch):
    job = job_of(one_stage(classes=3), top_k=4)
    job.apply(SetWay((2,), {"label": 0, "top_p": 0.5}))
    job.apply(GoTo(5))
    monkeypatch.setattr(drawing_job, "sampler_of", lambda *_: one_stage(classes=3))
    kept = job.checkpoint()
    again = DrawPictures.from_checkpoint(kept)
    assert again.state.ways == ((1.0, 4, 1.0), (1.0, 4, 0.5)) == job.state.ways
    assert again.still()["labels"].tolist() == [0, 1, 0, 0]
    same_frames(frame(play(again)), frame(play(job)))
    for name in ("still.labels", "still.order"):
        model = {n: a for n, a in kept.model.items() if n != name}
        for damaged in (model, {**model, name: kept.model[name] + 7}):
            with pytest.raises(UserError, match="damaged"):
                DrawPictures.from_checkpoint(dataclasses.replace(kept, model=damaged))


def test_drawings_from_before_there_was_a_top_k_go_on(monkeypatch):
    job = job_of(one_stage(), temperature=0.5, top_p=0.8)
    job.apply(GoTo(5))
    kept = job.checkpoint()
    about = {**kept.about, "state": {**kept.about["state"], "ways": [[0.5, 0.8]]}}
    about["controls"] = {n: v for n, v in about["controls"].items() if n != "top_k"}
    monkeypatch.setattr(drawing_job, "sampler_of", lambda *_: one_stage())
    again = DrawPictures.from_checkpoint(dataclasses.replace(kept, about=about))
    assert again.state.ways == ((0.5, 0, 0.8),)
    same_frames(frame(play(again)), frame(play(job)))


@pytest.mark.parametrize(
    "edit",
    [
        SetWay((4,), {"temperature": 1}), SetWay((0,), {"speed": 3}), SetWay((0,), {"temperature": 0}),
        SetWay((0, -1), {}), SetWay((0,), {"label": 3}), SetWay((0,), {"top_k": -1}), SetWay((0,), {"count": 1}),
        SetValue(0, 0, 0, (1,), stage=1), SetPrompt(np.zeros((H, W, 1), int), stage=-1),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(edit):
    job = job_of(one_stage(classes=3))
    job.apply(GoTo(4))
    before = job.snapshot()
    with pytest.raises(ControlError) as error:
        job.apply(edit)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
    same_frames(frame(job), before.frame)
    assert job.still()["labels"].tolist() == [0, 1, 2, 0]


def test_top_k_is_a_control_as_any_other():
    job = job_of(one_stage(levels=7), top_k=3)
    job.apply(GoTo(5))
    job.apply(SetControls({"top_k": 1}))
    found = frame(play(job))
    assert ((found["chances"] > 0).sum(3).reshape(-1) == [3] * 5 + [1] * 7).all()
    assert (found["entropy"].reshape(4, N)[:, 5:] == 0).all()
    with pytest.raises(ControlError):
        job.apply(SetControls({"top_k": -1}))


def test_old_frames_show_what_was_thought():
    """Recorded when all values were kept: no indices, no surprise."""
    job = play(job_of(one_stage()))
    old = {
        n: a
        for n, a in frame(job).items()
        if n in ("values", "position", "given", "entropy", "watched", "chances")
    }
    thought = Drawing(old, job.still()).thought(0, 1, 1)
    assert thought.chances.sum() == pytest.approx(1, abs=1e-2) and thought.values is None
