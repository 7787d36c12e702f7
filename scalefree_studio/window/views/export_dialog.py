"""A dialog that makes a file: it asks what is wanted, then for a place, then shows how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSettings, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ...controls import ControlError, edited
from ...errors import UserError
from ..widgets.forms import Form
from ..widgets.theme import GRID, Palette
from ..work.background import Background

Progress = Callable[[int], None]
Work = Callable[[Path, Progress], None]  # in the background; stopped by an exception out of its progress


def ask_place(parent: QWidget | None, settings: QSettings, title: str, name: str, files: str) -> Path | None:
    """Where a file of this name shall be written, offered where the last one went; None: nowhere."""
    folder = Path(str(settings.value("exported", str(Path.home()))))
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(folder / name), files)
    if not chosen:
        return None
    path = Path(chosen)
    settings.setValue("exported", str(path.parent))
    return path if path.suffix else path.with_name(path.name + Path(name).suffix)


class ExportDialog(QDialog):
    """A form of what may be asked for. `work` says what is done with it; `total` is how much of it there is to do."""

    message = pyqtSignal(str)  # how it went

    files = ""  # what a file dialog offers
    suffix = ""

    def __init__(
        self, parent: QWidget | None, settings: QSettings, palette: Palette, title: str, name: str, words: str,
        options: Any, leave_out: Collection[str] = (),
    ):  # fmt: skip
        super().__init__(parent)
        self._settings, self._name, self._options = settings, name, options
        self._background: Background | None = None
        self._cancelled = threading.Event()
        self._cut: tuple[Path, bool] | None = None  # what was cut short; whether there was one before
        self._done_so_far = self.total = 0
        self.setWindowTitle(title)
        self.setMinimumWidth(46 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        label = QLabel(words)
        label.setWordWrap(True)
        column.addWidget(label)
        self.form = Form(options, leave_out)
        self.form.set_palette(palette)
        for field in self.form.fields.values():
            field.typing.connect(self.check)
        column.addWidget(self.form)
        if self.form.more is not None:  # the dialog is as high as what is open
            self.form.more.button.toggled.connect(lambda _: QTimer.singleShot(0, self.adjustSize))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.hide()
        column.addWidget(self.bar)
        row = QHBoxLayout()
        row.addStretch()
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Export nothing, or stop what is being exported")
        self.cancel.clicked.connect(self.reject)
        self.go = QPushButton("Export…")
        self.go.setToolTip("Ask for a place, then make the file")
        self.go.setDefault(True)
        self.go.clicked.connect(self._choose)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        column.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._show_progress)
        self.finished.connect(lambda _: self.stop())

    def work(self, options: Any) -> Work:
        """What is to be done, with all that was asked for."""
        raise NotImplementedError

    def options(self) -> Any:
        """What is asked for as the form stands now; None if that makes no sense yet."""
        values = {}
        for name, field in self.form.fields.items():
            with suppress(ControlError):
                values[name] = field.typed()
        return edited(self._options, values) if len(values) == len(self.form.fields) else None

    def check(self) -> None:
        self.go.setEnabled(self.options() is not None and self._background is None)

    def _choose(self) -> None:
        name = f"{self._name}{self.suffix}"
        path = ask_place(self, self._settings, self.windowTitle(), name, self.files)
        if path is not None:
            self.write(path)

    def write(self, path: Path) -> None:
        """Make that file, in the background."""
        options = self.options()
        if options is None or self._background is not None:
            return
        work = self.work(options)
        self.go.setEnabled(False)
        self.bar.setRange(0, self.total)
        self.bar.show()
        self._timer.start()
        self._background = Background("export", self)

        old = path.exists()

        def progress(done: int) -> None:
            self._done_so_far += done
            if self._cancelled.is_set():
                self._cut = path, old
                raise UserError("The export was cancelled.")

        self._background.submit(lambda: work(path, progress), lambda _: self._done(path), self._failed)

    def _show_progress(self) -> None:
        self.bar.setMaximum(self.total)
        self.bar.setValue(self._done_so_far)

    def _done(self, path: Path) -> None:
        self.message.emit(f"Exported: {path}")
        self.accept()

    def _failed(self, message: str) -> None:
        self.message.emit(message)
        self.reject()

    def stop(self) -> None:
        """However the dialog ends: nothing goes on behind it."""
        self._timer.stop()
        self._cancelled.set()
        if self._background is not None:
            self._background.close()
        if self._cut is not None:
            path, old = self._cut
            left = f"{path} is as it was" if old else f"its beginning is in {path}"
            self.message.emit(
                f"The export was cancelled; {left if path.exists() else 'nothing was written'}."
            )
