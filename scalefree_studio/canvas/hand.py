"""What the mouse does on a divider canvas: each press begins a gesture, which hears of the moves and of the release."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from .brush import painted
from .edit import dragged, numbers_of

if TYPE_CHECKING:
    from .dividers import DividerCanvas
    from .panes import Pane

LEFT, RIGHT, MIDDLE = 1, 2, 3
BAR_REACH = 6.0  # logical pixels
STILL = 3.0  # a press that moves less is a click
WHEEL = 1.25  # nearer by this for each notch
WIDER = 1.15  # the brush, for each notch
TELL_SECONDS = 0.1  # how often a mask is told while it is painted

Point = tuple[float, float]


class Gesture:
    """From a press to its release. Positions are physical pixels of the canvas."""

    def __init__(self, canvas: DividerCanvas, pane: Pane, start: Point):
        self.canvas, self.pane, self.start, self.last = canvas, pane, start, start
        self.clicked = True  # until it has moved

    def move(self, at: Point, keys: frozenset[str]) -> None:
        if (
            self.clicked
            and np.hypot(at[0] - self.start[0], at[1] - self.start[1]) < STILL * self.canvas.ratio
        ):
            return
        self.clicked = False
        self.moved(at, keys)
        self.last = at

    def release(self, at: Point, keys: frozenset[str]) -> None:
        self.move(at, keys)  # vispy leaves out moves in quick succession, so perhaps the last
        self.done()

    def moved(self, at: Point, keys: frozenset[str]) -> None: ...

    def done(self) -> None: ...

    def world(self, at: Point) -> Point:
        x, y = self.canvas.camera.to_world(self.pane.local(*at), self.pane.size)
        return float(x), float(y)


class Pan(Gesture):
    def __init__(self, *about: Any, selects: bool = True):
        super().__init__(*about)
        self.selects = selects

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.canvas.look_from(self.canvas.camera.panned(at[0] - self.last[0], at[1] - self.last[1]))

    def done(self) -> None:
        if self.clicked and self.selects:
            self.canvas.choose(None)


class Swipe(Gesture):
    def moved(self, at: Point, keys: frozenset[str]) -> None:
        self.canvas.swipe = (at[0] - self.pane.x) / self.pane.width


class Paint(Gesture):
    def __init__(self, *about: Any, erase: bool):
        super().__init__(*about)
        self.erase = erase
        self.clicked = False  # a click paints a dot
        self.told = 0.0
        self.moved(self.start, frozenset())

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        canvas, brush = self.canvas, self.canvas.brush
        mask = canvas.writable_mask()
        if brush is None or mask is None:
            return
        radius = brush.radius * canvas.ratio * canvas.camera.pixel
        painted(mask, self.world(self.last), self.world(at), radius, brush.peak, self.erase)
        canvas.mask_painted()
        if time.monotonic() - self.told > TELL_SECONDS:
            self.told = time.monotonic()
            canvas.listener.mask_changed(mask.copy(), False)

    def done(self) -> None:
        mask = self.canvas.mask
        if mask is not None:
            self.canvas.listener.mask_changed(mask, True)


class Drag(Gesture):
    def __init__(self, *about: Any, unit: int, part: str):
        super().__init__(*about)
        self.unit, self.part = unit, part
        self.gesture = self.canvas.next_gesture()
        self.began = self.world(self.start)
        index = self.canvas.dividers.index(unit)
        self.numbers = {} if index is None else numbers_of(self.canvas.frame or {}, index)

    def moved(self, at: Point, keys: frozenset[str]) -> None:
        if self.canvas.dividers.index(self.unit) is None or not self.canvas.editable:
            return  # deleted, or replaced by the trainer, while it was held
        numbers = dragged(self.numbers, self.part, "Shift" in keys, self.began, self.world(at))
        self.canvas.hold(self.unit, numbers)
        self.canvas.listener.drag(self.unit, numbers, self.gesture)

    def done(self) -> None:
        if not self.clicked:
            self.canvas.listener.drag_end(self.gesture)


class Hand:
    """Turns a canvas's mouse events into gestures."""

    def __init__(self, canvas: DividerCanvas):
        self.canvas = canvas
        self.gesture: Gesture | None = None
        self._button = 0  # which one began it
        self._pane: Pane | None = None  # where the pointer is
        self._at: Point | None = None
        events = canvas.events
        events.mouse_press.connect(self._pressed)
        events.mouse_move.connect(self._moved)
        events.mouse_release.connect(self._released)
        events.mouse_double_click.connect(self._double_clicked)
        events.mouse_wheel.connect(self._wheeled)

    # vispy's events.

    def _pressed(self, event: Any) -> None:
        event.handled = True
        self.press(self._place(event), event.button, _keys(event))

    def _moved(self, event: Any) -> None:
        self.move(self._place(event), _keys(event))

    def _released(self, event: Any) -> None:
        event.handled = True
        if self.release(self._place(event), event.button, _keys(event)):
            self.canvas.let_go()

    def _double_clicked(self, event: Any) -> None:
        event.handled = True
        self.double_click(self._place(event), event.button, _keys(event))

    def _wheeled(self, event: Any) -> None:
        event.handled = True
        self.wheel(self._place(event), float(event.delta[1]), _keys(event))

    def _place(self, event: Any) -> Point:
        ratio = self.canvas.ratio
        return float(event.pos[0]) * ratio, float(event.pos[1]) * ratio

    # What they mean.

    @property
    def at(self) -> Point | None:
        """The pointer, in pixels of its pane."""
        return None if self._pane is None or self._at is None else self._pane.local(*self._at)

    def press(self, at: Point, button: int, keys: frozenset[str]) -> None:
        pane = self.canvas.pane_at(at)
        if pane is None or self.gesture is not None:
            return
        self._pane, self._at, self._button = pane, at, button
        about = (self.canvas, pane, at)
        if button == MIDDLE:
            self.gesture = Pan(*about, selects=False)
        elif self.canvas.brush is not None and button in (LEFT, RIGHT):
            self.gesture = Paint(*about, erase=button == RIGHT or "Alt" in keys)
        elif button == LEFT:
            touched = self.canvas.touched(pane, at)
            if self._on_bar(at):
                self.gesture = Swipe(*about)
            elif touched is None:
                self.gesture = Pan(*about)
            else:
                self.canvas.choose(touched[0])
                if self.canvas.editable:
                    self.gesture = Drag(*about, unit=touched[0], part=touched[1])

    def move(self, at: Point, keys: frozenset[str]) -> None:
        self._at = at
        if self.gesture is not None:
            self.gesture.move(at, keys)
        else:
            self._pane = self.canvas.pane_at(at)
            free = self._pane is not None and self.canvas.brush is None and not self._on_bar(at)
            touched = self.canvas.touched(self._pane, at) if free and self._pane else None
            self.canvas.hover(touched[0] if touched else None)
        self.canvas.pointer_moved()

    def release(self, at: Point, button: int, keys: frozenset[str]) -> bool:
        """True if this was the end of a gesture."""
        if self.gesture is None or button != self._button:
            return False
        gesture, self.gesture = self.gesture, None
        gesture.release(at, keys)
        return True

    def double_click(self, at: Point, button: int, keys: frozenset[str]) -> None:
        pane = self.canvas.pane_at(at)
        empty = pane is not None and self.canvas.brush is None and self.canvas.touched(pane, at) is None
        if empty and button == LEFT and not self._on_bar(at):
            self.canvas.fit()
        else:
            self.press(at, button, keys)  # two quick strokes are two strokes

    def wheel(self, at: Point, notches: float, keys: frozenset[str]) -> None:
        canvas, pane = self.canvas, self.canvas.pane_at(at)
        if canvas.brush is not None and "Shift" in keys:
            canvas.brush = canvas.brush.sized(WIDER**notches)
            canvas.listener.brush_changed(canvas.brush)
        elif pane is not None and notches:
            canvas.look_from(canvas.camera.zoomed(pane.local(*at), WHEEL**notches, pane.size))
            self.move(at, keys)  # something else is under the pointer now

    def leave(self) -> None:
        if self.gesture is None:
            self._pane = self._at = None
            self.canvas.hover(None)
            self.canvas.pointer_moved()

    def _on_bar(self, at: Point) -> bool:
        canvas = self.canvas
        bar = canvas.swipe * canvas.panes[0].width
        return canvas.mode == "swipe" and abs(at[0] - bar) <= BAR_REACH * canvas.ratio


def _keys(event: Any) -> frozenset[str]:
    return frozenset(key.name for key in event.modifiers or ())
