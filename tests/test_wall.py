"""The wall of pictures in a real window: what it shows, what it tells, and that one picks what one sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import vispy
from PyQt6.QtTest import QTest
from vispy.util import keys

from scalefree_studio.canvas.brush import Brush
from scalefree_studio.canvas.camera import Camera
from scalefree_studio.canvas.colours import DARK, LIGHT
from scalefree_studio.canvas.walls.boards import Board, Bools, Place
from scalefree_studio.canvas.walls.canvas import WallCanvas
from scalefree_studio.canvas.walls.listener import WallListener
from scalefree_studio.window.views import render

Bytes = npt.NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


class Heard(WallListener):
    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def hover(self, place: Place | None) -> None:
        self.said.append(("hover", place))

    def click(self, place: Place) -> None:
        self.said.append(("click", place))

    def click_beside(self) -> None:
        self.said.append(("click_beside",))

    def turned(self, place: Place, steps: int) -> None:
        self.said.append(("turned", place, steps))

    def painted(self, board: str, picture: int, mask: Bools, done: bool) -> None:
        self.said.append(("painted", board, picture, mask, done))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [said for said in self.said if said[0] == kind]


PICTURES = noise(12, 6, 6, 3)


@pytest.fixture
def canvas(qapp: Any) -> Iterator[WallCanvas]:
    vispy.use("pyqt6")
    canvas = WallCanvas(size=(640, 420))
    canvas.listener = Heard()
    canvas.native.show()
    QTest.qWaitForWindowExposed(canvas.native)
    canvas.show([Board("a", PICTURES), Board("b", PICTURES[:3], place=(2, 3))])
    yield canvas
    canvas.close()


def heard(canvas: WallCanvas) -> Heard:
    assert isinstance(canvas.listener, Heard)
    return canvas.listener


def shot(canvas: WallCanvas) -> npt.NDArray[np.int64]:
    image: Bytes = canvas.render()
    assert (image[..., 3] == 255).all()  # nothing of what is behind the window
    return image[..., :3].astype(np.int64)


def all_places(canvas: WallCanvas) -> Iterator[tuple[Place, npt.NDArray[Any]]]:
    """Every place, and where it is on the screen."""
    for board, grid in canvas.shown.laid_out():
        for n, y, x in itertools.product(range(grid.count), *map(range, grid.places)):
            yield Place(board.name, n, y, x), canvas.shown.on_screen(grid.place_rects((n, y, x)))


def mark(canvas: WallCanvas, *place: Any) -> npt.NDArray[Any]:
    (rect,) = canvas.shown.marks([Place(*place)])
    return np.asarray(rect)


def middle(canvas: WallCanvas, *place: Any) -> tuple[float, float]:
    """The middle of a place, in the logical pixels of mouse events."""
    rect = mark(canvas, *place)
    return float(rect[[0, 2]].mean()) / canvas.ratio, float(rect[[1, 3]].mean()) / canvas.ratio


def mouse(canvas: WallCanvas, *path: tuple[float, float], button: int = 1, modifiers: Any = ()) -> None:
    """Press, move along the path, release."""
    canvas.events.mouse_press(pos=path[0], button=button, modifiers=modifiers)
    for pos in path[1:]:
        canvas.events.mouse_move(pos=pos, button=button, modifiers=modifiers)
    canvas.events.mouse_release(pos=path[-1], button=button, modifiers=modifiers)


def wheel(canvas: WallCanvas, pos: tuple[float, float], notches: float, modifiers: Any = ()) -> None:
    canvas.events.mouse_wheel(pos=pos, delta=(0, notches), modifiers=modifiers)


def test_fitted_pictures_are_shown_exactly_pixel_by_pixel(canvas: WallCanvas) -> None:
    image, background = shot(canvas), DARK.of("background")[:3] * 255
    expected = np.tile(background.round().astype(int), (*image.shape[:2], 1))
    for board, grid in canvas.shown.laid_out():
        assert float(grid.scale).is_integer()
        side = int(grid.scale)
        for n, picture in enumerate(board.pictures):
            left, top, right, bottom = grid.rects(n).astype(int)
            expected[top:bottom, left:right] = picture.repeat(side, axis=0).repeat(side, axis=1)
    assert np.abs(image - expected).max() <= 1


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


def test_from_far_a_picture_is_its_mean(canvas: WallCanvas) -> None:
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    canvas.show([Board("a", np.broadcast_to(checks[None, ..., None], (400, 64, 64, 3)))])
    (grid,), image = canvas.shown.grids, shot(canvas)
    assert grid.scale < 0.5
    for n in (0, 57, 399):
        left, top, right, bottom = grid.rects(n).astype(int)
        assert np.abs(image[top + 1 : bottom - 1, left + 1 : right - 1] - 127.5).max() <= 3


def test_a_veil_is_blended_over_each_place(canvas: WallCanvas) -> None:
    veil = noise(3, 3, 2, 4, seed=5)
    canvas.show([canvas.shown.boards[0], Board("b", PICTURES[:3], place=(2, 3), veil=veil)])
    image, grid = shot(canvas), canvas.shown.grids[1]
    side, board = int(grid.scale), canvas.shown.boards[1]
    alpha = veil[..., 3:] / 255
    over = (alpha * veil[..., :3]).repeat(2, axis=1).repeat(3, axis=2)  # a place has 2 × 3 pixels
    mixed = over + (1 - alpha).repeat(2, axis=1).repeat(3, axis=2) * board.pictures
    for n in range(3):
        left, top, right, bottom = grid.rects(n).astype(int)
        expected = mixed[n].repeat(side, axis=0).repeat(side, axis=1)
        assert np.abs(image[top:bottom, left:right] - expected).max() <= 2
    canvas.show([canvas.shown.boards[0], Board("b", PICTURES[:3], place=(2, 3))])
    bare = PICTURES[2].repeat(side, axis=0).repeat(side, axis=1)
    assert np.abs(shot(canvas)[top:bottom, left:right] - bare).max() <= 1


def test_pictures_do_not_shine_through_to_their_neighbours(canvas: WallCanvas) -> None:
    pictures = np.zeros((100, 50, 50, 3), np.uint8)
    pictures[::2] = 255
    canvas.show([Board("a", pictures, columns=10)])
    canvas.zoom(1.37, (123.4, 210.9))  # pictures begin within pixels of the screen
    image = shot(canvas)
    background = DARK.of("background")[:3] * 255
    ours = [np.abs(image - colour).max(-1) <= 1 for colour in (0, 255, background)]
    assert np.logical_or.reduce(ours).all() and all(part.sum() > 1000 for part in ours)


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=["dark", "light"])
def test_marks_frame_their_places_and_cover_nothing_of_them(canvas: WallCanvas, look: Any) -> None:
    canvas.colours = look
    plain = shot(canvas)
    canvas.cursor = [("a", 4, 2, 3), ("gone", 0, 0, 0), ("a", 99, 0, 0), ("a", 0, 6, 0)]
    canvas.selected = Place("b", 1, 2, 0)
    marked = shot(canvas)
    for place, colour, reach in ((("a", 4, 2, 3), "accent", 1), (("b", 1, 2, 0), "selected", 1)):
        rect = mark(canvas, *place)
        left, top, right, bottom = rect.astype(int)
        # The frame lies just outside, and the place is what it was, but for the halo at its edge.
        row = marked[top - reach, left + 4 : right - 4]
        assert np.abs(row - look.of(colour)[:3] * 255).max() <= 90
        assert np.abs(row - plain[top - reach, left + 4 : right - 4]).max() > 30
        inner = np.s_[top + 4 : bottom - 4, left + 4 : right - 4]
        assert np.array_equal(marked[inner], plain[inner])
    changed = np.argwhere(np.abs(marked - plain).max(-1) > 2)
    cursor, picture = mark(canvas, "a", 4, 2, 3), canvas.shown.picture_rect("b", 1)
    assert picture is not None
    for y, x in changed:  # and nowhere else
        assert any(
            rect[0] - 7 <= x <= rect[2] + 7 and rect[1] - 7 <= y <= rect[3] + 7 for rect in (cursor, picture)
        )
    canvas.cursor, canvas.selected = (), None
    assert np.array_equal(shot(canvas), plain)


def test_a_place_too_small_to_be_seen_has_a_mark_that_is(canvas: WallCanvas) -> None:
    canvas.show([Board("a", noise(400, 64, 64, 3))])
    rect = mark(canvas, "a", 3, 10, 20)
    assert (rect[2:] - rect[:2] >= 7 * canvas.ratio - 1e-9).all()
    plain = shot(canvas)
    canvas.selected = Place("a", 3, 10, 20)
    assert (np.abs(shot(canvas) - plain).max(-1) > 20).sum() > 20


def test_pictures_that_marks_would_hide_have_no_cursor_until_one_looks_nearer(canvas: WallCanvas) -> None:
    canvas.show([Board("a", noise(3000, 8, 8, 3))])
    plain = shot(canvas)
    canvas.cursor = [Place("a", n, 2, 2) for n in range(3000)]
    assert np.array_equal(shot(canvas), plain)
    canvas.zoom(8, (320, 210))
    near = shot(canvas)
    canvas.cursor = ()
    assert not np.array_equal(shot(canvas), near)


def test_only_what_has_changed_goes_to_the_graphics_card(canvas: WallCanvas) -> None:
    def filled() -> list[int]:
        shot(canvas)
        painter = canvas._painter
        return [tiles.filled for tiles in (*painter.pictures.values(), *painter.veils.values())]

    once = filled()
    canvas.show([Board("a", PICTURES.copy()), Board("b", PICTURES[:3].copy(), place=(2, 3))])
    canvas.cursor = [("a", 0, 1, 1)]
    canvas.zoom(3)
    canvas.fit()
    assert filled() == once
    programs = {id(tiles) for tiles in canvas._painter.pictures.values()}
    changed = PICTURES.copy()
    changed[0, 0, 0] ^= 255
    canvas.show([Board("a", changed), Board("b", PICTURES[:3], place=(2, 3))])
    assert [b - a for a, b in zip(once, filled(), strict=True)] == [1, 0, 0, 0]
    canvas.show([Board("a", noise(30, 9, 5, 3))])  # other sizes in the same texture
    assert filled()[0] == once[0] + 2
    assert {id(tiles) for tiles in canvas._painter.pictures.values()} == programs


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


def test_a_closer_look_stays_while_pictures_change_and_not_when_their_sizes_do(canvas: WallCanvas) -> None:
    canvas.zoom(4, (200, 200))
    near, grids = canvas.camera, canvas.shown.grids
    canvas.show([Board("a", 255 - PICTURES), canvas.shown.boards[1]])
    assert canvas.camera == near
    canvas.native.resize(500, 430)
    QTest.qWait(50)
    assert canvas.shown.grids == grids and canvas.camera.pixel == near.pixel
    canvas.show([Board("a", PICTURES[:5])])
    assert canvas.camera.pixel == 1 and len(canvas.shown.grids) == 1
    canvas.native.resize(640, 300)
    QTest.qWait(50)
    assert canvas.camera == Camera(320 * canvas.ratio, 150 * canvas.ratio, 1.0)


def test_walls_of_all_kinds(canvas: WallCanvas) -> None:
    pos = middle(canvas, "a", 11, 5, 5)
    canvas.events.mouse_move(pos=pos, modifiers=())
    canvas.selected, canvas.cursor = Place("a", 11, 5, 5), [("a", 11, 5, 5)]
    canvas.show([])
    assert canvas.hovered is None
    assert np.array_equal(shot(canvas), np.broadcast_to(shot(canvas)[0, 0], (*shot(canvas).shape,)))
    canvas.show([Board("none", PICTURES[:0])])
    assert not canvas.shown.boards
    colour = np.array([[[[200, 100, 50]]]], np.uint8)
    canvas.show([Board("one", colour)])
    image = shot(canvas)
    assert np.abs(image[image.shape[0] // 2, image.shape[1] // 2] - (200, 100, 50)).max() <= 1
    canvas.show([Board("one", noise(400, 64, 64, 3))])
    canvas.native.resize(30, 20)
    QTest.qWait(50)
    shot(canvas)
    canvas.zoom(1e9)
    shot(canvas)
    with pytest.raises(ValueError):
        canvas.show([Board("a", PICTURES), Board("a", PICTURES)])


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


def test_a_painting_that_is_given(canvas: WallCanvas) -> None:
    plain = shot(canvas)
    canvas.painted_on = ("b", 2)
    canvas.painting = np.ones((3, 2), bool)
    rect = canvas.shown.picture_rect("b", 2)
    assert rect is not None
    left, top, right, bottom = rect.astype(int)
    changed = np.abs(shot(canvas) - plain).max(-1) > 0
    assert changed[top + 1 : bottom - 1, left + 1 : right - 1].mean() > 0.9
    changed[top:bottom, left:right] = False
    assert not changed.any()
    canvas.painting = np.ones((4, 4), bool)  # of another size: it is not this picture's
    assert np.array_equal(shot(canvas), plain)
    canvas.painting = None
    assert canvas.painting is None


def test_titles_stand_above_their_boards_and_stay_in_view(canvas: WallCanvas, qapp: Any) -> None:
    before = canvas.shown.grids
    canvas.set_captions({"a": render.caption("Samples", qapp.font())})
    assert canvas.shown.grids != before
    plain, label = shot(canvas), canvas.shown.titles["a"]
    canvas.set_captions({"a": np.zeros((label[1], label[0], 4), np.uint8)})
    changed = np.argwhere(np.abs(shot(canvas) - plain).max(-1) > 2)
    grid = canvas.shown.grids[0]
    assert len(changed) and changed[:, 0].max() < grid.top and changed[:, 0].min() >= grid.top - label[1] - 9
    assert changed[:, 1].min() >= grid.left
    canvas.zoom(4, (grid.left + 5, grid.top + grid.extent[1] / 2))
    without = shot(canvas)
    canvas.set_captions({"a": np.full((label[1], label[0], 4), 255, np.uint8)})
    assert (np.abs(shot(canvas) - without).max(-1) > 2).sum() > label[0] * label[1] / 2
    canvas.fit()
    canvas.native.resize(90, 90)
    QTest.qWait(50)
    assert canvas.shown.titles == {}


def test_fine_screens(canvas: WallCanvas) -> None:
    """Events come in logical pixels, all else is physical."""
    canvas.shown.ratio = 2.0
    canvas.fit()
    rect = mark(canvas, "a", 7, 3, 2)
    canvas.events.mouse_move(pos=(rect[[0, 2]].mean() / 2, rect[[1, 3]].mean() / 2), modifiers=())
    assert canvas.hovered == ("a", 7, 3, 2)
