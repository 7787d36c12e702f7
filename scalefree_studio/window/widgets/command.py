"""A command, declared once: its menu, its button, its key, its line on F1 and in the command palette are made of it."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence, QShortcut
from PyQt6.QtWidgets import QWidget


@dataclass(frozen=True)
class Command:
    name: str  # of a method of the view or of Commands, and of the action
    menu: str
    text: str
    help: str
    keys: str = ""
    checkable: bool = False
    apart: bool = False  # a line above it in its menu
    repeats: bool = False
    short: str = ""  # on a narrow button
    icon: str = ""
    also: tuple[str, ...] = ()  # other keys that do the same
    destroys: bool = False  # the command palette never offers it first, however lately it was chosen

    def shortcuts(self) -> list[QKeySequence]:
        return [QKeySequence(keys) for keys in (self.keys, *self.also) if keys]


def key_text(action: QAction) -> str:
    """The action's key as this system writes it."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def key_in(dialog: QWidget, action: QAction) -> QShortcut:
    """The key of a command in a dialog, where the command means something of the dialog's own."""
    key = QShortcut(action.shortcut(), dialog)
    key.setObjectName(action.objectName())
    key.setContext(Qt.ShortcutContext.WindowShortcut)
    return key
