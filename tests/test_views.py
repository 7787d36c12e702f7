"""The views of an instrument that draws in order: a real session of a small network, driven by hand."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from driving import FEW, SMALL, Driven
from PIL import Image
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent, QFontMetricsF
from PyQt6.QtWidgets import QApplication, QLabel

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.controls import edited
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.download import Progress
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.pictures import Picture
from scalefree_studio.data.sources import Dataset
from scalefree_studio.drawings import Drawing
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.drawing.controls import AT_ONCE
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.job import SetControls
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.shell.dialogs import Keys
from scalefree_studio.window.shell.gallery import SPEC, Gallery
from scalefree_studio.window.views.drawing_view import DrawingView
from scalefree_studio.window.views.export import MOVIE, MovieExport
from scalefree_studio.window.views.export_dialog import ExportDialog
from scalefree_studio.window.views.registry import all_views
from scalefree_studio.window.views.training_view import TrainingView
from scalefree_studio.window.views.view import View
from scalefree_studio.window.widgets.curves import LEAST, Curve
from scalefree_studio.window.widgets.fields import ChoiceField, TextField
from scalefree_studio.window.work import opening, sessions
from scalefree_studio.window.work.opening import Opened, open_subject

TRAIN = "train:pixelcnn:"  # before a data set, in the gallery
TINY = PixelCNNControls(
    hidden_maps=6, output_maps=6, hidden_layers=1, causal_kernel=3, hidden_kernel=3, levels=4
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a network that has hardly learnt."""
    job = Train(PixelCNNLesson(load_dataset("digits")), TINY)
    for _ in range(3):
        job.step()
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "tiny")
    folder.keep(job.checkpoint())
    return folder.path


def draw(driven: Driven, run: Path, count: int = 6, speed: float = AT_ONCE) -> DrawingView:
    """A wall that is drawn with it."""
    driven.window.open(f"draw:{run}")
    driven.until(
        lambda: isinstance(driven.window.stage.view, DrawingView) and driven.window.stage.view.snapshot
    )
    view = driven.window.stage.view
    assert isinstance(view, DrawingView)
    view.set_controls({"count": count, "speed": speed})
    driven.until(lambda: len(shown(view).values) == count)
    if speed == AT_ONCE:
        driven.until(lambda: shown(view).done)
    return view


def shown(view: DrawingView) -> Drawing:
    assert view.drawing is not None
    return view.drawing


def the_job(driven: Driven) -> DrawPictures:
    assert isinstance(driven.session.job, DrawPictures)
    return driven.session.job


def middle_of(view: DrawingView, place: Place) -> tuple[int, int]:
    """A place's middle, in logical pixels of the canvas."""
    canvas = view.canvas
    height, width = canvas.physical[1], canvas.physical[0]
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            if canvas.shown.place_at((x, y)) == place:
                return round(x / canvas.ratio), round(y / canvas.ratio)
    raise AssertionError(f"{place} is nowhere on the canvas")


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


def test_a_drawn_wall_is_followed_by_another(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    before = shown(view).values.copy()
    driven.key(Qt.Key.Key_Space)
    driven.until(lambda: (shown(view).values != before).any() and shown(view).done)
    assert the_job(driven).controls.seed == 1


def test_the_half_of_a_picture_is_kept(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    before = shown(view).values.copy()
    driven.key(Qt.Key.Key_U)
    assert "Click a picture first" in driven.window.stage.toast.label.text()
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
    view.paint(6, first, done=True)  # of a picture that has gone while the hand was at it
    assert not view.session.runner.status.message  # type: ignore[union-attr]
    driven.key(Qt.Key.Key_B)
    assert view.canvas.brush is None


def test_overlays_cover_what_they_say(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert view.canvas.shown.boards[0].veil is None
    driven.window.set_display({"openness": True})
    veil = view.canvas.shown.boards[0].veil
    bits = np.asarray(shown(view).frame["entropy"], float)
    order = np.argsort(bits.ravel())
    assert (np.diff(veil[..., 3].ravel()[order].astype(int)) >= 0).all()
    driven.window.set_display({"openness": False, "sight": True})
    view.point_at(Place("wall", 1, 4, 4))
    hidden = view.canvas.shown.boards[0].veil[..., 3] > 0
    seen = shown(view).sees(4, 4)
    seen[4, 4] = True
    np.testing.assert_array_equal(hidden[1], ~seen)
    assert not np.delete(hidden, 1, 0).any()
    assert driven.settings.value("sight", type=bool)


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


def test_learning_and_drawing_are_one_button_apart(driven: Driven, run: Path) -> None:
    driven.window.open("dataset:digits")
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView))
    driven.session.edit(
        SetControls({n: getattr(TINY, n) for n in ("hidden_maps", "hidden_layers", "output_maps")})
    )
    driven.until(lambda: driven.session.job.step_count > 3 and driven.session.job.controls.hidden_maps == 6)
    assert "channels" not in driven.window.panel.form.fields  # type: ignore[union-attr]
    driven.until(lambda: "bits" in driven.window.top.words.text())
    folder = driven.session.folder.path
    driven.window.top.modes["draw"].click()
    driven.until(lambda: isinstance(driven.window.stage.view, DrawingView))
    assert the_job(driven).sampler.network.shape.hidden_maps == 6  # type: ignore[attr-defined]
    driven.window.top.modes["learn"].click()
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView))
    assert driven.session.folder.path == folder
    assert driven.session.job.step_count > 3


def test_from_one_instrument_to_another_and_back(driven: Driven, run: Path) -> None:
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.window.stage.view.snapshot is not None)
    lines = driven.session.folder.path
    assert (
        driven.window.actions_["add_line"].isEnabled() and not driven.window.actions_["keep_top"].isEnabled()
    )
    draw(driven, run)
    assert (
        not driven.window.actions_["add_line"].isEnabled() and driven.window.actions_["keep_top"].isEnabled()
    )
    driven.window.panel.instruments["dividers"].click()
    driven.until(lambda: driven.session.folder.path == lines)
    assert driven.window.top.modes.keys() == {"side", "swipe", "learned"}


def test_a_drawing_is_found_again(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    values, folder = shown(view).values.copy(), driven.session.folder.path
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.session.job.kind == "dividers")
    driven.window.open(str(folder))
    driven.until(lambda: driven.session.job.kind == "drawing" and view.snapshot is not None)
    np.testing.assert_array_equal(shown(view).values, values)


def test_the_wall_is_exported(driven: Driven, run: Path, tmp_path: Path) -> None:
    view = draw(driven, run)
    pictures = view.pictures()
    assert pictures is not None
    view.write(pictures, tmp_path / "wall.png")
    assert Image.open(tmp_path / "wall.png").size[0] > 100
    view.write(pictures, tmp_path / "nowhere" / "wall.png")
    assert "cannot be written" in driven.window.stage.toast.label.text()


def typed(dialog: ExportDialog, name: str, text: str) -> None:
    """As a person types it."""
    field = dialog.form.fields[name]
    assert isinstance(field, TextField)
    field.edit.setText(text)
    field.edit.textEdited.emit(text)


def test_a_drawing_leaves_a_movie(driven: Driven, run: Path, tmp_path: Path) -> None:
    draw(driven, run, speed=200.0)
    driven.until(lambda: driven.window.transport.timeline.ids)
    driven.key(Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    dialog = driven.window.findChild(MovieExport)
    assert isinstance(dialog, MovieExport)
    typed(dialog, "size", "wide")
    assert not dialog.go.isEnabled()
    typed(dialog, "size", "128")
    typed(dialog, "seconds", "0.5")
    assert dialog.go.isEnabled()
    driven.until(lambda: driven.session.folder.model_path.exists())
    dialog.write(tmp_path / "out.mp4")
    driven.until(lambda: "out.mp4" in driven.window.stage.toast.label.text())
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))
    assert frames == 15 + round(MOVIE.pause * 30)


@pytest.mark.parametrize(("old", "told"), [(b"old", "as it was"), (b"", "its beginning is in")])
def test_a_movie_that_is_cancelled_says_what_is_left(
    old: bytes, told: str, driven: Driven, run: Path, tmp_path: Path
) -> None:
    draw(driven, run, speed=200.0)
    driven.until(lambda: driven.window.transport.timeline.ids and driven.session.folder.model_path.exists())
    path = tmp_path / "out.mp4"
    if old:
        path.write_bytes(old)
    window = driven.window
    dialog = MovieExport(
        window, window.settings, window.palette_, driven.session.folder, "out", driven.session.job.kind
    )
    dialog.message.connect(window.say)
    typed(dialog, "size", "128")
    typed(dialog, "seconds", "3600")
    dialog.write(path)
    driven.until(lambda: dialog._done_so_far > 30)
    dialog.reject()
    assert told in driven.window.stage.toast.label.text()
    if old:
        assert path.read_bytes() == old
    else:
        assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] > 30
    assert not list(tmp_path.glob(".out*"))


def test_a_run_in_the_window_leaves_its_metrics_as_json_lines(driven: Driven, run: Path) -> None:
    draw(driven, run)
    folder = driven.session.folder.path
    driven.leave()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 64 and lines[-1]["share"] == 1
    assert any("count" in line.get("changed", {}) for line in lines)


def test_the_gallery_offers_networks_and_data_sets(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCALEFREE_DATA", str(tmp_path))
    gallery = Gallery([], driven.window.palette_, driven.window)
    asked: list[str] = []
    gallery.chosen.connect(asked.append)
    gallery.folder_wanted.connect(lambda kind: asked.append(f"a folder for {kind}"))
    driven.window.show_dialog(gallery)
    items = [shelf.item(n) for shelf in gallery.shelves for n in range(shelf.count())]
    offered = {item.data(SPEC): item for item in items if item is not None}
    assert {"model:mnist", f"{TRAIN}digits", f"{TRAIN}cifar10", "photo:astronaut"} <= set(offered)
    driven.until(lambda: "downloads 12 MB first" in offered[f"{TRAIN}mnist"].toolTip())
    assert "downloads" not in offered[f"{TRAIN}digits"].toolTip()
    gallery.shelves[1].itemClicked.emit(offered[TRAIN])
    assert asked == ["a folder for pixelcnn"]


def test_a_data_set_that_is_nowhere_is_refused(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driven.window.open(f"dataset:{tmp_path / 'none'}")
    driven.until(driven.window.stage.toast.isVisible)
    assert "There is no data set" in driven.window.stage.toast.label.text()


@pytest.mark.parametrize(("count", "epochs"), [(6, 8000), (5000, 40)])
def test_few_pictures_are_learnt_from_for_long_enough(count: int, epochs: int, tmp_path: Path) -> None:
    labels = np.zeros(count, np.int64)
    images = np.zeros((count, 8, 8, 1), np.uint8)
    few = Dataset("few", "few", Arrays(images, labels), Arrays(images[:1], labels[:1]), ("all",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "load_dataset", lambda *_, **__: few)
        found = open_subject("dataset:few", tmp_path)
    assert found.job.controls.epochs == epochs


def test_a_pasted_picture_is_gone_on_from(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    assert view.take(Picture(np.full((9, 9, 3), 255, np.uint8), "pasted", ""))
    driven.until(lambda: shown(view).frame["given"][:, :4].all())
    assert not view.take(str(run))


def test_the_panel_has_room_for_other_controls_at_once(driven: Driven) -> None:
    panel = driven.window.panel
    for controls in (TINY, FEW, TINY):
        panel.show_controls(controls, {})
        form = panel.form
        assert form is not None
        shown = [field for field in form.fields.values() if field.isVisible()]
        assert shown and form.height() >= form.minimumSizeHint().height()
        assert all(field.height() >= field.minimumSizeHint().height() for field in shown)


def test_no_field_takes_the_focus_of_one_that_has_gone(driven: Driven, run: Path) -> None:
    """Otherwise Space would turn a switch instead of pausing."""
    panel = driven.window.panel
    draw(driven, run)
    driven.window.set_mode("learn")
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView))
    assert panel.form is not None
    panel.form.fields["learning_rate"].edit.setFocus()
    driven.window.set_mode("draw")
    driven.until(lambda: isinstance(driven.window.stage.view, DrawingView))
    focused = QApplication.focusWidget()
    assert focused is None or not panel.isAncestorOf(focused)


def test_no_heading_stands_over_nothing_on_f1(driven: Driven, run: Path) -> None:
    driven.window.open(f"learn:{run}")
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView) and driven.session)
    driven.window.actions_["undo"].setVisible(False)  # the only one of its menu, in this view
    driven.window.commands.keys()
    keys = driven.window.findChild(Keys)
    assert isinstance(keys, Keys)
    headings = [label.text() for label in keys.findChildren(QLabel) if label.property("heading")]
    assert headings == ["Run", "View", "Help", "File", "Mouse"]


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


def said(driven: Driven) -> str:
    return driven.window.stage.toast.label.text()


def test_a_trouble_is_told_once(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    view.set_controls({"label": 99})
    driven.until(lambda: "no class" in said(driven) or "classes" in said(driven))
    driven.window.say("Something else.")
    view.next_wall()
    driven.until(lambda: the_job(driven).controls.seed == 1 and shown(view).done)
    driven.until(lambda: driven.session.status.rests)
    driven.window.sessions.changed.emit()
    assert said(driven) == "Something else."
    view.set_controls({"label": 99})
    driven.until(lambda: "classes" in said(driven))


def test_there_is_no_place_after_the_last(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    driven.key(Qt.Key.Key_Period)
    assert said(driven) == view.at_rest
    before = shown(view).values.copy()
    view.turn(Place("wall", 0, 4, 4), 1 if before[0, 4, 4, 0] < 3 else -1)
    driven.until(lambda: (shown(view).values[0, 4, 4] != before[0, 4, 4]).all() and shown(view).done)


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
    driven.until(lambda: shown(view).done)
    np.testing.assert_array_equal(shown(view).values, final)
    timeline.chosen.emit(timeline.ids[5])
    driven.key(Qt.Key.Key_Period)  # is of the present, in which everything is drawn
    assert driven.window.stage.past is None and said(driven) == view.at_rest
    assert shown(view).done


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


def test_what_cannot_be_done_is_not_offered(driven: Driven, run: Path) -> None:
    actions = driven.window.actions_
    draw(driven, run)
    assert not actions["to_now"].isEnabled() and not actions["go_on_from_here"].isEnabled()
    assert actions["undo"].isEnabled() and "detail" not in actions["brush"].toolTip()
    driven.window.open(str(run))
    driven.until(lambda: driven.session.job.kind == "pixelcnn")
    assert not actions["keep_top"].isVisible() and not actions["go_on_from_here"].isVisible()
    assert actions["undo"].isVisible()
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.session.job.kind == "dividers")
    assert actions["undo"].isEnabled() and "detail" in actions["brush"].toolTip()


def test_the_end_of_learning_is_told(driven: Driven, tmp_path: Path) -> None:
    job = Train(PixelCNNLesson(load_dataset("digits")), edited(TINY, {"epochs": 1, "batch_size": 700}))
    folder = RunFolder(tmp_path / "short")
    folder.keep(job.checkpoint())
    driven.window.open(str(folder.path))
    driven.until(lambda: driven.window.top.words.text().startswith("Learnt: digits — epoch 1 of 1"))
    steps = driven.session.job.step_count
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Period):
        driven.window.say("")
        driven.key(key)
        assert said(driven) == driven.window.stage.view.at_rest
    assert driven.session.job.step_count == steps
    driven.window.stage.view.set_controls({"epochs": 2})
    driven.until(lambda: driven.session.job.step_count > steps)


def test_one_may_stay_while_something_else_is_opened(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(driven, run)
    session, go_on = driven.session, threading.Event()

    def slowly(*told: object) -> Opened:
        assert go_on.wait(20)
        return open_subject(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "open_subject", slowly)
    driven.window.panel.instruments["dividers"].click()
    driven.until(lambda: driven.window.top.words.text() == "Opening astronaut …")
    driven.window.panel.instruments["pixelcnn"].click()
    assert driven.window.top.words.text().startswith("Drawn:")
    go_on.set()
    done: list[bool] = []
    driven.window.sessions.read(lambda: True, done.append, lambda message: None)  # after what was opened
    driven.until(lambda: done)
    assert driven.session is session
    driven.window.open("model:none")
    driven.until(lambda: "No model" in said(driven))
    assert driven.window.panel.instruments["pixelcnn"].isChecked()


def test_a_download_that_is_no_longer_wanted_ends(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(driven, run)
    ended: list[str] = []

    def download(subject: object, runs: object, controls: object, device: str, progress: Progress) -> Opened:
        try:
            while True:
                progress("Downloading digits", 1, 4)
        except UserError as error:
            ended.append(str(error))
            raise

    monkeypatch.setattr(sessions, "open_subject", download)
    driven.window.open("dataset:digits")
    driven.until(lambda: driven.window.top.words.text() == "Downloading digits: 25%")
    driven.window.panel.instruments["pixelcnn"].click()
    driven.until(lambda: ended)
    driven.qtbot.wait(50)
    assert driven.window.top.words.text().startswith("Drawn:")


def test_a_drawing_that_was_opened_again_knows_its_network(driven: Driven, run: Path, tmp_path: Path) -> None:
    draw(driven, run)
    drawing = driven.session.folder.path
    driven.window.open(SMALL, FEW)
    driven.until(lambda: driven.session.job.kind == "dividers")
    driven.window.open(str(drawing))
    driven.until(lambda: driven.session.job.kind == "drawing")
    driven.window.top.modes["learn"].click()
    driven.until(lambda: driven.session.job.kind == "pixelcnn")
    assert driven.session.folder.path == run
    assert RunFolder(drawing).source() == str(run)
    (drawing / "run.json").write_text('{"source": "model:none"}')
    assert RunFolder(drawing).source() == ""
    (drawing / "run.json").write_text("[")
    assert RunFolder(drawing).source() == ""


def test_what_cannot_be_learnt_leaves_the_drawing(
    driven: Driven, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = draw(driven, run)
    folder, session = driven.session.folder, driven.session
    assert driven.window.sessions.opened is not None
    view.opened = replace(driven.window.sessions.opened, source="")  # its network has gone

    def refuse(*_: object, **more: object) -> object:
        raise UserError("There are no such pictures.")

    monkeypatch.setattr(opening, "dataset_learnt", refuse)
    driven.session.runner.save_soon()
    driven.until(lambda: folder.model_path.exists())
    driven.window.top.modes["learn"].click()
    driven.until(lambda: said(driven) == "There are no such pictures.")
    assert driven.session is session and driven.window.top.modes["draw"].isChecked()


def test_a_folder_of_pictures_is_learnt_from(driven: Driven, tmp_path: Path) -> None:
    driven.window.open(str(tmp_path))
    driven.until(lambda: "there is no picture in it" in said(driven))
    for kind in ("light", "dark"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
        for n in range(12):
            Image.new("L", (8, 8), 20 * n).save(tmp_path / "mine" / kind / f"{n}.png")
    driven.window.open(str(tmp_path / "mine"))
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView) and driven.session)
    assert driven.session.job.lesson.dataset.classes == ("dark", "light")  # type: ignore[attr-defined]


def test_a_list_of_pictures_is_learnt_from_and_what_it_lacks_is_said(driven: Driven, tmp_path: Path) -> None:
    for n in range(12):
        Image.new("L", (8, 8), 20 * n).save(tmp_path / f"{n}.png")
    rows = [f"{n}.png,{'even' if n % 2 == 0 else 'odd'}" for n in range(12)]
    (tmp_path / "mine.csv").write_text("\n".join(["image_path,label", *rows, "gone.png,odd"]))
    driven.window.open(str(tmp_path / "mine.csv"))
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView) and driven.session)
    assert driven.session.job.lesson.dataset.classes == ("even", "odd")  # type: ignore[attr-defined]
    driven.until(lambda: said(driven) == "1 of 13 pictures could not be read: gone.png.")


@pytest.mark.parametrize("view", all_views(), ids=lambda view: view.__name__)
def test_every_curve_is_named(driven: Driven, view: type[View]) -> None:
    for quantity in view.quantities:
        curve = Curve(quantity)
        curve.resize(LEAST, 96)
        for series in (curve.series, curve.beside) if quantity.beside else (curve.series,):
            series.add(1, 1.2345)
        metrics = QFontMetricsF(curve.font())
        title, value = curve.words(metrics, None)
        assert title == quantity.title and value.startswith("1.23")
        curve.resize(8 * LEAST, 96)
        title, value = curve.words(metrics, None)
        assert title and value.endswith(quantity.unit) and quantity.beside_title in value
        curve.deleteLater()


def test_a_small_window_leaves_out_what_the_menus_have(driven: Driven, run: Path) -> None:
    draw(driven, run)
    window = driven.window
    window.resize(580, 380)
    driven.until(lambda: window.width() < 600)
    assert not any(tool.isVisible() for tool in window.top.tools)
    for part in (*window.transport.buttons.values(), window.transport.timeline, *window.top.modes.values()):
        right = part.mapTo(window, part.rect().topRight()).x()
        assert part.isVisible() and right < window.width()
    curves = list(window.curves.curves.values())
    assert curves[0].isVisible() and not curves[1].isVisible()
    window.resize(1440, 800)
    driven.until(curves[1].isVisible)
    assert all(tool.isVisible() for tool in window.top.tools)
