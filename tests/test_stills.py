"""What is seen on a canvas, drawn once more: as it is on the screen, at any width, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import vispy
from PyQt6.QtTest import QTest
from small_dividers import Frame, frame_of

from scalefree_studio.canvas.camera import Camera
from scalefree_studio.canvas.dividers.canvas import DividerCanvas
from scalefree_studio.canvas.picture import Rendered
from scalefree_studio.canvas.still import Still
from scalefree_studio.canvas.walls.boards import Board, Place
from scalefree_studio.canvas.walls.canvas import WallCanvas
from scalefree_studio.models.dividers.render import Region, render_region
from scalefree_studio.snapshot import Bytes
from scalefree_studio.window.views import render

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 255, (40, 60, 3), dtype=np.uint8)
FRAME: Frame = frame_of(3, 2)


def in_parts(still: Still, width: int, height: int) -> Bytes:
    """All of it, from parts of this size."""
    across, down = still.size
    whole = np.zeros((down, across, 3), np.uint8)
    for top in range(0, down, height):
        for left in range(0, across, width):
            part = (left, top, min(width, across - left), min(height, down - top))
            drawn = still.draw(part, drawn_for(still, part))
            whole[top : top + part[3], left : left + part[2]] = drawn
    return whole


def drawn_for(still: Still, part: tuple[int, int, int, int]) -> Rendered | None:
    """What a part wants of the network, from the network."""
    wanted = still.wanted(part)
    if wanted is None:
        return None
    params = {name: torch.from_numpy(np.array(a)) for name, a in wanted.frame.items() if name != "unit_ids"}
    region = Region(wanted.x, wanted.y, wanted.pixel)
    picture = render_region(params, region, wanted.width, wanted.height, wanted.sharpness, 2)
    image = picture.mul(255).round().to(torch.uint8).numpy()
    across, down = wanted.width * wanted.pixel, wanted.height * wanted.pixel
    return Rendered(image, wanted.x, wanted.y, across, down, wanted.epoch)


def differ(a: Bytes, b: Bytes) -> np.ndarray:
    return np.asarray(np.abs(a.astype(int) - b).max(-1))


@pytest.fixture
def canvas(qapp: Any) -> Iterator[DividerCanvas]:
    vispy.use("pyqt6")
    canvas = DividerCanvas(size=(640, 240))
    canvas.native.show()
    QTest.qWaitForWindowExposed(canvas.native)
    canvas.set_target(PICTURE)
    canvas.set_captions(captions(1.0))
    canvas.show_frame(FRAME)
    yield canvas
    canvas.close()


def captions(ratio: float) -> dict[str, Bytes]:
    from PyQt6.QtGui import QFont

    return {name: render.caption(name, QFont(), ratio=ratio) for name in ("target", "learned")}


@pytest.mark.parametrize("mode", ["side", "swipe", "learned"])
@pytest.mark.parametrize("depth", [1.0, 3e4])
def test_a_still_is_what_the_canvas_shows(mode: str, depth: float, canvas: DividerCanvas, qtbot: Any) -> None:
    mask = np.ones((40, 60), np.float32)
    mask[10:20, 20:40] = 5
    worker = render.attach(canvas)
    canvas.mode, canvas.mask, canvas.selected = mode, mask, int(FRAME["unit_ids"][0])
    canvas.camera = Camera(-0.1513, 0.0517, 0.0041 / depth)
    qtbot.waitUntil(lambda: worker.finest, timeout=20000)
    qtbot.waitUntil(lambda: canvas._painter.rendered is not None and worker.take() is None)
    screen = canvas.render()[..., :3]
    worker.stop()
    still = canvas.still(canvas.physical[0], captions(1.0))
    for size in ((640, 240), (200, 90)):
        assert differ(in_parts(still, *size), screen).max() <= 2
    canvas.overlay = False  # later changes are not of it
    assert differ(in_parts(still, 640, 240), screen).max() <= 2
    bare = in_parts(canvas.still(canvas.physical[0], captions(1.0)), 640, 240)
    assert depth > 1 or differ(bare, screen).max() > 60  # the lines were there


def test_a_still_shows_the_same_at_three_times_the_width(canvas: DividerCanvas) -> None:
    canvas.camera = Camera(-0.1, 0.0, 0.006)
    small = in_parts(canvas.still(640, captions(1.0)), 640, 240)
    large = in_parts(canvas.still(1920, captions(3.0)), 512, 256)
    assert large.shape == (720, 1920, 3)
    means = large.reshape(240, 3, 640, 3, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    assert differ(means, small).mean() < 6  # edges are finer, and letters are
    assert (differ(means, small) < 40).mean() > 0.97


def wall(size: tuple[int, int] = (600, 400)) -> WallCanvas:
    vispy.use("pyqt6")
    canvas = WallCanvas(size=size)
    canvas.native.show()
    QTest.qWaitForWindowExposed(canvas.native)
    return canvas


@pytest.mark.parametrize("nearer", [1.0, 2.7])
def test_a_still_of_a_wall_is_what_the_wall_shows(nearer: float, qapp: Any) -> None:
    canvas = wall()
    pictures = RNG.integers(0, 255, (6, 8, 8, 3), dtype=np.uint8)
    veil = RNG.integers(0, 255, (6, 4, 4, 4), dtype=np.uint8)
    canvas.set_captions({"learned": captions(1.0)["learned"]})
    canvas.show([Board("learned", pictures, place=(2, 2), veil=veil), Board("other", pictures[:2])])
    canvas.cursor = [("learned", 1, 2, 3)]
    canvas.selected, canvas.picked = Place("learned", 4, 1, 1), ("other", 1)
    painted = np.zeros((4, 4), bool)
    painted[1:3, :2] = True
    canvas.painting, canvas.painted_on = painted, ("learned", 2)
    canvas.zoom(nearer)
    screen = canvas.render()[..., :3]
    still = canvas.still(canvas.physical[0], {"learned": captions(1.0)["learned"]})
    for size in ((600, 400), (256, 96)):
        assert differ(in_parts(still, *size), screen).max() <= 1
    large = in_parts(canvas.still(1800, {"learned": captions(3.0)["learned"]}), 512, 512)
    means = large.reshape(400, 3, 600, 3, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    assert (differ(means, screen) < 40).mean() > 0.95
    canvas.close()
