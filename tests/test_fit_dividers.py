"""The fitting job: it learns, it is reproducible, it resumes exactly, and a person's edits do what they say."""

import numpy as np
import pytest
import torch

from scalefree_studio.controls import ControlError, edited
from scalefree_studio.errors import JobError, UserError
from scalefree_studio.jobs.dividers.controls import FitControls, best_division
from scalefree_studio.jobs.dividers.edits import AddUnit, MoveUnit, RemoveUnit, SetMask
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.dividers.saved import read_model
from scalefree_studio.jobs.job import Limit, Restore, SetControls, StartOver, Undo
from scalefree_studio.models.dividers import network as dividers
from scalefree_studio.snapshot import Checkpoint


def picture(height=24, width=32):
    y, x = np.mgrid[:height, :width]
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[x + 2 * y > 40] = (200, 80, 40)
    pixels[(x - 20) ** 2 + (y - 10) ** 2 < 36] = (30, 90, 220)
    return pixels


def make(steps=60, **controls):
    tiny = dict(lines=3, circles=2, relu=1, tanh=1, hidden=6, batch_size=128, seed=4, start="random")
    return FitDividers(picture(), FitControls(**{**tiny, **controls}), Limit(steps=steps))


def run(job, steps):
    for _ in range(steps):
        job.step()
    return job


def numbers(job):
    return {name: tensor.clone() for name, tensor in job.params.items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("line_form", ["angle", "distance"])
def test_it_learns_a_simple_picture(line_form):
    job = make(400, lines=4, circles=2, hidden=8, line_form=line_form, relu=0, tanh=0)
    before = job.psnr()
    assert run(job, 400).psnr() > before + 6


def pixels_off(job):
    """How far the job's one line is from the picture's, at most, and its circle's centre and radius."""
    p = {name: tensor.double().numpy() for name, tensor in job.params.items()}
    normal = np.array([np.cos(p["line_angle"][0]), np.sin(p["line_angle"][0])])
    offset = p["line_offset"][0] if "line_offset" in p else p["line_centre"][0] @ normal
    y = np.linspace(4.5, 19.5, 20)  # within the picture, x + 2y = 40.5 lies between two colours
    along = (np.stack([40.5 - 2 * y, y], 1) - [15.5, 11.5]) / 16
    line = np.abs(along @ normal - offset).max()
    centre = np.hypot(*(p["circle_centre"][0] - np.array([4.5, -1.5]) / 16))
    return 16 * line, 16 * centre, abs(16 * np.exp(p["circle_log_radius"][0]) - 6)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("line_form", ["angle", "distance"])
def test_a_start_on_edges_is_on_the_edges_and_a_random_one_is_not(line_form, seed):
    asked = dict(lines=1, circles=1, relu=0, tanh=0, line_form=line_form, seed=seed)
    assert max(pixels_off(make(start="edges", **asked))) < 1.5
    assert min(pixels_off(make(start="random", **asked))[:2]) > 5


def test_psnr_is_that_of_the_plain_network_over_all_pixels():
    job = run(make(), 20)
    xy = dividers.pixel_grid(24, 32)
    colours = dividers.predict(job.params, xy)
    target = torch.from_numpy(picture().reshape(-1, 3) / 255).float()
    assert job.psnr() == pytest.approx(dividers.psnr(float(((colours - target) ** 2).mean())), abs=1e-3)


def test_same_seed_same_numbers_and_another_seed_others():
    assert same(numbers(run(make(), 30)), numbers(run(make(), 30)))
    assert not same(numbers(run(make(), 30)), numbers(run(make(seed=5), 30)))


@pytest.mark.parametrize("batch_size", [0, 64])
def test_resume_equals_uninterrupted(batch_size):
    whole = run(make(60, batch_size=batch_size), 60)
    half = run(make(60, batch_size=batch_size), 25)
    half.apply(SetControls({"learning_rate": 0.02}))
    whole_edited = run(make(60, batch_size=batch_size), 25)
    whole_edited.apply(SetControls({"learning_rate": 0.02}))
    resumed = FitDividers.from_checkpoint(half.checkpoint())
    assert resumed.step_count == 25
    assert same(numbers(run(resumed, 35)), numbers(run(whole_edited, 35)))
    assert not same(numbers(resumed), numbers(whole))


def test_resume_keeps_mask_and_added_units():
    job = run(make(), 10)
    job.apply(AddUnit("circle"))
    job.apply(SetMask(np.linspace(1, 3, 24 * 32, dtype=np.float32).reshape(24, 32)))
    resumed = FitDividers.from_checkpoint(job.checkpoint())
    assert (resumed.unit_ids == job.unit_ids).all()
    assert same(numbers(run(resumed, 15)), numbers(run(job, 15)))


def test_snapshot_owns_its_memory_and_is_frozen():
    job = run(make(), 5)
    shot = job.snapshot()
    kept = {name: array.copy() for name, array in shot.frame.items()}
    run(job, 5)
    assert all((shot.frame[name] == kept[name]).all() for name in kept)
    with pytest.raises(ValueError):
        shot.frame["line_angle"][0] = 1
    assert np.isfinite(list(shot.metrics.values())).all()
    assert {"loss", "psnr", "learning_rate", "g"} <= set(shot.metrics)


def test_how_fast_it_goes_is_said_as_soon_as_it_is_known():
    job = run(make(), 5)
    resumed = FitDividers.from_checkpoint(job.checkpoint())
    for each in (job, resumed):
        assert "steps_per_second" not in each.snapshot().metrics
        run(each, 5)
        assert each.snapshot().metrics["steps_per_second"] > 0


def test_gradient_sharpness_and_rate_follow_the_schedule():
    job = make(100, gradient_sharpness=5.0, gradient_sharpening=16.0)
    run(job, 50)
    assert job.scheduled()[1] == pytest.approx(20.0)  # half way, geometrically: 5 · √16
    run(job, 50)
    assert job.scheduled()[1] == pytest.approx(80.0)


def test_live_controls_act_and_rebuild_controls_start_over():
    job = run(make(), 10)
    job.apply(SetControls({"learning_rate": 0.5}))
    assert job.step_count == 10 and job.controls.learning_rate == 0.5
    job.apply(SetControls({"lines": 5}))
    assert job.step_count == 0 and len(job.params["line_angle"]) == 5


def test_a_refused_control_changes_nothing():
    job = run(make(), 3)
    before = numbers(job)
    for bad in (
        {"learning_rate": -1},
        {"nonsense": 1},
        {"lines": 1.5},
        {"lines": 0, "circles": 0, "relu": 0, "tanh": 0},
    ):
        with pytest.raises(ControlError):
            job.apply(SetControls(bad))
    assert same(before, numbers(job)) and job.controls == make().controls


@pytest.mark.parametrize(("rate", "divider_rate"), [(0.02, 2.0), (0.02, 8.0), (0.002, 2.0)])
def test_the_first_step_goes_as_far_as_the_rates_say(rate, divider_rate):
    """That of Adam is as long as its rate, in whatever direction; a hundredth of it while the rates still rise."""
    job = make(10, learning_rate=rate, divider_rate=divider_rate)
    before = numbers(job)
    run(job, 1)
    moved = {name: float((before[name] - tensor).abs().max()) for name, tensor in job.params.items()}
    for name in (
        "line_angle",
        "line_centre",
        "circle_centre",
        "circle_log_radius",
        "relu_weight",
        "tanh_weight",
    ):
        assert moved[name] == pytest.approx(0.01 * rate * divider_rate, rel=0.02), name
    for name in ("colour_bias", "out_weight", "out_bias"):
        assert moved[name] == pytest.approx(0.01 * rate, rel=0.02), name


def test_moving_a_unit_and_taking_the_whole_gesture_back():
    job = run(make(), 3)
    unit = int(job.unit_ids[3])  # the first circle
    before = numbers(job)
    for x in (0.1, 0.2, 0.3):
        job.apply(MoveUnit(unit, {"circle_centre": np.array([x, 0.0])}, gesture=7))
    assert job.params["circle_centre"][0].tolist() == pytest.approx([0.3, 0.0])
    job.apply(Undo())
    assert same(before, numbers(job))


def test_removing_and_undoing_leaves_the_picture_as_it_was():
    job = run(make(), 10)
    before, ids = numbers(job), job.unit_ids.copy()
    unit = int(ids[1])
    job.apply(RemoveUnit(unit))
    assert unit not in job.unit_ids and len(job.params["line_angle"]) == 2
    assert job.params["colour_weight"].shape[1] == 6
    run(job, 0)
    job.apply(Undo())
    assert (job.unit_ids == ids).all()
    for name, tensor in job.params.items():
        torch.testing.assert_close(tensor, before[name])


def test_a_removed_unit_leaves_its_mean_behind():
    """With a unit that says +1 everywhere, removal must not change the picture at all."""
    job = make()
    unit = int(job.unit_ids[3])
    job.apply(MoveUnit(unit, {"circle_centre": np.array([9.0, 9.0]), "circle_log_radius": -2.0}))
    before = job.psnr()
    job.apply(RemoveUnit(unit))
    assert job.psnr() == pytest.approx(before, abs=1e-3)


def test_adding_units_of_either_kind_to_any_network():
    job = run(make(lines=0, circles=0, relu=0, tanh=2), 2)
    job.apply(AddUnit("line"))
    job.apply(AddUnit("circle", {"circle_centre": np.array([0.1, 0.2])}))
    assert dividers.unit_counts(job.params) == {"line": 1, "circle": 1, "relu": 0, "tanh": 2, "cell": 0}
    assert len(set(job.unit_ids.tolist())) == 4
    run(job, 3)
    job.apply(Undo())
    job.apply(Undo())
    assert dividers.unit_counts(job.params) == {"line": 0, "circle": 0, "relu": 0, "tanh": 2, "cell": 0}


def test_edits_of_units_that_are_gone_are_refused():
    job = make()
    unit = int(job.unit_ids[0])
    job.apply(RemoveUnit(unit))
    with pytest.raises(ControlError, match="no longer"):
        job.apply(MoveUnit(unit, {"line_angle": 0.0}))


def test_restoring_a_frame_goes_on_from_it():
    job = run(make(), 5)
    old = job.snapshot()
    run(job, 20)
    job.apply(Restore(old.frame, old.step))
    assert same(
        numbers(job), {n: torch.from_numpy(a.copy()) for n, a in old.frame.items() if n != "unit_ids"}
    )
    run(job, 3)


def test_start_over_begins_as_the_first_time_and_can_be_undone():
    job = make()
    first = numbers(job)
    run(job, 20)
    later = numbers(job)
    job.apply(StartOver())
    assert same(first, numbers(job)) and job.step_count == 0
    job.apply(Undo())
    assert same(later, numbers(job)) and job.step_count == 20


def test_the_mask_weighs_the_loss_as_the_formula_says():
    job = make(batch_size=0)
    mask = np.ones((24, 32), np.float32)
    mask[:, 16:] = 5
    job.apply(SetMask(mask))
    colours = dividers.predict(numbers(job), dividers.pixel_grid(24, 32))
    target = torch.from_numpy(picture().reshape(-1, 3) / 255).float()
    expected = dividers.weighted_error(colours, target, torch.from_numpy(mask).reshape(-1))
    job.step()
    assert job.snapshot().metrics["loss"] == pytest.approx(float(expected), rel=1e-4)


def test_centre_weight_against_its_closed_form():
    xy = torch.tensor([[0.3, 0.0], [0.3, 0.19], [0.8, 0.0], [-1.0, 0.0]])
    weight = dividers.centre_weight(xy, 5.0, 0.2, 0.8, 0.3, 0.0)
    half_way = 0.5**2 * (3 - 2 * 0.5)  # smoothstep in the middle between the radii
    assert weight.tolist()[:3] == pytest.approx([5.0, 5.0, 1 + 4 * half_way], rel=1e-5)
    assert weight[3].item() == 1.0


def test_numbers_that_stop_being_numbers_go_back_to_the_last_good_ones():
    job = run(make(10_000), 64)
    good = numbers(job)
    job.params["out_bias"][0] = float("nan")
    with pytest.raises(JobError, match="learning rate"):
        run(job, 64)
    assert same(good, numbers(job)) and job.step_count == 64
    run(job, 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: Checkpoint("something", 1, c.about, c.model, {}),
        lambda c: Checkpoint(c.kind, 1, c.about, {**c.model, "line_angle": c.model["line_angle"][:1]}, {}),
        lambda c: Checkpoint(c.kind, 1, c.about, {**c.model, "out_bias": np.full(3, np.nan, np.float32)}, {}),
        lambda c: Checkpoint(c.kind, 1, c.about, {**c.model, "target": np.zeros((2, 2), np.uint8)}, {}),
        lambda c: Checkpoint(
            c.kind, 1, c.about, {k: v for k, v in c.model.items() if k != "colour_weight"}, {}
        ),
        lambda c: Checkpoint(c.kind, 1, {"controls": {"lines": "many"}}, c.model, {}),
        lambda c: Checkpoint(c.kind, 1, c.about, {**c.model, "unit_ids": np.zeros(7, np.int64)}, {}),
    ],
)
def test_damaged_models_are_told_in_one_sentence(damage):
    with pytest.raises(UserError) as told:
        read_model(damage(make().checkpoint()))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("numbers", [21, 100, 2371, 50_000])
def test_a_budget_of_numbers_is_never_exceeded_and_well_used(numbers):
    job = FitDividers(picture(), FitControls(numbers=numbers, start="random"))
    used = dividers.count_numbers(job.params)
    one_more_unit = 8
    assert job.controls.numbers == numbers  # what was asked for is still what is shown
    assert used <= numbers < used + one_more_unit


@pytest.mark.parametrize("numbers", [85_000, 90_000, 1_000_000])
def test_the_largest_budgets_stay_within_what_a_saved_model_may_have(numbers):
    shape = edited(dividers.DividerShape(), best_division(numbers))
    assert numbers - shape.units - 4 < shape.numbers <= numbers


def test_setting_the_shape_ends_a_budget():
    job = FitDividers(picture(), FitControls(numbers=200, start="random"))
    job.apply(SetControls({"circles": 4}))
    assert job.controls.numbers == 0 and job.controls.circles == 4 and job.controls.lines == 0


def test_a_slider_being_drawn_is_undone_in_one():
    job = make()
    for value in (0.02, 0.03, 0.04):
        job.apply(SetControls({"learning_rate": value}))
    job.apply(SetControls({"sharpness": 500.0}))
    job.apply(Undo())
    assert (job.controls.sharpness, job.controls.learning_rate) == (1000.0, 0.04)
    job.apply(Undo())
    assert job.controls.learning_rate == make().controls.learning_rate


def test_undoing_a_budget_brings_the_old_shape_back():
    job = run(make(), 5)
    before = numbers(job)
    job.apply(SetControls({"numbers": 300}))
    assert job.controls.cells > 2
    job.apply(Undo())
    assert job.controls == make().controls and same(before, numbers(job)) and job.step_count == 5


def test_a_hand_late_in_the_schedule_sets_things_moving_again():
    job = run(make(20), 20)
    assert job.progress == 1
    late = job.scheduled()[0]
    job.apply(AddUnit("circle"))
    assert job.progress == pytest.approx(0.65) and job.scheduled()[0] > 3 * late
    resumed = FitDividers.from_checkpoint(run(job, 3).checkpoint())
    assert resumed.progress == job.progress > 0.65


def test_an_edit_while_paused_shows_how_good_the_picture_is_now():
    job = run(make(), 20)
    before = job.snapshot().metrics["psnr"]
    job.apply(MoveUnit(int(job.unit_ids[3]), {"circle_log_radius": 1.0}))
    job.apply(MoveUnit(int(job.unit_ids[4]), {"circle_log_radius": 1.0}))
    assert job.snapshot().metrics["psnr"] == pytest.approx(job.psnr(), abs=1e-6) != before


@pytest.mark.parametrize(
    "about",
    [{"limit": {"steps": "many"}}, {"limit": 3}, {"picture": []}, {"seconds": "long"}, {"updates": None}],
    ids=str,
)
def test_nonsense_beside_a_model_is_told_in_one_sentence(about):
    c = run(make(), 3).checkpoint()
    with pytest.raises(UserError) as told:
        FitDividers.from_checkpoint(Checkpoint(c.kind, c.step, {**c.about, **about}, c.model, c.trainer))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("value", [-1.0, np.nan, 0.0])
def test_a_mask_without_sense_is_refused(value):
    job = make()
    with pytest.raises(ControlError, match="weights"):
        job.apply(SetMask(np.full((24, 32), value, np.float32)))
    assert job.mask is None


def test_batches_that_miss_everything_painted_teach_nothing_and_break_nothing():
    job = make(batch_size=16)
    mask = np.zeros((24, 32), np.float32)
    mask[0, 0] = 1
    job.apply(SetMask(mask))
    run(job, 40)
    assert np.isfinite(job.psnr())
