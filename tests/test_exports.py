"""What is taken out of the window: pictures, as they are seen and whole; movies; metrics."""

from __future__ import annotations

import json
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from driven_drawings import draw, shown
from driving import Driven, said
from PIL import Image
from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QKeySequence
from PyQt6.QtWidgets import QApplication, QLineEdit, QPushButton

from scalefree_studio.cli import main
from scalefree_studio.controls import controls_of
from scalefree_studio.export.options import MovieOptions, PictureOptions
from scalefree_studio.export.walls.scene import veiled
from scalefree_studio.export.walls.wall import large_wall
from scalefree_studio.snapshot import Bytes
from scalefree_studio.window.views.canvas_view import CanvasView
from scalefree_studio.window.views.divider_view import DividerView
from scalefree_studio.window.views.export_dialog import ExportDialog
from scalefree_studio.window.widgets.fields import TextField
from scalefree_studio.window.widgets.theme import GRID
from scalefree_studio.window.work.clipboard import picture_of
from scalefree_studio.window.work.making import Making

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def dialog_of(driven: Driven, key: Qt.Key = Qt.Key.Key_E) -> ExportDialog:
    """The one that this key opens, as soon as it does."""
    command = {Qt.Key.Key_E: "export_picture", Qt.Key.Key_M: "export_movie"}[key]
    driven.until(lambda: driven.window.actions_[command].isEnabled())
    driven.key(key, CONTROL)
    driven.until(lambda: [d for d in driven.window.findChildren(ExportDialog) if d.isVisible()])
    return next(d for d in driven.window.findChildren(ExportDialog) if d.isVisible())


def typed(dialog: ExportDialog, name: str, text: str) -> None:
    """As a person types it."""
    field = dialog.form.fields[name]
    assert isinstance(field, TextField)
    field.edit.setText(text)
    field.edit.textEdited.emit(text)


def written(driven: Driven, dialog: ExportDialog, path: Path) -> Bytes:
    """The picture that the dialog makes."""
    dialog.write(path)
    driven.until(lambda: said(driven) == f"Exported: {path}")
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def screen(view: CanvasView) -> Bytes:
    """The canvas as it is, without the mouse, as finely as it ever is."""
    view.canvas.leave()
    image: Bytes = view.canvas.render()[..., :3]
    return image


def learnt(driven: Driven) -> DividerView:
    """A divider network at rest, looked at from near."""
    driven.open()
    driven.pause()
    view = driven.window.stage.view
    assert isinstance(view, DividerView)
    view.canvas.zoom(3.1)
    driven.until(lambda: view.pictures.finest)
    driven.qtbot.wait(100)
    return view


# ---- Pictures ----


def test_what_i_see_is_what_is_on_the_screen(driven: Driven, tmp_path: Path) -> None:
    view = learnt(driven)
    across, down = view.canvas.physical
    dialog = dialog_of(driven)
    assert dialog.page.way.name == "seen"
    field = dialog.form.fields["width"]
    assert isinstance(field, TextField) and field.edit.selectedText() == field.edit.text() == "3840"
    assert dialog.focusWidget() is field.edit
    typed(dialog, "width", str(across))
    assert dialog.page.size_words.text() == f"{across:,} × {down:,}"
    view.canvas.overlay = False  # what is exported is what was seen when the dialog came
    found = written(driven, dialog, tmp_path / "seen.png")
    view.canvas.overlay = True
    assert np.abs(found.astype(int) - screen(view)).max() <= 2
    dialog = dialog_of(driven)
    typed(dialog, "width", "200")
    small = written(driven, dialog, tmp_path / "small.webp")
    assert small.shape == (round(down * 200 / across), 200, 3)


def test_the_whole_picture_takes_over_the_lines_and_is_what_the_command_makes(
    driven: Driven, tmp_path: Path
) -> None:
    view = learnt(driven)
    driven.session.runner.save_soon()
    driven.until(driven.session.folder.model_path.exists)
    dialog = dialog_of(driven)
    dialog.choose("whole")
    assert dialog.options() == PictureOptions(size=(4096, 4096), overlay=True, border=view.display.border)
    assert dialog.focusWidget() is dialog.form.fields["size"].edit  # type: ignore[attr-defined]
    typed(dialog, "size", "200")
    found = written(driven, dialog, tmp_path / "whole.png")
    out = tmp_path / "command.png"
    assert main(["render", str(driven.session.folder.path), str(out), "--size", "200", "--overlay"]) == 0
    with Image.open(out) as image:
        np.testing.assert_array_equal(found, np.array(image))
    driven.key(Qt.Key.Key_O)
    dialog = dialog_of(driven)
    assert dialog.page.way.name == "whole"  # as the last time, but for what lies over it
    assert dialog.options().size == (200, 200) and not dialog.options().overlay


def test_the_wall_is_exported_as_it_is_seen_and_whole_at_any_scale(
    driven: Driven, run: Path, tmp_path: Path
) -> None:
    view = draw(driven, run)
    view.set_display({"openness": True})
    view.canvas.zoom(1.7)
    dialog = dialog_of(driven)
    typed(dialog, "width", str(view.canvas.physical[0]))
    assert np.abs(written(driven, dialog, tmp_path / "seen.png").astype(int) - screen(view)).max() <= 2
    dialog = dialog_of(driven)
    dialog.choose("whole")
    assert dialog.options().overlay
    wall = written(driven, dialog, tmp_path / "wall.png")
    np.testing.assert_array_equal(wall, large_wall(veiled(shown(view))))
    view.set_display({"openness": False})
    dialog = dialog_of(driven)
    typed(dialog, "scale", "3")
    pictures = view.pictures()
    assert pictures is not None
    small = written(driven, dialog, tmp_path / "small.tif")
    by = len(wall) * 3 // len(small)
    np.testing.assert_array_equal(
        small.repeat(by, axis=0).repeat(by, axis=1), large_wall(pictures).repeat(3, axis=0).repeat(3, axis=1)
    )


def test_what_cannot_be_written_is_said(driven: Driven, run: Path, tmp_path: Path) -> None:
    draw(driven, run)
    dialog = dialog_of(driven)
    typed(dialog, "width", "")
    assert not dialog.go.isEnabled() and dialog.page.size_words.text() == "–"
    typed(dialog, "width", "64")
    dialog.write(tmp_path / "nowhere" / "wall.png")
    driven.until(lambda: "cannot be written" in said(driven))


def test_a_view_without_anything_says_so(driven: Driven) -> None:
    for name in ("export_picture", "export_again", "copy_picture"):
        driven.window.do(name)
        assert "nothing to" in said(driven)
        driven.window.stage.toast.hide()


# ---- By one key ----


def copied(driven: Driven) -> Bytes:
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    clipboard.clear()
    driven.key(Qt.Key.Key_C, CONTROL)
    driven.until(lambda: not clipboard.image().isNull())
    return picture_of(clipboard.image()).pixels


def test_control_c_copies_what_is_seen(driven: Driven, run: Path) -> None:
    view: CanvasView = learnt(driven)
    assert np.abs(copied(driven).astype(int) - screen(view)).max() <= 2
    view = draw(driven, run)
    assert np.abs(copied(driven).astype(int) - screen(view)).max() <= 2
    assert "Copied" in said(driven)


def test_in_a_field_control_c_copies_its_words(driven: Driven) -> None:
    learnt(driven)
    field = driven.window.panel.findChild(QLineEdit)
    assert field is not None
    field.setFocus()
    field.selectAll()
    driven.qtbot.keySequence(field, QKeySequence("Ctrl+C"))
    clipboard = QApplication.clipboard()
    assert clipboard is not None and clipboard.text() == field.text() != ""


def test_one_key_exports_again_and_overwrites_nothing(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt(driven)
    dialog = dialog_of(driven)
    dialog.choose("whole")
    typed(dialog, "size", "70")
    written(driven, dialog, tmp_path / "first.webp")
    for expected in ("lines-5.webp", "lines-5-2.webp"):
        driven.key(Qt.Key.Key_E, CONTROL | SHIFT)
        driven.until(lambda name=expected: said(driven) == f"Exported: {tmp_path / name}")
        with Image.open(tmp_path / expected) as image:
            assert image.size == (70, 70)
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    button = next(b for b in driven.window.stage.toast.findChildren(QPushButton) if "folder" in b.text())
    button.click()
    assert [Path(url.toLocalFile()) for url in opened] == [tmp_path]


# ---- Movies ----


def test_a_drawing_leaves_a_movie(driven: Driven, run: Path, tmp_path: Path) -> None:
    draw(driven, run, speed=200.0)
    driven.until(lambda: driven.window.transport.timeline.ids)
    dialog = dialog_of(driven, Qt.Key.Key_M)
    typed(dialog, "size", "wide")
    assert not dialog.go.isEnabled()
    typed(dialog, "size", "128")
    typed(dialog, "seconds", "0.5")
    assert dialog.go.isEnabled()
    driven.until(lambda: driven.session.folder.model_path.exists())
    dialog.write(tmp_path / "out.mp4")
    driven.until(lambda: "out.mp4" in said(driven))
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))
    assert frames == 15 + round(1.5 * 30)


def test_a_movie_is_asked_for_as_by_the_command(driven: Driven) -> None:
    view = learnt(driven)
    driven.until(lambda: driven.window.transport.timeline.ids)
    view.set_display({"border": 2.0})
    dialog = dialog_of(driven, Qt.Key.Key_M)
    assert set(dialog.form.fields) == {c.name for c in controls_of(MovieOptions)}
    assert dialog.options().overlay and dialog.options().border == 2
    assert [b.text() for b in dialog.page.formats.buttons()] == ["MP4", "GIF", "TIFF"]
    dialog.page.formats.buttons()[1].click()
    assert dialog.page.suffix == ".gif"


def test_nothing_in_the_dialog_is_squeezed_or_cut(driven: Driven) -> None:
    learnt(driven)
    driven.until(lambda: driven.window.transport.timeline.ids)
    dialog = dialog_of(driven, Qt.Key.Key_M)
    assert dialog.form.more is not None
    dialog.layout().setSpacing(60)  # type: ignore[union-attr]  # as on a small screen: beyond two thirds of its height
    dialog.form.more.button.click()
    edits = dialog.page.findChildren(QLineEdit)
    driven.until(lambda: all(e.isVisible() and e.height() >= e.sizeHint().height() for e in edits))
    for edit in edits:
        assert edit.fontMetrics().horizontalAdvance(edit.placeholderText()) < edit.width() - GRID


@pytest.mark.parametrize("old", [b"old", b""])
def test_a_movie_that_is_cancelled_leaves_what_was_there(
    old: bytes, driven: Driven, run: Path, tmp_path: Path
) -> None:
    draw(driven, run, speed=200.0)
    driven.until(lambda: driven.window.transport.timeline.ids and driven.session.folder.model_path.exists())
    path = tmp_path / "films" / "out.mp4"
    path.parent.mkdir()
    if old:
        path.write_bytes(old)
    dialog = dialog_of(driven, Qt.Key.Key_M)
    typed(dialog, "size", "128")
    typed(dialog, "seconds", "3600")
    dialog.write(path)
    making = dialog.making
    assert making is not None
    driven.until(lambda: making.counted > 30)
    driven.until(lambda: dialog.how_far.text().startswith("0%"))
    dialog.reject()
    assert ("as it was" if old else "nothing was written") in said(driven)
    assert [p.read_bytes() for p in path.parent.iterdir()] == ([old] if old else [])


def test_what_is_made_says_how_far_it_is_and_how_long_it_takes(driven: Driven, run: Path) -> None:
    draw(driven, run)
    dialog = dialog_of(driven)
    making = dialog.making = Making(lambda made: made.begin(4)(1), dialog)
    driven.until(lambda: making.counted)
    for _ in range(12):
        dialog._show_progress()
    assert dialog.bar.value() == 250 and dialog.how_far.text() == "25%"
    dialog._left.follow = lambda seconds, share: 75.0  # type: ignore[method-assign]
    dialog._show_progress()
    assert dialog.how_far.text() == "25%, 1 min 20 s left"


def test_a_run_in_the_window_leaves_its_metrics_as_json_lines(driven: Driven, run: Path) -> None:
    draw(driven, run)
    folder = driven.session.folder.path
    driven.leave()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 64 and lines[-1]["share"] == 1
    assert any("count" in line.get("changed", {}) for line in lines)
