"""How a canvas is divided into panes that all look through the same camera. Physical pixels, y down."""

from __future__ import annotations

from dataclasses import dataclass

from ..camera import Part, Size

MODES = ("side", "swipe", "learned")


@dataclass(frozen=True)
class Pane:
    """A rectangle of the canvas in which a picture is shown; `start` and `end` say which columns of it are."""

    name: str
    x: int
    y: int
    width: int
    height: int
    start: int
    end: int

    @property
    def size(self) -> Size:
        return self.width, self.height

    def within(self, part: Part) -> Part | None:
        """What of the pane is shown in a part of the canvas, in the canvas's pixels; None: nothing."""
        x, y, width, height = part
        left, right = max(self.x + self.start, x), min(self.x + self.end, x + width)
        top, bottom = max(self.y, y), min(self.y + self.height, y + height)
        return (left, top, right - left, bottom - top) if left < right and top < bottom else None

    def local(self, x: float, y: float) -> tuple[float, float]:
        return x - self.x, y - self.y

    def holds(self, x: float, y: float) -> bool:
        return self.x + self.start <= x < self.x + self.end and self.y <= y < self.y + self.height


def arranged(mode: str, size: Size, gap: int, swipe: float) -> tuple[Pane, ...]:
    """The panes of a canvas of this size, all equally large. A tall canvas has them one above the other."""
    width, height = max(1, size[0]), max(1, size[1])
    if mode == "learned":
        return (Pane("learned", 0, 0, width, height, 0, width),)
    if mode == "swipe":
        at = max(0, min(width, round(swipe * width)))
        return Pane("target", 0, 0, width, height, 0, at), Pane("learned", 0, 0, width, height, at, width)
    if height > width:
        half = max(1, (height - gap) // 2)
        return Pane("target", 0, 0, width, half, 0, width), Pane(
            "learned", 0, height - half, width, half, 0, width
        )
    half = max(1, (width - gap) // 2)
    return Pane("target", 0, 0, half, height, 0, half), Pane(
        "learned", width - half, 0, half, height, 0, half
    )
