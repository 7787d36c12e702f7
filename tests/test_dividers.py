"""The mathematics of divider networks against closed forms, brute force and autograd."""

import math

import pytest
import torch

from scalefree_studio.jobs.dividers import tiling
from scalefree_studio.models.dividers import cells as cells_of_a_tile
from scalefree_studio.models.dividers import network as d
from scalefree_studio.models.dividers.fast import FlatParams, FusedGradient, pixel_features
from scalefree_studio.models.dividers.optimizer import (
    BETAS,
    CELL_PACES,
    COLOUR_PACE,
    NEWTON_SCHULZ,
    Optimizer,
    orthogonalised,
)


def some_params(
    seed=0,
    lines=0,
    circles=0,
    relu=0,
    tanh=0,
    cells=0,
    structure=0,
    hidden=8,
    form="angle",
    dtype=torch.float64,
):
    gen = torch.Generator().manual_seed(seed)

    def rand(*shape):
        return torch.randn(*shape, generator=gen, dtype=dtype) * 0.6

    p = {}
    if lines:
        p["line_angle"] = rand(lines) * 4
        if form == "angle":
            p["line_centre"] = rand(lines, 2)
        else:
            p["line_offset"] = rand(lines)
    if circles:
        p["circle_centre"], p["circle_log_radius"] = rand(circles, 2), rand(circles) - 1
    for kind, count in (("relu", relu), ("tanh", tanh)):
        if count:
            p[f"{kind}_weight"], p[f"{kind}_bias"] = rand(count, 2), rand(count)
    if cells:
        p |= {
            "cell_centre": rand(cells, 2),
            "cell_log_radius": rand(cells, 2) - 1,
            "cell_angle": rand(cells) * 4,
        }
    width = lines + circles + relu + tanh + cells
    for layer, size in (("structure", structure), ("colour", hidden), ("out", 3)):
        if size:
            p[f"{layer}_weight"], p[f"{layer}_bias"] = rand(size, width), rand(size)
            width = size
    return p


def test_line_of_the_angle_form_is_a_cosine():
    p = {"line_centre": torch.tensor([[0.2, -0.1]]), "line_angle": torch.tensor([0.7])}
    xy = torch.tensor([[0.2 + 3 * math.cos(1.5), -0.1 + 3 * math.sin(1.5)], [0.2, -0.1]])
    e = d.line_measure(p, xy)
    assert e[0, 0].item() == pytest.approx(math.cos(1.5 - 0.7), abs=1e-6)
    assert e[1, 0].item() == 0  # defined at the centre


def test_line_of_the_distance_form_is_a_signed_distance():
    p = {"line_angle": torch.tensor([math.pi / 2]), "line_offset": torch.tensor([0.25])}
    assert d.line_measure(p, torch.tensor([[9.0, 1.0]]))[0, 0].item() == pytest.approx(0.75, abs=1e-6)


def test_circle_measures_its_edge_in_radii():
    p = {"circle_centre": torch.tensor([[1.0, 0.0]]), "circle_log_radius": torch.tensor([math.log(0.5)])}
    e = d.circle_measure(p, torch.tensor([[1.0, 0.0], [1.5, 0.0], [2.0, 0.0]]))
    assert e[:, 0].tolist() == pytest.approx([-1, 0, 1], abs=1e-6)


def test_gradients_at_the_very_centres_are_finite():
    p = {k: v.requires_grad_() for k, v in some_params(lines=1, circles=1).items()}
    xy = torch.stack([p["line_centre"][0], p["circle_centre"][0]]).detach()
    d.predict(p, xy).sum().backward()
    assert all(torch.isfinite(v.grad).all() for v in p.values())


def test_a_cell_has_the_larger_share_the_nearer_one_is_in_its_own_radii():
    p = {
        "cell_centre": torch.tensor([[0.5, 0.0], [-0.5, 0.0]], dtype=torch.float64),
        "cell_log_radius": torch.tensor([[0.2, 0.1], [0.1, 0.3]], dtype=torch.float64).log(),
        "cell_angle": torch.tensor([math.pi / 2, 0.0], dtype=torch.float64),  # the first stands upright
    }
    xy = torch.tensor([[0.1, 0.4]], dtype=torch.float64)
    e = [-((0.4 / 0.1) ** 2 + (0.4 / 0.2) ** 2) / 2, -((0.6 / 0.1) ** 2 + (0.4 / 0.3) ** 2) / 2]
    assert d.cell_measure(p, xy)[0].tolist() == pytest.approx(e)
    assert d.units(p, xy, 1.0, 1.0)[0, 0].item() == pytest.approx(1 / (1 + math.exp(e[1] - e[0])))


def tiled(cells, looked_at, monkeypatch):
    """(loss, gradients) of a picture of 6 × 4 tiles, and the same where every tile looks at all cells."""
    p = some_params(seed=7, cells=cells, hidden=0)
    p["cell_log_radius"] -= 1.5
    rows = torch.cat([pixel_features(d.pixel_grid(24, 36, dtype=torch.float64)), torch.ones(4, 24 * 36)]).T
    rows[:, 4:7] = torch.rand(len(rows), 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    monkeypatch.setattr(tiling, "LOOKED_AT", 1)
    cut = tiling.Tiling(rows, (24, 36), cells)
    columns, found = cut.some(0, torch.Generator()), []
    for count in (looked_at, cells):
        monkeypatch.setattr(cells_of_a_tile, "LOOKED_AT", count)
        flat = FlatParams(p)
        loss, _ = FusedGradient(flat).loss_and_gradient(
            columns[:4], columns[4:7], 40.0, 7.0, columns[7], tiles=cut.tiles
        )
        found.append((loss, flat.gradient))
    return p, rows, found


def test_tile_by_tile_cells_learn_by_the_same_gradient(monkeypatch):
    p, rows, found = tiled(40, 20, monkeypatch)
    net = d.DividerNet(p)
    expected = d.weighted_error(net(rows[:, :2]), rows[:, 4:7])
    expected.backward()
    gradient = FlatParams({name: parameter.grad for name, parameter in net.named_parameters()}).vector
    (some, by_some), (all_, by_all) = found
    torch.testing.assert_close(all_, expected.detach(), rtol=1e-9, atol=0)
    torch.testing.assert_close(by_all, gradient, rtol=1e-6, atol=1e-10)
    torch.testing.assert_close(some, all_, rtol=1e-3, atol=0)  # the others' shares are small
    assert (by_some - by_all).norm() < 0.02 * by_all.norm()
    assert not torch.equal(by_some, by_all)


@pytest.mark.parametrize("size", [(7, 11), (64, 48), (1, 9), (30, 30)])
@pytest.mark.parametrize("cells", [3, 70, 200])
def test_tiles_hold_every_pixel_once(size, cells):
    height, width = size
    rows = torch.cat([pixel_features(d.pixel_grid(*size)), torch.arange(height * width).repeat(3, 1)])
    rows = torch.cat([rows, torch.ones(1, height * width)]).T
    cut = tiling.Tiling(rows, size, cells)
    whole = cut.some(0, torch.Generator())
    assert whole[4][whole[7] > 0].sort().values.tolist() == list(range(height * width))
    # Each lies between the probes of its tile, which reach its edges.
    low, high = cut.tiles.probes.amin(1), cut.tiles.probes.amax(1)  # (T, 2)
    at = whole[:2].view(2, len(low), -1)
    assert (low <= at.amin(2).T).all() and (high >= at.amax(2).T).all()
    some = cut.some(height * width // 2, torch.Generator().manual_seed(0))
    assert 0 < some.shape[1] <= whole.shape[1]


def test_false_gradient_is_the_formula():
    e = torch.linspace(-2, 2, 41, dtype=torch.float64, requires_grad=True)
    a = d.FalseGradientTanh.apply(e, 1000.0, 5.0)
    a.sum().backward()
    assert torch.equal(a, torch.tanh(1000 * e))
    expected = [5 / math.cosh(5 * x) ** 2 for x in e.tolist()]
    assert e.grad.tolist() == pytest.approx(expected, rel=1e-12)


def test_pixel_grid_is_pixel_centres_with_the_longer_side_from_minus_one_to_one():
    grid = d.pixel_grid(2, 4).reshape(2, 4, 2)
    assert grid[0, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert grid[:, 0, 1].tolist() == [-0.25, 0.25]


MIXTURES = [
    dict(lines=5), dict(lines=5, form="distance"), dict(circles=4), dict(relu=3), dict(tanh=3), dict(),
    dict(cells=6), dict(cells=6, hidden=0), dict(cells=1, hidden=1), dict(lines=2, relu=2, cells=5, structure=4),
    dict(circles=3, hidden=0), dict(lines=3, circles=4, relu=2, tanh=5),
    dict(lines=3, circles=2, tanh=2, form="distance", structure=6),
]  # fmt: skip


@pytest.mark.parametrize("mixture", MIXTURES, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_fused_gradient_equals_autograd(mixture, weighted):
    p = some_params(seed=3, **mixture)
    xy = d.pixel_grid(9, 14, dtype=torch.float64)
    gen = torch.Generator().manual_seed(9)
    target = torch.rand(len(xy), 3, generator=gen, dtype=torch.float64)
    weight = torch.rand(len(xy), generator=gen, dtype=torch.float64) if weighted else None

    net = d.DividerNet(p)
    colours = net(xy, sharpness=40.0, g=7.0)
    expected = d.weighted_error(colours, target, weight)
    expected.backward()

    flat = FlatParams(p)
    fused = FusedGradient(flat)
    fused.chunk = 37  # several chunks, the last one short
    loss, plain = fused.loss_and_gradient(pixel_features(xy), target.T.contiguous(), 40.0, 7.0, weight)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    assert plain.item() == pytest.approx(((colours - target) ** 2).mean().item(), rel=1e-9)
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(flat.gradients[name], parameter.grad, rtol=1e-6, atol=1e-10)


def test_units_biases_and_outputs_take_the_steps_of_torch_adam():
    flat = FlatParams(some_params(seed=2, lines=3, circles=2, structure=4))
    optimizer = Optimizer(flat)
    parts = [flat.units, flat.small]
    theirs = [flat.vector[part].clone().requires_grad_() for part in parts]
    groups = [{"params": [p], "lr": rate} for p, rate in zip(theirs, (0.1, 0.02), strict=True)]
    adam = torch.optim.Adam(groups, betas=BETAS, eps=1e-8)
    gen = torch.Generator().manual_seed(1)
    for _ in range(5):
        flat.gradient.copy_(torch.randn(len(flat.gradient), generator=gen, dtype=torch.float64))
        for p, part in zip(theirs, parts, strict=True):
            p.grad = flat.gradient[part].clone()
        adam.step()
        optimizer.step(flat, 0.1, 0.02, 0.0)
    for p, part in zip(theirs, parts, strict=True):
        torch.testing.assert_close(flat.vector[part], p.detach())


@pytest.mark.parametrize("mixture", MIXTURES, ids=str)
def test_what_units_say_and_what_colours_come_of_it_equal_the_plain_network(mixture):
    p = some_params(seed=4, **mixture)
    xy = d.pixel_grid(9, 14, dtype=torch.float64)
    fused = FusedGradient(FlatParams(p))
    fused.chunk = 37
    features = pixel_features(xy)
    torch.testing.assert_close(fused.colours(features, 40.0).T, d.predict(p, xy, 40.0), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(fused.said(features, 40.0).T, d.units(p, xy, 40.0, 5.0), rtol=1e-6, atol=1e-9)


def test_flat_parameters_lie_in_three_groups_and_are_views():
    p = some_params(seed=1, lines=3, circles=2, relu=1, tanh=2, structure=5, hidden=4)
    flat = FlatParams(p)
    matrices = {"structure_weight", "colour_weight"}
    small = {"structure_bias", "colour_bias", "out_weight", "out_bias"}
    groups = ((flat.units, p.keys() - matrices - small), (flat.small, small), (flat.matrices, matrices))
    for part, names in groups:
        before = flat.vector.clone()
        flat.vector[part] += 1
        changed = {name for name in p if not torch.equal(flat.views[name], p[name])}
        assert changed == names and all(torch.equal(flat.views[n], p[n] + 1) for n in names)
        flat.vector.copy_(before)
    assert sum(part.stop - part.start for part, _ in groups) == len(flat.vector) == d.count_numbers(p)


def five_rounds(matrix):
    """What Newton and Schulz make of a matrix, by what their polynomial makes of its singular values."""
    a, b, c = NEWTON_SCHULZ
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    s = s / s.square().sum().sqrt()
    for _ in range(5):
        s = a * s + b * s**3 + c * s**5
    return (u * s) @ vh


def test_what_reads_cells_steps_by_adam_each_number_at_its_own_pace():
    flat = FlatParams(some_params(seed=2, lines=3, cells=4, hidden=5))
    assert flat.muon == [] and "colour_weight" in flat.names
    before = flat.like(flat.vector.clone())
    flat.gradient.fill_(1.0)
    Optimizer(flat).step(flat, 0.1, 0.02, 0.3)  # a first step of Adam is as long as its rate
    moved = {name: float((before[name] - view).mean()) for name, view in flat.views.items()}
    assert moved["line_angle"] == pytest.approx(0.1) and moved["out_bias"] == pytest.approx(0.02)
    assert moved["cell_centre"] == pytest.approx(0.1 * CELL_PACES["cell_centre"])
    assert moved["cell_angle"] == pytest.approx(0.1 * CELL_PACES["cell_angle"])
    assert moved["colour_weight"] == pytest.approx(0.02 * COLOUR_PACE)


def test_matrices_take_steps_of_even_lengths_along_their_momentum():
    flat = FlatParams(some_params(seed=2, lines=3, circles=2, structure=4, hidden=7))
    optimizer, gen = Optimizer(flat), torch.Generator().manual_seed(1)
    matrices = {n: flat.views[n].clone() for n in ("structure_weight", "colour_weight")}
    momentum = {n: torch.zeros_like(m) for n, m in matrices.items()}
    for _ in range(4):
        flat.gradient.copy_(torch.randn(len(flat.gradient), generator=gen, dtype=torch.float64))
        for n, matrix in matrices.items():
            gradient = flat.gradients[n]
            momentum[n] = 0.95 * momentum[n] + 0.05 * gradient
            step = five_rounds(0.05 * gradient + 0.95 * momentum[n])
            matrices[n] = matrix - 0.3 * math.sqrt(max(matrix.shape)) * step
        optimizer.step(flat, 0.1, 0.02, 0.3)
    for n, matrix in matrices.items():
        torch.testing.assert_close(flat.views[n], matrix)


def test_a_gradient_of_nothing_moves_no_matrix():
    flat = FlatParams(some_params(seed=2, lines=3, hidden=4))
    before = flat.vector.clone()
    Optimizer(flat).step(flat, 0.1, 0.02, 0.3)
    assert torch.equal(flat.vector, before)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5), (1, 3)])
def test_orthogonalised_keeps_directions_and_evens_out_lengths(shape):
    gen = torch.Generator().manual_seed(6)
    matrix = torch.randn(*shape, generator=gen, dtype=torch.float64)
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    made = orthogonalised(matrix)
    inner = u.T @ made @ vh.T  # diagonal: the same singular directions
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 1e-9
    assert inner.diagonal().min() > 0.6 and inner.diagonal().max() < 1.3


def test_the_leak_reaches_only_what_is_off():
    p = some_params(seed=5, lines=3, hidden=4)
    p["colour_bias"][0] = -1e3  # never on
    xy = d.pixel_grid(6, 6, dtype=torch.float64)
    target = torch.rand(3, 36, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradients = []
    for leak in (0.0, 0.1):
        flat = FlatParams(p)
        FusedGradient(flat).loss_and_gradient(pixel_features(xy), target, 40.0, 7.0, leak=leak)
        gradients.append(flat.gradients)
    assert (gradients[0]["colour_weight"][0] == 0).all() and (gradients[1]["colour_weight"][0] != 0).all()
    torch.testing.assert_close(gradients[0]["out_weight"], gradients[1]["out_weight"])


def test_numbers_are_counted_as_stored():
    shape = d.DividerShape(lines=64, circles=0, hidden=32)
    assert shape.numbers == 2371
    shape = d.DividerShape(lines=3, circles=2, relu=1, tanh=2, structure=5, hidden=4, line_form="distance")
    p = some_params(lines=3, circles=2, relu=1, tanh=2, structure=5, hidden=4, form="distance")
    assert d.count_numbers(p) == shape.numbers
