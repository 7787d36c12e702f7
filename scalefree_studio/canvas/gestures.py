"""The mouse on a canvas: vispy's events as calls in physical pixels, and gestures, which last from press to release."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .brush import Brush
from .camera import Point
from .shown import Shown

LEFT, RIGHT, MIDDLE = 1, 2, 3
STILL = 3.0  # logical pixels: a press that moves less is a click
WHEEL = 1.25  # nearer by this for each notch
WIDER = 1.15  # the brush, for each notch
REPORT_SECONDS = 0.1  # how often what is painted is reported during a stroke


class Gesture:
    """From a press to its release. Positions are physical pixels of the canvas."""

    def __init__(self, start: Point, still: float):
        self.start = self.last = start
        self._still = still
        self.clicked = True  # until it has moved

    def move(self, at: Point, keys: frozenset[str]) -> None:
        if self.clicked and np.hypot(at[0] - self.start[0], at[1] - self.start[1]) < self._still:
            return
        self.clicked = False
        self.moved(at, keys)
        self.last = at

    def release(self, at: Point, keys: frozenset[str]) -> None:
        self.move(at, keys)  # vispy leaves out moves in quick succession, so perhaps the last
        self.done()

    def moved(self, at: Point, keys: frozenset[str]) -> None: ...

    def done(self) -> None: ...


class Stroke(Gesture):
    """Of the brush. `paint` is called with both ends of each piece; `report` now and then, and with True at the end."""

    def __init__(self, start: Point, paint: Callable[[Point, Point], None], report: Callable[[bool], None]):
        super().__init__(start, 0)
        self.clicked = False  # a click paints a dot
        self._paint, self._report = paint, report
        self._reported = 0.0
        self.moved(start, frozenset())

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self._paint(self.last, at)
        if time.monotonic() - self._reported > REPORT_SECONDS:
            self._reported = time.monotonic()
            self._report(False)

    def done(self) -> None:
        self._report(True)


class Mouse:
    """Takes a canvas's mouse events. What they mean, each canvas's own mouse says by overriding the calls."""

    def __init__(self, events: Any, shown: Shown):
        self._shown = shown
        self.gesture: Gesture | None = None
        self._button = 0  # which one began it
        events.mouse_press.connect(self._pressed)
        events.mouse_move.connect(self._moved)
        events.mouse_release.connect(self._released)
        events.mouse_double_click.connect(self._double_clicked)
        events.mouse_wheel.connect(self._wheeled)

    def press(self, at: Point, button: int, keys: frozenset[str]) -> None: ...

    def move(self, at: Point, keys: frozenset[str]) -> None: ...

    def let_go(self) -> None: ...

    def double_click(self, at: Point, button: int, keys: frozenset[str]) -> None: ...

    def wheel(self, at: Point, notches: float, keys: frozenset[str]) -> None: ...

    def release(self, at: Point, button: int, keys: frozenset[str]) -> None:
        if self.gesture is not None and button == self._button:
            gesture, self.gesture = self.gesture, None
            gesture.release(at, keys)
            self.let_go()

    # vispy's events.

    def _pressed(self, event: Any) -> None:
        event.handled = True
        self.press(self._place(event), event.button, _keys(event))

    def _moved(self, event: Any) -> None:
        self.move(self._place(event), _keys(event))

    def _released(self, event: Any) -> None:
        event.handled = True
        self.release(self._place(event), event.button, _keys(event))

    def _double_clicked(self, event: Any) -> None:
        event.handled = True
        self.double_click(self._place(event), event.button, _keys(event))

    def _wheeled(self, event: Any) -> None:
        event.handled = True
        keys, (across, down) = _keys(event), event.delta
        turned = "Shift" in keys and not down  # as some systems turn the wheel's direction while it is held
        self.wheel(self._place(event), float(across if turned else down), keys)

    def _place(self, event: Any) -> Point:
        ratio = self._shown.ratio
        return float(event.pos[0]) * ratio, float(event.pos[1]) * ratio


def resized(brush: Brush, notches: float) -> Brush:
    """A brush after so many notches of the wheel."""
    return brush.sized(WIDER**notches)


def _keys(event: Any) -> frozenset[str]:
    return frozenset(key.name for key in event.modifiers or ())
