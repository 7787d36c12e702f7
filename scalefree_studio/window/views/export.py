"""Export from the window: the picture that is on the stage, or the movie of what was recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import QLabel, QWidget

from ...controls import values_of
from ...export.dividers.picture import write_picture
from ...export.movie import movie_of_run
from ...export.options import SCENE_OPTIONS, MovieOptions, PictureOptions, TableOptions
from ...export.scene import options_of
from ...export.size import size_for, sized
from ...export.walls.table import Table, write_table
from ...models.dividers.network import params_from_arrays
from ...snapshot import Snapshot
from ...storage.run_folder import RunFolder
from ..widgets.theme import Palette
from .export_dialog import ExportDialog, Progress, Work

PICTURE = PictureOptions(size=4096)
MOVIE = MovieOptions(seconds=10.0, pause=1.5)


class Export(ExportDialog):
    """A divider network's picture at any size."""

    files = "Pictures (*.png *.jpg *.webp *.tif *.bmp)"
    suffix = ".png"

    def __init__(
        self, parent: QWidget | None, settings: QSettings, palette: Palette, snapshot: Snapshot,
        picture: tuple[int, int], name: str, sharpness: float, border: float,
    ):  # fmt: skip
        words = f"Step {snapshot.step:,}, as it is on screen. It has no resolution: any size is sharp."
        options = replace(PICTURE, border=border)
        super().__init__(parent, settings, palette, "Export picture", name, words, options)
        self._snapshot, self._picture, self._sharpness = snapshot, picture, sharpness
        self.size_words = QLabel()
        self.size_words.setProperty("soft", True)
        self.size_words.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.form.fields["size"].column.addWidget(self.size_words)
        self.check()

    def size_of(self, options: PictureOptions) -> tuple[int, int]:
        """(width, height)."""
        height, width = self._picture
        return sized(options.size or (width, height), lambda side: size_for(self._picture, side))

    def check(self) -> None:
        super().check()
        options = self.options()
        self.size_words.setText("{:,} × {:,}".format(*self.size_of(options)) if options else "–")

    def work(self, options: PictureOptions) -> Work:
        size = self.size_of(options)
        self.total = size[1]

        def draw(path: Path, progress: Progress) -> None:
            params = params_from_arrays(self._snapshot.frame)
            write_picture(
                params, path, size, self._picture, options.sharpness or self._sharpness,
                border=options.border, samples=options.samples, overlay=options.overlay, crisp=options.crisp,
                progress=progress,
            )  # fmt: skip

        return draw


class MovieExport(ExportDialog):
    """What was recorded so far, as a movie."""

    files = "Movies (*.mp4 *.gif *.tif)"
    suffix = ".mp4"

    def __init__(
        self, parent: QWidget | None, settings: QSettings, palette: Palette, folder: RunFolder, name: str, kind: str
    ):  # fmt: skip
        words = "What was recorded, from its beginning until now. A recording is data: the movie may have any size."
        meaningless = SCENE_OPTIONS - options_of(kind)
        super().__init__(parent, settings, palette, "Export movie", name, words, MOVIE, meaningless)
        self._folder = folder

    def work(self, options: MovieOptions) -> Work:
        def film(path: Path, progress: Progress) -> None:
            def begun(frames: int) -> Progress:
                self.total = frames
                return progress

            movie_of_run(self._folder, path, progress=begun, **values_of(options))

        return film


class TableExport(ExportDialog):
    """A table of pictures at any scale."""

    files = "Pictures (*.png *.jpg *.webp *.tif *.bmp)"
    suffix = ".png"

    def __init__(
        self, parent: QWidget | None, settings: QSettings, palette: Palette, table: Table, name: str
    ):
        words = "The table as it is on screen. Its pixels stay pixels at any scale."
        options = TableOptions(scale=table.usual_scale)
        super().__init__(parent, settings, palette, "Export the table", name, words, options)
        self._table = table
        self.size_words = QLabel()
        self.size_words.setProperty("soft", True)
        self.size_words.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.form.fields["scale"].column.addWidget(self.size_words)
        self.check()

    def check(self) -> None:
        super().check()
        options = self.options()
        size = self._table.size(options.scale or self._table.usual_scale) if options else None
        self.size_words.setText("{:,} × {:,}".format(*size) if size else "–")

    def work(self, options: TableOptions) -> Work:
        scale = options.scale or self._table.usual_scale
        self.total = self._table.size(scale)[1]
        return lambda path, progress: write_table(self._table, path, scale, progress)
