"""What a person can change about a divider network while it learns.

Units are named by ids that stay with them: a snapshot's frame carries `unit_ids`, (U,), in the order of the units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...snapshot import Array
from ..job import Edit


@dataclass(frozen=True)
class MoveUnit(Edit):
    """New parameters for one unit, by parameter name: a drag. All moves of one gesture are undone together."""

    unit: int
    values: Mapping[str, Array | float]
    gesture: int = 0


@dataclass(frozen=True)
class AddUnit(Edit):
    """One more unit. Without values it is placed where the error is."""

    kind: str  # "line", "circle" or "cell"
    values: Mapping[str, Array | float] | None = None


@dataclass(frozen=True)
class RemoveUnit(Edit):
    """One unit less; what it meant to the colours is kept, as its mean."""

    unit: int


@dataclass(frozen=True)
class SetMask(Edit):
    """How much each pixel counts, (H, W), 1 being normal; None: all alike."""

    mask: Array | None
