"""Pictures on the screen: a target sampled for what is in view, and what a render worker drew."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from vispy import gloo

from .camera import Camera, Part, Size, half_extent

# The canvas itself stays opaque: else one would see through it what is behind the window.
OPAQUE = ("src_alpha", "one_minus_src_alpha", "zero", "one")

Rect = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class RenderRequest:
    """A picture that the canvas would like: this network over this part of the plane, at best this finely."""

    frame: Mapping[str, npt.NDArray[Any]]
    sharpness: float
    x: float  # the middle of the picture
    y: float
    pixel: float  # world units a pixel
    width: int
    height: int
    moving: bool  # another request will follow soon: be quick rather than fine
    epoch: int  # which network: an answer about another one is not shown


@dataclass(frozen=True)
class Rendered:
    """A picture of a request's part of the plane, perhaps coarser or finer than its pixels."""

    image: npt.NDArray[np.uint8]  # (h, w, 3)
    x: float
    y: float
    across: float  # width and height in world units
    down: float
    epoch: int

    def in_texture(self, camera: Camera, size: Size) -> Rect:
        """The texture coordinates of a pane's corners; outside [0, 1] where the picture does not reach."""
        left, top, right, bottom = camera.seen(size)
        x, y = self.x - self.across / 2, self.y - self.down / 2
        return (
            (left - x) / self.across,
            (top - y) / self.down,
            (right - x) / self.across,
            (bottom - y) / self.down,
        )


LITTLE = 128  # pixels of a picture on a map


class Sampled:
    """An array (H, W, ...) over the picture's extent, looked up at the pixels of a pane. From near one sees the
    picture's own pixels, with edges that fall within a pixel of the screen smoothed; from far, means of 2ᵏ × 2ᵏ of
    them, so that nothing sparkles. `smooth` False: the nearest value and nothing else."""

    def __init__(self, array: npt.NDArray[Any], smooth: bool = True):
        self.size = (array.shape[1], array.shape[0])
        self._smooth = smooth
        self._levels = [array]
        while smooth and max(self._levels[-1].shape[:2]) > 64:
            self._levels.append(halved(self._levels[-1]))

    @property
    def little(self) -> npt.NDArray[Any]:
        """All of it, with at most LITTLE pixels along a side."""
        return next((level for level in self._levels if max(level.shape[:2]) <= LITTLE), self._levels[-1])

    def seen(self, camera: Camera, size: Size) -> tuple[npt.NDArray[Any], Rect] | None:
        """What of it is in view, and the pixels of the pane that it fills; None if nothing. It costs a pane's worth
        of work at any zoom."""
        finest = 2 / max(self.size)
        level = max(0, min(len(self._levels) - 1, round(math.log2(camera.pixel / finest))))
        array, texel, extent = self._levels[level], finest * 2**level, half_extent(self.size)
        left, top, smooth = *camera.seen(size)[:2], self._smooth
        columns = _cells(
            left + extent[0], size[0], camera.pixel, 2 * extent[0], texel, array.shape[1], smooth
        )
        rows = _cells(top + extent[1], size[1], camera.pixel, 2 * extent[1], texel, array.shape[0], smooth)
        if columns is None or rows is None:
            return None
        rect = (columns.start, rows.start, columns.end, rows.end)
        part = array[:, columns.first[0] : columns.last[-1] + 1]  # views: only what is in view is ever copied
        columns = replace(
            columns, first=columns.first - columns.first[0], last=columns.last - columns.first[0]
        )
        if not (columns.share.any() or rows.share.any()):
            return part[rows.first][:, columns.first], rect
        return columns.mixed(rows.mixed(part, 0), 1).round().astype(array.dtype), rect


@dataclass(frozen=True)
class _Cells:
    """For pixels start to end of one axis: the first and the last cell that each meets, and the last one's share."""

    start: int
    end: int
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    share: npt.NDArray[np.float32]

    def mixed(self, array: npt.NDArray[Any], axis: int) -> npt.NDArray[np.float32]:
        """The array looked up along an axis; cells are only mixed where two meet."""
        mixed = np.take(array, self.first, axis).astype(np.float32)
        both = np.flatnonzero(self.share)
        shares = self.share[both].reshape([-1 if i == axis else 1 for i in range(array.ndim)])
        other = np.take(array, self.last[both], axis).astype(np.float32)
        at = (slice(None),) * axis + (both,)
        mixed[at] += (other - mixed[at]) * shares
        return mixed


def _cells(
    start: float, count: int, pixel: float, length: float, cell: float, cells: int, smooth: bool
) -> _Cells | None:
    """Pixels from `start` on, over cells from 0 to `length`; not `smooth`: each in the cell of its centre."""
    at = start + (np.arange(count) + 0.5) * pixel
    inside = np.flatnonzero((at >= 0) & (at < length))
    if not len(inside):
        return None
    reach = pixel / 2 if smooth else 0.0
    begin, end = (at[inside] - reach) / cell, (at[inside] + reach) / cell
    first = np.floor(begin).astype(np.int64).clip(0, cells - 1)
    last = np.floor(end).astype(np.int64).clip(0, cells - 1)
    share = np.where(last > first, (end - last) / np.maximum(end - begin, 1e-300), 0).clip(0, 1)
    return _Cells(int(inside[0]), int(inside[-1]) + 1, first, last, share.astype(np.float32))


def viewport(part: Part, whole: Part) -> Part:
    """Where a part lies in a larger one, in OpenGL's pixels, whose y points up."""
    return part[0] - whole[0], whole[1] + whole[3] - part[1] - part[3], part[2], part[3]


def halved(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Means of 2 × 2; an odd last row or column is repeated."""
    h, w = array.shape[:2]
    even = array
    if h % 2 or w % 2:
        even = np.pad(array, [(0, h % 2), (0, w % 2)] + [(0, 0)] * (array.ndim - 2), mode="edge")
    wide = np.uint16 if array.dtype == np.uint8 else np.float32
    total = np.add(even[0::2, 0::2], even[1::2, 0::2], dtype=wide)
    total += even[0::2, 1::2]
    total += even[1::2, 1::2]
    return np.asarray((total + 2) // 4, np.uint8) if array.dtype == np.uint8 else np.asarray(total / 4)


VERTEX = """
uniform vec4 u_window;
uniform vec4 u_rect;     // left, top, right, bottom in the pane
uniform vec4 u_texture;  // the same corners in the texture
attribute vec2 a_corner;
varying vec2 v_at;
void main() {
    v_at = mix(u_texture.xy, u_texture.zw, a_corner);
    vec2 unit = (mix(u_rect.xy, u_rect.zw, a_corner) - u_window.xy) / u_window.zw;
    gl_Position = vec4(unit.x * 2.0 - 1.0, 1.0 - unit.y * 2.0, 0.0, 1.0);
}
"""

FRAGMENT = """
uniform sampler2D u_image;
uniform vec4 u_tint;     // with alpha: the texture says only how much of this colour
varying vec2 v_at;
void main() {
    vec4 texel = texture2D(u_image, v_at);
    gl_FragColor = u_tint.a > 0.0 ? vec4(u_tint.rgb, u_tint.a * texel.r) : texel;
}
"""


class Layer:
    """One texture, drawn as a rectangle of a pane. The texture object is kept; its data changes."""

    def __init__(self, interpolation: str = "nearest", tint: npt.ArrayLike = (0, 0, 0, 0)):
        self._program = gloo.Program(VERTEX, FRAGMENT)
        self._program["a_corner"] = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
        self._program["u_tint"] = tint
        self._texture: Any = None
        self._interpolation = interpolation
        self.rect: Rect = (0, 0, 0, 0)
        self.texture: Rect = (0, 0, 1, 1)
        self.shown = False

    @property
    def size(self) -> Size:
        """Width and height of the texture."""
        return (self._texture.shape[1], self._texture.shape[0]) if self._texture is not None else (0, 0)

    def set(self, image: npt.NDArray[np.uint8]) -> None:
        """(h, w), (h, w, 3) or (h, w, 4). The array must not change afterwards: it is uploaded at the next draw."""
        image = np.ascontiguousarray(image[..., None] if image.ndim == 2 else image)
        if self._texture is None or self._texture.shape[2] != image.shape[2]:
            self._texture = gloo.Texture2D(image, interpolation=self._interpolation, wrapping="clamp_to_edge")
            self._program["u_image"] = self._texture
        else:
            self._texture.set_data(image)
        self.shown = True

    def share(self, texture: Any) -> None:
        """Draw a texture that somebody else fills."""
        self._texture = self._program["u_image"] = texture
        self.shown = True

    def tint(self, colour: npt.ArrayLike) -> None:
        self._program["u_tint"] = colour

    def draw(self, window: Rect) -> None:
        if self.shown:
            self._program["u_window"] = window
            self._program["u_rect"] = self.rect
            self._program["u_texture"] = self.texture
            self._program.draw("triangle_strip")


class Sheet:
    """A transparent sheet over a pane, on which something costly is drawn once and then laid over many drawings."""

    def __init__(self) -> None:
        self._texture = gloo.Texture2D((1, 1, 4), interpolation="nearest", wrapping="clamp_to_edge")
        self._buffer = gloo.FrameBuffer(self._texture)
        self._layer = Layer()
        self._layer.share(self._texture)

    @contextmanager
    def fresh(self, context: Any, window: Part) -> Iterator[None]:
        """What is drawn inside is drawn on the sheet, now empty, which lies over a window of the pane: left, top,
        width, height."""
        left, top, width, height = window
        if self._texture.shape[:2] != (height, width):
            self._buffer.resize((height, width))
        with self._buffer:
            context.set_viewport(0, 0, width, height)
            # Colours come out multiplied by their alpha, as laying one sheet over another wants them.
            context.set_state(
                blend=True, depth_test=False, cull_face=False, scissor_test=False,
                blend_func=("src_alpha", "one_minus_src_alpha", "one", "one_minus_src_alpha"),
            )  # fmt: skip
            context.clear(color=(0, 0, 0, 0), depth=False)
            yield
        self._layer.rect = (left, top, left + width, top + height)
        self._layer.texture = (0, 1, 1, 0)  # OpenGL counts its rows from below

    def draw(self, context: Any, window: Rect) -> None:
        context.set_blend_func("one", "one_minus_src_alpha", "zero", "one")
        self._layer.draw(window)
        context.set_blend_func(*OPAQUE)
