"""Pictures of divider networks, against the plain formulas at every pixel centre."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from scalefree_studio.models.dividers import network as dividers
from scalefree_studio.models.dividers import render as divider_render
from scalefree_studio.models.dividers.render import Region, render_region

NETWORKS: dict[str, dict[str, int]] = {
    "lines": dict(lines=24),
    "distance lines": dict(lines=24, distance=1),
    "circles": dict(circles=24),
    "lines and circles": dict(lines=12, circles=12),
    "distance lines and circles": dict(lines=12, circles=12, distance=1),
    "relu": dict(relu=9),
    "tanh": dict(tanh=9),
    "cells": dict(cells=40),
    "one cell": dict(cells=1),
    "lines and cells": dict(lines=8, cells=20),
    "everything": dict(lines=8, circles=9, relu=4, tanh=5, cells=12, structure=11),
    "structure": dict(lines=8, structure=6),
    "nothing": dict(),
}


def network(
    lines: int = 0,
    circles: int = 0,
    relu: int = 0,
    tanh: int = 0,
    cells: int = 0,
    structure: int = 0,
    distance: int = 0,
    seed: int = 0,
) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    p: dict[str, Tensor] = {}
    if lines:
        p["line_angle"] = 3 * normal(lines)
        p |= {"line_offset": 0.4 * normal(lines)} if distance else {"line_centre": 0.6 * normal(lines, 2)}
    if circles:
        p |= {"circle_centre": 0.6 * normal(circles, 2), "circle_log_radius": normal(circles) - 1}
    if relu:
        p |= {"relu_weight": normal(relu, 2), "relu_bias": normal(relu)}
    if tanh:
        p |= {"tanh_weight": 3 * normal(tanh, 2), "tanh_bias": normal(tanh)}
    if cells:
        p |= {"cell_centre": 0.6 * normal(cells, 2), "cell_log_radius": 0.4 * normal(cells, 2) - 1.5}
        p["cell_angle"] = 3 * normal(cells)
    width = lines + circles + relu + tanh + cells
    for name, size in (("structure", structure), ("colour", 7), ("out", 3)):
        if size:
            p[f"{name}_weight"] = normal(size, width) / max(1, width) ** 0.5
            p[f"{name}_bias"] = 0.3 * normal(size)
            width = size
    return p


def truth(
    p: Mapping[str, Tensor], region: Region, width: int, height: int, sharpness: float = 1000.0
) -> Tensor:
    """Brute force, in float64."""
    doubled = {name: tensor.double() for name, tensor in p.items()}
    return dividers.predict(doubled, region.points(height, width), sharpness).view(height, width, 3).float()


def close(
    p: Mapping[str, Tensor], region: Region, width: int, height: int, sharpness: float = 1000.0
) -> None:
    drawn = render_region(p, region, width, height, sharpness)
    assert drawn.shape == (height, width, 3)
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(drawn, truth(p, region, width, height, sharpness), atol=5e-5, rtol=0)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 16), (50, 37), (96, 161)])
def test_every_pixel_is_the_network_at_its_centre(name: str, width: int, height: int) -> None:
    close(network(**NETWORKS[name]), Region.whole((height, width), height, width), width, height)


@pytest.mark.parametrize("sharpness", [1.0, 5.0, 9.1, 50.0, 1e5])
def test_soft_and_hard_edges(sharpness: float) -> None:
    close(network(**NETWORKS["everything"]), Region.whole((64, 64), 64, 64), 64, 64, sharpness)


@pytest.mark.parametrize("region", [Region(pixel=0.3), Region(0.2, -0.4, 1e-3), Region(5, 7, 0.05)])
def test_far_off_and_near_by(region: Region) -> None:
    close(network(**NETWORKS["everything"]), region, 70, 60)


def test_in_few_pairs_and_small_pieces_the_picture_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    p, region = network(**NETWORKS["everything"]), Region.whole((64, 90), 64, 90)
    at_once = render_region(p, region, 90, 64)
    monkeypatch.setattr(divider_render, "PAIRS", 1)
    monkeypatch.setattr(divider_render, "CACHED", 1)
    torch.testing.assert_close(render_region(p, region, 90, 64), at_once, atol=1e-6, rtol=0)


def test_a_line_says_nothing_at_its_own_centre() -> None:
    p = network(lines=1)
    p["line_centre"].zero_()
    region = Region.whole((33, 33), 33, 33)  # its middle pixel is the origin
    said_nothing = {**p, "colour_weight": torch.zeros_like(p["colour_weight"])}
    middle = render_region(p, region, 33, 33)[16, 16]
    torch.testing.assert_close(middle, render_region(said_nothing, region, 33, 33)[16, 16], atol=1e-5, rtol=0)


def test_the_whole_picture_lies_on_the_grid_that_it_was_learnt_on() -> None:
    region = Region.whole((30, 50), 30, 50)
    torch.testing.assert_close(region.points(30, 50).float(), dividers.pixel_grid(30, 50))


def test_a_border_shows_so_many_times_the_picture() -> None:
    region = Region.whole((30, 50), 300, 500, border=3)
    points = region.points(300, 500)
    assert points[:, 0].max().item() == pytest.approx(3, abs=0.01)
    assert points[:, 1].max().item() == pytest.approx(3 * 0.6, abs=0.01)


def test_a_view_of_another_shape_shows_more_instead_of_distorting() -> None:
    region = Region.whole((30, 50), 400, 100)
    points = region.points(400, 100)
    assert points[:, 0].max().item() == pytest.approx(1, abs=0.02)
    assert points[:, 1].max().item() == pytest.approx(4, abs=0.02)


def test_parts_fit_together() -> None:
    p, region = network(lines=9, circles=9), Region(0.1, -0.2, 0.02)
    whole = render_region(p, region, 70, 50)
    for top, left, height, width in ((0, 0, 50, 70), (3, 5, 17, 29), (33, 0, 17, 70), (49, 69, 1, 1)):
        part = render_region(p, region.part(50, 70, top, left, height, width), width, height)
        torch.testing.assert_close(part, whole[top : top + height, left : left + width], atol=1e-5, rtol=0)


@pytest.mark.parametrize("pairs", [1, 1 << 21])
def test_samples_are_means(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divider_render, "PAIRS", pairs)
    p, region = network(lines=9, circles=9), Region(0.1, -0.2, 0.02)
    fine = truth(p, region.finer(3), 60, 90).view(30, 3, 20, 3, 3).mean((1, 3))
    torch.testing.assert_close(render_region(p, region, 20, 30, samples=3), fine, atol=5e-5, rtol=0)


@pytest.mark.parametrize("kind", ["angle", "distance", "circle"])
@pytest.mark.parametrize("depth", [1e3, 1e6, 1e9])
def test_edges_stay_crisp_however_deep(kind: str, depth: float) -> None:
    """One divider alone, seen from so near that float32 could not tell the pixels apart."""
    p = network(
        lines=int(kind != "circle"), circles=int(kind == "circle"), distance=int(kind == "distance"), seed=3
    )
    if kind == "circle":
        centre, radius = p["circle_centre"][0].double(), float(p["circle_log_radius"].double().exp())
        x, y = (centre + radius * torch.tensor([math.cos(0.7), math.sin(0.7)], dtype=torch.float64)).tolist()
    else:
        angle = p["line_angle"].double()
        normal = torch.cat([angle.cos(), angle.sin()])
        along = torch.stack([-normal[1], normal[0]])
        foot = p["line_offset"] * normal if kind == "distance" else p["line_centre"][0].double()
        x, y = (foot + 0.37 * along).tolist()
    region = Region(x, y, 0.01 / depth)
    sharpness = 1000.0 * depth
    drawn = render_region(p, region, 48, 48, sharpness)
    torch.testing.assert_close(drawn, truth(p, region, 48, 48, sharpness), atol=2e-3, rtol=0)
    assert (drawn.amax((0, 1)) - drawn.amin((0, 1))).max() > 0.05  # there is an edge in it


def test_zooming_keeps_its_point_in_place() -> None:
    region = Region(0.1, 0.2, 0.01).zoomed(0.5, -0.3, 8)
    assert region.pixel == pytest.approx(0.01 / 8)
    assert (0.5 - region.x) / region.pixel == pytest.approx((0.5 - 0.1) / 0.01)


def test_autograd_is_left_alone() -> None:
    p = {name: tensor.requires_grad_() for name, tensor in network(lines=3).items()}
    assert not render_region(p, Region(), 8, 8).requires_grad


def test_the_number_of_threads_is_left_alone() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError):
        render_region({}, Region(), 8, 8)
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu() -> None:
    p, region = network(**NETWORKS["everything"]), Region.whole((64, 90), 64, 90)
    drawn = render_region({name: tensor.cuda() for name, tensor in p.items()}, region, 90, 64)
    torch.testing.assert_close(drawn.cpu(), truth(p, region, 90, 64), atol=1e-3, rtol=0)
