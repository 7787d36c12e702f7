"""What is taken out of the window: walls as pictures, movies, metrics."""

from __future__ import annotations

import json
from pathlib import Path

import imageio_ffmpeg
import pytest
from driven_drawings import draw
from driving import Driven
from PIL import Image
from PyQt6.QtCore import Qt

from scalefree_studio.window.views.export import MOVIE, MovieExport
from scalefree_studio.window.views.export_dialog import ExportDialog
from scalefree_studio.window.widgets.fields import TextField


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
