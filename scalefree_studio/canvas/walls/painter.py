"""What of a wall becomes pixels. Buffers and textures are made once; only what has changed is filled anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..camera import Size
from ..colours import Colours
from ..dividers.segments import NONE, Segments, frames, ring
from ..picture import OPAQUE, Layer
from .boards import UNDER, Board, Bytes, Floats, Grid, Place
from .tiles import Tiles

if TYPE_CHECKING:
    from .canvas import WallCanvas

PARTS = ("pictures", "marks")  # what can be out of date

# Logical pixels: half the width of a thin line and of a strong one, how far halos reach, the least side of a mark.
THIN, STRONG, HALO, LEAST = 0.6, 0.9, 1.6, 7.0
ROOM = 3  # times the smallest mark: pictures narrower than that have none
TINT = 0.6  # how much a painted place is covered
INSET = 8  # logical pixels: how near to the edge of the screen a title may come
LIGHT_HALO = (1.0, 1.0, 1.0, 0.7)
SOFT = 0.7  # the opacity of a mark that only follows the pointer


class WallPainter:
    """Draws a wall, whose state it only reads."""

    def __init__(self, canvas: WallCanvas):
        self.canvas = canvas
        self.pictures: dict[str, Tiles] = {}
        self.veils: dict[str, Tiles] = {}
        self._painting = Tiles()
        self._marks = Segments()
        self._titles: dict[str, Layer] = {}

    @property
    def titles(self) -> dict[str, Size]:
        """Their widths and heights."""
        return {name: title.size for name, title in self._titles.items()}

    def set_captions(self, images: Mapping[str, Bytes]) -> None:
        for name, image in images.items():
            self._titles.setdefault(name, Layer("linear")).set(np.array(image))

    def renew(self, parts: set[str]) -> None:
        """Make anew what has changed since the last drawing; so many events between two drawings cost one."""
        if "pictures" in parts:
            for board, grid in self.canvas.laid_out():
                self._renew_board(board, grid)
        if parts:
            self._renew_painting()
            self._renew_marks()

    def _renew_board(self, board: Board, grid: Grid) -> None:
        rects = self.canvas.on_screen(grid.rects(np.arange(grid.count)))
        pixel, size = grid.scale / self.canvas.camera.pixel, self.canvas.physical
        self.pictures.setdefault(board.name, Tiles()).set(board.pictures, rects, (pixel, pixel), size)
        veil = self.veils.setdefault(board.name, Tiles())
        veil.set(board.veil, rects, (pixel * board.place[1], pixel * board.place[0]), size)

    def _renew_painting(self) -> None:
        """The painted places, as a veil over the one picture that has them."""
        canvas = self.canvas
        rect = canvas.painted_rect
        if rect is None or canvas.painted_veil is None:
            self._painting.set(None, np.zeros((0, 4)), (1, 1), canvas.physical)
            return
        height, width = canvas.painted_veil.shape[1:3]
        place = (rect[2] - rect[0]) / width, (rect[3] - rect[1]) / height
        self._painting.set(canvas.painted_veil, rect[None], place, canvas.physical)

    def _renew_marks(self) -> None:
        canvas, look, ratio = self.canvas, self.canvas.look, self.canvas.ratio
        soft = look.of("accent") * (1, 1, 1, SOFT)
        made = [
            self._frames(canvas.cursor if self._have_room(canvas.cursor) else (), look.of("accent"), THIN)
        ]
        if canvas.hovered is not None:
            made.append(self._frames([canvas.hovered], soft, THIN))
        if canvas.selected is not None:
            made.append(self._around_picture(canvas.selected))
            made.append(self._frames([canvas.selected], look.of("selected"), STRONG))
        if canvas.brush is not None and canvas.pointer is not None:
            made.append(ring(canvas.pointer, canvas.brush.radius * ratio, look.of("accent"), STRONG * ratio))
        self._marks.set(np.concatenate(made))

    def _have_room(self, places: Sequence[Place]) -> bool:
        """Whether the pictures are large enough not to be hidden by marks that are large enough to be seen."""
        rect = self.canvas.picture_rect(places[0].board, places[0].picture) if places else None
        return rect is not None and rect[2] - rect[0] >= ROOM * LEAST * self.canvas.ratio

    def _frames(self, places: Iterable[Place], colour: npt.ArrayLike, width: float) -> npt.NDArray[Any]:
        """Frames round places: round, not over, so that what is framed is seen."""
        half = width * self.canvas.ratio
        rects = self.canvas.marks(places) + half * GROWN
        return frames(_reachable(rects, self.canvas.physical), colour, half)

    def _around_picture(self, place: Place) -> npt.NDArray[Any]:
        rect = self.canvas.picture_rect(place.board, place.picture)
        if rect is None:
            return NONE
        half, colour = THIN * self.canvas.ratio, self.canvas.look.of("selected") * (1, 1, 1, SOFT)
        return frames(_reachable(rect[None] + 2 * half * GROWN, self.canvas.physical), colour, half)

    def draw(self) -> None:
        canvas, context, look = self.canvas, self.canvas.context, self.canvas.look
        width, height = canvas.physical
        context.set_state(
            blend=True, depth_test=False, cull_face=False, scissor_test=False, blend_func=OPAQUE
        )  # fmt: skip
        context.set_viewport(0, 0, width, height)
        context.clear(color=look.of("background"), depth=False)
        window = (0, 0, width, height)
        for board, _ in canvas.laid_out():
            self.pictures[board.name].draw(window)
            self.veils[board.name].draw(window)
        self._painting.draw(window)
        self._marks.draw(window, halo_of(look), HALO * canvas.ratio)
        for board, grid in canvas.laid_out():
            self._draw_title(board, grid)

    def _draw_title(self, board: Board, grid: Grid) -> None:
        """Above its board; where that is out of view, at the edge of what is seen of the board."""
        if board.name not in self.canvas.titles:
            return
        title = self._titles[board.name]
        (width, height), room, ratio = title.size, self.canvas.physical, self.canvas.ratio
        extent = (grid.left, grid.top, grid.left + grid.extent[0], grid.top + grid.extent[1])
        left, top, right, bottom = self.canvas.on_screen(np.array(extent))
        inset = INSET * ratio
        x = max(left, min(inset, right - width))
        y = max(top - height - round(UNDER * ratio), min(inset, bottom - height))
        if -width < x < room[0] and -height < y < room[1]:
            title.rect = (round(x), round(y), round(x) + width, round(y) + height)
            title.draw((0, 0, *room))


def halo_of(look: Colours) -> npt.NDArray[np.float32]:
    """Dark under light marks, light under dark ones."""
    light = float(look.of("accent")[:3] @ (0.2126, 0.7152, 0.0722)) > 0.5
    return look.of("halo") if light else np.array(LIGHT_HALO, np.float32)


GROWN = np.array([-1.0, -1.0, 1.0, 1.0])  # times a length: a rectangle larger by it on each side


def _reachable(rects: Floats, size: Size) -> Floats:
    """Corners far away brought nearer, for float32 has no places for them."""
    return rects.clip(-64, np.array([*size, *size]) + 64)
