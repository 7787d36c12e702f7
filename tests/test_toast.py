"""The notice over the picture: its buttons, and when it goes. A widget, no window of the studio."""

from __future__ import annotations

import weakref

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from scalefree_studio.window.widgets.toast import ChoiceButton, Toast
from scalefree_studio.window.widgets.value_edit import ValueEdit


@pytest.fixture
def over(qtbot: QtBot) -> QWidget:
    """Something to lie over, with a field that would take the keys."""
    page = QWidget()
    qtbot.addWidget(page)
    QVBoxLayout(page).addWidget(ValueEdit())
    page.resize(900, 300)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    return page


def buttons(toast: Toast) -> dict[str, ChoiceButton]:
    return {b.text(): b for b in toast.findChildren(ChoiceButton) if not b.isHidden()}


def test_each_choice_is_a_button_that_does_what_it_says_and_closes_the_notice(over: QWidget) -> None:
    done: list[str] = []
    action = QAction("Add a line", over)
    action.triggered.connect(lambda: done.append("line"))
    toast = Toast(over)
    for label in ("Undo", "Go on", "Add a line"):
        toast.say(
            "Started over.",
            (("Undo", lambda: done.append("undo")), ("Go on", lambda: done.append("on")), action),
        )
        assert list(buttons(toast)) == ["Undo", "Go on", "Add a line"]
        buttons(toast)[label].click()
        assert toast.isHidden()
    assert done == ["undo", "on", "line"]


def test_of_a_notice_that_has_gone_nothing_is_kept(over: QWidget, qtbot: QtBot) -> None:
    class Network:
        def go_on(self) -> None: ...

    network, toast = Network(), Toast(over)
    kept = weakref.ref(network)
    toast.say("Finished.", (("Go on", network.go_on),), stays=True)
    del network
    over.hide()
    over.show()
    assert list(buttons(toast)) == ["Go on"], "it was only out of sight"
    toast.hide()
    qtbot.waitUntil(lambda: kept() is None)


def test_what_a_choice_says_stays(over: QWidget) -> None:
    toast = Toast(over)
    toast.say("Started over.", (("Undo", lambda: toast.say("It is back.")),))
    buttons(toast)["Undo"].click()
    assert not toast.isHidden() and toast.label.text() == "It is back." and not buttons(toast)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_keys_reach_a_choice_and_do_not_stay_in_a_field(over: QWidget, key: Qt.Key) -> None:
    done: list[str] = []
    toast = Toast(over)
    toast.say("Started over.", (("Undo", lambda: done.append("undo")),))
    field = over.findChild(ValueEdit)
    assert field is not None
    button = buttons(toast)["Undo"]
    for _ in range(3):
        if not button.hasFocus():
            QTest.keyClick(over.focusWidget() or over, Qt.Key.Key_Tab)
    assert button.hasFocus()
    QTest.keyClick(button, key)
    assert done == ["undo"] and toast.isHidden()
    assert not field.hasFocus()


def test_a_command_of_the_window_does_not_take_the_space_of_a_choice(over: QWidget) -> None:
    done: list[str] = []
    play = QAction("Play", over)
    play.setShortcut("Space")
    play.triggered.connect(lambda: done.append("play"))
    over.addAction(play)
    toast = Toast(over)
    toast.say("Started over.", (("Undo", lambda: done.append("undo")),))
    button = buttons(toast)["Undo"]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert done == ["undo"]


def test_it_is_closed_by_escape_once_and_only_if_it_can_be(over: QWidget) -> None:
    toast = Toast(over)
    assert not toast.end_passing()
    toast.say("Exported.")
    assert toast.end_passing() and toast.isHidden() and not toast.end_passing()
    toast.say("Looking at step 7", closes=False)
    assert not toast.end_passing() and not toast.isHidden()


def test_one_with_a_choice_stays_longer_and_one_that_stays_has_no_clock(over: QWidget) -> None:
    toast, choice = Toast(over), (("Undo", lambda: None),)
    toast.say("Started over.")
    short = toast._timer.remainingTime()
    toast.say("Started over.", choice)
    assert toast._timer.remainingTime() > short + 5_000
    toast.say("Finished.", choice, stays=True)
    assert not toast._timer.isActive()
    toast.hide()
    assert not toast._timer.isActive()


def test_it_does_not_go_from_under_a_hand(over: QWidget) -> None:
    toast = Toast(over)
    toast.say("Started over.", (("Undo", lambda: None),))
    buttons(toast)["Undo"].setFocus()
    toast._go()
    assert not toast.isHidden() and toast._timer.isActive()
    buttons(toast)["Undo"].clearFocus()
    toast._go()
    assert toast.isHidden()
