"""A mouse on a canvas."""

from __future__ import annotations

from typing import Any

from vispy.app import Canvas


def mouse(canvas: Canvas, *path: tuple[float, float], button: int = 1, modifiers: Any = ()) -> None:
    """Press, move along the path, release. Through vispy's events: its Qt side drops moves in quick succession."""
    canvas.events.mouse_press(pos=path[0], button=button, modifiers=modifiers)
    for pos in path[1:]:
        canvas.events.mouse_move(pos=pos, button=button, modifiers=modifiers)
    canvas.events.mouse_release(pos=path[-1], button=button, modifiers=modifiers)
