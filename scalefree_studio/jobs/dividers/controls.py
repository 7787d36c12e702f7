"""Every control of fitting a divider network, declared once. Those of the network itself are in `DividerShape`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...amounts import numbers_typed, size_in_words
from ...controls import ControlError, control, controls_of, edited
from ...models.dividers.network import MOST_UNITS, DividerShape

BEST = "best"
WORDS = {"lines": "Lines", "circles": "Circles", "both": "Both", BEST: "Best for a budget"}
BYTES = 2  # that a number takes, where it is stored in half precision
BUDGET = 2371  # numbers: those of 64 lines, of 64 circles, or of 32 of each, with 32 colours
LEAST_BUDGET = 21


@dataclass(frozen=True)
class FitControls(DividerShape):
    # fmt: off
    made_of: str | None = control(
        None, label="Made of", choices=tuple(WORDS), words=tuple(WORDS.values()), pictures="made-of", unset=BEST,
        help="What divides the picture: lines, circles, some of both, or whatever works best for a size.",
        group="Made of", first=True,
    )
    numbers: int = control(
        0, label="Size", help="How many numbers to spend on the picture: 2371, or 4.7 kB at two bytes a "
        "number.",
        low=0, high=1_000_000, scale="log", slides=(100, 100_000), group="Made of", first=True,
        read_typed=lambda text: numbers_typed(text, BYTES),
        in_words=lambda n: size_in_words(n, BYTES * n) if n else "not set",
    )
    gradient_sharpness: float = control(
        5.0, label="Gradient sharpness",
        help="How near its edge a divider learns: the g of the false gradient g · sech²(g · E), at the start.",
        low=0.1, high=1000.0, scale="log", live=True, group="Edges",
    )
    gradient_sharpening: float = control(
        40.0, label="Sharpening", help="How many times greater the gradient sharpness is at the end of the schedule.",
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
        0.6, label="Mixing rate", help="How much faster the mixing of dividers into colours is learned.",
        low=0.01, high=100.0, scale="log", live=True, group="Learning", unit="×", advanced=True,
    )
    final_rate: float = control(
        0.01, label="Final rate", help="The share of the learning rate that is left at the end of the schedule.",
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

    def idle(self) -> Collection[str]:
        """Controls that say nothing as the others stand: a form leaves them out."""
        if self.made_of == BEST:
            return SHAPE_CONTROLS + (() if self.lines or self.circles else EDGE_CONTROLS)
        absent = {"lines": ("circles",), "circles": ("lines", "line_form")}.get(self.made_of or "", ())
        return ("numbers", *absent, *(() if self.cells or self.made_of == "both" else ("cells",)))


# Everything that says how many units of which kind a network has, whatever kinds there are.
PLAIN_SHAPE: dict[str, Any] = {c.name: c.default for c in controls_of(DividerShape) if not c.live}
SHAPE_CONTROLS = tuple(PLAIN_SHAPE)
# Of lines and circles; cells have no use for them.
EDGE_CONTROLS = ("sharpness", "gradient_sharpness", "gradient_sharpening")
FIRST_COUNTS = {"lines": {"lines": 64}, "circles": {"circles": 64}, "both": {"lines": 32, "circles": 32}}


def complete(controls: FitControls, truth: Mapping[str, int] | None = None) -> FitControls:
    """The same with units. Where nobody has said which, they are those of a picture's known truth, or else the best
    for a budget."""
    if controls.units and controls.made_of == made_of(controls):
        return controls
    asked = {n: v for n, v in _shape_of(controls).items() if v != PLAIN_SHAPE[n]}
    asked |= {n: getattr(controls, n) for n in ("made_of", "numbers") if getattr(controls, n)}
    nothing = replace(controls, made_of=None, numbers=0, **PLAIN_SHAPE)
    return with_values(nothing, asked or truth or {"made_of": BEST})


def with_values(controls: FitControls, values: Mapping[str, Any]) -> FitControls:
    """Controls after some edits. What a picture is made of says the units, as a size does; who names units says by it
    what the picture is made of."""
    new, choice = edited(controls, values), values.get("made_of")
    named = {n: v for n, v in _shape_of(new).items() if n in values}
    if choice == BEST or (new.numbers and new.numbers != controls.numbers):
        new = _best(replace(new, made_of=choice or BEST), named)
    elif choice or (controls.made_of in (None, BEST) and named.items() - _shape_of(controls).items()):
        shape = PLAIN_SHAPE | FIRST_COUNTS.get(choice or "", {}) | named
        if not choice and not replace(new, **shape).units:  # only how they are written, or mixed
            shape |= FIRST_COUNTS["lines"]
        new = replace(new, numbers=0, **shape)
    if new.units == 0:
        raise ControlError("A network needs at least one line, circle, cell or smooth unit.")
    if choice and choice != made_of(new):
        raise ControlError(f"A picture made of {choice} cannot have these units; leave one of the two out.")
    return replace(new, made_of=made_of(new))


def _best(controls: FitControls, named: Mapping[str, Any]) -> FitControls:
    """With the units that make the best of its size."""
    if controls.made_of != BEST or named:
        raise ControlError("A size chooses its own units; leave out the size, or the units.")
    numbers = controls.numbers or BUDGET
    if numbers < LEAST_BUDGET:
        raise ControlError(f"A network needs at least {LEAST_BUDGET} numbers.")
    return replace(controls, numbers=numbers, **PLAIN_SHAPE | best_division(numbers))


def made_of(controls: FitControls) -> str:
    """What its units say."""
    if controls.numbers:
        return BEST
    return (
        "both" if bool(controls.lines) == bool(controls.circles) else "lines" if controls.lines else "circles"
    )


def _shape_of(controls: FitControls) -> dict[str, Any]:
    return {name: getattr(controls, name) for name in SHAPE_CONTROLS}


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


def with_units(controls: FitControls, counts: Mapping[str, int]) -> FitControls:
    """Controls of a network that has so many units of each kind by now. What a person adds or removes ends a budget."""
    new = replace(
        controls, lines=counts["line"], circles=counts["circle"], cells=counts["cell"], relu=counts["relu"],
        tanh=counts["tanh"],
    )  # fmt: skip
    free = replace(new, numbers=0)
    return controls if new == controls else replace(free, made_of=made_of(free))
