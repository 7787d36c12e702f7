"""Drawings in stages, and searches with beams, in a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driven_drawings import draw, shown, the_job
from driving import Driven, said
from fake_samplers import BeamSampler, FakeSampler, order_of, three_stages
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QMouseEvent

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.drawing.edits import GoTo
from scalefree_studio.jobs.drawing.sampler import Stage
from scalefree_studio.window.views.branches import Tree, best_way, last_levels
from scalefree_studio.window.views.drawing_view import DrawingView
from scalefree_studio.window.views.looked import Choice, light, lit, looked_in, looked_in_words
from scalefree_studio.window.views.stage_choice import ALL, NEWEST
from scalefree_studio.window.views.wall_view import IN_STAGES, PUT_TOGETHER
from scalefree_studio.window.work import opening


def opened(driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch, sampler: FakeSampler) -> DrawingView:
    monkeypatch.setattr(opening, "sampler_of", lambda *_: sampler)
    view = draw(driven, run, count=4)
    driven.until(lambda: view.whole is not None and view.whole.done)
    return view


@pytest.fixture
def staged(driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch) -> DrawingView:
    return opened(driven, run, monkeypatch, three_stages())


def test_the_newest_stage_is_on_the_wall_until_another_is_chosen(driven: Driven, staged: DrawingView) -> None:
    field = staged.stages.field
    assert staged.stages.isVisibleTo(staged.foot)
    words = [field.itemText(n) for n in range(field.count())]
    assert words == ["Newest", "1: 1 × 1", "2: 2 × 3", "3: 4 × 4", "All of them"]
    assert shown(staged).number == 2 and staged.canvas.shown.boards[0].places == (4, 4)
    for stage, places in enumerate([(1, 1), (2, 3), (4, 4)]):
        driven.window.do("next_stage")
        assert staged.stages.choice == stage and shown(staged).number == stage
        assert [board.name for board in staged.canvas.shown.boards] == ["wall"]
        assert staged.canvas.shown.boards[0].places == places
    driven.window.do("next_stage")
    assert staged.stages.all
    assert [board.places for board in staged.canvas.shown.boards] == [(1, 1), (2, 3), (4, 4)]
    assert staged.titles["stage.1"] == "Stage 2: 2 × 3"
    driven.window.do("next_stage")
    assert staged.stages.choice == NEWEST


def test_what_cannot_be_had_of_a_cascade_says_why(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = three_stages()
    monkeypatch.setattr(type(sampler), "kind", "cascade")
    view = opened(driven, run, monkeypatch, sampler)
    assert "a token" in view.first_hint and "Click a token" in dict(
        view.mouse
    )  # which PixelCNN calls a pixel
    modes = driven.window.top.modes
    assert [name for name, button in modes.items() if button.isEnabled()] == ["draw"]
    assert modes["learn"].toolTip() == PUT_TOGETHER and modes["complete"].toolTip() == IN_STAGES
    assert next(entry for entry in driven.window.found() if entry.name == "mode").words == ("Draw",)
    driven.key(Qt.Key.Key_V)
    assert said(driven) == "There is no other view of this."


def test_in_all_stages_a_place_is_of_the_stage_in_which_it_lies(driven: Driven, staged: DrawingView) -> None:
    staged.stages.choose(ALL)
    listener = staged.canvas.listener
    listener.hover(Place("stage.1", 2, 1, 2))
    assert shown(staged).number == 1 and staged.pointed == Place("wall", 2, 1, 2)
    driven.until(lambda: the_job(driven).watched == 2)
    driven.until(lambda: "row 2, column 3" in staged.thought.accessibleDescription())
    listener.click(Place("stage.0", 1, 0, 0))
    listener.hover(None)
    assert shown(staged).number == 0 and staged.held == Place("wall", 1, 0, 0)
    assert staged.canvas.selected == Place("stage.0", 1, 0, 0)
    listener.click_beside()
    assert staged.held is None and shown(staged).number == 2


def test_another_coarse_value_shows_what_it_changes_in_every_finer_stage(
    driven: Driven, staged: DrawingView
) -> None:
    staged.stages.choose(ALL)
    before = np.array(staged.whole.values)  # type: ignore[union-attr]
    staged.canvas.listener.click(Place("stage.0", 1, 0, 0))
    staged.canvas.listener.hover(None)
    value = (int(before[1, 0, 0]) + 1) % 4
    staged.thought.chosen.emit(0, value)
    driven.until(lambda: int(staged.whole.values[1, 0, 0]) == value and staged.whole.done)  # type: ignore[union-attr]
    after = np.array(staged.whole.values)  # type: ignore[union-attr]
    np.testing.assert_array_equal(np.delete(after, 1, 0), np.delete(before, 1, 0))
    changed = (after != before)[1, :, 0]
    assert changed[1:7].any() and changed[7:].any()
    for stage, (start, stop) in enumerate([(0, 1), (1, 7), (7, 23)]):
        veil = staged.canvas.shown.boards[stage].veil
        covered = np.zeros((4, stop - start), bool) if veil is None else veil[..., 3].reshape(4, -1) > 0
        np.testing.assert_array_equal(covered[1], changed[start:stop])
        assert not np.delete(covered, 1, 0).any()
    said = staged.stages.words.text()
    assert f"{changed[1:7].sum()} of 6 of stage 2, {changed[7:].sum()} of 16 of stage 3" in said
    assert staged.stages.words.isVisibleTo(staged.foot)
    driven.window.do("select_none")
    assert not staged.stages.words.isVisibleTo(staged.foot)
    assert all(board.veil is None for board in staged.canvas.shown.boards)


def test_where_there_is_one_stage_there_is_nothing_to_choose(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert not view.stages.isVisibleTo(view.foot) and not view.tree.isVisibleTo(view)
    assert {"next_stage", "show_tree"} <= set(view.lacks)
    assert not driven.window.actions_["next_stage"].isEnabled()


# The tree of a search.


def moved_to(at: QPointF) -> QMouseEvent:
    none = Qt.MouseButton.NoButton
    return QMouseEvent(QMouseEvent.Type.MouseMove, at, none, none, Qt.KeyboardModifier.NoModifier)


@pytest.fixture
def searched(driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch) -> DrawingView:
    sampler = BeamSampler([Stage((5, 6), order_of("rows", 5, 6), 5)])
    sampler.margin = 3.0
    return opened(driven, run, monkeypatch, sampler)


def test_a_search_grows_a_tree(driven: Driven, searched: DrawingView) -> None:
    assert searched.tree.isVisibleTo(searched)
    tree = searched.tree.tree
    assert tree is not None and len(tree.positions) == 12 and tree.positions[-1] == 30
    image = searched.tree.grab().toImage()
    rects = [searched.tree.rect_of(node) for node in tree.nodes]
    inside = searched.tree.rect().toRectF() if hasattr(searched.tree.rect(), "toRectF") else None
    assert inside is None or all(inside.contains(rect) for rect in rects)
    ratio = image.devicePixelRatio()
    best = next(node for node in tree.nodes if node.level == 11 and node.row == 0)
    pixel = tree.pictures[11, best.picture]
    rect = searched.tree.rect_of(best)
    seen = image.pixelColor(int((rect.left() + 3) * ratio), int((rect.top() + 3) * ratio))
    assert abs(seen.red() - int(pixel[0, 0, 0])) <= 3
    driven.window.do("show_tree", False)
    assert not searched.tree.isVisibleTo(searched)


def test_all_rows_of_a_large_tree_are_seen_in_a_low_window(driven: Driven, searched: DrawingView) -> None:
    tree = searched.tree
    assert tree.tree is not None
    tree.tree = replace(tree.tree, rows=20, nodes=tuple(replace(n, row=19) for n in tree.tree.nodes))
    tree.resize(1000, 220)
    assert max(tree.rect_of(node).bottom() for node in tree.tree.nodes) <= tree.height()


def test_a_branch_says_what_it_is(driven: Driven, searched: DrawingView) -> None:
    tree = searched.tree.tree
    assert tree is not None
    given_up = [node for node in tree.nodes if node.last < len(tree.positions) - 1]
    said: list[str] = []
    searched.readout.connect(said.append)
    for node in (given_up[0], next(n for n in tree.nodes if (n.level, n.picture) in tree.best)):
        middle = searched.tree.rect_of(node).center()
        searched.tree.mouseMoveEvent(moved_to(middle))
    assert "given up before place" in said[0] and "on the way to the best" in said[-1]
    assert f"{given_up[0].score:.1f} nats" in said[0]


def test_what_was_given_up_fades() -> None:
    parent = np.array([[-1, -1, -1], [0, 0, 2], [0, 1, 0]])
    alive = np.array([[True] * 3, [True] * 3, [True, True, False]])
    last = last_levels(parent, alive)
    assert last.tolist() == [[2, 0, 1], [2, 2, 1], [2, 2, 2]]
    score = np.array([[-1.0, -2, -3], [-2, -3, -4], [-5, -4, -1]])
    assert best_way(parent, score, alive) == {(2, 1), (1, 1), (0, 0)}
    pictures = np.zeros((3, 3, 2, 2, 3), np.uint8)
    frame = {
        "position": np.array([2, 4, 6]),
        "parent": parent,
        "score": score,
        "alive": alive,
        "pictures": pictures,
    }
    tree = Tree.of({f"tree.{name}": array for name, array in frame.items()})
    assert tree is not None
    strengths = {(n.level, n.picture): n.strength(3) for n in tree.nodes}
    assert strengths[0, 0] == strengths[1, 1] == 1.0 > strengths[0, 2] > strengths[0, 1]
    assert (2, 2) not in strengths  # not alive
    assert [(n.picture, n.row) for n in tree.nodes if n.level == 2] == [(1, 0), (0, 1)]
    assert {(a.picture, b.picture) for a, b in tree.edges() if b.level == 2} == {(0, 0), (1, 1)}


def test_before_the_first_branches_it_says_what_will_come(driven: Driven, searched: DrawingView) -> None:
    driven.session.runner.pause()
    searched.edited.emit(GoTo(0))
    driven.until(lambda: searched.tree.tree is None)
    assert not searched.tree.grab().isNull()
    driven.key(Qt.Key.Key_Space)
    driven.until(lambda: searched.tree.tree is not None)


# Where it looked.


def two_stages(at: int) -> Drawing:
    """A drawing of a 1 × 2 and a 2 × 2 stage, two layers of one head; looked from a place counted through both."""
    rng = np.random.default_rng(2)
    looked = rng.dirichlet(np.ones(7), size=(2, 1))[..., :6].astype(np.float16)  # the rest is the start
    frame = {
        "values": np.zeros((1, 6, 1), int), "position": np.array([6]), "given": np.zeros((1, 6), bool),
        "watched": np.array(0), "looked": looked, "looked_from": np.array(at),
    }  # fmt: skip
    tiles = np.zeros((3, 1, 1, 3), np.uint8)
    still = {"order": np.arange(6), "labels": np.array([-1]), "stages": np.array([[1, 2], [2, 2]])}
    return Drawing(frame, {**still, "tiles.0": tiles, "tiles.1": tiles})


def test_light_falls_on_the_coarser_stages_too() -> None:
    whole = two_stages(at=4)
    coarse, fine = whole.stage(0), whole.stage(1)
    looked = np.asarray(whole.frame["looked"], float)
    for part, (start, stop) in ((coarse, (0, 2)), (fine, (2, 6))):
        veil = lit(None, part, Choice("one", (1, 0)))
        assert veil is not None
        np.testing.assert_array_equal(veil[0], light(looked[1, 0, start:stop].reshape(part.size)))
    assert looked_in(coarse) is None  # it was no place of that stage from which it looked
    words = looked_in_words(fine, Choice("one", (1, 0)))
    before, start = looked[1, 0, :2].sum(), 1 - looked[1, 0].sum()
    assert f"{100 * before:.1f} % from the coarser stages, {100 * start:.1f} % from the start" in words


def test_no_light_falls_on_a_stage_that_is_finer() -> None:
    whole = two_stages(at=1)
    assert lit(None, whole.stage(1), Choice()) is None
    assert lit(None, whole.stage(0), Choice()) is not None
