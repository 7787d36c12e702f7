"""The record of what is drawn in order: places that look like tiles of many pixels, in an order that is not raster."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scalefree_studio.drawings import KIND, PAPER, STILL, Drawing, still_of
from scalefree_studio.export.walls.scene import CURSOR, VEIL, VEIL_OPACITY, DrawingScene
from scalefree_studio.export.walls.wall import (
    GAP,
    fitted_wall,
    large_wall,
    wall_of,
    wall_size,
    wall_size_at,
    write_wall,
)
from scalefree_studio.snapshot import Checkpoint, Snapshot

LEVELS, TILE = 5, (2, 3)


def spiral(height: int, width: int) -> np.ndarray:
    """From the upper left corner around and inwards."""
    left = np.arange(height * width).reshape(height, width)
    found: list[int] = []
    while left.size:
        found += left[0].tolist()
        left = np.rot90(left[1:])
    return np.array(found)


def columns(height: int, width: int) -> np.ndarray:
    return np.arange(height * width).reshape(height, width).T.reshape(-1)


def anyhow(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).permutation(height * width)


ORDERS = {"columns": columns, "spiral": spiral, "anyhow": anyhow}


def record(
    order: np.ndarray, size: tuple[int, int], position: list[int], given: Any = None, seed: int = 0
) -> Drawing:
    """Pictures of tiles, as far as each has come."""
    rng, count = np.random.default_rng(seed), len(position)
    tiles = rng.integers(60, 256, size=(LEVELS, *TILE, 3)).astype(np.uint8)  # none as dark as the paper
    frame = {
        "values": rng.integers(LEVELS, size=(count, *size, 1)),
        "position": np.array(position),
        "given": np.zeros((count, *size), bool) if given is None else given,
        "entropy": rng.uniform(0, np.log2(LEVELS), (count, *size)).astype(np.float16),
        "surprise": np.zeros((count, *size), np.float16),
        "watched": np.array(0),
        "chances": np.zeros((*size, 1, LEVELS), np.float16),
    }
    still = {"order": order, "tiles": tiles, "labels": np.full(count, -1), "reach": np.array([-1, -1])}
    return Drawing(frame, still)


def places(drawing: Drawing) -> list[tuple[int, int, int]]:
    """(picture, row, column) of every place."""
    return list(product(range(drawing.count), *map(range, drawing.size)))


def is_done(drawing: Drawing, picture: int, y: int, x: int) -> bool:
    done = drawing.still["order"][: int(drawing.frame["position"][picture])].tolist()
    return y * drawing.size[1] + x in done or bool(drawing.frame["given"][picture, y, x])


def as_tiles(drawing: Drawing) -> np.ndarray:
    """The pictures, a tile after another."""
    (h, w), (height, width) = TILE, drawing.size
    pictures = np.zeros((drawing.count, height * h, width * w, 3), np.uint8)
    for n, y, x in places(drawing):
        tile = drawing.still["tiles"][int(drawing.values[n, y, x, 0])]
        pictures[n, y * h : (y + 1) * h, x * w : (x + 1) * w] = tile if is_done(drawing, n, y, x) else PAPER
    return pictures


HALF_GIVEN = np.indices((3, 4, 5)).sum(0) % 4 == 0
RECORDS = [
    pytest.param(
        record(make(4, 5), (4, 5), [0, 9, 20], given), id=f"{name}{'' if given is None else '-given'}"
    )
    for name, make in {**ORDERS, "raster": lambda h, w: np.arange(h * w)}.items()
    for given in (None, HALF_GIVEN)
]


# ---- The record ----


@pytest.mark.parametrize("drawing", RECORDS)
def test_pictures_are_tiles_where_something_is_drawn_and_paper_elsewhere(drawing: Drawing) -> None:
    np.testing.assert_array_equal(drawing.pictures(), as_tiles(drawing))
    assert drawing.pictures().dtype == np.uint8 and drawing.tile == TILE
    drawn = [[[is_done(drawing, n, y, x) for x in range(5)] for y in range(4)] for n in range(3)]
    assert drawing.drawn().tolist() == drawn and not drawing.done
    assert record(drawing.still["order"], (4, 5), [20, 20]).done


@pytest.mark.parametrize("drawing", RECORDS)
def test_a_place_that_is_shown_small_has_the_mean_of_its_tile(drawing: Drawing) -> None:
    tiles = drawing.still["tiles"].astype(float)
    for level in range(LEVELS):
        assert np.abs(drawing.looks()[level] - tiles[level].reshape(-1, 3).mean(0)).max() <= 0.5
    colours = drawing.colours()
    for n, y, x in places(drawing):
        assert (colours[n, y, x] == drawing.looks()[drawing.values[n, y, x, 0]]).all()
    assert drawing.most_bits == pytest.approx(np.log2(LEVELS))


@pytest.mark.parametrize("drawing", RECORDS)
def test_cursors_stand_on_the_next_places_of_the_order_that_are_not_given(drawing: Drawing) -> None:
    expected = []
    for n in range(drawing.count):
        ahead = drawing.still["order"][int(drawing.frame["position"][n]) :].tolist()
        ahead = [divmod(place, 5) for place in ahead]
        expected += [[n, y, x] for y, x in ahead if not drawing.frame["given"][n, y, x]][:1]
    assert drawing.cursors().tolist() == expected and len(expected) == 2


@given(st.integers(1, 5), st.integers(1, 5), st.randoms(use_true_random=False))
def test_whatever_the_order_a_picture_comes_to_be_place_by_place(
    height: int, width: int, random: Any
) -> None:
    order = list(range(height * width))
    random.shuffle(order)
    for position in range(height * width + 1):
        drawing = record(np.array(order), (height, width), [position])
        assert set(np.flatnonzero(drawing.drawn()).tolist()) == set(order[:position])
        cursors = [y * width + x for _, y, x in drawing.cursors().tolist()]
        assert cursors == order[position : position + 1]
        np.testing.assert_array_equal(drawing.pictures(), as_tiles(drawing))


@pytest.mark.parametrize("reach", [(-1, -1), (1, 2), (0, 1), (2, -1), (-1, 0)])
@pytest.mark.parametrize("name", ORDERS)
def test_a_place_sees_what_came_before_it_in_the_order_as_far_as_its_network_reaches(
    name: str, reach: tuple[int, int]
) -> None:
    drawing = record(ORDERS[name](4, 5), (4, 5), [0])
    drawing = Drawing(drawing.frame, {**drawing.still, "reach": np.array(reach)})
    order, (up, aside) = drawing.still["order"].tolist(), reach
    for y, x in product(range(4), range(5)):
        seen = np.zeros((4, 5), bool)
        for place in order[: order.index(y * 5 + x)]:
            row, column = divmod(place, 5)
            seen[row, column] = (up < 0 or y - row <= up) and (aside < 0 or abs(x - column) <= aside)
        np.testing.assert_array_equal(drawing.sees(y, x), seen)


# ---- Walls, movies ----


def scene_of(drawing: Drawing, **options: Any) -> tuple[DrawingScene, Snapshot]:
    kept = Checkpoint(KIND, 9, {}, {STILL + name: array for name, array in drawing.still.items()})
    shot = Snapshot(KIND, 9, 1.0, drawing.frame)
    assert still_of(kept.model).keys() == drawing.still.keys()
    return DrawingScene(kept, shot, **options), shot


def veiled(pictures: np.ndarray, drawing: Drawing) -> np.ndarray:
    """The veil over each drawn place, as dense as its choice was open."""
    pictures, (h, w) = pictures.astype(float), TILE
    for n, y, x in places(drawing):
        if is_done(drawing, n, y, x):
            density = float(drawing.frame["entropy"][n, y, x]) / np.log2(LEVELS) * VEIL_OPACITY
            place = pictures[n, y * h : (y + 1) * h, x * w : (x + 1) * w]
            place += (np.array(VEIL) - place) * density
    return pictures


@pytest.mark.parametrize("overlay", [False, True])
@pytest.mark.parametrize("drawing", RECORDS)
def test_a_frame_of_a_movie_has_tiles_and_cursors_as_large_as_they(drawing: Drawing, overlay: bool) -> None:
    scene, shot = scene_of(drawing, overlay=overlay)
    across, down = wall_size(3, 4 * TILE[0], 5 * TILE[1])
    factor = 1080 // max(across, down)
    assert scene.size == (across * factor, down * factor)
    expected = veiled(as_tiles(drawing), drawing) if overlay else as_tiles(drawing)
    (h, w), near = TILE, 1 if overlay else 0
    for n, y, x in drawing.cursors().tolist():
        expected[n, y * h : (y + 1) * h, x * w : (x + 1) * w] = CURSOR
    wall = fitted_wall(np.rint(expected).astype(np.uint8), scene.size)
    assert np.abs(scene.draw(0.0, shot).astype(int) - wall).max() <= near
    assert (scene.draw(0.0, shot) == CURSOR).all(-1).sum() >= 2 * h * w * factor**2


@pytest.mark.parametrize("name", ORDERS)
def test_between_two_frames_places_come_in_their_order(name: str) -> None:
    order = ORDERS[name](4, 5)
    early, late = (record(order, (4, 5), [n, n]) for n in (4, 12))
    early.frame["values"][~early.drawn()] = 0  # as it is recorded
    scene, after = scene_of(late)
    before = Snapshot(KIND, 4, 0.5, early.frame)
    for n in range(9):
        moment = scene.between(before, after, n / 8)
        shown = Drawing(moment.frame, late.still)
        np.testing.assert_array_equal(shown.pictures(), as_tiles(record(order, (4, 5), [4 + n, 4 + n])))


def test_a_wall_of_tiles_is_written_with_its_pixels(tmp_path: Path) -> None:
    drawing = record(spiral(4, 5), (4, 5), [20] * 3)
    pictures = drawing.pictures()
    write_wall(pictures, tmp_path / "wall.png", columns=2)
    with Image.open(tmp_path / "wall.png") as image:
        found = np.array(image)
    np.testing.assert_array_equal(found, large_wall(pictures, columns=2))
    write_wall(pictures, tmp_path / "larger.tif", columns=2, scale=5)
    with Image.open(tmp_path / "larger.tif") as image:
        assert image.size == wall_size_at(pictures, 5, columns=2)
        np.testing.assert_array_equal(np.array(image)[2::5, 2::5], wall_of(pictures, columns=2))
    height, width = 4 * TILE[0], 5 * TILE[1]
    larger = found.shape[1] // (2 * width + GAP)
    for n in range(3):
        top, left = n // 2 * (height + GAP) * larger, n % 2 * (width + GAP) * larger
        picture = found[top : top + height * larger : larger, left : left + width * larger : larger]
        np.testing.assert_array_equal(picture, as_tiles(drawing)[n])
