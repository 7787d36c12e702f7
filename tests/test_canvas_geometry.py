"""The mathematics behind the canvas of divider networks, against brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_dividers import frame_of

from scalefree_studio.canvas.brush import painted
from scalefree_studio.canvas.camera import Camera, half_extent
from scalefree_studio.canvas.dividers.edit import dragged, numbers_of, with_numbers
from scalefree_studio.canvas.dividers.geometry import ROUND, Dividers, nearest, strokes
from scalefree_studio.canvas.dividers.panes import arranged
from scalefree_studio.canvas.picture import Sampled

SIZE = (320, 200)

# -- camera, geometry -------------------------------------------------------------------------------------------------


depth = st.floats(-9, 0).map(lambda e: 10.0**e)
cameras = st.builds(Camera, st.floats(-1, 1), st.floats(-1, 1), depth)
points = st.tuples(st.floats(-50, 400), st.floats(-50, 400))


@given(cameras, points)
def test_screen_to_world_and_back(camera: Camera, point: tuple[float, float]) -> None:
    there = camera.to_world(point, SIZE)
    assert np.allclose(camera.to_screen(there, SIZE), point, atol=1e-15 / camera.pixel + 1e-9)


@given(cameras, points, st.floats(0.1, 10))
def test_zoom_keeps_the_point_under_the_pointer(
    camera: Camera, point: tuple[float, float], factor: float
) -> None:
    before = camera.to_world(point, SIZE)
    after = camera.zoomed(point, factor, SIZE)
    assert np.allclose(after.to_world(point, SIZE), before, atol=1e-12 * after.pixel / 1e-9 + 1e-15)


def test_fitted_shows_all_of_the_picture_and_no_more() -> None:
    camera = Camera.fitted(half_extent((400, 100)), SIZE, margin=10)
    corners = camera.to_screen([[-1, -0.25], [1, 0.25]], SIZE)
    assert np.allclose(corners, [[10, 62.5], [310, 137.5]])
    assert np.allclose(camera.panned(5, -7).to_screen([-1, -0.25], SIZE), [15, 55.5])


@given(
    st.sampled_from(["side", "swipe", "learned"]), st.integers(1, 900), st.integers(1, 900), st.floats(0, 1)
)
def test_panes_are_equal_and_within_the_canvas(mode: str, width: int, height: int, swipe: float) -> None:
    panes = arranged(mode, (width, height), 8, swipe)
    assert len({pane.size for pane in panes}) == 1
    if min(width, height) > 20:
        shown = sum((p.end - p.start) * p.height for p in panes)
        assert shown <= width * height and all(
            p.x + p.width <= width and p.y + p.height <= height for p in panes
        )


def curve(dividers: Dividers, index: int, around: Camera) -> npt.NDArray[Any]:
    """Many points of a divider, in the world, near the camera."""
    lines = len(dividers.normal)
    reach = 400 * around.pixel
    if index < lines:
        n = dividers.normal[index]
        foot = np.array([around.x, around.y]) + n * ((dividers.centre[index] - (around.x, around.y)) @ n)
        return foot + np.linspace(-reach, reach, 2001)[:, None] * np.array([-n[1], n[0]])
    a = np.linspace(0, 2 * np.pi, 20001)
    round_ = np.stack([np.cos(a), np.sin(a)], axis=-1)
    if index < lines + len(dividers.radius):
        return dividers.centre[index] + dividers.radius[index - lines] * round_
    cell = index - lines - len(dividers.radius)
    return dividers.centre[index] + (round_ * dividers.radii[cell]) @ axes(dividers, cell)


def axes(dividers: Dividers, cell: int) -> npt.NDArray[Any]:
    """The ways of a cell's two radii: (2, 2)."""
    cos, sin = math.cos(dividers.angle[cell]), math.sin(dividers.angle[cell])
    return np.array([[cos, sin], [-sin, cos]])


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(-3.5, -1))
def test_strokes_lie_on_the_dividers_and_cover_what_is_in_view(
    seed: int, x: float, y: float, e: float
) -> None:
    camera = Camera(x, y, 10**e)
    dividers = Dividers.of(frame_of(4, 4, seed=seed, form="angle" if seed % 2 else "distance", cells=4))
    found = strokes(dividers, camera, SIZE, margin=4)
    assert np.abs(found.ends - np.tile(np.array(SIZE) / 2, 2)).max(initial=0) < 300
    for index in range(len(dividers)):
        ends = found.ends[found.owner == index]
        # Ends and middles lie on the curve.
        on_screen = np.concatenate([ends[:, :2], ends[:, 2:], (ends[:, :2] + ends[:, 2:]) / 2])
        world = camera.to_world(on_screen, SIZE)
        if index < 4:
            off = (world - dividers.centre[index]) @ dividers.normal[index] / camera.pixel
        elif index < 8:
            off = (np.hypot(*(world - dividers.centre[index]).T) - dividers.radius[index - 4]) / camera.pixel
        else:
            there = (world - dividers.centre[index]) @ axes(dividers, index - 8).T / dividers.radii[index - 8]
            off = (np.hypot(*there.T) - 1) * dividers.radii[index - 8].min() / camera.pixel
        assert np.abs(off).max(initial=0) < ROUND + 1e-6
        # Every point of the curve that is in the pane is near one of its strokes.
        at = camera.to_screen(curve(dividers, index, camera), SIZE)
        at = at[((at >= 0) & (at <= SIZE)).all(-1)][::7]
        if len(at):
            way = ends[:, 2:] - ends[:, :2]
            t = ((at[:, None] - ends[:, :2]) * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-12)
            closest = ends[:, :2] + t.clip(0, 1)[..., None] * way
            gap = np.hypot(*np.moveaxis(at[:, None] - closest, -1, 0)).min(axis=1)
            assert gap.max() < ROUND + 0.05


def test_a_rim_stays_in_its_place_however_deep() -> None:
    frame = frame_of(1, 1)
    dividers = Dividers.of(frame)
    for angle in (0.0, 1.0, math.pi / 2):
        x, y = dividers.centre[1] + dividers.radius[0] * np.array([math.cos(angle), math.sin(angle)])
        for pixel in (1e-3, 1e-6, 1e-9):
            found = strokes(dividers.only(1), Camera(x, y, pixel), SIZE)
            way = found.ends[:, 2:] - found.ends[:, :2]
            to_middle = np.array(SIZE) / 2 - found.ends[:, :2]
            off = np.abs(way[:, 0] * to_middle[:, 1] - way[:, 1] * to_middle[:, 0]) / np.hypot(*way.T)
            assert off.min() < ROUND + 1e-3


@given(st.integers(0, 1000), points)
def test_the_nearest_divider_is_the_nearest(seed: int, pointer: tuple[float, float]) -> None:
    dividers, camera = Dividers.of(frame_of(3, 3, seed=seed)), Camera(pixel=0.01)
    found = nearest(dividers, camera, SIZE, pointer, 8.0)
    x = camera.to_world(pointer, SIZE)
    to_centre = [math.dist(x, c) / 0.01 for c in dividers.centre]
    to_edge = [abs((x - dividers.centre[i]) @ dividers.normal[i]) / 0.01 for i in range(3)]
    to_edge += [abs(math.dist(x, dividers.centre[i + 3]) - dividers.radius[i]) / 0.01 for i in range(3)]
    if min(to_centre) <= 8:
        assert found == (int(np.argmin(to_centre)), "centre")
    elif min(to_edge) <= 8:
        assert found == (int(np.argmin(to_edge)), "edge")
    else:
        assert found is None


def test_a_cell_is_found_by_its_centre_and_by_its_edge() -> None:
    frame = frame_of(2, 1, cells=3, seed=8)
    frame["unit_ids"] = np.array([7, 3, 5, 20, 21, 22])
    dividers, camera = Dividers.of(frame), Camera(pixel=0.01)
    assert dividers.ids.tolist() == [7, 3, 5, 20, 21, 22]
    for cell in range(3):
        centre = dividers.centre[3 + cell]
        found = nearest(dividers, camera, SIZE, tuple(camera.to_screen(centre, SIZE)), 1.0)
        assert found == (3 + cell, "centre")
        alone = dividers.only(3 + cell)
        for axis in (0, 1):
            end = centre + axes(dividers, cell)[axis] * dividers.radii[cell, axis]
            assert nearest(alone, camera, SIZE, tuple(camera.to_screen(end, SIZE)), 0.5) == (0, "edge")
            inside = centre + axes(dividers, cell)[axis] * dividers.radii[cell, axis] * 0.5
            far = nearest(alone, camera, SIZE, tuple(camera.to_screen(inside, SIZE)), 0.5)
            assert far is None or far[1] == "centre"


def test_smooth_units_between_circles_and_cells_are_nothing_to_touch() -> None:
    frame = frame_of(1, 1, cells=2) | {"unit_ids": np.array([1, 2, 3, 4, 5])}  # 3 is a smooth one
    assert Dividers.of(frame).ids.tolist() == [1, 2, 4, 5]


def test_a_held_cell() -> None:
    frame = frame_of(0, 0, cells=2)
    before = Dividers.of(frame)
    c, way, r = before.centre[1], axes(before, 1), before.radii[1]
    for axis in (0, 1):
        grip = c + way[axis] * r[axis]
        new = dragged(numbers_of(frame, 1), "edge", False, tuple(grip), tuple(grip + 0.2 * way[axis]))
        after = np.exp(new["cell_log_radius"])
        assert after[axis] == pytest.approx(r[axis] + 0.2, rel=1e-4)
        assert after[1 - axis] == pytest.approx(r[1 - axis], rel=1e-4)
    shut = dragged(numbers_of(frame, 1), "edge", False, tuple(grip), tuple(c))
    assert np.isfinite(shut["cell_log_radius"]).all()
    turned = dragged(numbers_of(frame, 1), "edge", True, (c[0] + 0.1, c[1]), (c[0], c[1] + 0.1))
    assert turned["cell_angle"] - frame["cell_angle"][1] == pytest.approx(math.pi / 2, rel=1e-4)
    moved = dragged(numbers_of(frame, 1), "centre", False, (0, 0), (0.1, -0.2))
    assert np.allclose(moved["cell_centre"], c + np.float32([0.1, -0.2]))
    assert np.array_equal(with_numbers(frame, 1, moved)["cell_centre"][0], frame["cell_centre"][0])


# -- a divider in the hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["angle", "distance"])
@pytest.mark.parametrize("turn", [False, True])
def test_a_held_line_passes_through_the_hand(form: str, turn: bool) -> None:
    frame = frame_of(3, 0, seed=5, form=form)
    before = Dividers.of(frame)
    along = np.array([-before.normal[1][1], before.normal[1][0]])
    start = before.centre[1] + 0.3 * along  # on the line
    step = np.array([0.11, 0.07])
    now = start + step
    for part in ("edge", "centre"):
        at = start if part == "edge" else before.centre[1]
        new = dragged(numbers_of(frame, 1), part, turn, tuple(at), tuple(at + step))
        after = Dividers.of(with_numbers(frame, 1, new))
        assert {k: v.shape for k, v in new.items()} == {k: frame[k][1].shape for k in new}
        assert all(v.dtype == np.float32 for v in new.values())
        if part == "edge":
            assert abs((now - after.centre[1]) @ after.normal[1]) < 1e-5
            assert (after.normal[1] @ before.normal[1] > 1 - 1e-6) != turn
        elif not turn:
            assert np.allclose(after.centre[1], at + step, atol=1e-5)
        assert np.array_equal(after.centre[0], before.centre[0])
    assert not np.shares_memory(with_numbers(frame, 1, new)["line_angle"], frame["line_angle"])


def test_a_line_written_by_distance_does_not_change_its_sides_when_its_foot_crosses_the_origin() -> None:
    numbers = {"line_angle": np.float32(0.3), "line_offset": np.float32(0.05)}
    foot = (0.05 * math.cos(0.3), 0.05 * math.sin(0.3))
    new = dragged(numbers, "centre", False, foot, (-foot[0], -foot[1]))  # type: ignore[arg-type]
    assert new["line_angle"] == pytest.approx(0.3) and new["line_offset"] == pytest.approx(-0.05)


def test_a_held_circle() -> None:
    frame = frame_of(0, 2)
    c, r = frame["circle_centre"][1], math.exp(frame["circle_log_radius"][1])
    grip = (float(c[0]) + r, float(c[1]))
    wider = dragged(numbers_of(frame, 1), "edge", False, grip, (grip[0] + 0.2, grip[1]))
    assert math.exp(wider["circle_log_radius"]) == pytest.approx(r + 0.2, rel=1e-5)
    assert np.array_equal(wider["circle_centre"], c)
    shut = dragged(numbers_of(frame, 1), "edge", False, grip, (float(c[0]), float(c[1])))
    assert np.isfinite(shut["circle_log_radius"])
    moved = dragged(numbers_of(frame, 1), "centre", False, (0, 0), (0.1, -0.2))
    assert np.allclose(moved["circle_centre"], c + np.float32([0.1, -0.2])) and "circle_log_radius" in moved


# -- brush, target ------------------------------------------------------------------------------------------------


def test_a_stroke_is_full_in_its_middle_and_nothing_beyond_its_radius() -> None:
    mask = np.ones((60, 100), np.float32)
    painted(mask, (-0.5, 0.0), (0.5, 0.0), 0.2, 8.0, erase=False)
    y, x = np.mgrid[:60, :100]
    wx, wy = (x - 49.5) / 50, (y - 29.5) / 50
    distance = np.hypot(wx - wx.clip(-0.5, 0.5), wy)
    assert (mask[distance <= 0.1] == 8).all() and (mask[distance >= 0.2] == 1).all()
    assert mask.min() == 1 and mask.max() == 8
    again = painted(mask.copy(), (-0.5, 0.0), (0.5, 0.0), 0.2, 8.0, erase=False)
    assert np.array_equal(again, mask)
    painted(again, (-0.9, 0.0), (0.9, 0.0), 0.6, 8.0, erase=True)
    assert (again == 1).all()
    painted(again, (5, 5), (6, 6), 0.2, 8.0, erase=False)  # outside
    assert (again == 1).all()


@given(cameras, st.integers(1, 90), st.integers(1, 90))
def test_sampling_looks_up_what_lies_under_each_pixel(camera: Camera, width: int, height: int) -> None:
    array = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    seen = Sampled(array, smooth=False).seen(camera, SIZE)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    world = camera.to_world(np.stack([x, y], -1), SIZE)
    cell = (world + half_extent((width, height))) * max(width, height) / 2
    column, row = np.floor(cell[..., 0]), np.floor(cell[..., 1])
    between = (np.abs(cell - cell.round()) < 1e-5).any(-1)  # two cells: it may fall to either
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    if seen is None:
        assert not (inside & ~between).any()
        return
    image, (x0, y0, x1, y1) = seen
    assert image.shape == (y1 - y0, x1 - x0, 3)
    expected = array[row.clip(0, height - 1).astype(int), column.clip(0, width - 1).astype(int)][y0:y1, x0:x1]
    assert ((image == expected).all(-1) | between[y0:y1, x0:x1]).all()


def test_a_picture_far_away_is_its_mean_and_near_shows_its_own_pixels() -> None:
    checks = np.indices((256, 256)).sum(0) % 2 * np.uint8(255)
    far = Sampled(checks.astype(np.uint8)).seen(Camera(pixel=2 / 64), SIZE)
    assert far is not None and np.abs(far[0].astype(int) - 127).max() <= 2
    near = Sampled(checks.astype(np.uint8)).seen(Camera(pixel=2 / 256 / 20), SIZE)
    assert near is not None and np.isin(near[0], (0, 255)).mean() > 0.9
