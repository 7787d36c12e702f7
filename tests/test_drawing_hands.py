"""What a person does to a drawing, and what is kept of it."""

import contextlib
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_drawings import H, N, W, directly, frame, make, mask, network, picture, play, same_frames, seen

from scalefree_studio.controls import ControlError
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.drawing.controls import AT_ONCE, DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo, SetPrompt, SetValue, SetWay, Watch
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.job import Edit, Restore, SetControls, StartOver, Undo

# ---- Prompts, and values set by hand ----


@pytest.mark.parametrize("kind", ["top", "left", "spots", "bottom", "all"])
@pytest.mark.parametrize("speed", [60.0, 300.0, AT_ONCE])
def test_a_prompt_stays_and_the_rest_is_drawn_n_times(kind, speed):
    job, keep = make(speed=speed), mask(kind)
    job.apply(GoTo(7))
    pixels, levels = picture(job)
    job.apply(SetPrompt(keep=keep, pixels=pixels))
    assert seen(job).drawn().all(0).tolist() == keep.tolist()
    expected = directly(
        job, given=torch.from_numpy(levels).expand(5, H, W, 1), keep=torch.from_numpy(keep).expand(5, H, W)
    )
    found = frame(play(job))
    np.testing.assert_array_equal(found["values"], expected)
    np.testing.assert_array_equal(found["given"], np.broadcast_to(keep, (5, H, W)))
    assert (found["entropy"] > 0).tolist() == np.broadcast_to(~keep, (5, H, W)).tolist()
    assert (found["chances"].sum(3) > 0.9).all()  # thought of what was given, too
    job.apply(StartOver())  # with the same prompt
    np.testing.assert_array_equal(frame(play(job))["values"], expected)
    job.apply(SetPrompt())
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job))


def test_what_is_given_passes_without_waiting():
    job = make(speed=60.0)
    job.apply(SetPrompt(keep=mask("top"), pixels=picture(job)[0]))
    assert seen(job).cursors().tolist() == [[n, 2, 0] for n in range(5)]
    job.step()
    assert frame(job)["position"].tolist() == [2 * W + 1] * 5


def test_a_prompt_may_have_any_size_and_shows_its_middle():
    job = make()
    pixels, levels = picture(job)
    large = np.pad(pixels.repeat(4, 0).repeat(4, 1), [(0, 0), (8, 8), (0, 0)])
    job.apply(SetPrompt(pixels=large))
    np.testing.assert_array_equal(frame(job)["values"][0], levels)


@pytest.mark.parametrize("place", [(0, 0), (2, 3), (4, 5)])
def test_a_value_set_by_hand_is_a_prompt_of_that_picture_alone(place):
    job = play(make())
    before, (y, x) = frame(job)["values"].astype(np.int64), place
    level = (int(before[3, y, x, 0]) + 1) % 4
    job.apply(SetValue(3, y, x, (level,)))
    at = y * W + x
    assert frame(job)["position"].tolist() == [N, N, N, at + 1, N]
    given, keep = torch.from_numpy(before.copy()), torch.ones(5, H, W, dtype=torch.bool)
    given[3, y, x] = level
    keep[3] = torch.arange(N).view(H, W) <= at
    expected = directly(job, given=given, keep=keep)
    np.testing.assert_array_equal(frame(play(job))["values"], expected)
    np.testing.assert_array_equal(np.delete(expected, 3, 0), np.delete(before, 3, 0))
    assert seen(job).frame["given"].sum() == 1


def test_values_set_in_several_pictures_are_caught_up_with_and_stay_when_one_goes_back():
    job = make()
    job.apply(GoTo(20))
    begun = torch.from_numpy(frame(job)["values"].astype(np.int64))
    for number, at, level in ((0, 25, 3), (1, 12, 2), (4, 12, 0), (1, 4, 1)):
        job.apply(SetValue(number, at // W, at % W, (level,)))
    assert frame(job)["position"].tolist() == [20, 5, 20, 20, 13]
    given, keep = begun.clone().view(5, N), torch.arange(N) < torch.tensor([20, 4, 20, 20, 12])[:, None]
    for number, at, level in ((0, 25, 3), (1, 12, 2), (4, 12, 0), (1, 4, 1)):
        given[number, at], keep[number, at] = level, True
    expected = directly(job, given=given.view(5, H, W, 1), keep=keep.view(5, H, W))
    positions = [frame(job)["position"].tolist()]
    while not seen(job).done:
        job.step()
        positions.append(frame(job)["position"].tolist())
    assert [20] * 5 in positions  # all catch up with the next ones, and go on together
    assert all(p[1] == p[4] for p in positions if p[1] > 12)
    np.testing.assert_array_equal(frame(job)["values"], expected)
    job.apply(GoTo(2))
    np.testing.assert_array_equal(frame(play(job))["values"], expected)


def test_pictures_that_stand_together_may_be_drawn_each_in_its_own_way():
    """One was sent back before the temperature changed, the others were not: from then on, their ways differ."""
    job, twin = make(speed=60.0), make(speed=AT_ONCE)
    for each in (job, twin):
        each.apply(GoTo(20))
        each.apply(SetValue(2, 0, 3, (1,)))
        each.apply(SetControls({"temperature": 0.1}))  # picture 2 from place 4 on, the others from 20 on
        each.apply(GoTo(2))
        play(each)
    same_frames(frame(job), frame(twin))
    hot = play(make())
    np.testing.assert_array_equal(
        frame(job)["values"].reshape(5, N)[[0, 1, 3, 4], :20],
        frame(hot)["values"].reshape(5, N)[[0, 1, 3, 4], :20],
    )


@pytest.mark.parametrize(
    "edit",
    [
        SetValue(5, 0, 0, (1,)), SetValue(0, H, 0, (1,)), SetValue(0, 0, -1, (1,)), SetValue(0, 0, 0, (4,)),
        SetValue(0, 0, 0, (1, 1)), Watch(-1), Watch(5), GoTo(99), pytest.param(Edit(), id="Edit"),
        SetControls({"count": 0}), SetControls({"label": 3}), SetControls({"label": -2}), SetControls({"top_p": 0}),
        SetControls({"nonsense": 1}), SetPrompt(pixels=np.zeros((4, 4), np.uint8)),
        SetPrompt(keep=np.ones((2, 2), bool), pixels=np.zeros((4, 4, 3), np.uint8)),
        SetPrompt(pixels=np.zeros((4, 4, 3))), Restore({}, 3), Undo(),
        Restore({"values": np.full((2, H, W, 1), 9), "position": np.zeros(2), "given": np.zeros((2, H, W), bool),
                 "entropy": np.zeros((2, H, W))}, 3),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_told_in_one_sentence_and_changes_nothing(edit):
    job = make()
    job.apply(GoTo(8))
    before = job.snapshot()
    with pytest.raises(ControlError) as told:
        job.apply(edit)
    assert "\n" not in str(told.value) and str(told.value).endswith(".")
    same_frames(job.snapshot().frame, before.frame)
    with pytest.raises(ControlError, match="nothing to undo"):
        job.apply(Undo())
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job))


# ---- Undo, and recorded frames ----


@pytest.mark.parametrize(
    "edit",
    [
        SetValue(1, 1, 1, (2,)), StartOver(), SetControls({"temperature": 0.3}), SetControls({"count": 9, "seed": 4}),
        SetPrompt(keep=mask("left"), pixels=np.full((8, 8, 3), 255, np.uint8)),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("position", [13, N])
def test_undo_leads_back_to_how_it_was(edit, position):
    job = make()
    job.apply(GoTo(position))
    before, controls = job.snapshot(), job.controls
    job.apply(edit)
    play(job, 3)
    job.apply(SetControls({"speed": 77.0}))  # the pace is no part of the drawing
    change = job.apply(Undo())
    assert change.what.startswith("undo") and job.step_count == before.step
    same_frames(job.snapshot().frame, before.frame)
    assert job.controls == dataclasses.replace(controls, speed=77.0)
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job))


def test_a_slider_that_is_pulled_is_undone_at_once_and_only_so_much_is_remembered():
    job = make()
    job.apply(GoTo(5))
    for temperature in (0.9, 0.8, 0.7):
        job.apply(SetControls({"temperature": temperature}))
    job.apply(Undo())
    assert job.controls.temperature == 1.0
    job._editing.past.most_bytes = 3 * sum(a.nbytes for a in job.state.arrays().values())
    for level in (0, 1, 2, 3, 0):
        job.apply(SetValue(0, 4, 4, (level,)))
    for _ in range(3):
        job.apply(Undo())
    with pytest.raises(ControlError):
        job.apply(Undo())


def test_it_goes_on_from_a_recorded_frame():
    job = make(count=3)
    job.apply(GoTo(14))
    recorded = job.snapshot()
    whole = frame(play(job))
    job.apply(SetControls({"count": 5, "temperature": 0.4}))
    play(job, 2)
    job.apply(SetControls({"temperature": 1.0}))
    step = job.step_count
    job.apply(Restore(recorded.frame, recorded.step))
    assert job.step_count == step and job.controls.count == 3
    same_frames(frame(job), recorded.frame)
    known = job.snapshot().metrics
    assert known["surprise"] == pytest.approx(recorded.metrics["surprise"], rel=1e-3)
    assert known["bits"] == pytest.approx(recorded.metrics["bits"], rel=1e-3)
    same_frames(frame(play(job)), whole)


def test_a_recording_that_knows_no_surprise_is_gone_on_from_without():
    job = make(count=3)
    job.apply(GoTo(14))
    older = {name: array for name, array in job.snapshot().frame.items() if name != "surprise"}
    whole = frame(play(job))
    job.apply(Restore(older, 14))
    assert "surprise" not in job.snapshot().metrics  # nobody knows any more
    after = frame(play(job))
    np.testing.assert_array_equal(after["values"], whole["values"])
    assert np.isfinite(job.snapshot().metrics["surprise"])


def test_the_same_drawing_once_more_comes_to_the_same_pictures():
    job = make()
    job.apply(SetPrompt(keep=mask("spots"), pixels=picture(job)[0]))
    job.apply(GoTo(11))
    job.apply(SetControls({"temperature": 3.0}))
    job.apply(SetWay((1,), {"top_k": 1}))
    job.apply(SetWay((2,), {"label": 1}))
    job.apply(SetValue(3, 1, 2, (2,)))
    drawn = frame(play(job))
    again = job.again()
    assert again.step_count == 0 and not frame(again)["position"].any()
    assert seen(again).drawn().tolist() == drawn["given"].astype(bool).tolist()
    found = frame(play(again))
    for name in ("values", "given"):
        np.testing.assert_array_equal(found[name], drawn[name])
    np.testing.assert_array_equal(again.still()["labels"], job.still()["labels"])
    same_frames(frame(job), drawn)


# ---- What is kept ----


def test_a_drawing_that_is_opened_again_goes_on_exactly():
    job = make(channels=3, temperature=0.8, speed=60.0)
    job.apply(SetPrompt(keep=mask("spots"), pixels=picture(job)[0]))
    job.apply(Watch(2))
    job.apply(GoTo(11))
    job.apply(SetControls({"temperature": 1.5}))
    job.apply(GoTo(17))
    job.apply(SetValue(3, 1, 2, (0, 1, 2)))
    play(job, 3)
    kept = job.checkpoint()
    again = DrawPictures.from_checkpoint(kept)
    assert again.step_count == job.step_count == kept.step and again.controls == job.controls
    same_frames(frame(again), frame(job))
    for each in (job, again):
        play(each)
    same_frames(frame(again), frame(job))
    for each in (job, again):  # the prompt is still known
        each.apply(StartOver())
        play(each)
    same_frames(frame(again), frame(job))
    network = sampler_of(kept)
    assert network.kind == "pixelcnn" and network.levels == 4 and network.size == (H, W)
    assert again.snapshot().metrics.keys() == job.snapshot().metrics.keys()


def test_what_stays_the_same_is_in_the_model_so_that_it_can_be_shown_without_the_network():
    job = make()
    still, kept = job.still(), job.checkpoint().model
    for name in ("order", "tiles", "reach", "labels"):
        np.testing.assert_array_equal(kept[f"still.{name}"], still[name])


def test_another_size_is_kept_too():
    job = DrawPictures(sampler_of(network(), size=(3, 9)), DrawControls(count=2))
    again = DrawPictures.from_checkpoint(play(job, 2).checkpoint())
    assert frame(again)["values"].shape == (2, 3, 9, 1)
    same_frames(frame(play(again)), frame(play(job)))


def damaged():
    kept = play(make(), 2).checkpoint()
    yield dataclasses.replace(kept, kind="dividers")
    for name in ("state.values", "state.way", "state.position"):
        array = kept.model[name]
        yield dataclasses.replace(kept, model={n: a for n, a in kept.model.items() if n != name})
        yield dataclasses.replace(kept, model={**kept.model, name: array[:2]})
        yield dataclasses.replace(kept, model={**kept.model, name: np.full_like(array, 200)})
    for name in ("controls", "sampler", "state", "watched"):
        yield dataclasses.replace(kept, about={n: v for n, v in kept.about.items() if n != name})
        yield dataclasses.replace(kept, about={**kept.about, name: "no"})
    yield dataclasses.replace(kept, about={**kept.about, "state": {"ways": [[0, 1]], "step": 1}})
    yield dataclasses.replace(kept, about={**kept.about, "state": {"ways": [], "step": 1}})
    yield dataclasses.replace(kept, about={**kept.about, "sampler": {"kind": "gan", "about": {}}})
    yield dataclasses.replace(kept, about={**kept.about, "controls": {"count": 99}})


def test_damaged_drawings_are_told_in_one_sentence():
    for n, kept in enumerate(damaged()):
        with pytest.raises(UserError) as told:
            DrawPictures.from_checkpoint(kept)
        assert "\n" not in str(told.value), n
    assert n > 15


def test_networks_that_do_not_say_what_they_draw_are_damaged():
    good = network()
    for changes in ({"classes": ["one"]}, {"classes": 7}, {"size": [1]}, {"size": [0, 4]}, {"dataset": {}}):
        with pytest.raises(UserError):
            sampler_of(dataclasses.replace(good, about={**good.about, **changes}))
    with pytest.raises(UserError, match="does not draw"):
        sampler_of(dataclasses.replace(good, kind="dividers"))


# ---- Whatever is done, in whatever order ----

EDITS = st.one_of(
    st.builds(GoTo, st.integers(0, N)),
    st.builds(Watch, st.integers(0, 4)),
    st.builds(
        SetValue,
        st.integers(0, 4),
        st.integers(0, H - 1),
        st.integers(0, W - 1),
        st.tuples(st.integers(0, 3)),
    ),
    st.builds(SetControls, st.fixed_dictionaries({"speed": st.sampled_from([1.0, 90.0, 250.0, AT_ONCE])})),
    st.builds(
        SetPrompt,
        keep=st.sampled_from(["left", "spots"]).map(mask),
        pixels=st.just(np.full((H, W, 3), 255, np.uint8)),
    ),
    st.sampled_from([StartOver(), Undo(), SetPrompt(), None, None, None]),  # None is a step
)


@settings(max_examples=60)
@given(st.lists(EDITS, max_size=25))
def test_in_the_end_the_pictures_are_those_of_what_is_given_and_of_chance_alone(edits):
    job = make()
    for edit in edits:
        with contextlib.suppress(ControlError):  # there may be nothing to undo
            job.step() if edit is None else job.apply(edit)
        drawing = seen(job)
        assert not drawing.frame["entropy"][~drawing.drawn()].any()
        assert not drawing.values[~drawing.drawn()].any()
        told = drawing.frame["chances"].sum((2, 3)).reshape(-1) > 0.9
        assert told.tolist() == (np.arange(N) < drawing.position[job.watched]).tolist()
    found = frame(play(job))
    given, keep = (torch.from_numpy(found[name].copy()) for name in ("values", "given"))
    np.testing.assert_array_equal(found["values"], directly(job, given=given.long(), keep=keep))
    before = found["chances"]
    job.apply(Watch(job.watched))  # asks for all of it anew
    np.testing.assert_allclose(frame(job)["chances"], before, atol=2e-3)
