"""How long work still takes, and how that is said: the same words in the window, in dialogs and in the terminal."""

from __future__ import annotations

MEMORY = 0.3  # of the time that has passed: how much of it counts for the rate
LEAST, MOST = 2.0, 60.0  # seconds: it counts so much of it at least, and at most
ENOUGH = 0.5  # seconds until anything is said


class TimeLeft:
    """Follows how much of some work is done, and expects it to go on as fast as it has gone lately.

    The clock is the caller's, so that pauses do not count where he stops it."""

    def __init__(self) -> None:
        self._began: float | None = None  # seconds
        self._seconds = self._share = self._rate = 0.0

    def follow(self, seconds: float, share: float) -> float | None:
        """So much of the work is done, in [0, 1], at this time: how many seconds are left, as far as one can say.
        Work that goes back, or whose clock does, has begun anew."""
        if self._began is None or seconds < self._seconds or share < self._share:
            self._began, self._seconds, self._share, self._rate = seconds, seconds, share, 0.0
        passed, done = seconds - self._seconds, share - self._share
        if passed > 0:
            went = seconds - self._began
            memory = min(went, MOST, max(LEAST, MEMORY * went))  # at first, all of it
            self._rate += (done / passed - self._rate) * min(1.0, passed / memory)
            self._seconds, self._share = seconds, share
        if share >= 1:
            return 0.0
        if self._rate <= 0 or seconds - self._began < ENOUGH:
            return None
        return (1 - share) / self._rate


def left_in_words(seconds: float | None) -> str:
    """'20 s left', '3 min 20 s left', '2 h 5 min left'; nothing at the end, or where nobody knows."""
    return "" if not seconds else f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """As exactly as a person wants to know: the longer, the rounder."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    if seconds < 595:
        minutes, rest = divmod(round(seconds / 10) * 10, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return (f"{hours} h {rest} min" if rest else f"{hours} h") if hours else f"{rest} min"
    return f"{round(hours / 24):,} days"
