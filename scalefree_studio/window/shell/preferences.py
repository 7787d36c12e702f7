"""The preferences, as a person sets them: each takes effect at once."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...controls import edited
from ..widgets.fields import TextField
from ..widgets.forms import Form
from ..widgets.theme import GRID, Palette
from ..work.preferences import Preferences, can_be_written


class PreferencesDialog(QDialog):
    """`changed` gives {name: value} of what was changed."""

    changed = pyqtSignal(dict)

    def __init__(self, preferences: Preferences, palette: Palette, parent: QWidget | None = None):
        super().__init__(parent)
        self.preferences = preferences
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(60 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        self.form = Form(preferences)
        self.set_palette(palette)
        self.form.edited.connect(self._edit)
        column.addWidget(self.form)
        self.trouble = QLabel()
        self.trouble.setProperty("soft", True)
        self.trouble.setWordWrap(True)
        self.trouble.hide()
        column.addWidget(self.trouble)
        self._add_folder_button(self.form.fields["runs"])
        row = QHBoxLayout()
        row.addStretch()
        close = QPushButton("Close")
        close.setToolTip("Your changes are already in effect")
        close.setAutoDefault(False)  # Enter settles what was typed
        close.clicked.connect(self.accept)
        row.addWidget(close)
        column.addLayout(row)

    def put(self, preferences: Preferences) -> None:
        """Show them as they are: some are changed elsewhere, too."""
        self.preferences = preferences
        self.form.put(preferences)

    def set_palette(self, palette: Palette) -> None:
        self.form.set_palette(palette)

    def _add_folder_button(self, field: Any) -> None:
        assert isinstance(field, TextField)
        field.edit.setPlaceholderText(str(Preferences().wanted_place))
        field.edit.setMinimumWidth(36 * GRID)
        choose = QPushButton("Choose…")
        choose.setToolTip("Look for a folder")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose)
        field.row.addWidget(choose)

    def _choose(self) -> None:
        path = QFileDialog.getExistingDirectory(
            self, "Keep new runs in this folder", str(self.preferences.place)
        )
        if path:
            self.form.fields["runs"].put(path)
            self._edit({"runs": path})

    def _edit(self, values: dict[str, Any]) -> None:
        wanted = edited(self.preferences, values)
        refused = not can_be_written(wanted.wanted_place)
        self.trouble.setText(f"Cannot write in {wanted.wanted_place}." if refused else "")
        self.trouble.setVisible(refused)
        if not refused:
            self.preferences = wanted
            self.changed.emit(values)
