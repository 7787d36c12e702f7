"""One divider taken by the hand: what its numbers become as the pointer moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..camera import Point

Arrays = Mapping[str, npt.NDArray[Any]]

SMALLEST_RADIUS = 1e-6  # world units; a circle stored as log r has no radius 0

LINE, CIRCLE = ("line_centre", "line_angle", "line_offset"), ("circle_centre", "circle_log_radius")
CELL = ("cell_centre", "cell_log_radius", "cell_angle")


def _place(frame: Arrays, index: int) -> tuple[tuple[str, ...], int]:
    """The names of a divider's arrays, and its place in them."""
    for names, counted in ((LINE, "line_angle"), (CIRCLE, "circle_centre")):
        count = len(frame[counted]) if counted in frame else 0
        if index < count:
            return tuple(name for name in names if name in frame), index
        index -= count
    return CELL, index


def numbers_of(frame: Arrays, index: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one divider, by name."""
    names, place = _place(frame, index)
    return {name: np.array(frame[name][place]) for name in names}


def fits(frame: Arrays, index: int, numbers: Arrays) -> bool:
    """Whether these can be the numbers of that divider: another network may call its lines' otherwise."""
    return set(_place(frame, index)[0]) == set(numbers)


def with_numbers(frame: Arrays, index: int, numbers: Arrays) -> Arrays:
    """The frame with other numbers for one divider."""
    _, place = _place(frame, index)
    changed = dict(frame)
    for name, value in numbers.items():
        changed[name] = frame[name].copy()
        changed[name][place] = value
    return changed


def dragged(numbers: Arrays, part: str, turn: bool, start: Point, now: Point) -> dict[str, npt.NDArray[Any]]:
    """A divider after the pointer went from `start` to `now` (world), holding its "centre" or its "edge"."""
    was = {name: np.asarray(value, float) for name, value in numbers.items()}
    moved = np.array(now) - start
    if "circle_centre" in was:
        new = _circle(was, part, start, now)
    elif "cell_centre" in was:
        new = _cell(was, part, turn, start, now)
    elif "line_offset" in was:
        new = _distance_line(was, part, turn, start, now)
    else:
        angle = float(was["line_angle"])
        normal = np.array([math.cos(angle), math.sin(angle)])
        if turn:
            new = {**was, "line_angle": angle + _turned(was["line_centre"], start, now)}
        elif part == "centre":
            new = {**was, "line_centre": was["line_centre"] + moved}
        else:
            new = {**was, "line_centre": was["line_centre"] + normal * (moved @ normal)}
    return {name: np.asarray(value, numbers[name].dtype) for name, value in new.items()}


def _circle(was: Arrays, part: str, start: Point, now: Point) -> dict[str, Any]:
    centre = was["circle_centre"]
    if part == "centre":
        return {**was, "circle_centre": centre + np.array(now) - start}
    grown = math.dist(now, centre) - math.dist(start, centre)
    radius = max(SMALLEST_RADIUS, math.exp(float(was["circle_log_radius"])) + grown)
    return {**was, "circle_log_radius": math.log(radius)}


def _cell(was: Arrays, part: str, turn: bool, start: Point, now: Point) -> dict[str, Any]:
    """Held at its edge it is stretched along the radius that is nearer to the hand."""
    centre, angle = was["cell_centre"], float(was["cell_angle"])
    if turn:
        return {**was, "cell_angle": angle + _turned(centre, start, now)}
    if part == "centre":
        return {**was, "cell_centre": centre + np.array(now) - start}
    axes = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    radii = np.exp(was["cell_log_radius"])
    before, after = axes @ (np.array(start) - centre), axes @ (np.array(now) - centre)
    axis = int(np.abs(before / radii).argmax())
    radii[axis] = max(SMALLEST_RADIUS, radii[axis] + abs(after[axis]) - abs(before[axis]))
    return {**was, "cell_log_radius": np.log(radii)}


def _distance_line(was: Arrays, part: str, turn: bool, start: Point, now: Point) -> dict[str, Any]:
    angle, offset = float(was["line_angle"]), float(was["line_offset"])
    normal = np.array([math.cos(angle), math.sin(angle)])
    foot = normal * offset
    if turn:
        angle += _turned(foot, start, now)
        return {"line_angle": angle, "line_offset": float(foot @ (math.cos(angle), math.sin(angle)))}
    moved = np.array(now) - start
    if part == "edge":
        return {**was, "line_offset": offset + float(moved @ normal)}
    # Its foot follows the hand: the line through it, across the way from the origin. Of the two ways to write that
    # line, the one nearer to the old angle, so that the two sides of the line do not change places.
    foot = foot + moved
    towards = math.atan2(foot[1], foot[0])
    away = math.remainder(towards - angle, 2 * math.pi)
    opposite = abs(away) > math.pi / 2
    turned = math.remainder(away - math.pi, 2 * math.pi) if opposite else away
    length = math.hypot(*foot)
    return {"line_angle": angle + turned, "line_offset": -length if opposite else length}


def _turned(about: npt.NDArray[Any], start: Point, now: Point) -> float:
    """By how much the pointer went round a point."""
    before = math.atan2(start[1] - about[1], start[0] - about[0])
    after = math.atan2(now[1] - about[1], now[0] - about[0])
    return math.remainder(after - before, 2 * math.pi)
