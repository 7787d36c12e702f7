"""The view of a divider network: target and learned picture, the dividers over them, and a brush.

A `DividerCanvas` is a vispy canvas; `canvas.native` is the widget to embed. It knows no Qt and no torch: the window
feeds it, and it tells a `Listener` what the person does.

    canvas = DividerCanvas(look, parent=...)          # vispy.use("pyqt6") first
    canvas.listener = Listener()                      # subclass it, or assign to its attributes
    worker = render.attach(canvas)                    # window/views/render.py draws for it; stop() it at the end

Fed by the window (GUI thread only):
    set_target(picture)          uint8 (H, W, 3), job.still()["target"]: fits the view, forgets mask and selection
    show_frame(frame, sharpness) Snapshot.frame; cheap, call it for each snapshot. frame=None: nothing learned yet
    show_rendered(rendered)      a picture from the render worker (`attach` does this)
    set_captions(images)         {"target": rgba, "learned": rgba}: small labels, uint8 (h, w, 4), from render.caption
    leave()                      the mouse has left (`attach` does this)
    fit()                        the whole picture in view
    numbers(unit)                name → array of a divider as it is shown, or None if there is none such
    zoom(factor)                 nearer (> 1) about the middle of the pane

Properties; setting one redraws what is needed, and tells no listener:
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
    look         colours (Colours)

Told, on the GUI thread (Listener's methods; all do nothing unless overridden):
    hover(unit)                     a unit id | None
    select(unit)                    a unit id | None
    drag(unit, params, gesture)     params: name → array of this unit, e.g. {"line_centre": (2,), "line_angle": ()}; all
                                    drags of one movement of the hand have the same gesture, to be undone together
    drag_end(gesture)
    mask_changed(mask, done)        while painting some ten times a second, and with done=True at the end of a stroke
    brush_changed(brush)            its size was changed with the wheel
    camera_changed(camera)
    render(request)                 a RenderRequest for the render worker (`attach` sets this one on the listener)

Mouse (F1):
    wheel                           zoom about the pointer
    drag on empty space             pan (the middle button pans anywhere)
    double-click on empty space     the whole picture
    click on a divider              select; click on empty space: select nothing
    drag a centre                   moves the divider
    drag a line                     moves it sideways; with Shift turns it about its centre
    drag a circle's edge            changes its radius
    drag the middle bar             (swipe) shows more of the target or of what was learned
    brush: left button paints, right button or Alt + left erases, Shift + wheel changes the size, middle button pans
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..brush import Brush, Mask
from ..camera import Camera, half_extent
from ..colours import DARK, Colours
from ..gestures import Point
from ..picture import Rendered, RenderRequest, Sampled
from ..staged import StagedCanvas
from .edit import Arrays, fits, numbers_of, with_numbers
from .geometry import Dividers, nearest
from .listener import Listener as Listener  # for whoever imports the canvas
from .mouse import DividerMouse, Drag, Paint
from .painter import PARTS, DividerPainter
from .panes import MODES, Pane, arranged

GAP, MARGIN = 8, 16  # logical pixels: between panes, around a fitted picture
REACH = 7.0  # so near, in logical pixels, is on a divider
PATIENCE = 3  # frames that wait for their picture before they are drawn without it
NOTHING: Mapping[str, Any] = {}


class DividerCanvas(StagedCanvas):
    """See the top of this file."""

    def __init__(self, look: Colours = DARK, **options: Any):
        self.listener = Listener()
        self.dividers = Dividers.of(NOTHING)
        self.frame: Arrays | None = (
            None  # what is shown: the last frame, with the held divider where the hand has it
        )
        self._told: Arrays | None = None  # the last frame as it came
        self._held: tuple[int, Arrays] | None = None
        self._sharpness = 1000.0
        self._look = look
        self._mode, self._overlay, self._swipe = "side", True, 0.5
        self.editable, self._moving = True, False
        self._brush: Brush | None = None
        self._mask: Mask | None = None
        self._selected: int | None = None
        self._hovered: int | None = None
        self._camera, self._fitted, self._border = Camera(), True, 1.0
        self.target: Sampled | None = None
        self._epoch = self._gestures = self._waiting = 0
        self.panes: tuple[Pane, ...] = ()
        super().__init__(PARTS, **{"title": "dividers", **options})
        self._drawing = DividerPainter(self)
        self._hand = DividerMouse(self)
        self._arrange()

    # -- fed by the window ---------------------------------------------------------------------------------------

    def set_target(self, picture: npt.NDArray[np.uint8]) -> None:
        self.target = Sampled(np.array(picture))
        self._mask = self._selected = None
        self.hover(None)
        self.fit()
        self._renew("target", "mask", "marks")

    def show_frame(self, frame: Arrays | None, sharpness: float = 1000.0) -> None:
        if frame is None:
            self._epoch += 1  # what is being drawn just now belongs to another network
            self._drawing.rendered = None
        if not isinstance(self._hand.gesture, Drag):
            self._held = None  # by now the frame has heard of it
        self._told, self._sharpness = frame, sharpness
        if (
            self._moving
            and self._held is None
            and self._drawing.rendered is not None
            and self._waiting < PATIENCE
        ):
            # Drawn once its picture is there: lines and picture agree, and the screen is drawn once, not twice.
            self._waiting += 1
            self._show_at_next_drawing()
            self._ask()
        else:
            self._show()

    def show_rendered(self, rendered: Rendered) -> None:
        if rendered.epoch == self._epoch and self.frame is not None:
            self._drawing.show(rendered)
            self.update()

    def set_captions(self, images: Mapping[str, npt.NDArray[np.uint8]]) -> None:
        self._drawing.set_captions(images)
        self.update()

    def leave(self) -> None:
        self._hand.leave()

    def fit(self) -> None:
        self._fitted = True
        self._look_from(self._fitting())

    def zoom(self, factor: float) -> None:
        width, height = self.panes[0].size
        self.look_from(self._camera.zoomed((width / 2, height / 2), factor, self.panes[0].size))

    def numbers(self, unit: int | None) -> Arrays | None:
        index = self.dividers.index(unit)
        return None if index is None or self.frame is None else numbers_of(self.frame, index)

    # -- properties ----------------------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"a mode is one of {', '.join(MODES)}, not {mode!r}")
        self._mode = mode
        self._arrange()

    @property
    def overlay(self) -> bool:
        return self._overlay

    @overlay.setter
    def overlay(self, shown: bool) -> None:
        self._overlay = shown
        if not shown:
            self.hover(None)
        self._renew("lines", "marks")

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
        return self._selected

    @selected.setter
    def selected(self, unit: int | None) -> None:
        self._selected = unit
        self._renew("marks")

    @property
    def hovered(self) -> int | None:
        return self._hovered

    @property
    def swipe(self) -> float:
        return self._swipe

    @swipe.setter
    def swipe(self, swipe: float) -> None:
        self._swipe = min(1.0, max(0.0, swipe))
        self.panes = arranged(self._mode, self.physical, round(GAP * self.ratio), self._swipe)
        self._renew("marks")

    @property
    def brush(self) -> Brush | None:
        return self._brush

    @brush.setter
    def brush(self, brush: Brush | None) -> None:
        self._brush = brush
        self.hover(None)
        self._renew("marks")

    @property
    def mask(self) -> Mask | None:
        return None if self._mask is None else self._mask.copy()

    @mask.setter
    def mask(self, mask: Mask | None) -> None:
        if isinstance(self._hand.gesture, Paint):
            return  # what the hand paints just now is newer
        self._mask = None if mask is None else np.array(mask, np.float32)
        self._renew("mask")

    @property
    def camera(self) -> Camera:
        return self._camera

    @camera.setter
    def camera(self, camera: Camera) -> None:
        self._fitted = False
        self._camera = camera
        self._renew("target", "mask", "lines", "marks", "learned")

    @property
    def border(self) -> float:
        return self._border

    @border.setter
    def border(self, border: float) -> None:
        self._border = border
        self.fit()

    @property
    def look(self) -> Colours:
        return self._look

    @look.setter
    def look(self, look: Colours) -> None:
        self._look = look
        self._renew("mask", "lines", "marks")

    # -- for the hand --------------------------------------------------------------------------------------------

    def pane_at(self, at: Point) -> Pane | None:
        return next((pane for pane in self.panes if pane.holds(*at)), None)

    def touched(self, pane: Pane, at: Point) -> tuple[int, str] | None:
        """The divider at a point of the canvas, and what of it."""
        if not self._overlay:
            return None
        found = nearest(self.dividers, self._camera, pane.size, pane.local(*at), REACH * self.ratio)
        return None if found is None else (int(self.dividers.ids[found[0]]), found[1])

    def look_from(self, camera: Camera) -> None:
        self._fitted = False
        self._look_from(camera)

    def choose(self, unit: int | None) -> None:
        if unit != self._selected:
            self.selected = unit
            self.listener.select(unit)

    def hover(self, unit: int | None) -> None:
        if unit != self._hovered:
            self._hovered = unit
            self._renew("marks")
            self.listener.hover(unit)

    def pointer_moved(self) -> None:
        if self._brush is not None:
            self._renew("marks")

    def next_gesture(self) -> int:
        self._gestures += 1
        return self._gestures

    def hold(self, unit: int, numbers: Arrays) -> None:
        """Show a divider where the hand has it, whatever the frames say."""
        self._held = unit, numbers
        self._show()

    def writable_mask(self, make: bool = True) -> Mask | None:
        """The mask itself, made if need be; None without a picture."""
        if make and self._mask is None and self.target is not None:
            width, height = self.target.size
            self._mask = np.ones((height, width), np.float32)
        return self._mask

    @property
    def pointer(self) -> Point | None:
        """Where the mouse is, in pixels of its pane."""
        return self._hand.at

    def mask_painted(self) -> None:
        self._renew("mask", "marks")

    def let_go(self) -> None:
        """A gesture has ended: what was drawn in its hurry is drawn again, finer."""
        self._renew("learned")

    # -- vispy's events ------------------------------------------------------------------------------------------

    def on_resize(self, event: Any) -> None:
        self._arrange()

    def on_draw(self, event: Any) -> None:
        stale, self._waiting = self._take_stale(), 0
        self._drawing.renew(stale)
        if "learned" in stale:
            self._ask()
        self._drawing.draw()

    # -- inside --------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask for the learned picture: not drawn here, and not waited for."""
        if self.frame is not None:
            (width, height), camera = self.panes[0].size, self._camera
            moving = self._moving or self._hand.gesture is not None
            self.listener.render(RenderRequest(
                self.frame, self._sharpness, camera.x, camera.y, camera.pixel, width, height, moving, self._epoch
            ))  # fmt: skip

    def _show(self) -> None:
        self._show_at_next_drawing()
        self._renew("learned")

    def _show_at_next_drawing(self) -> None:
        self.frame = self._told
        if self._held is not None and self._told is not None:
            index = Dividers.of(self._told).index(self._held[0])
            if index is not None and fits(self._told, index, self._held[1]):
                self.frame = with_numbers(self._told, index, self._held[1])
        self.dividers = Dividers.of(self.frame or NOTHING)
        self._stale |= {"lines", "marks"}

    def _arrange(self) -> None:
        self._measure()
        self.panes = arranged(self._mode, self.physical, round(GAP * self.ratio), self._swipe)
        if self._fitted:
            self._camera = self._fitting()
        self._renew(*PARTS)

    def _fitting(self) -> Camera:
        x, y = half_extent(self.target.size) if self.target is not None else (1.0, 1.0)
        extent = x * self._border, y * self._border
        return Camera.fitted(extent, self.panes[0].size, MARGIN * self.ratio)

    def _look_from(self, camera: Camera) -> None:
        self._camera = camera
        self._renew("target", "mask", "lines", "marks", "learned")
        self.listener.camera_changed(camera)
