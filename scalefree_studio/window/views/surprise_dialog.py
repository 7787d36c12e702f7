"""How surprising a picture of one's own is to the network: place by place, in all, and among pictures it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QMimeData, QSettings, pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ...data.pictures import Picture, load_picture
from ...errors import UserError
from ...jobs.drawing.surprise import Floats, Surprise, standing
from ...jobs.training.picture_lesson import ONLY_EXACT
from ..widgets.dropdown import Dropdown
from ..widgets.theme import GRID, Palette
from ..work.background import Background
from ..work.clipboard import subject_of
from ..work.judge import Judge
from ..work.subjects import Subject, is_picture
from .drawing_words import value_word
from .export_dialog import ExportDialog
from .picture_pair import PicturePair, Place
from .thoughts import Thoughts
from .ways import heat

EMPTY = (
    "Drop a picture here, paste one (Ctrl+V), or choose a file:\n"
    "the network shows how much each part of it comes as a surprise."
)
BEST = "best match"  # of the classes
FILES = "Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.ppm);;All files (*)"
WIDE = 38 * GRID  # of what is said at the right


class SurpriseDialog(QDialog):
    """`complete` gives a picture that the network is to go on from; `message` says how things went."""

    complete = pyqtSignal(object)
    message = pyqtSignal(str)

    def __init__(
        self, judge: Judge, classes: Sequence[str], settings: QSettings, palette: Palette, completes: bool,
        parent: QWidget | None = None,
    ):  # fmt: skip
        super().__init__(parent)
        self._judge, self._settings, self.classes = judge, settings, list(classes)
        self.picture: Picture | None = None
        self.surprise: Surprise | None = None
        self.held: Floats | None = None  # bits of held-out pictures
        self._missing = ""  # why there are none
        self._wanted = 0  # the number of the newest question
        self._open = True
        self._background = Background("surprise", self)
        self.setWindowTitle("How surprising is it?")
        self.setAcceptDrops(True)
        self.resize(122 * GRID, 72 * GRID)
        self.pair, self.thoughts = PicturePair(), Thoughts(settings)
        self.total, self.among, self.hint, self.whose = QLabel(), QLabel(), QLabel(), QLabel()
        self.most, self.least = QPushButton(), QPushButton()
        self.label = Dropdown()
        self._lay_out(completes)
        self.pair.say(EMPTY)
        self.pair.pointed.connect(self._show_place)
        self.finished.connect(lambda _: self._stop())
        self.set_palette(palette)
        self._show()

    def _lay_out(self, completes: bool) -> None:
        columns = QHBoxLayout()
        columns.setSpacing(3 * GRID)
        columns.addWidget(self.pair, 1)
        side = QWidget()
        side.setFixedWidth(WIDE)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        for part in (self.total, self.among, self.hint):
            part.setWordWrap(True)
            column.addWidget(part)
        self.hint.setProperty("soft", True)
        row = QHBoxLayout()
        row.addWidget(self.whose, 1)
        self.whose.setText("Taken for")
        self.label.addItems([BEST, *self.classes])
        self.label.setAccessibleName("The class it is taken for")
        self.label.activated.connect(lambda _: self.measure())
        row.addWidget(self.label)
        column.addLayout(row)
        self.whose.setVisible(bool(self.classes))
        self.label.setVisible(bool(self.classes))
        for button, help in (
            (self.most, "Show the place that surprises most"),
            (self.least, "… and the least"),
        ):
            button.setToolTip(help)
            button.setAutoDefault(False)
            column.addWidget(button)
        self.most.clicked.connect(lambda: self._go_to(True))
        self.least.clicked.connect(lambda: self._go_to(False))
        column.addStretch()
        column.addWidget(self.thoughts)
        columns.addWidget(side)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 2 * GRID)
        outer.setSpacing(2 * GRID)
        outer.addLayout(columns, 1)
        outer.addLayout(self._buttons(completes))

    def _buttons(self, completes: bool) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.choose = QPushButton("Choose a picture…")
        self.choose.clicked.connect(self._choose)
        self.pasting = QPushButton("Paste")
        self.pasting.clicked.connect(self.paste)
        self.completing = QPushButton("Complete it")
        self.completing.setToolTip("Let the network continue from its top half")
        self.completing.clicked.connect(self._complete)
        self.completing.setVisible(completes)
        self.saving = QPushButton("Save…")
        self.saving.setToolTip("The picture and the heat map beside each other, as PNG")
        self.saving.clicked.connect(self._save)
        for button in (self.choose, self.pasting, self.completing, self.saving):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch()
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        row.addWidget(close)
        return row

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        for part in (self.pair, self.thoughts, self.label):
            part.set_palette(palette)

    # What is asked, in the background.

    def take(self, subject: Subject) -> None:
        """A picture, or the path of one."""
        if not is_picture(subject):
            self._refuse("That is not a picture.")
        elif isinstance(subject, Picture):
            self._begin(subject)
        else:
            path = str(subject)
            self._background.submit(lambda: load_picture(path), self._begin, self._refuse)

    def _begin(self, picture: Picture) -> None:
        self.picture = picture
        self.setWindowTitle(f"How surprising is it? — {picture.name}")
        self.measure()

    def measure(self) -> None:
        """Of the picture that is there, as of the class that is chosen."""
        if self.picture is None:
            return
        self._wanted += 1
        wish, pixels, label = self._wanted, self.picture.pixels, self.label.currentIndex() - 1
        self.among.setText("Measuring …")
        self._background.submit(
            lambda: self._judge.measure(pixels, label),
            lambda found: self._take_surprise(found, wish),
            lambda message: self._refuse(message, wish),
        )
        if self.held is None and not self._missing:
            self._background.submit(
                lambda: self._judge.held_out(lambda: self._open), self._take_held, self._without_held
            )

    def _take_surprise(self, found: Surprise, wish: int) -> None:
        if wish == self._wanted:
            self.surprise = found
            self.pair.show_surprise(found)
            self._show()
            self._go_to(True)

    def _take_held(self, bits: Floats) -> None:
        self.held = bits
        self._show()

    def _without_held(self, message: str) -> None:
        if self.held is None and self._open:
            self._missing = message
            self._show()

    def _refuse(self, message: str, wish: int | None = None) -> None:
        if wish in (None, self._wanted):
            self.among.setText(message)
            if self.surprise is None:
                self.pair.say(message)

    def _stop(self) -> None:
        """What is being measured is measured in vain."""
        self._open = False
        self._background.close(timeout=0)

    # What is shown.

    def _show(self) -> None:
        found = self.surprise
        for button in (self.most, self.least, self.completing, self.saving):
            button.setEnabled(found is not None)
        if found is None:
            self.most.setText("Most surprising: –")
            self.least.setText("Least surprising: –")
            self.thoughts.show_thought("", None, None, None)
            return
        per = "" if found.per_dimension is None else f"<br>{found.per_dimension:.3f} bits per dimension"
        self.total.setText(f"<b>{found.per_place:.2f} bits per {found.place}</b>{per}")
        may = "These can." if found.comparable else "These cannot."
        self.hint.setText("" if found.per_dimension is None else f"{ONLY_EXACT} {may}")
        where = "compared with held-out pictures in a moment …"
        if self.held is not None:
            where = f"{standing(found.total, self.held)}."
        elif self._missing:
            where = "there are no held-out pictures to compare it with."
        self.among.setText(where[:1].upper() + where[1:])
        self.among.setToolTip(self._missing)
        taken = found.label >= 0 and self.label.currentIndex() == 0
        self.whose.setText(f"Taken for “{self.classes[found.label]}”" if taken else "Taken for")
        for button, word, (y, x) in ((self.most, "Most", found.most), (self.least, "Least", found.least)):
            button.setText(f"{word} surprising: row {y + 1}, column {x + 1}, {found.bits[y, x]:.1f} bits")

    def _go_to(self, most: bool) -> None:
        if self.surprise is not None:
            self.pair.mark(self.surprise.most if most else self.surprise.least)

    def _show_place(self, place: Place | None) -> None:
        """What was expected there, and what is there."""
        if self.surprise is None or place is None:
            return
        (y, x), drawing = place, self.surprise.drawing.current
        thought = drawing.thought(0, y, x)
        title = f"Row {y + 1}, column {x + 1}: {self.surprise.bits[y, x]:.2f} bits"
        chosen = [int(value) for value in drawing.values[0, y, x]]
        chances, values = (None, None) if thought is None else (thought.chances, thought.values)
        self.thoughts.show_thought(
            title,
            chances,
            chosen,
            drawing.looks(),
            values=values,
            levels=drawing.levels,
            what=value_word(drawing),
        )

    # What the person does.

    def paste(self) -> None:
        clipboard = QApplication.clipboard()
        self._take_mime(clipboard.mimeData() if clipboard else None)

    def _take_mime(self, mime: QMimeData | None) -> None:
        try:
            subject = subject_of(mime)
        except UserError as error:
            self._refuse(str(error))
            return
        if subject is None:
            self._refuse("That is not a picture, or the path to one.")
        else:
            self.take(subject)

    def _choose(self) -> None:
        start = str(self._settings.value("folder", str(Path.home())))
        path, _ = QFileDialog.getOpenFileName(self, "Choose a picture", start, FILES)
        if path:
            self._settings.setValue("folder", str(Path(path).parent))
            self.take(path)

    def _complete(self) -> None:
        if self.picture is not None:
            self.accept()
            self.complete.emit(self.picture)

    def _save(self) -> None:
        found = self.surprise
        if self.picture is None or found is None or self._palette is None:
            return
        dialog = ExportDialog(
            self, self._settings, self._palette, "Save the picture and its heat map",
            f"{self.picture.name}-surprise", [heat(found.picture, found.bits / found.highest)],
        )  # fmt: skip
        dialog.message.connect(self.message)
        dialog.made.connect(lambda path: self.message.emit(f"Saved: {path}"))
        dialog.open()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        mime = None if event is None else event.mimeData()
        if event is not None and mime is not None and (mime.hasUrls() or mime.hasImage() or mime.hasText()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        if event is not None:
            event.acceptProposedAction()
            self._take_mime(event.mimeData())
