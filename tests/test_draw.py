"""Drawing as a job: however it is drawn, the pictures are those that the network draws at one go."""

import math

import numpy as np
import pytest
import torch
from small_drawings import H, N, W, directly, frame, make, play, same_frames, seen

from scalefree_studio.controls import ControlError
from scalefree_studio.drawings import PAPER
from scalefree_studio.errors import JobError
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.edits import GoTo, SetValue, Watch
from scalefree_studio.jobs.job import SetControls, Undo
from scalefree_studio.models.ordered.request import chances_of
from scalefree_studio.models.pixelcnn.draw import draw
from scalefree_studio.runner import Runner

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
    job.sampler.draw = lambda request: (made.append(1), draw(job.sampler.network, request, W))[1]
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
        expected = chances_of(said, 0.7, top_p=0.8).numpy()
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
    assert drawing.thought(1, 0, 0) is None and drawing.cursors().tolist() == [[n, 1, 3] for n in range(5)]
    assert drawing.thought(2, 0, 0).chances.sum() == pytest.approx(1, abs=1e-2)
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


def out_of_memory(*_):
    raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")


@pytest.mark.parametrize("position", [9, N])
def test_going_somewhere_without_memory_leaves_the_pictures_where_they_were(position, monkeypatch):
    job = make()
    job.apply(GoTo(20))
    job.apply(SetValue(1, 1, 1, (2,)))  # it is behind the others, and catches up on the way
    before = job.snapshot()
    draw, moved = job.sampler.draw, []

    def breaks_off(request):
        for drawn in draw(request):
            yield drawn
            moved.append(frame(job)["position"].tolist())
            if moved[-1] != before.frame["position"].tolist():
                out_of_memory()

    monkeypatch.setattr(job.sampler, "draw", breaks_off)
    with pytest.raises(JobError, match="memory"):
        job.apply(GoTo(position))
    monkeypatch.undo()
    assert moved[-1] != before.frame["position"].tolist()
    same_frames(frame(job), before.frame)
    assert job.step_count == before.step
    given = torch.from_numpy(before.frame["values"].astype(np.int64))
    keep = torch.from_numpy(before.frame["given"].copy())
    np.testing.assert_array_equal(frame(play(job))["values"], directly(job, given=given, keep=keep))


@pytest.mark.parametrize("edit", [SetValue(0, 1, 1, (2,)), Watch(2), Undo()], ids=str)
def test_an_edit_is_made_though_memory_lacks_for_what_was_thought(edit, monkeypatch):
    job, twin = make(), make()
    for each in (job, twin):
        each.apply(GoTo(20))
        each.apply(SetValue(0, 2, 3, (1,)))
        each.apply(SetValue(0, 2, 2, (1,)))
    job._thoughts.forget()  # all of it is to be asked
    monkeypatch.setattr(job.sampler, "chances", out_of_memory)
    assert job.apply(edit) == twin.apply(edit)
    for name in ("values", "position", "given", "watched"):
        np.testing.assert_array_equal(frame(job)[name], frame(twin)[name])
    assert not frame(job)["chances"].any()
    monkeypatch.undo()
    same_frames(frame(play(job)), frame(play(twin)))
    assert job.apply(Undo()) == twin.apply(Undo())


def test_chances_that_are_no_numbers_are_told():
    job = make()
    with torch.no_grad():
        job.sampler.network.head.bias.fill_(math.nan)
    for _ in range(2):
        with pytest.raises(JobError, match="not numbers"):
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
