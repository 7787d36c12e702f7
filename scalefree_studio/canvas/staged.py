"""A canvas that makes anew, before it is drawn, only what has changed since."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vispy import app

from .camera import Size
from .shown import Shown


class StagedCanvas(app.Canvas):  # type: ignore[misc]
    """`parts` are the names of what can be out of date."""

    def __init__(self, shown: Shown, parts: Iterable[str], **options: Any):
        self.shown = shown
        self._stale = set(parts)
        super().__init__(**{"keys": None, "size": (960, 540), **options})

    @property
    def ratio(self) -> float:
        """Physical pixels a logical one."""
        return self.shown.ratio

    @property
    def physical(self) -> Size:
        """The size in physical pixels."""
        return self.shown.physical

    def _renew(self, *parts: str) -> None:
        self._stale.update(parts)
        self.update()

    def _take_stale(self) -> set[str]:
        """What must be made anew for this drawing."""
        stale, self._stale = self._stale, set()
        return stale

    def _measure(self) -> None:
        width, height = self.physical_size
        self.shown.physical = max(1, int(width)), max(1, int(height))
        self.shown.ratio = float(self.pixel_scale)
