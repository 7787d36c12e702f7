"""Many pictures of equal size in one texture and one draw call.

Seen from near, a picture's pixels are squares whose edges are smoothed within one pixel of the screen, so that all of
them look equally wide at any zoom; at whole scales they are exactly the nearest. From far, means are shown.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from vispy import gloo

from ...snapshot import Bytes
from ..camera import Size
from ..picture import Rect, halved
from ..quads import Quads
from .boards import Floats

LIMIT = 4096  # texels along a side that every graphics card takes

Record = np.dtype([("a_rect", np.float32, 4), ("a_texels", np.float32, 4)])

VERTEX = """
uniform vec4 u_window;   // what is shown: left, top, width, height in pixels
attribute vec4 a_rect;   // a picture on the screen
attribute vec4 a_texels; // and in the texture
attribute vec2 a_corner;
varying vec2 v_at;
varying vec4 v_within;
void main() {
    vec2 corner = a_corner * 0.5 + 0.5;
    v_at = mix(a_texels.xy, a_texels.zw, corner);
    v_within = vec4(a_texels.xy + 0.5, ceil(a_texels.zw) - 0.5);
    vec2 unit = (mix(a_rect.xy, a_rect.zw, corner) - u_window.xy) / u_window.zw;
    gl_Position = vec4(unit.x * 2.0 - 1.0, 1.0 - unit.y * 2.0, 0.0, 1.0);
}
"""

FRAGMENT = """
uniform sampler2D u_image;
uniform vec2 u_size;   // of the texture
uniform vec2 u_scale;  // pixels of the screen a texel
varying vec2 v_at;
varying vec4 v_within; // a neighbour in the texture is no neighbour on the screen
void main() {
    vec2 edge = floor(v_at + 0.5);
    vec2 at = edge + clamp((v_at - edge) * max(u_scale, 1.0), -0.5, 0.5);
    gl_FragColor = texture2D(u_image, clamp(at, v_within.xy, v_within.zw) / u_size);
}
"""


class Tiles:
    """Draws pictures. Texture and buffers are kept; the texture is filled anew only when it must be."""

    def __init__(self) -> None:
        self._quads = Quads(VERTEX, FRAGMENT, Record)
        self._texture: gloo.Texture2D | None = None
        self._pictures: Bytes | None = None
        self._level = 0  # the texture holds means of 2ˡ × 2ˡ pixels
        self.filled = 0  # how often the texture was

    def set(self, pictures: Bytes | None, rects: Floats, pixel: tuple[float, float], size: Size) -> None:
        """Pictures (N, h, w, C) at rects (N, 4) of a screen of this size, where a picture's pixel is so large."""
        if pictures is None:
            self._quads.set(np.zeros(0, Record))
            return
        count, height, width = pictures.shape[:3]
        columns = packed(pictures.shape)
        rows = -(-count // columns)
        level = level_of(min(pixel), max(columns * width, rows * height))
        cell = -(-width // 2**level), -(-height // 2**level)
        if pictures is not self._pictures or level != self._level:
            self._pictures, self._level = pictures, level
            self._fill(atlas(pictures, columns, level))
        seen = np.flatnonzero((rects[:, 2:] > 0).all(-1) & (rects[:, :2] < size).all(-1))
        records = np.zeros(len(seen), Record)
        records["a_rect"] = rects[seen]
        records["a_texels"][:, :2] = np.stack([seen % columns, seen // columns], axis=-1) * cell
        records["a_texels"][:, 2:] = records["a_texels"][:, :2] + np.array([width, height]) / 2**level
        self._quads.set(records)
        self._quads.program["u_size"] = columns * cell[0], rows * cell[1]
        self._quads.program["u_scale"] = pixel[0] * 2**level, pixel[1] * 2**level

    def _fill(self, image: Bytes) -> None:
        self.filled += 1
        if self._texture is None:
            self._texture = gloo.Texture2D(image, interpolation="linear", wrapping="clamp_to_edge")
            self._quads.program["u_image"] = self._texture
        else:
            self._texture.set_data(image)

    def draw(self, window: Rect) -> None:
        if not self._quads.empty:
            self._quads.program["u_window"] = window
            self._quads.draw()


def packed(shape: tuple[int, ...]) -> int:
    """How many columns of pictures make a texture about square."""
    count, height, width = shape[:3]
    return max(1, min(count, round(math.sqrt(count * height / width))))


def level_of(pixel: float, longest: int) -> int:
    """How often pictures are halved: to what can be seen, and to what a texture can hold."""
    seen = math.floor(math.log2(1 / pixel)) if pixel < 1 else 0
    return max(seen, math.ceil(math.log2(longest / LIMIT)), 0)


def atlas(pictures: Bytes, columns: int, level: int = 0) -> Bytes:
    """Pictures (N, h, w, C) side by side without gaps, each halved so often."""
    within: npt.NDArray[np.uint8] = np.moveaxis(pictures, 0, 2)  # (h, w, N, C)
    for _ in range(level):
        within = halved(within)
    height, width, count, channels = within.shape
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[:count] = np.moveaxis(within, 2, 0)
    cells = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return np.ascontiguousarray(cells.reshape(rows * height, columns * width, channels))
