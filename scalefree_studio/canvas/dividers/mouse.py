"""What the mouse does on a divider canvas: each press begins a gesture, which hears of the moves and of the release."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .. import gestures as mouse
from ..brush import painted
from ..gestures import LEFT, MIDDLE, RIGHT, STILL, TELL_SECONDS, WHEEL, Point, resized
from .edit import dragged, fits, numbers_of

if TYPE_CHECKING:
    from .canvas import DividerCanvas
    from .panes import Pane

BAR_REACH = 6.0  # logical pixels


class Gesture(mouse.Gesture):
    """A gesture in a pane."""

    def __init__(self, canvas: DividerCanvas, pane: Pane, start: Point):
        super().__init__(start, STILL * canvas.ratio)
        self.canvas, self.pane = canvas, pane

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
        index, frame = self.canvas.dividers.index(self.unit), self.canvas.frame or {}
        if index is None or not fits(frame, index, self.numbers) or not self.canvas.editable:
            return  # deleted, or replaced by the trainer, while it was held
        numbers = dragged(self.numbers, self.part, "Shift" in keys, self.began, self.world(at))
        self.canvas.hold(self.unit, numbers)
        self.canvas.listener.drag(self.unit, numbers, self.gesture)

    def done(self) -> None:
        if not self.clicked:
            self.canvas.listener.drag_end(self.gesture)


class DividerMouse(mouse.Mouse):
    """Turns a divider canvas's mouse events into gestures."""

    def __init__(self, canvas: DividerCanvas):
        super().__init__(canvas)
        self.canvas = canvas
        self._pane: Pane | None = None  # where the pointer is
        self._at: Point | None = None

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

    def let_go(self) -> None:
        self.canvas.let_go()

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
            canvas.brush = resized(canvas.brush, notches)
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
