"""What all views with a canvas have in common: when it is drawn, how one moves over it, and the brush."""

from __future__ import annotations

from typing import Any

import vispy
from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import QVBoxLayout

from ...canvas.brush import Brush
from ...canvas.still import Still
from ...canvas.zoomed import Zoomed
from ...snapshot import Bytes
from ..widgets.theme import Palette
from .view import Host, View
from .ways import Way, seen

vispy.use("pyqt6")

NEARER, WIDER = 1.5, 1.25


class CanvasView(View):
    """A view that is filled by a canvas of the type `shows`."""

    shows: type[Any]

    def __init__(self, host: Host):
        super().__init__(host)
        self.canvas = self.shows(parent=self)
        self._update = self.canvas.update
        self._zoomed: tuple[Zoomed | None, QSize] = (
            None,
            QSize(),
        )  # as it was told last, and the canvas's size then
        self.canvas.update = lambda *_: host.draw_soon()
        self.below = QVBoxLayout(self)  # the canvas, and what a view puts below it
        self.below.setContentsMargins(0, 0, 0, 0)
        self.below.setSpacing(0)
        self.below.addWidget(self.canvas.native, 3)

    def draw(self) -> None:
        self._update()
        now, size = self.canvas.zoomed(), self.canvas.native.size()
        before, self._zoomed = self._zoomed, (now, size)
        same = now is before[0] or (now is not None and now.same(before[0]))
        if not same or size != before[1]:
            self.zoomed.emit(now)

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        self.canvas.colours = palette.colours

    def captions(self, ratio: float) -> dict[str, Bytes]:
        """The titles on the canvas, for so many physical pixels a logical one."""
        return {}

    def still(self) -> Still | None:
        if self.snapshot is None:
            return None
        still: Still = self.canvas.still(self.canvas.physical[0], self.captions(self.canvas.ratio))
        return still

    def everything(self) -> Way | None:
        """All there is to see, as one picture."""
        return None

    def ways(self) -> list[Way]:
        still, everything = self.still(), self.everything()
        if still is None or everything is None:
            return []
        return [seen(still, self.canvas.ratio, self.captions), everything]

    # Commands: see actions.py.

    def fit(self) -> None:
        self.canvas.fit()

    def zoom_in(self) -> None:
        self.canvas.zoom(NEARER)

    def zoom_out(self) -> None:
        self.canvas.zoom(1 / NEARER)


class Painted:
    """With a brush for the canvas of a view."""

    canvas: Any
    _brush = Brush()

    def take_brush(self, on: bool) -> None:
        self.canvas.brush = self._brush if on else None

    def keep_brush(self, brush: Brush) -> None:
        """Its size was changed with the wheel."""
        self._brush = brush

    def _size_brush(self, factor: float) -> None:
        self._brush = self._brush.sized(factor)
        if self.canvas.brush is not None:
            self.canvas.brush = self._brush

    # Commands: see actions.py.

    def brush_smaller(self) -> None:
        self._size_brush(1 / WIDER)

    def brush_larger(self) -> None:
        self._size_brush(WIDER)
