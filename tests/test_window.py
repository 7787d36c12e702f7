"""The window, driven for real: keys and mouse in an X server, a real session with a small fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import PATIENCE, Answers, Driven, said, saved
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLabel, QMenuBar, QPushButton
from pytestqt.qtbot import QtBot

from scalefree_studio.window.shell.actions import COMMANDS
from scalefree_studio.window.shell.dialogs import Keys
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.widgets.theme import DARK, LIGHT

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
    assert driven.window.top.words.text().startswith("Learning lines-5")


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


def test_another_choice_of_units_is_told_as_what_came_of_it(driven: Driven) -> None:
    driven.open()
    driven.window.stage.view.set_controls({"made_of": "circles"})
    driven.until(lambda: said(driven).endswith(" circles."))
    assert said(driven) == f"Started over with {driven.job.controls.circles} circles."
    driven.window.stage.view.set_controls({"made_of": "best", "numbers": 100})
    driven.until(lambda: said(driven).startswith("Started over with ") and "cell" in said(driven))


def test_starting_over_is_told_and_all_comes_back(driven: Driven) -> None:
    driven.open()
    driven.learn_on()
    driven.pause()
    w, steps, curve = driven.window, driven.job.step_count, driven.window.curves.curves["psnr"]
    driven.until(lambda: w.stage.newest is not None and w.stage.newest.step == steps)
    measured = curve.series.seen()[0].tolist()
    w.stage.view.set_controls({"lines": 7})
    driven.until(lambda: "7 lines" in w.top.words.text())
    assert said(driven) == "Started over with 7 lines."
    assert driven.job.step_count == 0 and curve.series.seen()[0].tolist() == [0]
    QTest.mouseClick(choices(driven)["Undo"], Qt.MouseButton.LeftButton)
    driven.until(lambda: "8 lines" in w.top.words.text())
    assert driven.job.step_count == steps and w.stage.toast.isHidden()
    assert curve.series.seen()[0].tolist()[: len(measured)] == measured
    assert w.actions_["redo"].text() == "Redo: change lines"
    for modifier, key, lines, undone in (
        (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
            Qt.Key.Key_Z,
            7,
            "change lines",
        ),
        (Qt.KeyboardModifier.ControlModifier, Qt.Key.Key_Z, 8, ""),
        (Qt.KeyboardModifier.ControlModifier, Qt.Key.Key_Y, 7, "change lines"),
    ):
        driven.key(key, modifier)
        driven.until(lambda lines=lines: f"{lines} lines" in w.top.words.text())
        assert w.actions_["undo"].text() == (f"Undo: {undone}" if undone else "Undo")
        assert w.stage.toast.isHidden()  # what a person takes back and forth need not be told
    w.stage.view.set_controls({"lines": 0})  # refused: no unit would be left
    driven.until(lambda: w.stage.toast.isVisible() and "at least one" in said(driven))
    assert w.panel.form.fields["lines"].edit.text() == "7"  # type: ignore[union-attr,attr-defined]


def test_undo_and_redo_look_so_when_there_is_nothing_to_take_back(driven: Driven) -> None:
    driven.open()
    driven.pause()
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    undo, redo = driven.window.actions_["undo"], driven.window.actions_["redo"]
    driven.until(lambda: not undo.isEnabled() and not redo.isEnabled())
    driven.key(Qt.Key.Key_Z, control)
    assert said(driven) == "There is nothing to undo."
    driven.key(Qt.Key.Key_L)
    assert undo.isEnabled()  # at once, also while the line is still to come
    driven.until(lambda: driven.window.stage.toast.isHidden() and undo.text() == "Undo: add a line")
    driven.key(Qt.Key.Key_Z, control)
    driven.until(lambda: redo.isEnabled() and not undo.isEnabled())
    driven.key(Qt.Key.Key_Z, control)
    assert driven.window.stage.toast.isVisible() and said(driven) == "There is nothing to undo."
    driven.key(Qt.Key.Key_Z, control | shift)
    driven.until(lambda: driven.window.stage.toast.isHidden() and undo.isEnabled() and not redo.isEnabled())


def choices(driven: Driven) -> dict[str, QPushButton]:
    """The buttons of the notice, by what they say."""
    return {b.text(): b for b in driven.window.stage.toast.findChildren(QPushButton) if not b.isHidden()}


def test_the_end_of_the_schedule_is_told_and_can_be_gone_on_from(driven: Driven) -> None:
    driven.open()
    w = driven.window
    w.stage.view.set_controls({"horizon": 100})
    driven.until(lambda: w.top.words.text().startswith("Finished: lines-5 — 8 lines, "))
    steps = driven.job.step_count
    assert driven.session.status.rests and said(driven).startswith("Finished at ") and " dB." in said(driven)
    assert list(choices(driven)) == ["Keep learning", "Add a line", "Add a circle", "Export picture…"]
    assert not w.stage.toast._timer.isActive()
    driven.key(Qt.Key.Key_Escape)
    assert w.stage.toast.isHidden() and not driven.gone
    driven.key(Qt.Key.Key_Space)  # why it does not play
    driven.until(w.stage.toast.isVisible)
    assert driven.job.step_count == steps
    choices(driven)["Keep learning"].click()
    driven.until(lambda: driven.job.step_count > steps and w.top.words.text().startswith("Learning"))
    assert driven.job.controls.horizon == steps + 100 and w.stage.toast.isHidden()
    driven.until(lambda: said(driven).startswith("Finished") and w.stage.toast.isVisible())
    steps = driven.job.step_count
    choices(driven)["Add a line"].click()
    driven.until(lambda: driven.job.step_count > steps and "9 lines" in w.top.words.text())


def test_escape_ends_what_is_passing_one_thing_at_a_time_and_then_the_program(driven: Driven) -> None:
    driven.open()
    w = driven.window
    canvas, form = w.stage.view.canvas, w.panel.form
    assert form is not None
    driven.until(lambda: w.transport.poll() or w.transport.timeline.ids)
    slider = form.fields["lines"].slider  # type: ignore[attr-defined]
    w.showFullScreen()
    driven.until(w.isFullScreen)
    w.actions_["full_screen"].setChecked(True)
    canvas.selected = int(driven.job.unit_ids[0])
    w.transport._read_frame(w.transport.timeline.ids[0])
    w.do("keys")
    w.actions_["brush"].trigger()
    w.say("Something.")
    w.activateWindow()
    driven.until(w.isActiveWindow)
    edit = form.fields["learning_rate"].edit  # type: ignore[attr-defined]
    slider.setFocus()
    driven.until(slider.hasFocus)
    slider.setValue(slider.value() + 100)  # chosen, but not settled

    def passing() -> list[str]:
        there = {
            "chosen": bool(form.fields["lines"]._pending),  # type: ignore[attr-defined]
            "typing": edit.hasFocus(),
            "page": bool(w._dialogs),
            "notice": w.stage.toast.isVisible(),
            "brush": canvas.brush is not None,
            "selection": canvas.selected is not None,
            "past": w.stage.past is not None,
            "full screen": w.isFullScreen(),
        }
        return [name for name, is_there in there.items() if is_there]

    order = ["chosen", "page", "notice", "brush", "selection", "past", "full screen"]
    assert passing() == order
    for ends in ("chosen", "typing", *order[1:]):
        if ends == "typing":
            edit.setFocus()
            driven.until(edit.hasFocus)
        driven.key(Qt.Key.Key_Escape)
        order = [name for name in order if name != ends]
        driven.until(lambda order=order: passing() == order)
    assert not driven.gone and form.fields["lines"].value == 8 and not w.actions_["full_screen"].isChecked()
    driven.key(Qt.Key.Key_Escape)
    driven.until(lambda: driven.gone)


def test_whatever_is_passing_ctrl_q_leaves(driven: Driven) -> None:
    driven.open()
    driven.window.say("Something.")
    driven.window.do("keys")
    page = driven.window.findChild(Keys)
    assert page is not None
    driven.until(page.isVisible)
    QTest.keyClick(page, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: driven.gone)


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


# -- hands in the network --------------------------------------------------------------------------------------------


def test_add_select_move_delete_undo(driven: Driven) -> None:
    driven.open()
    w = driven.window
    form = w.panel.form
    assert form is not None

    def in_the_panel() -> tuple[int, int]:
        return form.fields["lines"].value, form.fields["circles"].value

    driven.key(Qt.Key.Key_L)
    driven.until(lambda: "9 lines" in w.top.words.text())
    driven.until(lambda: w.stage.view.unit.title.text() == "Line 9")
    driven.key(Qt.Key.Key_C)
    driven.until(lambda: "1 circle" in w.top.words.text())
    assert w.stage.view.frame is not None and in_the_panel() == (9, 1)
    unit = int(w.stage.view.frame["unit_ids"][-1])  # the circle
    driven.until(lambda: w.stage.view.canvas.selected == unit)
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
    driven.until(lambda: in_the_panel() == (9, 0))
    driven.until(lambda: w.actions_["undo"].text() == "Undo: remove a circle")
    driven.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driven.until(lambda: unit in driven.job.unit_ids and in_the_panel() == (9, 1))


def test_painting_and_taking_it_back(driven: Driven) -> None:
    driven.open()
    w = driven.window
    driven.until(lambda: w.transport.poll() or w.transport.timeline.ids)
    before = w.transport.timeline.ids[0]
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
    w.transport._read_frame(before)
    assert w.stage.past is not None and w.stage.view.canvas.mask is None  # nothing was painted then
    driven.key(Qt.Key.Key_N)
    assert w.stage.view.canvas.mask is not None


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
