"""The window, driven for real: keys and mouse in an X server, a real session with a small fit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from driving import PATIENCE, SMALL, Answers, Driven
from PIL import Image
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QLabel, QMenuBar, QPushButton
from pytestqt.qtbot import QtBot

from scalefree_studio.errors import UserError
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.storage.history import History
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint
from scalefree_studio.window.shell.actions import COMMANDS
from scalefree_studio.window.shell.dialogs import Keys
from scalefree_studio.window.shell.gallery import Gallery
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.views.export import Export
from scalefree_studio.window.widgets.theme import DARK, LIGHT


def saved(folder: Path) -> FitDividers:
    return FitDividers.from_checkpoint(load_checkpoint(folder))


# -- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["escape", "escape in an editor", "close", "escape twice", "paused"])
def test_every_way_out_saves(driven: Driven, way: str) -> None:
    driven.open()
    job, folder = driven.job, driven.session.folder.path
    driven.learn_on()
    if way == "escape in an editor":
        edit = driven.window.panel.form.fields["learning_rate"].edit  # type: ignore[union-attr]
        edit.setFocus()
        driven.until(edit.hasFocus)
        QTest.keyClick(edit, Qt.Key.Key_Escape)
    elif way == "close":
        driven.window.close()
    elif way == "paused":
        driven.pause()
        driven.key(Qt.Key.Key_Escape)
    else:
        driven.key(Qt.Key.Key_Escape)
        if "twice" in way:
            driven.window.leave()
    driven.until(lambda: driven.gone)
    assert driven.gone == [True]
    assert saved(folder).step_count == job.step_count > 0
    with History.open(folder / "history.sqlite") as history:
        assert history.index()[-1][1] == job.step_count
    assert (folder / "run.json").exists()
    assert not driven.person.asked


def test_escape_closes_an_open_page_first(driven: Driven) -> None:
    driven.open()
    for key in (Qt.Key.Key_F1, Qt.Key.Key_G):
        driven.key(key)
        page = driven.window.findChild(Keys if key == Qt.Key.Key_F1 else Gallery)
        assert page is not None
        assert page.isVisible()
        driven.window.activateWindow()
        driven.until(driven.window.isActiveWindow)
        driven.key(Qt.Key.Key_Escape)  # the keys are the window's, the page is still open
        assert not page.isVisible()
        driven.learn_on()
    driven.key(Qt.Key.Key_Escape)
    driven.until(lambda: driven.gone)


def test_escape_takes_back_what_was_typed(driven: Driven) -> None:
    driven.open()
    edit = driven.window.panel.form.fields["learning_rate"].edit  # type: ignore[union-attr]
    before = edit.text()
    edit.setFocus()
    QTest.keyClicks(edit, "77")
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    assert edit.text() == before
    assert not edit.hasFocus()
    driven.learn_on()
    assert not driven.gone


def test_two_windows_never_share_a_run(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    driven.until(lambda: driven.session.folder.model_path.exists() or driven.session.runner.save_soon())
    folder = driven.session.folder.path
    driven.window.open(str(folder))
    assert "open already" in driven.window.stage.toast.label.text()
    other = MainWindow(driven.settings, Answers(), runs=driven.window.sessions.runs)
    other.open(str(folder))
    driven.until(lambda: other.sessions.session is not None)
    assert other.sessions.session is not None
    assert other.sessions.session.folder.path == folder.with_name(f"{folder.name}-2")
    driven.until(lambda: "a copy" in other.stage.toast.label.text())
    gone: list[bool] = []
    other.gone.connect(lambda: gone.append(True))
    other.leave()
    driven.until(lambda: gone)
    driven.learn_on()


def test_what_cannot_be_saved_goes_elsewhere(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    driven.learn_on()
    job, folder = driven.job, driven.session.folder.path
    elsewhere = driven.person.answer = tmp_path / "elsewhere"
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    driven.leave()
    assert len(driven.person.asked) == 1
    assert "Saving failed" in driven.person.asked[0]
    assert saved(elsewhere).step_count == job.step_count
    assert (elsewhere / "run.json").exists()


def test_trying_again_is_asked_until_it_works(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    folder = driven.session.folder.path

    class Repairs(Answers):
        def unsaved(self, why: str, folder: Path) -> bool:
            self.asked.append(why)
            if len(self.asked) == 2:
                folder.unlink()
            return True

    driven.window.sessions.questions = person = Repairs()
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    driven.leave()
    assert len(person.asked) == 2
    assert saved(folder).step_count > 0


def on_its_own(folder: Path) -> dict[str, str]:
    """The environment of a program that finds this house, but not the person's settings."""
    return os.environ | {
        "SCALEFREE_STUDIO_SETTINGS": str(folder / "settings.ini"),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


def frames_in(folder: RunFolder) -> int:
    """How many frames another process has recorded so far."""
    try:
        with folder.history() as history:
            return len(history)
    except UserError:  # there is no history, or it is just being made
        return 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_signals_save_and_exit_0(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "scalefree_studio", SMALL]
    program = subprocess.Popen(
        command, cwd=tmp_path, env=on_its_own(tmp_path), stderr=subprocess.PIPE, text=True
    )
    try:
        folder = RunFolder(tmp_path / "output" / "lines-5")
        while program.poll() is None and not frames_in(folder):
            time.sleep(0.1)
        program.send_signal(number)
        _, told = program.communicate(timeout=60)
    finally:
        program.kill()
        program.wait()
    assert program.returncode == 0, told
    assert "Traceback" not in told
    assert saved(folder.path).step_count > 0


class Held:
    """Steps of a job that do not end until they are let go."""

    def __init__(self, driven: Driven, monkeypatch: pytest.MonkeyPatch):
        self._free, self._within, step = threading.Event(), threading.Event(), driven.job.step

        def held() -> None:
            self._within.set()
            self._free.wait(60)
            step()

        monkeypatch.setattr(driven.job, "step", held)
        driven.until(self._within.is_set)

    def let_go(self) -> None:
        self._free.set()


def test_leaving_while_another_is_about_to_begin(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    driven.open()
    held, sessions = Held(driven, monkeypatch), driven.window.sessions
    begun: list[bool] = []
    sessions.begun.connect(lambda: begun.append(True))
    driven.window.open("synthetic:circles-3")
    driven.until(lambda: sessions.ending)
    driven.window.leave()
    held.let_go()
    driven.until(lambda: driven.gone)
    assert not begun and sessions.session is None


def test_leaving_without_the_end_of_a_step(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    driven.open()
    held, sessions, session = Held(driven, monkeypatch), driven.window.sessions, driven.session
    sessions._slow.setInterval(10)
    driven.window.leave()
    driven.until(lambda: driven.gone)
    assert sessions.abandoned and not session.ended
    told: list[bool] = []
    sessions.changed.connect(lambda: told.append(True))
    sessions.ready.connect(lambda: told.append(True))
    held.let_go()
    assert session.join(20)
    driven.qtbot.wait(10)
    assert session.ended and not told  # the window may have been destroyed by then


LEFT_BEHIND = """
import gc, sys
from PyQt6 import sip
from PyQt6.QtCore import QObject
from scalefree_studio.window.shell.app import main
assert main(sys.argv[1], screenshot=sys.argv[2], after=0.1) == 0
left = [o for o in gc.get_objects() if issubclass(type(o), QObject) and not sip.isdeleted(o)]
print(*sorted(type(o).__name__ for o in left if sip.ispyowned(o) and o.children()))
"""


def test_nothing_is_left_for_python_to_destroy_at_its_end(tmp_path: Path) -> None:
    """PyQt destroys in no order what it finds then; where one thing holds others, it may crash."""
    command = [sys.executable, "-c", LEFT_BEHIND, SMALL, str(tmp_path / "window.png")]
    done = subprocess.run(
        command, cwd=tmp_path, env=on_its_own(tmp_path), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["QApplication"]


def test_a_picture_of_the_window_by_a_command(tmp_path: Path) -> None:
    out = tmp_path / "window.png"
    command = [sys.executable, "-m", "scalefree_studio", SMALL, "--screenshot", str(out), "--after", "1"]
    command += ["--size", "1000x700", "--theme", "light"]
    done = subprocess.run(
        command, cwd=tmp_path, env=on_its_own(tmp_path), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    with Image.open(out) as picture:
        assert picture.size == (1000, 700)
        pixels = np.asarray(picture.convert("RGB"))
    assert tuple(pixels[690, 990]) == tuple(bytes.fromhex(LIGHT.panel[1:]))
    middle = pixels[100:450, 50:600].reshape(-1, 3)
    assert len(np.unique(middle, axis=0)) > 50  # the canvas is in it


# -- playing ---------------------------------------------------------------------------------------------------------


def test_play_pause_step(driven: Driven) -> None:
    driven.open()
    driven.pause()
    assert driven.window.top.words.text().startswith("Paused")
    assert driven.window.transport.buttons["play"].text() == "Play"
    step = driven.job.step_count
    driven.key(Qt.Key.Key_Period)
    driven.until(lambda: driven.job.step_count == step + 1)
    driven.until(lambda: f"step {step + 1:,}" in driven.window.transport.clock.text())
    driven.key(Qt.Key.Key_Space)
    driven.learn_on()
    assert driven.window.top.words.text().startswith("Learning lines-5 — 8 lines, ")


def test_a_live_control_reaches_the_job(driven: Driven) -> None:
    driven.open()
    field = driven.window.panel.form.fields["learning_rate"]  # type: ignore[union-attr]
    edit = field.edit  # type: ignore[attr-defined]
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, "0.0123")  # not the default, whatever that is
    QTest.keyClick(edit, Qt.Key.Key_Return)
    driven.until(lambda: driven.job.controls.learning_rate == 0.0123)
    assert not edit.hasFocus()  # the keys are the picture's again
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: driven.job.controls.learning_rate != 0.0123)
    driven.until(lambda: edit.text() == f"{driven.job.controls.learning_rate:g}")


def test_a_control_that_starts_over(driven: Driven) -> None:
    driven.open()
    driven.learn_on()
    driven.window.stage.view.set_controls({"lines": 7})
    driven.until(lambda: "7 lines" in driven.window.top.words.text())
    driven.window.stage.view.set_controls({"lines": 0})  # refused: no unit would be left
    driven.until(driven.window.stage.toast.isVisible)
    assert "at least one" in driven.window.stage.toast.label.text()
    assert driven.window.panel.form.fields["lines"].edit.text() == "7"  # type: ignore[union-attr,attr-defined]


def test_another_size_is_another_run(driven: Driven) -> None:
    driven.open()
    first = driven.session
    driven.window.stage.view.set_controls({"downscale": 2})
    driven.until(lambda: driven.window.sessions.session not in (first, None))
    assert driven.job.pixels.shape == (64, 64, 3)
    assert first.ended
    assert saved(first.folder.path).step_count > 0


def test_record_is_remembered(driven: Driven) -> None:
    driven.open()
    button = driven.window.transport.buttons["record"]
    assert driven.session.recording
    assert button.text() == "Recording"
    driven.key(Qt.Key.Key_R)
    assert not driven.session.recording
    assert button.text() == "Record"
    assert driven.settings.value("record", type=bool) is False


# -- the past --------------------------------------------------------------------------------------------------------


def test_look_back_and_go_on_from_there(driven: Driven) -> None:
    driven.open()
    transport = driven.window.transport
    driven.until(lambda: transport.poll() or len(transport.timeline.ids) > 20)
    line = transport.timeline
    QTest.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(line.width() // 2, line.height() // 2))
    past = driven.window.stage.past
    assert past is not None
    assert driven.window.stage.view.snapshot is past
    assert not driven.window.stage.view.canvas.editable
    assert f"step {past.step:,}" in driven.window.stage.past_toast.label.text()
    driven.learn_on()  # behind it, learning goes on
    assert driven.window.stage.view.snapshot is past
    QTest.keyClick(line, Qt.Key.Key_Left)
    assert driven.window.stage.past is not None
    assert driven.window.stage.past.step < past.step
    told = driven.window.stage.past_toast
    assert told.width() >= told.sizeHint().width()  # also when its words change, nothing is cut
    assert told.sizeHint().width() > told.label.width() + 100
    driven.key(Qt.Key.Key_N)
    assert driven.window.stage.past is None
    assert driven.window.stage.view.canvas.editable
    assert not driven.window.stage.past_toast.isVisible()

    QTest.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(20, line.height() // 2))
    buttons = {b.text(): b for b in driven.window.stage.past_toast.findChildren(QPushButton)}
    assert all(button.toolTip() for button in buttons.values())
    QTest.mouseClick(buttons["Continue from here"], Qt.MouseButton.LeftButton)
    assert driven.window.stage.past is None
    driven.until(lambda: any("recorded frame" in what for _, what, _ in changes(driven)))
    assert driven.session.status.playing


def changes(driven: Driven) -> list[tuple[int, str, dict[str, object]]]:
    with driven.session.folder.history() as history:
        return history.changes()


def test_a_run_goes_on_where_it_was(driven: Driven) -> None:
    driven.open()
    driven.until(lambda: driven.job.step_count > 60)
    driven.pause()
    driven.until(lambda: driven.window.transport.poll() or driven.window.transport.timeline.ids)
    folder, step = driven.session.folder.path, driven.job.step_count
    driven.open("synthetic:circles-5")
    assert saved(folder).step_count == step
    assert folder in driven.window.memory.recent()
    driven.open(folder)
    assert driven.job.step_count >= step
    assert driven.session.folder.path == folder
    assert len(driven.window.curves.curves["psnr"].series) > 0
    assert driven.window.transport.timeline.ids


# -- opening ---------------------------------------------------------------------------------------------------------


def drop(window: MainWindow, mime: QMimeData) -> None:
    at, none = QPointF(300, 300), Qt.KeyboardModifier.NoModifier
    actions, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(at.toPoint(), actions, mime, left, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(at, actions, mime, left, none))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "müder stern.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(path)
    return path


def test_a_dropped_file_is_learned(driven: Driven, picture: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(picture))])
    drop(driven.window, mime)
    driven.until(lambda: driven.window.sessions.session is not None)
    assert driven.job.pixels.shape == (40, 60, 3)
    assert driven.session.folder.path.name == "müder stern"
    driven.until(lambda: driven.window.windowTitle() == "müder stern — Scalefree Studio")


def test_what_cannot_be_dropped_is_told(driven: Driven) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/picture.png")])
    drop(driven.window, mime)
    assert "on this computer" in driven.window.stage.toast.label.text()


@pytest.mark.parametrize("kind", ["image", "path", "file url"])
def test_paste(driven: Driven, picture: Path, kind: str) -> None:
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    if kind == "image":
        clipboard.setImage(QImage(str(picture)))
    else:
        clipboard.setText(str(picture) if kind == "path" else QUrl.fromLocalFile(str(picture)).toString())
    driven.key(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: driven.window.sessions.session is not None)
    with Image.open(picture) as image:
        assert np.array_equal(driven.job.pixels, np.asarray(image))


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_a_bad_picture_is_one_sentence_and_the_run_goes_on(
    driven: Driven, tmp_path: Path, content: bytes
) -> None:
    driven.open()
    session, bad = driven.session, tmp_path / "bad.png"
    bad.write_bytes(content)
    driven.window.open(str(bad))
    driven.until(driven.window.stage.toast.isVisible)
    words = driven.window.stage.toast.label.text()
    assert "bad.png" in words
    assert words.endswith(".")
    assert "\n" not in words
    assert driven.session is session
    driven.learn_on()


def test_nothing_to_open_says_what_to_do(driven: Driven) -> None:
    driven.window.open("/no/such/picture.png")
    driven.until(driven.window.stage.empty.isVisible)
    assert "Drop a picture" in driven.window.stage.empty.label.text()
    driven.open()
    assert not driven.window.stage.empty.isVisible()


def test_a_short_notice_after_a_long_one_is_low(driven: Driven) -> None:
    toast = driven.window.stage.toast
    heights = []
    for text in ("A word.", "Many words. " * 40, "A word."):
        driven.window.say(text)
        heights.append(toast.height())
    assert heights[0] == heights[2] < heights[1]


def test_the_gallery_opens_what_is_clicked(driven: Driven) -> None:
    driven.window.commands.show_gallery()
    gallery = driven.window.findChild(Gallery)
    assert isinstance(gallery, Gallery)
    made = gallery.shelves[-1]
    item = made.item(0)
    assert item is not None
    chosen: list[str] = []
    gallery.chosen.connect(chosen.append)
    made.itemClicked.emit(item)
    assert chosen == [SMALL]
    driven.until(lambda: driven.window.sessions.session is not None)


# -- hands in the network --------------------------------------------------------------------------------------------


def test_add_select_move_delete_undo(driven: Driven) -> None:
    driven.open()
    w = driven.window
    driven.key(Qt.Key.Key_L)
    driven.until(lambda: "9 lines" in w.top.words.text())
    driven.key(Qt.Key.Key_C)
    driven.until(lambda: "1 circle" in w.top.words.text())
    assert w.stage.view.frame is not None
    unit = int(w.stage.view.frame["unit_ids"][-1])  # the circle
    w.stage.view.canvas.selected = unit
    w.stage.view.show_selected()
    assert w.stage.view.unit.title.text() == "Circle 1"
    driven.pause()
    _, edit = w.stage.view.unit._rows[2]
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, "0.25")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    driven.until(lambda: abs(float(driven.job.params["circle_log_radius"][-1].exp()) - 0.25) < 1e-6)
    w.setFocus()
    driven.key(Qt.Key.Key_Delete)
    driven.until(lambda: unit not in driven.job.unit_ids)
    assert w.stage.view.unit.title.text() == "Nothing selected"
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: unit in driven.job.unit_ids)


def test_painting_and_taking_it_back(driven: Driven) -> None:
    driven.open()
    w = driven.window
    driven.key(Qt.Key.Key_B)
    assert w.stage.view.canvas.brush is not None
    native = w.stage.view.canvas.native
    at = QPoint(native.width() // 4, native.height() // 2)
    QTest.mousePress(native, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(native, at + QPoint(20, 0))
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=at + QPoint(20, 0))
    driven.until(lambda: driven.job.mask is not None and float(driven.job.mask.max()) > 1)
    driven.key(Qt.Key.Key_B)
    assert w.stage.view.canvas.brush is None
    w.do("clear_mask")
    driven.until(lambda: driven.job.mask is None)
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: driven.job.mask is not None and w.stage.view.canvas.mask is not None)


# -- how it looks ----------------------------------------------------------------------------------------------------


def test_theme_modes_and_layout_are_remembered(driven: Driven, qtbot: QtBot, tmp_path: Path) -> None:
    w = driven.window
    assert w.palette_ is DARK
    driven.key(Qt.Key.Key_T)
    driven.key(Qt.Key.Key_V)
    driven.key(Qt.Key.Key_O)
    driven.key(Qt.Key.Key_F9)
    assert not w.panel.isVisible()
    grab = w.grab().toImage()
    assert grab.pixelColor(grab.width() // 3, 2).name() == LIGHT.panel
    driven.leave()
    again = MainWindow(driven.settings, Answers(), runs=tmp_path)
    assert again.palette_ is LIGHT
    assert again.stage.view.canvas.mode == "swipe"
    assert not again.stage.view.canvas.overlay
    assert again.panel.isHidden()
    gone: list[bool] = []
    again.gone.connect(lambda: gone.append(True))
    again.leave()
    qtbot.waitUntil(lambda: bool(gone), timeout=PATIENCE)


def test_the_border_shows_more_and_is_remembered(driven: Driven) -> None:
    driven.open()
    fitted = driven.window.stage.view.canvas.camera.pixel
    edit = driven.window.panel.display.fields["border"].edit  # type: ignore[attr-defined]
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, "3")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert driven.window.stage.view.canvas.camera.pixel == pytest.approx(3 * fitted)
    again = MainWindow(driven.settings, Answers(), runs=driven.folder)
    assert again.stage.view.canvas.border == 3
    assert again.panel.display.fields["border"].value == 3
    again.leave()


def test_every_key_is_told_on_f1(driven: Driven) -> None:
    driven.key(Qt.Key.Key_F1)
    keys = driven.window.findChild(Keys)
    assert isinstance(keys, Keys)
    keys.activateWindow()
    driven.until(keys.isActiveWindow)
    told = {label.text() for label in keys.findChildren(QLabel)}
    for command in COMMANDS:
        action = driven.window.actions_[command.name]
        assert action.toolTip()
        if command.keys and action.isVisible():
            assert action.shortcut().toString() in told
    used = [s.toString() for a in driven.window.actions_.values() for s in a.shortcuts()]
    assert len(used) == len(set(used))
    QTest.keyClick(keys, Qt.Key.Key_Escape)  # closes the page, not the program
    assert not keys.isVisible()
    assert not driven.gone


def test_the_canvas_owns_most_of_the_window(driven: Driven) -> None:
    w = driven.window
    w.resize(1440, 900)
    driven.until(lambda: w.width() == 1440)
    canvas = w.stage.view.canvas.native
    assert canvas.width() * canvas.height() >= 2 / 3 * w.width() * w.height()
    assert canvas.width() >= 2 / 3 * w.width()
    assert canvas.height() >= 2 / 3 * w.height()


def test_all_menus_are_there_in_a_small_window(driven: Driven) -> None:
    top, bar = driven.window.top, driven.window.top.findChild(QMenuBar)
    assert bar is not None
    for width in (1440, 800, 700, 640):
        driven.window.resize(width, 500)
        driven.until(lambda width=width: top.width() == width and bar.width() >= bar.sizeHint().width())
        last = [*top.modes.values(), *(tool for tool in top.tools if tool.isVisible())][-1]
        assert last.mapTo(top, last.rect().topRight()).x() < width


def test_nothing_is_cut_in_the_narrowest_panel(driven: Driven) -> None:
    driven.open()
    panel = driven.window.panel
    assert panel.form is not None
    assert panel.form.more is not None
    panel.form.more.button.click()
    driven.window.whole.setSizes([10_000, 1])
    page = panel.scroller.widget()
    assert page is not None
    driven.until(lambda: page.width() == panel.scroller.viewport().width())  # type: ignore[union-attr]
    assert page.minimumSizeHint().width() <= page.width()


def test_export_writes_what_is_shown(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    driven.key(Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = driven.window.findChild(Export)
    assert isinstance(dialog, Export)
    assert dialog.go.toolTip() and dialog.cancel.toolTip()
    dialog.width_edit.setText("200")
    out = tmp_path / "out.png"
    dialog.write(out)
    driven.until(out.exists)
    with Image.open(out) as image:
        assert image.size == (200, 200)
    driven.until(lambda: "out.png" in driven.window.stage.toast.label.text())
