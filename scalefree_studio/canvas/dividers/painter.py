"""What of a divider canvas becomes pixels. Buffers and textures are made once; only what has changed is filled anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..camera import Camera, Size, half_extent
from ..picture import OPAQUE, Layer, Rendered, Sampled, Sheet
from .geometry import strokes
from .panes import Pane
from .segments import NONE, Segments, dots, pieces, ring

if TYPE_CHECKING:
    from .canvas import DividerCanvas

PARTS = ("target", "mask", "lines", "marks", "learned")  # what can be out of date

# Logical pixels: half a line's width, how far its halo reaches, a centre's radius, a caption's distance from the edge.
LINE, HALO, DOT, INSET = 0.55, 1.6, 1.8, 10
DENSE = 64  # with more dividers than this their lines fade, so that the picture stays visible
TINT = 0.55  # how much the heaviest place of the mask is covered


class DividerPainter:
    """Draws a canvas, whose state it only reads."""

    def __init__(self, canvas: DividerCanvas):
        self.canvas = canvas
        self.rendered: Rendered | None = None
        self._target = Layer()
        self._learned = Layer("linear")
        self._tint = Layer("linear")
        self._captions: dict[str, Layer] = {}
        self._lines = Segments()  # every divider, all in one
        self._sheet, self._sheet_stale = Sheet(), False  # they are costly without a GPU, so kept as a picture
        self._marks = (
            Segments()
        )  # borders, and what changes with the pointer: the touched dividers, the brush

    def show(self, rendered: Rendered) -> None:
        self.rendered = rendered
        self._learned.set(rendered.image)

    def set_captions(self, images: Mapping[str, npt.NDArray[np.uint8]]) -> None:
        for name, image in images.items():
            self._captions.setdefault(name, Layer("linear")).set(np.array(image))

    def renew(self, parts: set[str]) -> None:
        """Make anew what has changed since the last drawing; so many events between two drawings cost one."""
        if "target" in parts:
            self._fill(self._target, self.canvas.target)
        if "mask" in parts:
            self._renew_tint()
        if "lines" in parts:
            self._renew_lines()
        if "marks" in parts:
            self._renew_marks()

    def draw(self) -> None:
        canvas, context, look = self.canvas, self.canvas.context, self.canvas.look
        width, height = canvas.physical
        if self._sheet_stale:
            self._sheet_stale = False
            size = canvas.panes[0].size
            with self._sheet.fresh(context, size):
                self._lines.draw((0, 0, *size), look.of("halo"), HALO * canvas.ratio)
        context.set_state(
            blend=True, depth_test=False, cull_face=False, scissor_test=True, blend_func=OPAQUE
        )  # fmt: skip
        context.set_viewport(0, 0, width, height)
        context.set_scissor(0, 0, width, height)
        context.clear(color=look.of("gap"), depth=False)
        for pane in canvas.panes:
            if pane.end > pane.start:
                context.set_viewport(*pane.viewport(height))
                context.set_scissor(*pane.viewport(height))
                context.clear(color=look.of("background"), depth=False)
                self._draw(pane)
        context.set_state(scissor_test=False)

    def _draw(self, pane: Pane) -> None:
        canvas = self.canvas
        if pane.name == "target":
            self._target.draw(pane.window)
        elif self.rendered is not None:
            self._learned.rect = (0, 0, *pane.size)
            self._learned.texture = self.rendered.in_texture(canvas.camera, pane.size)
            self._learned.draw(pane.window)
        self._tint.draw(pane.window)
        if canvas.overlay:
            self._sheet.draw(canvas.context, pane.window)
        self._marks.draw(pane.window, canvas.look.of("halo"), HALO * canvas.ratio)
        caption, inset = self._captions.get(pane.name), round(INSET * canvas.ratio)
        if caption is not None and caption.size[0] + 2 * inset < pane.end - pane.start:
            width, height = caption.size
            right = canvas.mode == "swipe" and pane.name == "learned"
            left = pane.end - inset - width if right else inset
            caption.rect = (left, inset, left + width, inset + height)
            caption.draw(pane.window)

    def _fill(
        self, layer: Layer, source: Sampled | None, shown_as: Callable[[Any], Any] = lambda a: a
    ) -> None:
        """Into a layer what is in view of an array over the picture."""
        seen = source.seen(self.canvas.camera, self.canvas.panes[0].size) if source is not None else None
        layer.shown = seen is not None
        if seen is not None:
            layer.set(shown_as(seen[0]).astype(np.uint8, copy=False))
            layer.rect = seen[1]

    def _renew_tint(self) -> None:
        mask = self.canvas.writable_mask(make=False)
        if mask is None:
            self._tint.shown = False
            return
        heaviest = max(float(mask.max()), 1.001)
        self._tint.tint((*self.canvas.look.of("selected")[:3], TINT))
        self._fill(self._tint, Sampled(mask, smooth=False), lambda m: (m - 1) * (255 / (heaviest - 1)))

    def _renew_lines(self) -> None:
        canvas, ratio = self.canvas, self.canvas.ratio
        if not canvas.overlay:
            return
        self._sheet_stale = True
        size = canvas.panes[0].size
        found = strokes(canvas.dividers, canvas.camera, size)
        colour = canvas.look.of("divider")
        colour[3] *= max(0.4, min(1.0, (DENSE / max(1, len(canvas.dividers))) ** 0.5))
        at = canvas.camera.to_screen(canvas.dividers.centre, size)
        at = at[((at > -9) & (at < np.array(size) + 9)).all(-1)]
        lines = pieces(found.ends, colour, LINE * ratio, found.bend)
        self._lines.set(np.concatenate([lines, dots(at, colour, DOT * ratio)]))

    def _renew_marks(self) -> None:
        canvas, look, ratio = self.canvas, self.canvas.look, self.canvas.ratio
        size = canvas.panes[0].size
        made = [NONE]
        if canvas.target is not None:
            sides = _border(half_extent(canvas.target.size), canvas.camera, size)
            made.append(pieces(sides, look.of("border"), LINE * ratio))
        for unit, colour, width in (
            (canvas.selected, look.of("selected"), 1.2 * ratio),
            (canvas.hovered, look.of("accent"), 0.9 * ratio),
        ):
            index = canvas.dividers.index(unit) if canvas.overlay else None
            if index is not None:
                one = canvas.dividers.only(index)
                found = strokes(one, canvas.camera, size)
                at = canvas.camera.to_screen(one.centre, size).clip(-99, np.array(size) + 99)
                made += [pieces(found.ends, colour, width, found.bend), dots(at, colour, 4 * ratio)]
        if canvas.mode == "swipe":
            bar = canvas.swipe * size[0]
            made.append(pieces([[bar, 0, bar, size[1]]], look.of("bar"), LINE * ratio))
            made.append(dots([[bar, size[1] / 2]], look.of("bar"), 6 * ratio))
        if canvas.brush is not None and canvas.pointer is not None:
            made.append(ring(canvas.pointer, canvas.brush.radius * ratio, look.of("bar"), 0.9 * ratio))
        self._marks.set(np.concatenate(made))


def _border(extent: tuple[float, float], camera: Camera, size: Size) -> npt.NDArray[Any]:
    """The sides of a picture; corners far away are brought nearer, for float32 has no places for them."""
    (x, y), room = extent, np.array(size) + 64
    corners = camera.to_screen([[-x, -y], [x, -y], [x, y], [-x, y], [-x, -y]], size).clip(-64, room)
    return np.concatenate([corners[:-1], corners[1:]], axis=-1)
