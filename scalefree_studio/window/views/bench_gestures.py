"""What a person does on the canvas of the completion bench, passed on to its view."""

from __future__ import annotations

from typing import Protocol

from ...canvas.walls.boards import Place
from ...canvas.walls.listener import WallListener


class Bench(Protocol):
    def point_at(self, place: Place | None) -> None: ...

    def pick(self, place: Place) -> None: ...

    def select_none(self) -> None: ...

    def drag_cut(self, place: Place, done: bool) -> None: ...

    def ask_what(self, place: Place) -> None: ...


class Gestures(WallListener):
    def __init__(self, bench: Bench):
        self._bench = bench

    def hover(self, place: Place | None) -> None:
        self._bench.point_at(place)

    def click(self, place: Place) -> None:
        self._bench.pick(place)

    def click_beside(self) -> None:
        self._bench.select_none()

    def cut_dragged(self, place: Place, done: bool) -> None:
        self._bench.drag_cut(place, done)

    def asked(self, place: Place) -> None:
        self._bench.ask_what(place)
