"""Where dividers begin: edges are found where they are known to be, and scores are those of a slow count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from scalefree_studio.jobs.dividers.controls import FitControls
from scalefree_studio.jobs.dividers.start import placed_unit, present, residual_search, start
from scalefree_studio.models.dividers import network as dividers
from scalefree_studio.models.dividers.edges import ARC_SAMPLES, EdgeSearch

Floats = npt.NDArray[np.float64]


def world(height: int, width: int) -> tuple[Floats, Floats]:
    """x, y of every pixel's centre: (H, W) each."""
    y, x = np.mgrid[:height, :width] + 0.5
    return (x - width / 2) * 2 / max(height, width), (y - height / 2) * 2 / max(height, width)


def two_sides(side: npt.NDArray[np.bool_]) -> Floats:
    return np.where(side[..., None], (0.9, 0.5, 0.2), (0.2, 0.4, 0.6))  # (H, W, 3)


def half_plane(angle: float, offset: float, height: int = 60, width: int = 80) -> Floats:
    x, y = world(height, width)
    return two_sides(x * math.cos(angle) + y * math.sin(angle) > offset)


def disc(x0: float, y0: float, radius: float, height: int = 60, width: int = 80) -> Floats:
    x, y = world(height, width)
    return two_sides(np.hypot(x - x0, y - y0) < radius)


def search(picture: Floats, seed: int = 0) -> EdgeSearch:
    return EdgeSearch(picture, np.random.default_rng(seed))


# -- the search -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("angle", "offset"), [(0.0, 0.2), (0.7, -0.1), (2.5, 0.3), (-1.9, 0.0)])
def test_the_line_between_two_halves_is_found_within_a_pixel(angle: float, offset: float) -> None:
    picture = half_plane(angle, offset)
    found, score = search(picture).find("line")
    normal = np.array([math.cos(angle), math.sin(angle)])
    along = normal * offset + np.linspace(-0.5, 0.5, 21)[:, None] * (
        -normal[1],
        normal[0],
    )  # points of the edge
    away = along @ (math.cos(found[0]), math.sin(found[0])) - found[1]
    assert np.abs(away).max() < 1.0 * 2 / 80
    assert score > search(picture).find("circle")[1]


@pytest.mark.parametrize(("x", "y", "radius"), [(0.1, -0.1, 0.3), (-0.5, 0.2, 0.2), (0.0, 0.0, 0.55)])
def test_a_disc_is_found_within_a_pixel(x: float, y: float, radius: float) -> None:
    found, score = search(disc(x, y, radius)).find("circle")
    assert np.abs(found - (x, y, radius)).max() < 1.0 * 2 / 80
    assert score > search(disc(x, y, radius)).find("line")[1]


def test_of_two_edges_the_stronger_is_found_first_then_the_other() -> None:
    x, y = world(64, 64)
    picture = np.zeros((64, 64, 3))
    picture[x > 0.4] += 0.5
    picture[y > -0.3] += 0.2
    looking = search(picture)
    found = []
    for _ in range(2):
        line, _ = looking.find("line")
        found.append(abs(line[1]))
        looking.occupy("line", line)
    assert found == pytest.approx([0.4, 0.3], abs=0.02)


def slow_score(looking: EdgeSearch, kind: str, candidate: Floats, apart: float) -> float:
    """One candidate, point after point."""

    def pixel(x: float, y: float) -> tuple[int, int]:
        column = min(looking.width - 1, max(0, int(x / looking.pixel + looking.width / 2)))
        return min(looking.height - 1, max(0, int(y / looking.pixel + looking.height / 2))), column

    points, total = [], 0.0
    if kind == "line":
        nx, ny = math.cos(candidate[0]), math.sin(candidate[0])
        for t in np.arange(-1.42, 1.42, 2 * looking.pixel):
            points.append((nx * candidate[1] - ny * t, ny * candidate[1] + nx * t, nx, ny, 1.0))
    else:
        for n in range(ARC_SAMPLES):
            nx, ny = math.cos(2 * math.pi * n / ARC_SAMPLES), math.sin(2 * math.pi * n / ARC_SAMPLES)
            length = (
                candidate[2] * 2 * math.pi / ARC_SAMPLES / (2 * looking.pixel)
            )  # of an arc, in steps of a line
            points.append(
                (candidate[0] + candidate[2] * nx, candidate[1] + candidate[2] * ny, nx, ny, length)
            )
    for x, y, nx, ny, length in points:
        if abs(x) < looking.reach[0] and abs(y) < looking.reach[1]:
            step = apart * looking.pixel
            one, other = pixel(x + step * nx, y + step * ny), pixel(x - step * nx, y - step * ny)
            jump = math.sqrt(((looking.picture[one] - looking.picture[other]) ** 2).mean())
            total += length * looking.free[pixel(x, y)] * min(jump, looking.cap)
    return total


@pytest.mark.parametrize("kind", ["line", "circle"])
def test_scores_are_those_of_a_slow_count(kind: str) -> None:
    rng = np.random.default_rng(3)
    looking = search(rng.random((24, 31, 3)))
    looking.occupy("line", np.array([0.4, 0.1]))
    looking.occupy("circle", np.array([0.2, 0.1, 0.4]))
    candidates = rng.uniform(-1, 1, (20, 2 if kind == "line" else 3))
    candidates[:, -1] = np.abs(candidates[:, -1])
    expected = [slow_score(looking, kind, candidate, 1.3) for candidate in candidates]
    np.testing.assert_allclose(looking._score(kind, candidates, 1.3), expected, rtol=1e-9)


@pytest.mark.parametrize(("kind", "divider"), [("line", (0.6, 0.1)), ("circle", (0.1, -0.2, 0.35))])
def test_a_divider_occupies_what_is_near_it_and_explains_the_edges_there(kind: str, divider: Any) -> None:
    looking = search(half_plane(*divider) if kind == "line" else disc(*divider))
    before = looking.explained()
    looking.occupy(kind, np.array(divider))
    for row in range(looking.height):
        for column in range(looking.width):
            x, y = (column + 0.5 - 40) / 40, (row + 0.5 - 30) / 40
            if kind == "line":
                away = abs(x * math.cos(divider[0]) + y * math.sin(divider[0]) - divider[1])
            else:
                away = abs(math.hypot(x - divider[0], y - divider[1]) - divider[2])
            assert looking.free[row, column] == (away > 2 / 40)
    assert before == 0 and looking.explained() > 0.99


def test_flat_is_what_has_no_edge_to_either_side() -> None:
    assert search(half_plane(0.0, 0.0)).flat() == pytest.approx(78 / 80)  # the edge has a column on each side
    assert search(np.full((9, 12, 3), 0.4)).flat() == 1


def test_a_picture_without_an_edge_has_dividers_all_the_same() -> None:
    for kind, size in (("line", 2), ("circle", 3)):
        found, _ = search(np.full((12, 9, 3), 0.4)).find(kind, pool=50)
        assert found.shape == (size,) and np.isfinite(found).all()


# -- the start --------------------------------------------------------------------------------------------------------

DISC = (disc(0.1, -0.1, 0.3) * 255).astype(np.uint8)  # (60, 80, 3)


def test_a_start_is_asked_for_edges_or_for_none() -> None:
    shape = dict(lines=0, circles=1, hidden=4)
    for way, on_edges in (("edges", True), ("random", False), ("auto", True)):
        begun = start(FitControls(start=way, **shape), DISC)
        (_, circle), *others = present(begun.params)
        assert not others and begun.on_edges == on_edges
        assert (np.abs(circle - (0.1, -0.1, 0.3)).max() < 0.03) == on_edges
    noise = np.random.default_rng(0).integers(256, size=(60, 80, 3), dtype=np.uint8)
    assert not start(FitControls(start="auto", **shape), noise).on_edges  # a few dividers do not explain it
    assert not start(
        FitControls(start="auto", lines=33, circles=0, hidden=4), DISC
    ).on_edges  # it would take long


def test_a_start_begins_near_the_mean_colour_and_repeats_itself() -> None:
    controls = FitControls(lines=5, circles=3, relu=2, tanh=1, hidden=6, structure=4, seed=7, start="random")
    begun, again, other = (
        start(FitControls(**{**vars(controls), "seed": s}), DISC).params for s in (7, 7, 8)
    )
    assert all(torch.equal(begun[name], again[name]) for name in begun)
    assert not torch.equal(begun["line_angle"], other["line_angle"])
    assert dividers.unit_counts(begun) == {"line": 5, "circle": 3, "relu": 2, "tanh": 1, "cell": 0}
    colour = torch.sigmoid(begun["out_bias"]).numpy() * 255
    np.testing.assert_allclose(colour, DISC.reshape(-1, 3).mean(0), atol=0.1)


@pytest.mark.parametrize("form", ["angle", "distance"])
def test_random_lines_and_circles_cross_the_picture(form: str) -> None:
    params = start(FitControls(lines=200, circles=200, line_form=form, start="random", hidden=3), DISC).params
    corners = np.array([[-1, -0.75], [1, -0.75], [-1, 0.75], [1, 0.75]])
    for kind, (a, b, *radius) in present(params):
        if kind == "line":
            sides = corners @ (math.cos(a), math.sin(a)) - b
            assert sides.min() < 0 < sides.max()
        else:
            assert abs(a) <= 1 and abs(b) <= 0.75 and 0.08 <= radius[0] <= 0.7
    if form == "angle":  # a line's centre is where its gradient is strongest
        assert (params["line_centre"].abs() <= torch.tensor([1.0, 0.75]) + 1e-6).all()


@pytest.mark.parametrize("form", ["angle", "distance"])
def test_a_unit_is_placed_on_what_is_still_wrong_and_not_on_another(form: str) -> None:
    picture = DISC.copy()
    controls = FitControls(lines=1, circles=0, line_form=form, hidden=3, start="random")
    params = start(controls, picture).params
    circle = placed_unit("circle", params, controls, picture, seed=5)
    centre, radius = circle["circle_centre"].numpy(), math.exp(circle["circle_log_radius"])
    assert np.abs([*(centre - (0.1, -0.1)), radius - 0.3]).max() < 0.04
    line = placed_unit("line", params, controls, picture, seed=5)
    assert set(line) == set(dividers.LINE_FORMS[form])
    on_disc = params | {
        "circle_centre": torch.tensor([[0.1, -0.1]]),
        "circle_log_radius": torch.tensor([0.3]).log(),
    }
    on_disc["colour_weight"] = torch.zeros(3, 2)  # it is there, and the colours do not hear of it
    other = placed_unit("circle", on_disc, controls, picture, seed=5)
    away = np.abs(
        [*(other["circle_centre"].numpy() - (0.1, -0.1)), math.exp(other["circle_log_radius"]) - 0.3]
    )
    assert away.max() > 0.04
    looking = residual_search(on_disc, 1000.0, picture, np.random.default_rng(0))
    assert looking.free.mean() < 1
