"""k-means against scikit-learn's, and against what it promises."""

from __future__ import annotations

import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from scalefree_studio.models.codebooks.kmeans import kmeans, means_of, spread_start
from scalefree_studio.models.codebooks.nearest import nearest


def inertia(x: Tensor, centres: Tensor) -> float:
    return float((x - centres[nearest(x, centres)]).square().sum())


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("codes", [5, 100])
def test_its_error_is_that_of_scikit_learn(codes: int) -> None:
    x = torch.randn(1500, 6, generator=seeded()) * torch.linspace(0.2, 2, 6)
    ours = sum(inertia(x, kmeans(x, codes, seeded(s), iterations=100)[0]) for s in range(3)) / 3
    theirs = sum(KMeans(codes, n_init=1, random_state=s).fit(x.numpy()).inertia_ for s in range(3)) / 3
    assert ours <= theirs * 1.02


def test_clusters_that_lie_apart_are_found() -> None:
    middles = torch.randn(90, 3, generator=seeded(1)) * 1000
    x = middles.repeat_interleave(7, 0) + torch.randn(630, 3, generator=seeded(2))
    centres, counts = kmeans(x, 90, seeded())
    torch.testing.assert_close(centres[nearest(middles, centres)], x.view(90, 7, 3).mean(1))
    assert counts.tolist() == [7] * 90


def test_it_is_settled_by_its_random_numbers() -> None:
    x = torch.randn(300, 4, generator=seeded())
    one, other, third = (kmeans(x, 20, seeded(s))[0] for s in (1, 1, 2))
    assert torch.equal(one, other) and not torch.equal(one, third)
    centres, counts = kmeans(x, 20, seeded(1), iterations=200)
    at = nearest(x, centres)
    assert torch.equal(counts, torch.bincount(at, minlength=20).float())
    for code in range(20):  # settled: every centre is the mean of what is nearest to it
        torch.testing.assert_close(centres[code], x[at == code].mean(0))


@pytest.mark.parametrize("different", [1, 3])
def test_fewer_vectors_than_centres(different: int) -> None:
    x = torch.randn(different, 2, generator=seeded()).repeat(5, 1)
    centres, counts = kmeans(x, 8, seeded())
    assert centres.shape == (8, 2) and inertia(x, centres) < 1e-10 and counts.sum() == len(x)
    assert int((counts > 0).sum()) == different


def test_empty_clusters_move_to_what_lies_far_away() -> None:
    x = torch.tensor([[0.0], [1], [10], [11], [50]])
    centres = torch.tensor([[0.0], [200], [300]])
    for _ in range(5):
        centres = means_of(x, nearest(x, centres), centres, cosine=False)
    assert sorted(centres.flatten().tolist()) == [0.5, 10.5, 50]


def test_it_starts_from_vectors_that_lie_apart() -> None:
    x = torch.cat([torch.zeros(1000, 2), torch.full((1, 2), 100.0), torch.full((1, 2), -100.0)])
    assert len(torch.unique(spread_start(x, 3, seeded()), dim=0)) == 3


def test_of_unit_vectors_centres_are_unit_vectors() -> None:
    x = torch.nn.functional.normalize(torch.randn(200, 3, generator=seeded()), dim=1)
    centres, _ = kmeans(x, 9, seeded(), cosine=True)
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(9))
