"""What is taken out of the window: by a dialog, by one key as the last time, or to the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from PyQt6.QtCore import QObject, QUrl
from PyQt6.QtGui import QDesktopServices, QImage
from PyQt6.QtWidgets import QApplication, QWidget

from ...canvas.still import Still
from ...snapshot import Bytes
from ..widgets.theme import Palette
from ..work.making import Making, whole_or_nothing
from .export_dialog import ExportDialog
from .export_settings import last_folder, last_options, last_suffix, last_way, numbered
from .view import Host
from .ways import Way, bands


class Says(Protocol):
    """Shows a notice, with a button a choice: what it says, and what it does."""

    def __call__(self, text: str, *choices: tuple[str, Callable[[], object]]) -> None: ...


class Exports(QObject):
    """One export by a key at a time; dialogs have their own."""

    def __init__(self, window: QWidget, host: Host, say: Says, palette: Callable[[], Palette]):
        super().__init__(window)
        self._window, self._host, self._say, self._palette = window, host, say, palette
        self._making: Making | None = None

    def ask(self, title: str, name: str, ways: list[Way]) -> None:
        """What, how large and where, in a dialog."""
        settings, palette = self._host.settings, self._palette()
        dialog = ExportDialog(self._window, settings, palette, title, name, ways)
        dialog.message.connect(lambda text: self._say(text))
        dialog.made.connect(self._tell)
        self._host.show_dialog(dialog)

    def again(self, name: str, ways: list[Way]) -> None:
        """At once: where the last one went, as it was asked for, under a name of its own."""
        settings, way = self._host.settings, last_way(self._host.settings, ways)
        path = numbered(last_folder(settings), name, last_suffix(settings, way))
        work = way.work(last_options(settings, way))
        if self._make(lambda making: whole_or_nothing(path, lambda: work(path, making)), self._tell):
            self._say(f"Exporting {path} …")

    def copy(self, still: Still) -> None:
        """What is seen, to the clipboard."""
        self._make(lambda making: np.concatenate(list(bands(still, making))), self._to_clipboard)

    def _make(self, work: Callable[[Making], object], then: Callable[[object], None]) -> bool:
        """Whether it has begun."""
        if self._making is not None:
            self._say("Another export is still being made.")
            return False
        making = self._making = Making(work, self)
        for ended in (making.done, making.failed):
            ended.connect(self._forget)
        making.done.connect(then)
        making.failed.connect(lambda message: self._say(message))
        return True

    def _forget(self) -> None:
        making, self._making = self._making, None
        if making is not None:
            making.deleteLater()

    def _tell(self, path: object) -> None:
        """Where it is."""
        if isinstance(path, Path):
            self._say(f"Exported: {path}", ("Open the folder", lambda: open_folder(path.parent)))

    def _to_clipboard(self, pixels: object) -> None:
        clipboard = QApplication.clipboard()
        if isinstance(pixels, np.ndarray) and clipboard is not None:
            clipboard.setImage(image_of(pixels))
            self._say(f"Copied as you see it, {pixels.shape[1]:,} × {pixels.shape[0]:,} pixels.")

    def close(self) -> bool:
        """The end. Whether nothing is at work any more."""
        making, self._making = self._making, None
        return making is None or making.cancel()


def image_of(pixels: Bytes) -> QImage:
    """Bytes (H, W, 3) as Qt's picture, which owns them."""
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def open_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
