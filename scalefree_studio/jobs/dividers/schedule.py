"""What changes while a network learns, as functions of how far it is: 0 at the begin, 1 at the end."""

from __future__ import annotations

from .controls import FitControls

LEAK, LEAK_UNTIL = 0.05, 0.8  # how much gradient reaches colours that are off, and until when
WARM = 0.01  # of the schedule, while the rates rise
GROWTH = ((0.85, 8), (0.3, 2), (0.0, 1))  # from so far on, batches are so many times larger
REVIVALS, REVIVE_UNTIL, REVIVED = 30, 0.6, 0.1  # how often, until when, what share of the units at first


CELLS_EVERY, CELLS_REVIVED = 4, 0.06  # cells every so many times, which are about 8, and what share of them


def rates(c: FitControls, progress: float) -> tuple[float, float]:
    """(learning rate, gradient sharpness)."""
    warm = min(1.0, (progress + 1e-4) / WARM)
    learning_rate = c.learning_rate * warm * c.final_rate**progress
    return learning_rate, c.gradient_sharpness * c.gradient_sharpening**progress


def growth(progress: float) -> int:
    """By what factor batches are larger than at the begin."""
    return next(times for start, times in GROWTH if progress >= start)


def leak(progress: float) -> float:
    return LEAK * max(0.0, 1 - progress / LEAK_UNTIL)


def revivals(progress: float) -> int:
    """So many times units should have been revived by now; 0 when it is too late for it."""
    gone = progress / REVIVE_UNTIL
    return int(gone * REVIVALS) if gone < 1 else 0


def revived(units: int, progress: float, share: float = REVIVED) -> int:
    """How many units are revived at once: ever fewer."""
    return max(1, round(share * units * (1 - progress / REVIVE_UNTIL)))
