"""Walls of pictures in a movie: while they are drawn place after place, and while a network learns to draw them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...drawings import PAPER, Drawing, still_of
from ...errors import UserError
from ...snapshot import Bytes, Checkpoint, Snapshot
from ..size import LONGER_SIDE, SceneSize, size_for, sized
from .table import Table, fitted_table, fitting_scale, table_of
from .wall import fitted_wall, wall_size

CURSOR = (242, 178, 92)
VEIL, VEIL_OPACITY = (77, 166, 255), 0.8


class DrawingScene:
    def __init__(
        self, checkpoint: Checkpoint, last: Snapshot, size: SceneSize | None = None, *, overlay: bool = False
    ):
        """`overlay` lays a veil over the pictures, the denser the more open the choice was."""
        self._still = still_of(checkpoint.model)
        drawing = Drawing(last.frame, self._still).current
        if drawing.temperatures:
            self.size = _sized_table(size, table_of(drawing))
        else:
            self.size = _sized(size, drawing.pictures().shape[:3])
        self._overlay = overlay

    def draw(self, time: float, snapshot: Snapshot) -> Bytes:
        drawing = Drawing(snapshot.frame, self._still).current
        pictures = veiled(drawing) if self._overlay else drawing.pictures()
        height, width = drawing.tile
        # Of a picture of one place it would hide all.
        marks = drawing.cursors() if math.prod(drawing.size) > 1 else drawing.cursors()[:0]
        for number, y, x in marks.tolist():
            pictures[number, y * height : (y + 1) * height, x * width : (x + 1) * width] = CURSOR
        if drawing.temperatures:
            return fitted_table(table_of(drawing, pictures), self.size)
        return fitted_wall(pictures, self.size)

    def between(self, a: Snapshot, b: Snapshot, part: float) -> Snapshot:
        """If nothing but drawing happened between them, as far as it had come; else the nearer one."""
        before, after = Drawing(a.frame, self._still), Drawing(b.frame, self._still)
        nearer = a if part < 0.5 else b
        drawn = before.drawn()
        if before.count != after.count or (before.values[drawn] != after.values[drawn]).any():
            return nearer
        if "pictures" in b.frame:  # only the network knows how they looked on the way
            return nearer
        way = after.position - before.position
        if (way < 0).any():
            return nearer
        position = before.position + np.floor(part * way).astype(np.int64)
        step, seconds = a.step + int(part * (b.step - a.step)), a.seconds + part * (b.seconds - a.seconds)
        return Snapshot(a.kind, step, seconds, {**b.frame, "position": position}, nearer.metrics)


class TrainingScene:
    """The wall of samples as it renews itself."""

    def __init__(self, checkpoint: Checkpoint, last: Snapshot, size: SceneSize | None = None):
        wall = last.frame.get("wall")
        if wall is None or wall.ndim != 4 or not wall.size:
            raise UserError("No samples were recorded in this run, so there is no movie to make.")
        self.size = _sized(size, wall.shape[:3])
        self._wall: Any = np.full((*wall.shape[:3], 3), PAPER, np.uint8)

    def draw(self, time: float, snapshot: Snapshot) -> Bytes:
        self._wall = snapshot.frame.get("wall", self._wall)  # a learning that begins again has none at first
        return fitted_wall(self._wall, self.size)

    def between(self, a: Snapshot, b: Snapshot, part: float) -> Snapshot:
        return a if part < 0.5 else b


def _sized(size: SceneSize | None, pictures: tuple[int, ...]) -> tuple[int, int]:
    """(width, height) of a wall of N pictures (N, h, w): where nobody asks, so that it fits without a margin."""
    width, height = wall_size(*pictures[:3])
    if size is None:
        factor = max(1, LONGER_SIDE // max(width, height))
        return width * factor, height * factor
    return sized(size, lambda side: size_for((height, width), side))


def _sized_table(size: SceneSize | None, table: Table) -> tuple[int, int]:
    """(width, height) of a table: where nobody asks, so that it fits without a margin."""
    if size is None:
        return table.size(max(1, fitting_scale(table, (LONGER_SIDE, LONGER_SIDE))))
    width, height = table.size(table.usual_scale)
    return sized(size, lambda side: size_for((height, width), side))


def veiled(drawing: Drawing) -> Bytes:
    """The pictures of a drawing (B, H · h, W · w, 3), each place the more covered the more open its choice was."""
    pictures = drawing.pictures()
    entropy = np.where(drawing.drawn(), drawing.frame["entropy"].astype(np.float32), 0)  # (B, H, W)
    density = (entropy / drawing.most_bits * VEIL_OPACITY)[..., None]
    height, width = drawing.tile
    density = density.repeat(height, axis=1).repeat(width, axis=2)
    shown: Bytes = np.rint(pictures + (np.array(VEIL) - pictures) * density).astype(np.uint8)
    return shown
