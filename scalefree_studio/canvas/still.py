"""What a canvas shows, kept as it is and drawn once more at another scale, part by part: it may be of any size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from vispy import gloo

from ..snapshot import Bytes
from .camera import Part
from .picture import Rendered, RenderRequest
from .shown import Shown


class Painter(Protocol):
    """Draws what is shown."""

    def set_captions(self, images: Mapping[str, Bytes]) -> None: ...

    def renew(self, parts: set[str]) -> None: ...

    def draw(self, context: Any, part: Part | None = None) -> None: ...


class Still:
    """`canvas` lends its OpenGL, nothing else: what it shows by now is no matter. To be used where that may be, on the
    window's thread."""

    def __init__(self, canvas: Any, shown: Shown, painter: Painter, captions: Mapping[str, Bytes]):
        self._canvas, self._shown, self._painter = canvas, shown, painter
        self._captions = captions
        self._begun = False

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self._shown.physical

    def at(self, width: int, captions: Mapping[str, Bytes]) -> Still:
        """The same, so many pixels wide."""
        raise NotImplementedError

    def wanted(self, part: Part) -> RenderRequest | None:
        """The picture that somebody else has to draw for a part; None: none. May be asked in any thread."""
        return None

    def draw(self, part: Part, rendered: Rendered | None = None) -> Bytes:
        """A part, with what was wanted for it: (height, width, 3)."""
        canvas = self._canvas
        canvas.set_current()
        if not self._begun:
            self._begun = True
            self._painter.set_captions(self._captions)
            self._painter.renew({"pictures", "painting", "lines", "marks"})
        self._take(rendered)
        width, height = part[2:]
        target = gloo.FrameBuffer(gloo.RenderBuffer((height, width)))
        with target:
            self._painter.draw(canvas.context, part)
            drawn: Bytes = gloo.read_pixels((0, 0, width, height), alpha=False)
        target.delete()
        return drawn

    def _take(self, rendered: Rendered | None) -> None:
        """What was wanted."""


def larger(shown: Shown, width: int) -> dict[str, Any]:
    """What all that is shown has in common, so many pixels wide, without the mouse."""
    by = width / shown.physical[0]
    height = max(1, round(shown.physical[1] * by))
    camera = type(shown.camera)(shown.camera.x, shown.camera.y, shown.camera.pixel / by)
    return {
        "physical": (width, height),
        "ratio": shown.ratio * by,
        "camera": camera,
        "brush": None,
        "pointer": None,
    }
