"""A wall of pictures: boards of small ones, looked at from near and far, pointed at, and painted on.

A `WallCanvas` is a vispy canvas; `canvas.native` is the widget to embed. It knows no Qt and no torch, nor what drew its
pictures: the window feeds it, and it tells a `WallListener` what the person does.

    canvas = WallCanvas(look, parent=...)             # vispy.use("pyqt6") first
    canvas.listener = WallListener()                  # subclass it, or assign to its attributes

Fed by the window (GUI thread only):
    show(boards)                 what is on the wall (`Board`); cheap, call it for each snapshot. Boards of other sizes
                                 are laid out anew and all in view; a closer look at the same ones stays
    set_captions(images)         board name → rgba: titles, uint8 (h, w, 4), from render.caption
    leave()                      the mouse has left
    fit()                        all boards in view
    zoom(factor)                 nearer (> 1) about the middle, or about a point
    place_at(point)              the Place at a point in physical pixels of the canvas, or None

Properties; setting one redraws what is needed, and tells no listener. Places that are not on the wall are not marked:
    cursor       places about to be drawn, (board, picture, y, x)
    selected     Place | None: outlined, and its picture thinly
    hovered      Place | None, read only
    brush        None, or a Brush(radius in logical pixels): the left button paints
    painting     bool (H, W), the painted places of one picture; or None: nothing painted
    painted_on   (board, picture) | None: which picture that is; None: the first one
    camera       what is looked at (camera.Camera); `pixel` 1 is all of it
    look         colours (Colours)

Told, on the GUI thread (WallListener's methods; all do nothing unless overridden):
    hover(place)                         a Place | None
    click(place)                         a left click on a place; it is not selected by that
    click_beside()                       a left click on none
    turned(place, steps)                 the wheel over the selected place, with Shift or Ctrl: up is positive
    painted(board, picture, mask, done)  while painting some ten times a second, and with done=True at its end
    brush_changed(brush)                 its size was changed with the wheel

Mouse (F1):
    wheel                           zoom about the pointer
    drag                            pan, if not all is in view (the middle button pans with a brush, too)
    double-click                    everything
    brush: left button paints, right button or Alt + left erases, Shift + wheel changes the size
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..brush import Brush
from ..camera import Camera, Size
from ..colours import DARK, Colours
from ..gestures import Point
from ..staged import StagedCanvas
from .boards import Board, Bools, Bytes, Floats, Grid, Place, arranged, stroked
from .listener import WallListener as WallListener  # for whoever imports the canvas
from .mouse import Paint, WallMouse
from .painter import LEAST, PARTS, TINT, WallPainter

TITLED = 160  # logical pixels: from this size on, boards have titles
NEAREST = 4  # so many pixels of a picture are seen across the shorter side of the canvas, at least


class WallCanvas(StagedCanvas):
    """See the top of this file."""

    def __init__(self, look: Colours = DARK, **options: Any):
        self.listener = WallListener()
        self.boards: tuple[Board, ...] = ()
        self.grids: tuple[Grid, ...] = ()
        self._look = look
        self._cursor: tuple[Place, ...] = ()
        self._selected: Place | None = None
        self._hovered: Place | None = None
        self._brush: Brush | None = None
        self._painting: Bools | None = None
        self._painted_on: tuple[str, int] | None = None
        self.painted_veil: Bytes | None = None
        self._camera = Camera(pixel=1.0)
        self._room: Size = (1, 1)  # in which the boards were laid out
        super().__init__(PARTS, **{"title": "wall", **options})
        self._drawing = WallPainter(self)
        self._hand = WallMouse(self)
        self._arrange()

    # -- fed by the window ---------------------------------------------------------------------------------------

    def show(self, boards: Sequence[Board]) -> None:
        before = {board.name: board for board in self.boards}
        shown = [_kept(before.get(board.name), board) for board in boards if len(board.pictures)]
        if len({board.name for board in shown}) < len(shown):
            raise ValueError("two boards have the same name")
        same = [board.shape for board in shown] == [board.shape for board in self.boards]
        self.boards = tuple(shown)
        if same:
            self._renew("pictures")
        else:
            self.fit()

    def set_captions(self, images: Mapping[str, Bytes]) -> None:
        before = self._drawing.titles
        self._drawing.set_captions(images)
        if self._drawing.titles != before and self._fitted:
            self.fit()
        self.update()

    def leave(self) -> None:
        self._hand.leave()

    def fit(self) -> None:
        """All in view: now the boards are laid out anew. From nearer, they stay as they are."""
        self._room = self.physical
        self.grids = tuple(arranged(self.boards, self._room, self.ratio, self.titles))
        self.camera = Camera(self._room[0] / 2, self._room[1] / 2, 1.0)

    def zoom(self, factor: float, about: Point | None = None) -> None:
        finest = max((grid.scale for grid in self.grids), default=1.0)
        nearest = min(1.0, finest * NEAREST / min(self.physical))
        pixel = max(nearest, self._camera.pixel / factor)
        if pixel >= 1:
            self.fit()
        else:
            width, height = self.physical
            middle = (width / 2, height / 2)
            self.camera = self._camera.zoomed(about or middle, self._camera.pixel / pixel, self.physical)

    def place_at(self, at: Point) -> Place | None:
        x, y = self._camera.to_world(at, self.physical)
        for board, grid in self.laid_out():
            found = grid.at(float(x), float(y))
            if found is not None:
                return Place(board.name, *found)
        return None

    # -- properties ----------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> tuple[Place, ...]:
        return self._cursor

    @cursor.setter
    def cursor(self, places: Iterable[tuple[str, int, int, int]]) -> None:
        cursor = tuple(Place(*place) for place in places)
        if cursor != self._cursor:
            self._cursor = cursor
            self._renew("marks")

    @property
    def selected(self) -> Place | None:
        return self._selected

    @selected.setter
    def selected(self, place: tuple[str, int, int, int] | None) -> None:
        self._selected = None if place is None else Place(*place)
        self._renew("marks")

    @property
    def hovered(self) -> Place | None:
        return self._hovered

    @property
    def brush(self) -> Brush | None:
        return self._brush

    @brush.setter
    def brush(self, brush: Brush | None) -> None:
        self._brush = brush
        self._renew("marks")

    @property
    def painting(self) -> Bools | None:
        return None if self._painting is None else self._painting.copy()

    @painting.setter
    def painting(self, mask: Bools | None) -> None:
        if not isinstance(self._hand.gesture, Paint):  # what the hand paints just now is newer
            self._paint(None if mask is None else np.array(mask, bool))

    @property
    def painted_on(self) -> tuple[str, int] | None:
        return self._painted_on

    @painted_on.setter
    def painted_on(self, picture: tuple[str, int] | None) -> None:
        self._painted_on = picture
        self._renew("marks")

    @property
    def camera(self) -> Camera:
        return self._camera

    @camera.setter
    def camera(self, camera: Camera) -> None:
        x, y = (
            _within(at, room, seen * camera.pixel)
            for at, room, seen in zip((camera.x, camera.y), self._room, self.physical, strict=True)
        )
        self._camera = replace(camera, x=x, y=y)
        self._renew(*PARTS)
        self._hand.look()

    @property
    def look(self) -> Colours:
        return self._look

    @look.setter
    def look(self, look: Colours) -> None:
        self._look = look
        self._paint(self._painting)

    @property
    def titles(self) -> dict[str, Size]:
        """The sizes of the titles that are shown: in a tiny canvas none, pictures come first."""
        return self._drawing.titles if min(self.physical) >= TITLED * self.ratio else {}

    # -- for the hand and the drawing ----------------------------------------------------------------------------

    def laid_out(self) -> Iterator[tuple[Board, Grid]]:
        return zip(self.boards, self.grids, strict=True)

    def on_screen(self, rects: Floats) -> Floats:
        """Rectangles (..., 4) of the room, on the screen."""
        corners = rects.reshape(*rects.shape[:-1], 2, 2)
        return self._camera.to_screen(corners, self.physical).reshape(rects.shape)

    def picture_rect(self, board: str, picture: int) -> Floats | None:
        """A picture on the screen; None if there is none such."""
        found = self._grid(board)
        if found is None or not 0 <= picture < found.count:
            return None
        return self.on_screen(found.rects(picture))

    def marks(self, places: Iterable[Place]) -> Floats:
        """Where places are marked on the screen, (S, 4): never too small to be seen. Unknown places are left out."""
        wanted, found = list(places), [np.zeros((0, 4))]
        for board, grid in self.laid_out():
            here = np.array([place[1:] for place in wanted if place.board == board.name], int).reshape(-1, 3)
            there = ((here >= 0) & (here < (grid.count, *grid.places))).all(-1)
            found.append(grid.place_rects(here[there]))
        rects = self.on_screen(np.concatenate(found))
        middle, half = (rects[:, :2] + rects[:, 2:]) / 2, (rects[:, 2:] - rects[:, :2]) / 2
        half = np.maximum(half, LEAST / 2 * self.ratio)
        return np.concatenate([middle - half, middle + half], axis=-1)

    def marked(self, at: Point, place: Place) -> bool:
        """Whether a point lies within the mark of a place."""
        return any(
            left <= at[0] < right and top <= at[1] < bottom
            for left, top, right, bottom in self.marks([place])
        )

    @property
    def painted_rect(self) -> Floats | None:
        """On the screen, the picture that is painted on."""
        on = self._painted_on or ((self.boards[0].name, 0) if self.boards else None)
        grid = self._grid(on[0]) if on is not None else None
        if on is None or grid is None or self._painting is None or self._painting.shape != grid.places:
            return None
        return self.picture_rect(*on)

    @property
    def pointer(self) -> Point | None:
        """Where the mouse is, in physical pixels."""
        return self._hand.at

    def hover(self, place: Place | None) -> None:
        if place != self._hovered:
            self._hovered = place
            self._renew("marks")
            self.listener.hover(place)

    def pointer_moved(self) -> None:
        if self._brush is not None:
            self._renew("marks")

    def pan(self, dx: float, dy: float) -> None:
        if not self._fitted:
            self.camera = self._camera.panned(dx, dy)

    def paint(self, on: Place, start: Point, end: Point, erase: bool) -> None:
        """A stroke on a picture; what was painted on another one is forgotten."""
        grid, brush = self._grid(on.board), self._brush
        rect = self.picture_rect(on.board, on.picture)
        if grid is None or brush is None or rect is None:
            return  # it was taken from the wall, or the brush from the hand
        mask = self.painting if (on.board, on.picture) == self._painted_on else None
        if mask is None or mask.shape != grid.places:
            mask = np.zeros(grid.places, bool)
        rows, columns = grid.places
        place = (rect[2:] - rect[:2]) / (columns, rows)
        a, b = ((np.array(point) - rect[:2]) / place for point in (start, end))
        radius = brush.radius * self.ratio / place
        met = stroked(grid.places, (a[0], a[1]), (b[0], b[1]), (radius[0], radius[1]))
        self._painted_on = on.board, on.picture
        self._paint(mask & ~met if erase else mask | met)

    # -- vispy's events ------------------------------------------------------------------------------------------

    def on_resize(self, event: Any) -> None:
        self._arrange()

    def on_draw(self, event: Any) -> None:
        self._drawing.renew(self._take_stale())
        self._drawing.draw()

    # -- inside --------------------------------------------------------------------------------------------------

    @property
    def _fitted(self) -> bool:
        return self._camera.pixel >= 1

    def _grid(self, name: str) -> Grid | None:
        return next((grid for board, grid in self.laid_out() if board.name == name), None)

    def _paint(self, mask: Bools | None) -> None:
        self._painting = mask
        self.painted_veil = None
        if mask is not None:
            self.painted_veil = np.zeros((1, *mask.shape, 4), np.uint8)
            self.painted_veil[0][mask] = (*(self._look.of("selected")[:3] * 255).round(), round(255 * TINT))
        self._renew("marks")

    def _arrange(self) -> None:
        self._measure()
        if self._fitted:
            self.fit()
        else:
            self.camera = self._camera


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
