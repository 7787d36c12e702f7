"""The wall of pictures in a real window: what it shows, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PyQt6.QtTest import QTest
from small_walls import PICTURES, a_wall, mark, middle, noise, shot

from scalefree_studio.canvas.camera import Camera
from scalefree_studio.canvas.colours import DARK, LIGHT
from scalefree_studio.canvas.walls.boards import Board, Place
from scalefree_studio.canvas.walls.canvas import WallCanvas
from scalefree_studio.window.views import render


@pytest.fixture
def canvas(qapp: Any) -> Iterator[WallCanvas]:
    yield from a_wall()


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


def test_how_near_one_looks_is_told_against_the_room(canvas: WallCanvas) -> None:
    canvas.show([Board("wall", noise(6, 8, 8, 3))])
    assert canvas.zoomed() is None, "all in view"
    canvas.zoom(2.0)
    zoomed = canvas.zoomed()
    assert zoomed is not None and len(zoomed.pictures) == 6
    assert zoomed.times == pytest.approx(2.0)
    assert zoomed.seen == pytest.approx((0.25, 0.25, 0.75, 0.75))
    for n, (left, top, right, bottom) in enumerate(zoomed.pictures):
        rect = canvas.shown.picture_rect("wall", n)  # at twice the size, about the middle
        width, height = canvas.physical
        assert rect == pytest.approx(
            (np.array([left, top, right, bottom]) * 2 - 0.5) * [width, height, width, height]
        )
    canvas.fit()
    assert canvas.zoomed() is None
