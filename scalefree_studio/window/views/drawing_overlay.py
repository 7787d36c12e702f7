"""What may be laid over the pictures of a drawing: how open each choice was, and what the network could see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...canvas.walls.boards import Place
from ...controls import control
from ...drawings import Bools, Drawing
from ...snapshot import Bytes
from .heat import rgb, veil

CHANGED = 44  # how much of a place that has changed is covered
UNSEEN = (0, 0, 0, 190)  # lies over what was out of sight


@dataclass(frozen=True)
class DrawingDisplay:
    """What is shown of a drawing."""

    # fmt: off
    openness: bool = control(
        False, label="Uncertainty", help="Shade each place by how uncertain its choice was: denser means "
        "more was possible.",
        live=True, group="View",
    )
    sight: bool = control(
        False, label="What it could see", help="Darken what the network could not see when it drew the "
        "pixel under the pointer.",
        live=True, group="View",
    )
    # fmt: on


def overlay(drawing: Drawing, display: DrawingDisplay, colour: str, place: Place | None) -> Bytes | None:
    """A colour with alpha for each place, (B, H, W, 4), or nothing; `place` is the one whose sight is shown."""
    if not (display.openness or display.sight):
        return None
    bits = np.asarray(drawing.frame["entropy"], float)
    covered = veil(bits / drawing.most_bits if display.openness else np.zeros_like(bits), colour)
    if display.sight and place is not None:
        hidden = ~drawing.sees(place.y, place.x)
        hidden[place.y, place.x] = False
        covered[place.picture][hidden] = UNSEEN
    return covered


def with_changes(
    covered: Bytes | None, count: int, picture: int, changed: Bools, colour: str
) -> Bytes | None:
    """A veil (B, H, W, 4) with colour on those places (H, W) of a picture that have changed."""
    if not changed.any() or picture >= count:
        return covered
    whole = np.zeros((count, *changed.shape, 4), np.uint8) if covered is None else covered.copy()
    whole[picture, changed] = (*rgb(colour), CHANGED)
    return whole
