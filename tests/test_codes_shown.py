"""What is shown of codes, without a window: pictures in groups, heat, marks, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_codes import SIDE, training

from scalefree_studio.canvas.walls.boards import Place, arranged
from scalefree_studio.codes import Codebook
from scalefree_studio.drawings import PAPER
from scalefree_studio.export.codes.sheet import coded, fitting, grouped, groups, parts_of, sheet_of
from scalefree_studio.export.walls.wall import BEHIND
from scalefree_studio.window.views import codes_shown as shown
from scalefree_studio.window.views.codes_shown import Shown
from scalefree_studio.window.widgets.theme import DARK, LIGHT


@pytest.fixture(scope="module")
def record() -> tuple[Any, Any]:
    """A frame and a still of two stages."""
    job = training(stages=2, rows=3)
    for _ in range(6):
        job.step()
    return dict(job.snapshot().frame), dict(job.still())


def book_of(record: tuple[Any, Any], stage: int = 1, **parts: Any) -> Codebook:
    frame, still = record
    return Codebook({**frame, **{f"{n}.{stage}": np.array(a) for n, a in parts.items()}}, still, stage)


def test_each_picture_is_followed_by_what_every_stage_makes_of_it(record: tuple[Any, Any]) -> None:
    frame, still = record
    pictures, group = groups(frame, still)
    assert group == 3 and len(pictures) == 12 * 3
    for n in range(12):
        np.testing.assert_array_equal(pictures[3 * n], still["held"][n])
        np.testing.assert_array_equal(pictures[3 * n + 1], frame["stage.0"][n])
        np.testing.assert_array_equal(pictures[3 * n + 2], frame["wall"][n])
    before, group = groups({}, still)
    assert group == 2 and (before[1::2] == PAPER).all()
    assert groups({}, {})[1] == 1 and not len(groups({}, {})[0])
    board = shown.pictures_board(frame, still, 1)
    assert board is not None and board.places == (8, 8) and board.group == 3
    coarse = shown.pictures_board(frame, still, 0)
    assert coarse is not None and coarse.places == (4, 4)


def test_pictures_that_tokens_do_not_divide_are_made_to_fit() -> None:
    pictures = np.arange(28 * 28 * 3, dtype=np.int64).reshape(1, 28, 28, 3).astype(np.uint8)
    made = fitting(pictures, (3, 7))
    assert made.shape == (1, 30, 28, 3)
    np.testing.assert_array_equal(made[:, :14], pictures[:, np.arange(14) * 28 // 30])
    assert fitting(pictures, (4, 7)) is pictures


def test_groups_stand_apart_and_every_place_is_found_again(record: tuple[Any, Any]) -> None:
    board = shown.pictures_board(*record, 1)
    assert board is not None
    for size in ((900, 500), (300, 700)):
        (grid,) = arranged([board], size)
        assert grid.columns % 3 == 0
        rects = grid.rects(np.arange(grid.count))
        assert (rects[:, :2] >= 0).all() and (rects[:, 2:] <= size).all()
        within, between = rects[1, 0] - rects[0, 2], rects[3, 0] - rects[2, 2]
        if grid.columns > 3:
            assert 0 < within < between
        for picture, y, x in ((0, 0, 0), (5, 7, 7), (16, 3, 2), (35, 7, 0)):
            left, top, right, bottom = grid.place_rects((picture, y, x))
            assert grid.at((left + right) / 2, (top + bottom) / 2) == (picture, y, x)
        gap = (rects[2, 2] + rects[2, 2] + 1) / 2
        assert grid.at(gap, rects[2, 1] + 1) is None


def test_where_a_code_occurs_is_marked_on_each_picture_of_a_group(record: tuple[Any, Any]) -> None:
    frame, still = record
    board = shown.pictures_board(frame, still, 1)
    assert board is not None
    code = shown.token_at(frame, board, 1, Place("pictures", 3 * 4 + 2, 5, 6))
    assert code == frame["tokens.1"][4, 5, 6]
    marked = shown.occurrences(frame, board, 1, code)
    for n in range(36):
        np.testing.assert_array_equal(marked[n], frame["tokens.1"][n // 3] == code)


def test_heat_then_what_goes_then_what_is_new(record: tuple[Any, Any]) -> None:
    usage, since = [0, 1, 2, 4, 8, 16, 32, 64, 128], [-1] * 7 + [90, 100]
    alive = [True] * 9
    alive[8] = False
    book = book_of(record, usage=usage, revived=since, alive=alive)
    for palette in (DARK, LIGHT):
        over = shown.veil(book, Shown("usage", threshold=3), 100, palette)[:, 0, 0].astype(int)
        dark = np.array(list(bytes.fromhex(palette.window[1:])))
        flash = np.array(list(bytes.fromhex(palette.accent[1:])))
        assert (over[:3, :3] == dark).all() and (over[:3, 3] == round(255 * shown.DIMS)).all()
        assert (over[8, :3] == flash).all(), "a flash shows also on what is pruned"
        share = 1 - 10 / shown.FADE
        heat = shown.veil(book, Shown("usage"), 10**6, palette)[:, 0, 0].astype(int)
        np.testing.assert_allclose(over[7, :3], heat[7, :3] + share * (flash - heat[7, :3]), atol=1.5)
    plain = shown.veil(
        book_of(record, usage=np.ones(9), revived=[-1] * 9, alive=[True] * 9), Shown(), 0, DARK
    )
    assert not plain[..., 3].any()
    assert shown.dead(book) == (0,) and shown.dead(book_of(record, usage=usage, alive=[False] * 9)) == ()
    np.testing.assert_array_equal(shown.going(book, 3), [True] * 3 + [False] * 5 + [True])
    assert shown.shares(book, "apart") is not None and shown.shares(book, "none") is None


def test_the_ring_is_round_the_unit_and_as_wide_as_learning_reaches(record: tuple[Any, Any]) -> None:
    assert shown.reach(book_of(record, radius=np.float32(2.5)), 4) == ("codes", 4, 2.5)
    frame, still = record
    no_map = Codebook(frame, {**still, "map.1": np.array(False)}, 1)
    assert shown.reach(no_map, 4) is None and shown.reach(book_of(record), None) is None


def test_a_code_in_words(record: tuple[Any, Any]) -> None:
    usage = [0, 1, 2, 4, 8, 16, 32, 64, 128]
    book = book_of(record, usage=usage, alive=[True] * 8 + [False], revived=[3, *[-1] * 8])
    assert shown.described(book, 5) == "It stands for 16 tokens, 6.3%: number 4 of 9 in usage."
    assert shown.described(book, 0) == "Nothing uses it: it is dead. Reset at step 3."
    assert "pruned" in shown.described(book, 8)
    assert shown.usage_in_words(book) == "9 codes, 1 unused, 1 pruned"


def test_what_pruning_costs_in_words(record: tuple[Any, Any]) -> None:
    costs = shown.costs(book_of(record, going=[(0, 0, 0.01), (2, 0, 0.01), (5, 4, 0.0125)]))
    assert [cost.codes for cost in costs] == [0, 0, 4]
    assert costs[2].words == "Used fewer than 5 times: 4 of 9 codes would go.\nError 0.01 → 0.0125, +25.0%."
    assert "nothing is removed" in costs[1].words and costs[0].words.startswith(
        "Nothing is removed. The error is 0.01."
    )
    frame, still = record
    without = {name: array for name, array in frame.items() if not name.startswith("going")}
    assert shown.costs(Codebook(without, still, 1)) == ()


def test_the_sheet_has_every_picture_and_every_code(record: tuple[Any, Any]) -> None:
    frame, still = record
    pictures, group = groups(frame, still)
    sheet = grouped(pictures, group, 2)
    wide = 3 * (SIDE + 1) - 1 + 3
    for n in (0, 4, 5, 35):
        row, column = divmod(n // 3, 2)
        top, left = row * (SIDE + 3), column * wide + n % 3 * (SIDE + 1)
        np.testing.assert_array_equal(sheet[top : top + SIDE, left : left + SIDE], pictures[n])
    book = book_of(record, alive=[True] * 8 + [False])
    tiles = coded(book, overlay=False)
    side = book.tiles.shape[1] + 1
    for n in range(8):
        top, left = n // 3 * side, n % 3 * side
        np.testing.assert_array_equal(tiles[top : top + side - 1, left : left + side - 1], book.tiles[n])
    assert tiles[2 * side :, 2 * side :].mean() < book.tiles[8].mean() / 2
    heat = coded(book_of(record, usage=[0] * 8 + [9]), overlay=True)
    assert heat[2 * side :, 2 * side :].mean() > heat[:side, :side].mean()
    parts = parts_of(frame, still)
    assert len(parts) == 3, "pictures, and the codes of two stages"
    whole = sheet_of(parts, (900, 300))
    assert whole.shape == (300, 900, 3)
    for n in range(3):
        third = whole[:, 300 * n + 10 : 300 * n + 290]
        assert (third != BEHIND).any(-1).mean() > 0.3
    assert sheet_of(parts, (7, 5)).shape == (5, 7, 3)
