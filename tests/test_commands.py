"""Every command of the window does something, everywhere it is offered, and has its key to itself."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import QApplication, QWidget

from scalefree_studio.window.shell.actions import COMMANDS, Command, make_actions
from scalefree_studio.window.shell.commands import Commands
from scalefree_studio.window.shell.stage import PAST
from scalefree_studio.window.shell.transport import Transport
from scalefree_studio.window.views.registry import all_views
from scalefree_studio.window.views.view import View
from scalefree_studio.window.widgets.icons import icon
from scalefree_studio.window.widgets.theme import DARK

NAMES = {command.name for command in COMMANDS}
every_view = pytest.mark.parametrize("view", all_views(), ids=lambda view: view.__name__)


def method_of(view: type[View], name: str) -> Callable[..., Any] | None:
    """What Commands.find would find for a view of this class."""
    if name in view.lacks:
        return None
    return getattr(view, name, None) or getattr(Commands, name, None)


def possible(view: type[View]) -> set[str]:
    return {name for name in NAMES if method_of(view, name) is not None}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_a_method_of_ours_that_takes_what_it_is_given(command: Command) -> None:
    methods = [method for view in all_views() if (method := method_of(view, command.name)) is not None]
    assert methods
    for method in methods:
        assert method.__module__.startswith("scalefree_studio.")  # a QWidget has many methods of its own
        assert len(inspect.signature(method).parameters) == 1 + command.checkable


def test_names_are_given_once() -> None:
    assert len(NAMES) == len(COMMANDS)


def test_commands_does_nothing_that_nobody_can_ask_for() -> None:
    methods = {name for name in vars(Commands) if not name.startswith("_")}
    assert methods - {"do", "find", "take", "why_not", "prefer", "passing", "names"} <= NAMES


@every_view
def test_a_view_names_only_commands_that_are_possible_there(view: type[View]) -> None:
    assert set(view.lacks) <= {name for name in NAMES if hasattr(Commands, name)}, (
        "else it is not offered anyway"
    )
    assert set(view.names) <= possible(view)
    assert set(view.tools) <= possible(view)


@pytest.mark.parametrize("names", [PAST, Transport.COMMANDS, Transport.WORDS])
def test_the_window_names_only_commands_that_there_are(names: tuple[str, ...]) -> None:
    assert set(names) <= NAMES


def test_every_icon_is_drawn(qapp: QApplication) -> None:
    names = {command.icon for command in COMMANDS if command.icon}
    assert len(names) > 10
    for name in names:
        image = icon(name, DARK).pixmap(16).toImage()
        drawn = sum(image.pixelColor(x, y).alpha() > 0 for x in range(16) for y in range(16))
        assert drawn > 8, name


@every_view
def test_no_two_commands_share_a_key(qapp: QApplication, view: type[View]) -> None:
    owner = QWidget()
    actions = make_actions(owner)
    keys = Counter(
        sequence.toString(QKeySequence.SequenceFormat.PortableText)
        for name in possible(view)
        for sequence in actions[name].shortcuts()
    )
    assert len(keys) > 20
    assert not [key for key, count in keys.items() if count > 1 or not key]
    owner.deleteLater()
