"""The quiet line beneath the panel: what computes, how fast, and how much memory that takes."""

from __future__ import annotations

import time

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QLabel

from ...snapshot import Snapshot
from ..widgets.theme import GRID, scaled, tabular
from ..work.load import Rate, gpu_memory, in_words, memory
from ..work.session import Session

OFTEN = 1000  # ms between two looks
HINT = "What computes, how many steps a second, and how much memory the studio uses"


class LoadLine(QLabel):
    def __init__(self) -> None:
        super().__init__()
        self.setFont(tabular(scaled(self.font(), 0.92)))
        self.setProperty("soft", True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        self.setToolTip(HINT)
        self.setAccessibleName("Load")
        self._session: Session | None = None
        self._newest: Snapshot | None = None
        self._unit, self._rate = "steps", Rate()
        self._played, self._looked = 0.0, time.monotonic()  # seconds without pauses: as a person counts them
        self._timer = QTimer(self)
        self._timer.setInterval(OFTEN)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def begin(self, session: Session, unit: str) -> None:
        """Another session, which counts such things."""
        self._session, self._newest, self._unit, self._rate = session, None, f"{unit}s", Rate()
        self._played, self._looked = 0.0, time.monotonic()
        self.look()

    def end(self) -> None:
        """Nothing is open."""
        self._session = self._newest = None
        self.look()

    def follow(self, newest: Snapshot) -> None:
        self._newest = newest

    def look(self) -> None:
        session, newest = self._session, self._newest
        if session is None:
            self.setText("")
            return
        now, goes_on = time.monotonic(), session.status.playing and not session.ended
        self._played += now - self._looked if goes_on else 0.0
        self._looked = now
        known = None if newest is None else self._rate.read(newest.step, self._played)
        holder = getattr(session.job, "sampler", session.job)
        device = str(getattr(holder, "device", "cpu"))
        self.setText(in_words(device, known if goes_on else None, self._unit, memory(), gpu_memory()))
