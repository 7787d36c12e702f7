"""Painting with codes in a window, driven by hand, with a small VQ-VAE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_mouse import mouse
from driven_codes import point_of
from driving import SMALL, Driven
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.pictures import Picture
from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.codebooks.lesson import VQVAELesson
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.instruments import codec_of
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint
from scalefree_studio.window.shell.panel import LEAST
from scalefree_studio.window.views.paint_view import PaintView

KEY, CONTROL = Qt.Key, Qt.KeyboardModifier.ControlModifier
TINY = {
    "layers": 1,
    "least_channels": 4,
    "most_channels": 4,
    "latent": 3,
    "blocks": 1,
    "codes": 12,
    "batch_size": 16,
}


def learnt(folder: Path, **controls: Any) -> Path:
    """A run folder of a VQ-VAE of digits that has hardly learnt."""
    job = Train(VQVAELesson(load_dataset("digits")), VQVAELesson.controls(**{**TINY, **controls}))
    for _ in range(3):
        job.step()
    RunFolder(folder).keep(job.checkpoint())
    return folder


@pytest.fixture(scope="module")
def vqvae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learnt(tmp_path_factory.mktemp("runs") / "vqvae")


def paint(driven: Driven, run: Path) -> PaintView:
    driven.window.open(f"draw:{run}")
    driven.until(
        lambda: isinstance(driven.window.stage.view, PaintView) and driven.window.stage.view.snapshot
    )
    view = driven.window.stage.view
    assert isinstance(view, PaintView)
    driven.until(lambda: shown(view).done and len(view.tiles.codes))
    return view


def shown(view: PaintView) -> Drawing:
    assert view.drawing is not None
    return view.drawing


def values(view: PaintView) -> Any:
    return shown(view).values[0, :, :, 0].astype(np.int64)


def test_it_begins_with_the_tokens_of_a_held_out_picture(driven: Driven, vqvae: Path) -> None:
    view = paint(driven, vqvae)
    tokens, wall = view.canvas.shown.boards
    codec = codec_of(load_checkpoint(vqvae))
    assert shown(view).frame["given"].all()
    np.testing.assert_array_equal(wall.pictures[..., :1], codec.decode([values(view)[None]]))
    tiles, side = codec.tiles(), codec.tiles().shape[1]
    for y, x in ((0, 0), (3, 1), (2, 3)):
        part = tokens.pictures[0, y * side : (y + 1) * side, x * side : (x + 1) * side]
        np.testing.assert_array_equal(part, tiles[values(view)[y, x]])
    assert list(view.tiles.codes) == list(range(12))
    assert driven.window.top.modes["draw"].isChecked() and driven.window.top.modes["draw"].text() == "Paint"
    assert not driven.window.actions_["show_bottom"].isEnabled()  # there are no curves
    driven.key(KEY.Key_X)
    driven.until(lambda: not shown(view).frame["given"].any() and shown(view).done)
    driven.key(KEY.Key_H)
    driven.until(lambda: shown(view).frame["given"].all())


def test_codes_are_painted_and_decoded_at_once(driven: Driven, vqvae: Path) -> None:
    view = paint(driven, vqvae)
    before, codec = values(view).copy(), codec_of(load_checkpoint(vqvae))
    at = view.tiles.rect_of(7).center().toPoint()
    QTest.mouseClick(view.tiles, Qt.MouseButton.LeftButton, pos=at)
    assert view.code == 7 and view.canvas.brush is not None and driven.window.actions_["brush"].isChecked()
    path = [point_of(view, Place("tokens", 0, 1, x)) for x in range(3)]
    mouse(view.canvas, *path)
    driven.until(lambda: (values(view)[1, :3] == 7).all())
    expected = before.copy()
    expected[1, :3] = 7
    driven.until(lambda: np.array_equal(values(view), expected) and shown(view).done)
    decoded = codec.decode([expected[None]])
    driven.until(lambda: np.array_equal(view.canvas.shown.boards[1].pictures[..., :1], decoded))
    assert view.canvas.painting is None, "nothing covers what was painted"
    mouse(view.canvas, point_of(view, Place("wall", 0, 3, 3)))
    driven.until(lambda: values(view)[3, 3] == 7)
    driven.key(KEY.Key_Z, CONTROL)
    driven.until(lambda: np.array_equal(values(view), expected))
    driven.key(KEY.Key_Z, CONTROL)
    driven.until(lambda: np.array_equal(values(view), before))


def test_a_right_click_takes_the_code_under_the_pointer(driven: Driven, vqvae: Path) -> None:
    view = paint(driven, vqvae)
    other, code = (2, 3), (int(values(view)[0, 0]) + 1) % 12
    view._set_value(Place("wall", 0, *other), [code], 0)
    driven.until(lambda: values(view)[other] == code)
    before, edits = values(view).copy(), list[object]()
    view.edited.connect(edits.append)
    mouse(view.canvas, point_of(view, Place("wall", 0, 0, 0)), button=2)
    assert view.code == before[0, 0] and view.canvas.brush is not None
    view.canvas.events.mouse_move(pos=point_of(view, Place("wall", 0, *other)), button=None, modifiers=())
    mouse(view.canvas, point_of(view, Place("wall", 0, *other)), button=2)
    assert view.code == before[other] and view.tiles.code == before[other]
    assert not edits, "nothing is painted"
    driven.key(KEY.Key_B)
    assert view.canvas.brush is None


def test_a_token_that_is_held_becomes_the_code_that_is_chosen(driven: Driven, vqvae: Path) -> None:
    view = paint(driven, vqvae)
    mouse(view.canvas, point_of(view, Place("tokens", 0, 2, 1)))
    assert view.canvas.selected == Place("wall", 0, 2, 1)
    assert Place("tokens", 0, 2, 1) in view.canvas.cursor
    view.canvas.leave()
    assert view.words_of_code.text().startswith(f"Row 3, column 2: code {values(view)[2, 1]}.")
    driven.key(KEY.Key_Right, CONTROL)
    driven.key(KEY.Key_Up, CONTROL)
    assert view.canvas.selected == Place("wall", 0, 1, 2)
    wanted = (int(values(view)[1, 2]) + 1) % 12
    view.tiles.setFocus()
    while view.tiles.marked != wanted:
        QTest.keyClick(view.tiles, KEY.Key_Right if (view.tiles.marked or 0) < wanted else KEY.Key_Left)
    QTest.keyClick(view.tiles, KEY.Key_Return)
    driven.until(lambda: values(view)[1, 2] == wanted)
    assert view.canvas.brush is None
    driven.key(KEY.Key_D, CONTROL)
    assert view.canvas.selected is None


def test_a_picture_of_ones_own_and_codes_by_chance(driven: Driven, vqvae: Path) -> None:
    view = paint(driven, vqvae)
    own = np.random.default_rng(0).integers(256, size=(20, 16, 3), dtype=np.uint8)
    assert view.take(Picture(own, "own", ""))
    job = driven.session.job
    assert isinstance(job, DrawPictures)
    expected = job.sampler.values_of(own)[..., 0]
    driven.until(lambda: np.array_equal(values(view), expected))
    driven.key(KEY.Key_X)
    driven.until(lambda: not shown(view).frame["given"].any() and shown(view).done)
    view.set_controls({"count": 3})
    driven.until(lambda: shown(view).count == 3 and shown(view).done)


def test_each_stage_of_a_residual_codebook_is_painted(driven: Driven, tmp_path: Path) -> None:
    view = paint(driven, learnt(tmp_path / "scales", scales="1,2,4"))
    assert shown(view).size == (4, 4)
    driven.key(KEY.Key_V, Qt.KeyboardModifier.ShiftModifier)
    assert shown(view).size == (1, 1) and view.canvas.shown.boards[0].places == (1, 1)
    view.choose((int(values(view)[0, 0]) + 1) % 12)
    before, pictures = view.code, view.canvas.shown.boards[1].pictures.copy()
    mouse(view.canvas, point_of(view, Place("wall", 0, 0, 0)))
    driven.until(lambda: values(view)[0, 0] == before and shown(view).done)
    driven.until(lambda: not np.array_equal(view.canvas.shown.boards[1].pictures, pictures))
    view.painted_stages.buttons()[1].click()
    assert shown(view).size == (2, 2)


def test_the_brush_of_one_codebook_does_not_paint_in_another(
    driven: Driven, vqvae: Path, tmp_path: Path
) -> None:
    view = paint(driven, vqvae)
    view.choose(7)
    assert view.canvas.brush is not None
    other = learnt(tmp_path / "other")
    driven.window.open(f"draw:{other}")
    driven.until(lambda: view.opened is not None and view.opened.source == str(other))
    assert view.code is None and view.canvas.brush is None
    assert not driven.window.actions_["brush"].isChecked()


def test_codes_complete_no_pictures(driven: Driven, vqvae: Path) -> None:
    view = paint(driven, vqvae)
    driven.window.open(f"complete:{vqvae}")
    driven.until(lambda: "paint with" in driven.window.stage.toast.label.text())
    assert driven.window.stage.view is view


def test_in_a_low_window_the_codes_scroll_along_with_the_controls(driven: Driven, vqvae: Path) -> None:
    view, window = paint(driven, vqvae), driven.window
    panel, foot = window.panel, view.foot
    assert foot is not None and panel.form is not None
    for height, scrolls in ((900, False), (640, True), (900, False)):
        window.resize(1000, height)
        driven.until(lambda: panel.scroller.isAncestorOf(foot) == scrolls)  # noqa: B023
        driven.until(lambda: panel.scroller.height() >= LEAST)
        assert foot.isVisible() and panel.form.isVisible()
    window.resize(1000, 640)
    window.open(SMALL)  # another view, with a foot of its own
    driven.until(lambda: not isinstance(window.stage.view, PaintView))
    assert not foot.isVisible() and window.stage.view.foot.isVisible()
