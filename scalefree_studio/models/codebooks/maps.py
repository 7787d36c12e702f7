"""Self-organising maps over the patches of latents: one for each size of patch, the coarsest first.

Latents of B pictures, (B, Z, H, W), are cut into patches; each patch of a stage is a vector of its map. There are S
stages; stage s has H_s × W_s patches of P × P places, or a single one of H × W.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...errors import UserError
from .patches import Sides, from_patches, to_patches
from .som import SelfOrganisingMap, Shape


@dataclass(frozen=True)
class Stage:
    """How a map of one size of patch is made."""

    sides: Sides  # of a patch, in places
    shape: Shape  # of the map
    latent: int  # numbers of a place

    @property
    def width(self) -> int:
        return self.sides[0] * self.sides[1] * self.latent


class Codebooks(nn.Module):
    def __init__(self, stages: Sequence[Stage], rule: str = "batch"):
        super().__init__()
        self.stages = tuple(stages)
        self.maps = nn.ModuleList(SelfOrganisingMap(s.shape, s.width, rule) for s in self.stages)

    def map_of(self, stage: int) -> SelfOrganisingMap:
        found = self.maps[stage]
        assert isinstance(found, SelfOrganisingMap)
        return found

    def __iter__(self) -> Iterator[SelfOrganisingMap]:
        return (self.map_of(s) for s in range(len(self.stages)))

    def patches(self, z: Tensor, stage: int) -> Tensor:
        """Latents (B, Z, H, W) as vectors (B · H_s · W_s, D) of a stage."""
        return to_patches(z, self.stages[stage].sides).flatten(0, 1)

    def forward(self, z: Tensor) -> Tensor:
        """(): the mean quantisation error of all stages, of latents (B, Z, H, W)."""
        errors = [som(self.patches(z, s)) for s, som in enumerate(self)]
        return torch.stack(errors).mean()

    def grid(self, stage: int, rows: int, columns: int) -> tuple[int, int]:
        """Rows and columns of tokens of a stage, for latents of this size; or a UserError."""
        down, right = self.stages[stage].sides
        if rows % down or columns % right:
            raise UserError(
                f"Latents of {columns}×{rows} cannot be cut into patches of {right}×{down}: take another size."
            )
        return rows // down, columns // right

    def codes(self, z: Tensor) -> list[Tensor]:
        """(B, H_s, W_s) a stage."""
        sizes = [self.grid(s, *z.shape[2:]) for s in range(len(self.stages))]
        return [som.nearest(self.patches(z, s)).view(len(z), *sizes[s]) for s, som in enumerate(self)]

    def lookup(self, codes: Tensor, stage: int) -> Tensor:
        """Latents (B, Z, H, W) of the codes of a stage (B, H_s, W_s)."""
        (down, right), (rows, columns) = self.stages[stage].sides, codes.shape[1:]
        vectors = self.map_of(stage).units.detach()[codes.flatten(1)]  # (B, H_s · W_s, D)
        return from_patches(vectors, (down, right), rows * down, columns * right)
