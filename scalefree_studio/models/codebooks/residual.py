"""Residual quantisation over scales: maps of tokens from coarse to fine, which add up, with one codebook for all.

At each scale, what is still missing is averaged over the cells of its grid, each cell becomes a code, and the map of
codes is interpolated to full size and added. Of a map of another size than that of the last scale, all scales are
larger or smaller in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .codebook import CodebookQuantiser
from .interface import Quantised, map_of, rows_of
from .shape import QuantiserShape

Size = tuple[int, int]


class Residual(CodebookQuantiser):
    def __init__(self, shape: QuantiserShape, width: int):
        self.scales = shape.scale_list
        super().__init__(shape, width, len(self.scales))
        self.refine = nn.ModuleList(Refine(width) if shape.refine else nn.Identity() for _ in self.scales)

    def grids(self, rows: int, columns: int) -> tuple[Size, ...]:
        return tuple((self._part(rows, scale), self._part(columns, scale)) for scale in self.scales)

    def _part(self, length: int, scale: int) -> int:
        return max(1, round(length * scale / self.scales[-1]))

    def forward(self, z: Tensor) -> Quantised:
        with torch.autocast(z.device.type, enabled=False):
            return self._quantised(z.to(self.codebook.vectors.dtype))

    def _quantised(self, z: Tensor) -> Quantised:
        size: Size = (z.shape[2], z.shape[3])
        begins = self.learning and not self.codebook.started  # no codes yet: k-means makes them of this batch
        total, loss = torch.zeros_like(z), z.new_zeros(())
        codes, seen = list[Tensor](), list[tuple[Tensor, Tensor]]()
        for stage, grid in enumerate(self.grids(*size)):
            missing = F.interpolate(z - total.detach(), grid, mode="area")  # (B, D, H_s, W_s)
            x = rows_of(missing)
            at = self.codebook.nearest(x)
            chosen = x.detach() if begins else self.codebook(at)
            total = total + self._grown(stage, map_of(chosen.detach(), missing), size)
            loss = loss + self._loss(x, chosen, z, total)
            codes.append(at.view(len(z), *grid))
            seen.append((x.detach(), at))
        if self.learning:
            self._seen = seen
        if begins:
            return Quantised(z, tuple(codes), z.new_zeros(()))
        values = map_of(self.through(rows_of(z), rows_of(total)), z)
        return Quantised(values, tuple(codes), loss / self.stages)

    def _grown(self, stage: int, values: Tensor, size: Size) -> Tensor:
        """What a stage adds, (B, D, H, W), of what its codes stand for, (B, D, H_s, W_s)."""
        if values.shape[2:] != size:
            values = F.interpolate(values, size, mode="bilinear")
        grown: Tensor = self.refine[stage](values)
        return grown

    def _loss(self, x: Tensor, chosen: Tensor, z: Tensor, total: Tensor) -> Tensor:
        """Of one stage: latents keep to their codes, and codes and what refines them to the latents."""
        loss = self.closeness(x, chosen)
        return loss + F.mse_loss(total, z.detach()) if self.shape.refine else loss

    def lookup(
        self, codes: Sequence[Tensor], rows: int, columns: int, drawn: Sequence[Tensor] | None = None
    ) -> Tensor:
        size: Size = (rows, columns)
        total = self.codebook.vectors.new_zeros(len(codes[0]), self.width, *size)
        for stage, at in enumerate(codes):
            values = map_of(self.codebook(at.reshape(-1)), at)
            if drawn is None:
                total = total + self._grown(stage, values, size)
            else:  # what refines a stage is not to say anything where nothing is drawn of it
                there = drawn[stage][:, None].to(values.dtype)
                total = total + self._grown(stage, values * there, size) * F.interpolate(there, size)
        return total


class Refine(nn.Module):
    """Mends a map that was interpolated, (B, D, H, W); at first it changes nothing."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.conv(x)
        return y
