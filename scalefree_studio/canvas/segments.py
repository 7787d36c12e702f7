"""Thin antialiased lines with a halo: any number of straight pieces, dots among them, in one draw call.

vispy's antialiased lines are strips; here each piece stands alone. The vertex shader widens it to a quad in pixels, the
fragment shader knows its distance from the middle and paints core and halo in one pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .quads import Quads

Piece = np.dtype([("a_ends", np.float32, 4), ("a_shape", np.float32, 3), ("a_colour", np.float32, 4)])

VERTEX = """
uniform vec4 u_window;   // what of the pane is shown: left, top, width, height in pixels
uniform float u_soft;    // how far the halo reaches beyond the core
attribute vec4 a_ends;   // from, to
attribute vec3 a_shape;  // tangent of half the bend, half the core's width, 1 if its ends are round
attribute vec4 a_colour;
attribute vec2 a_corner; // end (-1, 1), side (-1, 1)
varying vec2 v_at;       // along from the middle, across
varying vec2 v_size;     // half the length, half the core's width
varying vec4 v_colour;
void main() {
    vec2 way = a_ends.zw - a_ends.xy;
    float len = length(way);
    vec2 along = len > 1e-6 ? way / len : vec2(1.0, 0.0);
    vec2 across = vec2(-along.y, along.x);
    float reach = a_shape.y > 0.0 ? a_shape.y + u_soft + 0.5 : 0.0;
    // Neighbouring pieces of an arc meet on the line between them, so that nothing is painted twice.
    float slant = -a_corner.x * a_corner.y * a_shape.x * reach;
    float lengthways = a_corner.x * (len / 2.0 + a_shape.z * reach) + slant;
    float sideways = a_corner.y * reach;
    vec2 at = (a_ends.xy + a_ends.zw) / 2.0 + along * lengthways + across * sideways;
    v_at = vec2(a_shape.z > 0.0 ? lengthways : 0.0, sideways);
    v_size = vec2(len / 2.0, a_shape.y);
    v_colour = a_colour;
    vec2 unit = (at - u_window.xy) / u_window.zw;
    gl_Position = vec4(unit.x * 2.0 - 1.0, 1.0 - unit.y * 2.0, 0.0, 1.0);
}
"""

FRAGMENT = """
uniform vec4 u_halo;
uniform float u_soft;
varying vec2 v_at;
varying vec2 v_size;
varying vec4 v_colour;
void main() {
    float d = length(vec2(max(abs(v_at.x) - v_size.x, 0.0), v_at.y));
    float core = v_colour.a * clamp(v_size.y + 0.5 - d, 0.0, 1.0);
    float t = clamp((d - v_size.y) / (u_soft + 0.5), 0.0, 1.0);
    float halo = u_halo.a * v_colour.a * (1.0 - t) * (1.0 - t);
    float a = core + halo * (1.0 - core);
    gl_FragColor = vec4((v_colour.rgb * core + u_halo.rgb * halo * (1.0 - core)) / max(a, 0.001), a);
}
"""


def pieces(
    ends: npt.ArrayLike,
    colour: npt.ArrayLike,
    half_width: float,
    bend: npt.ArrayLike = 0.0,
    rounded: bool = False,
) -> npt.NDArray[Any]:
    """Pieces (S,) from ends (S, 4) on the screen; `colour` is one (4,) or (S, 4)."""
    ends = np.asarray(ends)
    made = np.empty(len(ends), Piece)
    made["a_ends"] = ends
    made["a_shape"][:, 0] = np.tan(bend)
    made["a_shape"][:, 1] = half_width
    made["a_shape"][:, 2] = rounded
    made["a_colour"] = colour
    return made


def dots(points: npt.ArrayLike, colour: npt.ArrayLike, radius: float) -> npt.NDArray[Any]:
    """Round dots at points (S, 2) on the screen."""
    return pieces(np.tile(np.asarray(points), 2), colour, radius, rounded=True)


def frames(rects: npt.ArrayLike, colour: npt.ArrayLike, half_width: float) -> npt.NDArray[Any]:
    """Frames of rectangles (S, 4): left, top, right, bottom. Sides are mitred, so that nothing is painted twice."""
    left, top, right, bottom = np.asarray(rects, float).reshape(-1, 4).T
    round_it = [left, top, right, top, right, bottom, left, bottom, left, top]
    sides = [np.stack(round_it[k : k + 4], axis=-1) for k in (0, 2, 4, 6)]
    return pieces(np.concatenate(sides), colour, half_width, np.pi / 4)


def ring(
    centre: npt.ArrayLike, radius: npt.ArrayLike, colour: npt.ArrayLike, half_width: float
) -> npt.NDArray[Any]:
    """A circle, or an ellipse with two radii, across and down."""
    n = int(np.clip(np.max(radius), 16, 180))
    a = np.arange(n + 1) * (2 * np.pi / n)
    at = np.asarray(centre) + np.asarray(radius) * np.stack([np.cos(a), np.sin(a)], axis=-1)
    return pieces(np.concatenate([at[:-1], at[1:]], axis=-1), colour, half_width, np.pi / n)


NONE = pieces(np.zeros((0, 4)), (0, 0, 0, 0), 0)


class Segments:
    """Draws pieces."""

    def __init__(self) -> None:
        self._quads = Quads(VERTEX, FRAGMENT, Piece)

    def set(self, made: npt.NDArray[Any]) -> None:
        """These pieces from now on, the last on top."""
        self._quads.set(made)  # a piece of zeros has no width

    def draw(self, window: tuple[float, float, float, float], halo: npt.ArrayLike, soft: float) -> None:
        """`window`: what of the pane fills the viewport; `soft`: the halo's reach in pixels."""
        self._quads.program["u_window"] = window
        self._quads.program["u_halo"] = halo
        self._quads.program["u_soft"] = soft
        self._quads.draw()
