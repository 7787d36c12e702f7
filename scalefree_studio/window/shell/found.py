"""Everything that the command palette finds: commands, controls, and what else the window lets a person choose."""

from __future__ import annotations

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QToolButton

from ..widgets.command import Command, key_text
from ..widgets.entries import OFF, ON, of_controls, of_form, of_words
from ..widgets.finding import Act, Entry
from .actions import WHY_NOT, all_commands
from .frame import Frame

ELSEWHERE = "Not in this view."


def found_in(window: Frame) -> list[Entry]:
    """Controls first: of a command and a control that fit alike, the control is meant."""
    view, panel = window.stage.view, window.panel
    entries = [
        entry
        for form in (panel.form, panel.display)
        if form is not None
        for entry in of_form(form, "Controls")
    ]
    entries += view.entries()
    if window.top.modes:
        possible = {name: button for name, button in window.top.modes.items() if button.isEnabled()}
        entries.append(_of_buttons("mode", "View", possible, "Another way to look"))
    entries.append(_of_buttons("instrument", "Instrument", panel.instruments, "Another instrument"))
    entries += of_controls(window.memory.preferences, window.prefer, "Preferences")
    entries += [_of_command(command, window.actions_[command.name]) for command in all_commands()]
    return entries


def _of_buttons(name: str, title: str, buttons: dict[str, QToolButton], help: str) -> Entry:
    """One of several buttons of which one is down."""
    now = next((button.text() for button in buttons.values() if button.isChecked()), "")
    return of_words(name, title, {button.text(): button.click for button in buttons.values()}, now, help=help)


def _of_command(command: Command, action: QAction) -> Entry:
    words: dict[str, Act] = {}
    if command.checkable:
        words = {word: lambda on=word == ON: _switch(action, on) for word in (ON, OFF)}  # type: ignore[misc]
    title = action.text().rstrip("…")
    known = of_words(command.name, title, words)
    return Entry(
        name=f"command.{command.name}", title=title, act=action.trigger,
        take=known.take if words else None, words=known.words, wants=known.wants if words else "", place=command.menu,
        help=action.statusTip(), keys=key_text(action), value=(ON if action.isChecked() else OFF) if words else "",
        why_not=(action.property(WHY_NOT) or "") if action.isVisible() else ELSEWHERE,
        remembered=not command.destroys,
    )  # fmt: skip


def _switch(action: QAction, on: bool) -> None:
    if action.isChecked() != on:
        action.trigger()
