"""Small token transformers with random weights, for tests."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from scalefree_studio.models.cascades.network import TokenTransformer
from scalefree_studio.models.cascades.shape import TokensShape

SMALL: dict[str, Any] = {"grids": "4x5x6", "layers": 2, "encoder_layers": 1, "width": 12, "heads": 2}
REFINES = {"grids": "2x2x5 3x2x4 4x5x6"}
SHAPES: list[dict[str, Any]] = [
    {},
    {"classes": 3},
    {"radius": 1, "hidden": "swiglu"},
    {"radius": 2, "positions": "modulation", "heads": 1, "grids": "6x4x7"},
    {"positions": "learned"},
    {"grids": "1x1x3 4x5x6", "positions": "both", "width": 15},
    {"grids": "1x6x9"},
    REFINES,
    {**REFINES, "classes": 3, "radius": 1, "coarser_radius": 1, "positions": "both"},
    {**REFINES, "positions": "learned", "encoder_layers": 0, "hidden": "gelu"},
    {**REFINES, "positions": "modulation", "radius": 1, "coarser_radius": 2, "width": 15},
]


def network(**shape: Any) -> TokenTransformer:
    """No choice of it is sure, and none depends on nothing."""
    made = TokenTransformer(TokensShape(**{**SMALL, **shape}))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.4, generator=generator)
    return made.eval()


def tokens_of(
    net: TokenTransformer, count: int = 2, seed: int = 2
) -> tuple[Tensor, Tensor | None, list[Tensor]]:
    """Own tokens (B, N), labels and coarser tokens of some pictures."""
    generator, shape = torch.Generator().manual_seed(seed), net.shape
    own = torch.randint(shape.own.codes, (count, shape.own.count), generator=generator)
    labels = torch.arange(count) % shape.classes if shape.classes else None
    coarser = [torch.randint(g.codes, (count, g.rows, g.columns), generator=generator) for g in shape.coarser]
    return own, labels, coarser


def places_of_stages(net: TokenTransformer) -> list[tuple[int, int, int]]:
    """(stage, row, column) of every place, stage after stage."""
    return [
        (stage, *place)
        for stage, grid in enumerate(net.shape.stages)
        for place in itertools.product(range(grid.rows), range(grid.columns))
    ]
