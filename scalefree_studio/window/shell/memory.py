"""What the window remembers from one day to the next: its layout, its theme, the recent runs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QMainWindow, QSplitter

from ...errors import UserError
from ...jobs.instruments import instrument_of
from ...recipes.states import STATES
from ...storage.run_folder import MODEL, kind_of
from ..widgets import theme
from ..widgets.theme import GRID, Palette
from ..work.preferences import SYSTEM, Preferences

RECENT = 12  # runs that are remembered
LAYOUT = 1  # changes when a remembered layout no longer fits
SIZE = (1440, 900)
FIRST = {
    "left": 16 * GRID,
    "whole": 32 * GRID,
}  # splitter → the first height of the bottom, and width of the panel


class Memory:
    """A few values in a settings file."""

    def __init__(self, settings: QSettings):
        self.settings = settings

    @property
    def preferences(self) -> Preferences:
        return Preferences.read(self.settings)

    def palette(self) -> Palette:
        wanted = self.preferences.theme
        if wanted != SYSTEM:
            return theme.PALETTES[wanted]
        hints = QGuiApplication.styleHints()
        light = hints is not None and hints.colorScheme() == Qt.ColorScheme.Light
        return theme.LIGHT if light else theme.DARK

    def restore_layout(self, window: QMainWindow, splitters: Mapping[str, QSplitter]) -> None:
        """Lay the window out as it was; the first time, as large as there is room for."""
        s = self.settings
        known = s.value("layout", 0, int) == LAYOUT
        if not known or not window.restoreGeometry(s.value("geometry", b"")):
            screen = window.screen()
            room = screen.availableGeometry() if screen is not None else window.geometry()
            window.resize(min(SIZE[0], round(room.width() * 0.92)), min(SIZE[1], round(room.height() * 0.92)))
        for name, splitter in splitters.items():
            splitter.setSizes([10_000, FIRST[name]])
            if known:
                splitter.restoreState(s.value(name, b""))

    def keep_layout(self, window: QMainWindow, splitters: Mapping[str, QSplitter]) -> None:
        s = self.settings
        s.setValue("layout", LAYOUT)
        s.setValue("geometry", window.saveGeometry())
        for name, splitter in splitters.items():
            s.setValue(name, splitter.saveState())
        s.sync()

    def _listed(self) -> list[str]:
        listed = self.settings.value("recent", [])
        return [listed] if isinstance(listed, str) else list(listed or [])

    def recent(self) -> list[Path]:
        """The runs and recipes that were open, newest first, as far as they are still there."""
        return [
            path for path in map(Path, self._listed()) if (path / MODEL).exists() or (path / STATES).exists()
        ]

    def replace_recent(self, path: Path, by: Path) -> None:
        """A run has another name."""
        old, new = str(path.absolute()), str(by.absolute())
        self.settings.setValue("recent", [new if listed == old else listed for listed in self._listed()])

    def newest_of(self, instrument: str) -> str | None:
        """The run of an instrument that was open last."""
        for path in self.recent():
            with contextlib.suppress(UserError):
                if instrument_of(kind_of(path)).name == instrument:
                    return str(path)
        return None

    def add_recent(self, path: Path) -> None:
        newest = str(path.absolute())
        self.settings.setValue("recent", [newest, *(p for p in self._listed() if p != newest)][:RECENT])
