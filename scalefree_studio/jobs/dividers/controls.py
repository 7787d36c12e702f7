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
        0.01, label="Final rate", help="What is left of the learning rate when the schedule has run its course.",
        low=1e-4, high=1.0, scale="log", live=True, group="Learning", unit="×", advanced=True,
    )
    horizon: int = control(
        40_000, label="Schedule", help="So many steps the schedule takes, where no time or number of steps is given.",
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
        0, label="Downscale", help="Learn from a picture so many times smaller; 0 brings the longer side to 512.",
        low=0, high=64, group="Picture", unit="×",
    )
    weigh_center: float = control(
        1.0, label="Weight of the centre", help="How much more the pixels of the centre count; 1 is no more.",
        low=0.01, high=100.0, scale="log", live=True, group="What matters", unit="×",
    )
    center_inner: float = control(
        0.2, label="Inner radius", help="Within this distance of the centre the full weight holds.",
        low=0.0, high=4.0, live=True, group="What matters", advanced=True,
    )
    center_outer: float = control(
        0.8, label="Outer radius", help="Beyond this distance every pixel counts once.",
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


SHAPE_CONTROLS = ("lines", "circles", "relu", "tanh", "structure", "hidden", "line_form")


def best_division(numbers: int) -> dict[str, Any]:
    """The circles and colour units that make the best picture of a budget: many circles, few colours.

    Single runs on one photograph at 2,371 numbers: 19 colours 21.1 dB, 10 colours 22.2 dB, 8 colours 23.5 dB, 6 colours
    24.1 dB, 4 colours 23.2 dB, 3 colours 24.2 dB; from 6 down it is luck. A circle costs three numbers and
    one for each colour; a colour its bias and three ways out. What would be too many circles goes into colours.
    """
    hidden = max(3, round(6 * (numbers / 2371) ** 0.3))
    circles = (numbers - 3 - 4 * hidden) // (3 + hidden)
    if circles > MOST_UNITS:
        circles, hidden = MOST_UNITS, (numbers - 3 - 3 * MOST_UNITS) // (MOST_UNITS + 4)
    return {"lines": 0, "circles": max(1, circles), "relu": 0, "tanh": 0, "structure": 0, "hidden": hidden}


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
        raise ControlError("A network needs at least one line, circle or smooth unit.")
    return new


def with_units(controls: FitControls, counts: Mapping[str, int]) -> FitControls:
    """Controls of a network that has so many units of each kind by now. What a person adds or removes ends a budget."""
    new = replace(
        controls, lines=counts["line"], circles=counts["circle"], relu=counts["relu"], tanh=counts["tanh"]
    )
    return controls if new == controls else replace(new, numbers=0)
