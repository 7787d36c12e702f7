"""What the window remembers from one day to the next: its layout, its theme, the recent runs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSettings

from ...errors import UserError
from ...storage.run_folder import MODEL, kind_of
from ..views.registry import VIEWS
from ..widgets import theme
from ..widgets.theme import GRID

if TYPE_CHECKING:
    from .main_window import MainWindow

RECENT = 12  # runs that are remembered
LAYOUT = 1  # changes when a remembered layout no longer fits
SIZE = (1440, 900)


class Memory:
    """A few values in a settings file."""

    def __init__(self, settings: QSettings):
        self.settings = settings

    def restore(self, w: MainWindow) -> None:
        """Dress and lay out the window as it was, or as it shall be the first time."""
        s = self.settings
        w.set_palette(theme.PALETTES.get(str(s.value("theme", "dark")), theme.DARK), remember=False)
        known = s.value("layout", 0, int) == LAYOUT
        if not known or not w.restoreGeometry(s.value("geometry", b"")):
            screen = w.screen()
            room = screen.availableGeometry() if screen is not None else w.geometry()
            w.resize(min(SIZE[0], round(room.width() * 0.92)), min(SIZE[1], round(room.height() * 0.92)))
        w.left.setSizes([10_000, 16 * GRID])
        w.whole.setSizes([10_000, 32 * GRID])
        if known:
            w.left.restoreState(s.value("left", b""))
            w.whole.restoreState(s.value("whole", b""))
        w.actions_["record"].setChecked(s.value("record", True, bool))
        for name in ("show_panel", "show_bottom"):
            on = s.value(name, True, bool)
            w.actions_[name].setChecked(on)
            getattr(w.commands, name)(on)

    def keep(self, w: MainWindow) -> None:
        s = self.settings
        s.setValue("layout", LAYOUT)
        s.setValue("geometry", w.saveGeometry())
        s.setValue("left", w.left.saveState())
        s.setValue("whole", w.whole.saveState())
        for name in ("show_panel", "show_bottom"):
            s.setValue(name, w.actions_[name].isChecked())
        s.sync()

    def _listed(self) -> list[str]:
        listed = self.settings.value("recent", [])
        return [listed] if isinstance(listed, str) else list(listed or [])

    def recent(self) -> list[Path]:
        """The runs that were open, newest first, as far as they are still there."""
        return [Path(path) for path in self._listed() if (Path(path) / MODEL).exists()]

    def newest_of(self, instrument: str) -> str | None:
        """The run of an instrument that was open last."""
        for path in self.recent():
            with contextlib.suppress(UserError):
                if kind_of(path) in VIEWS and VIEWS[kind_of(path)].instrument == instrument:
                    return str(path)
        return None

    def add_recent(self, path: Path) -> None:
        newest = str(path.absolute())
        self.settings.setValue("recent", [newest, *(p for p in self._listed() if p != newest)][:RECENT])
