"""A dialog that makes a file: it asks what is wanted, then for a place, then shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSettings, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QShowEvent
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
from ...time_left import TimeLeft, left_in_words
from ..widgets.fields import TextField
from ..widgets.forms import Form
from ..widgets.segments import Segments
from ..widgets.theme import GRID, Palette
from ..work.making import Making, whole_or_nothing
from .export_settings import FOLDER, keep_export, last_folder, last_options, last_suffix, last_way
from .ways import Way

FORMATS = {  # suffix → what it is called, and when to choose it
    ".png": ("PNG", "Every pixel as it is, at any size"),
    ".jpg": ("JPEG", "Small, for photographs; up to 64 megapixels"),
    ".webp": ("WebP", "Smaller still, up to 16,383 pixels along a side"),
    ".tif": ("TIFF", "Every pixel as it is; a movie has a page for each frame"),
    ".mp4": ("MP4", "Plays everywhere"),
    ".gif": ("GIF", "Plays wherever pictures can be shown; best small and short"),
}


def ask_place(parent: QWidget | None, settings: QSettings, title: str, name: str, files: str) -> Path | None:
    """Where a file of this name shall be written, offered where the last one went; None: nowhere."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(last_folder(settings) / name), files)
    if not chosen:
        return None
    path = Path(chosen)
    settings.setValue(FOLDER, str(path.parent))
    return path if path.suffix else path.with_name(path.name + Path(name).suffix)


class Page(QWidget):
    """One way to export, and what may be asked of it."""

    def __init__(self, way: Way, options: Any, suffix: str, palette: Palette):
        super().__init__()
        self.way, self._options = way, options
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * GRID)
        words = QLabel(way.words)
        words.setWordWrap(True)
        words.setProperty("soft", True)
        column.addWidget(words)
        self.form = Form(options, way.leave_out)
        self.form.set_palette(palette)
        column.addWidget(self.form)
        self.size_words = QLabel()
        self.size_words.setProperty("soft", True)
        self.size_words.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.size_words.setVisible(way.size is not None)
        next(iter(self.form.fields.values())).column.addWidget(self.size_words)
        row = QHBoxLayout()
        row.addWidget(QLabel("Format"))
        row.addStretch()
        self.formats = Segments()
        self.formats.begin(
            [FORMATS[s][0] for s in way.suffixes], [FORMATS[s][1] for s in way.suffixes], way.suffixes.index(suffix)
        )  # fmt: skip
        row.addWidget(self.formats)
        column.addLayout(row)

    @property
    def suffix(self) -> str:
        return self.way.suffixes[next(n for n, b in enumerate(self.formats.buttons()) if b.isChecked())]

    def options(self) -> Any:
        """What is asked for as the form stands now; None if that makes no sense yet."""
        values = {}
        for name, field in self.form.fields.items():
            with suppress(ControlError):
                values[name] = field.typed()
        return edited(self._options, values) if len(values) == len(self.form.fields) else None

    def show_size(self) -> None:
        options = self.options()
        if self.way.size is not None:
            self.size_words.setText("{:,} × {:,}".format(*self.way.size(options)) if options else "–")

    def focus(self) -> None:
        """The size is what most people come for."""
        field = next(iter(self.form.fields.values()))
        if isinstance(field, TextField):
            field.edit.setFocus()
            field.edit.selectAll()


class ExportDialog(QDialog):
    """`ways` are what can be exported, one of them at a time."""

    message = pyqtSignal(str)  # how it went
    made = pyqtSignal(object)  # the path of what was made

    def __init__(
        self, parent: QWidget | None, settings: QSettings, palette: Palette, title: str, name: str,
        ways: Sequence[Way],
    ):  # fmt: skip
        super().__init__(parent)
        self._settings, self._name, self._ways = settings, name, ways
        self.making: Making | None = None
        self._left, self._path, self._old = TimeLeft(), Path(), False
        self.setWindowTitle(title)
        self.setMinimumWidth(48 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        self.choice = Segments()
        shown = last_way(settings, ways)
        self.choice.begin([w.title for w in ways], [w.words for w in ways], ways.index(shown))
        self.choice.chosen.connect(self._show_page)
        column.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignLeft)
        self.pages = [self._page(way, palette) for way in ways]
        for page in self.pages:
            column.addWidget(page)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.how_far = QLabel()
        self.how_far.setProperty("soft", True)
        column.addWidget(self.bar)
        column.addWidget(self.how_far)
        column.addLayout(self._buttons())
        self._timer = QTimer(self)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._show_progress)
        self.finished.connect(lambda _: self.stop())
        self.bar.hide()
        self.how_far.hide()
        self._show_page(ways.index(shown))

    def _page(self, way: Way, palette: Palette) -> Page:
        options = last_options(self._settings, way, way.taken_over)
        page = Page(way, options, last_suffix(self._settings, way), palette)
        for field in page.form.fields.values():
            field.typing.connect(self.check)
            field.changed.connect(lambda *_: self.check())
        if page.form.more is not None:  # the dialog is as high as what is open
            page.form.more.button.toggled.connect(lambda _: QTimer.singleShot(0, self.fit))
        return page

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch()
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Close without exporting, or stop the export")
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.reject)
        self.go = QPushButton("Export…")
        self.go.setToolTip("Choose where to save it, then write the file")
        self.go.setDefault(True)
        self.go.clicked.connect(self._choose)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        return row

    def set_palette(self, palette: Palette) -> None:
        for page in self.pages:
            page.form.set_palette(palette)

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self.page.focus()

    @property
    def page(self) -> Page:
        """The one that is shown."""
        return next(page for page in self.pages if not page.isHidden())

    @property
    def form(self) -> Form:
        return self.page.form

    def options(self) -> Any:
        return self.page.options()

    def choose(self, name: str) -> None:
        """Another way."""
        self.choice.check(number := [way.name for way in self._ways].index(name))
        self._show_page(number)

    def _show_page(self, number: int) -> None:
        for n, page in enumerate(self.pages):
            page.setVisible(n == number)
        self.check()
        self.page.focus()
        QTimer.singleShot(0, self.fit)

    def fit(self) -> None:
        """As high as what is open needs: Qt's own way ends at two thirds of the screen, and squeezes the rest."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def check(self) -> None:
        self.page.show_size()
        self.go.setEnabled(self.options() is not None and self.making is None)

    def _choose(self) -> None:
        suffix = self.page.suffix
        name = f"{self._name}{suffix}"
        path = ask_place(self, self._settings, self.windowTitle(), name, f"{FORMATS[suffix][0]} (*{suffix})")
        if path is not None:
            self.write(path)

    def write(self, path: Path) -> None:
        """Make that file, in the background."""
        options, way = self.options(), self.page.way
        if options is None or self.making is not None:
            return
        keep_export(self._settings, way, options, path)
        work = way.work(options)
        self._path, self._old = path, path.exists()
        for part in (self.go, self.choice, self.page):
            part.setEnabled(False)
        self.bar.show()
        self.how_far.show()
        QTimer.singleShot(0, self.fit)
        self._timer.start()
        self.making = Making(lambda making: whole_or_nothing(path, lambda: work(path, making)), self)
        self.making.done.connect(self._done)
        self.making.failed.connect(self._failed)
        self._show_progress()

    def _show_progress(self) -> None:
        if self.making is not None:
            share = self.making.share
            left = left_in_words(self._left.follow(time.monotonic(), share))
            self.bar.setValue(round(1000 * share))
            self.how_far.setText(f"{share:.0%}" + (f", {left}" if left else ""))

    def _done(self, path: object) -> None:
        self.making = None
        self.made.emit(path)
        self.accept()

    def _failed(self, message: str) -> None:
        self.making = None
        self.message.emit(message)
        self.reject()

    def stop(self) -> None:
        """However the dialog ends: nothing goes on behind it."""
        self._timer.stop()
        making, self.making = self.making, None
        if making is not None:
            making.cancel()
            left = f"{self._path} is as it was" if self._old else "nothing was written"
            self.message.emit(f"The export was cancelled; {left}.")
