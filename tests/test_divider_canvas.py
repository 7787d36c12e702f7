"""The canvas of divider networks in a real window: what it shows, and what it tells of the mouse."""

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
from canvas_mouse import mouse
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from small_dividers import Frame, frame_of
from vispy.util import keys

from scalefree_studio.canvas.brush import Brush
from scalefree_studio.canvas.camera import Camera
from scalefree_studio.canvas.dividers.canvas import DividerCanvas
from scalefree_studio.canvas.dividers.listener import Listener
from scalefree_studio.canvas.picture import RenderRequest
from scalefree_studio.models.dividers.network import predict
from scalefree_studio.window.views import render


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


def shot(canvas: DividerCanvas) -> npt.NDArray[np.uint8]:
    image: npt.NDArray[np.uint8] = canvas.render()
    assert (image[..., 3] == 255).all()  # nothing of what is behind the window
    return image[..., :3]


# -- what it shows ----------------------------------------------------------------------------------------------------


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


def test_a_border_shows_what_lies_around(canvas: DividerCanvas) -> None:
    fitted = canvas.camera
    canvas.border = 3
    assert canvas.camera.pixel == pytest.approx(3 * fitted.pixel)
    canvas.zoom(5)
    canvas.fit()
    assert canvas.camera.pixel == pytest.approx(3 * fitted.pixel)


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


# -- the mouse ---------------------------------------------------------------------------------------------------------


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
