"""A training that was saved, damaged, changed or undone goes on as it should."""

import numpy as np
import pytest
import torch
from small_training import TINY, make, run, same, stripes, weights

from scalefree_studio.controls import ControlError
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.job import GoOn, Limit, SetControls, StartOver, Undo
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.picture_lesson import bits_per_dimension
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

RESUMED = [{}, {"dropout": 0.2}, {"averaging": 0.9, "labelled": False}, {"precision": "bfloat16"}]


@pytest.mark.parametrize("controls", RESUMED, ids=str)
def test_resume_equals_uninterrupted(controls):
    whole = run(make(40, **controls), 40)
    half = run(make(40, **controls), 18)
    saved = half.checkpoint()
    assert saved.about["look"], "it was at work on held-out pictures"
    run(half, 4)
    resumed = Train.from_checkpoint(saved, PixelCNNLesson(stripes()))
    assert resumed.step_count == 18
    run(resumed, 4)
    assert half.snapshot().metrics["held_out"] == resumed.snapshot().metrics["held_out"]
    assert same(weights(run(resumed, 18)), weights(whole))
    assert resumed.trainer.evaluate() == whole.trainer.evaluate()
    best = [job.checkpoint().model for job in (resumed, whole)]
    assert all((best[0][name] == best[1][name]).all() for name in best[1])


def test_what_was_to_be_seen_is_seen_again_after_a_resume():
    job = run(make(40, wall_every=1), 3)
    assert {"wall", "surprise"} <= job.snapshot().frame.keys()
    saved, seen = job.checkpoint(), job.snapshot().frame
    run(job, 3)  # draws on
    resumed = Train.from_checkpoint(saved, PixelCNNLesson(stripes()))
    shown = resumed.snapshot().frame
    np.testing.assert_array_equal(shown["wall"], seen["wall"])
    np.testing.assert_array_equal(shown["surprise"], seen["surprise"])
    other = {**saved.trainer, "samples": seen["wall"][:, 1:], "surprise": seen["surprise"][1:]}
    odd = Checkpoint(saved.kind, saved.step, saved.about, saved.model, other)
    assert not Train.from_checkpoint(odd, PixelCNNLesson(stripes())).snapshot().frame


def test_a_model_alone_is_gone_on_with_whatever_was_averaged():
    job = run(make(averaging=0.9), 40)
    saved = job.checkpoint()
    resumed = Train.from_checkpoint(
        Checkpoint(saved.kind, saved.step, saved.about, saved.model), PixelCNNLesson(stripes())
    )
    assert same(
        {n: p.detach() for n, p in resumed.trainer.used_network().named_parameters()}, weights(resumed)
    )
    assert resumed.trainer.evaluate() < 0.6


def test_without_a_gpu_float16_is_refused_and_a_run_in_it_goes_on_in_other_numbers():
    with pytest.raises(ControlError, match="CUDA"):
        make(precision="float16")
    job = run(make(), 3)
    with pytest.raises(ControlError, match="CUDA"):
        job.apply(SetControls({"precision": "float16"}))
    assert job.controls.precision == "float32"
    saved = job.checkpoint()
    saved.about["controls"]["precision"] = "float16"
    with pytest.raises(UserError, match="CUDA"):
        Train.from_checkpoint(saved, PixelCNNLesson(stripes()))
    resumed = Train.from_checkpoint(saved, PixelCNNLesson(stripes()), edits={"precision": "bfloat16"})
    assert run(resumed, 1).step_count == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_gpu_learns_in_every_precision_and_resumes(precision):
    def some(steps):
        asked = {**TINY, "batch_size": 8, "warm_up": 5, "learning_rate": 0.02, "precision": precision}
        return run(
            Train(PixelCNNLesson(stripes()), PixelCNNControls(**asked), Limit(steps=120), "cuda"), steps
        )

    half = some(60)
    resumed = Train.from_checkpoint(half.checkpoint(), PixelCNNLesson(stripes()), "cuda")
    assert resumed.trainer._scaler.state_dict() == half.trainer._scaler.state_dict()
    assert bits_per_dimension(run(resumed, 60).trainer.evaluate()) < 0.2


def test_damaged_models_are_told_in_one_sentence():
    c = run(make(), 2).checkpoint()
    name = next(iter(c.model))
    for model in ({}, {**c.model, name: c.model[name][:1]}, {**c.model, name: c.model[name] * np.nan}):
        with pytest.raises(UserError) as told:
            PixelCNNLesson.read_network(Checkpoint(c.kind, c.step, c.about, model, {}))
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("damage", ["lost", "another shape", "broadcast"])
@pytest.mark.parametrize("name", ["adam.head.weight.step", "adam.head.weight.exp_avg", "average.head.weight"])
def test_what_a_damaged_trainer_holds_is_told_in_one_sentence(name, damage):
    c = run(make(averaging=0.9), 2).checkpoint()
    trainer = dict(c.trainer)
    if damage == "lost":
        del trainer[name]
    else:
        trainer[name] = np.zeros((1, 2), np.float32) if damage == "another shape" else np.zeros(1, np.float32)
    if (name, damage) == ("adam.head.weight.step", "broadcast"):
        trainer[name] = np.zeros((2, 1), np.float32)
    with pytest.raises(UserError, match="does not fit") as told:
        Train.from_checkpoint(
            Checkpoint(c.kind, c.step, c.about, c.model, trainer), PixelCNNLesson(stripes())
        )
    assert "\n" not in str(told.value)


def test_what_was_changed_can_be_undone_and_a_restart_too():
    job = run(make(wall_every=5), 6)
    before, seen = weights(job), job.snapshot().frame["wall"]
    job.apply(SetControls({"learning_rate": 0.5}))
    job.apply(SetControls({"learning_rate": 0.6}))  # the same slider
    job.apply(StartOver())
    run(job, 2)
    job.apply(SetControls({"hidden_maps": 9}))
    assert job.step_count == 0
    assert job.apply(Undo()).what == "undo: change hidden maps"
    assert (job.step_count, job.controls.hidden_maps) == (2, 6)
    assert job.apply(Undo()).what == "undo: start over"
    assert same(weights(job), before) and job.step_count == 6
    assert (job.snapshot().frame["wall"] == seen).all()
    job.apply(Undo())
    assert job.controls.learning_rate == job.trainer.controls.learning_rate == 0.02
    with pytest.raises(ControlError, match="nothing to undo"):
        job.apply(Undo())
    untouched = run(make(wall_every=5), 12)
    assert same(weights(run(job, 6)), weights(untouched)), "it goes on as if nothing had been"


def test_a_bad_edit_leaves_all_as_it_was():
    job = run(make(), 3)
    with pytest.raises(ControlError):
        job.apply(SetControls({"hidden_maps": 9, "precision": "float16"}))
    assert job.step_count == 3 and job.controls.hidden_maps == 6
    with pytest.raises(ControlError, match="nothing to undo"):
        job.apply(Undo())


class TiedLesson(PixelCNNLesson):
    """Its last weights have two names."""

    @classmethod
    def network(cls, controls):
        network = PixelCNNLesson.network(controls)
        network.twin = network.head
        return network


def test_tied_weights_are_averaged_under_both_names():
    job = run(make(40, TiedLesson, averaging=0.9), 6)
    judged, kept = job.trainer.held_out_pass, job.trainer.weights()
    expected = job.trainer.used_network().head.weight
    assert not torch.equal(expected, job.trainer.network.head.weight)
    for name in ("head.weight", "twin.weight"):
        assert torch.equal(kept[name], expected)
        assert torch.equal(judged.weights[name], judged.network.head.weight)
    run(job, 12)
    resumed = Train.from_checkpoint(job.checkpoint(), TiedLesson(stripes()))
    assert same(weights(run(resumed, 4)), weights(run(job, 4)))
    best = TiedLesson.read_network(job.checkpoint())
    assert torch.equal(best.head.weight, job.trainer.best_weights["head.weight"])


OPTIMIZERS = {
    "AdamW, amsgrad": lambda parameters: torch.optim.AdamW(parameters, amsgrad=True),
    "Adafactor": torch.optim.Adafactor,
    "NAdam": torch.optim.NAdam,
    "Rprop": torch.optim.Rprop,
    "SGD": lambda parameters: torch.optim.SGD(parameters, momentum=0.9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_with_any_optimizer_it_goes_on_exactly(name):
    class OtherLesson(PixelCNNLesson):
        def optimizer(self, network, controls):
            return OPTIMIZERS[name](network.parameters())

    job = run(make(40, OtherLesson), 5)
    resumed = Train.from_checkpoint(job.checkpoint(), OtherLesson(stripes()))
    assert same(weights(run(resumed, 5)), weights(run(job, 5)))


def test_a_display_does_not_save_over_the_trainer(monkeypatch):
    job = run(make(), 3)
    monkeypatch.setattr(
        job.now.display, "saved", lambda: {"now.head.weight": np.zeros(1), "mine": np.ones(1)}
    )
    arrays = job.checkpoint().trainer
    assert torch.equal(torch.tensor(arrays["now.head.weight"]), weights(job)["head.weight"])
    assert "mine" in arrays


def test_a_gesture_does_not_pass_over_what_was_learnt():
    job = run(make(), 5)
    before = weights(job)
    job.apply(SetControls({"hidden_maps": 7}))
    job.apply(SetControls({"hidden_maps": 8}))  # the same move of a slider
    run(job, 3)
    learnt = weights(job)
    job.apply(SetControls({"hidden_maps": 9}))
    job.apply(Undo())
    assert job.step_count == 3 and same(weights(job), learnt)
    job.apply(Undo())
    assert job.step_count == 5 and same(weights(job), before)


def test_where_memory_runs_out_earlier_attempts_make_room():
    job = run(make(), 2)
    job.apply(StartOver())
    run(job, 1)
    begin = job._begun

    def begun():
        if job.past.names[0]:  # earlier attempts are kept
            raise torch.OutOfMemoryError("out of memory")
        return begin()

    job._begun = begun
    job.apply(StartOver())
    assert job.step_count == 0
    job.apply(Undo())
    assert job.step_count == 1
    with pytest.raises(ControlError, match="nothing to undo"):
        job.apply(Undo())


def test_a_training_that_has_come_to_its_end_can_go_on_for_as_long_again():
    job = make(steps=None, epochs=1)
    with pytest.raises(ControlError, match="not finished"):
        job.apply(GoOn())
    while not job.rest:
        job.step()
    job.apply(GoOn())
    assert job.controls.epochs == 2 and not job.rest
    job.apply(Undo())
    assert job.controls.epochs == 1 and job.rest
    limited = run(make(steps=2), 2)
    limited.apply(GoOn())
    assert limited.limit == Limit(steps=4)
    limited.apply(Undo())
    assert limited.limit == Limit(steps=2)


def test_going_on_after_more_epochs_had_stopped_helping_goes_to_the_last_epoch():
    job = run(make(steps=None, epochs=5, patience=1), 1)
    job.now.stopped_early = True
    assert job.rest
    job.apply(GoOn())
    assert (job.controls.patience, job.controls.epochs, job.rest) == (0, 5, 0.0)
    job.apply(Undo())
    assert job.controls.patience == 1
