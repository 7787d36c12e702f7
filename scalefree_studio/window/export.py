"""Export from the window: the picture that is on the stage, at any size, drawn in the background."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from ..errors import UserError
from ..export.picture import LONGEST, write_picture
from ..models.dividers import params_from_arrays
from ..snapshot import Snapshot
from .background import Background
from .fields import ValueEdit, shown
from .theme import GRID
from .toggle import Toggle

if TYPE_CHECKING:
    from .main_window import MainWindow

WIDTH = 4096
FILES = "Pictures (*.png *.jpg *.webp *.tif *.bmp)"
CANCELLED = "The export was cancelled; nothing was written."


class Export(QDialog):
    """Asks for a size and what is drawn; then for a place; then shows how far it is."""

    def __init__(
        self,
        window: MainWindow,
        snapshot: Snapshot,
        picture: tuple[int, int],
        name: str,
        sharpness: float,
        border: float,
    ):
        super().__init__(window)
        self._window, self._snapshot, self._picture = window, snapshot, picture
        self._name, self._sharpness, self._border = name, sharpness, border
        self._background: Background | None = None
        self._cancelled = threading.Event()
        self._rows = 0
        self.setWindowTitle("Export picture")
        self.setMinimumWidth(46 * GRID)
        self._build()
        self._look = QTimer(self)
        self._look.setInterval(100)
        self._look.timeout.connect(lambda: self.bar.setValue(self._rows))
        self.finished.connect(lambda _: self.stop())

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        words = QLabel(
            f"Step {self._snapshot.step:,}, as it is on screen. It has no resolution: any size is sharp."
        )
        words.setWordWrap(True)
        column.addWidget(words)
        form = QFormLayout()
        form.setSpacing(GRID)
        self.width_edit, self.border_edit = ValueEdit(), ValueEdit()
        self.width_edit.say(str(WIDTH))
        self.border_edit.say(shown(self._border))
        self.width_edit.textEdited.connect(lambda _: self._say_size())
        self.border_edit.setToolTip("3 shows three times the picture's extent: what lies around it")
        self.lines = Toggle()
        self.lines.set_palette(self._window.palette_)
        self.size_words = QLabel()
        self.size_words.setProperty("soft", True)
        form.addRow("Width in pixels", self.width_edit)
        form.addRow("", self.size_words)
        form.addRow("Border", self.border_edit)
        form.addRow("With lines and circles", self.lines)
        column.addLayout(form)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.hide()
        column.addWidget(self.bar)
        row = QHBoxLayout()
        row.addStretch()
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.go = QPushButton("Export…")
        self.go.setDefault(True)
        self.go.clicked.connect(self._choose)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        column.addLayout(row)
        self._say_size()

    def size_wanted(self) -> tuple[int, int] | None:
        """(width, height) in the picture's proportion, or None if what was typed is no size."""
        try:
            width = int(self.width_edit.text())
        except ValueError:
            return None
        height = max(1, round(width * self._picture[0] / self._picture[1]))
        return (width, height) if 1 <= width <= LONGEST and height <= LONGEST else None

    def _say_size(self) -> None:
        size = self.size_wanted()
        self.go.setEnabled(size is not None)
        self.width_edit.mark(wrong="" if size else f"A whole number up to {LONGEST:,} is wanted here.")
        self.size_words.setText(f"{size[0]:,} × {size[1]:,}" if size else f"a whole number up to {LONGEST:,}")

    def _choose(self) -> None:
        start = str(
            Path(str(self._window.settings.value("exported", str(Path.home())))) / f"{self._name}.png"
        )
        path, _ = QFileDialog.getSaveFileName(self, "Export picture", start, FILES)
        if path:
            self._window.settings.setValue("exported", str(Path(path).parent))
            self.write(Path(path if Path(path).suffix else f"{path}.png"))

    def write(self, path: Path) -> None:
        """Draw into that file, in the background."""
        size = self.size_wanted()
        if size is None or self._background is not None:
            return
        try:
            border = max(0.01, float(self.border_edit.text().replace(",", ".")))
        except ValueError:
            border = 1.0
        overlay = self.lines.isChecked()
        self.go.setEnabled(False)
        self.bar.setRange(0, size[1])
        self.bar.show()
        self._look.start()
        self._background = Background("export", self)

        def progress(rows: int) -> None:
            self._rows += rows
            if self._cancelled.is_set():
                raise UserError(CANCELLED)

        def work() -> Path:
            params = params_from_arrays(self._snapshot.frame)
            write_picture(
                params,
                path,
                size,
                self._picture,
                self._sharpness,
                border=border,
                overlay=overlay,
                progress=progress,
            )
            return path

        self._background.submit(work, self._done, self._failed)

    def _done(self, path: Path) -> None:
        self._window.say(f"Exported: {path}")
        self.accept()

    def _failed(self, message: str) -> None:
        self._window.say(message)
        self.reject()

    def stop(self) -> None:
        """However the dialog ends: nothing goes on behind it."""
        self._look.stop()
        self._cancelled.set()
        if self._background is not None:
            self._background.close()
