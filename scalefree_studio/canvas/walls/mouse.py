"""What the mouse does on a wall of pictures."""

from __future__ import annotations

from typing import Any, Protocol

from ..brush import Brush
from ..camera import Point
from ..gestures import LEFT, MIDDLE, RIGHT, STILL, WHEEL, Gesture, Mouse, Stroke, resized
from .boards import Place
from .shown import ShownWall


class Actions(Protocol):
    """What a person can do with the mouse."""

    def pan(self, dx: float, dy: float) -> None: ...
    def zoom(self, factor: float, about: Point) -> None: ...
    def fit(self) -> None: ...
    def point(self, at: Point | None) -> None: ...  # None: the mouse has left
    def hover(self, place: Place | None) -> None: ...
    def click(self, place: Place | None) -> None: ...  # None: beside all pictures
    def turn(self, place: Place, steps: int) -> None: ...
    def paint(self, on: Place, start: Point, end: Point, erase: bool) -> None: ...
    def report_painting(self, on: Place, done: bool) -> None: ...
    def drag_cut(self, place: Place, done: bool) -> None: ...
    def ask(self, place: Place) -> None: ...
    def change_brush(self, brush: Brush) -> None: ...


class Pan(Gesture):
    """Moves the wall; a press that stays where it is is a click."""

    def __init__(self, shown: ShownWall, actions: Actions, start: Point, clicks: bool):
        super().__init__(start, STILL * shown.ratio)
        self.shown, self.actions, self.clicks = shown, actions, clicks

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.actions.pan(at[0] - self.last[0], at[1] - self.last[1])

    def done(self) -> None:
        if self.clicked and self.clicks:
            self.actions.click(self.shown.place_at(self.start))


class DragCut(Gesture):
    """Drags the line round what is kept of a picture; a press that stays where it is is a click."""

    def __init__(self, shown: ShownWall, actions: Actions, start: Point, on: Place):
        super().__init__(start, STILL * shown.ratio)
        self.shown, self.actions, self.on = shown, actions, on

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.actions.drag_cut(self.shown.place_near(at, self.on), False)

    def done(self) -> None:
        if self.clicked:
            self.actions.click(self.on)
        else:
            self.actions.drag_cut(self.shown.place_near(self.last, self.on), True)


class WallMouse(Mouse):
    """Turns a wall's mouse events into actions."""

    _shown: ShownWall

    def __init__(self, events: Any, shown: ShownWall, actions: Actions):
        super().__init__(events, shown)
        self._actions = actions
        self._at: Point | None = None  # the pointer
        self._turn = 0.0  # of the wheel, over a selected place: what is short of a whole step

    def press(self, at: Point, button: int, keys: frozenset[str]) -> None:
        if self.gesture is not None:
            return
        self._at, self._button = at, button
        self._actions.point(at)
        shown, place = self._shown, self._shown.place_at(at)
        if shown.brush is not None and place is not None and button in (LEFT, RIGHT):
            self.gesture = self._stroke(place, at, erase=button == RIGHT or "Alt" in keys)
        elif place is not None and button == RIGHT:
            self._actions.ask(place)
        elif place is not None and button == LEFT and place.board in shown.grips:
            self.gesture = DragCut(shown, self._actions, at, place)
        elif button in (LEFT, MIDDLE):
            self.gesture = Pan(shown, self._actions, at, clicks=button == LEFT and shown.brush is None)

    def move(self, at: Point, keys: frozenset[str]) -> None:
        self._at = at
        if self.gesture is not None:
            self.gesture.move(at, keys)
        self.point()

    def point(self) -> None:
        """See what is under the pointer: it has moved, or the wall has."""
        self._actions.point(self._at)
        free = self.gesture is None or self.gesture.clicked
        self._actions.hover(self._shown.place_at(self._at) if free and self._at is not None else None)

    def let_go(self) -> None:
        self.point()

    def double_click(self, at: Point, button: int, keys: frozenset[str]) -> None:
        if self._shown.brush is None and button == LEFT:
            self._actions.fit()
        else:
            self.press(at, button, keys)  # two quick strokes are two strokes

    def wheel(self, at: Point, notches: float, keys: frozenset[str]) -> None:
        brush = self._shown.brush
        if brush is not None and "Shift" in keys:
            self._actions.change_brush(resized(brush, notches))
        elif keys & {"Shift", "Control"}:
            self._turn_selected(at, notches)
        elif notches:
            self._actions.zoom(WHEEL**notches, at)
            self.move(at, keys)  # something else is under the pointer now

    def leave(self) -> None:
        if self.gesture is None:
            self._at = None
            self.point()

    def _stroke(self, on: Place, start: Point, erase: bool) -> Stroke:
        """On the picture on which it begins."""
        return Stroke(
            start,
            lambda a, b: self._actions.paint(on, a, b, erase),
            lambda done: self._actions.report_painting(on, done),
        )

    def _turn_selected(self, at: Point, notches: float) -> None:
        place = self._shown.selected
        if place is None or not self._shown.marked(at, place):
            return
        self._turn += notches
        steps = int(self._turn)
        self._turn -= steps
        if steps:
            self._actions.turn(place, steps)
