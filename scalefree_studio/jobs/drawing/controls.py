"""Every control of a drawing, declared once."""

from __future__ import annotations

from dataclasses import dataclass

from ...controls import control

AT_ONCE = 100_000.0  # the speed at which nothing waits any more


@dataclass(frozen=True)
class DrawControls:
    # fmt: off
    count: int = control(
        64, label="Pictures", help="How many pictures are drawn side by side.",
        low=1, high=4096, scale="log", group="Pictures",
    )
    label: int = control(
        -1, label="Class", help="Which class to draw; -1 draws each in turn.",
        low=-1, high=2**31 - 1, group="Pictures",
    )
    seed: int = control(
        0, label="Seed", help="The same seed and settings draw the same pictures.",
        low=0, high=2**31 - 1, group="Pictures",
    )
    temperature: float = control(
        1.0, label="Temperature", help="Below 1 plays it safe; above 1 is bolder. Where pictures are "
        "mostly black, like digits, black is the likeliest: far below 1 they grow thin or stay black.",
        low=0.05, high=20.0, scale="log", live=True, group="Chance",
    )
    top_k: int = control(
        0, label="Top k", help="Choose only among this many of the likeliest levels; 0 means all.",
        low=0, high=2**31 - 1, live=True, group="Chance",
    )
    top_p: float = control(
        1.0, label="Top p", help="Choose only among the likeliest levels that together have this share of "
        "the chances.",
        low=0.01, high=1.0, live=True, group="Chance",
    )
    speed: float = control(
        300.0, label="Speed", help="How many places of each picture are drawn per second; at the most, all at once.",
        low=1.0, high=AT_ONCE, scale="log", live=True, group="Pace", unit="places/s",
    )
    # fmt: on
