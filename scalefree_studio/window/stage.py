"""The middle of the window: the canvas, and what is said over it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import vispy
from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QLabel, QVBoxLayout, QWidget

vispy.use("pyqt6")

from ..api import choose_device  # noqa: E402
from ..canvas.brush import Brush, Mask  # noqa: E402
from ..canvas.dividers import DividerCanvas  # noqa: E402
from ..canvas.listener import Listener  # noqa: E402
from ..jobs.divider_edits import MoveUnit, SetMask  # noqa: E402
from ..jobs.job import Edit  # noqa: E402
from ..snapshot import Array, Snapshot  # noqa: E402
from . import render  # noqa: E402
from .pace import Pace  # noqa: E402
from .theme import GRID, Palette, tabular  # noqa: E402
from .toast import Toast  # noqa: E402
from .units import Unit, unit_of  # noqa: E402


class Stage(QWidget):
    """Shows snapshots, and tells what the hand does as edits of the job."""

    edited = pyqtSignal(object)
    tick = pyqtSignal()  # the canvas is about to be drawn: the moment to give it what is new
    selected = pyqtSignal()
    brush_changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.canvas = DividerCanvas(parent=self)
        self.canvas.listener = _Hands(self)
        self._update = self.canvas.update
        self.pace = Pace(self._draw, self)
        self.canvas.update = self.pace.ask  # whatever wants to be drawn waits for the next moment to draw
        self.pictures = render.attach(self.canvas, choose_device())
        self.snapshot: Snapshot | None = None  # what is shown
        self.sharpness = 1000.0
        self.brush = Brush()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.canvas.native)
        self.empty = Toast(self, "empty")
        self.toast = Toast(self)
        self.past = Toast(self, "past")
        self.reading = QLabel(self)  # what the pointer is over
        self.reading.setObjectName("reading")
        self.reading.setFont(tabular(self.reading.font()))
        self.reading.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.reading.hide()
        self.installEventFilter(self)

    def _draw(self) -> None:
        self.tick.emit()
        self._update()

    @property
    def frame(self) -> Mapping[str, Array] | None:
        return self.snapshot.frame if self.snapshot else None

    def begin(self, target: Array) -> None:
        """Another picture."""
        self.snapshot = None
        self.canvas.set_target(np.asarray(target, np.uint8))
        self.canvas.show_frame(None)
        self.canvas.editable = True
        self.selected.emit()

    def show_mask(self, mask: Array | None) -> None:
        """What is painted, as the job has it."""
        self.canvas.mask = None if mask is None else np.asarray(mask, np.float32)

    def show_snapshot(self, snapshot: Snapshot, sharpness: float) -> None:
        self.snapshot, self.sharpness = snapshot, sharpness
        self.canvas.show_frame(snapshot.frame, sharpness)
        if self.canvas.hovered is not None:
            self.read(self.canvas.hovered)

    def set_palette(self, palette: Palette) -> None:
        self.canvas.look = palette.look
        self.reading.setStyleSheet(
            f"background: {palette.raised}; color: {palette.text}; border: 1px solid {palette.edge};"
            "border-radius: 4px; padding: 3px 8px;"
        )

    def set_brush(self, on: bool) -> None:
        self.canvas.brush = self.brush if on else None

    def size_brush(self, factor: float) -> None:
        self.brush = Brush(min(256.0, max(4.0, self.brush.radius * factor)), self.brush.peak)
        if self.canvas.brush is not None:
            self.canvas.brush = self.brush

    def read(self, id: int | None) -> None:
        """Tell in words what the pointer is over."""
        unit = None if id is None or self.frame is None else unit_of(self.frame, id)
        if unit is None or not unit.told:
            self.reading.hide()
            return
        self.reading.setText(_in_words(unit))
        self.reading.adjustSize()
        self.reading.move(2 * GRID, self.height() - self.reading.height() - 2 * GRID)
        self.reading.show()
        self.reading.raise_()

    def showEvent(self, event: QShowEvent | None) -> None:
        """On a screen, whose pixels are known now."""
        super().showEvent(event)
        self.canvas.set_captions({
            name: render.caption(name.capitalize(), self.font(), ratio=self.canvas.ratio)
            for name in ("target", "learned")
        })  # fmt: skip

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize and self.reading.isVisible():
            self.reading.move(2 * GRID, self.height() - self.reading.height() - 2 * GRID)
        return False

    def close_canvas(self) -> None:
        """The end: no thread may draw for a canvas that has gone."""
        for toast in (self.toast, self.past, self.empty):
            toast.hide()
        self.pace.stop()
        self.pictures.stop()


def _in_words(unit: Unit) -> str:
    told = "   ".join(f"{t.label.lower()} {t.value:.{1 if t.unit else 3}f}{t.unit}" for t in unit.told)
    return f"{unit.title}   {told}".replace("centre, across", "x").replace("centre, down", "y")


class _Hands(Listener):
    """What the canvas tells, made into edits."""

    def __init__(self, stage: Stage):
        self._stage = stage

    def hover(self, unit: int | None) -> None:
        self._stage.read(unit)

    def select(self, unit: int | None) -> None:
        self._stage.selected.emit()

    def drag(self, unit: int, params: Mapping[str, Array], gesture: int) -> None:
        self._tell(MoveUnit(unit, dict(params), gesture))

    def mask_changed(self, mask: Mask, done: bool) -> None:
        self._tell(SetMask(mask))

    def brush_changed(self, brush: Brush) -> None:
        self._stage.brush = brush
        self._stage.brush_changed.emit()

    def _tell(self, edit: Edit) -> None:
        self._stage.edited.emit(edit)
