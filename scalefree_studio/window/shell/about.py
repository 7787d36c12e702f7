"""About the studio: its version, and what of this machine works for it."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QApplication,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ... import doctor
from ...versions import STUDIO, versions
from ..widgets.forms import heading
from ..widgets.theme import GRID, scaled
from ..work.background import Background

WORDS = "Watch image models learn and draw, and take part while they do. MIT licence."
LOOKING = "Checking graphics, ffmpeg and the rest … this takes a few seconds."
WIDE = 66 * GRID  # of what is said of a part
COLOURS = {doctor.WORKS: "soft", doctor.NOTE: "soft", doctor.BROKEN: "danger"}


class About(QDialog):
    """Versions at once; what has to be tried is tried in the background."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle("About Scalefree Studio")
        self.checks: list[doctor.Check] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        title = QLabel(f"Scalefree Studio {versions()[STUDIO]}")
        title.setFont(scaled(title.font(), 1.4))
        column.addWidget(title)
        column.addWidget(QLabel(WORDS))
        column.addWidget(heading("This machine"))
        self.words = QLabel(LOOKING)
        self.words.setProperty("soft", True)
        column.addWidget(self.words)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(2 * GRID)
        self.grid.setColumnStretch(1, 1)
        column.addLayout(self.grid)
        column.addStretch()
        column.addLayout(self._buttons())
        self.setMinimumWidth(WIDE + 20 * GRID)
        self._background = Background("doctor", self)
        self.finished.connect(lambda _: self._background.close(timeout=0))
        self._background.submit(doctor.examine, self.show_checks, self.words.setText)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy all of this as text, for a question or a bug report")
        self.copy.setEnabled(False)
        self.copy.clicked.connect(self._copy)
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.close)
        row.addStretch()
        row.addWidget(self.copy)
        row.addWidget(close)
        return row

    def show_checks(self, checks: list[doctor.Check]) -> None:
        self.checks = checks
        healthy = doctor.healthy(checks)
        self.words.setText("Everything needed works." if healthy else "Something needed does not work.")
        for n, check in enumerate(checks):
            name = QLabel(f"{doctor.MARKS[check.state]}  {check.name}")
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            words = QLabel(f"{check.words}\n{check.advice}".strip())
            words.setWordWrap(True)
            words.setFixedWidth(WIDE)
            words.setFixedHeight(words.heightForWidth(WIDE))
            words.setProperty(COLOURS[check.state], True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.grid.addWidget(name, n, 0)
            self.grid.addWidget(words, n, 1)
        self.copy.setEnabled(True)
        self.adjustSize()

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(doctor.in_words(self.checks))
