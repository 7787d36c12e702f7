"""Where one looks: plain float64, so that deep zoom does not shake.

World coordinates are the network's: the longer side of the picture spans [-1, 1], y points down. Screen coordinates
are physical pixels from a pane's top left corner, y down; a pixel's centre lies at +0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Size = tuple[int, int]  # width, height
Point = tuple[float, float]
Part = tuple[int, int, int, int]  # of a screen: left, top, width, height

NEAREST, FARTHEST = 1e-11, 1.0  # world units a pixel; nearer, float64 itself has no more places


def half_extent(picture_size: Size) -> tuple[float, float]:
    """Half the width and height of a picture in world units."""
    width, height = picture_size
    longer = max(width, height)
    return width / longer, height / longer


@dataclass(frozen=True)
class Camera:
    """What is in the middle of a pane, and how large a pixel is."""

    x: float = 0.0
    y: float = 0.0
    pixel: float = 1 / 256

    @classmethod
    def fitted(cls, extent: tuple[float, float], size: Size, margin: float = 0.0) -> Camera:
        """All of a picture of this half extent in a pane of this size, `margin` pixels free on each side."""
        room_x, room_y = max(1.0, size[0] - 2 * margin), max(1.0, size[1] - 2 * margin)
        return cls(0.0, 0.0, max(2 * extent[0] / room_x, 2 * extent[1] / room_y))

    def to_world(self, screen: npt.ArrayLike, size: Size) -> Floats:
        """Points (..., 2) on the screen, in the world."""
        return (np.asarray(screen, float) - np.array(size) / 2) * self.pixel + (self.x, self.y)

    def to_screen(self, world: npt.ArrayLike, size: Size) -> Floats:
        """Points (..., 2) of the world, on the screen."""
        return (np.asarray(world, float) - (self.x, self.y)) / self.pixel + np.array(size) / 2

    def zoomed(self, about: tuple[float, float], factor: float, size: Size) -> Camera:
        """Nearer by `factor`; the point at `about` (screen) stays where it is."""
        pixel = min(FARTHEST, max(NEAREST, self.pixel / factor))
        x, y = self.to_world(about, size)
        kept = pixel / self.pixel
        return Camera(x + (self.x - x) * kept, y + (self.y - y) * kept, pixel)

    def moved_into(self, part: Part, size: Size) -> Camera:
        """What sees, with a pane of just the size of a part (left, top, width, height), what this sees there."""
        left, top, width, height = part
        x, y = self.to_world((left + width / 2, top + height / 2), size)
        return replace(self, x=float(x), y=float(y))

    def panned(self, dx: float, dy: float) -> Camera:
        """The picture moved by so many pixels."""
        return replace(self, x=self.x - dx * self.pixel, y=self.y - dy * self.pixel)

    def seen(self, size: Size) -> tuple[float, float, float, float]:
        """The world rectangle in view: left, top, right, bottom."""
        across, down = size[0] / 2 * self.pixel, size[1] / 2 * self.pixel
        return self.x - across, self.y - down, self.x + across, self.y + down
