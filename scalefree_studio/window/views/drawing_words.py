"""A drawing and its places in words. No Qt."""

from __future__ import annotations

import numpy as np

from ...canvas.walls.boards import Place
from ...drawings import Drawing

NAMES = {  # of commands, in a view of a drawing
    "paste": ("Paste", "Continue from the picture on the clipboard"),
    "save_now": ("Save now", "Save the drawing as it is now (it is also saved every few seconds)"),
    "select_none": ("Deselect", "Deselect the place"),
    "brush": ("Paint away", "Paint away a part of a picture to have it redrawn"),
    "clear_mask": ("Draw without a picture", "Stop keeping any part: everything is drawn"),
    "restart": ("Draw again", "Draw the same pictures again from the start"),
}
MOUSE = (
    ("Wheel", "Zoom at the pointer"),
    ("Drag", "Move the wall"),
    ("Double click", "The whole wall"),
    ("Point at a pixel", "See what it thought there"),
    (
        "Point at a map of a head",
        "See what it looked at; click to show it alone, Shift-click to switch it off",
    ),
    ("Click a pixel", "Select it; then click another value for it in the panel"),
    ("Shift and the wheel", "Change the value of what is selected"),
    ("Drop a picture", "Let the network continue from its top half"),
    ("Paint away", "Left paints what is redrawn, right takes it back"),
)


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


def value_word(drawing: Drawing) -> str:
    """What a value is: the level of a channel, a colour, or a code that only the network can read."""
    if "ramp" in drawing.still:
        return "level"
    looks = drawing.looks()
    if looks is None or drawing.tile != (1, 1):
        return "code"
    return "level" if (looks == looks[:, :1]).all() else "colour"


def place_word(drawing: Drawing) -> str:
    """What a place is: a pixel, or a token that stands for several."""
    return "token" if "stages" in drawing.still or value_word(drawing) == "code" else "pixel"


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
