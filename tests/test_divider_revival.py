"""Revival against brute force: which units matter least, where they may go, and that the picture does not suffer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from scalefree_studio.models.dividers.edit import reader_of_units, without_unit
from scalefree_studio.models.dividers.network import Params, pixel_grid, predict, units, weighted_error
from scalefree_studio.models.dividers.revival import (
    ACCEPTED,
    LEAST_PIXELS,
    _pool,
    rest_of_network,
    revive,
    usefulness,
)

SHARPNESS = 1000.0
DTYPE = torch.float32
XY = pixel_grid(16, 20, dtype=DTYPE)  # (B, 2)
WEIGHT = torch.linspace(0.5, 4.0, len(XY), dtype=DTYPE)


def network(structure: bool = False, form: str = "angle", seed: int = 0) -> Params:
    """2 lines, 3 circles, 1 tanh."""
    gen = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=gen, dtype=DTYPE)

    p = {"line_angle": some(2), "circle_centre": 0.5 * some(3, 2), "circle_log_radius": 0.3 * some(3) - 1}
    p |= {"line_centre": 0.3 * some(2, 2)} if form == "angle" else {"line_offset": 0.3 * some(2)}
    p |= {"tanh_weight": some(1, 2), "tanh_bias": some(1)}
    width = 6
    for layer, size in (("structure", 5 if structure else 0), ("colour", 4), ("out", 3)):
        if size:
            p |= {f"{layer}_weight": some(size, width), f"{layer}_bias": some(size)}
            width = size
    return p


def said_by(p: Params) -> Tensor:
    return units(p, XY, SHARPNESS, 5.0).T.contiguous()  # (U, B)


def target_of(seed: int) -> Tensor:
    """Another network's picture: there is something to wish for."""
    return predict(network(seed=seed), XY, SHARPNESS)


def error(p: Params, target: Tensor, weight: Tensor | None) -> float:
    return float(weighted_error(predict(p, XY, SHARPNESS), target, weight))


def without(p: Params, index: int) -> Params:
    """The network less a unit, whose mean is said by the biases instead."""
    reader = reader_of_units(p)
    p = dict(p)
    mean = said_by(p)[index].mean()
    p[f"{reader}_bias"] = p[f"{reader}_bias"] + mean * p[f"{reader}_weight"][:, index]
    return without_unit(p, index)


@pytest.mark.parametrize("structure", [False, True])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_how_much_a_unit_matters_is_the_error_without_it(structure: bool, weight: Tensor | None) -> None:
    p, target = network(structure), target_of(1)
    said, loss = said_by(p), rest_of_network(p, target, weight)
    use, told = usefulness(p, said, loss)
    assert float(loss(told)) == pytest.approx(error(p, target, weight), rel=1e-5)
    expected = [error(without(p, index), target, weight) - error(p, target, weight) for index in range(6)]
    np.testing.assert_allclose(use.numpy(), expected, atol=1e-6)
    assert min(np.diff(sorted(expected))) > 1e-5  # they can be told apart


@pytest.mark.parametrize("kind", ["line", "circle"])
def test_candidates_say_on_which_side_each_pixel_is(kind: str) -> None:
    p, target = network(), target_of(1)
    loss = rest_of_network(p, target, None)
    told = usefulness(p, said_by(p), loss)[1]
    made, answers, usable = _pool(kind, p, XY, target, loss, told, torch.Generator().manual_seed(0))
    x, y = XY.T.tolist()
    for n in range(0, 1000, 97):
        if kind == "line":
            a, d = float(made["line_angle"][n]), float(made["line_offset"][n])
            sides = [
                math.copysign(1, u * math.cos(a) + v * math.sin(a) - d) for u, v in zip(x, y, strict=True)
            ]
        else:
            (u0, v0), r = made["circle_centre"][n].tolist(), math.exp(made["circle_log_radius"][n])
            sides = [math.copysign(1, math.hypot(u - u0, v - v0) - r) for u, v in zip(x, y, strict=True)]
        close = np.isclose(answers[n].numpy() + float(made["mean"][n]), sides)
        assert close.sum() >= len(x) - 1  # a line goes through the very place that it was drawn for
        fewest = min(sides.count(1.0), sides.count(-1.0))
        assert (
            abs(float(made["mean"][n]) - np.mean(sides)) < 2.01 / len(x)
            and abs(float(answers[n].mean())) < 1e-5
        )
        assert bool(usable[n]) == (2 * fewest > LEAST_PIXELS) or abs(2 * fewest - LEAST_PIXELS) <= 1


@pytest.mark.parametrize("structure", [False, True])
@pytest.mark.parametrize("form", ["angle", "distance"])
@pytest.mark.parametrize("count", [1, 3, 6])
def test_the_least_useful_lines_and_circles_move_and_the_picture_does_not_suffer(
    structure: bool, form: str, count: int
) -> None:
    p, target = network(structure, form), target_of(2)
    before = {name: tensor.clone() for name, tensor in p.items()}
    memory = [{name: torch.ones_like(tensor) for name, tensor in p.items()} for _ in range(2)]
    said = said_by(p)
    least = usefulness(p, said, rest_of_network(p, target, WEIGHT))[0].argsort()[:count].tolist()
    moved = revive(p, memory, said, XY, target, WEIGHT, count, torch.Generator().manual_seed(0))
    assert moved and set(moved) <= set(least) - {5}  # 5 is no divider
    assert error(p, target, WEIGHT) <= error(before, target, WEIGHT) * ACCEPTED ** len(moved) + 1e-6
    reader = f"{reader_of_units(p)}_weight"
    for index in range(6):
        kind, row = ("line", index) if index < 2 else ("circle", index - 2)
        names = [name for name in p if name.startswith(kind)] if index < 5 else ["tanh_weight", "tanh_bias"]
        row = row if index < 5 else 0
        same = all(torch.equal(p[name][row], before[name][row]) for name in names)
        forgotten = all((moments[name][row] == 0).all() for moments in memory for name in names)
        forgotten &= all((moments[reader][:, index] == 0).all() for moments in memory)
        assert (index in moved) == (not same) == forgotten
        assert index in moved or torch.equal(p[reader][:, index], before[reader][:, index])
    bias = f"{reader_of_units(p)}_bias"
    assert all(
        torch.equal(p[name], before[name]) for name in p if name not in (reader, bias) and name[0] in "so"
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_unit_that_says_nothing_goes_to_where_a_divider_is_missing(seed: int) -> None:
    """A disc that nobody has drawn yet, and one circle, far outside of the picture."""
    gen = torch.Generator().manual_seed(seed)
    p = {"circle_centre": torch.tensor([[9.0, 9.0]]), "circle_log_radius": torch.tensor([-2.0])}
    p |= {"colour_weight": torch.randn(4, 1, generator=gen), "colour_bias": torch.ones(4) * 5}
    p |= {"out_weight": torch.randn(3, 4, generator=gen), "out_bias": torch.zeros(3)}
    disc = torch.linalg.vector_norm(XY - torch.tensor([0.3, -0.2]), dim=1) < 0.4
    target = torch.where(disc[:, None], 0.7, 0.3) * torch.ones(3)
    before = error(p, target, None)
    assert revive(p, [], said_by(p), XY, target, None, 1, gen) == [0]
    away, radius = p["circle_centre"][0] - torch.tensor([0.3, -0.2]), float(p["circle_log_radius"].exp())
    assert float(away.norm()) + abs(radius - 0.4) < 0.35 and error(p, target, None) < before


def test_the_same_chance_moves_the_same_units_to_the_same_places() -> None:
    ends = []
    for _ in range(2):
        p = network()
        revive(p, [], said_by(p), XY, target_of(2), None, 3, torch.Generator().manual_seed(4))
        ends.append(p)
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
