"""Training, sampling, completing and measuring a PixelCNN: the job, and the commands as a stranger uses them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from scalefree_studio.cli import main
from scalefree_studio.controls import ControlError
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.quantise import dequantise
from scalefree_studio.data.sources import Dataset
from scalefree_studio.errors import JobError, UserError
from scalefree_studio.jobs.job import Limit, SetControls, StartOver, Undo
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.held_out import HeldOutPass, spread
from scalefree_studio.jobs.training.picture_lesson import bits_per_dimension
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.ordered.request import Request, finish, uniforms
from scalefree_studio.models.pixelcnn.draw import draw
from scalefree_studio.models.pixelcnn.network import PixelCNN
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import load_checkpoint

TINY = {
    "levels": 2,
    "hidden_maps": 6,
    "output_maps": 6,
    "hidden_layers": 1,
    "causal_kernel": 3,
    "hidden_kernel": 3,
}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


@pytest.fixture(autouse=True)
def one_thread(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)


def stripes(count=60, side=6):
    """Class 0 has stripes across, class 1 has stripes down; all else is the same."""
    y, x = np.mgrid[:side, :side]
    kinds = np.stack([y % 2, x % 2])[..., None].astype(np.uint8) * 255
    labels = np.arange(count) % 2
    pictures = kinds[labels]
    return Dataset(
        "stripes",
        "stripes",
        Arrays(pictures[12:], labels[12:]),
        Arrays(pictures[:12], labels[:12]),
        ("across", "down"),
    )


def make(steps=60, **controls):
    asked = {**TINY, "batch_size": 8, "warm_up": 5, "learning_rate": 0.02, **controls}
    return Train(PixelCNNLesson(stripes()), PixelCNNControls(**asked), Limit(steps=steps))


def run(job, steps):
    for _ in range(steps):
        job.step()
    return job


def weights(job):
    return {name: p.detach().clone() for name, p in job.trainer.network.named_parameters()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


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


def test_a_short_run_is_not_spent_on_warming_up():
    job = make(10, warm_up=100, learning_rate=1.0, final_rate=1.0)
    rates = [job.learning_rate()]
    for _ in range(3):
        rates.append(run(job, 1).learning_rate())
    assert rates == pytest.approx([0.5, 1, 1, 1])  # a fifth of it
    assert make(1000, warm_up=100, learning_rate=1.0).learning_rate() == pytest.approx(0.01)


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


def test_held_out_pictures_are_looked_at_early_in_a_long_epoch(monkeypatch):
    monkeypatch.setattr("scalefree_studio.jobs.training.train.FIRST_PASS", 2)
    job = run(make(), 4)
    assert job.epoch == 0 and "held_out" in job.snapshot().metrics


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


def test_live_controls_act_and_others_start_over():
    job = run(make(), 5)
    job.apply(SetControls({"learning_rate": 0.5, "dropout": 0.3}))
    assert job.step_count == 5 and job.trainer.network.dropout == 0.3
    job.apply(SetControls({"hidden_maps": 9}))
    assert job.step_count == 0 and job.trainer.network.shape.hidden_maps == 9


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
    c = run(make(), 2).checkpoint()
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


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def test_the_commands_train_resume_sample_complete_and_evaluate(tmp_path, capsys):
    assert main(["train", "pixelcnn", *FLAGS, "--steps", "6", "--out", "run", "--json"]) == 0
    trained = last_json(capsys.readouterr().out)
    assert trained["steps"] == 6 and 0 < trained["bits_per_dimension"] < 1.1
    assert main(["train", "pixelcnn", "--resume", "--out", "run", "--steps", "8", "--json"]) == 0
    assert last_json(capsys.readouterr().out)["steps"] == 8 == load_checkpoint("run").step

    assert main(["info", "run", "--json"]) == 0
    told = last_json(capsys.readouterr().out)
    assert told["kind"] == "pixelcnn" and told["step"] == 8 and told["numbers"] == trained["numbers"]

    for extra in ([], ["--no-cache"]):
        name = f"wall{len(extra)}.png"
        assert main(["sample", "run", name, "--count", "4", "--label", "3", "--top-p", "0.9", *extra]) == 0
    with Image.open("wall0.png") as fast, Image.open("wall1.png") as naive:
        assert (np.array(fast) == np.array(naive)).all()
    assert main(["sample", "run", "wide.png", "--count", "2", "--size", "4x12"]) == 0

    Image.new("L", (16, 16), 255).save("white.png")
    assert main(["complete", "run", "white.png", "done.png", "--keep", "left", "--count", "1"]) == 0
    with Image.open("done.png") as image:
        assert (np.array(image)[:, : image.width // 2 - 1] == 255).all()
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert found["dataset"] == "digits" and found["nats_per_picture"] == pytest.approx(
        64 * found["nats_per_dimension"]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "gan"],
        ["train", "pixelcnn", "--dataset", "nothing"],
        ["train", "pixelcnn", "--levels", "1"],
        ["train", "pixelcnn", "--resume"],
        ["sample", "nowhere", "out.png"],
        ["complete", "nowhere", "a.png", "out.png"],
        ["evaluate", "nowhere"],
    ],
    ids=" ".join,
)
def test_bad_input_gets_one_sentence(arguments, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith("scalefree-studio: ") and "\n" not in told


@pytest.mark.parametrize(
    "extra",
    [["--count", "0"], ["--temperature", "0"], ["--top-p", "2"], ["--label", "cat"], ["--size", "big"]],
    ids=" ".join,
)
def test_bad_wishes_for_samples_get_one_sentence(extra, capsys):
    job = Train(PixelCNNLesson(stripes()), PixelCNNControls(**TINY), Limit(steps=1))
    from scalefree_studio.storage.run_folder import RunFolder

    RunFolder("run").keep(run(job, 1).checkpoint())
    assert main(["sample", "run", "out.png", *extra]) == 2
    assert "\n" not in capsys.readouterr().err.strip()


def test_a_model_is_not_measured_on_other_classes(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for n in range(8):
        (tmp_path / "cats" if n % 2 else tmp_path / "dogs").mkdir(exist_ok=True)
        pixels = rng.integers(256, size=(8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / ("cats" if n % 2 else "dogs") / f"{n}.png")
    assert main(["evaluate", "model:digits", "--dataset", str(tmp_path)]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "knows other classes" in message and message.endswith("0, 1, 2, 3, 4, 5, 6, 7, 8, 9.")


def test_what_was_changed_can_be_undone_and_a_restart_too():
    job = run(make(wall_every=5), 6)
    before, seen = weights(job), job.snapshot().frame["wall"]
    job.apply(SetControls({"learning_rate": 0.5}))
    job.apply(SetControls({"learning_rate": 0.6}))  # the same slider
    job.apply(StartOver())
    run(job, 2)
    job.apply(SetControls({"hidden_maps": 9}))
    assert job.step_count == 0
    assert job.apply(Undo()).what == "undo: controls"
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
