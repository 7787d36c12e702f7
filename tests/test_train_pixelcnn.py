"""Training, sampling, completing and measuring a PixelCNN: the job, and the commands as a stranger uses them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from scalefree_studio.cli import main
from scalefree_studio.data.datasets import Dataset
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.job import Limit, SetControls
from scalefree_studio.jobs.pixelcnn_controls import TrainControls
from scalefree_studio.jobs.pixelcnn_model import read_pixelcnn
from scalefree_studio.jobs.train_pixelcnn import TrainPixelCNN
from scalefree_studio.models.pixelcnn import bits_per_dimension
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
    return Dataset("stripes", pictures[12:], labels[12:], pictures[:12], labels[:12], ("across", "down"))


def make(steps=60, **controls):
    asked = {**TINY, "batch_size": 8, "warm_up": 5, "learning_rate": 0.02, **controls}
    return TrainPixelCNN(stripes(), TrainControls(**asked), Limit(steps=steps))


def run(job, steps):
    for _ in range(steps):
        job.step()
    return job


def weights(job):
    return {name: p.detach().clone() for name, p in job.model.named_parameters()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def test_it_learns_stripes_and_which_is_which():
    job = make(120)
    assert bits_per_dimension(job.evaluate()) == pytest.approx(1.0, abs=1e-5)  # untaught: log2 of two levels
    run(job, 120)
    assert bits_per_dimension(job.evaluate()) < 0.1
    wall = job.renew_wall(8)
    assert (wall == stripes().train_images[:8]).mean() > 0.9


def test_snapshots_tell_the_loss_in_nats_and_bits():
    job = run(make(), 10)
    shot = job.snapshot()
    assert shot.metrics["bits_per_dimension"] == pytest.approx(shot.metrics["loss"] / np.log(2))
    assert job.epoch == 1 and shot.metrics["held_out"] == pytest.approx(job.evaluate(), abs=0.2)


@pytest.mark.parametrize("controls", [{}, {"dropout": 0.2}, {"averaging": 0.9, "labelled": False}], ids=str)
def test_resume_equals_uninterrupted(controls):
    whole = run(make(40, **controls), 40)
    half = run(make(40, **controls), 17)
    resumed = TrainPixelCNN.from_checkpoint(half.checkpoint(), stripes())
    assert resumed.step_count == 17
    assert same(weights(run(resumed, 23)), weights(whole))
    assert resumed.evaluate() == whole.evaluate()


def test_the_best_network_is_kept_and_patience_ends_the_run():
    job = make(100_000, patience=2, learning_rate=1e-6, warm_up=0)
    job.evaluate = iter([0.5, 0.4, 0.6, 0.7]).__next__  # each epoch's held-out loss
    kept = None
    for _ in range(6 * 4):
        job.step()
        if job.epoch == 2 and kept is None:
            kept = weights(job)
    assert job.stopped_early and job.limit.reached(job.step_count, job.seconds)
    assert same({n: torch.tensor(a) for n, a in job.checkpoint().model.items()}, kept)


def test_live_controls_act_and_others_start_over():
    job = run(make(), 5)
    job.apply(SetControls({"learning_rate": 0.5, "dropout": 0.3}))
    assert job.step_count == 5 and job.model.dropout == 0.3
    job.apply(SetControls({"hidden_maps": 9}))
    assert job.step_count == 0 and job.model.shape.hidden_maps == 9


def test_damaged_models_are_told_in_one_sentence():
    c = run(make(), 2).checkpoint()
    name = next(iter(c.model))
    for model in ({}, {**c.model, name: c.model[name][:1]}, {**c.model, name: c.model[name] * np.nan}):
        with pytest.raises(UserError) as told:
            read_pixelcnn(Checkpoint(c.kind, c.step, c.about, model, {}))
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
    job = TrainPixelCNN(stripes(), TrainControls(**TINY), Limit(steps=1))
    from scalefree_studio.storage.run_folder import RunFolder

    RunFolder("run").keep(run(job, 1).checkpoint())
    assert main(["sample", "run", "out.png", *extra]) == 2
    assert "\n" not in capsys.readouterr().err.strip()
