"""A picture of one's own in every kind of colour tokens, side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PyQt6.QtCore import QMimeData, QRect, QSettings, QSize, Qt
from PyQt6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QPainter,
    QPaintEvent,
)
from PyQt6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ...controls import controls_of
from ...data.pictures import Picture, load_picture
from ...data.quantised import KINDS, Quantised, Quantiser
from ...errors import UserError
from ...export.options import TokenOptions
from ...export.picture import write_bands
from ...export.sheet import Cell, sheet
from ...snapshot import Bytes
from ..views.export_dialog import ask_place
from ..widgets.fields import TextField
from ..widgets.theme import GRID, tabular
from ..work.background import Background
from ..work.clipboard import subject_of
from ..work.subjects import Subject

FIRST = "photo:astronaut"  # where nothing else is at hand
COLUMNS = 4
ORIGINAL = "The picture"
FILES = "Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.ppm);;All files (*)"
HINT = (
    "dB: PSNR against the picture at this size. Bits: if every colour were equally likely. The palettes "
    "are learned from "
    "the picture itself."
)
SHEETS = "Pictures (*.png *.jpg *.webp *.tif)"


class TokenDialog(QDialog):
    """Kinds of tokens arrive as they are ready. Another picture can be opened, dropped or pasted."""

    def __init__(self, subject: Subject, settings: QSettings, parent: QWidget | None = None):
        super().__init__(parent)
        self._settings = settings
        self._background = Background("tokens", self)
        self._quantiser: Quantiser | None = None
        self._found: dict[str, Quantised] = {}
        self._turn = 0  # of the picture and size that are shown; what was begun for others comes too late
        self._subject_name = ""
        self.setWindowTitle("Colours as tokens")
        self.setAcceptDrops(True)
        self.resize(112 * GRID, 82 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        column.addLayout(self._top())
        grid = QGridLayout()
        grid.setSpacing(2 * GRID)
        self.cells = {name: TokenCell(name) for name in (ORIGINAL, *KINDS)}
        for n, cell in enumerate(self.cells.values()):
            grid.addWidget(cell, n // COLUMNS, n % COLUMNS)
        column.addLayout(grid, 1)
        self.note = QLabel()
        self.note.setProperty("soft", True)
        self.note.setWordWrap(True)
        column.addWidget(self.note)
        self.finished.connect(lambda _: self._background.close(timeout=0))  # what it does is done in vain
        self.open_picture(subject)

    def _top(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        self.title = QLabel()
        row.addWidget(self.title, 1)
        size = next(c for c in controls_of(TokenOptions) if c.name == "size")
        self.size_field = TextField(size, TokenOptions().size)
        self.size_field.edit.setFixedWidth(10 * GRID)
        self.size_field.changed.connect(lambda *_: self._begin())
        row.addWidget(self.size_field)
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip("Open your own picture; you can also drop or paste one here")
        self.open_button.clicked.connect(self._choose)
        self.save_button = QPushButton("Save…")
        self.save_button.setToolTip("Save all of them as one picture, with their names and numbers")
        self.save_button.clicked.connect(self._save)
        self.save_button.setEnabled(False)
        for button in (self.open_button, self.save_button):
            button.setAutoDefault(False)  # Enter in the size is for the size
            row.addWidget(button)
        return row

    # Pictures

    def open_picture(self, subject: Subject) -> None:
        """A picture, or the file or name of one."""

        def load() -> Picture:
            return subject if isinstance(subject, Picture) else load_picture(subject)

        self._background.submit(load, self._take, self._say)

    def _take(self, picture: Picture) -> None:
        self._quantiser, self._subject_name = Quantiser(picture.pixels), picture.name
        height, width = picture.pixels.shape[:2]
        self.title.setText(f"{picture.name}, {width:,} × {height:,} pixels")
        self._begin()

    def _choose(self) -> None:
        start = str(self._settings.value("folder", str(Path.home())))
        path, _ = QFileDialog.getOpenFileName(self, "Open a picture", start, FILES)
        if path:
            self._settings.setValue("folder", str(Path(path).parent))
            self.open_picture(path)

    def paste(self) -> None:
        clipboard = QApplication.clipboard()
        self._take_from(clipboard.mimeData() if clipboard else None)

    def _take_from(self, mime: QMimeData | None) -> None:
        try:
            subject = subject_of(mime)
        except UserError as error:
            self._say(str(error))
            return
        if subject is None:
            self._say("That is not a picture, or the path to one.")
        else:
            self.open_picture(subject)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        if event is not None:
            event.acceptProposedAction()
            self._take_from(event.mimeData())

    # Tokens

    def _begin(self) -> None:
        """This picture in this size, in every kind."""
        quantiser = self._quantiser
        if quantiser is None:
            return
        self._turn += 1
        self._found = {}
        self.save_button.setEnabled(False)
        size = TokenOptions(size=self.size_field.value).shape
        self._say("")
        self.cells[ORIGINAL].show_picture(quantiser.resized(size), (f"{size[1]} × {size[0]}", ""))
        for spec in KINDS:
            self.cells[spec].fade()
            work = partial(self._quantised, self._turn, quantiser, size, spec)
            self._background.submit(work, partial(self._show, self._turn), self._say)

    def _quantised(
        self, turn: int, quantiser: Quantiser, size: tuple[int, int], spec: str
    ) -> Quantised | None:
        return quantiser.quantised(size, spec) if turn == self._turn else None

    def _show(self, turn: int, found: Quantised | None) -> None:
        if found is None or turn != self._turn:
            return
        spec = found.tokens.spec
        self._found[spec] = found
        self.cells[spec].show_picture(found.pixels, found.facts())
        self.cells[spec].setToolTip(found.tokens.title)
        self.save_button.setEnabled(len(self._found) == len(KINDS))

    def _save(self) -> None:
        name = f"{self._subject_name}-tokens.png"
        path = ask_place(self, self._settings, "Save all as one picture", name, SHEETS)
        if path is not None:
            self.save(path)

    def save(self, path: Path) -> None:
        """All of them as one picture."""
        cells = [cell.as_cell() for cell in self.cells.values()]

        def write() -> None:
            page = sheet(cells, COLUMNS)
            write_bands(path, (page.shape[1], page.shape[0]), [page])

        self._background.submit(write, lambda _: self._say(f"Saved: {path}"), self._say)

    def _say(self, text: str) -> None:
        self.note.setText(text or HINT)


class TokenCell(QWidget):
    """A picture with its name and two facts beneath it."""

    def __init__(self, name: str):
        super().__init__()
        self._cell: Cell | None = None
        self._name = name
        self.squares = Squares()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self.squares, 1)
        column.addSpacing(GRID // 2)
        column.addWidget(QLabel(name))
        self.facts = [QLabel(), QLabel()]
        for label in self.facts:
            label.setProperty("soft", True)
            label.setFont(tabular(label.font()))
            column.addWidget(label)

    def show_picture(self, pixels: Bytes, facts: tuple[str, str]) -> None:
        self._cell = Cell(pixels, self._name, facts)
        for label, fact in zip(self.facts, facts, strict=True):
            label.setText(fact)
        self.squares.show_pixels(pixels)
        self.squares.setAccessibleName(f"{self._name}: {', '.join(filter(None, facts))}")

    def fade(self) -> None:
        """What is shown is of before."""
        self.squares.fade()

    def as_cell(self) -> Cell:
        assert self._cell is not None
        return self._cell


class Squares(QWidget):
    """A small picture as large as there is room, every pixel a square."""

    def __init__(self) -> None:
        super().__init__()
        self._pixels: bytes = b""  # a QImage does not own what it shows
        self._image = QImage()
        self._faded = False
        self.setMinimumSize(QSize(12 * GRID, 12 * GRID))

    def show_pixels(self, pixels: Bytes) -> None:
        height, width = pixels.shape[:2]
        self._pixels, self._faded = pixels.tobytes(), False
        self._image = QImage(self._pixels, width, height, 3 * width, QImage.Format.Format_RGB888)
        self.update()

    def fade(self) -> None:
        self._faded = True
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._image.isNull():
            return
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter = QPainter(self)
        painter.setOpacity(0.4 if self._faded else 1.0)
        painter.drawImage(QRect(0, self.height() - size.height(), size.width(), size.height()), self._image)
        painter.end()
