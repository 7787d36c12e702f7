"""What cells tell the layer that reads them, at the pixels of a picture of any size and depth.

In a small tile only the few cells matter whose share is not lost in rounding anywhere in it. A cell's E is a parabola:
over the tile it lies between bounds that are read off at the tile's middle, where it is worked out in float64.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

LOST = 17.0  # e⁻¹⁷ is less than half of the last bit of float32


class CellRender:
    """K cells, laid out for drawing; one more that has no share, for padding. M units are told."""

    def __init__(self, params: Mapping[str, Tensor], weight: Tensor):
        """`params` in float64; `weight` (M, K) is how the reading layer hears the cells."""
        cos, sin = params["cell_angle"].cos(), params["cell_angle"].sin()
        first, second = torch.exp(-2 * params["cell_log_radius"]).T
        self.centre = params["cell_centre"]
        self.across = cos * cos * first + sin * sin * second
        self.both = cos * sin * (first - second)
        self.down = sin * sin * first + cos * cos * second
        self.count = len(cos)
        self.weight = torch.cat([weight.T, weight.new_zeros(1, len(weight))])  # (K + 1, M)

    def seen(self, x: Tensor, y: Tensor, half: float) -> Tensor:
        """Which cells matter in tiles around (x, y), (T,), whose outermost pixels are so far away: (T, K)."""
        level, to_x, to_y = self._at(x[:, None], y[:, None], slice(None))
        sway = (
            to_x.abs() + to_y.abs()
        ) * half  # how much E changes at most within the tile, but for the bend
        bend = (self.across + 2 * self.both.abs() + self.down) * (half * half / 2)
        best = (level - sway - bend).amax(1, keepdim=True)  # some cell has at least so much everywhere
        seen: Tensor = level + sway > best - LOST
        return seen

    def told(self, cells: Tensor, x: Tensor, y: Tensor, pixel: float, tile: int) -> Tensor:
        """What the reading layer is told by cells (G, K) at the pixels of tiles around x, y (G,): (G, M, P)."""
        there = cells < self.count
        some = torch.where(there, cells, 0)
        level, to_x, to_y = self._at(x[:, None], y[:, None], some)
        level = torch.where(there, level, -torch.inf)
        level = level - level.amax(1, keepdim=True)
        bend = [factor[some] * (pixel * pixel) for factor in (self.across, self.both, self.down)]
        parabola = torch.stack([
            level, to_x * pixel, to_y * pixel, -bend[0] / 2, -bend[1], -bend[2] / 2
        ], -1).float()  # fmt: skip
        d = torch.arange(tile, device=x.device) - (tile - 1) / 2
        dx, dy = d.repeat(tile), d.repeat_interleave(tile)
        powers = torch.stack([torch.ones_like(dx), dx, dy, dx * dx, dx * dy, dy * dy])  # (6, P)
        share = torch.softmax(parabola @ powers, 1)  # (G, K, P)
        return torch.bmm(self.weight[cells].transpose(1, 2), share)

    def _at(self, x: Tensor, y: Tensor, cells: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
        """E of cells at places, and how fast it changes across and down."""
        dx, dy = x - self.centre[cells, 0], y - self.centre[cells, 1]
        to_x = -(self.across[cells] * dx + self.both[cells] * dy)
        to_y = -(self.both[cells] * dx + self.down[cells] * dy)
        return (to_x * dx + to_y * dy) / 2, to_x, to_y
