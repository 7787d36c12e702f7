"""The comparison of routes: what is drawn and measured is what the samplers draw."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import small_next_scale
import small_pixels
from benchmark_files import benchmark
from small_drawings import play

from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.jobs.drawing.controls import AT_ONCE, DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.snapshot import Checkpoint

benchmark("judge")
routes = benchmark("routes")


@pytest.mark.parametrize(
    "made", [small_pixels.checkpoint(), small_next_scale.checkpoint()], ids=["pixels", "scales"]
)
def test_pictures_are_those_that_anybody_draws(made: Checkpoint) -> None:
    sampler = sampler_of(made)
    labels = np.arange(6) % 3
    found = routes.drawn(sampler, labels, 5, 3)
    job = play(DrawPictures(sampler, DrawControls(count=6, seed=5, speed=AT_ONCE)))
    assert job.still()["labels"].tolist() == labels.tolist()
    frame = job.snapshot().frame
    expected = (
        frame["pictures"] if "pictures" in frame else job.still()["tiles"][frame["values"][..., 0], 0, 0]
    )
    np.testing.assert_array_equal(found, expected)


def test_many_pictures_are_drawn_a_few_at_a_time(monkeypatch: Any) -> None:
    sampler, labels = sampler_of(small_next_scale.checkpoint()), np.arange(7) % 3
    monkeypatch.setattr(routes, "AT_ONCE", 3)
    found = routes.drawn(sampler, labels, 5, 1)
    assert found.shape == (7, 8, 8, 1)
    np.testing.assert_array_equal(found[3:6], routes.drawn(sampler, labels[3:6], 8, 1))


def test_what_a_route_makes_of_real_pictures_again() -> None:
    pictures = np.random.default_rng(0).integers(256, size=(5, 8, 8, 1), dtype=np.uint8)
    made, codec = small_next_scale.checkpoint(), small_next_scale.codec()
    found = routes.again(sampler_of(made), routes.Learnt(made, "", {}, 0.0), pictures)
    np.testing.assert_array_equal(found, codec.decode(codec.encode(pictures)))
    made = small_pixels.checkpoint(tokens="grey:2", colours=4)
    pictures = pictures[:, :4, :5]
    found = routes.again(sampler_of(made), routes.Learnt(made, "", {}, 0.0), pictures)
    assert found.shape == pictures.shape and len(np.unique(found)) == 4
    assert np.abs(found.astype(int) - pictures).max() < 64  # a quarter of all greys


def test_seeds_are_averaged_and_how_far_apart_they_are_is_said() -> None:
    results = [
        {"recognised": share, "distance": 10 * share, "bits": f"{share}", "tokens": 21}
        for share in (0.5, 0.75)
    ]
    assert routes.mean_of(results) == {
        "recognised": 0.625, "distance": 6.25, "bits": "0.5", "tokens": 21, "recognised_apart": 0.25,
        "distance_apart": 2.5,
    }  # fmt: skip
    assert routes.mean_of(results[:1]) == results[0]


def test_a_short_comparison_ends_with_a_table(capsys: Any, tmp_path: Any, monkeypatch: Any) -> None:
    digits = load_dataset("digits")
    monkeypatch.setitem(routes.TRANSFORMER, "width", 16)
    asked = ["--seconds", "0.2", "--judge-steps", "2", "--only", "next-scale", "--pictures", str(tmp_path)]
    routes.main(asked)
    said = capsys.readouterr().out.splitlines()
    rows = [line for line in said if line.startswith("|")]
    assert len(rows) == 4 and {row.count("|") for row in rows} == {9}
    assert f"{len(digits.held)} held out" in said[0] and (tmp_path / "next-scale.png").exists()
    routes.main([*asked, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (
        found["routes"]["next-scale"]["tokens"] == 1 + 4 + 16
        and found["settings"]["scales"]["scales"] == "1,2,4"
    )
