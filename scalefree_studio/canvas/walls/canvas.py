"""A wall of pictures: boards of small ones, looked at from near and far, pointed at, and painted on.

A `WallCanvas` is a vispy canvas; `canvas.native` is the widget to embed. It knows no Qt and no torch, nor what drew its
pictures: the window feeds it, and it reports to a `WallListener` what the person does.

    canvas = WallCanvas(colours, parent=...)          # vispy.use("pyqt6") first
    canvas.listener = WallListener()                  # a subclass that overrides what it wants to know

Fed by the window (GUI thread only):
    show(boards)                 what is on the wall (`Board`); cheap, call it for each snapshot. Boards of other sizes
                                 are laid out anew and all in view; a closer look at the same ones stays
    set_captions(images)         board name → rgba: titles, uint8 (h, w, 4), from render.caption
    leave()                      the mouse has left
    fit()                        all boards in view
    zoom(factor)                 nearer (> 1) about the middle, or about a point
    still(width, captions)       what is shown, to be drawn once more as wide as one likes (still.Still)
    shown.place_at(point)        the Place at a point in physical pixels of the canvas, or None

Properties; setting one redraws what is needed, and reports nothing. Places that are not on the wall are not marked:
    cursor       places about to be drawn, (board, picture, y, x)
    selected     Place | None: outlined, and its picture thinly
    hovered      Place | None, read only
    brush        None, or a Brush(radius in logical pixels): the left button paints
    painting     bool (H, W), the painted places of one picture; or None: nothing painted
    painted_on   (board, picture) | None: which picture that is; None: the first one
    cut          bool (R, H, W), what is kept of the R-th pictures of all boards: a line lies round it; or None
    grips        names of the boards on whose pictures the left button drags that line
    picked       (board, picture) | None: outlined
    outlined     (board, bool (N, H, W)) | None: a line lies round these places of it
    struck       (board, pictures) | None: these are struck through
    reach        (board, picture, radius in pictures) | None: a ring lies round it
    tinted       whether painted places are covered with a colour
    beside       whether boards always lie beside one another, as the columns of a table
    camera       what is looked at (camera.Camera); `pixel` 1 is all of it
    colours      of all that is drawn (Colours)

Reported, on the GUI thread (WallListener's methods; all do nothing unless overridden):
    hover(place)                         a Place | None
    click(place)                         a left click on a place; it is not selected by that
    click_beside()                       a left click on none
    turned(place, steps)                 the wheel over the selected place, with Shift or Ctrl: up is positive
    cut_dragged(place, done)             while the cut is dragged, and with done=True at its end
    asked(place)                         a right click on a place, without a brush
    painted(board, picture, mask, done)  while painting some ten times a second, and with done=True at its end
    brush_changed(brush)                 its size was changed with the wheel

Mouse (F1):
    wheel                           zoom about the pointer
    drag                            pan, if not all is in view (the middle button pans with a brush, too)
    double-click                    everything
    brush: left button paints, right button or Alt + left erases, Shift + wheel changes the size
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...snapshot import Bytes
from ..brush import Brush
from ..camera import Camera, Point
from ..colours import DARK, Colours
from ..gestures import Stroke
from ..staged import StagedCanvas
from ..zoomed import Zoomed, share
from .boards import Board, Bools, Place, arranged, stroked
from .listener import WallListener as WallListener  # for whoever imports the canvas
from .mouse import WallMouse
from .painter import PARTS, WallPainter
from .shown import ShownWall
from .still import WallStill

MAPPED = 512  # pictures of a board that a map shows
NEAREST = 4  # so many pixels of a picture are seen across the shorter side of the canvas, at least


class WallCanvas(StagedCanvas):
    """See the top of this file."""

    shown: ShownWall

    def __init__(self, colours: Colours = DARK, **options: Any):
        self.listener = WallListener()
        self._room = (1, 1)  # width and height in which the boards were laid out
        shown = ShownWall(colours)
        super().__init__(shown, PARTS, **{"title": "wall", **options})
        self._painter = WallPainter(shown)
        self._mouse = WallMouse(self.events, shown, self)
        self._arrange()

    # -- fed by the window ---------------------------------------------------------------------------------------

    def show(self, boards: Sequence[Board]) -> None:
        before = {board.name: board for board in self.shown.boards}
        shown = tuple(_kept(before.get(board.name), board) for board in boards if len(board.pictures))
        if len({board.name for board in shown}) < len(shown):
            raise ValueError("two boards have the same name")
        same = [board.shape for board in shown] == [board.shape for board in self.shown.boards]
        self.shown.boards = shown
        if same:
            self._renew("pictures")
        else:
            self.fit()

    def set_captions(self, images: Mapping[str, Bytes]) -> None:
        sizes = {name: (image.shape[1], image.shape[0]) for name, image in images.items()}
        before, self.shown.title_sizes = self.shown.title_sizes, self.shown.title_sizes | sizes
        self._painter.set_captions(images)
        if self.shown.title_sizes != before and self.shown.fitted:
            self.fit()
        self.update()

    def leave(self) -> None:
        self._mouse.leave()

    def fit(self) -> None:
        """All in view: now the boards are laid out anew. From nearer, they stay as they are."""
        shown = self.shown
        self._room = shown.physical
        shown.grids = tuple(arranged(shown.boards, self._room, shown.ratio, shown.titles, shown.beside))
        self.camera = Camera(self._room[0] / 2, self._room[1] / 2, 1.0)

    def still(self, width: int, captions: Mapping[str, Bytes]) -> WallStill:
        return WallStill(self, self.shown, width, captions)

    def zoom(self, factor: float, about: Point | None = None) -> None:
        finest = max((grid.scale for grid in self.shown.grids), default=1.0)
        nearest = min(1.0, finest * NEAREST / min(self.physical))
        pixel = max(nearest, self.camera.pixel / factor)
        if pixel >= 1:
            self.fit()
        else:
            width, height = self.physical
            middle = (width / 2, height / 2)
            self.camera = self.camera.zoomed(about or middle, self.camera.pixel / pixel, self.physical)

    def zoomed(self) -> Zoomed | None:
        """How near one looks, and where; None while everything is in view."""
        if self.shown.fitted:
            return None
        width, height = self._room
        room = (0.0, 0.0, float(width), float(height))
        pictures = [
            rect for grid in self.shown.grids for rect in grid.rects(range(min(grid.count, MAPPED))).tolist()
        ]
        seen = share(self.camera.seen(self.physical), room)
        return Zoomed(
            1 / self.camera.pixel, width / height, seen, tuple(share(rect, room) for rect in pictures)
        )

    # -- properties ----------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> tuple[Place, ...]:
        return self.shown.cursor

    @cursor.setter
    def cursor(self, places: Iterable[tuple[str, int, int, int]]) -> None:
        cursor = tuple(Place(*place) for place in places)
        if cursor != self.shown.cursor:
            self.shown.cursor = cursor
            self._renew("marks")

    @property
    def selected(self) -> Place | None:
        return self.shown.selected

    @selected.setter
    def selected(self, place: tuple[str, int, int, int] | None) -> None:
        self.shown.selected = None if place is None else Place(*place)
        self._renew("marks")

    @property
    def hovered(self) -> Place | None:
        return self.shown.hovered

    @property
    def brush(self) -> Brush | None:
        return self.shown.brush

    @brush.setter
    def brush(self, brush: Brush | None) -> None:
        self.shown.brush = brush
        self._renew("marks")

    @property
    def painting(self) -> Bools | None:
        return None if self.shown.painting is None else self.shown.painting.copy()

    @painting.setter
    def painting(self, mask: Bools | None) -> None:
        if not isinstance(self._mouse.gesture, Stroke):  # what is being painted just now is newer
            self.shown.painting = None if mask is None else np.array(mask, bool)
            self._renew("painting", "marks")

    @property
    def painted_on(self) -> tuple[str, int] | None:
        return self.shown.painted_on

    @painted_on.setter
    def painted_on(self, picture: tuple[str, int] | None) -> None:
        self.shown.painted_on = picture
        self._renew("marks")

    @property
    def cut(self) -> Bools | None:
        return self.shown.cut

    @cut.setter
    def cut(self, kept: Bools | None) -> None:
        self.shown.cut = None if kept is None else np.array(kept, bool)
        self._renew("marks")

    @property
    def grips(self) -> frozenset[str]:
        return self.shown.grips

    @grips.setter
    def grips(self, boards: Iterable[str]) -> None:
        self.shown.grips = frozenset(boards)

    @property
    def picked(self) -> tuple[str, int] | None:
        return self.shown.picked

    @picked.setter
    def picked(self, picture: tuple[str, int] | None) -> None:
        self.shown.picked = picture
        self._renew("marks")

    @property
    def outlined(self) -> tuple[str, Bools] | None:
        return self.shown.outlined

    @outlined.setter
    def outlined(self, places: tuple[str, Bools] | None) -> None:
        self.shown.outlined = None if places is None else (places[0], np.array(places[1], bool))
        self._renew("marks")

    @property
    def struck(self) -> tuple[str, tuple[int, ...]] | None:
        return self.shown.struck

    @struck.setter
    def struck(self, pictures: tuple[str, tuple[int, ...]] | None) -> None:
        if pictures != self.shown.struck:
            self.shown.struck = pictures
            self._renew("marks")

    @property
    def reach(self) -> tuple[str, int, float] | None:
        return self.shown.reach

    @reach.setter
    def reach(self, ring: tuple[str, int, float] | None) -> None:
        if ring != self.shown.reach:
            self.shown.reach = ring
            self._renew("marks")

    @property
    def tinted(self) -> bool:
        return self.shown.tinted

    @tinted.setter
    def tinted(self, tinted: bool) -> None:
        self.shown.tinted = tinted
        self._renew("painting", "marks")

    @property
    def beside(self) -> bool:
        return self.shown.beside

    @beside.setter
    def beside(self, beside: bool) -> None:
        self.shown.beside = beside
        self._arrange()

    @property
    def camera(self) -> Camera:
        return self.shown.camera

    @camera.setter
    def camera(self, camera: Camera) -> None:
        x, y = (
            _within(at, room, seen * camera.pixel)
            for at, room, seen in zip((camera.x, camera.y), self._room, self.physical, strict=True)
        )
        self.shown.camera = replace(camera, x=x, y=y)
        self._renew("pictures", "marks")
        self._mouse.point()

    @property
    def colours(self) -> Colours:
        return self.shown.colours

    @colours.setter
    def colours(self, colours: Colours) -> None:
        self.shown.colours = colours
        self._renew("painting", "marks")

    # -- what the mouse does (mouse.Actions) ---------------------------------------------------------------------

    def pan(self, dx: float, dy: float) -> None:
        if not self.shown.fitted:
            self.camera = self.camera.panned(dx, dy)

    def point(self, at: Point | None) -> None:
        self.shown.pointer = at
        if self.shown.brush is not None:
            self._renew("marks")

    def hover(self, place: Place | None) -> None:
        if place != self.shown.hovered:
            self.shown.hovered = place
            self._renew("marks")
            self.listener.hover(place)

    def click(self, place: Place | None) -> None:
        if place is None:
            self.listener.click_beside()
        else:
            self.listener.click(place)

    def turn(self, place: Place, steps: int) -> None:
        self.listener.turned(place, steps)

    def paint(self, on: Place, start: Point, end: Point, erase: bool) -> None:
        """A stroke on a picture; what was painted on another one is forgotten."""
        grid, brush = self.shown.grid(on.board), self.shown.brush
        rect = self.shown.picture_rect(on.board, on.picture)
        if grid is None or brush is None or rect is None:
            return  # it was taken from the wall, or the brush was put away
        mask = self.painting if (on.board, on.picture) == self.painted_on else None
        if mask is None or mask.shape != grid.places:
            mask = np.zeros(grid.places, bool)
        rows, columns = grid.places
        place = (rect[2:] - rect[:2]) / (columns, rows)
        a, b = ((np.array(point) - rect[:2]) / place for point in (start, end))
        radius = brush.radius * self.ratio / place
        met = stroked(grid.places, (a[0], a[1]), (b[0], b[1]), (radius[0], radius[1]))
        self.shown.painted_on = on.board, on.picture
        self.shown.painting = mask & ~met if erase else mask | met
        self._renew("painting", "marks")

    def report_painting(self, on: Place, done: bool) -> None:
        mask = self.painting
        if mask is not None:
            self.listener.painted(on.board, on.picture, mask, done)

    def drag_cut(self, place: Place, done: bool) -> None:
        self.listener.cut_dragged(place, done)

    def ask(self, place: Place) -> None:
        self.listener.asked(place)

    def change_brush(self, brush: Brush) -> None:
        self.brush = brush
        self.listener.brush_changed(brush)

    # -- vispy's events ------------------------------------------------------------------------------------------

    def on_resize(self, event: Any) -> None:
        self._arrange()

    def on_draw(self, event: Any) -> None:
        self._painter.renew(self._take_stale())
        self._painter.draw(self.context)

    # -- inside --------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        self._measure()
        if self.shown.fitted:
            self.fit()
        else:
            self.camera = self.camera


def _kept(before: Board | None, board: Board) -> Board:
    """The board with the arrays of the one before where they are equal: those need not be looked at again."""
    if before is None:
        return board
    pictures, veil = before.pictures, before.veil
    if not np.array_equal(pictures, board.pictures):
        pictures = board.pictures
    if veil is None or board.veil is None or not np.array_equal(veil, board.veil):
        veil = board.veil
    return replace(board, pictures=pictures, veil=veil)


def _within(at: float, room: float, seen: float) -> float:
    """The middle of a view that sees so much of a room and nothing beyond it, if it can."""
    return room / 2 if seen >= room else min(room - seen / 2, max(seen / 2, at))
