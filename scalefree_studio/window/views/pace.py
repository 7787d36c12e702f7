"""How fast a drawing really is, beside how fast it was wished."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ...jobs.drawing.controls import AT_ONCE

OVER, EVERY = 2.0, 0.5  # seconds that are averaged, and after which there is another number


class Pace:
    """Counts places as they are shown."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()  # when there were how many
        self._said_at, self._words = 0.0, ""

    def forget(self) -> None:
        self._seen.clear()
        self._words = ""

    def words(self, places: int, wished: float) -> str:
        """After so many places in all; nothing until it is known."""
        now = self._now()
        if self._seen and places < self._seen[-1][1]:
            self.forget()
        self._seen.append((now, places))
        while now - self._seen[0][0] > OVER and len(self._seen) > 2:
            self._seen.popleft()
        took = now - self._seen[0][0]
        if took >= EVERY and (not self._words or now - self._said_at >= EVERY):
            self._said_at, rate = now, (places - self._seen[0][1]) / took
            wish = "set to all at once" if wished >= AT_ONCE else f"set to {wished:,.0f}/s"
            self._words = f"{wish}, {rate:,.0f}/s now"
        return self._words
