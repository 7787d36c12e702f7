"""What is said when something broke: at once if the studio goes on, and at the next start if it could not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QObject, QUrl, pyqtSignal
from PyQt6.QtGui import QDesktopServices, QFontDatabase
from PyQt6.QtWidgets import QApplication, QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout

from ... import crashes
from ..widgets.theme import GRID
from .frame import Frame

NOW = (
    "Something went wrong, but the studio is still running, and your work is being saved. A report says "
    "what happened."
)
LATER = "The studio crashed last time. A report says what happened; nothing was sent anywhere."


class Report(QDialog):
    """The text of a report, to be read and copied."""

    def __init__(self, path: Path, parent: Frame):
        super().__init__(parent)
        self.setWindowTitle("What went wrong")
        self.resize(100 * GRID, 70 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self.text = QPlainTextEdit(_read(path))
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setAccessibleName("The report")
        column.addWidget(self.text, 1)
        row = QHBoxLayout()
        row.addStretch()
        for name, act in (("Copy", lambda: _copy(path)), ("Show in folder", lambda: _show_folder(path))):
            button = QPushButton(name)
            button.clicked.connect(lambda _=False, act=act: act())
            row.addWidget(button)
        column.addLayout(row)


class Broken(QObject):
    """Tells of reports. `told` may be emitted in any thread."""

    told = pyqtSignal(object)  # the path of a report

    def __init__(self, window: Frame):
        super().__init__(window)
        self._window = window
        self.told.connect(lambda path: self._offer(NOW, [path]))

    def tell_of_the_last_time(self) -> None:
        """Each report is offered once."""
        if reports := crashes.seen(crashes.unseen()):
            self._offer(LATER, reports)

    def _offer(self, words: str, reports: Sequence[Path]) -> None:
        newest = reports[0]
        choices: list[tuple[str, Callable[[], object]]] = [
            ("Show", lambda: self._window.show_dialog(Report(newest, self._window))), ("Copy", lambda: _copy(newest)),
            ("Folder", lambda: _show_folder(newest)), ("Dismiss", lambda: None),
        ]  # fmt: skip
        # At a start, what is opened is still to come.
        self._window.say(words, *choices, stays=True, outlasts=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}."


def _copy(path: Path) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(_read(path))


def _show_folder(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
