"""The mouse on a wall of pictures: one picks what one sees, turns, zooms and paints."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from canvas_mouse import mouse
from small_walls import a_wall, heard, mark, middle, shot
from vispy.util import keys

from scalefree_studio.canvas.brush import Brush
from scalefree_studio.canvas.colours import DARK
from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.canvas.walls.canvas import WallCanvas


@pytest.fixture
def canvas(qapp: Any) -> Iterator[WallCanvas]:
    yield from a_wall()


def wheel(canvas: WallCanvas, pos: tuple[float, float], notches: float, modifiers: Any = ()) -> None:
    canvas.events.mouse_wheel(pos=pos, delta=(0, notches), modifiers=modifiers)


def all_places(canvas: WallCanvas) -> Iterator[tuple[Place, npt.NDArray[Any]]]:
    """Every place, and where it is on the screen."""
    for board, grid in canvas.shown.laid_out():
        for n, y, x in itertools.product(range(grid.count), *map(range, grid.places)):
            yield Place(board.name, n, y, x), canvas.shown.on_screen(grid.place_rects((n, y, x)))


def test_what_is_picked_is_what_is_seen(canvas: WallCanvas) -> None:
    rng = np.random.default_rng(1)
    differences = []
    for _ in range(12):
        canvas.fit()
        canvas.zoom(float(rng.uniform(1, 9)), (float(rng.uniform(0, 640)), float(rng.uniform(0, 420))))
        image, places = shot(canvas), list(all_places(canvas))
        rects = np.array([rect for _, rect in places])
        for x, y in rng.integers(0, (640, 420), (150, 2)).tolist():
            at = np.array([x + 0.5, y + 0.5])
            off = np.abs(rects - np.tile(at, 2)).min(axis=-1)
            holds = ((rects[:, :2] <= at) & (rects[:, 2:] > at)).all(-1)
            expected = places[int(np.flatnonzero(holds)[0])][0] if holds.any() else None
            found = canvas.shown.place_at((at[0], at[1]))
            assert found == expected or off.min() < 1e-6
            board = next((b for b in canvas.shown.boards if found and b.name == found.board), None)
            if board is None or found is None:
                continue
            picture = canvas.shown.picture_rect(found.board, found.picture)
            assert picture is not None
            pixel = (at - picture[:2]) / (picture[2:] - picture[:2]) * board.size
            inside = 1 / (
                canvas.shown.grids[0].scale / canvas.camera.pixel
            )  # a pixel of the screen in a picture's
            if (np.abs(pixel - pixel.round()) > inside).all():
                colour = board.pictures[found.picture, int(pixel[1]), int(pixel[0])]
                differences.append(np.abs(image[y, x] - colour).max())
    assert len(differences) > 300 and max(differences) <= 2


def test_pointing_and_clicking(canvas: WallCanvas) -> None:
    pos = middle(canvas, "a", 7, 3, 2)
    canvas.events.mouse_move(pos=pos, modifiers=())
    assert canvas.hovered == ("a", 7, 3, 2) and heard(canvas).of("hover") == [("hover", ("a", 7, 3, 2))]
    mouse(canvas, pos)
    assert heard(canvas).of("click") == [("click", ("a", 7, 3, 2))] and canvas.selected is None
    mouse(canvas, (2, 2))
    assert len(heard(canvas).of("click_beside")) == 1
    mouse(canvas, pos, (pos[0] + 30, pos[1]))  # dragged: no click
    mouse(canvas, pos, button=3)
    assert len(heard(canvas).of("click")) == 1
    canvas.events.mouse_move(pos=pos, modifiers=())
    canvas.leave()
    assert canvas.hovered is None and heard(canvas).of("hover")[-1] == ("hover", None)


def test_the_wheel_turns_a_selected_place(canvas: WallCanvas) -> None:
    pos, camera = middle(canvas, "a", 7, 3, 2), canvas.camera
    wheel(canvas, pos, 1, (keys.SHIFT,))
    assert not heard(canvas).of("turned")
    canvas.selected = Place("a", 7, 3, 2)
    wheel(canvas, pos, 2, (keys.SHIFT,))
    canvas.events.mouse_wheel(pos=pos, delta=(-1, 0), modifiers=(keys.SHIFT,))  # as some systems tell it
    wheel(canvas, pos, 0.5, (keys.CONTROL,))
    wheel(canvas, pos, 0.5, (keys.CONTROL,))
    wheel(canvas, middle(canvas, "a", 7, 3, 3), 1, (keys.SHIFT,))
    assert [said[2] for said in heard(canvas).of("turned")] == [2, -1, 1] and canvas.camera == camera


def test_zooming_panning_and_fitting(canvas: WallCanvas) -> None:
    fitted = canvas.camera
    pos = middle(canvas, "a", 5, 3, 2)
    mouse(canvas, pos, (pos[0] + 60, pos[1]))
    assert canvas.camera == fitted  # all is in view: there is nowhere to go
    wheel(canvas, pos, 5)
    assert canvas.camera.pixel < 1 and np.allclose(middle(canvas, "a", 5, 3, 2), pos)
    mouse(canvas, pos, (pos[0] - 30, pos[1] - 20))
    assert np.allclose(middle(canvas, "a", 5, 3, 2), (pos[0] - 30, pos[1] - 20))
    mouse(canvas, pos, (pos[0] + 9, pos[1] + 9), button=3)
    assert np.allclose(middle(canvas, "a", 5, 3, 2), (pos[0] - 21, pos[1] - 11))
    mouse(canvas, pos, (pos[0] + 9000, pos[1]), (pos[0] + 9000, pos[1] + 9000))
    left, top, _, _ = canvas.camera.seen(canvas.physical)
    assert (left, top) == pytest.approx((0, 0), abs=1e-6)  # the wall cannot be lost
    canvas.events.mouse_double_click(pos=pos, button=1, modifiers=())
    assert canvas.camera == fitted
    wheel(canvas, pos, 200)
    assert 3.9 <= min(canvas.physical) * canvas.camera.pixel / canvas.shown.grids[0].scale <= 4.1
    wheel(canvas, pos, -200)
    assert canvas.camera == fitted


def test_painting_places_of_a_picture(canvas: WallCanvas) -> None:
    plain = shot(canvas)
    canvas.brush = Brush(radius=1)
    mouse(canvas, middle(canvas, "a", 5, 1, 0), middle(canvas, "a", 5, 1, 5))
    board, picture, mask, done = heard(canvas).of("painted")[-1][1:]
    assert (board, picture, done) == ("a", 5, True) and np.argwhere(mask).tolist() == [
        [1, n] for n in range(6)
    ]
    assert np.array_equal(mask, canvas.painting) and canvas.painted_on == ("a", 5)  # type: ignore[arg-type]
    assert not heard(canvas).of("click") and not heard(canvas).of("painted")[0][-1]
    canvas.leave()
    tinted, rect = shot(canvas), mark(canvas, "a", 5, 1, 3)
    x, y = int(rect[[0, 2]].mean()), int(rect[[1, 3]].mean())
    expected = 0.4 * plain[y, x] + 0.6 * DARK.of("selected")[:3] * 255
    assert np.abs(tinted[y, x] - expected).max() <= 2
    mouse(canvas, middle(canvas, "a", 5, 1, 2), button=2)  # the right button erases
    assert heard(canvas).of("painted")[-1][3].sum() == 5
    mouse(canvas, middle(canvas, "a", 6, 0, 0))  # another picture: afresh
    assert heard(canvas).of("painted")[-1][2] == 6 and heard(canvas).of("painted")[-1][3].sum() == 1
    wheel(canvas, (50, 50), 3, (keys.SHIFT,))
    assert canvas.brush is not None and canvas.brush.radius >= 4
    said = len(heard(canvas).of("painted"))
    mouse(canvas, (1, 1), (5, 5))  # beside all pictures
    assert len(heard(canvas).of("painted")) == said
    canvas.events.mouse_press(pos=middle(canvas, "a", 6, 3, 3), button=1, modifiers=())
    canvas.painting = None  # an echo of an earlier stroke does not wipe out the one in hand
    canvas.events.mouse_release(pos=middle(canvas, "a", 6, 3, 3), button=1, modifiers=())
    assert canvas.painting is not None and canvas.painting.any()


def test_fine_screens(canvas: WallCanvas) -> None:
    """Events come in logical pixels, all else is physical."""
    canvas.shown.ratio = 2.0
    canvas.fit()
    rect = mark(canvas, "a", 7, 3, 2)
    canvas.events.mouse_move(pos=(rect[[0, 2]].mean() / 2, rect[[1, 3]].mean() / 2), modifiers=())
    assert canvas.hovered == ("a", 7, 3, 2)
