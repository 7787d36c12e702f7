"""What of a divider canvas becomes pixels. Buffers and textures are made once; only what has changed is filled anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..camera import Camera, Part, Size, half_extent
from ..picture import OPAQUE, Layer, Rendered, Sampled, Sheet, viewport
from ..segments import NONE, Segments, dots, pieces, ring
from .geometry import strokes
from .panes import Pane
from .shown import ShownDividers

PARTS = ("target", "mask", "lines", "marks")  # what can be out of date

# Logical pixels: half a line's width, how far its halo reaches, a centre's radius, a caption's distance from the edge.
LINE, HALO, DOT, INSET = 0.55, 1.6, 1.8, 10
DENSE = 64  # with more dividers than this their lines fade, so that the picture stays visible
TINT = 0.55  # how much the heaviest place of the mask is covered


class DividerPainter:
    """Draws what a canvas shows: on the screen all of it, again and again; `by_part` some of it, and each part once."""

    def __init__(self, shown: ShownDividers, by_part: bool = False):
        self._shown, self._by_part = shown, by_part
        self.rendered: Rendered | None = None
        self._target = Layer()
        self._learned = Layer("linear")
        self._tint = Layer("linear")
        self._captions: dict[str, Layer] = {}
        self._lines = Segments()  # every divider, all in one
        self._sheet, self._sheet_stale = Sheet(), False  # they are costly without a GPU, so kept as a picture
        # Borders, and what changes with the pointer: the touched dividers, the brush.
        self._marks = Segments()

    def show(self, rendered: Rendered) -> None:
        self.rendered = rendered
        self._learned.set(rendered.image)

    def set_captions(self, images: Mapping[str, npt.NDArray[np.uint8]]) -> None:
        for name, image in images.items():
            self._captions.setdefault(name, Layer("linear")).set(np.array(image))

    def renew(self, parts: set[str]) -> None:
        """Make anew what has changed since the last drawing; so many events between two drawings cost one."""
        if "target" in parts and not self._by_part:
            self._fill_target()
        if "mask" in parts and not self._by_part:
            self._fill_tint()
        if "lines" in parts:
            self._renew_lines()
        if "marks" in parts:
            self._renew_marks()

    def draw(self, context: Any, part: Part | None = None) -> None:
        """Onto what this OpenGL context draws on: all of the canvas, or a part of it."""
        shown, colours = self._shown, self._shown.colours
        part = part or (0, 0, *shown.physical)
        if self._sheet_stale and not self._by_part:
            self._sheet_stale = False
            self._draw_lines(context, (0, 0, *shown.panes[0].size))
        _begin(context, viewport(part, part), colours.of("gap"))
        for pane in shown.panes:
            seen = pane.within(part)
            if seen is None:
                continue
            window = (seen[0] - pane.x, seen[1] - pane.y, *seen[2:])
            if self._by_part:
                self._fill_target(window)
                self._fill_tint(window)
                if shown.overlay:
                    self._draw_lines(context, window)
            _begin(context, viewport(seen, part), colours.of("background"))
            self._draw(pane, window, context)
        context.set_state(scissor_test=False)

    def _draw_lines(self, context: Any, window: Part) -> None:
        """On their sheet: those in this window of a pane."""
        with self._sheet.fresh(context, window):
            self._lines.draw(window, self._shown.colours.of("halo"), HALO * self._shown.ratio)

    def _draw(self, pane: Pane, window: Part, context: Any) -> None:
        shown = self._shown
        if pane.name == "target":
            self._target.draw(window)
        elif self.rendered is not None:
            self._learned.rect = (0, 0, *pane.size)
            self._learned.texture = self.rendered.in_texture(shown.camera, pane.size)
            self._learned.draw(window)
        self._tint.draw(window)
        if shown.overlay:
            self._sheet.draw(context, window)
        self._marks.draw(window, shown.colours.of("halo"), HALO * shown.ratio)
        caption, inset = self._captions.get(pane.name), round(INSET * shown.ratio)
        if caption is not None and caption.size[0] + 2 * inset < pane.end - pane.start:
            width, height = caption.size
            right = shown.mode == "swipe" and pane.name == "learned"
            left = pane.end - inset - width if right else inset
            caption.rect = (left, inset, left + width, inset + height)
            caption.draw(window)

    def _fill(
        self,
        layer: Layer,
        source: Sampled | None,
        window: Part | None,
        shown_as: Callable[[Any], Any] = lambda a: a,
    ) -> None:
        """Into a layer what is in view, in a window of the pane, of an array over the picture."""
        shown = self._shown
        pane = shown.panes[0].size
        left, top, *size = window or (0, 0, *pane)
        camera = shown.camera.moved_into(window, pane) if window else shown.camera
        seen = source.seen(camera, (size[0], size[1])) if source is not None else None
        layer.shown = seen is not None
        if seen is not None:
            layer.set(shown_as(seen[0]).astype(np.uint8, copy=False))
            rect = seen[1]
            layer.rect = (rect[0] + left, rect[1] + top, rect[2] + left, rect[3] + top)

    def _fill_target(self, window: Part | None = None) -> None:
        self._fill(self._target, self._shown.target, window)

    def _fill_tint(self, window: Part | None = None) -> None:
        mask = self._shown.mask
        if mask is None:
            self._tint.shown = False
            return
        heaviest = max(float(mask.max()), 1.001)
        self._tint.tint((*self._shown.colours.of("selected")[:3], TINT))
        self._fill(
            self._tint, Sampled(mask, smooth=False), window, lambda m: (m - 1) * (255 / (heaviest - 1))
        )

    def _renew_lines(self) -> None:
        shown, ratio = self._shown, self._shown.ratio
        if not shown.overlay:
            return
        self._sheet_stale = True
        size = shown.panes[0].size
        found = strokes(shown.dividers, shown.camera, size)
        colour = shown.colours.of("divider")
        colour[3] *= max(0.4, min(1.0, (DENSE / max(1, len(shown.dividers))) ** 0.5))
        at = shown.camera.to_screen(shown.dividers.centre, size)
        at = at[((at > -9) & (at < np.array(size) + 9)).all(-1)]
        lines = pieces(found.ends, colour, LINE * ratio, found.bend)
        self._lines.set(np.concatenate([lines, dots(at, colour, DOT * ratio)]))

    def _renew_marks(self) -> None:
        shown, colours, ratio = self._shown, self._shown.colours, self._shown.ratio
        size = shown.panes[0].size
        made = [NONE]
        if shown.target is not None:
            sides = _border(half_extent(shown.target.size), shown.camera, size)
            made.append(pieces(sides, colours.of("border"), LINE * ratio))
        for unit, colour, width in (
            (shown.selected, colours.of("selected"), 1.2 * ratio),
            (shown.hovered, colours.of("accent"), 0.9 * ratio),
        ):
            index = shown.dividers.index(unit) if shown.overlay else None
            if index is not None:
                one = shown.dividers.only(index)
                found = strokes(one, shown.camera, size)
                at = shown.camera.to_screen(one.centre, size).clip(-99, np.array(size) + 99)
                made += [pieces(found.ends, colour, width, found.bend), dots(at, colour, 4 * ratio)]
        if shown.mode == "swipe":
            bar = shown.swipe * size[0]
            made.append(pieces([[bar, 0, bar, size[1]]], colours.of("bar"), LINE * ratio))
            made.append(dots([[bar, size[1] / 2]], colours.of("bar"), 6 * ratio))
        if shown.brush is not None and shown.pointer is not None:
            made.append(ring(shown.pointer, shown.brush.radius * ratio, colours.of("bar"), 0.9 * ratio))
        self._marks.set(np.concatenate(made))


def _begin(context: Any, there: Part, colour: npt.NDArray[np.float32]) -> None:
    """From now on only there, where all is of this colour."""
    context.set_state(blend=True, depth_test=False, cull_face=False, scissor_test=True, blend_func=OPAQUE)
    context.set_viewport(*there)
    context.set_scissor(*there)
    context.clear(color=colour, depth=False)


def _border(extent: tuple[float, float], camera: Camera, size: Size) -> npt.NDArray[Any]:
    """The sides of a picture; corners far away are brought nearer, for float32 has no places for them."""
    (x, y), room = extent, np.array(size) + 64
    corners = camera.to_screen([[-x, -y], [x, -y], [x, y], [-x, y], [-x, -y]], size).clip(-64, room)
    return np.concatenate([corners[:-1], corners[1:]], axis=-1)
