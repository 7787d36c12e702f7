"""Pictures that a network draws in order, in a window: watched, and taken part in by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driven_drawings import TINY, draw, shown, the_job
from driving import FEW, SMALL, Driven, said
from PIL import Image
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.pictures import Picture
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.widgets.choices import ChoiceField


def test_a_model_draws_as_soon_as_it_is_open(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    driven.until(lambda: driven.window.top.words.text() == "Drawn: digits — 6 pictures")
    assert driven.window.panel.instruments["pixelcnn"].isChecked()
    assert driven.window.top.modes["draw"].isChecked()
    assert list(driven.window.curves.curves) == [quantity.metric for quantity in view.quantities]
    assert len(view.canvas.shown.boards[0].pictures) == 6
    np.testing.assert_array_equal(view.canvas.shown.boards[0].pictures, shown(view).pictures())
    assert view.canvas.cursor == ()


def test_the_network_says_what_it_thought(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    told: list[tuple[str, np.ndarray]] = []
    show = view.thought.show_thought
    view.thought.show_thought = lambda title, chances, *rest, **more: (  # type: ignore[method-assign]
        told.append((title, chances)),
        show(title, chances, *rest, **more),
    )
    view.point_at(Place("wall", 4, 2, 3))
    driven.until(lambda: the_job(driven).watched == 4)
    driven.until(lambda: told and told[-1][1] is not None)
    title, chances = told[-1]
    assert title == "Picture 5, row 3, column 4"
    assert all(found is not None for _, found in told), "nothing flickers"
    assert chances.shape == (1, 4)
    assert chances.sum() == pytest.approx(1, abs=2e-3)


def test_overlays_cover_what_they_say(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert view.canvas.shown.boards[0].veil is None
    driven.window.set_display({"openness": True})
    assert view.legend.isVisible()
    veil = view.canvas.shown.boards[0].veil
    bits = np.asarray(shown(view).frame["entropy"], float)
    order = np.argsort(bits.ravel())
    assert (np.diff(veil[..., 3].ravel()[order].astype(int)) >= 0).all()
    driven.window.set_display({"openness": False, "sight": True})
    assert not view.legend.isVisible()
    view.point_at(Place("wall", 1, 4, 4))
    hidden = view.canvas.shown.boards[0].veil[..., 3] > 0
    seen = shown(view).sees(4, 4)
    seen[4, 4] = True
    np.testing.assert_array_equal(hidden[1], ~seen)
    assert not np.delete(hidden, 1, 0).any()
    assert driven.settings.value("sight", type=bool)


def test_classes_are_chosen_and_told_by_name(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert driven.window.panel.form is not None
    field = driven.window.panel.form.fields["label"]
    assert isinstance(field, ChoiceField) and field.combo is not None
    assert [field.combo.itemText(n) for n in range(field.combo.count())] == ["each in turn", *"0123456789"]
    assert field.combo.currentText() == "each in turn"
    read: list[str] = []
    view.readout.connect(read.append)
    view.point_at(Place("wall", 2, 0, 0))
    field.combo.textActivated.emit("7")
    driven.until(lambda: the_job(driven).controls.label == 7 and view.session.still["labels"].max() == 7)  # type: ignore[union-attr]
    view.point_at(Place("wall", 2, 0, 0))
    view.point_at(None)
    assert read == ["Picture 3: 2", "Picture 3: 7", ""]


def test_where_there_are_no_classes_none_is_asked_for(driven: Driven, tmp_path: Path) -> None:
    job = Train(PixelCNNLesson(load_dataset("digits")), replace(TINY, labelled=False))
    folder = RunFolder(tmp_path / "plain")
    folder.keep(job.checkpoint())
    view = draw(driven, folder.path)
    assert driven.window.panel.form is not None
    assert "label" not in driven.window.panel.form.fields
    read: list[str] = []
    view.readout.connect(read.append)
    view.point_at(Place("wall", 2, 0, 0))
    assert read == [""]


# -- playing ---------------------------------------------------------------------------------------------------------


def test_a_single_step_is_a_single_place(driven: Driven, run: Path) -> None:
    view = draw(driven, run, speed=20.0)
    driven.pause()
    driven.until(lambda: shown(view).position.min() == the_job(driven).state.behind)
    position = int(shown(view).position[0])
    assert view.canvas.cursor[0] == Place("wall", 0, *divmod(position, 8))
    for n in range(1, 4):
        driven.key(Qt.Key.Key_Period)
        driven.until(lambda n=n: (shown(view).position == position + n).all())  # type: ignore[misc]
    assert not driven.session.status.playing


def test_there_is_no_place_after_the_last(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    driven.key(Qt.Key.Key_Period)
    assert said(driven) == view.at_rest
    before = shown(view).values.copy()
    view.turn(Place("wall", 0, 4, 4), 1 if before[0, 4, 4, 0] < 3 else -1)
    driven.until(lambda: (shown(view).values[0, 4, 4] != before[0, 4, 4]).all() and shown(view).done)


def test_a_drawn_wall_is_followed_by_another(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    before = shown(view).values.copy()
    driven.key(Qt.Key.Key_Space)
    driven.until(lambda: (shown(view).values != before).any() and shown(view).done)
    assert the_job(driven).controls.seed == 1


def test_the_past_of_a_drawing(driven: Driven, run: Path) -> None:
    view = draw(driven, run, speed=200.0)
    driven.until(lambda: shown(view).done)
    final = shown(view).values.copy()
    timeline = driven.window.transport.timeline
    driven.until(lambda: len(timeline.ids) > 10)
    view.hold(Place("wall", 3, 7, 7))
    driven.until(lambda: int(shown(view).frame["watched"]) == 3)
    assert "Not drawn yet." not in view.thought.accessibleDescription()
    timeline.chosen.emit(timeline.ids[5])
    assert driven.window.stage.past is not None
    assert "Not drawn yet." in view.thought.accessibleDescription()
    early = shown(view)
    assert not early.done
    assert not view.thought.editable
    driven.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: driven.window.stage.past is None and shown(view).done)
    np.testing.assert_array_equal(shown(view).values, final)


def test_play_goes_on_from_the_moment_that_is_looked_at(driven: Driven, run: Path) -> None:
    view = draw(driven, run, speed=200.0)
    driven.until(lambda: shown(view).done and driven.session.status.rests)
    final = shown(view).values.copy()
    timeline = driven.window.transport.timeline
    driven.until(lambda: len(timeline.ids) > 10)
    timeline.chosen.emit(timeline.ids[5])
    assert driven.window.stage.past is not None
    assert "Looking at place" in driven.window.stage.past_toast.label.text()
    driven.key(Qt.Key.Key_Space)
    assert driven.window.stage.past is None
    driven.until(lambda: not shown(view).done)
    driven.until(lambda: shown(view).done and driven.session.status.rests)
    np.testing.assert_array_equal(shown(view).values, final)
    timeline.chosen.emit(timeline.ids[5])
    driven.key(Qt.Key.Key_Period)  # is of the present, in which everything is drawn
    assert driven.window.stage.past is None and said(driven) == view.at_rest
    assert shown(view).done


# -- what a person gives ---------------------------------------------------------------------------------------------


def test_another_value_is_given_by_hand(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    before = shown(view).values.copy()
    view.hold(Place("wall", 1, 3, 4))
    assert view.canvas.selected == Place("wall", 1, 3, 4)
    other = (int(before[1, 3, 4, 0]) + 1) % 4
    view.thought.chosen.emit(0, other)
    driven.until(lambda: shown(view).values[1, 3, 4, 0] == other and shown(view).done)
    now = shown(view).values
    assert shown(view).frame["given"][1, 3, 4]
    np.testing.assert_array_equal(np.delete(now, 1, 0), np.delete(before, 1, 0))
    np.testing.assert_array_equal(now[1].ravel()[: 3 * 8 + 4], before[1].ravel()[: 3 * 8 + 4])
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: (shown(view).values == before).all())
    view.hold(Place("wall", 1, 3, 4))
    assert view.canvas.selected is None


def test_the_wheel_turns_a_value(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    place = Place("wall", 0, 4, 4)
    value = int(shown(view).values[0, 4, 4, 0])
    view.turn(place, -1 if value == 3 else 1)
    wanted = value - 1 if value == 3 else value + 1
    driven.until(lambda: shown(view).values[0, 4, 4, 0] == wanted)


def test_the_half_of_a_picture_is_kept(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    before = shown(view).values.copy()
    driven.key(Qt.Key.Key_U)
    assert "First click the picture" in driven.window.stage.toast.label.text()
    view.hold(Place("wall", 2, 7, 7))
    driven.key(Qt.Key.Key_I)
    driven.until(lambda: shown(view).frame["given"][:, :, :4].all() and shown(view).done)
    now = shown(view).values
    assert (now[:, :, :4] == before[2, :, :4]).all()
    assert not shown(view).frame["given"][:, :, 4:].any()
    assert len({picture.tobytes() for picture in now}) > 1, "continuations differ"


def test_a_picture_that_is_dropped_is_gone_on_from(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = draw(driven, run)
    session = driven.session
    white = tmp_path / "white.png"
    Image.new("RGB", (40, 40), "white").save(white)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(white))])
    event = QDropEvent(
        QPointF(9, 9),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    driven.window.dropEvent(event)
    driven.until(lambda: shown(view).frame["given"][:, :4].all() and shown(view).done)
    assert driven.session is session
    assert (shown(view).values[:, :4] == 3).all()
    driven.key(Qt.Key.Key_I)
    driven.until(lambda: shown(view).frame["given"][:, :, :4].all() and shown(view).done)
    assert (shown(view).values[:, :, :4] == 3).all(), "of the person's own picture, not of a continuation"
    view.clear_mask()
    driven.until(lambda: not shown(view).frame["given"].any())


def test_a_pasted_picture_is_gone_on_from(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert view.take(Picture(np.full((9, 9, 3), 255, np.uint8), "pasted", ""))
    driven.until(lambda: shown(view).frame["given"][:, :4].all())
    assert not view.take(str(run))


def test_what_is_painted_away_is_drawn_anew(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    before = shown(view).values.copy()
    driven.key(Qt.Key.Key_B)
    assert view.canvas.brush is not None
    first, second = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    first[5:7, 2:4] = second[5:7] = True
    for stroke in (first, second, first):  # and the right button takes a part of it back
        view.paint(3, stroke, done=True)
        given = ~stroke
        driven.until(lambda g=given: (shown(view).frame["given"] == g).all() and shown(view).done)  # type: ignore[misc]
        assert (shown(view).values[:, given] == before[3][given]).all()
    edits: list[object] = []
    view.edited.connect(edits.append)
    view.paint(6, first, done=True)  # of a picture that has gone while the hand was at it
    assert not edits
    driven.key(Qt.Key.Key_B)
    assert view.canvas.brush is None


def test_another_picture_is_painted_on_as_it_is(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    driven.key(Qt.Key.Key_B)
    stroke = np.zeros((8, 8), bool)
    stroke[2:] = True
    view.paint(3, stroke, done=True)
    driven.until(lambda: (shown(view).frame["given"] == ~stroke).all() and shown(view).done)
    middle = shown(view).values.copy()
    other = np.zeros((8, 8), bool)
    other[6:] = True
    view.paint(5, other, done=True)
    driven.until(lambda: (shown(view).frame["given"] == ~other).all() and shown(view).done)
    assert (shown(view).values[:, ~other] == middle[5][~other]).all()
    view.canvas.painting = other
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert view.canvas.painting is None
    driven.until(lambda: (shown(view).values == middle).all())
    assert driven.window.actions_["brush"].isChecked()
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.session.job.kind == "dividers")
    assert not driven.window.actions_["brush"].isChecked() and view.canvas.brush is None


def test_a_stroke_on_an_earlier_wall_says_nothing_of_this_one(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    before = shown(view).values[2].copy()
    stroke = np.zeros((8, 8), bool)
    stroke[4:] = True
    view.paint(2, stroke, done=True)
    driven.until(lambda: shown(view).frame["given"].any() and shown(view).done)
    first = driven.session
    driven.window.open(f"draw:{run}", None)
    driven.until(lambda: driven.session is not first and view.snapshot is not None and shown(view).done)
    view.set_controls({"seed": 5, "speed": AT_ONCE})
    driven.until(lambda: shown(view).done and (shown(view).values[2, :4] != before[:4]).any())
    now = shown(view).values[2].copy()
    view.paint(2, stroke, done=True)
    driven.until(lambda: shown(view).frame["given"].any() and shown(view).done)
    assert (shown(view).values[:, :4] == now[:4]).all()
