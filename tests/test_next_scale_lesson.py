"""Learning the tokens of a residual codebook scale by scale, and drawing what was learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_codecs import TileCodec, kept
from small_drawings import play

from scalefree_studio.controls import ControlError
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.cascades.next_scale_lesson import NextScaleControls, NextScaleLesson
from scalefree_studio.jobs.cascades.next_scale_sampler import NextScaleSampler
from scalefree_studio.jobs.drawing.controls import AT_ONCE, DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import SetValue
from scalefree_studio.jobs.encoding import joined
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.learnt import evaluation
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.ordered.request import Request, finish, measure, uniforms
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import RunFolder

LEVELS, T = 4, 21
TINY = {
    "layers": 1,
    "width": 16,
    "heads": 2,
    "batch_size": 8,
    "warm_up": 2,
    "learning_rate": 0.02,
    "wall_every": 0,
}


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> str:
    return kept(TileCodec((LEVELS,) * 3, adds=True), tmp_path_factory.mktemp("codec"))


def halves(count: int = 48) -> Dataset:
    """One class is bright above, the other below."""
    rng = np.random.default_rng(1)
    labels = np.arange(count) % 2
    pixels = rng.integers(60, size=(count, 8, 8, 1))
    for number, label in enumerate(labels):
        pixels[number, 4 * label : 4 * label + 4] += 180
    parts = [Arrays(pixels[p].astype(np.uint8), labels[p]) for p in (slice(16, None), slice(16))]
    return Dataset("halves", "halves", *parts, ("above", "below"))


def train(codes: str, steps: int = 8, dataset: Dataset | None = None, **controls: Any) -> Train[Any, Any]:
    asked = NextScaleControls(**{**TINY, "codes": codes, **controls})
    return Train(NextScaleLesson(dataset or halves()), asked, Limit(steps=steps))


def finished(job: Train[Any, Any]) -> Train[Any, Any]:
    while not job.limit.reached(job.step_count, job.seconds):
        job.step()
    return job


@pytest.fixture(scope="module")
def learnt(codes: str) -> Checkpoint:
    """After enough steps to know which half is bright."""
    return finished(train(codes, steps=120)).checkpoint()


# ---- Learning ----


def test_it_learns_what_the_codec_says_of_its_pictures(codes: str) -> None:
    job = finished(train(codes, steps=60))
    assert job.controls.grids == "1x1x4 2x2x4 4x4x4"
    assert (job.controls.classes, job.controls.vector) == (2, 1)
    levels = torch.arange(LEVELS)[:, None]  # the vectors of the codec
    torch.testing.assert_close(job.trainer.network.vectors, levels / levels.float().std())
    pictures = halves().held.take(np.arange(16))
    tokens, labels = job.lesson.inputs(pictures, job.controls)
    assert torch.equal(
        tokens, torch.from_numpy(joined(TileCodec((LEVELS,) * 3, adds=True).encode(pictures.values)))
    )
    encoded = job.lesson.inputs(job.dataset.held.take(np.arange(16)), job.controls)
    assert torch.equal(tokens, encoded[0]) and torch.equal(labels, encoded[1])
    metrics = job.snapshot().metrics
    assert metrics["held_out"] < 0.7 * np.log(LEVELS)
    assert metrics["held_out_bits_per_token"] == pytest.approx(metrics["held_out"] / np.log(2))


def test_without_labels_no_class_is_learnt(codes: str) -> None:
    job = finished(train(codes, labelled=False))
    assert job.controls.classes == 0 and sampler_of(job.checkpoint()).classes == []


def test_its_wall_becomes_finer_scale_by_scale(codes: str) -> None:
    job = train(codes, steps=10, wall_every=2)
    fresh = []
    for _ in range(6):
        job.step()
        frame = job.snapshot().frame
        if "wall" in frame:
            fresh.append(int(frame["fresh"]))
            assert frame["wall"].shape == (64, 8, 8, 1) and frame["surprise"].shape == (16, 8, 8)
    assert fresh == [2, 5, 8, 8, 2]  # a pause until the next wall begins
    codec = TileCodec((LEVELS,) * 3, adds=True)
    held = halves().held.take(np.arange(16)).values
    np.testing.assert_array_equal(job.still()["held"], codec.decode(codec.encode(held)))


def test_only_scales_that_add_up_can_be_learnt(tmp_path: Path) -> None:
    for number, codec in enumerate([TileCodec((4, 4, 4)), TileCodec((3, 4, 4), adds=True)]):
        with pytest.raises(ControlError, match=r"^[^\n]+\.$"):
            train(kept(codec, tmp_path / f"{number}"))
    for source in ("", f"{tmp_path / 'nowhere'}"):
        with pytest.raises(ControlError, match=r"^[^\n]+\.$"):
            train(source)


# ---- What it carries ----


def test_the_model_alone_draws_resumes_and_is_judged(tmp_path: Path, codes: str) -> None:
    codec = tmp_path / "codec"
    job = train(kept(TileCodec((LEVELS,) * 3, adds=True), codec), steps=10)
    for _ in range(5):
        job.step()
    RunFolder(tmp_path / "run").keep(job.checkpoint())
    for file in codec.iterdir():
        file.unlink()  # the codec itself is not needed any more
    checkpoint = RunFolder(tmp_path / "run").checkpoint()
    resumed = finished(Train.from_checkpoint(checkpoint, NextScaleLesson(halves())))
    plain = finished(train(codes, steps=10))
    mine, theirs = resumed.checkpoint(), plain.checkpoint()
    assert mine.model.keys() == theirs.model.keys()
    assert all(mine.model[name].tobytes() == array.tobytes() for name, array in theirs.model.items())
    found = evaluation(checkpoint, NextScaleLesson(halves()))
    assert found["nats_per_token"] > 0 and found["tokens"] == T
    assert found["bits_per_picture"] == pytest.approx(T * found["nats_per_token"] / np.log(2))
    assert (
        NextScaleSampler(checkpoint).codec.fingerprint() == TileCodec((LEVELS,) * 3, adds=True).fingerprint()
    )


def damaged(about: Callable[[dict[str, Any]], Any], checkpoint: Checkpoint) -> Checkpoint:
    changed = json.loads(json.dumps(dict(checkpoint.about)))
    about(changed)
    return Checkpoint(checkpoint.kind, checkpoint.step, changed, checkpoint.model)


@pytest.mark.parametrize("how", [
    lambda about: about.pop("codec"),
    lambda about: about.pop("pictures"),
    lambda about: about.update(pictures=["a", 2]),
    lambda about: about.update(classes=["one"]),
    lambda about: about["codec"].update(kind="nonsense"),
    lambda about: about["controls"].update(grids="1x1x4 2x2x4 4x4x5"),
    lambda about: about["controls"].update(grids="1x1x4 2x2x4 2x8x4"),
])  # fmt: skip
def test_a_damaged_model_says_so_in_a_sentence(
    how: Callable[[dict[str, Any]], Any], learnt: Checkpoint
) -> None:
    with pytest.raises(UserError, match=r"^[^\n]+\.$"):
        sampler_of(damaged(how, learnt))


# ---- Drawing ----


def test_it_draws_the_class_that_is_asked_for(learnt: Checkpoint) -> None:
    sampler = sampler_of(learnt)
    job = play(DrawPictures(sampler, DrawControls(count=8, seed=1, speed=AT_ONCE, temperature=0.3)))
    drawing = job.snapshot().frame
    assert drawing["values"].shape == (8, T, 1)
    pictures = drawing["pictures"].astype(float)  # (8, 8, 8, 3)
    above = pictures[:, :4].mean((1, 2, 3)) > pictures[:, 4:].mean((1, 2, 3))
    assert above.tolist() == [label == 0 for label in job.still()["labels"].tolist()]


@pytest.mark.parametrize("cached", [True, False])
def test_chances_are_what_it_drew_from(cached: bool, learnt: Checkpoint) -> None:
    sampler = sampler_of(learnt, cached=cached)
    request = Request(
        uniforms(3, T, 1, 5), torch.arange(3) % 2, temperature=0.8, top_k=3, measured=True, every=4
    )
    steps = list(sampler.draw(request))
    chances = sampler.chances(request, finish(steps))
    entropy, surprise = measure(chances, finish(steps))
    torch.testing.assert_close(torch.cat([step.entropy for step in steps], 1), entropy)  # type: ignore[misc]
    torch.testing.assert_close(torch.cat([step.surprise for step in steps], 1), surprise)  # type: ignore[misc]


def test_a_swapped_coarse_token_changes_every_finer_scale_and_no_other_token(learnt: Checkpoint) -> None:
    job = play(
        DrawPictures(sampler_of(learnt), DrawControls(count=2, seed=3, speed=AT_ONCE, temperature=2.0))
    )
    before = job.snapshot().frame["values"][..., 0]
    other = (int(before[0, 1]) + 2) % LEVELS
    job.apply(SetValue(0, 0, 0, (other,), stage=1))
    after = play(job).snapshot().frame["values"][..., 0]
    assert after[0, 1] == other and (after[0, [0, 2, 3, 4]] == before[0, [0, 2, 3, 4]]).all()
    assert (after[0, 5:] != before[0, 5:]).any() and (after[1] == before[1]).all()


def test_stages_look_like_the_codes_and_a_picture_becomes_tokens(learnt: Checkpoint) -> None:
    sampler, codec = sampler_of(learnt), TileCodec((LEVELS,) * 3, adds=True)
    assert [stage.size for stage in sampler.stages] == [(1, 1), (2, 2), (4, 4)]
    picture = halves().held.take(np.arange(1)).values
    for number, tokens in enumerate(codec.encode(picture)):
        np.testing.assert_array_equal(sampler.looks(number)["tiles"], codec.tiles(number))
        np.testing.assert_array_equal(sampler.values_of(picture[0], number)[..., 0], tokens[0])
    assert sampler_of(learnt, size=(8, 8)).size == (4, 4)
    with pytest.raises(UserError, match=r"^[^\n]+\.$"):
        sampler_of(learnt, size=(12, 12))


def test_a_picture_becomes_tokens_at_the_size_that_was_learnt(
    learnt: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The codec may know pictures of another size than those that were drawn with it."""
    sampler, shapes = sampler_of(learnt), list[tuple[int, ...]]()
    codec, encode = sampler.codec, sampler.codec.encode
    codec.size = (16, 16)
    monkeypatch.setattr(codec, "encode", lambda pictures: shapes.append(pictures.shape) or encode(pictures))
    sampler.values_of(np.zeros((5, 9, 3), np.uint8))
    assert shapes == [(1, 8, 8, 1)]
