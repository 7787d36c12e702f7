"""Which view shows which kind of snapshot, and to which instrument it belongs: a line for every one."""

from __future__ import annotations

from .divider_view import DividerView
from .drawing_view import DrawingView
from .training_view import TrainingView
from .view import View

VIEWS: dict[str, type[View]] = {
    "dividers": DividerView,
    "pixelcnn": TrainingView,
    "drawing": DrawingView,
}

INSTRUMENTS = {  # name → its title, and what it is
    "dividers": ("Dividers", "A picture cut by lines and circles, each of which is a unit of a tiny network"),
    "pixelcnn": ("PixelCNN", "A network that learns many pictures, and then draws new ones pixel by pixel"),
}
