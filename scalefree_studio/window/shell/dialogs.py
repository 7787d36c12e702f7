"""The dialogs: keys and mouse, what to do when saving failed."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ...files import is_empty
from ...storage.run_folder import free_folder
from ..widgets.forms import heading
from ..widgets.theme import GRID
from ..work.sessions import Questions
from .actions import all_commands

NATIVE = QKeySequence.SequenceFormat.NativeText


class Keys(QDialog):
    """Made from the actions themselves, so it cannot be wrong."""

    def __init__(
        self, actions: dict[str, QAction], mouse: tuple[tuple[str, str], ...], parent: QWidget | None = None
    ):
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        page = QWidget()
        scroll.setWidget(page)
        outer.addWidget(scroll)
        columns = QHBoxLayout(page)
        columns.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 3 * GRID)
        columns.setSpacing(5 * GRID)
        for menus in (("Run", "Edit"), ("View", "Help"), ("File", "")):
            column = QVBoxLayout()
            column.setSpacing(GRID)
            for menu in menus:
                self._add_part(column, menu, actions, mouse)
            column.addStretch()
            columns.addLayout(column)
        self.resize(page.sizeHint().width() + 3 * GRID, min(page.sizeHint().height() + 2 * GRID, 92 * GRID))

    def _add_part(
        self, column: QVBoxLayout, menu: str, actions: dict[str, QAction], mouse: tuple[tuple[str, str], ...]
    ) -> None:
        rows = []
        for command in all_commands():
            action = actions[command.name]
            if command.menu == menu and command.keys and action.isVisible():
                help = action.statusTip()
                text = help if command.name == "play" else action.text().partition(":")[0].rstrip("…")
                rows.append(([key.toString(NATIVE) for key in action.shortcuts()], text, help))
        if not menu:
            rows = [([gesture], help, "") for gesture, help in mouse]
        if not rows:
            return
        column.addWidget(heading(menu or "Mouse"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        for n, (keys, text, help) in enumerate(rows):
            caps = QHBoxLayout()
            caps.setSpacing(GRID // 2)
            for key in keys:
                cap = QLabel(key)
                cap.setProperty("key", True)
                cap.setAlignment(Qt.AlignmentFlag.AlignCenter)
                caps.addWidget(cap, 1)
            grid.addLayout(caps, n, 0)
            what = QLabel(text)
            what.setToolTip(help)
            grid.addWidget(what, n, 1)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)


class QuestionDialogs(Questions):
    """Asks with dialogs over a window."""

    def __init__(self, window: QWidget):
        self._window = window

    def unsaved(self, why: str, folder: Path) -> Path | bool:
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle("Not saved")
        box.setText(f"{why}")
        box.setInformativeText(f"This run is not saved in {folder} yet. Where should it go?")
        elsewhere = box.addButton("Choose another folder…", QMessageBox.ButtonRole.AcceptRole)
        again = box.addButton("Try again", QMessageBox.ButtonRole.ResetRole)
        discard = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(elsewhere)
        box.setEscapeButton(again)  # Escape throws nothing away
        box.exec()
        if box.clickedButton() is discard:
            return False
        if box.clickedButton() is elsewhere:
            chosen = QFileDialog.getExistingDirectory(
                self._window, "Keep the run in this folder", str(Path.home())
            )
            if chosen:
                return _of_its_own(Path(chosen), folder.name)
        return True

    def still_working(self) -> bool:
        box = QMessageBox(self._window)
        box.setWindowTitle("Still working")
        box.setText("The current step is still running.")
        box.setInformativeText("If you quit now, the model stays as it was last saved, a few seconds ago.")
        wait = box.addButton("Keep waiting", QMessageBox.ButtonRole.AcceptRole)
        box.addButton("Quit now", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(wait)
        box.setEscapeButton(wait)
        box.exec()
        return box.clickedButton() is wait


def _of_its_own(chosen: Path, name: str) -> Path:
    """The chosen folder if it is empty, otherwise a new one in it: nothing that is there is overwritten."""
    return chosen if chosen.is_dir() and is_empty(chosen) else free_folder(chosen, name)
