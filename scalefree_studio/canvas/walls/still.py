"""What a wall shows, at another scale: laid out as it is on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...snapshot import Bytes
from ..still import Still, larger
from .painter import WallPainter
from .shown import ShownWall


class WallStill(Still):
    def __init__(self, canvas: Any, shown: ShownWall, width: int, captions: Mapping[str, Bytes]):
        sizes = {name: (image.shape[1], image.shape[0]) for name, image in captions.items()}
        self._kept = replace(shown, **larger(shown, width), hovered=None, title_sizes=sizes)
        super().__init__(canvas, self._kept, WallPainter(self._kept), captions)

    def at(self, width: int, captions: Mapping[str, Bytes]) -> WallStill:
        return WallStill(self._canvas, self._kept, width, captions)
