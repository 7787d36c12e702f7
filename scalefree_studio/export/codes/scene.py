"""A training of codes in a movie: reconstructions that come nearer to their pictures, and the codes as they settle."""

from __future__ import annotations

import math

import numpy as np

from ...codes import KEPT, stages_of
from ...errors import UserError
from ...snapshot import Bytes, Checkpoint, Snapshot
from ..size import LONGER_SIDE, SceneSize, size_for, sized
from .sheet import Arrays, parts_of, sheet_of


class CodesScene:
    def __init__(
        self, checkpoint: Checkpoint, last: Snapshot, size: SceneSize | None = None, *, overlay: bool = False
    ):
        """`overlay` lays over the codes how often they are used."""
        self._still = still_of(checkpoint, last.frame)
        self._overlay = overlay
        self._parts = parts_of(last.frame, self._still, overlay)
        if not self._parts:
            raise UserError("Nothing was recorded in this run, so there is no movie to make.")
        wide = LONGER_SIDE, max(2, round(LONGER_SIDE / len(self._parts) / 2) * 2)
        self.size: tuple[int, int] = (
            wide if size is None else sized(size, lambda side: size_for(wide[::-1], side))
        )

    def draw(self, time: float, snapshot: Snapshot) -> Bytes:
        # A learning that begins again has nothing to show at first.
        self._parts = parts_of(snapshot.frame, self._still, self._overlay) or self._parts
        return sheet_of(self._parts, self.size)

    def between(self, a: Snapshot, b: Snapshot, part: float) -> Snapshot:
        return a if part < 0.5 else b


def still_of(checkpoint: Checkpoint, frame: Arrays) -> Arrays:
    """What stays the same from frame to frame, as far as it was kept; codes that nobody arranged lie in a square."""
    kept = checkpoint.trainer.items()
    still = {name.removeprefix(KEPT): array for name, array in kept if name.startswith(KEPT)}
    for stage in range(stages_of(frame)):
        count = len(frame[f"tiles.{stage}"])
        columns = math.ceil(math.sqrt(count))
        still.setdefault(f"arranged.{stage}", np.array([-(-count // columns), columns]))
    return still
