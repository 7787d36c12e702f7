"""A VQ-VAE as a codec, and what its training shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_autoencoder import TINY, pictures

from scalefree_studio.codes import Codebook, stages_of
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.codebooks.codec import VQVAECodec
from scalefree_studio.jobs.codebooks.display import CodesDisplay, nearest_of
from scalefree_studio.jobs.codebooks.lesson import VQVAELesson
from scalefree_studio.jobs.codebooks.sampler import CodesSampler
from scalefree_studio.jobs.drawing.surprise import surprise_of
from scalefree_studio.jobs.instruments import carried, codec_of, has_codes, packed, read_codec
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.codebooks.network import as_bytes, scaled
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import RunFolder

FORMS: dict[str, dict[str, Any]] = {
    "vq": {},
    "scales": {"scales": "1,2,4"},
    "fsq": {"quantiser": "fsq", "levels": "3,3"},
}


def trained(steps: int = 6, **controls: Any) -> Train[Any, Any]:
    job = Train(VQVAELesson(pictures(channels=3)), VQVAELesson.controls(**{**TINY, **controls}), Limit(steps))
    for _ in range(steps):
        job.step()
    return job


@pytest.fixture(params=FORMS)
def job(request: Any) -> Train[Any, Any]:
    return trained(**FORMS[request.param])


def some(size: tuple[int, int] = (8, 8)) -> Any:
    return np.random.default_rng(1).integers(256, size=(5, *size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(8, 8), (16, 24)])
def test_encoded_and_decoded_is_what_the_network_makes(job: Train[Any, Any], size: tuple[int, int]) -> None:
    codec = codec_of(job.checkpoint())
    assert isinstance(codec, VQVAECodec)
    tokens = codec.encode(some(size))
    assert [t.shape for t in tokens] == [(5, g.rows, g.columns) for g in codec.grids(size)]
    with torch.no_grad():
        expected = as_bytes(codec.network(scaled(torch.from_numpy(some(size))))[0])
    assert np.abs(codec.decode(tokens).astype(int) - expected.numpy()).max() <= 1  # one of rounding
    everything = [np.ones(t.shape, bool) for t in tokens]
    assert np.array_equal(codec.decode(tokens, everything), codec.decode(tokens))


def test_pictures_of_a_size_that_cannot_be_cut_are_refused(job: Train[Any, Any]) -> None:
    with pytest.raises(UserError, match="multiples of 2"):
        codec_of(job.checkpoint()).grids((8, 7))


def test_what_is_not_drawn_is_filled_in_whatever_stands_there(job: Train[Any, Any]) -> None:
    codec = codec_of(job.checkpoint())
    tokens = codec.encode(some())
    drawn = [np.random.default_rng(2).random(t.shape) < 0.5 for t in tokens]
    others = [np.where(d, t, 0) for d, t in zip(drawn, tokens, strict=True)]
    seen = codec.decode(tokens, drawn)
    assert np.array_equal(seen, codec.decode(others, drawn)) and not np.array_equal(
        seen, codec.decode(tokens)
    )
    nothing = codec.decode(tokens, [np.zeros_like(d) for d in drawn])
    assert (nothing == nothing[0]).all()


def test_under_a_single_stage_lies_the_mean_of_what_was_used() -> None:
    codec = codec_of(trained(codes_from=0).checkpoint())
    assert isinstance(codec, VQVAECodec)
    quantiser = codec.network.quantiser
    counts = quantiser.counts[0].double()
    mean = (quantiser.vectors().double() * counts[:, None]).sum(0) / counts.sum()
    filled = quantiser.lookup([torch.zeros(1, 4, 4).long()], 4, 4, [torch.zeros(1, 4, 4).bool()])
    torch.testing.assert_close(filled[0, :, 1, 2].double(), mean)


def test_stages_add_up_and_a_stage_that_is_not_drawn_adds_nothing() -> None:
    codec = codec_of(trained(scales="1,2,4").checkpoint())
    assert codec.adds and len(codec.grids()) == 3
    tokens = codec.encode(some())
    drawn = [np.ones(tokens[0].shape, bool), np.ones(tokens[1].shape, bool), np.zeros(tokens[2].shape, bool)]
    assert np.array_equal(codec.decode(tokens, drawn), codec.decode(tokens[:2]))


def test_a_tile_is_what_a_code_alone_in_the_middle_becomes() -> None:
    codec = codec_of(trained().checkpoint())
    tiles, alone = codec.tiles(), np.zeros((1, 5, 5), bool)
    assert tiles.shape == (8, 4, 4, 3)
    alone[0, 2, 2] = True
    picture = codec.decode([np.full((1, 5, 5), 5)], [alone])  # ten pixels a side, of which four are shown
    assert np.array_equal(tiles[5], picture[0, 3:7, 3:7])
    assert np.array_equal(codec.some_tiles(np.array([5, 2])), tiles[[5, 2]])


def test_a_codec_is_known_by_its_kind_and_carried_whole(job: Train[Any, Any], tmp_path: Path) -> None:
    assert has_codes("vqvae") and not has_codes("autoencoder")
    RunFolder(tmp_path).keep(job.checkpoint())
    codec = read_codec(tmp_path)
    about, arrays = packed(codec)
    again = codec_of(carried(Checkpoint("tokens", 0, about, arrays)))
    assert again.fingerprint() == codec.fingerprint()
    other = trained(seed=9)
    assert codec_of(other.checkpoint()).fingerprint() != codec.fingerprint()
    tokens = codec.encode(some())
    assert all(np.array_equal(a, b) for a, b in zip(tokens, again.encode(some()), strict=True))


def test_a_tile_of_a_stage_that_adds_is_what_it_adds_by_itself() -> None:
    codec = codec_of(trained(scales="1,5", refine=False).checkpoint())
    full = codec.decode([np.full((1, 1, 1), 5)], [np.ones((1, 1, 1), bool)])
    assert codec.tiles(0).shape == codec.tiles(1).shape == (8, 4, 4, 3)
    assert np.array_equal(codec.tiles(1)[5], codec.tiles(0)[5])  # the same code everywhere
    assert np.array_equal(codec.tiles(0)[5][:2, :2], full[0, 3:5, 3:5])


# ---- What a training shows ----


def test_the_record_says_what_the_codec_says(job: Train[Any, Any]) -> None:
    frame, still, codec = job.show_all(), job.still(), codec_of(job.network_now())
    held = np.asarray(still["held"], np.uint8)
    tokens = codec.encode(held)
    assert stages_of(frame) == len(tokens) == len(still["stages"])
    assert np.array_equal(frame["wall"], codec.decode(tokens)) and int(frame["fresh"]) == 8
    for stage, found in enumerate(tokens):
        book = Codebook(frame, still, stage)
        assert np.array_equal(frame[f"tokens.{stage}"], found) and book.size == found.shape[1:]
        assert np.array_equal(book.tiles, codec.tiles(stage))
        if len(tokens) > 1:
            assert np.array_equal(frame[f"stage.{stage}"], codec.decode(tokens[: stage + 1]))
        vectors = codec.vectors(stage)
        apart = np.linalg.norm(vectors[:, None] - vectors, axis=-1)
        np.fill_diagonal(apart, np.inf)
        near = np.asarray(frame[f"near.{stage}"], int)
        ordered = np.take_along_axis(apart, near, 1)
        np.testing.assert_allclose(ordered, np.sort(apart, 1)[:, : near.shape[1]], rtol=1e-4, atol=1e-5)


def test_what_pruning_costs_is_what_is_left_without_those_codes() -> None:
    job = trained(12)
    frame, codec = job.show_all(), codec_of(job.network_now())
    held, usage = np.asarray(job.still()["held"], np.uint8), np.asarray(frame["usage.0"])
    going = np.asarray(frame["going.0"], float)
    assert going[0, 0] == going[0, 1] == 0 and (np.diff(going[:, :2], axis=0) >= 0).all()
    assert len(going) == 8 and set(going[:, 0]) == {0, *np.sort(np.unique(usage))[1:]}
    vectors = codec.vectors()
    for threshold, codes, error in going:
        stays = np.flatnonzero(usage >= threshold)
        assert codes == len(usage) - len(stays) and len(stays)
        nearest = np.linalg.norm(vectors[:, None] - vectors[stays], axis=-1).argmin(1)
        left = codec.decode([stays[nearest][codec.encode(held)[0]]]).astype(float)
        assert error == pytest.approx(np.square((left - held) / 255).mean(), rel=1e-4)


def test_codes_that_go_become_the_nearest_that_stays() -> None:
    vectors = np.array([[0.0], [1.0], [5.0], [6.0]], np.float32)
    assert nearest_of(vectors, np.array([True, False, False, True])).tolist() == [0, 0, 3, 3]


def test_a_piece_is_short_and_shows_a_network_that_goes_on_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    job = trained()
    at_one_go = job.show_all()
    monkeypatch.setattr("scalefree_studio.jobs.codebooks.display.AT_ONCE", 64)  # one picture a piece
    display, pieces = job.now.display, 1
    assert isinstance(display, CodesDisplay)
    display.begin(job.trainer.used_network())
    while display.busy:
        job.trainer.network.autoencoder.last_weight.data += 0.1
        display.advance()
        pieces += 1
    assert pieces > 12
    frame = display.frame()
    assert frame.keys() == at_one_go.keys()
    for name, array in at_one_go.items():
        kind = np.asarray(array).dtype.kind
        if kind == "f":
            np.testing.assert_allclose(np.asarray(frame[name], float), np.asarray(array, float), rtol=1e-3)
        else:
            assert np.abs(np.asarray(frame[name]).astype(int) - np.asarray(array).astype(int)).max() <= 1, (
                name
            )


def test_what_does_not_fit_is_not_shown_again() -> None:
    job = trained()
    job.show_all()
    display, again = job.now.display, trained(0).now.display
    assert display is not None and again is not None
    saved = dict(display.saved())
    saved["shown.tiles.0"] = saved["shown.tiles.0"][:3]
    saved["shown.near.0"] = saved["shown.near.0"].astype(float)
    again.restore(saved)
    assert display.frame().keys() - again.frame().keys() == {"tiles.0", "near.0"}
    assert np.array_equal(again.frame()["wall"], display.frame()["wall"])


@pytest.mark.parametrize("size", [(8, 8), (10, 8), (6, 12)])
def test_pictures_of_any_size_keep_it_while_they_are_painted(size: tuple[int, int]) -> None:
    """Of the first stage alone nobody could say how large they are."""
    sampler = CodesSampler(trained(scales="1,2,4").checkpoint(), size=size)
    values = np.zeros((2, sampler.layout.count, 1), np.int64)
    for done in (0, 1, sampler.layout.count):
        drawn = np.broadcast_to(np.arange(values.shape[1]) < done, values.shape[:2])
        assert sampler.decode(values, drawn).shape == (2, *size, 3)


def test_a_picture_that_is_surprising_is_told_in_bits_of_its_tokens() -> None:
    """Of a picture of 8 × 8 in three colours, each of 4 × 4 tokens stands for twelve numbers."""
    sampler = CodesSampler(trained(layers=1).checkpoint())
    found = surprise_of(sampler, np.zeros((8, 8, 3), np.uint8))
    assert found.bits.shape == (4, 4) and found.place == "token"
    assert found.per_dimension == pytest.approx(found.total / 192)
