"""Export from the window: the picture that is on the stage, or the movie of what was recorded."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QSettings
from PyQt6.QtWidgets import QLabel, QWidget

from ...export.dividers.picture import LONGEST, write_picture
from ...export.movie import movie_of_run
from ...models.dividers.network import params_from_arrays
from ...snapshot import Snapshot
from ...storage.run_folder import RunFolder
from ..widgets.fields import shown
from ..widgets.theme import Palette
from ..widgets.toggle import Toggle
from ..widgets.value_edit import ValueEdit
from .export_dialog import ExportDialog, Progress, Work

WIDTH = 4096
LONGEST_MOVIE = 8192  # pixels along a side
SECONDS, PAUSE = 10.0, 1.5


class Export(ExportDialog):
    """A divider network's picture at any size."""

    files = "Pictures (*.png *.jpg *.webp *.tif *.bmp)"
    suffix = ".png"

    def __init__(
        self,
        parent: QWidget | None,
        settings: QSettings,
        palette: Palette,
        snapshot: Snapshot,
        picture: tuple[int, int],
        name: str,
        sharpness: float,
        border: float,
    ):
        words = f"Step {snapshot.step:,}, as it is on screen. It has no resolution: any size is sharp."
        super().__init__(parent, settings, "Export picture", name, words)
        self._snapshot, self._picture, self._sharpness = snapshot, picture, sharpness
        self.width_edit, self.border_edit = ValueEdit(), ValueEdit()
        self.width_edit.say(str(WIDTH))
        self.border_edit.say(shown(border))
        self.width_edit.textEdited.connect(lambda _: self._say_size())
        self.border_edit.setToolTip("3 shows three times the picture's extent: what lies around it")
        self.lines = Toggle()
        self.lines.set_palette(palette)
        self.size_words = QLabel()
        self.size_words.setProperty("soft", True)
        self.form.addRow("Width in pixels", self.width_edit)
        self.form.addRow("", self.size_words)
        self.form.addRow("Border", self.border_edit)
        self.form.addRow("With lines and circles", self.lines)
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

    def work(self) -> Work | None:
        size = self.size_wanted()
        if size is None:
            return None
        try:
            border = max(0.01, float(self.border_edit.text().replace(",", ".")))
        except ValueError:
            border = 1.0
        overlay, self.total = self.lines.isChecked(), size[1]

        def draw(path: Path, progress: Progress) -> None:
            params = params_from_arrays(self._snapshot.frame)
            write_picture(
                params, path, size, self._picture, self._sharpness,
                border=border, overlay=overlay, progress=progress,
            )  # fmt: skip

        return draw


class MovieExport(ExportDialog):
    """What was recorded so far, as a movie."""

    files = "Movies (*.mp4)"
    suffix = ".mp4"

    def __init__(self, parent: QWidget | None, settings: QSettings, folder: RunFolder, name: str):
        words = "What was recorded, from its beginning until now. A recording is data: the movie may have any size."
        super().__init__(parent, settings, "Export movie", name, words)
        self._folder = folder
        self.side, self.lasts = ValueEdit(), ValueEdit()
        self.side.say("1080")
        self.lasts.say(shown(SECONDS))
        for edit in (self.side, self.lasts):
            edit.textEdited.connect(lambda _: self._check())
        self.form.addRow("Longer side in pixels", self.side)
        self.form.addRow("Seconds", self.lasts)

    def wanted(self) -> tuple[int, float] | None:
        """The longer side and the seconds, or None if what was typed is neither."""
        try:
            side, seconds = int(self.side.text()), float(self.lasts.text().replace(",", "."))
        except ValueError:
            return None
        return (side, seconds) if 16 <= side <= LONGEST_MOVIE and 0 < seconds <= 3600 else None

    def _check(self) -> None:
        wrong = "" if self.wanted() else f"16 to {LONGEST_MOVIE:,} pixels, and up to 3,600 seconds."
        self.go.setEnabled(not wrong)
        for edit in (self.side, self.lasts):
            edit.mark(wrong=wrong)

    def work(self) -> Work | None:
        wanted = self.wanted()
        if wanted is None:
            return None

        def film(path: Path, progress: Progress) -> None:
            def begun(frames: int) -> Progress:
                self.total = frames
                return progress

            movie_of_run(self._folder, path, size=wanted[0], seconds=wanted[1], pause=PAUSE, progress=begun)

        return film
