"""Lines, circles and cells drawn over a picture: a light line with a dark halo, smooth at any size and any depth.

Every pixel takes the distance to the nearest divider, so where lines cross, no halo cuts through another's line. A tile
of the picture looks only at the dividers that can reach it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.dividers.render import Region
from ...snapshot import Bytes

Floats = npt.NDArray[np.float64]

TILE = 32
LINE, CIRCLE, CELL = range(3)
LIGHT, LIGHT_OPACITY = np.array([250, 250, 248], np.float32), np.float32(0.95)
HALO, HALO_OPACITY = np.array([14, 17, 22], np.float32), np.float32(0.6)


def stroke_of(width: int, height: int) -> float:
    """How many pixels wide a line is in a picture of this size: thin, and alike in a small picture and a large one."""
    return max(1.0, min(width, height) / 720)


def draw_overlay(picture: Bytes, frame: Mapping[str, Any], region: Region, stroke: float) -> None:
    """Draw the dividers of a frame (parameters by name) into the picture (H, W, 3) of a region."""
    height, width = picture.shape[:2]
    reach = 1.5 * stroke + 0.5  # of a divider, in pixels, with its halo
    shapes = _Shapes(frame, region.pixel)
    rows, columns = -(-height // TILE), -(-width // TILE)
    ys = region.y + (np.arange(rows) * TILE + (TILE - height) / 2) * region.pixel
    xs = region.x + (np.arange(columns) * TILE + (TILE - width) / 2) * region.pixel
    for row, y in enumerate(ys):
        near = shapes.least(xs[:, None], y) <= reach + TILE / 2**0.5  # (C, D)
        tiles, units = near.nonzero()
        place = np.arange(len(tiles)) - np.searchsorted(tiles, tiles)  # of the divider among its tile's
        nearest = np.full((columns, TILE, TILE), np.inf, np.float32)
        for turn in range(int(place.max(initial=-1)) + 1):
            tile, unit = tiles[place == turn], units[place == turn]
            away = shapes.distances(xs[tile], y, unit)  # (n, t, t)
            nearest[tile] = np.minimum(nearest[tile], away)
        top = row * TILE
        for tile in np.unique(tiles):
            part = picture[top : top + TILE, tile * TILE : (tile + 1) * TILE]
            _stroke(part, nearest[tile, : part.shape[0], : part.shape[1]], stroke)


class _Shapes:
    """The dividers of a frame: lines, circles, and cells as the ellipses of their radii; distances are in pixels."""

    def __init__(self, frame: Mapping[str, Any], pixel: float):
        self.pixel = pixel
        angle = _of(frame, "line_angle", ())
        centre = _of(frame, "line_centre", (2,))
        circle = _of(frame, "circle_centre", (2,))
        cell = _of(frame, "cell_centre", (2,))
        normal = np.stack([np.cos(angle), np.sin(angle)], axis=-1)  # (L, 2)
        along = _of(frame, "line_offset", ()) if "line_offset" in frame else (normal * centre).sum(1)
        # (D, 2), (D, 2), and (D,) offset or radius; of a cell, the way of its first radius and the radii (D, 2).
        turn = _of(frame, "cell_angle", ())
        way = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        self.normal = np.concatenate([normal, np.zeros_like(circle), way])
        self.centre = np.concatenate([np.zeros_like(normal), circle, cell])
        self.size = np.concatenate([along, np.exp(_of(frame, "circle_log_radius", ())), np.ones(len(cell))])
        none = np.ones((len(normal) + len(circle), 2))
        self.radii = np.concatenate([none, np.exp(_of(frame, "cell_log_radius", (2,)))])
        self.kind = np.repeat([LINE, CIRCLE, CELL], [len(normal), len(circle), len(cell)])

    def least(self, x: Floats, y: float) -> Floats:
        """The least that the distances from points (n, 1) to all dividers can be: (n, D)."""
        straight = x * self.normal[:, 0] + y * self.normal[:, 1]
        dx, dy = x - self.centre[:, 0], y - self.centre[:, 1]
        along, across = (
            dx * self.normal[:, 0] + dy * self.normal[:, 1],
            dy * self.normal[:, 0] - dx * self.normal[:, 1],
        )
        stretched = np.hypot(along / self.radii[:, 0], across / self.radii[:, 1])
        measured = np.choose(self.kind, [straight, np.hypot(dx, dy), stretched])
        scale = np.where(self.kind == CELL, self.radii.min(1, initial=np.inf), 1)
        away: Floats = np.abs(measured - self.size) * scale / self.pixel
        return away

    def distances(self, x: Floats, y: float, unit: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """From every pixel of tiles around (x, y), (n,), to one divider each: (n, t, t)."""
        steps = (np.arange(TILE) - (TILE - 1) / 2) * self.pixel
        away = np.empty((len(unit), TILE, TILE), np.float32)
        for kind in (LINE, CIRCLE, CELL):
            which = self.kind[unit] == kind
            u, at = unit[which], x[which, None]
            normal, centre, size = self.normal[u], self.centre[u], self.size[u, None]
            if kind == CELL:
                away[which] = self._to_ellipse(u, at + steps - centre[:, :1], y + steps - centre[:, 1:])
                continue
            if kind == CIRCLE:
                column = (at + steps - centre[:, :1]) ** 2
                row = (y + steps - centre[:, 1:]) ** 2
                measured = np.sqrt(column[:, None, :] + row[:, :, None])
                measured -= size[:, :, None]
            else:
                column = (at + steps) * normal[:, :1] - size
                measured = column[:, None, :] + ((y + steps) * normal[:, 1:])[:, :, None]
            away[which] = np.abs(measured, out=measured) / self.pixel
        return away

    def _to_ellipse(self, unit: npt.NDArray[np.intp], dx: Floats, dy: Floats) -> Floats:
        """From pixels at dx, dy (n, t) from the centres of cells to their ellipses: (n, t, t).

        An ellipse is a circle, stretched: near its edge, where it is drawn, the distance is that of the circle by how
        much it is stretched there."""
        cos, sin = self.normal[unit, :1, None], self.normal[unit, 1:, None]
        first, second = self.radii[unit, :1, None], self.radii[unit, 1:, None]
        x, y = dx[:, None, :], dy[:, :, None]
        along, across = (x * cos + y * sin) / first, (y * cos - x * sin) / second  # (n, t, t)
        far = np.maximum(np.hypot(along, across), 1e-12)
        slope = np.maximum(np.hypot(along / first, across / second) / far, 1e-12)
        away: Floats = np.abs(far - 1) / slope / self.pixel
        return away


def _of(frame: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Floats:
    return np.asarray(frame[name], np.float64) if name in frame else np.zeros((0, *shape))


def _stroke(part: Bytes, away: npt.NDArray[np.float32], stroke: float) -> None:
    """Blend halo and line into a part of the picture, (h, w, 3), by the distance (h, w) to the nearest divider."""
    colours = part.astype(np.float32)
    for colour, opacity, half in ((HALO, HALO_OPACITY, 1.5 * stroke), (LIGHT, LIGHT_OPACITY, 0.5 * stroke)):
        covered = np.clip(half + 0.5 - away, 0, 1) * opacity
        colours += (colour - colours) * covered[..., None]
    part[:] = np.rint(colours).astype(np.uint8)
