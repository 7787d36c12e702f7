"""Every control of fitting a divider network, declared once. Those of the network itself are in `DividerShape`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...controls import ControlError, control, edited
from ...models.dividers.network import MOST_UNITS, DividerShape


@dataclass(frozen=True)
class FitControls(DividerShape):
    # fmt: off
    numbers: int = control(
        0, label="Numbers", help="Let so many numbers make the picture, divided in the best way; 0: as set above.",
        low=0, high=1_000_000, scale="log", group="Network",
    )
    gradient_sharpness: float = control(
        5.0, label="Gradient sharpness",
        help="How near to its edge a divider learns: the g of the false gradient g · sech²(E · g) at the start.",
        low=0.1, high=1000.0, scale="log", live=True, group="Edges",
    )
    gradient_sharpening: float = control(
        40.0, label="Sharpening", help="By what factor the gradient sharpness has grown at the end of the schedule.",
        low=1.0, high=1000.0, scale="log", live=True, group="Edges", unit="×",
    )
    learning_rate: float = control(
        0.005, label="Learning rate", help="How far each step goes, at the start of the schedule.",
        low=1e-5, high=1.0, scale="log", live=True, group="Learning",
    )
    divider_rate: float = control(
        3.0, label="Divider rate", help="How much faster lines and circles move than colours learn.",
        low=0.01, high=100.0, scale="log", live=True, group="Learning", unit="×", advanced=True,
    )
    matrix_rate: float = control(
        0.6, label="Mixing rate", help="How much faster the mixing of dividers into colours is learnt.",
        low=0.01, high=100.0, scale="log", live=True, group="Learning", unit="×", advanced=True,
    )
    final_rate: float = control(
        0.01, label="Final rate", help="What is left of the learning rate at the end of the schedule.",
        low=1e-4, high=1.0, scale="log", live=True, group="Learning", unit="×", advanced=True,
    )
    horizon: int = control(
        40_000, label="Schedule", help="How many steps the schedule takes, if no time or number of steps "
        "is given.",
        low=100, high=10_000_000, scale="log", live=True, group="Learning", unit="steps",
    )
    batch_size: int = control(
        2048, label="Batch", help="How many pixels a step looks at; 0 is the whole picture.",
        low=0, high=1 << 22, scale="log", live=True, group="Learning", unit="pixels",
    )
    start: str = control(
        "auto", label="Start",
        help="Where dividers begin: on the strongest edges, at random, or on edges where a few explain the picture.",
        choices=("auto", "edges", "random"), group="Learning", advanced=True,
    )
    revive: bool = control(
        True, label="Revive", help="Now and then move the least useful dividers to where the error is.",
        live=True, group="Learning", advanced=True,
    )
    seed: int = control(
        0, label="Seed", help="The same seed and settings give the same picture.",
        low=0, high=2**31 - 1, group="Learning",
    )
    downscale: int = control(
        0, label="Downscale", help="Learn from a picture this many times smaller; 0 brings the longer side "
        "to 512.",
        low=0, high=64, group="Picture", unit="×",
    )
    weigh_center: float = control(
        1.0, label="Weight of the centre", help="How much more pixels near the centre count; 1 means no "
        "more.",
        low=0.01, high=100.0, scale="log", live=True, group="What matters", unit="×",
    )
    center_inner: float = control(
        0.2, label="Inner radius", help="Within this distance of the centre, pixels have the full weight.",
        low=0.0, high=4.0, live=True, group="What matters", advanced=True,
    )
    center_outer: float = control(
        0.8, label="Outer radius", help="Beyond this distance, every pixel counts once.",
        low=0.0, high=4.0, live=True, group="What matters", advanced=True,
    )
    center_x: float = control(
        0.0, label="Centre, across", help="Where the weighted centre lies: -1 left, 1 right.",
        low=-1.0, high=1.0, live=True, group="What matters", advanced=True,
    )
    center_y: float = control(
        0.0, label="Centre, down", help="Where the weighted centre lies: -1 top, 1 bottom.",
        low=-1.0, high=1.0, live=True, group="What matters", advanced=True,
    )
    # fmt: on


SHAPE_CONTROLS = ("lines", "circles", "cells", "relu", "tanh", "structure", "hidden", "line_form")


def best_division(numbers: int, colours: int = 3) -> dict[str, Any]:
    """The units that make the best picture of a budget: cells, each with a colour of its own.

    On every picture of the board that was tuned on, cells leave hard edges behind by decibels (docs/dividers.md). A
    cell with its colour is eight numbers; seven or six where a picture's colours lie along two ways or one, which are
    then colour units. What would be too many cells goes into circles, and what would be too many circles into colours.
    """
    hidden = colours if colours < 3 else 0
    rest = numbers - 3 - 4 * hidden
    cells = max(1, min(MOST_UNITS, rest // (5 + colours)))
    if cells == MOST_UNITS and hidden:
        return best_division(numbers)  # there are numbers enough
    circles = min(MOST_UNITS, (rest - (5 + colours) * cells) // (3 + colours)) if cells == MOST_UNITS else 0
    more = (numbers - 3 - 8 * MOST_UNITS) // (2 * MOST_UNITS + 4)
    if circles == MOST_UNITS and more >= 6:  # fewer could not say every colour
        hidden = more
    return {
        "lines": 0, "circles": circles, "cells": cells, "relu": 0, "tanh": 0, "structure": 0, "hidden": hidden,
    }  # fmt: skip


def with_values(controls: FitControls, values: Mapping[str, Any]) -> FitControls:
    """Controls after some edits. A budget of numbers sets the network's shape; setting the shape ends the budget."""
    new = edited(controls, values)
    if new.numbers != controls.numbers and new.numbers:
        if new.numbers < 21:
            raise ControlError("A network takes at least 21 numbers.")
        new = replace(new, **best_division(new.numbers))
    elif new.numbers and any(getattr(new, name) != getattr(controls, name) for name in SHAPE_CONTROLS):
        new = replace(new, numbers=0)
    if new.units == 0:
        raise ControlError("A network needs at least one line, circle, cell or smooth unit.")
    return new


def with_units(controls: FitControls, counts: Mapping[str, int]) -> FitControls:
    """Controls of a network that has so many units of each kind by now. What a person adds or removes ends a budget."""
    new = replace(
        controls, lines=counts["line"], circles=counts["circle"], cells=counts["cell"], relu=counts["relu"],
        tanh=counts["tanh"],
    )  # fmt: skip
    return controls if new == controls else replace(new, numbers=0)
