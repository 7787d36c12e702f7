"""Self-organising maps: each fast way against a slow and obvious one, autograd, and minisom."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from minisom import MiniSom
from torch import Tensor

from scalefree_studio.models.codebooks.maps import Codebooks, Stage
from scalefree_studio.models.codebooks.som import (
    SelfOrganisingMap,
    batch_units,
    gradient,
    radius_at,
    shape_of_map,
    smoothed,
    smoothed_in_blocks,
    two_nearest,
)
from scalefree_studio.models.codebooks.som_errors import (
    quantisation_error,
    topographic_error,
    u_matrix,
)

SHAPES = [(1, 12), (12, 1), (3, 4), (5, 5), (1, 2)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))


def made(shape: tuple[int, int], width: int = 5, count: int = 70) -> tuple[Tensor, Tensor]:
    """Vectors and units, in double precision."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return x, torch.randn(shape[0] * shape[1], width, generator=generator, dtype=torch.float64)


def near(shape: tuple[int, int], radius: float) -> Tensor:
    """(K, K): the whole neighbourhood, unit by unit."""
    places = [*itertools.product(range(shape[0]), range(shape[1]))]
    if radius < 1:
        return torch.eye(len(places), dtype=torch.float64)
    return torch.tensor(
        [[math.exp(-(math.dist(a, b) ** 2) / (2 * radius**2)) for b in places] for a in places],
        dtype=torch.float64,
    )


def best_of(x: Tensor, units: Tensor) -> Tensor:
    return torch.cdist(x, units).argmin(1)


def sums(x: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    chosen = torch.nn.functional.one_hot(best_of(x, units), len(units)).to(x.dtype)  # (N, K)
    return chosen.T @ x, chosen.sum(0)


# ---- The neighbourhood and the two rules ----


@every_shape
@pytest.mark.parametrize("radius", [0.0, 0.99, 1.0, 2.5, 6.0])
def test_values_are_smoothed_as_the_whole_neighbourhood_says(shape: tuple[int, int], radius: float) -> None:
    values = torch.randn(shape[0] * shape[1], 3, dtype=torch.float64)
    torch.testing.assert_close(smoothed(values, shape, radius), near(shape, radius) @ values)


@pytest.mark.parametrize(("count", "radius"), [(200, 1.0), (256, 5.3), (300, 1.7)])
def test_a_long_line_is_smoothed_in_blocks(count: int, radius: float) -> None:
    values = torch.randn(count, 3, dtype=torch.float64)
    torch.testing.assert_close(smoothed_in_blocks(values, radius), near((1, count), radius) @ values)
    torch.testing.assert_close(smoothed(values, (1, count), radius), near((1, count), radius) @ values)


@every_shape
@pytest.mark.parametrize("radius", [0.0, 1.0, 3.0])
def test_the_gradient_is_that_of_autograd(shape: tuple[int, int], radius: float) -> None:
    x, units = made(shape)
    units.requires_grad_()
    weights = near(shape, radius)[best_of(x, units)]  # (N, K)
    loss = (weights * torch.cdist(x, units).square() / 2).sum(1).mean()
    (expected,) = torch.autograd.grad(loss, units)
    found = gradient(units.detach(), *sums(x, units.detach()), shape, radius)
    torch.testing.assert_close(found, expected)


@every_shape
@pytest.mark.parametrize("radius", [0.0, 1.0, 3.0])
def test_the_batch_rule_is_a_weighed_mean(shape: tuple[int, int], radius: float) -> None:
    x, units = made(shape, count=20)
    weights = near(shape, radius)[best_of(x, units)].T  # (K, N)
    expected = units.clone()
    for unit, own in enumerate(weights):
        if own.sum() > 1e-30:
            expected[unit] = (own[:, None] * x).sum(0) / own.sum()
    torch.testing.assert_close(batch_units(units, *sums(x, units), shape, radius), expected)


def test_a_unit_that_is_near_to_nothing_stays() -> None:
    units = torch.tensor([[0.0], [1.0], [50.0]])
    found = batch_units(
        units, torch.tensor([[0.5], [2.0], [0.0]]), torch.tensor([1.0, 2.0, 0.0]), (1, 3), 0.0
    )
    assert found.flatten().tolist() == [0.5, 1.0, 50.0]


def test_the_neighbourhood_shrinks_from_half_the_map_to_one_and_then_to_nothing() -> None:
    radii = [radius_at(p / 100, (16, 32), 0.2) for p in range(101)]
    assert radii[0] == 16 and radii[79] == pytest.approx(1, abs=0.1) and set(radii[80:]) == {0.0}
    assert all(a > b for a, b in itertools.pairwise(radii[:81]))
    assert radius_at(1.0, (16, 32), 0.0) == 0 and radius_at(0.0, (1, 2), 0.2) == 1.0


@pytest.mark.parametrize(
    ("units", "shape"), [(512, (16, 32)), (64, (8, 8)), (12, (3, 4)), (7, (1, 7)), (2, (1, 2))]
)
def test_a_grid_is_as_square_as_can_be(units: int, shape: tuple[int, int]) -> None:
    assert shape_of_map(units, grid=True) == shape and shape_of_map(units, grid=False) == (1, units)


# ---- Which unit ----


def test_the_two_nearest_are_those_of_all_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalefree_studio.models.codebooks.som.CHUNK", 7 * 12)  # in several parts
    x, units = made((3, 4))
    alive = torch.ones(12, dtype=torch.bool)
    alive[[0, 5]] = False
    far = torch.cdist(x, units).masked_fill(~alive, math.inf)
    expected = far.topk(2, largest=False).indices
    first, second = two_nearest(x, units, alive)
    assert torch.equal(first, expected[:, 0]) and torch.equal(second, expected[:, 1])


# ---- Errors, as the field defines them ----


def oracle(shape: tuple[int, int], units: Tensor) -> MiniSom:
    som = MiniSom(*shape, units.shape[1])
    som._weights = units.view(*shape, -1).numpy().copy()
    return som


@every_shape
def test_errors_are_those_of_minisom(shape: tuple[int, int]) -> None:
    x, units = made(shape)
    som = oracle(shape, units)
    assert quantisation_error(x, units) == pytest.approx(som.quantization_error(x.numpy()))
    assert topographic_error(x, units, shape) == pytest.approx(som.topographic_error(x.numpy()))
    found = u_matrix(units, shape)
    mean = som.distance_map(scaling="mean")
    np.testing.assert_allclose((found / found.max()).view(shape), mean / mean.max())


def test_errors_by_hand() -> None:
    x = torch.tensor([[0.0], [1.2], [2.9]])
    units = torch.tensor([[0.0], [3.0], [1.0]])  # on a line: 0, 3, 1
    assert quantisation_error(x, units) == pytest.approx((0 + 0.2 + 0.1) / 3)
    # the two best of 0: places 0 and 2; of 1.2: places 2 and 0; of 2.9: places 1 and 2
    assert topographic_error(x, units, (1, 3)) == pytest.approx(2 / 3)
    assert topographic_error(x, units, (1, 3), torch.tensor([True, True, False])) == 0
    assert u_matrix(units, (1, 3)).tolist() == [3.0, 2.5, 2.0]  # the mean, not the sum
    grid = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    expected = [(2 + math.sqrt(2)) / 3] * 4  # two beside, one at the corner
    assert u_matrix(grid, (2, 2)).tolist() == pytest.approx(expected)


# ---- The map as it learns ----


def learnt(rule: str, steps: int = 60, shape: tuple[int, int] = (4, 4)) -> tuple[SelfOrganisingMap, Tensor]:
    """A square, evenly filled."""
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(2000, 2, generator=generator)
    som = SelfOrganisingMap(shape, 2, rule).train()
    som.start(x, generator)
    optimizer = torch.optim.SGD(som.parameters(), lr=1.0 if rule == "gradient" else 0.0)
    for step in range(steps):
        som.begin_step(step // 20, radius_at(step / steps, shape, 0.1), 1 - 1 / max(1, step // 10))
        optimizer.zero_grad()
        som(x[torch.randint(2000, (200,), generator=generator)]).backward()
        optimizer.step()
        som.learn()
    return som, x


@pytest.mark.parametrize("rule", ["batch", "gradient"])
def test_a_map_unfolds_over_a_square(rule: str) -> None:
    som, x = learnt(rule)
    units = som.units.detach()
    best = (
        0.3826 / 4
    )  # of 16 equal squares: the mean distance from the middle of a square of side 1 is 0.3826
    assert quantisation_error(x, units) < (1.05 if rule == "batch" else 1.25) * best
    assert topographic_error(x, units, (4, 4)) < 0.1
    counts = torch.bincount(som.nearest(x), minlength=16)
    assert counts.min() > 0, "a corner of the map is left over"


def test_what_is_counted_while_it_learns_is_of_a_whole_epoch() -> None:
    som, _ = learnt("batch", steps=41)
    assert som.usage.counts.sum() == 20 * 200 and som.tally[0, 0] == 20 * 200 and som.tally[1, 0] == 200
    errors = som.errors()
    assert errors is not None and 0 < errors[0] < 0.5 and 0 <= errors[1] < 1


def test_the_loss_is_the_quantisation_error_and_changes_nothing() -> None:
    som, x = learnt("gradient", steps=5)
    before = {name: tensor.clone() for name, tensor in som.state_dict().items()}
    loss = som(x[:100])
    assert float(loss.detach()) == pytest.approx(quantisation_error(x[:100], som.units.detach()))
    loss.backward()
    assert som.units.grad is not None and som.units.grad.abs().sum() > 0
    assert all(torch.equal(before[name], tensor) for name, tensor in som.state_dict().items())
    with torch.no_grad():
        assert float(som.eval()(x[:100])) == pytest.approx(float(loss.detach()))


def test_pruning_while_it_learns_can_be_taken_back() -> None:
    som, x = learnt("batch", steps=41)
    counts = som.usage.counts[0]
    least = int(counts.sort().values[3])
    som.prune(least)
    assert torch.equal(som.alive, counts >= least) and not som.alive.all()
    assert set(som.nearest(x).unique().tolist()) <= set(som.alive.nonzero()[:, 0].tolist())
    som(x[:500])
    som.learn()
    assert (som.usage.now[0][~som.alive] > 0).any(), "counted as if nothing were pruned"
    som.prune(10**9)
    assert som.alive.all(), "not all of them"
    som.prune(0)
    assert som.alive.all()


# ---- Several sizes of patches ----


def test_codes_of_patches_and_back() -> None:
    torch.manual_seed(0)
    network = Codebooks([Stage((4, 6), (1, 4), 3), Stage((2, 2), (2, 3), 3), Stage((1, 1), (1, 5), 3)])
    z = torch.randn(7, 3, 4, 6)
    codes = network.codes(z)
    assert [tuple(c.shape) for c in codes] == [(7, 1, 1), (7, 2, 3), (7, 4, 6)]
    for stage, side in ((1, 2), (2, 1)):
        values = network.lookup(codes[stage], stage)
        assert values.shape == z.shape
        for b, r, c in itertools.product(range(7), range(4 // side), range(6 // side)):
            place = np.s_[b, :, r * side : (r + 1) * side, c * side : (c + 1) * side]
            patch = z[place].permute(1, 2, 0).flatten()
            units = network.map_of(stage).units
            best = (units - patch).norm(dim=1).argmin()
            assert codes[stage][b, r, c] == best
            torch.testing.assert_close(values[place].permute(1, 2, 0).flatten(), units[best].detach())
    errors = [quantisation_error(network.patches(z, s), network.map_of(s).units.detach()) for s in range(3)]
    assert float(network.eval()(z).detach()) == pytest.approx(float(np.mean(errors)))
