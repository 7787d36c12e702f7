"""What the mouse does on a wall of pictures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..gestures import LEFT, MIDDLE, RIGHT, STILL, TELL_SECONDS, WHEEL, Gesture, Mouse, Point, resized
from .boards import Place

if TYPE_CHECKING:
    from .canvas import WallCanvas


class Pan(Gesture):
    """Moves the wall; a press that stays where it is is a click."""

    def __init__(self, canvas: WallCanvas, start: Point, clicks: bool):
        super().__init__(start, STILL * canvas.ratio)
        self.canvas, self.clicks = canvas, clicks

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.canvas.pan(at[0] - self.last[0], at[1] - self.last[1])

    def done(self) -> None:
        if not (self.clicked and self.clicks):
            return
        place = self.canvas.place_at(self.start)
        if place is None:
            self.canvas.listener.click_beside()
        else:
            self.canvas.listener.click(place)


class Paint(Gesture):
    """Marks places of the picture on which it began."""

    def __init__(self, canvas: WallCanvas, start: Point, on: Place, erase: bool):
        super().__init__(start, 0)
        self.canvas, self.on, self.erase = canvas, on, erase
        self.clicked = False  # a click paints a dot
        self.told = 0.0
        self.moved(start, frozenset())

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.canvas.paint(self.on, self.last, at, self.erase)
        if time.monotonic() - self.told > TELL_SECONDS:
            self.told = time.monotonic()
            self._tell(done=False)

    def done(self) -> None:
        self._tell(done=True)

    def _tell(self, done: bool) -> None:
        mask = self.canvas.painting
        if mask is not None:
            self.canvas.listener.painted(self.on.board, self.on.picture, mask, done)


class WallMouse(Mouse):
    """Turns a wall's mouse events into gestures."""

    def __init__(self, canvas: WallCanvas):
        super().__init__(canvas)
        self.canvas = canvas
        self.at: Point | None = None  # the pointer
        self._turn = 0.0  # of the wheel, over a selected place: what is short of a whole step

    def press(self, at: Point, button: int, keys: frozenset[str]) -> None:
        if self.gesture is not None:
            return
        self.at, self._button = at, button
        place = self.canvas.place_at(at)
        if self.canvas.brush is not None and place is not None and button in (LEFT, RIGHT):
            self.gesture = Paint(self.canvas, at, place, erase=button == RIGHT or "Alt" in keys)
        elif button in (LEFT, MIDDLE):
            self.gesture = Pan(self.canvas, at, clicks=button == LEFT and self.canvas.brush is None)

    def move(self, at: Point, keys: frozenset[str]) -> None:
        self.at = at
        if self.gesture is not None:
            self.gesture.move(at, keys)
        self.look()

    def look(self) -> None:
        """See what is under the pointer: it has moved, or the wall has."""
        free = self.at is not None and (self.gesture is None or self.gesture.clicked)
        self.canvas.hover(self.canvas.place_at(self.at) if free and self.at is not None else None)
        self.canvas.pointer_moved()

    def let_go(self) -> None:
        self.look()

    def double_click(self, at: Point, button: int, keys: frozenset[str]) -> None:
        if self.canvas.brush is None and button == LEFT:
            self.canvas.fit()
        else:
            self.press(at, button, keys)  # two quick strokes are two strokes

    def wheel(self, at: Point, notches: float, keys: frozenset[str]) -> None:
        canvas = self.canvas
        if canvas.brush is not None and "Shift" in keys:
            canvas.brush = resized(canvas.brush, notches)
            canvas.listener.brush_changed(canvas.brush)
        elif keys & {"Shift", "Control"}:
            self._turn_selected(at, notches)
        elif notches:
            canvas.zoom(WHEEL**notches, about=at)
            self.move(at, keys)  # something else is under the pointer now

    def _turn_selected(self, at: Point, notches: float) -> None:
        place = self.canvas.selected
        if place is None or not self.canvas.marked(at, place):
            return
        self._turn += notches
        steps = int(self._turn)
        self._turn -= steps
        if steps:
            self.canvas.listener.turned(place, steps)

    def leave(self) -> None:
        if self.gesture is None:
            self.at = None
            self.look()
