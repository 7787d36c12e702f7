"""The completion bench in a window: pictures dropped, the cut dragged, a table that fills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_mouse import mouse
from driving import Driven, said
from PIL import Image
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog, QMenu
from small_cascades import checkpoint
from small_codecs import TileCodec

from scalefree_studio.canvas.walls.boards import Place, edges_of
from scalefree_studio.drawings import first
from scalefree_studio.export.movie import movie_of_run
from scalefree_studio.jobs.cascades.cascade import assemble
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.views.bench_table import BenchTable
from scalefree_studio.window.views.bench_view import BenchView
from scalefree_studio.window.views.drawing_view import DrawingView
from scalefree_studio.window.views.export_dialog import ExportDialog
from scalefree_studio.window.views.surprise_dialog import SurpriseDialog
from scalefree_studio.window.work.held_out import held_out_pictures

ALT, CONTROL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
KEY = Qt.Key


def bench(driven: Driven, run: Path) -> BenchView:
    """An empty one."""
    driven.window.open(f"complete:{run}")
    driven.until(
        lambda: isinstance(driven.window.stage.view, BenchView) and driven.window.stage.view.snapshot
    )
    view = driven.window.stage.view
    assert isinstance(view, BenchView)
    view.set_controls({"speed": AT_ONCE})
    return view


def shown(view: BenchView) -> BenchTable:
    assert view.table is not None
    return view.table


def drop(driven: Driven, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    driven.window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, left, plain))


def pictures(folder: Path, count: int = 2) -> list[Path]:
    paths = [folder / f"{n}.png" for n in range(count)]
    for n, path in enumerate(paths):
        noise = np.random.default_rng(n).integers(256, size=(8, 8), dtype=np.uint8)
        Image.fromarray(noise).resize((32, 32), Image.Resampling.NEAREST).save(path)
    return paths


def filled(driven: Driven, run: Path, folder: Path, count: int = 2) -> BenchView:
    """With a few pictures, all of them completed."""
    view = bench(driven, run)
    drop(driven, *pictures(folder, count))
    driven.until(lambda: shown(view).rows == count and shown(view).drawn.done)
    return view


def point_of(view: BenchView, place: Place) -> tuple[float, float]:
    """The middle of a place, in logical pixels of the canvas."""
    grid, ratio = view.canvas.shown.grid(place.board), view.canvas.ratio
    x0, y0, x1, y1 = view.canvas.shown.on_screen(grid.place_rects(np.array(place[1:])))
    return (x0 + x1) / 2 / ratio, (y0 + y1) / 2 / ratio


def test_an_empty_bench_says_what_to_do_and_draws_nothing(driven: Driven, run: Path) -> None:
    view = bench(driven, run)
    assert view.hint.isVisible() and driven.window.top.modes["complete"].isChecked()
    assert view.canvas.shown.boards == () and not driven.session.status.playing
    assert driven.session.job.step_count == 0
    assert driven.window.top.words.text() == "Ready to complete: digits — drop pictures here"
    driven.key(KEY.Key_E, CONTROL)
    assert "nothing to export" in said(driven)
    driven.key(KEY.Key_D)
    assert "first" in said(driven)


def test_dropped_pictures_fill_a_table(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = filled(driven, run, tmp_path)
    table = shown(view)
    assert not view.hint.isVisible()
    assert [board.name for board in view.canvas.shown.boards] == ["given", "hidden", "0", "1", "2"]
    assert list(view.titles.values()) == ["Given", "Hidden", "T 0.9", "T 1", "T 1.1"]
    assert table.given[:4].all() and not table.given[4:].any()
    tops = {float(grid.top) for grid in view.canvas.shown.grids}
    lefts = [grid.left for grid in view.canvas.shown.grids]
    assert len(tops) == 1 and lefts == sorted(lefts), "columns stand beside one another"
    for board, column in zip(view.canvas.shown.boards, table.table.columns, strict=True):
        np.testing.assert_array_equal(board.pictures, column)
    np.testing.assert_array_equal(view.canvas.cut, np.broadcast_to(table.given, (2, 8, 8)))
    given, hidden = table.table.columns[:2]
    for n, path in enumerate(pictures(tmp_path)):
        levels = np.asarray(Image.open(path).resize((8, 8), Image.Resampling.BOX), int) // 64
        network = np.where(table.given[..., None], given[n], hidden[n])[..., 0]
        assert len(np.unique(network)) <= 4 and np.corrcoef(levels.ravel(), network.ravel())[0, 1] > 0.9
    driven.until(lambda: driven.window.top.words.text() == "Completed: digits — 2 pictures at 0.9, 1, 1.1")


def test_the_cut_is_dragged_over_the_pictures(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = filled(driven, run, tmp_path)
    before = shown(view).drawn.values.copy()
    path = [point_of(view, Place("given", 1, y, 3)) for y in (2, 4, 5, 6)]
    view.canvas.events.mouse_press(pos=path[0], button=1, modifiers=())
    for pos in path[1:]:
        view.canvas.events.mouse_move(pos=pos, button=1, modifiers=())
    cut = first(6 * 8 + 3, np.arange(64), (8, 8))
    np.testing.assert_array_equal(view.canvas.cut, np.broadcast_to(cut, (2, 8, 8)))  # the line follows
    assert len(view.canvas.shown.boards[0].pictures) == 2 and driven.session.job.state.done  # type: ignore[attr-defined]
    view.canvas.events.mouse_release(pos=path[-1], button=1, modifiers=())
    driven.until(lambda: shown(view).drawn.frame["kept"].sum() == 2 * 51 and shown(view).drawn.done)
    after = shown(view).drawn.values
    whole = shown(view).drawn.frame["prompts"]
    for cell in range(6):
        np.testing.assert_array_equal(after[cell][cut], whole[cell // 3][cut])
    driven.key(KEY.Key_Z, CONTROL)
    driven.until(lambda: shown(view).drawn.frame["kept"].sum() == 2 * 32)
    np.testing.assert_array_equal(shown(view).drawn.values, before)
    assert view.canvas.cut.sum() == 2 * 32
    mouse(view.canvas, point_of(view, Place("given", 0, 7, 7)))  # a click picks
    assert view.canvas.picked == ("given", 0) and shown(view).given.sum() == 32


def test_the_cut_goes_with_keys_and_is_typed(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = filled(driven, run, tmp_path, 1)
    for key, places in ((KEY.Key_Down, 40), (KEY.Key_Right, 41), (KEY.Key_Up, 33), (KEY.Key_Left, 32)):
        driven.key(key, ALT)
        driven.until(lambda places=places: shown(view).drawn.frame["kept"].sum() == places)  # type: ignore[misc]
    assert view.panel.cut.text() == "32"
    view.panel.cut.setFocus()
    view.panel.cut.selectAll()
    QTest.keyClicks(view.panel.cut, "64")
    assert view.panel.cut.property("wrong")
    view.panel.cut.selectAll()
    QTest.keyClicks(view.panel.cut, "5\r")
    driven.until(lambda: shown(view).drawn.frame["kept"].sum() == 5 and shown(view).drawn.done)
    driven.key(KEY.Key_I)  # the left half: what is given below is not seen
    driven.until(lambda: shown(view).drawn.frame["kept"][0, :, :4].all())
    assert view.panel.cut.text() == "a part" and view.panel.note.text().startswith("28 given places")
    driven.key(KEY.Key_U)
    driven.until(lambda: shown(view).drawn.frame["kept"][0, :4].all())
    assert not view.panel.note.isVisible()


def test_temperatures_are_typed(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = filled(driven, run, tmp_path)
    before = shown(view).drawn.values.copy()
    view.panel.temperatures.setFocus()
    for wrong in ("0.9, hot", "0", ""):
        view.panel.temperatures.selectAll()
        QTest.keyClick(view.panel.temperatures, KEY.Key_Delete)
        QTest.keyClicks(view.panel.temperatures, wrong)
        assert view.panel.temperatures.property("wrong")
    view.panel.temperatures.selectAll()
    QTest.keyClicks(view.panel.temperatures, "1.0, 2\r")
    driven.until(lambda: shown(view).drawn.temperatures == (1.0, 2.0) and shown(view).drawn.done)
    np.testing.assert_array_equal(shown(view).drawn.values[::2], before[1::3])  # the column that was there
    assert list(view.titles) == ["given", "hidden", "0", "1"]


def test_a_cell_is_drawn_again_saved_and_gone_on_from(
    driven: Driven, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = filled(driven, run, tmp_path)
    before = shown(view).drawn.values.copy()
    mouse(view.canvas, point_of(view, Place("1", 1, 6, 2)))
    assert view.canvas.picked == ("1", 1)
    driven.key(KEY.Key_D)
    driven.until(lambda: (shown(view).drawn.values[4] != before[4]).any() and shown(view).drawn.done)
    assert (np.delete(shown(view).drawn.values, 4, 0) == np.delete(before, 4, 0)).all()

    target = tmp_path / "cell.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    driven.key(KEY.Key_S, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    saved = np.asarray(Image.open(target))
    scale = saved.shape[0] // 8
    np.testing.assert_array_equal(saved[::scale, ::scale], shown(view).table.columns[3, 1])

    drawn = shown(view).drawn.values[4].copy()
    driven.key(KEY.Key_Q)
    driven.until(lambda: (shown(view).drawn.frame["prompts"][1] == drawn).all())
    assert (shown(view).drawn.frame["prompts"][0] != drawn).any()
    for _ in range(2):
        driven.key(KEY.Key_Z, CONTROL)
    driven.until(lambda: (shown(view).drawn.values == before).all())
    driven.key(KEY.Key_Delete)
    driven.until(lambda: shown(view).rows == 1 and shown(view).drawn.done)
    np.testing.assert_array_equal(shown(view).drawn.values, before[:3])
    mouse(view.canvas, point_of(view, Place("given", 0, 0, 0)))
    driven.key(KEY.Key_Delete)
    driven.until(lambda: shown(view).rows == 0 and view.hint.isVisible())


def test_the_menu_of_a_picture_and_keys_that_pick(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = filled(driven, run, tmp_path)
    for place, count in ((Place("2", 0, 1, 1), 4), (Place("hidden", 1, 1, 1), 2)):
        mouse(view.canvas, point_of(view, place), button=2)
        assert view.canvas.picked == place[:2]
        menu = next(menu for menu in view.findChildren(QMenu) if menu.isVisible())
        assert len(menu.actions()) == count
        menu.close()
    view.select_none()
    for key, picked in ((KEY.Key_Down, ("0", 0)), (KEY.Key_Down, ("0", 1)), (KEY.Key_Right, ("1", 1)),
                        (KEY.Key_Up, ("1", 0)), (KEY.Key_Left, ("0", 0)), (KEY.Key_Left, ("hidden", 0))):  # fmt: skip
        driven.key(key, CONTROL)
        assert view.canvas.picked == picked


def test_the_pointer_reads_off_bits(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = filled(driven, run, tmp_path)
    read: list[str] = []
    view.readout.connect(read.append)
    view.point_at(Place("2", 1, 5, 5))
    driven.until(lambda: read and "bits drawn" in read[-1])
    job = driven.session.job
    assert isinstance(job, DrawPictures)
    drawn, hidden = np.asarray(shown(view).drawn.frame["bits"], float)
    assert job.watched == 5
    assert read[-1] == f"Picture 2   T 1.1   {drawn:.1f} bits drawn   {hidden:.1f} bits hidden"
    view.point_at(Place("given", 1, 5, 5))
    driven.until(lambda: read[-1] == f"Picture 2   {hidden:.1f} bits hidden")
    view.point_at(None)
    assert read[-1] == ""


def test_held_out_pictures_come_with_one_key(driven: Driven, run: Path) -> None:
    view = bench(driven, run)
    driven.key(KEY.Key_H)
    driven.until(lambda: shown(view).rows == 4 and shown(view).drawn.done)
    labels = driven.session.still["labels"].reshape(4, 3)
    assert (labels == labels[:, :1]).all(), "what each shows is asked for"
    driven.key(KEY.Key_H)
    driven.until(lambda: shown(view).rows == 8 and shown(view).drawn.done)
    shows = shown(view).drawn.frame["prompts"]
    assert len(np.unique(shows.reshape(8, -1), axis=0)) == 8


def test_pasted_pictures_join_and_what_is_no_picture_is_said(
    driven: Driven, run: Path, tmp_path: Path
) -> None:
    view = filled(driven, run, tmp_path, 1)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    drop(driven, broken)
    driven.until(lambda: "broken.png" in said(driven))
    assert shown(view).rows == 1 and driven.window.stage.view is view
    drop(driven, *pictures(tmp_path, 3)[1:])
    driven.until(lambda: shown(view).rows == 3)
    for _ in range(5):  # quicker than it is drawn
        driven.key(KEY.Key_Right, ALT)
    driven.until(lambda: shown(view).drawn.frame["kept"].sum() == 3 * 37 and shown(view).drawn.done)


def test_the_table_is_exported_at_any_scale_and_as_a_film(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = filled(driven, run, tmp_path)
    driven.key(KEY.Key_E, CONTROL)
    dialog = next(d for d in driven.window.findChildren(ExportDialog) if d.isVisible())
    table = shown(view).table
    dialog.choose("whole")
    assert dialog.page.way.size is not None
    assert dialog.page.way.size(dialog.options()) == table.size(table.usual_scale)
    done: list[object] = []
    dialog.made.connect(done.append)
    dialog.write(tmp_path / "table.png")
    driven.until(lambda: done)
    expected = table.picture(table.usual_scale)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "table.png")), expected)
    folder = RunFolder(driven.session.folder.path)
    driven.leave()
    film = movie_of_run(folder, tmp_path / "film.gif", seconds=1.0)
    assert film.frames == 30 and max(film.width, film.height) <= 480
    again = DrawPictures.from_checkpoint(folder.checkpoint())
    assert again.state.temperatures == (0.9, 1.0, 1.1) and again.state.done


def test_modes_lead_to_the_bench_and_away(driven: Driven, run: Path, tmp_path: Path) -> None:
    filled(driven, run, tmp_path)
    folder = driven.session.folder.path
    driven.window.top.modes["draw"].click()
    driven.until(lambda: isinstance(driven.window.stage.view, DrawingView))
    driven.window.top.modes["complete"].click()
    driven.until(lambda: isinstance(driven.window.stage.view, BenchView))
    driven.window.open(str(folder))  # the run is a bench again, as it was
    driven.until(lambda: driven.session.folder.path == folder and driven.window.stage.view.snapshot)
    view = driven.window.stage.view
    assert isinstance(view, BenchView)
    driven.until(lambda: shown(view).rows == 2 and shown(view).drawn.done)


def test_the_line_round_a_part_has_all_its_edges() -> None:
    part = np.random.default_rng(0).random((5, 7)) < 0.5
    found = set()
    for x0, y0, x1, y1 in edges_of(part).astype(int).tolist():
        for k in range(max(x1 - x0, y1 - y0)):
            found.add((x0 + k, y0, "level") if y0 == y1 else (x0, y0 + k, "upright"))
    expected = {(x, y + 1, "level") for y in range(4) for x in range(7) if part[y, x] != part[y + 1, x]}
    expected |= {(x + 1, y, "upright") for y in range(5) for x in range(6) if part[y, x] != part[y, x + 1]}
    assert found == expected


def test_the_surprise_of_a_picture_can_be_asked_for_here(driven: Driven, run: Path, tmp_path: Path) -> None:
    filled(driven, run, tmp_path, 1)
    driven.key(KEY.Key_Y)
    driven.until(lambda: driven.window.findChildren(SurpriseDialog))
    assert driven.window.findChildren(SurpriseDialog)[0].isVisible()


def test_what_draws_tokens_completes_but_does_not_learn_here(driven: Driven, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "cascade")
    folder.keep(assemble([checkpoint(codec=TileCodec((4,)))], ()))
    view = bench(driven, folder.path)
    assert [mode.name for mode in view.modes if mode.why_not] == ["learn"]
    assert not driven.window.top.modes["learn"].isEnabled()


def test_held_out_pictures_are_those_that_the_maker_of_tokens_has_not_seen() -> None:
    class Tokens:
        kind, classes = "cascade", ()

        def saved(self) -> tuple[dict[str, Any], dict[str, Any]]:
            digits = {"name": "digits", "spec": "digits", "shape": [8, 8, 1]}
            tokens = {"name": "digits", "spec": "shards that went away", "shape": [16]}
            return {"dataset": tokens, "codec": {"kind": "vqvae", "about": {"dataset": digits}}}, {}

    assert [picture.shape for picture, _ in held_out_pictures(Tokens(), 0)] == [(8, 8, 3)] * 4  # type: ignore[arg-type]
