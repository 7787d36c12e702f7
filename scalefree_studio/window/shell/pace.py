"""When the canvas is drawn: as often as the display shows something, and never so often that the window cannot answer.

Every drawing puts the whole window together again, which takes a graphics card no time and a processor tens of
milliseconds. So all that wants to be drawn within one interval is drawn at once, and the interval follows what a
drawing has cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, QTimer

FASTEST, SLOWEST = 0.016, 0.08  # seconds
SHARE = 1.5  # the interval, in costs: a third of the time is left for everything else
SMOOTH = 0.2


class Pace(QObject):
    """`ask` calls `draw` soon, once for all that ask in the meantime."""

    def __init__(self, draw: Callable[[], object], parent: QObject | None = None):
        super().__init__(parent)
        self._draw = draw
        self._cost = 0.0  # seconds
        self._drawn = 0.0
        self._drawing = self._stopped = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._now)
        self._after = QTimer(self)  # fires when the loop has nothing else to do: the drawing is done
        self._after.setSingleShot(True)
        self._after.timeout.connect(self._measure)

    @property
    def interval(self) -> float:
        return min(SLOWEST, max(FASTEST, SHARE * self._cost))

    def ask(self, *_: object) -> None:
        if not (self._stopped or self._drawing or self._timer.isActive()):
            wait = self._drawn + self.interval - time.perf_counter()
            self._timer.start(max(0, round(wait * 1000)))

    def stop(self) -> None:
        """For good."""
        self._stopped = True
        self._timer.stop()
        self._after.stop()

    def _now(self) -> None:
        self._drawn = time.perf_counter()
        self._drawing = True  # what the drawing itself asks for is drawn with it
        try:
            self._draw()
        finally:
            self._drawing = False
        if not self._stopped:
            self._after.start(0)

    def _measure(self) -> None:
        cost = min(SLOWEST, time.perf_counter() - self._drawn)
        self._cost += SMOOTH * (cost - self._cost)
