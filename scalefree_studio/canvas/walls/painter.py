"""What of a wall becomes pixels. Buffers and textures are made once; only what has changed is filled anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...snapshot import Bytes
from ..camera import Part, Size
from ..colours import Colours
from ..picture import OPAQUE, Layer, viewport
from ..segments import NONE, Segments, frames, pieces, ring
from .boards import UNDER, Board, Floats, Grid, Place, edges_of
from .shown import LEAST, ShownWall
from .tiles import Tiles

PARTS = ("pictures", "painting", "marks")  # what can be out of date

# Logical pixels: half the width of a thin line and of a strong one, how far halos reach.
THIN, STRONG, HALO = 0.6, 0.9, 1.6
ROOM = 3  # times the smallest mark: pictures narrower than that have none
TINT = 0.6  # how much a painted place is covered
INSET = 8  # logical pixels: how near to the edge of the screen a title may come
LIGHT_HALO = (1.0, 1.0, 1.0, 0.7)
SOFT = 0.7  # the opacity of a mark that only follows the pointer


class WallPainter:
    """Draws what a wall shows."""

    def __init__(self, shown: ShownWall):
        self._shown = shown
        self.pictures: dict[str, Tiles] = {}
        self.veils: dict[str, Tiles] = {}
        self._painting = Tiles()
        self._painted: Bytes | None = None  # (1, H, W, 4): the painted places, as a veil
        self._marks = Segments()
        self._titles: dict[str, Layer] = {}

    def set_captions(self, images: Mapping[str, Bytes]) -> None:
        for name, image in images.items():
            self._titles.setdefault(name, Layer("linear")).set(np.array(image))

    def renew(self, parts: set[str]) -> None:
        """Make anew what has changed since the last drawing; so many events between two drawings cost one."""
        if "pictures" in parts:
            for board, grid in self._shown.laid_out():
                self._renew_board(board, grid)
        if "painting" in parts:
            self._painted = self._veil_of_painting()
        if parts:
            self._renew_painting()
            self._renew_marks()

    def _renew_board(self, board: Board, grid: Grid) -> None:
        rects = self._shown.on_screen(grid.rects(np.arange(grid.count)))
        pixel, size = grid.scale / self._shown.camera.pixel, self._shown.physical
        self.pictures.setdefault(board.name, Tiles()).set(board.pictures, rects, (pixel, pixel), size)
        veil = self.veils.setdefault(board.name, Tiles())
        veil.set(board.veil, rects, (pixel * board.place[1], pixel * board.place[0]), size)

    def _veil_of_painting(self) -> Bytes | None:
        mask = self._shown.painting
        if mask is None or not self._shown.tinted:
            return None
        veil = np.zeros((1, *mask.shape, 4), np.uint8)
        veil[0][mask] = (*(self._shown.colours.of("selected")[:3] * 255).round(), round(255 * TINT))
        return veil

    def _renew_painting(self) -> None:
        """The veil lies over the one picture whose places are painted."""
        rect, size = self._shown.painted_rect, self._shown.physical
        if rect is None or self._painted is None:
            self._painting.set(None, np.zeros((0, 4)), (1, 1), size)
            return
        height, width = self._painted.shape[1:3]
        place = (rect[2] - rect[0]) / width, (rect[3] - rect[1]) / height
        self._painting.set(self._painted, rect[None], place, size)

    def _renew_marks(self) -> None:
        shown, colours, ratio = self._shown, self._shown.colours, self._shown.ratio
        soft = colours.of("accent") * (1, 1, 1, SOFT)
        made = [
            self._frames(shown.cursor if self._have_room(shown.cursor) else (), colours.of("accent"), THIN)
        ]
        if shown.hovered is not None:
            made.append(self._frames([shown.hovered], soft, THIN))
        if shown.selected is not None:
            made.append(self._around_picture(shown.selected.board, shown.selected.picture, THIN))
            made.append(self._frames([shown.selected], colours.of("selected"), STRONG))
        if shown.picked is not None:
            made.append(self._around_picture(*shown.picked, STRONG))
        made += self._cuts()
        made += self._outlines()
        made += self._struck()
        made.append(self._reach())
        if shown.brush is not None and shown.pointer is not None:
            made.append(ring(shown.pointer, shown.brush.radius * ratio, colours.of("accent"), STRONG * ratio))
        self._marks.set(np.concatenate(made))

    def _have_room(self, places: Sequence[Place]) -> bool:
        """Whether the pictures are large enough not to be hidden by marks that are large enough to be seen."""
        rect = self._shown.picture_rect(places[0].board, places[0].picture) if places else None
        return rect is not None and rect[2] - rect[0] >= ROOM * LEAST * self._shown.ratio

    def _frames(self, places: Iterable[Place], colour: npt.ArrayLike, width: float) -> npt.NDArray[Any]:
        """Frames round places: round, not over, so that what is framed is seen."""
        half = width * self._shown.ratio
        rects = self._shown.marks(places) + half * GROWN
        return frames(_reachable(rects, self._shown.physical), colour, half)

    def _cuts(self) -> Iterator[npt.NDArray[Any]]:
        """A line round what is kept, on every board."""
        shown = self._shown
        half, colour = THIN * shown.ratio, shown.colours.of("accent")
        for picture, kept in enumerate(shown.cut if shown.cut is not None else ()):
            edges = edges_of(kept) / np.tile(kept.shape[::-1], 2)
            for board, grid in shown.laid_out():
                rect = shown.picture_rect(board.name, picture)
                if rect is not None and grid.places == kept.shape:
                    yield pieces(_within(rect, edges, shown.physical), colour, half, rounded=True)

    def _outlines(self) -> Iterator[npt.NDArray[Any]]:
        """Lines round some places of one board, also where they end with the picture."""
        shown = self._shown
        name, parts = shown.outlined or ("", np.zeros((0, 1, 1), bool))
        grid, half = shown.grid(name), STRONG * shown.ratio
        if grid is None or grid.places != parts.shape[1:]:
            return
        for picture in np.flatnonzero(parts.any((1, 2))).tolist():
            rect = shown.picture_rect(name, picture)
            if rect is not None:
                edges = (edges_of(np.pad(parts[picture], 1)) - 1) / np.tile(grid.places[::-1], 2)
                ends = _within(rect, edges, shown.physical)
                yield pieces(ends, shown.colours.of("selected"), half, rounded=True)

    def _struck(self) -> Iterator[npt.NDArray[Any]]:
        """A line across each of some pictures, from corner to corner."""
        shown = self._shown
        name, pictures = shown.struck or ("", ())
        grid = shown.grid(name)
        which = np.array([n for n in pictures if grid is not None and n < grid.count], int)
        if grid is not None and len(which):
            rects = _reachable(shown.on_screen(grid.rects(which)), shown.physical)
            colour = shown.colours.of("accent") * (1, 1, 1, SOFT)
            yield pieces(rects[:, [0, 3, 2, 1]], colour, THIN * shown.ratio)

    def _reach(self) -> npt.NDArray[Any]:
        """A ring round a picture that goes through the middles of those so far away."""
        shown = self._shown
        name, picture, radius = shown.reach or ("", 0, 0.0)
        rect, grid = shown.picture_rect(name, picture), shown.grid(name)
        if rect is None or grid is None or not radius > 0:
            return NONE
        pitch = np.array(grid.pitch) / shown.camera.pixel
        return ring(
            (rect[:2] + rect[2:]) / 2, radius * pitch, shown.colours.of("accent"), STRONG * shown.ratio
        )

    def _around_picture(self, board: str, picture: int, width: float) -> npt.NDArray[Any]:
        rect = self._shown.picture_rect(board, picture)
        if rect is None:
            return NONE
        half, colour = width * self._shown.ratio, self._shown.colours.of("selected") * (1, 1, 1, SOFT)
        return frames(_reachable(rect[None] + 2 * half * GROWN, self._shown.physical), colour, half)

    def draw(self, context: Any, part: Part | None = None) -> None:
        """Onto what this OpenGL context draws on: all of the canvas, or a part of it."""
        shown, colours = self._shown, self._shown.colours
        window = part or (0, 0, *shown.physical)
        context.set_state(
            blend=True, depth_test=False, cull_face=False, scissor_test=False, blend_func=OPAQUE
        )  # fmt: skip
        context.set_viewport(*viewport(window, window))
        context.clear(color=colours.of("background"), depth=False)
        for board, _ in shown.laid_out():
            self.pictures[board.name].draw(window)
            self.veils[board.name].draw(window)
        self._painting.draw(window)
        self._marks.draw(window, halo_of(colours), HALO * shown.ratio)
        for board, grid in shown.laid_out():
            self._draw_title(board, grid, window)

    def _draw_title(self, board: Board, grid: Grid, window: Part) -> None:
        """Above its board; where that is out of view, at the edge of what is seen of the board."""
        if board.name not in self._shown.titles:
            return
        title = self._titles[board.name]
        (width, height), room, ratio = title.size, self._shown.physical, self._shown.ratio
        extent = (grid.left, grid.top, grid.left + grid.extent[0], grid.top + grid.extent[1])
        left, top, right, bottom = self._shown.on_screen(np.array(extent))
        inset = INSET * ratio
        x = max(left, min(inset, right - width))
        y = max(top - height - round(UNDER * ratio), min(inset, bottom - height))
        if -width < x < room[0] and -height < y < room[1]:
            title.rect = (round(x), round(y), round(x) + width, round(y) + height)
            title.draw(window)


def halo_of(colours: Colours) -> npt.NDArray[np.float32]:
    """Dark under light marks, light under dark ones."""
    light = float(colours.of("accent")[:3] @ (0.2126, 0.7152, 0.0722)) > 0.5
    return colours.of("halo") if light else np.array(LIGHT_HALO, np.float32)


GROWN = np.array([-1.0, -1.0, 1.0, 1.0])  # times a length: a rectangle larger by it on each side


def _within(rect: Floats, ends: Floats, size: Size) -> Floats:
    """Ends (E, 4) in shares of a rectangle, on the screen."""
    return _reachable(np.tile(rect[:2], 2) + ends * np.tile(rect[2:] - rect[:2], 2), size)


def _reachable(rects: Floats, size: Size) -> Floats:
    """Corners far away brought nearer, for float32 has no places for them."""
    return rects.clip(-64, np.array([*size, *size]) + 64)
