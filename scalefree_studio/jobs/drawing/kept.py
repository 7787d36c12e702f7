"""What a drawing goes on from, in words."""

from __future__ import annotations

import numpy as np

from ...drawings import left, upper
from .layout import Layout
from .state import Bools, Prompt


def goes_on_from(prompt: Prompt | None, layout: Layout) -> str:
    """As "Kept: left half", or "Continuing: half.png, top half"; nothing where everything is drawn."""
    if prompt is None:
        return ""
    by_place = prompt.keep[:, layout.positions]  # (P, N): stage after stage, row by row
    stages = zip(layout.stages, np.split(by_place, layout.starts[1:-1], axis=1), strict=True)
    kept = [keep.reshape(-1, *stage.size) for stage, keep in stages if keep.any()]
    if not kept:
        return ""
    part = part_in_words(kept[-1])
    return f"Continuing: {prompt.name}, {part}" if prompt.name else f"Kept: {part}"


def part_in_words(keep: Bools) -> str:
    """A part of each of some pictures, (P, H, W)."""
    halves = {"top half": upper(keep.shape[1:3]), "left half": left(keep.shape[1:3])}
    if keep.all():
        return "all of it"
    for words, half in halves.items():
        if (keep == half).all():
            return words
    within = [words for words, half in halves.items() if not (keep & ~half).any()]
    return f"a part of the {within[0]}" if len(within) == 1 else f"{100 * keep.mean():.0f}% of it"
