"""A picture cut into tiles, so that each of them need only look at the cells around it."""

from __future__ import annotations

import torch
from torch import Tensor

from ...models.dividers.cells import LOOKED_AT, Tiles

CELLS_EACH = 5  # of all cells, so many a tile: those it looks at are then mostly those around it
LEAST_PIXELS = 16  # of a tile
PROBED = 5  # places along each side of a tile, its corners among them


class Tiling:
    """N pixels at most in each of T tiles."""

    def __init__(self, rows: Tensor, size: tuple[int, ...], cells: int):
        """`rows` are all pixels (H · W, 8) of a picture of `size` (H, W), their weight last."""
        self.cells, self._rows = cells, rows
        height, width = size
        wanted = min(cells // CELLS_EACH, height * width // LEAST_PIXELS) if cells > LOOKED_AT else 1
        across = min(width, max(1, round((wanted * width / height) ** 0.5)))
        down = min(height, max(1, round(wanted / across)))
        x_cuts, y_cuts = (torch.arange(n + 1) * size // n for n, size in ((across, width), (down, height)))
        wide, high = int(x_cuts.diff().max()), int(y_cuts.diff().max())
        # Every tile has room for the largest; in smaller ones the last pixels stand there again and count nothing.
        x, y = x_cuts[:-1, None] + torch.arange(wide), y_cuts[:-1, None] + torch.arange(high)
        real = (y < y_cuts[1:, None])[:, None, :, None] & (x < x_cuts[1:, None])[None, :, None, :]
        x, y = torch.minimum(x, x_cuts[1:, None] - 1), torch.minimum(y, y_cuts[1:, None] - 1)
        pixel = y[:, None, :, None] * width + x[None, :, None, :]  # (down, across, high, wide)
        self._pixel = pixel.reshape(down * across, -1).to(rows.device)  # (T, N)
        self._real = real.reshape(down * across, -1).to(rows)
        step = 2 / max(height, width)
        left, top = (x_cuts - width / 2) * step, (y_cuts - height / 2) * step
        along = torch.linspace(0, 1, PROBED)
        px = left[:-1, None] + left.diff()[:, None] * along  # (across, S)
        py = top[:-1, None] + top.diff()[:, None] * along
        shape = (down, across, PROBED, PROBED)
        probes = torch.stack([px[None, :, None].expand(shape), py[:, None, :, None].expand(shape)], -1)
        probes = probes.reshape(down * across, -1, 2).to(rows)
        self.tiles = Tiles(probes.mean(1), probes)

    def some(self, count: int, generator: torch.Generator) -> Tensor:
        """About so many random pixels, equally many of each tile, or all: (8, B), tile by tile."""
        tiles, room = self._pixel.shape
        pixel, real, each = self._pixel, self._real, max(1, count // tiles)
        if count > 0 and each < room:
            chosen = torch.randperm(room, generator=generator, device=pixel.device)[:each]
            pixel, real = pixel[:, chosen], real[:, chosen]
        columns = self._rows.index_select(0, pixel.reshape(-1)).T.contiguous()
        columns[7] *= real.reshape(-1)
        return columns
