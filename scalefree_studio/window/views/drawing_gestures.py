"""What is done with the mouse on the wall of a drawing."""

from __future__ import annotations

from typing import Protocol

from ...canvas.brush import Brush
from ...canvas.walls.boards import Place
from ...canvas.walls.listener import WallListener
from ...drawings import Bools


class Drawn(Protocol):
    """The view of it."""

    def on_wall(self, place: Place) -> Place | None: ...

    def point_at(self, place: Place | None) -> None: ...

    def hold(self, place: Place) -> None: ...

    def select_none(self) -> None: ...

    def turn(self, place: Place, notches: float) -> None: ...

    def paint(self, picture: int, painted: Bools, done: bool) -> None: ...

    def keep_brush(self, brush: Brush) -> None: ...


class Gestures(WallListener):
    """Pictures that are shown beside the wall are those of the wall."""

    def __init__(self, view: Drawn):
        self._view = view

    def hover(self, place: Place | None) -> None:
        self._view.point_at(place)

    def click(self, place: Place) -> None:
        self._view.point_at(place)
        found = self._view.on_wall(place)
        if found is not None:
            self._view.hold(found)

    def click_beside(self) -> None:
        self._view.select_none()

    def turned(self, place: Place, steps: float) -> None:
        self._view.turn(self._view.on_wall(place) or place, steps)

    def painted(self, board: str, picture: int, mask: Bools, done: bool) -> None:
        if board == "wall":
            self._view.paint(picture, mask, done)

    def brush_changed(self, brush: Brush) -> None:
        self._view.keep_brush(brush)
