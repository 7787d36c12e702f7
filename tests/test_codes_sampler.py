"""Codes to paint with, of any codec: what is drawn, what is given, what is painted, and what is decoded anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from fake_codes import FakeCodec

from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.codebooks import sampler as module
from scalefree_studio.jobs.codebooks.sampler import CodesSampler
from scalefree_studio.jobs.drawing.controls import AT_ONCE, DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import EVERY, SetPrompt, SetValue, SetValues
from scalefree_studio.jobs.job import Undo
from scalefree_studio.models.ordered.request import Request, uniforms
from scalefree_studio.snapshot import Checkpoint


@pytest.fixture(params=[(False, 2), (True, 2), (False, 1)], ids=["replaces", "adds", "one stage"])
def codec(request: Any, monkeypatch: pytest.MonkeyPatch) -> FakeCodec:
    codec = FakeCodec(*request.param)
    monkeypatch.setattr(module, "codec_of", lambda *_: codec)
    return codec


def sampler_of(size: tuple[int, int] | None = None) -> CodesSampler:
    return CodesSampler(Checkpoint("fake-codes", 0, {}, {}), size=size)


def job_of(count: int = 2, **controls: Any) -> DrawPictures:
    return DrawPictures(sampler_of(), DrawControls(count=count, speed=AT_ONCE, **controls))


def drawn(job: DrawPictures) -> DrawPictures:
    while not job.state.done:
        job.step()
    return job


def picture(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(256, size=(8, 8, 1), dtype=np.uint8).repeat(3, 2)


def test_each_code_is_drawn_as_often_as_it_is_used(codec: FakeCodec) -> None:
    sampler = sampler_of()
    N = sampler.layout.count
    assert (2 * 2 + 8 * 8 if codec.adds else 8 * 8) == N, "of stages that replace each other, the last"
    request = Request(uniforms(400, N, 1, 3), temperature=0.5, every=5, measured=True, watched=1)
    steps = list(sampler.draw(request))
    values = torch.cat([step.values for step in steps], 1)
    chances = sampler.chances(request, values)
    for stage, (start, stop) in enumerate(
        zip(sampler.layout.starts[:-1], sampler.layout.starts[1:], strict=True)
    ):
        used = codec.usage(len(codec.grids()) - len(sampler.stages) + stage) ** 2  # at half the temperature
        truth = np.zeros(sampler.levels)
        truth[: len(used)] = used / used.sum()
        np.testing.assert_allclose(chances[0, start, 0].numpy(), truth, atol=1e-6)
        found = np.bincount(values[:, start:stop].flatten(), minlength=sampler.levels) / (
            400 * (stop - start)
        )
        np.testing.assert_allclose(found, truth, atol=0.03)
        assert found[0] == 0, "what was never used is never drawn"
    for step in steps:
        part = chances[:, step.start : step.stop]
        surprise = -part.gather(3, step.values[..., None]).log2()[..., 0].sum(2)
        torch.testing.assert_close(step.surprise, surprise)


def test_a_picture_is_given_in_all_stages_and_decoded(codec: FakeCodec) -> None:
    job = job_of()
    job.apply(SetPrompt(pixels=picture(), stage=EVERY))
    drawn(job)
    tokens = codec.encode(picture()[None, ..., :1])
    first = len(tokens) - len(job.layout.stages)
    for stage, given in enumerate(tokens[first:]):
        places = job.layout.starts[stage : stage + 2]
        values = job.layout.by_place(job.state.values).reshape(2, -1)[:, slice(*places)]
        np.testing.assert_array_equal(values, np.broadcast_to(given.reshape(1, -1), values.shape))
    assert job.state.given.all()
    shown = job.snapshot().frame["pictures"]
    np.testing.assert_array_equal(shown[1, ..., :1], codec.decode(tokens)[0])


def test_what_is_not_drawn_yet_shows_the_stage_before(codec: FakeCodec) -> None:
    job = DrawPictures(sampler_of(), DrawControls(count=1, speed=60.0))
    for _ in range(6):
        job.step()
    frame = job.snapshot().frame
    tokens = [np.zeros((1, g.rows, g.columns), int) for g in codec.grids()]
    there = [np.zeros(t.shape, bool) for t in tokens]
    first = len(tokens) - len(job.layout.stages)
    done, values = job.layout.by_place(job.state.reached()).reshape(-1), frame["values"].reshape(-1)
    for stage, (start, stop) in enumerate(zip(job.layout.starts, job.layout.starts[1:], strict=False)):
        shape = tokens[first + stage].shape
        tokens[first + stage] = values[start:stop].reshape(shape)
        there[first + stage] = done[start:stop].reshape(shape)
    np.testing.assert_array_equal(frame["pictures"][..., :1], codec.decode(tokens, there))
    assert 0 < there[-1].sum() < 64


def test_only_what_has_changed_is_decoded(codec: FakeCodec) -> None:
    job = drawn(job_of(count=6))
    before = job.snapshot().frame["pictures"].copy()
    asked, last = codec.decoded, len(job.layout.stages) - 1
    job.apply(SetValue(4, 3, 3, (9,), last))
    after = drawn(job).snapshot().frame["pictures"]
    assert codec.decoded == asked + 1
    assert [(a != b).any() for a, b in zip(after, before, strict=True)] == [n == 4 for n in range(6)]
    fresh = sampler_of()
    frame = job.snapshot().frame
    np.testing.assert_array_equal(
        after, fresh.decode(frame["values"], np.ones(frame["values"].shape[:-1], bool))
    )


def test_many_values_at_once_are_what_one_after_the_other_makes(codec: FakeCodec) -> None:
    last, places = len(sampler_of().stages) - 1, np.zeros((8, 8), bool)
    places[2:5, 3], places[6, 1] = True, True
    together, alone = drawn(job_of()), drawn(job_of())
    change = together.apply(SetValues(1, places, (7,), last))
    assert change.values["places"] == 4
    for y, x in np.argwhere(places):
        alone.apply(SetValue(1, int(y), int(x), (7,), last))
    for job in (together, alone):
        drawn(job)
    a, b = together.snapshot().frame, alone.snapshot().frame
    for name in ("values", "given", "pictures"):
        np.testing.assert_array_equal(a[name], b[name])
    stage = Drawing(a, together.still()).current
    assert (stage.values[1][places] == 7).all() and stage.frame["given"][1].sum() == 4


def test_a_stroke_is_undone_at_one_go(codec: FakeCodec) -> None:
    job = drawn(job_of())
    before, last = job.snapshot().frame["values"].copy(), len(job.layout.stages) - 1
    places = np.zeros((8, 8), bool)
    for x in range(4):
        places[1, x] = True
        job.apply(SetValues(0, places.copy(), (5,), last, stroke=1))
    job.apply(SetValues(0, places, (6,), last, stroke=2))
    drawn(job)
    job.apply(Undo())
    shown = Drawing(drawn(job).snapshot().frame, job.still()).current
    assert (shown.values[0, 1, :4] == 5).all()
    job.apply(Undo())
    np.testing.assert_array_equal(drawn(job).snapshot().frame["values"], before)


def test_codes_that_nobody_counted_are_drawn_alike(codec: FakeCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    for unknown in (np.zeros(16), np.full(16, np.nan)):
        monkeypatch.setattr(
            codec, "usage", lambda stage=0, unknown=unknown: unknown[: codec.grids()[stage].codes]
        )
        sampler = sampler_of()
        N = sampler.layout.count
        chances = sampler.chances(Request(uniforms(1, N, 1, 0)), torch.zeros(1, N, 1, dtype=torch.long))
        np.testing.assert_allclose(chances[0, -1, 0].numpy(), np.full(16, 1 / 16), rtol=1e-6)


def test_pictures_of_another_size_have_more_tokens(codec: FakeCodec) -> None:
    sampler = sampler_of((16, 8))
    assert sampler.stages[-1].size == (16, 8)
    values = sampler.values_of(np.zeros((3, 5, 3), np.uint8), len(sampler.stages) - 1)
    assert values.shape == (16, 8, 1)
