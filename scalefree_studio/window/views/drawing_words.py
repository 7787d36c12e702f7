"""A drawing and its places in words. No Qt."""

from __future__ import annotations

import numpy as np

from ...canvas.walls.boards import Place
from ...drawings import Drawing


def within(place: Place, drawing: Drawing) -> bool:
    """Whether there is such a place."""
    height, width = drawing.size
    return place.picture < drawing.count and place.y < height and place.x < width


def progress(drawing: Drawing) -> str:
    """How many pictures there are, and how far they are drawn."""
    count = f"{drawing.count} picture{'s' * (drawing.count != 1)}"
    if drawing.done:
        return count
    share = float(np.mean(drawing.position / len(drawing.still["order"])))
    return f"{count}, {100 * share:.0f}%"


def place_named(place: Place) -> str:
    return f"Picture {place.picture + 1}, row {place.y + 1}, column {place.x + 1}"


def why_nothing_was_thought(drawing: Drawing, place: Place, past: bool) -> str:
    """Why it is not shown what was thought at a place; nothing, where it is."""
    at = place.picture, place.y, place.x
    if drawing.frame["given"][at]:
        return "Given, not drawn."
    if not drawing.drawn()[at]:
        return "Not drawn yet."
    if past and drawing.thought(*at) is None:
        return f"Only the thoughts of picture {int(drawing.frame['watched']) + 1} were recorded."
    return ""
