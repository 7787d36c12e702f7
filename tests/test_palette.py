"""The command palette: everything that can be done or set is found by its name, from one list of commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driving import Driven
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QShortcut
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QLabel, QMenu, QWidget

from scalefree_studio.controls import Control, ControlError, controls_of
from scalefree_studio.jobs.dividers.controls import FitControls
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.instruments import instruments
from scalefree_studio.window.shell import actions
from scalefree_studio.window.shell.actions import all_commands
from scalefree_studio.window.shell.dialogs import Keys
from scalefree_studio.window.views.bench_panel import BenchPanel
from scalefree_studio.window.views.codes_panel import CodesPanel
from scalefree_studio.window.views.codes_shown import HEATS
from scalefree_studio.window.views.divider_view import DividerDisplay
from scalefree_studio.window.views.drawing_overlay import DrawingDisplay
from scalefree_studio.window.views.view import Host, View
from scalefree_studio.window.widgets.command import Command
from scalefree_studio.window.widgets.entries import of_form
from scalefree_studio.window.widgets.fields import shown
from scalefree_studio.window.widgets.finding import search
from scalefree_studio.window.widgets.forms import Form

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def holders() -> dict[str, list[type]]:
    """Instrument → all that is declared for it: what learns, what draws, how it is shown."""
    found: dict[str, list[type]] = {}
    for name, instrument in instruments().items():
        fits = [FitControls, DividerDisplay] if instrument.fits else []
        draws = [DrawControls, DrawingDisplay] if instrument.all_samplers() else []
        found[name] = [*fits, *(lesson.controls for lesson in instrument.lessons), *draws]
    return found


ALL = [(name, holder) for name, all_of_it in holders().items() for holder in all_of_it]


def other(control: Control, now: Any) -> Any:
    """A value that it takes, other than the one it has."""
    if control.type is bool:
        return not now
    tried = [*control.choices, control.low, control.high, 1, 2, 0.5]
    for value in tried:
        try:
            if value is not None and control.typed(shown(value)) != now:
                return control.typed(shown(value))
        except ControlError:
            continue
    return now


def test_there_are_five_instruments_and_each_has_controls() -> None:
    assert len(holders()) >= 5
    assert all(sum(len(controls_of(holder)) for holder in some) > 5 for some in holders().values())


@pytest.mark.parametrize(("name", "holder"), ALL, ids=[f"{name}-{holder.__name__}" for name, holder in ALL])
def test_every_control_is_found_by_its_name_and_set_by_a_value_behind_it(
    qapp: QApplication, name: str, holder: type
) -> None:
    form = Form(holder())
    sent: dict[str, Any] = {}
    form.edited.connect(sent.update)
    set_ = 0
    for control in controls_of(holder):
        first = search(control.label, of_form(form, "Controls"))[0].entry
        assert first.title == control.label
        assert first.help and first.place and first.wants
        field = form.fields[control.name]
        value = field.value if control.read else other(control, field.value)
        if value == field.value:
            continue
        word = {True: "on", False: "off"}.get(value, "") if control.type is bool else shown(value)
        named = [hit for hit in search(f"{control.label}: {word}", of_form(form, "Controls"))
                 if hit.entry.name == f"{control.group or 'Controls'}.{control.name}"]  # fmt: skip
        assert named and named[0].act is not None, (control.label, word)
        named[0].act()
        form._send()
        assert sent[control.name] == value == field.value
        set_ += 1
    assert set_ >= len(controls_of(holder)) // 2
    form.deleteLater()


def test_a_wrong_value_says_the_bound(qapp: QApplication) -> None:
    form = Form(FitControls())
    hit = search("circ 99999999", of_form(form, ""))[0]
    assert hit.trouble == "Circles must be between 0 and 4096, not 99999999."
    assert hit.act is None


def find(driven: Driven, typed: str) -> None:
    QTest.keyClick(driven.window, Qt.Key.Key_P, CTRL | SHIFT)
    finder = driven.window.finder
    assert finder.isVisible()
    driven.until(finder.line.hasFocus)
    QTest.keyClicks(finder.line, typed)


def enter(driven: Driven, until: Callable[[], object]) -> None:
    QTest.keyClick(driven.window.finder.line, Qt.Key.Key_Return)
    assert not driven.window.finder.isVisible()
    driven.until(until)


def test_circ_12_sets_the_circles_and_theme_light_the_theme(driven: Driven) -> None:
    driven.open()
    find(driven, "circ 12")
    enter(driven, lambda: driven.job.controls.circles == 12)
    find(driven, "theme light")
    enter(driven, lambda: driven.window.palette_.name == "light")
    find(driven, "sharpness: 77")
    enter(driven, lambda: driven.job.controls.sharpness == 77)
    form = driven.window.panel.form
    assert form is not None
    driven.until(lambda: form.fields["sharpness"].value == 77)
    find(driven, "lines, circles, cells off")
    enter(driven, lambda: not driven.window.stage.view.canvas.overlay)
    find(driven, "view swi")
    enter(driven, lambda: driven.window.stage.view.mode == "swipe")
    QTest.keyClick(driven.window, Qt.Key.Key_F3)
    first = [driven.window.finder.list.item(n).data(Qt.ItemDataRole.UserRole).entry.title for n in range(3)]
    assert first == ["View", "Lines, circles, cells", "Sharpness"], "the newest first"


def test_what_destroys_is_never_offered_first(driven: Driven) -> None:
    driven.open()
    find(driven, "delete this run")
    enter(driven, lambda: driven.window.sessions.session is None)
    find(driven, "")
    titles = [driven.window.finder.list.item(n).data(Qt.ItemDataRole.UserRole).entry.title for n in range(9)]
    assert "Delete this run" not in titles


def test_it_is_driven_by_keys_and_mouse_and_takes_none_from_the_window(driven: Driven) -> None:
    driven.open()
    finder, window = driven.window.finder, driven.window
    edits: list[object] = []
    window.stage.view.edited.connect(edits.append)
    find(driven, "add a lc")  # the letters are commands of the window as well
    assert not edits
    finder.line.clear()
    QTest.keyClicks(finder.line, "add a")
    assert finder.hit is not None and finder.hit.entry.title == "Add a line"
    QTest.keyClick(finder.line, Qt.Key.Key_Down)
    assert finder.hit.entry.title == "Add a circle"
    QTest.keyClick(finder.line, Qt.Key.Key_Tab)
    assert finder.line.text() == "Add a circle"
    QTest.keyClick(finder.line, Qt.Key.Key_Escape)  # closes it, not the program
    assert not finder.isVisible() and not driven.gone
    find(driven, "curves")
    item = next(
        finder.list.item(n)
        for n in range(finder.list.count())
        if finder.list.item(n).text().startswith("Curves")
    )
    viewport = finder.list.viewport()
    assert viewport is not None
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=finder.list.visualItemRect(item).center())
    driven.until(lambda: not window.curves.isVisible())
    find(driven, "")
    QTest.mouseClick(window.top, Qt.MouseButton.LeftButton, pos=window.top.words.geometry().center())
    assert not finder.isVisible()


def test_a_control_without_a_value_asks_for_one_and_a_wrong_one_stays(driven: Driven) -> None:
    driven.open()
    finder, edits = driven.window.finder, list[object]()
    driven.window.stage.view.edited.connect(edits.append)
    find(driven, "circles")
    assert "a whole number, 0 to" in finder.foot.text()
    QTest.keyClick(finder.line, Qt.Key.Key_Return)
    assert finder.isVisible() and finder.line.text() == "Circles: "
    QTest.keyClicks(finder.line, "99999999")
    assert "must be between 0 and" in finder.foot.text()
    assert finder.foot.property("danger")
    QTest.keyClick(finder.line, Qt.Key.Key_Return)
    assert finder.isVisible() and not edits, "nothing is done"


def test_what_an_entry_says_is_never_cut(driven: Driven) -> None:
    driven.open()
    finder = driven.window.finder
    finder.open()
    for row in range(finder.list.count()):
        finder.list.setCurrentRow(row)
        assert finder.foot.height() >= finder.foot.heightForWidth(finder.foot.width()), finder.foot.text()


def test_what_cannot_be_done_says_why_in_the_palette_its_button_and_by_its_key(driven: Driven) -> None:
    driven.open()
    action = driven.window.actions_["delete_unit"]
    driven.pause()
    driven.until(lambda: not action.isEnabled())
    why = "Select a line, circle or cell first: click it in the picture."
    assert why in action.toolTip()
    find(driven, "delete")
    finder = driven.window.finder
    assert finder.foot.text() == why
    QTest.keyClick(finder.line, Qt.Key.Key_Return)
    assert finder.isVisible()
    QTest.keyClick(finder.line, Qt.Key.Key_Escape)
    driven.key(Qt.Key.Key_Delete)
    assert driven.window.stage.toast.label.text() == why
    driven.window.stage.view.canvas.choose(0)
    assert action.isEnabled() and why not in action.toolTip()


def test_every_action_and_key_of_the_window_is_in_the_list_of_commands(driven: Driven) -> None:
    window = driven.window
    driven.open()
    window.commands.find_command()
    known = {command.name for command in all_commands()}
    ours = [action for action in window.findChildren(QAction) if action.shortcuts() or action.text()]
    menus = [menu.menuAction() for menu in window.findChildren(QMenu)]
    assert {action.objectName() for action in ours if action not in menus} <= known
    assert not [
        key.key().toString() for key in window.findChildren(QShortcut) if key.objectName() not in known
    ]
    found = {entry.name for entry in window.found()}
    assert {f"command.{name}" for name in known} <= found
    assert window.panel.form is not None and window.panel.display is not None
    for form in (window.panel.form, window.panel.display):
        assert {f"{f.control.group or 'Controls'}.{f.control.name}" for f in form.fields.values()} <= found


def test_f1_is_made_of_the_same_list(driven: Driven) -> None:
    driven.open()
    driven.key(Qt.Key.Key_L)
    driven.until(lambda: driven.window.actions_["undo"].text() == "Undo: add a line")
    driven.key(Qt.Key.Key_F1)
    keys = driven.window.findChild(Keys)
    assert keys is not None
    told = {label.text() for label in keys.findChildren(QLabel)}
    assert {"Undo", "Redo"} <= told  # not what it would take back just now
    for command in all_commands():
        action = driven.window.actions_[command.name]
        if action.isVisible() and action.shortcuts():
            assert [key.toString() for key in action.shortcuts()] == [
                key.toString() for key in command.shortcuts()
            ]
            assert action.shortcut().toString() in told


def test_keys_are_given_nowhere_but_in_the_list() -> None:
    window = Path(actions.__file__).parent.parent
    gives = [
        path.name
        for path in window.rglob("*.py")
        if re.search(r"QShortcut\(|setShortcuts?\(", path.read_text())
    ]
    assert sorted(gives) == ["actions.py", "command.py"]


def test_a_view_of_another_package_brings_its_own_commands(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Theirs(View):
        commands = (
            Command("wave", "Edit", "Wave", "Say hello", "Ctrl+Alt+W"),
            Command("fit", "View", "Fit", "Not ours"),
        )

    monkeypatch.setattr(actions, "all_views", lambda: [Theirs, View])
    all_commands.cache_clear()
    try:
        owner = QWidget()
        made = actions.make_actions(owner)
        assert made["wave"].shortcut().toString() == "Ctrl+Alt+W"
        assert made["fit"].statusTip() == "Show the whole picture", "ours stay as they are"
        assert [command.name for command in all_commands()][-1] == "wave"
    finally:
        all_commands.cache_clear()
        owner.deleteLater()


def test_what_panels_have_of_their_own_is_found_and_set(qapp: QApplication) -> None:
    owner = QWidget()
    host = Host(actions.make_actions(owner), None, *[None] * 3)  # type: ignore[arg-type]
    bench, given = BenchPanel(host), list[Any]()
    bench.temperatures_chosen.connect(given.append)
    bench.cut_chosen.connect(given.append)
    bench.show_table((1.0,), 5, 16, "")
    for typed in ("temperatures 0.9, 1.1", "given places: 7"):
        hit = search(typed, bench.entries())[0]
        assert hit.act is not None, hit.trouble
        hit.act()
    assert given == [(0.9, 1.1), 7]
    assert search("given 99", bench.entries())[0].trouble == "From 0 to 15 places can be given."
    codes, heats = CodesPanel(), list[str]()
    codes.heat_chosen.connect(heats.append)
    assert codes.entries() == []
    codes._heat_line.show()
    word = list(HEATS.values())[1][0]
    hit = search(f"heat {word}", codes.entries())[0]
    assert hit.act is not None
    hit.act()
    assert heats == [list(HEATS)[1]]
    for widget in (bench, codes, owner):
        widget.deleteLater()
