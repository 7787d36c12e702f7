"""Learning to draw tokens: what is learnt of pictures, what a model carries, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from command_line import last_json
from small_cascades import codec_file
from small_codecs import TileCodec, kept
from small_drawings import play

from scalefree_studio.cli import main
from scalefree_studio.controls import ControlError
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset, MadeBy
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.cascades.cascade import assemble
from scalefree_studio.jobs.cascades.controls import TokensControls
from scalefree_studio.jobs.cascades.lesson import EXAMPLES, TokensLesson
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.encoding import encoded
from scalefree_studio.jobs.instruments import codec_of, sampler_of
from scalefree_studio.jobs.job import Limit, SetControls, Undo
from scalefree_studio.jobs.training.learnt import evaluation
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.ordered.request import Request, uniforms

TINY = {
    "layers": 1,
    "encoder_layers": 1,
    "width": 16,
    "heads": 2,
    "batch_size": 16,
    "warm_up": 2,
    "wall_every": 0,
}


def striped(count=48, size=8):
    """Class 0 is dark above and bright below, class 1 the other way round; a little noise."""
    labels = np.arange(count) % 2
    pictures = np.where((np.arange(size) < size // 2)[None, :, None] == (labels[:, None, None] == 1), 220, 30)
    pictures = np.broadcast_to(pictures, (count, size, size)) + np.random.default_rng(0).integers(
        -20, 20, (count, size, size)
    )
    values = pictures.astype(np.uint8)[..., None]
    learnt, held = slice(None, count * 3 // 4), slice(count * 3 // 4, None)
    return Dataset(
        "stripes",
        "stripes",
        Arrays(values[learnt], labels[learnt]),
        Arrays(values[held], labels[held]),
        ("a", "b"),
    )


def training(dataset=None, steps=40, **controls):
    asked = TokensControls(**{"codes": codec_file(), **TINY, **controls})
    return Train(TokensLesson(dataset or striped()), asked, Limit(steps=steps))


def trained(**asked):
    job = training(**asked)
    while not job.limit.reached(job.step_count, job.seconds):
        job.step()
    return job


def test_what_is_learnt_are_the_tokens_of_the_codec():
    job = training(stage_number=2)
    assert (job.controls.grids, job.controls.classes) == ("1x1x3 2x2x4", 2)
    batch = job.lesson.dataset.train.take(np.arange(5))
    own, labels, coarser = job.lesson.inputs(batch, job.controls)
    expected = TileCodec((3, 4)).encode(batch.values)
    np.testing.assert_array_equal(own, expected[1].reshape(5, 4))
    np.testing.assert_array_equal(coarser, expected[0])
    assert labels.tolist() == [0, 1, 0, 1, 0]
    prepared = job.lesson.inputs(job.dataset.train.take(np.arange(5)), job.controls)
    assert job.dataset.shape == (5,) and all(
        torch.equal(a, b) for a, b in zip(prepared, (own, labels, coarser), strict=True)
    )


def test_the_loss_is_that_of_the_logits_a_token():
    job = training(stage_number=2)
    network = job.trainer.used_network()
    inputs = job.lesson.inputs(job.lesson.dataset.held.take(np.arange(4)), job.controls)
    own, labels, coarser = inputs
    with torch.no_grad():
        log = torch.log_softmax(network(own, labels, [coarser]).double(), -1)
    expected = -log.gather(2, own[..., None]).mean()
    assert float(job.lesson.loss(network, *inputs)) == pytest.approx(float(expected), rel=1e-5)


def test_classes_are_learnt_and_drawn_by_the_model_alone(tmp_path):
    """The file of the codec is gone; the model draws, encodes and is judged without it."""
    codes = kept(TileCodec((3, 4)), tmp_path / "codec")
    stages = []
    for stage in range(2):
        job = trained(steps=100, stage_number=stage + 1, codes=codes, learning_rate=0.02)
        stages.append(job.checkpoint())
    assert job.trainer.evaluate() < 0.35  # nats a token; a guess costs 1.39
    for path in (tmp_path / "codec").iterdir():
        path.unlink()
    for network in (stages[1], assemble(stages)):
        made = sampler_of(network)
        drawn = play(DrawPictures(made, DrawControls(count=8, seed=3)))
        pictures = drawn.snapshot().frame["pictures"].astype(int)
        bright_below = pictures[:, 4:].mean(axis=(1, 2, 3)) > pictures[:, :4].mean(axis=(1, 2, 3))
        assert (bright_below == (drawn.state.labels == 0)).mean() >= 0.75
    assert codec_of(stages[0]).fingerprint() == TileCodec((3, 4)).fingerprint()
    found = evaluation(stages[1], TokensLesson(striped()))
    assert found["bits_per_picture"] == pytest.approx(4 * found["bits_per_token"]) and found["tokens"] == 4


def test_a_finer_stage_carries_coarser_tokens_of_held_out_pictures():
    job = training(stage_number=2)
    arrays, held = job.checkpoint().model, job.lesson.dataset.held
    np.testing.assert_array_equal(
        arrays[f"{EXAMPLES}0"], TileCodec((3, 4)).encode(held.take(np.arange(12)).values)[0]
    )
    np.testing.assert_array_equal(arrays[f"{EXAMPLES}labels"], np.arange(12) % 2)
    assert not any(name.startswith(EXAMPLES) for name in training(stage_number=1).checkpoint().model)


def test_a_run_goes_on_with_the_codec_that_it_carries(tmp_path):
    codes = kept(TileCodec((3, 4)), tmp_path / "codec")
    job = training(stage_number=2, codes=codes)
    for _ in range(5):
        job.step()
    saved = job.checkpoint()
    kept(TileCodec((3, 6)), tmp_path / "codec")  # another one has its place
    again = Train.from_checkpoint(saved, TokensLesson(striped()))
    for each in (job, again):
        for _ in range(5):
            each.step()
    mine, theirs = job.checkpoint(), again.checkpoint()
    assert mine.about["codec"] == theirs.about["codec"] and mine.model.keys() == theirs.model.keys()
    for name in mine.model:
        np.testing.assert_array_equal(mine.model[name], theirs.model[name])


def test_another_stage_or_codec_starts_over_and_back(tmp_path):
    job = training(stage_number=1)
    before = job.checkpoint()
    job.apply(SetControls({"stage_number": 2, "codes": kept(TileCodec((2, 5)), tmp_path)}))
    assert job.controls.grids == "1x1x2 2x2x5" and codec_of(job.checkpoint()).levels == (2, 5)
    job.apply(Undo())
    assert job.controls.grids == "1x1x3" and job.checkpoint().about["codec"] == before.about["codec"]
    assert codec_of(job.checkpoint()).levels == (3, 4)


def test_a_wall_shows_what_its_network_draws_now():
    job = training(stage_number=2, wall_every=1, steps=9)
    shown = job.show_all()
    lesson, controls = job.lesson, job.controls
    held = lesson.held(controls).take(64)
    request = Request(uniforms(64, 4, 1, controls.seed), torch.from_numpy(held.labels), every=2)
    network, coarser = job.trainer.used_network(), [torch.from_numpy(held.stages[0])]
    values = torch.zeros(64, 4, dtype=torch.long)
    for n in range(4):
        with torch.no_grad():
            share = torch.softmax(network(values, request.labels, coarser)[:, n], -1)
        values[:, n] = torch.searchsorted(share.cumsum(-1), request.uniforms[:, n], right=True)[:, 0].clamp(
            max=3
        )
    tokens = [held.stages[0], values.view(64, 2, 2).numpy()]
    np.testing.assert_array_equal(shown["wall"], TileCodec((3, 4)).decode(tokens))
    assert shown["fresh"] == 8 and shown["surprise"].shape == (12, 8, 8)
    inputs = lesson.inputs(lesson.dataset.held.take(np.arange(12)), controls)
    with torch.no_grad():
        mean = float(lesson.loss(network, *inputs)) / np.log(2)
    assert float(shown["surprise"].astype(float).mean()) == pytest.approx(mean, rel=2e-3)


def test_a_data_set_that_is_encoded_already_is_learnt_from_as_its_pictures_are():
    codec, pictures = TileCodec((3, 4)), striped()
    tokens = encoded(pictures, codec)
    assert isinstance(tokens.made_by, MadeBy) and tokens.shape == (5,)
    jobs = [training(dataset, stage_number=2) for dataset in (pictures, tokens)]
    for _ in range(3):
        for job in jobs:
            job.step()
    mine, theirs = (job.checkpoint() for job in jobs)
    for name in mine.model:
        np.testing.assert_array_equal(mine.model[name], theirs.model[name])
    assert mine.about["pictures"] == theirs.about["pictures"] == [8, 8]
    with pytest.raises(UserError, match="a different model"):
        training(replace(tokens, made_by=replace(tokens.made_by, fingerprint="other")))


def test_what_cannot_be_learnt_is_said():
    with pytest.raises(ControlError, match="stages 1 to 2; there is no stage 3"):
        training(stage_number=3)
    with pytest.raises(ControlError, match="name one"):
        training(codes="")
    colour = replace(striped(), train=Arrays(np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, np.int64)))
    with pytest.raises(UserError, match="grey"):
        training(replace(colour, held=colour.train))
    assert training(labelled=False).controls.classes == 0


def test_stages_are_trained_and_looked_at_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    codes = kept(TileCodec((3, 4)), tmp_path / "codec")
    flags = [
        "--layers",
        "1",
        "--width",
        "8",
        "--heads",
        "2",
        "--steps",
        "3",
        "--codes",
        codes,
        "--stage",
        "2",
    ]
    assert main(["train", "tokens", "--dataset", "digits", "--out", "run", *flags, "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert found["tokens"] == 4 and (tmp_path / "run" / "samples.png").exists()
    assert main(["evaluate", "run", "--json"]) == 0
    assert last_json(capsys.readouterr().out)["bits_per_token"] == pytest.approx(
        found["bits_per_token"], rel=1e-4
    )
    assert main(["info", "run", "--json"]) == 0
    assert last_json(capsys.readouterr().out)["kind"] == "tokens"
    assert (
        main(["sample", "run", "a.png", "--count", "5", "--seed", "69", "--movie", "a.gif", "--seconds", "1"])
        == 0
    )
    assert main(["complete", "run", "a.png", "b.png", "--count", "2", "--keep", "top"]) == 0
    assert (tmp_path / "a.gif").exists() and (tmp_path / "b.png").exists()
