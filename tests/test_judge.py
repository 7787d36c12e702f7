"""What judges drawn pictures: the distance of normal distributions, and a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from benchmark_files import benchmark

judge = benchmark("judge")


def test_normal_distributions_of_one_shape_are_as_far_apart_as_their_means() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 5))
    covariance, mean, step = root @ root.T, rng.normal(size=5), rng.normal(size=5)
    assert judge.frechet(mean, covariance, mean, covariance) == pytest.approx(0, abs=1e-9)
    assert judge.frechet(mean, covariance, mean + step, covariance) == pytest.approx((step**2).sum())


def test_uncorrelated_features_are_as_far_apart_as_their_deviations() -> None:
    a, b = np.array([1.0, 2.0, 0.0]), np.array([3.0, 0.5, 4.0])  # deviations; one feature is always the same
    zero = np.zeros(3)
    assert judge.frechet(zero, np.diag(a**2), zero, np.diag(b**2)) == pytest.approx(((a - b) ** 2).sum())


def test_the_distance_is_the_same_seen_from_both_sides_and_from_any_direction() -> None:
    rng = np.random.default_rng(1)
    (m, A), (n, B) = ((rng.normal(size=4), (r := rng.normal(size=(4, 4))) @ r.T) for _ in range(2))
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    expected = judge.frechet(m, A, n, B)
    assert expected > 1 and judge.frechet(n, B, m, A) == pytest.approx(expected)
    turned = judge.frechet(turn @ m, turn @ A @ turn.T, turn @ n, turn @ B @ turn.T)
    assert turned == pytest.approx(expected)
    # The root of A B itself, which need not be symmetric.
    values, vectors = np.linalg.eig(A @ B)
    root = np.trace(vectors @ np.diag(np.sqrt(values)) @ np.linalg.inv(vectors)).real
    assert expected == pytest.approx(((m - n) ** 2).sum() + np.trace(A) + np.trace(B) - 2 * root)


def test_moments_are_those_of_the_features() -> None:
    features = np.random.default_rng(2).normal(size=(50_000, 2)) @ np.array([[1.0, 0.0], [0.5, 2.0]]) + 3
    mean, covariance = judge.moments(features)
    np.testing.assert_allclose(mean, [3, 3], atol=0.05)
    np.testing.assert_allclose(covariance, [[1.25, 1.0], [1.0, 4.0]], atol=0.1)


def test_pictures_are_shaken_a_little_and_stay_what_they_are() -> None:
    pictures = torch.zeros(64, 1, 16, 16)
    pictures[:, :, 4:12, 4:12] = 1
    shaken = judge.shaken(pictures, torch.Generator().manual_seed(0))
    assert shaken.shape == pictures.shape and len(shaken.flatten(1).unique(dim=0)) == 64
    assert (shaken - pictures).abs().mean((1, 2, 3)).max() < 0.2
    assert 0.5 < shaken.sum() / pictures.sum() < 2


def test_a_judge_knows_what_it_has_learnt_and_sees_that_drawings_are_all_alike(monkeypatch: Any) -> None:
    from scalefree_studio.data.examples import Arrays
    from scalefree_studio.data.sources import Dataset

    rng = np.random.default_rng(3)
    labels = np.arange(160) % 2
    pictures = rng.integers(60, size=(160, 8, 8, 1))
    pictures[labels == 1, :, 3:5] += 180  # a bar that stands …
    pictures[labels == 0, 3:5] += 180  # … and one that lies
    parts = [Arrays(pictures[p].astype(np.uint8), labels[p]) for p in (slice(120), slice(120, 160))]
    dataset = Dataset("bars", "bars", *parts, ("lying", "standing"))
    monkeypatch.setattr(judge, "BATCH", 16)
    found = judge.taught(dataset, steps=30)
    held = judge.all_of(dataset.held)
    assert found.held_out == 1.0 and found.recognised(held.values, 1 - held.labels) == 0.0
    alike = held.values[[0, 1] * 20]
    assert found.recognised(alike, held.labels[[0, 1] * 20]) == 1.0
    assert found.distance(held.values) < found.distance(alike)
