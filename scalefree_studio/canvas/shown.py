"""What a canvas shows. Only the canvas changes it; its painter draws it, and its mouse looks up what lies where."""

from __future__ import annotations

from dataclasses import dataclass, field

from .brush import Brush
from .camera import Camera, Point, Size
from .colours import DARK, Colours


@dataclass
class Shown:
    """What every canvas has. Sizes and places are pixels of the screen unless they say otherwise."""

    colours: Colours = DARK
    physical: Size = (1, 1)  # the size of the canvas
    ratio: float = 1.0  # so many pixels a logical one
    camera: Camera = field(default_factory=Camera)
    brush: Brush | None = None
    pointer: Point | None = None  # where the mouse is
