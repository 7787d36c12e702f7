"""What a divider canvas shows, at another scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...snapshot import Bytes
from ..camera import Part
from ..picture import Rendered, RenderRequest
from ..still import Still, larger
from .painter import DividerPainter
from .shown import ShownDividers


class DividerStill(Still):
    """The learned picture is wanted of somebody else."""

    def __init__(
        self,
        canvas: Any,
        shown: ShownDividers,
        width: int,
        sharpness: float,
        captions: Mapping[str, Bytes],
    ):
        mask = None if shown.mask is None else shown.mask.copy()
        self._kept = replace(shown, **larger(shown, width), hovered=None, mask=mask)
        self._kept.arrange()
        self._sharpness = sharpness
        self._drawing = DividerPainter(self._kept, by_part=True)
        super().__init__(canvas, self._kept, self._drawing, captions)

    def at(self, width: int, captions: Mapping[str, Bytes]) -> DividerStill:
        return DividerStill(self._canvas, self._kept, width, self._sharpness, captions)

    def wanted(self, part: Part) -> RenderRequest | None:
        frame, camera = self._kept.frame, self._kept.camera
        pane = next(pane for pane in self._kept.panes if pane.name == "learned")
        seen = pane.within(part)
        if frame is None or seen is None:
            return None
        left, top, width, height = seen
        at = camera.moved_into((left - pane.x, top - pane.y, width, height), pane.size)
        return RenderRequest(frame, self._sharpness, at.x, at.y, at.pixel, width, height, False, 0)

    def _take(self, rendered: Rendered | None) -> None:
        if rendered is not None:
            self._drawing.show(rendered)
