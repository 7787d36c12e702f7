"""The view of a divider network: target and learned picture, the dividers over them, and a brush.

A `DividerCanvas` is a vispy canvas; `canvas.native` is the widget to embed. It knows no Qt and no torch: the window
feeds it, and it reports to a `Listener` what the person does.

    canvas = DividerCanvas(colours, parent=...)       # vispy.use("pyqt6") first
    canvas.listener = Listener()                      # a subclass that overrides what it wants to know
    worker = render.attach(canvas)                    # window/views/render.py draws its pictures; stop() it at the end

Fed by the window (GUI thread only):
    set_target(picture)          uint8 (H, W, 3), job.still()["target"]: fits the view, forgets mask and selection
    show_frame(frame, sharpness) Snapshot.frame; cheap, call it for each snapshot. frame=None: nothing learned yet
    show_rendered(rendered)      a picture from the render worker (`attach` does this)
    set_captions(images)         {"target": rgba, "learned": rgba}: small labels, uint8 (h, w, 4), from render.caption
    leave()                      the mouse has left (`attach` does this)
    fit()                        the whole picture in view
    numbers(unit)                name → array of a divider as it is shown, or None if there is none such
    zoom(factor)                 nearer (> 1) about the middle of the pane
    still(width, captions)       what is shown, to be drawn once more as wide as one likes (still.Still)

Properties; setting one redraws what is needed, and reports nothing:
    mode         "side" | "swipe" | "learned"
    overlay      bool: the dividers are drawn and can be touched
    editable     bool: they can be dragged (False while the past is looked at)
    moving       bool: training runs, or the past is played: pictures are drawn only as finely as time allows
    selected     unit id | None
    hovered      unit id | None, read only
    swipe        where the divider between target and learned stands, in [0, 1]
    brush        None, or a Brush(radius in logical pixels, peak weight): the left button paints
    mask         float32 (H, W), 1 where nothing is painted, up to the brush's peak; or None: nothing painted
    camera       what is looked at (camera.Camera)
    border       how far the fitted view reaches: 3 is three times the picture's extent
    colours      of all that is drawn (Colours)
    renderer     called with each RenderRequest; it answers with show_rendered (`attach` sets it)

Reported, on the GUI thread (Listener's methods; all do nothing unless overridden):
    hover(unit)                     a unit id | None
    select(unit)                    a unit id | None
    drag(unit, params, gesture)     params: name → array of this unit, e.g. {"line_centre": (2,), "line_angle": ()}; all
                                    drags of one movement of the hand have the same gesture, to be undone together
    drag_end(gesture)
    mask_changed(mask, done)        while painting some ten times a second, and with done=True at the end of a stroke
    brush_changed(brush)            its size was changed with the wheel
    camera_changed(camera)

Mouse (F1):
    wheel                           zoom about the pointer
    drag on empty space             pan (the middle button pans anywhere)
    double-click on empty space     the whole picture
    click on a divider              select; click on empty space: select nothing
    drag a centre                   moves the divider
    drag a line                     moves it sideways; with Shift turns it about its centre
    drag a circle's edge            changes its radius
    drag a cell's edge              stretches it that way; with Shift turns it about its centre
    drag the middle bar             (swipe) shows more of the target or of what was learned
    brush: left button paints, right button or Alt + left erases, Shift + wheel changes the size, middle button pans
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..brush import Brush, Mask, painted
from ..camera import Camera, Point, half_extent
from ..colours import DARK, Colours
from ..gestures import Stroke
from ..picture import Rendered, RenderRequest, Sampled
from ..staged import StagedCanvas
from ..zoomed import Zoomed, share
from .edit import Arrays, numbers_of
from .listener import Listener as Listener  # for whoever imports the canvas
from .mouse import DividerMouse, Drag
from .painter import PARTS, DividerPainter
from .panes import MODES
from .shown import ShownDividers
from .still import DividerStill

MARGIN = 16  # logical pixels around a fitted picture
PATIENCE = 3  # frames that wait for their picture before they are drawn without it


class DividerCanvas(StagedCanvas):
    """See the top of this file."""

    shown: ShownDividers

    def __init__(self, colours: Colours = DARK, **options: Any):
        self.listener = Listener()
        self.renderer: Callable[[RenderRequest], object] = lambda request: None
        self._frame: Arrays | None = None  # the last one, as it came
        self._held: tuple[int, Arrays] | None = None  # the divider that a person drags: its unit, its numbers
        self._sharpness = 1000.0
        self._moving = False
        self._fitted, self._border = True, 1.0
        self._epoch = self._waiting = 0
        shown = ShownDividers(colours)
        super().__init__(shown, (*PARTS, "learned"), **{"title": "dividers", **options})
        self._painter = DividerPainter(shown)
        self._mouse = DividerMouse(self.events, shown, self)
        self._arrange()

    # -- fed by the window ---------------------------------------------------------------------------------------

    def set_target(self, picture: npt.NDArray[np.uint8]) -> None:
        self.shown.target = Sampled(np.array(picture))
        self.shown.mask = self.shown.selected = None
        self.hover(None)
        self.fit()
        self._renew("target", "mask", "marks")

    def show_frame(self, frame: Arrays | None, sharpness: float = 1000.0) -> None:
        if frame is None:
            self._epoch += 1  # what is being drawn just now belongs to another network
            self._painter.rendered = None
        if not isinstance(self._mouse.gesture, Drag):
            self._held = None  # by now the job has moved it, too
        self._frame, self._sharpness = frame, sharpness
        together = self._moving and self._held is None and self._painter.rendered is not None
        if together and self._waiting < PATIENCE:
            # Drawn once its picture is there: lines and picture agree, and the screen is drawn once, not twice.
            self._waiting += 1
            self._show_at_next_drawing()
            self._ask()
        else:
            self._show()

    def show_rendered(self, rendered: Rendered) -> None:
        if rendered.epoch == self._epoch and self.shown.frame is not None:
            self._painter.show(rendered)
            self.update()

    def set_captions(self, images: Mapping[str, npt.NDArray[np.uint8]]) -> None:
        self._painter.set_captions(images)
        self.update()

    def leave(self) -> None:
        self._mouse.leave()

    def fit(self) -> None:
        self._fitted = True
        self._set_camera(self._fitting())

    def zoom(self, factor: float) -> None:
        width, height = self.shown.panes[0].size
        self.look_from(self.camera.zoomed((width / 2, height / 2), factor, (width, height)))

    def numbers(self, unit: int | None) -> Arrays | None:
        frame, index = self.shown.frame, self.shown.dividers.index(unit)
        return None if index is None or frame is None else numbers_of(frame, index)

    def still(self, width: int, captions: Mapping[str, npt.NDArray[np.uint8]]) -> DividerStill:
        return DividerStill(self, self.shown, width, self._sharpness, captions)

    def zoomed(self) -> Zoomed | None:
        """How near one looks, and where; None while the whole picture is in view."""
        target = self.shown.target
        if self._fitted or target is None:
            return None
        x, y = half_extent(target.size)
        seen = share(self.camera.seen(self.shown.panes[0].size), (-x, -y, x, y))
        times = self._fitting().pixel / self.camera.pixel
        return Zoomed(times, x / y, seen, ((0.0, 0.0, 1.0, 1.0),), target.little)

    # -- properties ----------------------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        return self.shown.mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"a mode is one of {', '.join(MODES)}, not {mode!r}")
        self.shown.mode = mode
        self._arrange()

    @property
    def overlay(self) -> bool:
        return self.shown.overlay

    @overlay.setter
    def overlay(self, on: bool) -> None:
        self.shown.overlay = on
        if not on:
            self.hover(None)
        self._renew("lines", "marks")

    @property
    def editable(self) -> bool:
        return self.shown.editable

    @editable.setter
    def editable(self, editable: bool) -> None:
        self.shown.editable = editable

    @property
    def moving(self) -> bool:
        return self._moving

    @moving.setter
    def moving(self, moving: bool) -> None:
        if moving != self._moving:
            self._moving = moving
            self._renew("learned")  # what was drawn in a hurry is drawn again at leisure

    @property
    def selected(self) -> int | None:
        return self.shown.selected

    @selected.setter
    def selected(self, unit: int | None) -> None:
        self.shown.selected = unit
        self._renew("marks")

    @property
    def hovered(self) -> int | None:
        return self.shown.hovered

    @property
    def swipe(self) -> float:
        return self.shown.swipe

    @swipe.setter
    def swipe(self, swipe: float) -> None:
        self.shown.swipe = min(1.0, max(0.0, swipe))
        self.shown.arrange()
        self._renew("marks")

    @property
    def brush(self) -> Brush | None:
        return self.shown.brush

    @brush.setter
    def brush(self, brush: Brush | None) -> None:
        self.shown.brush = brush
        self.hover(None)
        self._renew("marks")

    @property
    def mask(self) -> Mask | None:
        return None if self.shown.mask is None else self.shown.mask.copy()

    @mask.setter
    def mask(self, mask: Mask | None) -> None:
        if isinstance(self._mouse.gesture, Stroke):
            return  # what is being painted just now is newer
        self.shown.mask = None if mask is None else np.array(mask, np.float32)
        self._renew("mask")

    @property
    def camera(self) -> Camera:
        return self.shown.camera

    @camera.setter
    def camera(self, camera: Camera) -> None:
        self._fitted = False
        self.shown.camera = camera
        self._renew(*PARTS, "learned")

    @property
    def border(self) -> float:
        return self._border

    @border.setter
    def border(self, border: float) -> None:
        self._border = border
        self.fit()

    @property
    def colours(self) -> Colours:
        return self.shown.colours

    @colours.setter
    def colours(self, colours: Colours) -> None:
        self.shown.colours = colours
        self._renew("mask", "lines", "marks")

    # -- what the mouse does (mouse.Actions) ---------------------------------------------------------------------

    def look_from(self, camera: Camera) -> None:
        self._fitted = False
        self._set_camera(camera)

    def point(self, at: Point | None) -> None:
        self.shown.pointer = at
        if self.shown.brush is not None:
            self._renew("marks")

    def hover(self, unit: int | None) -> None:
        if unit != self.shown.hovered:
            self.shown.hovered = unit
            self._renew("marks")
            self.listener.hover(unit)

    def choose(self, unit: int | None) -> None:
        if unit != self.shown.selected:
            self.selected = unit
            self.listener.select(unit)

    def drag(self, unit: int, numbers: Arrays, gesture: int) -> None:
        self._held = unit, numbers  # shown where the mouse has it, whatever the frames say
        self._show()
        self.listener.drag(unit, numbers, gesture)

    def drag_end(self, gesture: int) -> None:
        self.listener.drag_end(gesture)

    def pull_bar(self, swipe: float) -> None:
        self.swipe = swipe

    def paint(self, start: Point, end: Point, erase: bool) -> None:
        shown = self.shown
        if shown.mask is None and shown.target is not None:
            width, height = shown.target.size
            shown.mask = np.ones((height, width), np.float32)
        if shown.brush is not None and shown.mask is not None:
            radius = shown.brush.radius * shown.ratio * shown.camera.pixel
            painted(shown.mask, start, end, radius, shown.brush.peak, erase)
            self._renew("mask", "marks")

    def report_mask(self, done: bool) -> None:
        mask = self.mask
        if mask is not None:
            self.listener.mask_changed(mask, done)

    def change_brush(self, brush: Brush) -> None:
        self.brush = brush
        self.listener.brush_changed(brush)

    def let_go(self) -> None:
        self._renew("learned")  # what was drawn in the hurry of a gesture is drawn again, finer

    # -- vispy's events ------------------------------------------------------------------------------------------

    def on_resize(self, event: Any) -> None:
        self._arrange()

    def on_draw(self, event: Any) -> None:
        stale, self._waiting = self._take_stale(), 0
        self._painter.renew(stale)
        if "learned" in stale:
            self._ask()
        self._painter.draw(self.context)

    # -- inside --------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask for the learned picture: not drawn here, and not waited for."""
        if self.shown.frame is not None:
            (width, height), camera = self.shown.panes[0].size, self.shown.camera
            moving = self._moving or self._mouse.gesture is not None
            self.renderer(RenderRequest(
                self.shown.frame, self._sharpness, camera.x, camera.y, camera.pixel, width, height, moving, self._epoch
            ))  # fmt: skip

    def _show(self) -> None:
        self._show_at_next_drawing()
        self._renew("learned")

    def _show_at_next_drawing(self) -> None:
        self.shown.show(self._frame, self._held)
        self._stale |= {"lines", "marks"}

    def _arrange(self) -> None:
        self._measure()
        self.shown.arrange()
        if self._fitted:
            self.shown.camera = self._fitting()
        self._renew(*PARTS, "learned")

    def _fitting(self) -> Camera:
        target = self.shown.target
        x, y = half_extent(target.size) if target is not None else (1.0, 1.0)
        extent = x * self._border, y * self._border
        return Camera.fitted(extent, self.shown.panes[0].size, MARGIN * self.ratio)

    def _set_camera(self, camera: Camera) -> None:
        self.shown.camera = camera
        self._renew(*PARTS, "learned")
        self.listener.camera_changed(camera)
