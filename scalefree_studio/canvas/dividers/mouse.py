"""What the mouse does on a divider canvas: each press begins a gesture, which follows the moves until the release."""

from __future__ import annotations

from typing import Any, Protocol

from .. import gestures
from ..brush import Brush
from ..camera import Camera, Point
from ..gestures import LEFT, MIDDLE, RIGHT, STILL, WHEEL, Stroke, resized
from .edit import Arrays, dragged, fits, numbers_of
from .panes import Pane
from .shown import ShownDividers


class Actions(Protocol):
    """What a person can do with the mouse."""

    def look_from(self, camera: Camera) -> None: ...
    def fit(self) -> None: ...
    def point(self, at: Point | None) -> None: ...  # in pixels of the pane; None: the mouse has left
    def hover(self, unit: int | None) -> None: ...
    def choose(self, unit: int | None) -> None: ...
    def drag(self, unit: int, numbers: Arrays, gesture: int) -> None: ...
    def drag_end(self, gesture: int) -> None: ...
    def pull_bar(self, swipe: float) -> None: ...
    def paint(self, start: Point, end: Point, erase: bool) -> None: ...  # in the world
    def report_mask(self, done: bool) -> None: ...
    def change_brush(self, brush: Brush) -> None: ...
    def let_go(self) -> None: ...  # a gesture has ended


class Gesture(gestures.Gesture):
    """A gesture in a pane."""

    def __init__(self, shown: ShownDividers, actions: Actions, pane: Pane, start: Point):
        super().__init__(start, STILL * shown.ratio)
        self.shown, self.actions, self.pane = shown, actions, pane


class Pan(Gesture):
    def __init__(
        self, shown: ShownDividers, actions: Actions, pane: Pane, start: Point, selects: bool = True
    ):
        super().__init__(shown, actions, pane, start)
        self.selects = selects

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.actions.look_from(self.shown.camera.panned(at[0] - self.last[0], at[1] - self.last[1]))

    def done(self) -> None:
        if self.clicked and self.selects:
            self.actions.choose(None)


class Swipe(Gesture):
    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.actions.pull_bar((at[0] - self.pane.x) / self.pane.width)


class Drag(Gesture):
    def __init__(
        self,
        shown: ShownDividers,
        actions: Actions,
        pane: Pane,
        start: Point,
        unit: int,
        part: str,
        number: int,
    ):
        super().__init__(shown, actions, pane, start)
        self.unit, self.part, self.number = unit, part, number
        self.began = shown.in_world(pane, start)
        index = shown.dividers.index(unit)
        self.numbers = {} if index is None else numbers_of(shown.frame or {}, index)

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        index, frame = self.shown.dividers.index(self.unit), self.shown.frame or {}
        if index is None or not fits(frame, index, self.numbers) or not self.shown.editable:
            return  # deleted, or replaced by the trainer, while it was held
        numbers = dragged(
            self.numbers, self.part, "Shift" in keys, self.began, self.shown.in_world(self.pane, at)
        )
        self.actions.drag(self.unit, numbers, self.number)

    def done(self) -> None:
        if not self.clicked:
            self.actions.drag_end(self.number)


class DividerMouse(gestures.Mouse):
    """Turns a divider canvas's mouse events into actions."""

    _shown: ShownDividers

    def __init__(self, events: Any, shown: ShownDividers, actions: Actions):
        super().__init__(events, shown)
        self._actions = actions
        self._pane: Pane | None = None  # where the pointer is
        self._drags = 0  # so many have begun

    def press(self, at: Point, button: int, keys: frozenset[str]) -> None:
        shown, pane = self._shown, self._shown.pane_at(at)
        if pane is None or self.gesture is not None:
            return
        self._button = button
        self._point(pane, at)
        about = (shown, self._actions, pane, at)
        if button == MIDDLE:
            self.gesture = Pan(*about, selects=False)
        elif shown.brush is not None and button in (LEFT, RIGHT):
            self.gesture = self._stroke(pane, at, erase=button == RIGHT or "Alt" in keys)
        elif button == LEFT:
            touched = shown.touched(pane, at)
            if shown.on_bar(at):
                self.gesture = Swipe(*about)
            elif touched is None:
                self.gesture = Pan(*about)
            else:
                self._actions.choose(touched[0])
                if shown.editable:
                    self._drags += 1
                    self.gesture = Drag(*about, unit=touched[0], part=touched[1], number=self._drags)

    def move(self, at: Point, keys: frozenset[str]) -> None:
        if self.gesture is not None:
            self.gesture.move(at, keys)
            self._point(self._pane, at)
            return
        shown, pane = self._shown, self._shown.pane_at(at)
        free = pane is not None and shown.brush is None and not shown.on_bar(at)
        touched = shown.touched(pane, at) if free and pane is not None else None
        self._actions.hover(touched[0] if touched else None)
        self._point(pane, at)

    def let_go(self) -> None:
        self._actions.let_go()

    def double_click(self, at: Point, button: int, keys: frozenset[str]) -> None:
        shown, pane = self._shown, self._shown.pane_at(at)
        empty = pane is not None and shown.brush is None and shown.touched(pane, at) is None
        if empty and button == LEFT and not shown.on_bar(at):
            self._actions.fit()
        else:
            self.press(at, button, keys)  # two quick strokes are two strokes

    def wheel(self, at: Point, notches: float, keys: frozenset[str]) -> None:
        shown, pane = self._shown, self._shown.pane_at(at)
        if shown.brush is not None and "Shift" in keys:
            self._actions.change_brush(resized(shown.brush, notches))
        elif pane is not None and notches:
            self._actions.look_from(shown.camera.zoomed(pane.local(*at), WHEEL**notches, pane.size))
            self.move(at, keys)  # something else is under the pointer now

    def leave(self) -> None:
        if self.gesture is None:
            self._actions.hover(None)
            self._point(None, (0.0, 0.0))

    def _stroke(self, pane: Pane, start: Point, erase: bool) -> Stroke:
        def paint(a: Point, b: Point) -> None:
            self._actions.paint(self._shown.in_world(pane, a), self._shown.in_world(pane, b), erase)

        return Stroke(start, paint, self._actions.report_mask)

    def _point(self, pane: Pane | None, at: Point) -> None:
        self._pane = pane
        self._actions.point(None if pane is None else pane.local(*at))
