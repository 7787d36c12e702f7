"""The canvas of divider networks: its mathematics against brute force, and what it shows and tells in a real window."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import vispy
from hypothesis import given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from vispy.util import keys

from scalefree_studio.canvas.brush import Brush, painted
from scalefree_studio.canvas.camera import Camera, half_extent
from scalefree_studio.canvas.dividers.canvas import DividerCanvas
from scalefree_studio.canvas.dividers.edit import dragged, numbers_of, with_numbers
from scalefree_studio.canvas.dividers.geometry import ROUND, Dividers, nearest, strokes
from scalefree_studio.canvas.dividers.listener import Listener
from scalefree_studio.canvas.dividers.panes import arranged
from scalefree_studio.canvas.picture import RenderRequest, Sampled
from scalefree_studio.models.dividers.network import predict
from scalefree_studio.window.views import render

Frame = dict[str, npt.NDArray[Any]]
SIZE = (320, 200)


def frame_of(lines: int = 3, circles: int = 2, hidden: int = 4, seed: int = 0, form: str = "angle") -> Frame:
    r = np.random.default_rng(seed)

    def f(*shape: int, scale: float = 1.0) -> npt.NDArray[Any]:
        return (r.normal(size=shape) * scale).astype(np.float32)

    units = lines + circles
    frame: Frame = {"line_angle": f(lines, scale=3)}
    frame |= (
        {"line_centre": f(lines, 2, scale=0.4)} if form == "angle" else {"line_offset": f(lines, scale=0.4)}
    )
    frame |= {"circle_centre": f(circles, 2, scale=0.4), "circle_log_radius": f(circles, scale=0.4) - 1}
    frame |= {"colour_weight": f(hidden, units), "colour_bias": f(hidden), "out_weight": f(3, hidden)}
    return frame | {"out_bias": f(3, scale=0.3), "unit_ids": np.arange(units, dtype=np.int64) + 100}


# -- camera, geometry ---------------------------------------------------------------------------------------------

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
    r = dividers.radius[index - lines]
    return dividers.centre[index] + r * np.stack([np.cos(a), np.sin(a)], axis=-1)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(-3.5, -1))
def test_strokes_lie_on_the_dividers_and_cover_what_is_in_view(
    seed: int, x: float, y: float, e: float
) -> None:
    camera = Camera(x, y, 10**e)
    dividers = Dividers.of(frame_of(4, 4, seed=seed, form="angle" if seed % 2 else "distance"))
    found = strokes(dividers, camera, SIZE, margin=4)
    assert np.abs(found.ends - np.tile(np.array(SIZE) / 2, 2)).max(initial=0) < 300
    for index in range(len(dividers)):
        ends = found.ends[found.owner == index]
        # Ends and middles lie on the curve.
        on_screen = np.concatenate([ends[:, :2], ends[:, 2:], (ends[:, :2] + ends[:, 2:]) / 2])
        world = camera.to_world(on_screen, SIZE)
        if index < 4:
            off = (world - dividers.centre[index]) @ dividers.normal[index] / camera.pixel
        else:
            off = (np.hypot(*(world - dividers.centre[index]).T) - dividers.radius[index - 4]) / camera.pixel
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


# -- in a window --------------------------------------------------------------------------------------------------


class Heard(Listener):
    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def hover(self, unit: int | None) -> None:
        self.said.append(("hover", unit))

    def select(self, unit: int | None) -> None:
        self.said.append(("select", unit))

    def drag(self, unit: int, params: Any, gesture: int) -> None:
        self.said.append(("drag", unit, params, gesture))

    def drag_end(self, gesture: int) -> None:
        self.said.append(("drag_end", gesture))

    def mask_changed(self, mask: Any, done: bool) -> None:
        self.said.append(("mask", mask, done))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [said for said in self.said if said[0] == kind]


PICTURE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
CROSS: Frame = frame_of(1, 1) | {
    "line_centre": np.float32([[0.5, 0.1]]),
    "line_angle": np.float32([0.0]),  # upright, at x = 0.5
    "circle_centre": np.float32([[-0.4, 0.0]]),
    "circle_log_radius": np.log(np.float32([0.25])),
}


@pytest.fixture
def canvas(qapp: Any) -> Iterator[DividerCanvas]:
    vispy.use("pyqt6")
    canvas = DividerCanvas(size=(640, 240))
    canvas.listener = Heard()
    canvas.native.show()
    QTest.qWaitForWindowExposed(canvas.native)
    canvas.set_target(PICTURE)
    canvas.show_frame(CROSS)
    yield canvas
    canvas.close()


def heard(canvas: DividerCanvas) -> Heard:
    assert isinstance(canvas.listener, Heard)
    return canvas.listener


def at(canvas: DividerCanvas, world: tuple[float, float], pane: int = 0) -> tuple[float, float]:
    """A point of the world, in the logical pixels of mouse events."""
    p = canvas.shown.panes[pane]
    x, y = canvas.camera.to_screen(world, p.size)
    return (p.x + x) / canvas.ratio, (p.y + y) / canvas.ratio


def mouse(canvas: DividerCanvas, *path: tuple[float, float], button: int = 1, modifiers: Any = ()) -> None:
    """Press, move along the path, release. Through vispy's events: its Qt side drops moves in quick succession."""
    canvas.events.mouse_press(pos=path[0], button=button, modifiers=modifiers)
    for pos in path[1:]:
        canvas.events.mouse_move(pos=pos, button=button, modifiers=modifiers)
    canvas.events.mouse_release(pos=path[-1], button=button, modifiers=modifiers)


def shot(canvas: DividerCanvas) -> npt.NDArray[np.uint8]:
    image: npt.NDArray[np.uint8] = canvas.render()
    assert (image[..., 3] == 255).all()  # nothing of what is behind the window
    return image[..., :3]


def test_the_overlay_is_where_the_dividers_are(canvas: DividerCanvas) -> None:
    with_lines = shot(canvas).astype(int)
    canvas.overlay = False
    without = shot(canvas).astype(int)
    touched = np.abs(with_lines - without).max(-1) > 20
    assert touched.any()
    for pane in canvas.shown.panes:
        y, x = np.mgrid[: pane.height, : pane.width] + 0.5
        world = canvas.camera.to_world(np.stack([x, y], -1), pane.size)
        line = np.abs(world[..., 0] - 0.5)
        circle = np.abs(np.hypot(world[..., 0] + 0.4, world[..., 1]) - 0.25)
        centre = np.minimum(
            np.hypot(world[..., 0] + 0.4, world[..., 1]), np.hypot(world[..., 0] - 0.5, world[..., 1] - 0.1)
        )
        distance = np.minimum(np.minimum(line, circle), centre) / canvas.camera.pixel
        part = touched[pane.y : pane.y + pane.height, pane.x : pane.x + pane.width]
        core = np.minimum(line, circle) / canvas.camera.pixel < 0.5
        assert part[core].mean() > 0.9  # a light line on light pixels changes little
        assert not part[distance > 6 * canvas.ratio].any()


def test_the_target_is_shown_pixel_by_pixel(canvas: DividerCanvas) -> None:
    canvas.overlay = False
    image, pane = shot(canvas), canvas.shown.panes[0]
    for row, column in ((2, 3), (37, 56), (20, 31)):
        world = ((column - 29.5) / 30, (row - 19.5) / 30)
        x, y = canvas.camera.to_screen(world, pane.size).astype(int)
        assert np.abs(image[pane.y + y, pane.x + x].astype(int) - PICTURE[row, column]).max() <= 1
    outside = canvas.camera.to_screen((0, -0.8), pane.size).astype(int)
    assert np.abs(image[outside[1], outside[0]] - canvas.colours.of("background")[:3] * 255).max() <= 1


@pytest.mark.parametrize("depth", [1.0, 1e5])
def test_the_learned_picture_is_the_network(canvas: DividerCanvas, qtbot: Any, depth: float) -> None:
    before = threading.active_count()
    worker = render.attach(canvas)
    canvas.overlay = False
    # At the rim of the circle, where the picture changes.
    canvas.camera = Camera(-0.15, 0.0, 0.003 / depth)
    size = canvas.shown.panes[1].size
    qtbot.waitUntil(lambda: worker.finest, timeout=20000)
    qtbot.waitUntil(lambda: canvas._painter.rendered is not None and worker.take() is None)
    image, pane = shot(canvas), canvas.shown.panes[1]
    assert worker.stop() and worker.stop()
    assert threading.active_count() == before
    params = {k: torch.from_numpy(v).double() for k, v in CROSS.items() if k != "unit_ids"}
    quarters = np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
    for x in range(5, size[0], 61):
        for y in range(5, size[1], 37):
            points = canvas.camera.to_world(np.array([x, y]) + quarters, size)
            colour = predict(params, torch.from_numpy(points)).mean(0).numpy() * 255
            assert np.abs(image[pane.y + y, pane.x + x] - colour).max() <= 2


def test_dragging_a_line_tells_its_new_numbers_and_shows_them_at_once(canvas: DividerCanvas) -> None:
    start, end = at(canvas, (0.5, -0.3)), at(canvas, (0.7, -0.2))
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    canvas.events.mouse_press(pos=start, button=1, modifiers=())
    canvas.events.mouse_move(pos=middle, button=1, modifiers=())
    canvas.events.mouse_move(pos=end, button=1, modifiers=())
    canvas.show_frame(CROSS)  # training goes on meanwhile
    assert np.allclose(canvas.shown.dividers.centre[0], [0.7, 0.1], atol=1e-3)
    canvas.events.mouse_release(pos=end, button=1, modifiers=())
    assert np.allclose(canvas.shown.dividers.centre[0], [0.7, 0.1], atol=1e-3)
    said = heard(canvas)
    assert said.of("select") == [("select", 100)]
    drags = said.of("drag")
    assert {(unit, gesture) for _, unit, _, gesture in drags} == {(100, 1)}
    assert np.allclose(drags[-1][2]["line_centre"], [0.7, 0.1], atol=1e-3)
    assert said.of("drag_end") == [("drag_end", 1)]
    canvas.show_frame(CROSS)  # what the job says now counts
    assert np.allclose(canvas.shown.dividers.centre[0], [0.5, 0.1])


@pytest.mark.parametrize("other", ["distance", "circle"])
def test_a_divider_that_becomes_another_is_let_go(canvas: DividerCanvas, other: str) -> None:
    """Another form of lines, or another run, may begin while one is in the hand; numbers count from 100 again."""
    start, end = at(canvas, (0.5, -0.3)), at(canvas, (0.7, -0.2))
    canvas.events.mouse_press(pos=start, button=1, modifiers=())
    canvas.events.mouse_move(pos=((start[0] + end[0]) / 2, start[1]), button=1, modifiers=())
    frame = frame_of(form="distance") if other == "distance" else frame_of(lines=0, circles=2)
    canvas.show_frame(frame)
    assert heard(canvas).of("drag")
    told = len(heard(canvas).of("drag"))
    canvas.events.mouse_move(pos=end, button=1, modifiers=())
    canvas.events.mouse_release(pos=end, button=1, modifiers=())
    assert len(heard(canvas).of("drag")) == told
    assert canvas.shown.frame is not None and all(
        (canvas.shown.frame[name] == frame[name]).all() for name in frame
    )


def test_turning_widening_and_moving(canvas: DividerCanvas) -> None:
    mouse(canvas, at(canvas, (0.5, -0.4)), at(canvas, (1.0, 0.1)), modifiers=(keys.SHIFT,))
    assert heard(canvas).of("drag")[-1][2]["line_angle"] % math.pi == pytest.approx(math.pi / 2, abs=0.02)
    mouse(canvas, at(canvas, (-0.4, 0.25), 1), at(canvas, (-0.4, 0.4), 1))  # in the other pane
    assert math.exp(heard(canvas).of("drag")[-1][2]["circle_log_radius"]) == pytest.approx(0.4, abs=0.01)
    mouse(canvas, at(canvas, (-0.4, 0.0)), at(canvas, (0.1, -0.2)))
    assert np.allclose(heard(canvas).of("drag")[-1][2]["circle_centre"], [0.1, -0.2], atol=0.01)
    assert [said[1] for said in heard(canvas).of("drag_end")] == [1, 2, 3]
    canvas.editable = False
    said = len(heard(canvas).of("drag"))
    mouse(canvas, at(canvas, (0.5, -0.4)), at(canvas, (0.7, -0.4)))
    assert len(heard(canvas).of("drag")) == said


def test_real_clicks_select_and_hovering_tells(canvas: DividerCanvas) -> None:
    x, y = at(canvas, (0.5, -0.3))
    canvas.events.mouse_move(pos=(x, y), modifiers=())
    assert canvas.hovered == 100 and heard(canvas).of("hover") == [("hover", 100)]
    numbers = canvas.numbers(100)
    assert numbers is not None and numbers["line_angle"] == 0 and canvas.numbers(7) is None
    QTest.mouseClick(canvas.native, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
    assert canvas.selected == 100 and not heard(canvas).of("drag")
    QTest.mouseClick(canvas.native, Qt.MouseButton.LeftButton, pos=QPoint(round(x) - 40, round(y)))
    assert canvas.selected is None and [said[1] for said in heard(canvas).of("select")] == [100, None]
    canvas.leave()
    assert canvas.hovered is None
    canvas.overlay = False  # what is not shown cannot be touched
    canvas.events.mouse_move(pos=(x, y), modifiers=())
    assert canvas.hovered is None


def test_zooming_panning_and_fitting(canvas: DividerCanvas) -> None:
    fitted = canvas.camera
    pos = at(canvas, (0.1, 0.2))
    canvas.events.mouse_wheel(pos=pos, delta=(0, 3), modifiers=())
    assert canvas.camera.pixel < fitted.pixel and np.allclose(at(canvas, (0.1, 0.2)), pos)
    mouse(canvas, pos, (pos[0] + 30, pos[1] - 20))
    assert np.allclose(at(canvas, (0.1, 0.2)), (pos[0] + 30, pos[1] - 20))
    mouse(canvas, pos, (pos[0] + 7, pos[1]), button=3)
    canvas.events.mouse_double_click(pos=at(canvas, (0.05, 0.3)), button=1, modifiers=())
    assert canvas.camera == fitted
    canvas.native.resize(400, 300)
    QTest.qWait(50)
    assert canvas.camera.pixel != fitted.pixel  # fitted again


def test_a_border_shows_what_lies_around(canvas: DividerCanvas) -> None:
    fitted = canvas.camera
    canvas.border = 3
    assert canvas.camera.pixel == pytest.approx(3 * fitted.pixel)
    canvas.zoom(5)
    canvas.fit()
    assert canvas.camera.pixel == pytest.approx(3 * fitted.pixel)


def test_swiping(canvas: DividerCanvas) -> None:
    canvas.mode = "swipe"
    width = canvas.shown.panes[0].width / canvas.ratio
    mouse(canvas, (width * 0.5, 50), (width * 0.6, 50), (width * 0.25, 60))
    assert canvas.swipe == pytest.approx(0.25, abs=0.01)
    assert canvas.shown.panes[0].end == canvas.shown.panes[1].start
    shot(canvas)


def test_painting_a_mask(canvas: DividerCanvas) -> None:
    canvas.overlay = False
    plain = shot(canvas)
    canvas.brush = Brush(radius=20, peak=5)
    mouse(canvas, at(canvas, (-0.3, 0)), at(canvas, (0.3, 0)))
    mask, done = heard(canvas).of("mask")[-1][1:]
    assert done and mask.shape == (40, 60) and mask.dtype == np.float32
    assert mask[20, 30] == 5 and mask[0, 0] == 1
    assert np.array_equal(mask, canvas.mask)  # type: ignore[arg-type]
    tinted = shot(canvas)
    pane = canvas.shown.panes[0]
    x, y = canvas.camera.to_screen((0.1, 0.01), pane.size).astype(int)
    accent = canvas.colours.of("selected")[:3] * 255
    seen = 0.45 * plain[pane.y + y, pane.x + x] + 0.55 * accent
    assert np.abs(tinted[pane.y + y, pane.x + x] - seen).max() <= 3
    mouse(canvas, at(canvas, (-0.6, 0)), at(canvas, (0.6, 0)), button=2)
    assert heard(canvas).of("mask")[-1][1][20, 30] == 1
    canvas.events.mouse_wheel(pos=(50, 50), delta=(0, 1), modifiers=(keys.SHIFT,))
    assert canvas.brush.radius > 20
    canvas.events.mouse_press(pos=at(canvas, (0, 0)), button=1, modifiers=())
    canvas.mask = None  # the job's echo of an earlier stroke does not wipe out the one in hand
    canvas.events.mouse_release(pos=at(canvas, (0, 0)), button=1, modifiers=())
    assert heard(canvas).of("mask")[-1][1].max() == 5
    canvas.set_target(PICTURE[:20])
    assert canvas.mask is None


def test_a_picture_of_another_network_is_not_shown(canvas: DividerCanvas) -> None:
    asked: list[RenderRequest] = []
    canvas.renderer = asked.append
    canvas.show_frame(CROSS)
    shot(canvas)
    request = asked[-1]
    image = np.zeros((4, 4, 3), np.uint8)
    old = render.Rendered(image, 0, 0, 2, 2, request.epoch)
    canvas.show_frame(None)
    canvas.show_frame(CROSS)
    canvas.show_rendered(old)
    assert canvas._painter.rendered is None
    canvas.show_rendered(render.Rendered(image, 0, 0, 2, 2, request.epoch + 1))
    assert canvas._painter.rendered is not None


def test_while_training_a_frame_is_drawn_together_with_its_picture(canvas: DividerCanvas, qtbot: Any) -> None:
    asked: list[RenderRequest] = []
    canvas.renderer = asked.append
    canvas.show_rendered(render.Rendered(np.zeros((4, 4, 3), np.uint8), 0, 0, 2, 2, 0))
    canvas.moving = True
    shot(canvas)
    QTest.qWait(50)
    asked.clear()
    drawn: list[int] = []
    canvas.events.draw.connect(lambda event: drawn.append(1))
    canvas.show_frame(CROSS)
    QTest.qWait(50)
    assert len(asked) == 1 and asked[0].moving and not drawn
    canvas.show_rendered(render.Rendered(np.zeros((4, 4, 3), np.uint8), 0, 0, 2, 2, 0))
    qtbot.waitUntil(lambda: bool(drawn))
    drawn.clear()
    for _ in range(4):  # no picture comes: then without
        canvas.show_frame(CROSS)
    qtbot.waitUntil(lambda: bool(drawn))


def test_torch_threads_of_others_are_left_alone(qapp: Any) -> None:
    seen: list[int] = []
    expected = torch.get_num_threads()
    worker = render.RenderWorker()
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert worker.stop()
    assert seen == [expected] and torch.get_num_threads() == expected


def test_captions_are_drawn(canvas: DividerCanvas, qapp: Any) -> None:
    before = shot(canvas)
    label = render.caption("target", qapp.font(), ratio=2)
    assert label.shape[2] == 4 and label[..., 3].max() > 100
    canvas.set_captions({"target": label})
    after = shot(canvas)
    changed = np.argwhere(np.abs(after.astype(int) - before).max(-1) > 2)
    assert (
        len(changed)
        and (changed.min(0) >= 10).all()
        and changed[:, 1].max() < 12 * canvas.ratio + label.shape[1]
    )
