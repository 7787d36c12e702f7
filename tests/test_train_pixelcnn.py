"""Training a PixelCNN: what it learns, how it is measured, and what is seen of it meanwhile."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_training import TINY, make, run, same, stripes, weights

from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.quantise import dequantise
from scalefree_studio.errors import JobError, UserError
from scalefree_studio.jobs.job import SetControls, Undo
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.held_out import HeldOutPass, spread
from scalefree_studio.jobs.training.learnt import evaluation
from scalefree_studio.jobs.training.picture_lesson import bits_per_dimension
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.ordered.request import Request, finish, uniforms
from scalefree_studio.models.pixelcnn.draw import draw
from scalefree_studio.models.pixelcnn.network import PixelCNN

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_learns_stripes_and_which_is_which():
    job = make(120)
    assert bits_per_dimension(job.trainer.evaluate()) == pytest.approx(
        1.0, abs=1e-5
    )  # untaught: log2 of two levels
    run(job, 120)
    assert bits_per_dimension(job.trainer.evaluate()) < 0.1
    assert (job.show_all()["wall"][:48] == stripes().train.values).mean() > 0.9


def test_snapshots_tell_the_loss_in_nats_and_bits():
    job = run(make(), 10)
    shot = job.snapshot()
    assert shot.metrics["bits_per_dimension"] == pytest.approx(shot.metrics["loss"] / np.log(2))
    assert shot.metrics["held_out_bits"] == pytest.approx(shot.metrics["held_out"] / np.log(2))
    assert shot.metrics["steps_per_second"] > 0


@pytest.mark.parametrize("averaging", [0.0, 0.8])
def test_a_look_at_held_out_pictures_takes_a_batch_a_step(averaging):
    """It tells of the network as it was at the end of the epoch, while that goes on learning."""
    job = run(make(averaging=averaging), 6)  # 48 pictures in batches of 8; 12 are held out
    assert job.epoch == 1 and "held_out" not in job.snapshot().metrics
    then = job.trainer.evaluate()
    run(job, 1)
    assert job.snapshot().metrics["held_out"] == pytest.approx(then, rel=1e-6)
    assert job.trainer.evaluate() != then


def test_held_out_pictures_are_looked_at_early_in_a_long_epoch(monkeypatch):
    monkeypatch.setattr("scalefree_studio.jobs.training.train.FIRST_PASS", 2)
    job = run(make(), 4)
    assert job.epoch == 0 and "held_out" in job.snapshot().metrics


def test_of_many_held_out_pictures_some_stand_for_all():
    assert spread(5, 9).tolist() == [0, 1, 2, 3, 4]
    assert spread(0, 9).tolist() == []
    some = spread(10_000, 500)
    assert len(some) == 500 and some[0] == 0 and some[-1] == 9_999
    assert np.ptp(np.diff(some)) <= 1, "evenly: their order may be that of classes"


@pytest.mark.parametrize("averaging", [0.0, 0.8])
def test_the_wall_renews_itself_row_by_row_with_the_network_of_one_moment(averaging):
    job = run(make(wall_every=10, averaging=averaging), 9)
    assert "wall" not in job.snapshot().frame
    run(job, 1)
    now = PixelCNN(job.trainer.network.shape)
    now.load_state_dict(job.trainer.used_network().state_dict())
    request = Request(uniforms(64, 6 * 6, 1, seed=0), torch.arange(64) % 2)
    expected = dequantise(finish(draw(now, request, 6)).view(64, 6, 6, 1).numpy(), 2)
    old = None
    for row in range(1, 7):
        shot = job.snapshot()
        assert shot.frame["fresh"] == row
        assert (shot.frame["wall"][:, :row] == expected[:, :row]).all()
        assert row == 6 or not shot.frame["wall"][:, row:].any()
        old = shot.frame["wall"]
        job.step()
    run(job, 4)  # the next one goes over it
    wall = job.snapshot().frame["wall"]
    assert job.snapshot().frame["fresh"] == 1 and (wall[:, 1:] == old[:, 1:]).all()


def test_the_wall_does_not_disturb_the_learning():
    assert same(weights(run(make(wall_every=0), 30)), weights(run(make(wall_every=3), 30)))


def test_it_tells_how_surprising_held_out_pictures_are():
    job = run(make(wall_every=10), 10)
    surprise, held = job.snapshot().frame["surprise"], job.still()["held"]
    which = spread(12, 16)
    assert held.tolist() == stripes().held.values[which].tolist()
    for k, n in enumerate(which):
        levels = torch.from_numpy(stripes().held.values[n : n + 1].astype(np.int64)) // 255
        said = job.trainer.used_network()(
            job.trainer.network.scaled(levels), torch.tensor([n % 2])
        )  # (1, H, W, 1, L)
        chances = said.softmax(-1).gather(-1, levels[..., None])
        expected = -chances.log2()[0, ..., 0, 0].detach().numpy()
        np.testing.assert_allclose(surprise[k], expected, rtol=2e-3, atol=2e-3)


def test_a_run_that_is_over_rests_and_has_judged_its_last_network():
    job = run(make(9), 8)
    assert job.rest == 0
    run(job, 1)
    assert job.rest == np.inf
    assert job.snapshot().metrics["held_out"] == pytest.approx(job.trainer.evaluate(), rel=1e-6)


def test_the_pictures_decide_on_channels_and_classes():
    job = make(channels=3, classes=7)
    job.apply(SetControls({"channels": 3, "classes": 9, "seed": 4}))
    assert (job.controls.channels, job.controls.classes, job.controls.seed) == (1, 2, 4)


def test_a_short_run_is_not_spent_on_warming_up():
    job = make(10, warm_up=100, learning_rate=1.0, final_rate=1.0)
    rates = [job.learning_rate()]
    for _ in range(3):
        rates.append(run(job, 1).learning_rate())
    assert rates == pytest.approx([0.5, 1, 1, 1])  # a fifth of it
    assert make(1000, warm_up=100, learning_rate=1.0).learning_rate() == pytest.approx(0.01)


def test_the_best_network_is_kept_and_patience_ends_the_run(monkeypatch):
    losses = iter([0.5, 0.4, 0.6, 0.7])  # of each epoch's look
    monkeypatch.setattr(HeldOutPass, "loss", property(lambda look: next(losses)))
    job = make(100_000, patience=2, learning_rate=1e-6, warm_up=0)
    run(job, 2 * 6)
    assert job.epoch == 2
    kept = weights(job)
    run(job, 2 * 6 + 1)
    assert job.now.stopped_early and job.limit.reached(job.step_count, job.seconds)
    assert same({n: torch.tensor(a) for n, a in job.checkpoint().model.items()}, kept)


@pytest.mark.parametrize("output", ["levels", "mixture"])
def test_in_sixteen_bits_it_learns_nearly_the_same_and_draws_as_ever(output):
    exact, coarse = (make(precision=p, output=output, mixtures=2) for p in ("float32", "bfloat16"))
    for job in (exact, coarse):
        run(job, 30)
    assert all(
        p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in coarse.trainer.network.parameters()
    )
    assert not same(weights(exact), weights(coarse)), "the coarse one was not coarse"
    assert float(coarse.trainer.loss) == pytest.approx(float(exact.trainer.loss), abs=0.02)
    assert coarse.trainer.evaluate() == pytest.approx(exact.trainer.evaluate(), abs=0.02)
    levels, labels = coarse.trainer.inputs(stripes().held, np.arange(12))
    assert coarse.trainer.evaluate() == coarse.trainer.used_network().loss(levels, labels).item()


def test_an_average_does_not_hold_on_to_the_untaught_network():
    job = run(make(120, averaging=0.9999), 60)
    assert bits_per_dimension(job.trainer.evaluate()) < 0.5  # a plain average would still be at 1


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_after_a_loss_that_is_no_number_the_best_network_learns_on(averaging):
    job = run(make(averaging=averaging), 30)
    assert job.snapshot().metrics["held_out"] > 0
    best = {n: torch.tensor(a) for n, a in job.checkpoint().model.items()}
    with torch.no_grad():
        next(job.trainer.network.parameters()).fill_(torch.nan)
    with pytest.raises(JobError, match="best network"):
        run(job, 2)
    assert same(weights(job), best)
    run(job, 5)
    assert np.isfinite(job.trainer.evaluate()) and job.snapshot().metrics["loss"] < 1


def test_live_controls_act_and_others_start_over():
    job = run(make(), 5)
    job.apply(SetControls({"learning_rate": 0.5, "dropout": 0.3}))
    assert job.step_count == 5 and job.trainer.network.dropout == 0.3
    job.apply(SetControls({"hidden_maps": 9}))
    assert job.step_count == 0 and job.trainer.network.shape.hidden_maps == 9


def test_after_patience_has_ended_a_run_it_can_be_switched_off_and_on(monkeypatch):
    monkeypatch.setattr("scalefree_studio.jobs.training.trainer.MOST", 8)
    job = make(100_000, patience=2, learning_rate=1e-6, warm_up=0)
    job.trainer.best = -1.0  # nothing will be better
    while not job.rest:
        job.step()
    ended = job.step_count
    assert job.epoch == 2
    job.apply(SetControls({"patience": 0}))
    assert job.rest == 0 and job.progress < 1
    run(job, 12)
    assert job.step_count == ended + 12 and job.rest == 0
    job.apply(SetControls({"patience": 100}))
    assert job.rest == 0
    job.apply(Undo())  # one gesture
    assert job.controls.patience == 2 and job.rest > 0


def test_an_evaluation_is_what_the_training_says_and_leaves_random_numbers_alone():
    job = run(make(), 10)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        best = evaluation(job.checkpoint(), PixelCNNLesson(stripes()))
        found.append(float(torch.rand(())))
    assert found[0] != found[1]
    network = PixelCNNLesson.read_network(job.checkpoint())
    assert best["nats_per_dimension"] == job.trainer.evaluate(network)


def test_without_held_out_examples_there_is_one_sentence():
    some = stripes()
    alone = replace(some, held=Arrays(some.held.values[:0], some.held.labels[:0]))
    with pytest.raises(UserError, match="no held-out examples"):
        Train(PixelCNNLesson(alone), PixelCNNControls(**TINY))
    with pytest.raises(UserError, match="no held-out examples"):
        evaluation(make().checkpoint(), PixelCNNLesson(alone))
