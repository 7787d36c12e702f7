"""Drawing as a job: whatever a person does to it, the pictures are those that the network draws at one go."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from scalefree_studio.controls import ControlError, values_of
from scalefree_studio.data.quantise import dequantise
from scalefree_studio.drawings import PAPER, Drawing
from scalefree_studio.errors import JobError, UserError
from scalefree_studio.jobs import drawing_hands
from scalefree_studio.jobs.draw import DrawPictures
from scalefree_studio.jobs.drawing_controls import AT_ONCE, DrawControls
from scalefree_studio.jobs.drawing_edits import GoTo, SetPrompt, SetValue, Watch
from scalefree_studio.jobs.job import Edit, Restore, SetControls, StartOver, Undo
from scalefree_studio.jobs.pixelcnn_controls import TrainControls
from scalefree_studio.jobs.pixelcnn_model import shape_of
from scalefree_studio.jobs.pixelcnn_sampler import PixelCNNSampler
from scalefree_studio.jobs.samplers import sampler_of
from scalefree_studio.models.pixelcnn import PixelCNN
from scalefree_studio.models.pixelcnn_sample import Request, chances_of, draw, finish, uniforms
from scalefree_studio.runner import Runner
from scalefree_studio.snapshot import Checkpoint

H, W = 5, 6
N = H * W
SMALL = {
    "levels": 4, "hidden_maps": 6, "output_maps": 6, "hidden_layers": 1, "causal_kernel": 3, "hidden_kernel": 3,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def network(classes=3, channels=1, **changes):
    """A checkpoint as training leaves it, with random weights: no choice is sure, and none depends on nothing."""
    controls = TrainControls(**{**SMALL, "classes": classes, "channels": channels, **changes})
    model = PixelCNN(shape_of(controls))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4, generator=generator)
    about = {
        "controls": values_of(controls),
        "dataset": {"name": "noise", "spec": "noise", "shape": [H, W, channels]},
        "classes": [f"class {n}" for n in range(classes)],
    }
    weights = {name: p.detach().numpy() for name, p in model.named_parameters()}
    return Checkpoint("pixelcnn", 7, about, weights)


def make(count=5, channels=1, classes=3, **controls):
    sampler = PixelCNNSampler(network(classes, channels))
    return DrawPictures(sampler, DrawControls(count=count, **controls))


def directly(job, **prompt):
    """What the network draws at one go with the controls of a job: (B, H, W, C)."""
    c, sampler = job.controls, job.sampler
    numbers = uniforms(c.count, *sampler.size, sampler.channels, c.seed)
    labels = torch.arange(c.count) % len(sampler.classes) if sampler.classes else None
    if c.label >= 0:
        labels = torch.full((c.count,), c.label)
    request = Request(numbers, labels, c.temperature, c.top_p, **prompt)
    return finish(draw(sampler.network, request), request).numpy()


def play(job, steps=10**6):
    while steps and not math.isinf(job.rest):
        job.step()
        steps -= 1
    return job


def frame(job):
    return job.snapshot().frame


def seen(job):
    return Drawing(frame(job), job.still())


def same_frames(a, b):
    """Equal values; what was thought as near as two ways of adding up come, told in half precision."""
    assert a.keys() == b.keys()
    for name in ("values", "position", "given", "watched"):
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    for name in ("entropy", "chances"):
        np.testing.assert_allclose(a[name].astype(float), b[name].astype(float), atol=2e-3, err_msg=name)


# ---- However it is drawn, it is the same ----


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("speed", [1.0, 150.0, 250.0, AT_ONCE])
def test_the_finished_pictures_are_those_drawn_at_one_go(speed, channels):
    job = play(make(speed=speed, channels=channels, temperature=0.8, top_p=0.9))
    np.testing.assert_array_equal(frame(job)["values"], directly(job))
    assert seen(job).done and job.step_count == N


def test_a_step_draws_as_many_places_as_the_speed_asks_for_and_ends_with_the_row():
    for speed, strides in ((1.0, [1] * 6), (240.0, [4, 2]), (300.0, [5, 1]), (AT_ONCE, [6])):
        job = make(speed=speed)
        found = []
        for _ in strides:
            before = job.step_count
            job.step()
            found.append(job.step_count - before)
            assert job.rest == (0 if speed == AT_ONCE else found[-1] / speed)
        assert found == strides


def test_another_speed_acts_at_once_and_changes_nothing_else():
    job = make(speed=AT_ONCE)
    for speed in (1.0, 240.0, 60.0, AT_ONCE, 300.0):
        job.apply(SetControls({"speed": speed}))
        play(job, 2)
    assert 0 < job.step_count < N
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job))


def test_going_back_and_on_watching_and_single_steps_change_nothing():
    whole, job = play(make()), make()
    play(job, 3)
    for position in (4, 5, 6, 7, 0, 29, 13, 13, N, 2):
        job.apply(GoTo(position))
        assert (frame(job)["position"] == position).all()
        job.apply(Watch(position % 5))
        np.testing.assert_array_equal(
            frame(job)["values"].reshape(5, N, 1)[:, :position],
            frame(whole)["values"].reshape(5, N, 1)[:, :position],
        )
    play(job).apply(Watch(0))
    same_frames(frame(job), frame(whole))
    assert job.step_count > N  # what was drawn again is counted again


def test_going_on_by_one_goes_on_with_the_same_generator():
    job = make()
    made = []
    job.sampler.draw = lambda request: (made.append(1), draw(job.sampler.network, request))[1]
    for position in range(1, N + 1):
        job.apply(GoTo(position))
    assert len(made) == 1


def test_drawing_goes_on_where_nobody_can_go():
    job = make()
    for position in (-1, N + 1):
        with pytest.raises(ControlError):
            job.apply(GoTo(position))


# ---- What was thought ----


@pytest.mark.parametrize("channels", [1, 3])
def test_what_was_thought_is_what_the_whole_network_says(channels):
    job = play(make(temperature=0.7, top_p=0.8, channels=channels))
    network, values = job.sampler.network, torch.from_numpy(frame(job)["values"].astype(np.int64))
    with torch.no_grad():
        said = network.logits(network(network.scaled(values), torch.arange(5) % 3))
        expected = chances_of(said, 0.7, 0.8).numpy()
    for picture in (0, 3):
        job.apply(Watch(picture))  # told while drawing, and asked for afterwards
        np.testing.assert_allclose(frame(job)["chances"], expected[picture], atol=1e-3)
    bits = -np.where(expected > 0, expected * np.log2(np.maximum(expected, 1e-30)), 0).sum((3, 4))
    np.testing.assert_allclose(frame(job)["entropy"].astype(float), bits, atol=5e-3)
    metrics = job.snapshot().metrics
    assert metrics["bits"] == pytest.approx(bits.mean() / channels, abs=1e-3)
    taken = np.take_along_axis(expected, values.numpy()[..., None], -1)
    assert metrics["surprise"] == pytest.approx(-np.log2(taken).mean(), abs=1e-3)
    assert metrics["share"] == 1 and metrics["places"] == N


def test_it_is_told_of_places_that_are_drawn_and_of_no_others():
    job = make()
    job.apply(Watch(2))
    job.apply(GoTo(9))
    drawing = seen(job)
    told = drawing.frame["chances"].sum((2, 3)) > 0
    assert told.reshape(-1).tolist() == [True] * 9 + [False] * 21
    assert drawing.thought(2, 1, 2) is not None and drawing.thought(2, 1, 3) is None
    assert drawing.thought(1, 0, 0) is None and drawing.cursor(2) == (1, 3)
    assert drawing.thought(2, 0, 0).sum() == pytest.approx(1, abs=1e-2)
    assert (drawing.pictures()[:, 1, 3:] == PAPER).all() and not drawing.done


def test_each_part_of_a_drawing_is_told_as_hot_as_it_was_drawn():
    job = make(temperature=1.0)
    job.apply(GoTo(10))
    job.apply(SetControls({"temperature": 0.3}))
    told = play(job).snapshot().frame
    job.apply(Watch(1))
    job.apply(Watch(0))
    same_frames(job.snapshot().frame, told)


# ---- Controls ----


def test_temperature_acts_on_what_is_not_drawn_yet_and_going_back_remembers_it():
    job, cold, hot = make(), make(temperature=0.2), make()
    job.apply(GoTo(10))
    job.apply(SetControls({"temperature": 0.2}))
    keep = torch.zeros(5, H, W, dtype=torch.bool)
    keep.view(5, N)[:, :10] = True
    begun = torch.from_numpy(frame(play(hot))["values"].astype(np.int64))
    expected = directly(cold, given=begun, keep=keep)
    np.testing.assert_array_equal(frame(play(job))["values"], expected)
    job.apply(GoTo(3))
    np.testing.assert_array_equal(frame(play(job))["values"], expected)
    assert not np.array_equal(expected, frame(hot)["values"])


def test_after_the_end_another_temperature_starts_over():
    job = play(make())
    job.apply(SetControls({"temperature": 0.5}))
    assert job.step_count == 0 and not frame(job)["position"].any() and not frame(job)["values"].any()
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job))


@pytest.mark.parametrize("values", [{"seed": 3}, {"count": 2}, {"label": 1}, {"seed": 1, "temperature": 2}])
def test_other_controls_start_over(values):
    job = make()
    job.apply(Watch(4))
    job.apply(GoTo(9))
    job.apply(SetControls(values))
    assert job.step_count == 0
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job))
    assert job.still()["labels"].tolist() == (
        [1] * 5 if "label" in values else [0, 1, 2, 0, 1][: job.controls.count]
    )


def test_a_network_without_classes_draws_without():
    job = play(make(classes=0))
    np.testing.assert_array_equal(frame(job)["values"], directly(job))
    assert job.still()["labels"].tolist() == [-1] * 5


# ---- Prompts, and values set by hand ----


def mask(kind):
    y, x = np.mgrid[:H, :W]
    return {"top": y < 2, "left": x < 3, "spots": (x * 3 + y * 5) % 4 == 0, "bottom": y > 2, "all": y >= 0}[
        kind
    ]


def picture(job, seed=5):
    """Pixels, and the levels that they are."""
    size = (*job.sampler.size, job.sampler.channels)
    levels = np.random.default_rng(seed).integers(job.sampler.levels, size=size)
    return np.broadcast_to(dequantise(levels, job.sampler.levels), (*size[:2], 3)), levels


@pytest.mark.parametrize("kind", ["top", "left", "spots", "bottom", "all"])
@pytest.mark.parametrize("speed", [60.0, 300.0, AT_ONCE])
def test_a_prompt_stays_and_the_rest_is_drawn_n_times(kind, speed):
    job, keep = make(speed=speed), mask(kind)
    job.apply(GoTo(7))
    pixels, levels = picture(job)
    job.apply(SetPrompt(pixels, keep))
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
    job.apply(SetPrompt(picture(job)[0], mask("top")))
    job.step()
    assert frame(job)["position"].tolist() == [2 * W + 1] * 5


def test_a_prompt_may_have_any_size_and_shows_its_middle():
    job = make()
    pixels, levels = picture(job)
    large = np.pad(pixels.repeat(4, 0).repeat(4, 1), [(0, 0), (8, 8), (0, 0)])
    job.apply(SetPrompt(large))
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
        SetValue(0, 0, 0, (1, 1)), Watch(-1), Watch(5), GoTo(99), Edit(), SetControls({"count": 0}),
        SetControls({"label": 3}), SetControls({"label": -2}), SetControls({"top_p": 0}), SetControls({"nonsense": 1}),
        SetPrompt(np.zeros((4, 4), np.uint8)), SetPrompt(np.zeros((4, 4, 3), np.uint8), np.ones((2, 2), bool)),
        SetPrompt(np.zeros((4, 4, 3))), Restore({}, 3), Undo(),
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
        SetPrompt(np.full((8, 8, 3), 255, np.uint8), mask("left")),
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


def test_a_slider_that_is_pulled_is_undone_at_once_and_only_so_much_is_remembered(monkeypatch):
    job = make()
    job.apply(GoTo(5))
    for temperature in (0.9, 0.8, 0.7):
        job.apply(SetControls({"temperature": temperature}))
    job.apply(Undo())
    assert job.controls.temperature == 1.0
    monkeypatch.setattr(drawing_hands, "UNDO_BYTES", 3 * sum(a.nbytes for a in job.state.arrays().values()))
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
    assert "surprise" not in job.snapshot().metrics  # nobody knows any more
    same_frames(frame(play(job)), whole)


# ---- What is kept ----


def test_a_drawing_that_is_opened_again_goes_on_exactly():
    job = make(channels=3, temperature=0.8, speed=60.0)
    job.apply(SetPrompt(picture(job)[0], mask("spots")))
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
    with pytest.raises(UserError, match="place after place"):
        sampler_of(dataclasses.replace(good, kind="dividers"))


# ---- When it goes wrong ----


def test_running_out_of_memory_is_told_and_the_drawing_can_go_on():
    job = make()
    play(job, 1)
    whole = job.sampler.draw

    def too_much(request):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        yield

    job.sampler.draw = too_much
    job.apply(SetValue(0, 0, 0, (1,)))
    with pytest.raises(JobError, match="fewer pictures") as told:
        job.step()
    assert told.value.__context__ is None  # no tensor is kept alive by it
    job.sampler.draw = whole
    assert seen(play(job)).done


def test_chances_that_are_no_numbers_are_told():
    job = make()
    with torch.no_grad():
        job.sampler.network.head.bias.fill_(math.nan)
    for _ in range(2):
        with pytest.raises(JobError, match="no numbers"):
            job.step()
    assert not frame(job)["values"].any()


# ---- How far a place sees ----


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("place", [(0, 0), (2, 3), (4, 5), (4, 0)])
def test_a_place_sees_what_its_chances_depend_on(place, channels):
    job = make(channels=channels)
    drawing, (y, x), model = seen(job), place, job.sampler.network
    pictures = torch.randn(8, H, W, channels, generator=torch.Generator().manual_seed(2)).requires_grad_()
    said = model(pictures, torch.zeros(8, dtype=torch.long))[:, y, x].sum(0).reshape(-1)
    gradient = sum(
        torch.autograd.grad(number, pictures, retain_graph=True)[0].abs().sum((0, 3)) for number in said
    )
    own = gradient[y, x].item() != 0
    assert own == (channels > 1)  # inside the pixel, later channels see the earlier ones
    gradient[y, x] = 0
    np.testing.assert_array_equal(gradient.numpy() != 0, drawing.sees(y, x))


# ---- In a runner ----


def test_a_runner_draws_to_the_end_without_resting():
    job = make(speed=1.0)
    runner = Runner(job)
    runner.run(until_limit=True)
    assert job.limit.reached(job.step_count, job.seconds) and seen(job).done
