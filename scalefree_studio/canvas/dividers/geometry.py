"""Lines, circles and cells on a screen: what of them is in view, and which one is near the pointer. All units at once.

Everything is measured in pixels from the middle of the pane, in float64, so that nothing large is ever subtracted
from something equally large: an edge stays in its place however deep one zooms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..camera import Camera, Floats, Size

Ints = npt.NDArray[np.int64]

ROUND = 0.2  # pixels by which a chord may leave its arc
SMALLEST = 0.3  # a circle of fewer pixels' radius is only its centre


@dataclass(frozen=True)
class Dividers:
    """The lines, circles and cells of a frame, in float64: L lines, then C circles, then K cells; D = L + C + K."""

    ids: Ints  # (D,)
    normal: Floats  # (L, 2)
    centre: Floats  # (D, 2): of a line in the distance form, the foot of the perpendicular from the origin
    radius: Floats  # (C,)
    radii: Floats  # (K, 2), of the ellipse by which a cell is shown: along its angle, and across it
    angle: Floats  # (K,)

    @classmethod
    def of(cls, frame: Mapping[str, npt.NDArray[Any]]) -> Dividers:
        nothing = np.zeros(0)
        angle = np.asarray(frame.get("line_angle", nothing), float)
        normal = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        if "line_offset" in frame:
            line_centre = normal * np.asarray(frame["line_offset"], float)[:, None]
        else:
            line_centre = np.asarray(frame.get("line_centre", np.zeros((0, 2))), float)
        circle_centre = np.asarray(frame.get("circle_centre", np.zeros((0, 2))), float)
        radius = np.exp(np.asarray(frame.get("circle_log_radius", nothing), float))
        cell_centre = np.asarray(frame.get("cell_centre", np.zeros((0, 2))), float)
        radii = np.exp(np.asarray(frame.get("cell_log_radius", np.zeros((0, 2))), float))
        centre = np.concatenate([line_centre, circle_centre, cell_centre])
        ids = np.asarray(frame.get("unit_ids", np.arange(len(centre))), np.int64)
        # Cells come last.
        ids = np.concatenate([ids[: len(normal) + len(radius)], ids[len(ids) - len(radii) :]])
        return cls(ids, normal, centre, radius, radii, np.asarray(frame.get("cell_angle", nothing), float))

    def __len__(self) -> int:
        return len(self.centre)

    def index(self, unit: int | None) -> int | None:
        """Where a unit stands among the dividers, or None if it is gone."""
        if unit is None:
            return None
        found = np.flatnonzero(self.ids == unit)
        return int(found[0]) if len(found) else None

    def only(self, index: int) -> Dividers:
        """A set of this one divider."""
        line, circle, cell = (_only(index - before, count) for before, count in self._counts())
        return Dividers(
            self.ids[index : index + 1],
            self.normal[line],
            self.centre[index : index + 1],
            self.radius[circle],
            self.radii[cell],
            self.angle[cell],
        )

    def _counts(self) -> tuple[tuple[int, int], ...]:
        """Of each kind: how many dividers come before it, and how many there are."""
        lines, circles = len(self.normal), len(self.radius)
        return (0, lines), (lines, circles), (lines + circles, len(self.radii))


def _only(index: int, count: int) -> slice:
    """The one element at an index of a kind, or nothing if it is of another kind."""
    return slice(index, index + 1) if 0 <= index < count else slice(0)


@dataclass(frozen=True)
class Strokes:
    """Straight pieces on the screen: from (x, y) to (x, y), the divider of each, and half the angle to the next."""

    ends: Floats  # (S, 4), pixels from the pane's top left corner
    owner: Ints  # (S,)
    bend: Floats  # (S,)


def strokes(dividers: Dividers, camera: Camera, size: Size, margin: float = 4.0) -> Strokes:
    """What is in view of every divider, and at most `margin` pixels more."""
    half = np.array(size) / 2
    centre = (dividers.centre - (camera.x, camera.y)) / camera.pixel
    lines = len(dividers.normal)
    round_ = lines + len(dividers.radius)
    line_ends, line_owner = _lines_in_view(dividers.normal, centre[:lines], half + margin)
    arc_ends, arc_owner, arc_bend = arcs_in_view(
        centre[lines:round_], dividers.radius / camera.pixel, half + margin
    )
    oval_ends, oval_owner, oval_bend = ovals_in_view(
        centre[round_:], dividers.radii / camera.pixel, dividers.angle, half + margin
    )
    return Strokes(
        np.concatenate([line_ends, arc_ends, oval_ends]) + np.tile(half, 2),
        np.concatenate([line_owner, arc_owner + lines, oval_owner + round_]),
        np.concatenate([np.zeros(len(line_ends)), arc_bend, oval_bend]),
    )


def _lines_in_view(normal: Floats, centre: Floats, half: Floats) -> tuple[Floats, Ints]:
    """Lines cut at the rectangle ±half: (S, 4), and which line each is."""
    along = np.stack([-normal[:, 1], normal[:, 0]], axis=-1)
    foot = normal * (normal * centre).sum(-1, keepdims=True)  # the line's point nearest to the middle
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (-half - foot) / along, (half - foot) / along
    enter = np.fmin(one, other).max(-1)
    leave = np.fmax(one, other).min(-1)
    seen = np.flatnonzero((enter < leave) & np.isfinite(enter) & np.isfinite(leave))
    start = foot[seen] + along[seen] * enter[seen, None]
    end = foot[seen] + along[seen] * leave[seen, None]
    return np.concatenate([start, end], axis=-1), seen


def arcs_in_view(centre: Floats, radius: Floats, half: Floats) -> tuple[Floats, Ints, Floats]:
    """The arcs of circles within the rectangle ±half, as chords: (S, 4), which circle each is, half its angle."""
    none: tuple[Floats, Ints, Floats] = np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0)
    # A circle misses the rectangle if all of it is on one side, or if all of the rectangle is inside the circle.
    far = np.hypot(*(np.abs(centre) + half).T)
    meets = (np.abs(centre) <= half + radius[:, None]).all(-1) & (far >= radius) & (radius > SMALLEST)
    which = np.flatnonzero(meets)
    if not len(which):
        return none
    c, r = centre[which], radius[which]
    # Where it crosses the sides' four lines, in angles; between two neighbours it is either in view or not.
    sides = np.concatenate([-half - c, half - c], axis=1)  # (Q, 4): left, top, right, bottom
    reach = np.sqrt(np.maximum(0, (r[:, None] - sides) * (r[:, None] + sides)))
    from_x = np.arctan2(reach[:, 0::2], sides[:, 0::2])  # ± this angle has cos = side / r
    from_y = np.arctan2(sides[:, 1::2], reach[:, 1::2])  # this angle and π minus it have sin = side / r
    cuts = np.concatenate([from_x, -from_x, from_y, np.pi - from_y], axis=1) % (2 * np.pi)
    cuts.sort(axis=1)
    cuts = np.concatenate([cuts, cuts[:, :1] + 2 * np.pi], axis=1)  # (Q, 9)
    start, extent = cuts[:, :-1], np.diff(cuts, axis=1)
    middle = start + extent / 2
    x = c[:, :1] + r[:, None] * np.cos(middle)
    y = c[:, 1:] + r[:, None] * np.sin(middle)
    seen = (np.abs(x) <= half[0]) & (np.abs(y) <= half[1]) & (extent > 0)
    circle, cut = np.nonzero(seen)
    start, extent, r, c = start[circle, cut], extent[circle, cut], r[circle], c[circle]
    pieces = np.ceil(extent / np.sqrt(8 * ROUND / r).clip(max=np.pi / 6)).astype(np.int64).clip(1, 4096)
    arc = np.repeat(np.arange(len(pieces)), pieces)
    nth = np.arange(len(arc)) - np.repeat(pieces.cumsum() - pieces, pieces)
    step = (extent / pieces)[arc]
    a = start[arc] + nth * step
    r, c = r[arc, None], c[arc]
    begin = c + r * np.stack([np.cos(a), np.sin(a)], axis=-1)
    end = c + r * np.stack([np.cos(a + step), np.sin(a + step)], axis=-1)
    return np.concatenate([begin, end], axis=-1), which[circle[arc]], step / 2


def ovals_in_view(centre: Floats, radii: Floats, angle: Floats, half: Floats) -> tuple[Floats, Ints, Floats]:
    """The ellipses within the rectangle ±half, as chords: (S, 4), which ellipse each is, half its turn."""
    none: tuple[Floats, Ints, Floats] = np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0)
    # Seen from an ellipse that is a circle of radius 1, the middle of the view and the circle around it.
    middle = _turned_by(-centre, -angle) / radii
    away, reach = np.hypot(*middle.T), np.hypot(*half) / radii.min(1, initial=np.inf)
    which = np.flatnonzero((np.abs(away - 1) < reach) & (radii.max(1, initial=0) > SMALLEST))
    if not len(which):
        return none
    middle, away, reach, r = middle[which], away[which], reach[which], radii[which]
    facing = np.arctan2(middle[:, 1], middle[:, 0])
    spread = np.where(reach < away, np.arcsin(np.minimum(1, reach / np.maximum(away, 1e-300))), np.pi)
    fine = np.sqrt(8 * ROUND / r.max(1)).clip(max=np.pi / 6)
    pieces = np.ceil(2 * spread / fine).astype(np.int64).clip(1, 4096)
    oval = np.repeat(np.arange(len(pieces)), pieces)
    nth = np.arange(len(oval)) - np.repeat(pieces.cumsum() - pieces, pieces)
    step = 2 * (spread / pieces)[oval]
    a = (facing - spread)[oval] + nth * step

    def at(turn: Floats) -> Floats:
        on_it = r[oval] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        return centre[which[oval]] + _turned_by(on_it, angle[which[oval]])

    begin, end = at(a), at(a + step)
    seen = (np.minimum(begin, end) < half).all(-1) & (np.maximum(begin, end) > -half).all(-1)
    bend = np.zeros(int(seen.sum()))  # how much an ellipse bends differs along it, and little at a chord
    return np.concatenate([begin, end], axis=-1)[seen], which[oval[seen]], bend


def _turned_by(points: Floats, angle: Floats) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = points.T
    return np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1)


def nearest(
    dividers: Dividers, camera: Camera, size: Size, pointer: tuple[float, float], reach: float
) -> tuple[int, str] | None:
    """The divider at the pointer: its index, and what of it, its "centre" or its "edge". Centres come first."""
    if not len(dividers):
        return None
    at = np.array(pointer) - np.array(size) / 2
    away = at - (dividers.centre - (camera.x, camera.y)) / camera.pixel  # (D, 2)
    distance = np.hypot(away[:, 0], away[:, 1])
    closest = int(distance.argmin())
    if distance[closest] <= reach:
        return closest, "centre"
    lines = len(dividers.normal)
    round_ = lines + len(dividers.radius)
    to_line = np.abs((dividers.normal * away[:lines]).sum(-1))
    to_circle = np.abs(distance[lines:round_] - dividers.radius / camera.pixel)
    # An ellipse is a circle, stretched; near it, its distance is that of the circle by how much it is stretched there.
    stretched = _turned_by(away[round_:] * camera.pixel, -dividers.angle) / dividers.radii
    far = np.maximum(np.hypot(*stretched.T), 1e-12)
    slope = np.hypot(*(stretched / dividers.radii).T) / far
    to_oval = np.abs(far - 1) / np.maximum(slope, 1e-12) / camera.pixel
    to_edge = np.concatenate([to_line, to_circle, to_oval])
    closest = int(to_edge.argmin())
    return (closest, "edge") if to_edge[closest] <= reach else None
