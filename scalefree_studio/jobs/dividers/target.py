"""The picture that is learnt, as rows of pixels with their weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...controls import ControlError
from ...models.dividers import network as dividers
from ...models.dividers.cells import Tiles
from ...models.dividers.fast import pixel_features
from ...snapshot import Array, frozen
from .controls import FitControls
from .tiling import Tiling

CELL_PIXELS = 8  # with cells a step looks at so many times more pixels, for each of them needs few cells
MEASURED_PIXELS = 16_384  # a fixed sample of this many says how good the picture is


class Target:
    def __init__(self, pixels: Array, device: torch.device):
        """`pixels` are (H, W, 3) bytes."""
        self.pixels = frozen(pixels)
        height, width = pixels.shape[:2]
        xy = dividers.pixel_grid(height, width, device)
        colours = torch.from_numpy(pixels.copy()).to(device).reshape(-1, 3).float() / 255
        # One row a pixel: x, y, 1, x² + y², r, g, b, weight. A batch is then one gather.
        self.rows = torch.cat([pixel_features(xy).T, colours, torch.ones_like(xy[:, :1])], 1)  # (P, 8)
        sample = min(len(self.rows), MEASURED_PIXELS)
        chosen = torch.randperm(len(self.rows), generator=torch.Generator().manual_seed(0))[:sample]
        self.measured = self.rows[chosen.to(device)] if sample < len(self.rows) else self.rows
        self._tiling: Tiling | None = None
        self.mask: Array | None = None
        self.weighted = False  # whether some pixels count more than others

    def checked(self, mask: Array | None) -> Array | None:
        """How much a person wants each pixel to count: (H, W)."""
        if mask is not None and mask.shape != self.pixels.shape[:2]:
            raise ControlError(f"A mask has the picture's size {self.pixels.shape[:2]}, not {mask.shape}.")
        weights = None if mask is None else np.asarray(mask, np.float32)
        if weights is not None and not (
            np.isfinite(weights).all() and (weights >= 0).all() and weights.any()
        ):
            raise ControlError("A mask holds weights that are not negative, and not all of them zero.")
        return None if weights is None else frozen(weights)

    def weights(self, c: FitControls, mask: Array | None) -> Tensor | None:
        """Every pixel's weight by a painted mask and the weighted centre, (P,), their mean 1; None: all alike."""
        if mask is None and c.weigh_center == 1:
            return None
        weight = dividers.centre_weight(
            self.rows[:, :2], c.weigh_center, c.center_inner, c.center_outer, c.center_x, c.center_y
        )
        if mask is not None:
            weight = weight * torch.from_numpy(mask.astype(np.float32)).to(weight).reshape(-1)
        return weight / weight.mean().clamp(min=1e-12)

    def weigh(self, weights: Tensor | None, mask: Array | None) -> None:
        """From now on pixels count so much."""
        self.mask, self.weighted = mask, weights is not None
        self.rows[:, 7] = 1.0 if weights is None else weights

    def some(self, count: int, generator: torch.Generator) -> Tensor:
        """So many random pixels, or all: (8, B)."""
        if not 0 < count < len(self.rows):
            return self.rows.T.contiguous()
        chosen = torch.randint(len(self.rows), (count,), generator=generator, device=self.rows.device)
        return self.rows.index_select(0, chosen).T.contiguous()

    def batch(self, count: int, cells: int, generator: torch.Generator) -> tuple[Tensor, Tiles | None]:
        """What a step looks at, (8, B), and with cells the tiles by which it comes."""
        if not cells:
            return self.some(count, generator), None
        if self._tiling is None or self._tiling.cells != cells:
            self._tiling = Tiling(self.rows, self.pixels.shape[:2], cells)
        return self._tiling.some(count * CELL_PIXELS, generator), self._tiling.tiles
