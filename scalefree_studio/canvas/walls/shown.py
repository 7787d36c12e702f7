"""What a wall shows, and what of it is where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..camera import Camera, Point, Size
from ..shown import Shown
from .boards import Board, Bools, Floats, Grid, Place

LEAST = 7.0  # logical pixels: the least side of a mark
TITLED = 160  # logical pixels: from this size on, boards have titles


@dataclass
class ShownWall(Shown):
    camera: Camera = field(default_factory=lambda: Camera(pixel=1.0))  # over the room in which the boards lie
    boards: tuple[Board, ...] = ()
    grids: tuple[Grid, ...] = ()  # one a board
    title_sizes: dict[str, Size] = field(default_factory=dict)  # by board
    cursor: tuple[Place, ...] = ()
    selected: Place | None = None
    hovered: Place | None = None
    painting: Bools | None = None  # (H, W)
    painted_on: tuple[str, int] | None = None
    beside: bool = False  # boards lie beside one another, as the columns of a table
    cut: Bools | None = None  # (R, H, W): a line lies round what is kept of the R-th pictures of all boards
    grips: frozenset[str] = frozenset()  # boards on whose pictures that line is dragged
    picked: tuple[str, int] | None = None  # a picture that is outlined
    outlined: tuple[str, Bools] | None = None  # a board, and (N, H, W): a line lies round these of its places
    struck: tuple[str, tuple[int, ...]] | None = None  # a board, and pictures of it that are struck through
    reach: tuple[str, int, float] | None = None  # a ring round a picture, of a radius of so many pictures
    tinted: bool = True  # whether painted places are covered with a colour

    @property
    def fitted(self) -> bool:
        """All is in view."""
        return self.camera.pixel >= 1

    @property
    def titles(self) -> dict[str, Size]:
        """The sizes of the titles that are shown: in a tiny canvas none, pictures come first."""
        return self.title_sizes if min(self.physical) >= TITLED * self.ratio else {}

    def laid_out(self) -> Iterator[tuple[Board, Grid]]:
        return zip(self.boards, self.grids, strict=True)

    def grid(self, name: str) -> Grid | None:
        return next((grid for board, grid in self.laid_out() if board.name == name), None)

    def on_screen(self, rects: Floats) -> Floats:
        """Rectangles (..., 4) of the room, on the screen."""
        corners = rects.reshape(*rects.shape[:-1], 2, 2)
        return self.camera.to_screen(corners, self.physical).reshape(rects.shape)

    def place_at(self, at: Point) -> Place | None:
        x, y = self.camera.to_world(at, self.physical)
        for board, grid in self.laid_out():
            found = grid.at(float(x), float(y))
            if found is not None:
                return Place(board.name, *found)
        return None

    def place_near(self, at: Point, place: Place) -> Place:
        """The place of that picture that is nearest to a point."""
        rect, grid = self.picture_rect(place.board, place.picture), self.grid(place.board)
        if rect is None or grid is None:
            return place
        rows, columns = grid.places
        x, y = (np.array(at) - rect[:2]) / (rect[2:] - rect[:2]) * (columns, rows)
        return place._replace(y=int(min(rows - 1, max(0, y))), x=int(min(columns - 1, max(0, x))))

    def picture_rect(self, board: str, picture: int) -> Floats | None:
        """A picture on the screen, (4,); None if there is none such."""
        grid = self.grid(board)
        if grid is None or not 0 <= picture < grid.count:
            return None
        return self.on_screen(grid.rects(picture))

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
        """On the screen, the picture that is painted on: (4,)."""
        on = self.painted_on or ((self.boards[0].name, 0) if self.boards else None)
        grid = self.grid(on[0]) if on is not None else None
        if on is None or grid is None or self.painting is None or self.painting.shape != grid.places:
            return None
        return self.picture_rect(*on)
