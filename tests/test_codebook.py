"""Codebooks of maps: their lesson, their codec, and pruning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from job_cases import equal, run
from small_codes import small_autoencoder

from scalefree_studio.cli import main
from scalefree_studio.controls import ControlError, edited
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.codebooks.controls import AutoencoderControls, VQVAEControls
from scalefree_studio.jobs.codebooks.latents import latents_of
from scalefree_studio.jobs.codebooks.lesson import AutoencoderLesson, VQVAELesson
from scalefree_studio.jobs.codebooks.map_codec import MapCodec
from scalefree_studio.jobs.codebooks.map_controls import CodebookControls, stages_of
from scalefree_studio.jobs.codebooks.map_lesson import CodebookLesson, codebook_codec
from scalefree_studio.jobs.codebooks.prune import pruned, usage_over
from scalefree_studio.jobs.encoding import latents_of_all
from scalefree_studio.jobs.instruments import codec_of, read_codec, read_model
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.learnt import evaluation
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import RunFolder


def noise(channels: int = 1, size: int = 8) -> Dataset:
    pixels = np.random.default_rng(2).integers(256, size=(40, size, size, channels), dtype=np.uint8)
    labels = np.arange(40) % 2
    return Dataset(
        "noise", "noise", Arrays(pixels[10:], labels[10:]), Arrays(pixels[:10], labels[:10]), ("a", "b")
    )


def training(
    dataset: Dataset | None = None, steps: int = 12, limit: int = 0, **controls: Any
) -> Train[Any, Any]:
    asked = {
        "autoencoder": small_autoencoder(),
        "units": "4,6,9",
        "batch_size": 10,
        "wall_every": 0,
        **controls,
    }
    job = Train(CodebookLesson(dataset or noise()), CodebookControls(**asked), Limit(steps=limit or steps))
    return run(job, steps)


# ---- The lesson ----


def test_patches_are_chosen_as_they_suit_and_units_as_they_are_said() -> None:
    controls = training(steps=0).controls  # pictures of 8 × 8, latents of 4 × 4 × 3
    assert [(s.sides, s.shape, s.width) for s in stages_of(controls)] == [
        ((4, 4), (2, 2), 48), ((2, 2), (2, 3), 12), ((1, 1), (3, 3), 3)
    ]  # fmt: skip
    controls = training(steps=0, patches="whole 2", units="5", map="line").controls
    assert controls.patches == "0,2"
    assert [(s.sides, s.shape) for s in stages_of(controls)] == [((4, 4), (1, 5)), ((2, 2), (1, 5))]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"autoencoder": ""}, "name it"), ({"autoencoder": "nowhere.safetensors"}, "nowhere"),
        ({"patches": "3"}, "3×3"), ({"patches": "1,2"}, "coarsest"), ({"patches": "a"}, "8,4,2"),
        ({"units": "1"}, "units"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(asked: dict[str, str], said: str) -> None:
    with pytest.raises((ControlError, UserError), match=f"(?i){said}"):
        Train(CodebookLesson(noise()), CodebookControls(**{"autoencoder": small_autoencoder(), **asked}))


def test_pictures_of_other_channels_or_sizes_are_refused() -> None:
    with pytest.raises(ControlError, match="grey"):
        training(noise(channels=3), steps=0)
    with pytest.raises(ControlError, match="multiples of 2"):
        training(noise(size=7), steps=0)


def test_the_whole_run_learns_and_is_measured() -> None:
    job = training(steps=30)
    metrics = job.snapshot().metrics
    assert metrics["held_out"] < 0.9 * float(CodebookLesson(noise()).loss(training(steps=0).trainer.network,
        *job.lesson.inputs(noise().held.take(np.arange(10)), job.controls)).detach())  # fmt: skip
    assert metrics["radius"] == 0 and {"perplexity_1", "usage_3", "topographic_error_2"} <= metrics.keys()
    assert metrics["quantisation_error"] == pytest.approx(
        np.mean([metrics[f"quantisation_error_{stage}"] for stage in (1, 2, 3)])
    )


def test_a_model_carries_its_autoencoder(tmp_path: Path) -> None:
    source = tmp_path / "autoencoder.safetensors"
    source.write_bytes(Path(small_autoencoder()).read_bytes())
    job = training(limit=14, autoencoder=str(source))
    RunFolder(tmp_path / "run").keep(job.checkpoint())
    source.unlink()
    checkpoint = RunFolder(tmp_path / "run").checkpoint()
    resumed = Train.from_checkpoint(checkpoint, CodebookLesson(noise()))
    assert equal(
        run(resumed, 2).checkpoint().model,
        training(steps=14, autoencoder=small_autoencoder()).checkpoint().model,
    )
    assert evaluation(checkpoint, CodebookLesson(noise()))["quantisation_error"] > 0
    damaged = {n: a for n, a in checkpoint.model.items() if n != "beside.autoencoder.into.weight"}
    with pytest.raises(UserError, match="autoencoder in this model is damaged"):
        codec_of(Checkpoint("codebook", 1, checkpoint.about, damaged))


def test_latents_of_a_vqvae_and_of_a_data_set_of_latents() -> None:
    shape = {"layers": 1, "least_channels": 4, "most_channels": 4, "latent": 3}
    torch.manual_seed(0)
    vqvae = Train(VQVAELesson(noise()), VQVAEControls(codes=5, **shape), Limit(steps=1)).checkpoint()
    latents = latents_of(vqvae)
    pixels = noise().held.take(np.arange(3)).values
    network = VQVAELesson.read_network(vqvae)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    np.testing.assert_allclose(
        latents.encode(pixels), network.autoencoder.encode(x).detach().numpy(), atol=1e-6
    )
    encoded = latents_of_all(noise(), latents_of(read_model(small_autoencoder())))
    one, other = training(), training(encoded)
    assert equal(one.checkpoint().model, other.checkpoint().model)
    assert other.snapshot().metrics["held_out"] == pytest.approx(one.snapshot().metrics["held_out"])
    with pytest.raises(UserError, match="not an autoencoder"):
        latents_of(one.checkpoint())


# ---- The codec ----


def codec(steps: int = 20, **controls: Any) -> MapCodec:
    return codebook_codec(training(steps=steps, **controls).checkpoint(), "cpu")


def test_tokens_become_pictures_by_the_units_of_the_last_stage() -> None:
    c = codec()
    assert [(g.rows, g.columns, g.codes) for g in c.grids()] == [(1, 1, 4), (2, 2, 6), (4, 4, 9)]
    pictures = noise().held.take(np.arange(10)).values
    tokens = c.encode(pictures)
    for stages in (1, 2, 3):
        z = c.network.lookup(torch.from_numpy(tokens[stages - 1]), stages - 1)
        made = (c.autoencoder.decode(z).permute(0, 2, 3, 1) + 1) * 127.5
        np.testing.assert_array_equal(c.decode(tokens[:stages]), made.round().clamp(0, 255).byte().numpy())
    assert c.encode(pictures[:0])[0].shape == (0, 1, 1) and not c.adds


def test_where_a_token_is_not_drawn_the_coarser_stage_shows() -> None:
    c = codec()
    tokens = c.encode(noise().held.take(np.arange(4)).values)
    drawn = [np.ones(t.shape, bool) for t in tokens]
    np.testing.assert_array_equal(c.decode(tokens, drawn), c.decode(tokens))
    drawn[2][:] = False
    np.testing.assert_array_equal(c.decode(tokens, drawn), c.decode(tokens[:2]))
    drawn[1][:, 0, 0] = False  # a quarter: its latents are those of the first stage
    parts = [c.network.lookup(torch.from_numpy(tokens[s]), s) for s in (0, 1)]
    parts[1][:, :, :2, :2] = parts[0][:, :, :2, :2]
    made = (c.autoencoder.decode(parts[1]).permute(0, 2, 3, 1) + 1) * 127.5
    np.testing.assert_array_equal(c.decode(tokens, drawn), made.round().clamp(0, 255).byte().numpy())
    nothing = c.decode(tokens[:1], [np.zeros((4, 1, 1), bool)])
    assert (nothing == nothing[0]).all()


def test_the_map_is_what_is_seen_of_it() -> None:
    c = codec()
    assert [c.arrangement(s) for s in range(3)] == [(2, 2), (2, 3), (3, 3)] and all(
        c.is_map(s) for s in range(3)
    )
    assert c.tiles(0).shape == (4, 8, 8, 3) and c.tiles(2).shape == (9, 2, 2, 3)
    np.testing.assert_array_equal(c.some_tiles(np.array([5, 1]), 1), c.tiles(1)[[5, 1]])
    line = codec(map="line", units="7")
    assert line.arrangement() == (3, 3) and line.is_map()
    assert c.vectors(1).shape == (6, 12)


def test_other_sizes_if_no_patch_is_all_of_a_picture() -> None:
    c = codec(patches="2,1")
    assert [(g.rows, g.columns) for g in c.grids((12, 16))] == [(3, 4), (6, 8)]
    pictures = np.random.default_rng(0).integers(256, size=(2, 12, 16, 1), dtype=np.uint8)
    assert c.decode(c.encode(pictures)).shape == pictures.shape
    with pytest.raises(UserError, match="patches"):
        codec().grids((12, 16))


def test_a_codec_is_made_again_of_what_it_saves() -> None:
    c = codec()
    about, model = c.saved()
    again = codec_of(Checkpoint("codebook", 3, about, model))
    assert again.fingerprint() == c.fingerprint() != codec(steps=4).fingerprint()
    pictures = noise().held.take(np.arange(4)).values
    assert all(map(np.array_equal, again.encode(pictures), c.encode(pictures)))


# ---- Pruning ----


def digits(kind: str) -> Checkpoint:
    """A model of few steps."""
    data = load_dataset("digits")
    shape = {"layers": 1, "least_channels": 4, "most_channels": 4, "latent": 3, "wall_every": 0}
    lesson: Any = {"vqvae": VQVAELesson, "autoencoder": AutoencoderLesson, "codebook": CodebookLesson}[kind]
    if kind == "codebook":
        controls: Any = CodebookControls(
            autoencoder=small_autoencoder(), units="9,16", patches="2,1", wall_every=0
        )
    elif kind == "vqvae":
        controls = VQVAEControls(codes=24, revive=0.0, **shape)
    else:
        controls = AutoencoderControls(**shape)
    return run(Train(lesson(data), controls, Limit(steps=6)), 6).checkpoint()


@pytest.mark.parametrize("kind", ["codebook", "vqvae"])
def test_pruning_takes_out_what_is_used_too_seldom(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = tmp_path / "run", tmp_path / "less.safetensors"
    RunFolder(model).keep(digits(kind))
    data, before = load_dataset("digits"), read_codec(str(model))
    pictures = data.train.take(np.arange(len(data.train))).values
    counts = [
        np.bincount(t.ravel(), minlength=g.codes)
        for t, g in zip(before.encode(pictures), before.grids(), strict=True)
    ]
    threshold = int(min(np.sort(own)[len(own) // 2] for own in counts))
    assert main(["prune", str(model), "--threshold", str(threshold), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    after = read_codec(str(out))
    held = data.held.take(np.arange(len(data.held))).values
    for stage, own in enumerate(counts):
        stays = own >= threshold
        assert after.grids()[stage].codes == told["stages"][stage]["left"] == stays.sum()
        np.testing.assert_array_equal(after.vectors(stage), before.vectors(stage)[stays])
        new = np.array(told["stages"][stage]["new"])
        np.testing.assert_array_equal(new[stays], np.arange(stays.sum()))
        far = np.linalg.norm(before.vectors(stage)[:, None] - after.vectors(stage), axis=2)
        np.testing.assert_allclose(far[np.arange(len(far)), new], far.min(1))
    assert not all((own >= threshold).all() for own in counts)
    error = np.mean((after.decode(after.encode(held)) / 255 - held / 255) ** 2)
    assert told["error"] == pytest.approx(error) and told["error_before"] > 0
    assert main(["evaluate", str(out), "--json"]) == 0 and main(["info", str(out), "--json"]) == 0


def test_a_pruned_map_keeps_its_places_and_may_grow_again(tmp_path: Path) -> None:
    data, checkpoint = load_dataset("digits"), digits("codebook")
    counts = usage_over(codec_of(checkpoint), data.train)[0]
    slimmer = pruned(checkpoint, data, int(np.sort(counts)[4])).checkpoint
    alive = slimmer.model["maps.0.alive"]
    assert 0 < alive.sum() < 9
    np.testing.assert_array_equal(slimmer.model["maps.0.units"], checkpoint.model["maps.0.units"])
    codec = codec_of(slimmer)
    assert not codec.is_map(0) and codec.grids()[0].codes == alive.sum()
    resumed = Train.from_checkpoint(slimmer, CodebookLesson(data), limit=Limit(steps=9))
    resumed.step()
    np.testing.assert_array_equal(resumed.trainer.network.map_of(0).alive.numpy(), alive)
    assert pruned(slimmer, data, 1).stages[0].left > alive.sum()


@pytest.mark.parametrize(
    ("kind", "threshold", "said"),
    [("vqvae", "1000000", "No code is used"), ("codebook", "1000000", "No code is used"),
     ("autoencoder", "3", "codebook"), ("codebook", "0", "whole number"), ("codebook", "x", "whole number")],
)  # fmt: skip
def test_what_cannot_be_pruned_is_said_in_a_sentence(
    kind: str, threshold: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder(tmp_path).keep(digits(kind))
    before = sorted(tmp_path.iterdir())
    assert main(["prune", str(tmp_path), "--threshold", threshold]) == 2
    err = capsys.readouterr().err.strip().splitlines()[-1]
    assert said in err and sorted(tmp_path.iterdir()) == before


def test_a_dry_run_writes_nothing_and_a_run_names_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder(tmp_path).keep(digits("codebook"))
    assert main(["prune", str(tmp_path), "--threshold", "300", "--dry-run"]) == 0
    assert "codes go" in capsys.readouterr().err and not (tmp_path / "pruned.safetensors").exists()
    assert main(["prune", str(tmp_path), "--threshold", "300"]) == 0
    assert main(["info", str(tmp_path / "pruned.safetensors")]) == 0


def test_a_model_is_not_pruned_into_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RunFolder(tmp_path).keep(digits("codebook"))
    model = tmp_path / "model.safetensors"
    before = model.read_bytes()
    for named in (tmp_path, model):
        assert main(["prune", str(named), "--threshold", "300", "--out", str(model)]) == 2
        assert "is an input" in capsys.readouterr().err and model.read_bytes() == before


@pytest.mark.parametrize("levels", ["999,999,999", "70000", "2,5"])
def test_levels_make_no_more_codes_than_a_codebook_may_have(levels: str) -> None:
    with pytest.raises(ControlError, match=r"(?i)levels .*(make more|each from)"):
        edited(VQVAEControls(), {"levels": levels})
    assert edited(VQVAEControls(), {"levels": "8,8,8,8,4,4"}).levels == "8,8,8,8,4,4"  # 65,536


@pytest.mark.parametrize("units", ["1", "65537", "99999999"])
def test_units_that_cannot_be_are_said_with_an_example_of_units(units: str) -> None:
    with pytest.raises(ControlError, match=r"Units are whole numbers, .* such as 64,256,512"):
        edited(CodebookControls(), {"units": units})


def test_stages_are_read_as_words_and_by_programs_as_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder(tmp_path).keep(digits("codebook"))
    assert main(["evaluate", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert "{" not in err and "patch " in err and "topographic error 0." in err
    assert main(["evaluate", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["stages"][0]["codes"]


def test_a_run_on_a_data_set_of_latents_finds_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such examples have three sides, as pictures have."""
    folder, run_folder = tmp_path / "latents", tmp_path / "run"
    model = digits("autoencoder")
    RunFolder(tmp_path / "autoencoder").keep(model)
    source = str(tmp_path / "autoencoder")
    assert main(["encode", source, "--latents", "--out", str(folder)]) == 0
    asked = ["train", "codebook", "--dataset", str(folder), "--out", str(run_folder), "--steps"]
    assert (
        main([*asked, "2", "--autoencoder", source, "--units", "4", "--patches", "2", "--wall-every", "1"])
        == 0
    )
    assert main([*asked[:2], "--out", str(run_folder), "--steps", "3", "--resume"]) == 0
    assert RunFolder(run_folder).checkpoint().step == 3
    assert main(["prune", str(run_folder), "--threshold", "1"]) == 2
    assert "encoded" in capsys.readouterr().err
