"""Codes in a window while they are learned: looked at, held, chosen by stage, pruned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_mouse import mouse
from driven_codes import learn, point_of
from driving import Driven
from PIL import Image
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.codes import Codebook
from scalefree_studio.export.codes.sheet import parts_of, sheet_of
from scalefree_studio.jobs.instruments import instruments
from scalefree_studio.snapshot import Snapshot
from scalefree_studio.window.views.codes_view import CodesView
from scalefree_studio.window.widgets.theme import DARK, LIGHT
from scalefree_studio.window.work.making import Making

WRAPPED = Qt.TextFlag.TextWordWrap
KEY, CONTROL = Qt.Key, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def at_rest(driven: Driven, monkeypatch: pytest.MonkeyPatch, **controls: Any) -> CodesView:
    """What is shown stays as it is: the training has come to its end."""
    view = learn(driven, monkeypatch, **{"steps": 12, **controls})
    driven.until(lambda: driven.session.status.rests and view.snapshot and view.snapshot.step == 12)
    return view


def book_of(view: CodesView) -> Codebook:
    assert view.book is not None
    return view.book


def shot(view: CodesView) -> Any:
    image = view.canvas.render()
    return image[..., :3].astype(int)


def tile_of(view: CodesView, image: Any, code: int) -> Any:
    left, top, right, bottom = view.canvas.shown.picture_rect("codes", code).astype(int)
    return image[top:bottom, left:right]


def wider(view: CodesView, radius: float) -> Snapshot:
    """The same moment with another neighbourhood."""
    assert view.snapshot is not None
    return replace(view.snapshot, frame={**view.snapshot.frame, "radius.0": np.array(radius, np.float32)})


def hover(view: CodesView, place: Place) -> None:
    view.canvas.events.mouse_move(pos=point_of(view, place), button=None, modifiers=())


def test_pictures_and_codes_are_shown_while_it_learns(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = at_rest(driven, monkeypatch)
    pictures, codes = view.canvas.shown.boards
    frame, still = view.snapshot.frame, driven.session.still  # type: ignore[union-attr]
    np.testing.assert_array_equal(pictures.pictures[0::2], still["held"])
    np.testing.assert_array_equal(pictures.pictures[1::2], frame["wall"])
    np.testing.assert_array_equal(codes.pictures, frame["tiles.0"])
    assert codes.columns == 8 and codes.veil.shape == (64, 1, 1, 4)
    assert view.titles["codes"].startswith("64 codes")
    driven.until(lambda: "epoch" in driven.window.top.words.text())
    assert ", error " in driven.window.top.words.text() and not driven.window.top.modes
    assert [curve.title for curve in driven.window.curves.curves.values()][:3] == [
        "Error",
        "Usage",
        "Perplexity",
    ]


def test_a_code_that_is_pointed_at_is_outlined_where_it_occurs(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = at_rest(driven, monkeypatch, map=False)
    tokens = view.snapshot.frame["tokens.0"]  # type: ignore[union-attr]
    counts = np.bincount(tokens.ravel(), minlength=64)
    code = int(np.where(counts > 0, counts, 10**6).argmin())  # a rare one, which some pictures have not
    plain = shot(view)
    hover(view, Place("codes", code, 0, 0))
    name, marked = view.canvas.outlined
    assert name == "pictures"
    np.testing.assert_array_equal(marked, (tokens == code).repeat(2, axis=0))
    image = shot(view)
    picture = int(marked.any((1, 2)).argmax())
    y, x = np.argwhere(marked[picture])[0]
    left, top, right, bottom = view.canvas.shown.on_screen(
        view.canvas.shown.grid("pictures").place_rects((picture, y, x))
    ).astype(int)
    assert (abs(image[top, left:right] - plain[top, left:right]).max(-1) > 10).mean() > 0.5, "a line above it"
    bare = int((~marked.any((1, 2))).argmax())
    left, top, right, bottom = view.canvas.shown.picture_rect("pictures", bare).astype(int)
    np.testing.assert_array_equal(image[top:bottom, left:right], plain[top:bottom, left:right])
    assert view.panel.title.text() == f"Code {code}" and "tokens" in view.panel.words.text()
    assert driven.window.stage.readout.text().startswith(f"Code {code}: It stands for")
    usage = np.zeros(64, np.int64)
    view.show_snapshot(replace(view.snapshot, frame={**view.snapshot.frame, "usage.0": usage}), None)  # type: ignore[union-attr,type-var]
    assert "Nothing" in driven.window.stage.readout.text()
    view.canvas.leave()
    assert view.canvas.outlined is None and view.panel.title.text() == "Codes"


def test_a_token_of_a_picture_leads_to_its_code_and_that_to_the_nearest(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = at_rest(driven, monkeypatch)
    code = int(view.snapshot.frame["tokens.0"][2, 1, 5])  # type: ignore[union-attr]
    mouse(view.canvas, point_of(view, Place("pictures", 2 * 2 + 1, 1, 5)))
    assert view.shown.code == code and view.canvas.selected == Place("codes", code, 0, 0)
    view.canvas.leave()
    near = view.snapshot.frame["near.0"][code].tolist()  # type: ignore[union-attr]
    assert list(view.panel.tiles.codes) == near and view.panel.tiles.isVisible()
    QTest.mouseClick(
        view.panel.tiles, Qt.MouseButton.LeftButton, pos=view.panel.tiles.rect_of(2).center().toPoint()
    )
    assert view.shown.code == near[2]
    view.panel.tiles.setFocus()
    QTest.keyClick(view.panel.tiles, KEY.Key_Right)
    QTest.keyClick(view.panel.tiles, KEY.Key_Right)
    QTest.keyClick(view.panel.tiles, KEY.Key_Return)
    assert view.shown.code == view.snapshot.frame["near.0"][near[2]][1]  # type: ignore[union-attr]
    held = view.shown.code
    driven.key(KEY.Key_Right, CONTROL)
    driven.key(KEY.Key_Down, CONTROL)
    assert held is not None and view.shown.code == held + (9 if held < 55 else 1)
    mouse(view.canvas, point_of(view, Place("codes", view.shown.code, 0, 0)))
    assert view.shown.code is None, "a second click lets go"
    mouse(view.canvas, point_of(view, Place("codes", 5, 0, 0)))
    driven.key(KEY.Key_D, CONTROL)
    assert view.shown.code is None and view.canvas.selected is None


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_heat_lies_over_the_codes(driven: Driven, monkeypatch: pytest.MonkeyPatch, palette: Any) -> None:
    driven.window.set_palette(palette)
    view = at_rest(driven, monkeypatch)
    book = book_of(view)
    usage, apart = book.part("usage"), book.part("apart")
    assert usage is not None and apart is not None
    alive = [n for n in range(64) if usage[n]]  # type: ignore[operator]
    plain = shot(view)
    for code in alive[:5]:
        if book.part("revived")[code] < 0:  # type: ignore[index]
            side = view.canvas.shown.grid("codes").scale
            if float(side).is_integer():
                tile = book.tiles[code].repeat(int(side), 0).repeat(int(side), 1)
                assert np.abs(tile_of(view, plain, code)[3:-3, 3:-3] - tile[3:-3, 3:-3]).max() <= 2
    driven.key(KEY.Key_J)
    assert view.shown.heat == "usage" and view.panel._heats["usage"].isChecked()
    image, most = shot(view), int(np.argmax(usage))
    text = np.array(list(bytes.fromhex(palette.text[1:])))
    expected = text * 0.75 + book.tiles[most].mean((0, 1)) * 0.25
    if book.part("revived")[most] < 0:  # type: ignore[index]
        assert np.abs(tile_of(view, image, most)[4:-4, 4:-4].mean((0, 1)) - expected).max() < 6
    driven.key(KEY.Key_J)
    assert view.shown.heat == "apart"
    assert not np.array_equal(tile_of(view, shot(view), most), tile_of(view, image, most))
    view.panel._heats["none"].click()
    np.testing.assert_array_equal(shot(view), plain)
    assert driven.settings.value("codes_heat") == "none"


def test_unused_codes_are_struck_through_and_the_ring_shrinks(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = at_rest(driven, monkeypatch)
    book = book_of(view)
    unused = tuple(np.flatnonzero(np.asarray(book.part("usage")) == 0).tolist())
    assert view.canvas.struck == ("codes", unused)
    board, unit, _ = view.canvas.reach
    tokens = view.snapshot.frame["tokens.0"]  # type: ignore[union-attr]
    assert (board, unit) == ("codes", tokens[0, 4, 4])
    view.show_snapshot(wider(view, 2.5), None)
    plain, wide = shot(view), 2.5
    hover(view, Place("codes", 27, 0, 0))
    assert view.canvas.reach == ("codes", 27, wide)
    changed = np.argwhere(np.abs(shot(view) - plain).max(-1) > 25)[:, ::-1]  # x, y
    middle = view.canvas.shown.picture_rect("codes", 27).reshape(2, 2).mean(0)
    pitch = view.canvas.shown.grid("codes").pitch[0]
    away = np.hypot(*(changed - middle).T) / pitch
    assert (abs(away - wide) < 0.2).sum() > 50, "a ring of that radius"
    view.canvas.leave()
    for radius in (3.0, 1.5):
        view.show_snapshot(wider(view, radius), None)
        assert view.canvas.reach == ("codes", unit, radius)


def test_each_stage_has_its_codes(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    view = at_rest(driven, monkeypatch, stages=2, rows=4)
    buttons = view.panel.stages.buttons()
    assert [button.text() for button in buttons] == ["1", "2"] and buttons[0].isChecked()
    assert view.canvas.shown.boards[0].group == 3 and view.canvas.shown.boards[0].places == (4, 4)
    assert view.titles["pictures"] == "Held out | stages 1, 2"
    driven.key(KEY.Key_V, SHIFT)
    assert view.shown.stage == 1 and buttons[1].isChecked()
    np.testing.assert_array_equal(view.canvas.shown.boards[1].pictures, book_of(view).tiles)
    assert view.canvas.shown.boards[0].places == (8, 8)
    buttons[0].click()
    assert view.shown.stage == 0


def test_pruning_is_shown_before_it_is_done_and_undone(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = at_rest(driven, monkeypatch)
    panel, book = view.panel, book_of(view)
    usage = np.asarray(book.part("usage"))
    assert panel.pruning.isVisible() and not panel.button.isEnabled()
    panel.slider.setFocus()
    for _ in range(3):
        QTest.keyClick(panel.slider, KEY.Key_Right)
    going = usage < 28
    assert panel.threshold == 28 and panel.button.text() == f"Prune {going.sum()} codes"
    assert f"{going.sum()} of 64 codes would go.\nError 0.01 → " in panel.cost.text()
    wrapped = panel.cost.fontMetrics().boundingRect(0, 0, panel.cost.width(), 999, WRAPPED, panel.cost.text())
    driven.until(lambda: panel.cost.height() >= wrapped.height())  # nothing of it is cut
    veil = view.canvas.shown.boards[1].veil[:, 0, 0]
    dark = np.array(list(bytes.fromhex(view.palette_.window[1:])))  # type: ignore[union-attr]
    new = np.asarray(book.part("revived")) >= 0
    assert (veil[going & ~new, :3] == dark).all() and (veil[~going & ~new, 3] == 0).all()
    QTest.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    driven.until(lambda: driven.session.job.controls.prune_below == 28)
    driven.key(KEY.Key_Z, CONTROL)
    driven.until(lambda: driven.session.job.controls.prune_below == 0)


def test_the_slider_stays_near_the_threshold_that_was_chosen(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = at_rest(driven, monkeypatch)
    view.panel.slider.setValue(3)
    assert view.shown.threshold == 28
    for table, index, threshold in (
        ([(0, 0, 0.01), (5, 3, 0.02), (30, 9, 0.03), (30, 9, 0.03)], 2, 30),
        ([(0, 0, 0.01), (7, 0, 0.01), (14, 0, 0.01), (27, 9, 0.03), (99, 20, 0.04)], 3, 27),
    ):
        assert view.snapshot is not None
        frame = {**view.snapshot.frame, "going.0": np.array(table, float)}
        view.show_snapshot(replace(view.snapshot, frame=frame), None)
        assert view.panel.slider.value() == index and view.shown.threshold == threshold
        dark = view.canvas.shown.boards[1].veil[:, 0, 0, 3] > 200
        usage = np.asarray(book_of(view).part("usage"))
        old = np.asarray(book_of(view).part("revived")) < 0
        np.testing.assert_array_equal(dark[old], usage[old] < threshold)


def test_all_there_is_to_see_is_exported(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    view = at_rest(driven, monkeypatch)
    view._choose_heat("usage")
    everything = view.everything()
    assert everything is not None and everything.options.overlay and everything.size is not None
    assert view.snapshot is not None and view.session is not None
    for size, expected in ((None, (2160, 1080)), ((500, 400), (500, 400))):
        options = replace(everything.options, size=size)
        target = tmp_path / f"{expected[0]}.png"
        making = Making(lambda made, asked=options, to=target: everything.work(asked)(to, made), view)
        driven.until(target.exists)
        making.cancel()
        parts = parts_of(view.snapshot.frame, view.session.still, True)
        with Image.open(target) as image:
            assert everything.size(options) == image.size == expected
            np.testing.assert_array_equal(np.asarray(image), sheet_of(parts, expected))


def test_nothing_but_what_changed_is_uploaded(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    view = at_rest(driven, monkeypatch, map=False)
    shot(view)
    painter = view.canvas._painter

    def filled() -> list[int]:
        shot(view)
        return [painter.pictures[n].filled for n in ("pictures", "codes")] + [painter.veils["codes"].filled]

    before = filled()
    for code in range(12):
        hover(view, Place("codes", code, 0, 0))
    view.hold(3)
    assert filled() == before
    view._choose_heat("usage")
    assert filled() == [*before[:2], before[2] + 1]


def test_heats_that_are_not_known_leave_a_row_with_round_ends(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = at_rest(driven, monkeypatch)
    book = book_of(view)
    without = {name: array for name, array in book.frame.items() if not name.startswith("apart")}
    view.panel.show_book(Codebook(without, book.still), None, "none", waits=False, prunes=False)
    seen = [button for button in view.panel._heats.values() if button.isVisible()]
    assert [button.property("place") for button in seen] == ["first", "last"]
    alone = list(driven.window.panel.instruments.values())[-1]
    assert alone.property("place") == ("alone" if len(instruments()) % 2 else "last")
