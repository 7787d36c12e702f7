"""The controls of how one looks, apart from what learns. Those of learning are in jobs/divider_controls.py."""

from __future__ import annotations

from dataclasses import dataclass

from ..controls import control


@dataclass(frozen=True)
class ViewControls:
    # fmt: off
    border: float = control(
        1.0, label="Border", help="How much around the picture the whole view shows: 3 is three times its extent.",
        low=1.0, high=30.0, scale="log", live=True, group="View", unit="×",
    )
    # fmt: on
