"""How boards share a room, which place is where, what a stroke meets, and how pictures are packed in a texture."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scalefree_studio.canvas.segments import frames
from scalefree_studio.canvas.walls.boards import Board, Grid, arranged, stroked
from scalefree_studio.canvas.walls.tiles import LIMIT, atlas, level_of, packed

Bytes = npt.NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def blank(name: str, count: int, height: int, width: int, **options: Any) -> Board:
    return Board(name, np.zeros((count, height, width, 3), np.uint8), **options)


# -- where boards lie ---------------------------------------------------------------------------------------------

columns = st.none() | st.integers(1, 9)
some_board = st.tuples(st.integers(1, 80), st.integers(1, 40), st.integers(1, 40), columns, st.floats(0.5, 4))
some_boards = st.lists(some_board, min_size=1, max_size=3).map(
    lambda made: [blank(f"{n}", *b[:3], columns=b[3], weight=b[4]) for n, b in enumerate(made)]
)
rooms = st.tuples(st.integers(400, 1600), st.integers(400, 1600))


def overlap(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return bool((np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]) > 1e-6).all())


@settings(max_examples=60)
@given(some_boards, rooms, st.sampled_from([1.0, 2.0]))
def test_boards_lie_in_the_room_with_room_for_titles_and_no_two_pictures_overlap(
    boards: list[Board], size: tuple[int, int], ratio: float
) -> None:
    titles = {board.name: (60, 20) for board in boards}
    grids = arranged(boards, size, ratio, titles)
    blocks = [
        np.array([g.left, g.top - 28, g.left + max(60, g.extent[0]), g.top + g.extent[1]]) for g in grids
    ]
    for board, grid, block in zip(boards, grids, blocks, strict=True):
        assert grid.count == len(board.pictures) and grid.size == board.size
        assert grid.columns == board.columns or board.columns is None
        rects = grid.rects(np.arange(grid.count))
        if min(max(g.picture) for g in grids) > 1:  # else there was no way to have them all
            assert (block[:2] >= 0).all() and (block[2:] <= size).all()
        assert (rects[:, :2] >= block[:2] + np.array([0, 28]) - 1e-9).all() and (
            rects[:, 2:] <= block[2:] + 1e-9
        ).all()
        assert not any(overlap(rects[0], rect) for rect in rects[1:])
    assert not any(overlap(a, b) for a, b in itertools.combinations(blocks, 2))


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 40), rooms)
def test_no_number_of_columns_would_make_a_boards_pictures_larger(
    count: int, height: int, width: int, room: tuple[int, int]
) -> None:
    (found,) = arranged([blank("a", count, height, width)], room)
    margin = min(20, min(room) // 16)
    for more in range(1, count + 1):
        rows = -(-count // more)
        # Without any gap, and with pictures of every size: what could at best be had.
        at_best = min((room[0] - 2 * margin) / more / width, (room[1] - 2 * margin) / rows / height)
        with_gaps = at_best - (9 / width if more > 1 else 0) - (9 / height if rows > 1 else 0)
        assert found.scale >= 0.75 * with_gaps
        whole = int(with_gaps)
        assert found.scale >= whole


def test_pictures_of_one_size_and_weight_are_shown_alike_and_a_weight_makes_them_larger() -> None:
    samples, held = blank("samples", 64, 8, 8, columns=8), blank("held", 16, 8, 8, columns=8)
    one, other = arranged([samples, held], (800, 900))
    assert one.scale == other.scale and one.left == other.left and other.top > one.top  # below
    assert float(one.scale).is_integer()
    large, small = arranged([blank("one", 1, 8, 8, weight=4), blank("many", 64, 8, 8)], (1200, 700))
    assert large.picture[0] / small.picture[0] == pytest.approx(4, rel=0.25)
    assert large.top == small.top and small.left > large.left + large.extent[0]  # beside
    assert small.rows * small.columns == 64  # no picture is alone in the last row


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (40, 12)])
def test_a_room_too_small_for_anything_still_has_a_layout(size: tuple[int, int]) -> None:
    for grid in arranged([blank("a", 400, 64, 64), blank("b", 1, 1, 1)], size, 2.0):
        assert grid.left >= 0 and grid.top >= 0 and 0 < grid.scale < np.inf


def test_boards_that_cannot_be() -> None:
    good = noise(4, 6, 6, 3)
    for wrong in (
        {"pictures": good[..., 0]},
        {"pictures": good.astype(np.float32)},
        {"pictures": good, "place": (4, 6)},
        {"pictures": good, "veil": noise(4, 6, 5, 4)},
        {"pictures": good, "columns": 0},
        {"pictures": good, "weight": 0.0},
    ):
        with pytest.raises(ValueError):
            Board("a", **wrong)  # type: ignore[arg-type]
    assert Board("a", good, place=(3, 2), veil=noise(4, 2, 3, 4)).places == (2, 3)


# -- which place is where, strokes, textures ----------------------------------------------------------------------


@given(st.integers(1, 12), st.integers(1, 4), st.floats(0.3, 40), st.integers(0, 5), st.data())
def test_the_place_at_a_point_is_the_one_whose_rectangle_holds_it(
    count: int, columns: int, scale: float, gap: int, data: st.DataObject
) -> None:
    grid = Grid(11.0, 7.0, scale, count, columns, (6, 4), (2, 3), gap)
    x = data.draw(st.floats(-5, 11 + grid.extent[0] + 5))
    y = data.draw(st.floats(-5, 7 + grid.extent[1] + 5))
    holding = []
    for place in itertools.product(range(count), range(2), range(2)):
        left, top, right, bottom = grid.place_rects(place)
        if left <= x < right and top <= y < bottom:
            holding.append(place)
    found = grid.at(x, y)
    edges = np.array(
        [grid.place_rects(place) for place in itertools.product(range(count), range(2), range(2))]
    )
    if np.abs(edges - np.tile([x, y], 2)).min() > 1e-9:  # on an edge rounding decides
        assert ([] if found is None else [found]) == holding


@given(st.tuples(*[st.floats(-3, 12)] * 4), st.tuples(st.floats(0.05, 4), st.floats(0.05, 4)))
@example((0.125, -0.0625, -0.0625, 0.125), (1.0, 0.25))  # a corner is cut
def test_a_stroke_meets_what_lies_under_the_brush(
    ends: tuple[float, float, float, float], radius: tuple[float, float]
) -> None:
    met = stroked((7, 9), ends[:2], ends[2:], radius)
    path = np.linspace(ends[:2], ends[2:], 2001)
    for row, column in itertools.product(range(7), range(9)):
        off = (path - (column + 0.5, row + 0.5)) / radius
        nearest = np.hypot(*off.T).min()
        through = (np.floor(path) == (column, row)).all(-1).mean() > 0.2
        if nearest < 0.99 or through:
            assert met[row, column]
        elif nearest > 1.01 and not (np.abs(path - (column + 0.5, row + 0.5)) <= 0.51).all(-1).any():
            assert not met[row, column]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_texture_holds_each_picture_or_its_means(level: int) -> None:
    pictures = noise(5, 8, 12, 3)
    columns = packed(pictures.shape)
    sheet, side = atlas(pictures, columns, level), 2**level
    for n, picture in enumerate(pictures):
        y, x = n // columns * 8 // side, n % columns * 12 // side
        means = picture.reshape(8 // side, side, 12 // side, side, 3).mean(axis=(1, 3))
        assert np.abs(sheet[y : y + 8 // side, x : x + 12 // side] - means).max() <= level * 0.51


@given(st.integers(1, 5000), st.integers(1, 2000), st.integers(1, 2000), st.floats(1e-3, 100))
def test_no_texture_is_larger_than_a_graphics_card_takes(
    count: int, height: int, width: int, pixel: float
) -> None:
    columns = packed((count, height, width, 3))
    rows = -(-count // columns)
    level = level_of(pixel, max(columns * width, rows * height))
    assert columns * (width / 2**level) <= LIMIT and rows * (height / 2**level) <= LIMIT
    if max(columns * width, rows * height) <= LIMIT and pixel >= 1:
        assert level == 0
    assert columns * rows >= count


def test_a_frame_is_four_mitred_sides() -> None:
    made = frames([[1, 2, 5, 8]], (1, 1, 1, 1), 0.5)
    assert {tuple(ends) for ends in made["a_ends"].tolist()} == {
        (1, 2, 5, 2), (5, 2, 5, 8), (5, 8, 1, 8), (1, 8, 1, 2),
    }  # fmt: skip
    assert np.allclose(made["a_shape"], [1, 0.5, 0])  # the tangent of 45°
