"""Units that matter least, moved to where they help most, while a network learns."""

from __future__ import annotations

import torch

from ...models.dividers.cell_revival import revive_cells
from ...models.dividers.network import unit_counts
from ...models.dividers.revival import revive as revive_dividers
from . import schedule
from .controls import FitControls
from .learner import Learner
from .target import Target

PIXELS = 4096  # on which it is measured what a unit is worth
MOST_COLOURS = 64  # a cell's new colour is solved for; with more colour units than this, cells stay


def revive(
    ours: Learner, target: Target, c: FitControls, progress: float, cells: bool, random: torch.Generator
) -> None:
    """Move some lines and circles; with `cells`, some of these as well."""
    memory, counts = [*ours.moments[:2]], unit_counts(ours.params)
    units = sum(counts.values())
    if units > counts["cell"]:
        columns = target.some(PIXELS, random)
        said = ours.fused.said(columns[:4], c.sharpness)
        weight = columns[7] if target.weighted else None
        count = schedule.revived(units, progress)
        revive_dividers(ours.params, memory, said, columns[:2].T, columns[4:7].T, weight, count, random)
    if cells and ours.fused.cells and len(ours.params[f"{ours.fused.layers[0]}_bias"]) <= MOST_COLOURS:
        columns = target.some(PIXELS, random)
        weight = columns[7] if target.weighted else None
        count = schedule.revived(counts["cell"], progress, schedule.CELLS_REVIVED)
        xy, colours = columns[:2].T.contiguous(), columns[4:7].T.contiguous()
        revive_cells(ours.params, memory, xy, colours, weight, count, c.sharpness, random)
        ours.look_anew()
