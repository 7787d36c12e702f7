"""What a divider canvas shows, and what of it is where."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..brush import Mask
from ..camera import Point
from ..picture import Sampled
from ..shown import Shown
from .edit import Arrays, fits, with_numbers
from .geometry import Dividers, nearest
from .panes import Pane, arranged

GAP = 8  # logical pixels between two panes
REACH = 7.0  # so near, in logical pixels, is on a divider
BAR_REACH = 6.0  # and so near on the bar of the swipe


def _none() -> Dividers:
    return Dividers.of({})


@dataclass
class ShownDividers(Shown):
    """`pointer` is in pixels of the pane that it is in."""

    mode: str = "side"
    swipe: float = 0.5  # how much of the width is the target's
    panes: tuple[Pane, ...] = ()
    target: Sampled | None = None
    mask: Mask | None = None
    frame: Arrays | None = None  # of the network; the divider that a person drags is where the mouse has it
    dividers: Dividers = field(default_factory=_none)  # of the frame
    overlay: bool = True
    editable: bool = True
    selected: int | None = None
    hovered: int | None = None

    def arrange(self) -> None:
        """Divide the canvas into panes, as the mode wants it."""
        self.panes = arranged(self.mode, self.physical, round(GAP * self.ratio), self.swipe)

    def show(self, frame: Arrays | None, held: tuple[int, Arrays] | None) -> None:
        """A frame, with other numbers for the divider that is held, if it still has such."""
        self.frame, self.dividers = frame, Dividers.of(frame or {})
        index = self.dividers.index(held[0]) if held is not None else None
        if frame is not None and held is not None and index is not None and fits(frame, index, held[1]):
            self.frame = with_numbers(frame, index, held[1])
            self.dividers = Dividers.of(self.frame)

    def in_world(self, pane: Pane, at: Point) -> Point:
        """A point of the canvas, as it lies in a pane."""
        x, y = self.camera.to_world(pane.local(*at), pane.size)
        return float(x), float(y)

    def pane_at(self, at: Point) -> Pane | None:
        return next((pane for pane in self.panes if pane.holds(*at)), None)

    def touched(self, pane: Pane, at: Point) -> tuple[int, str] | None:
        """The divider at a point of the canvas, and what of it: its "centre" or its "edge"."""
        if not self.overlay:
            return None
        found = nearest(self.dividers, self.camera, pane.size, pane.local(*at), REACH * self.ratio)
        return None if found is None else (int(self.dividers.ids[found[0]]), found[1])

    def on_bar(self, at: Point) -> bool:
        bar = self.swipe * self.panes[0].width
        return self.mode == "swipe" and abs(at[0] - bar) <= BAR_REACH * self.ratio
