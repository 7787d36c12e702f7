"""Boards: titled grids of small pictures, where they lie in a room, and which place is where. Nothing is drawn here.

A room's coordinates are physical pixels from its top left corner, y down, as long as all of it is looked at; `Camera`
says what is seen of it otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...snapshot import Bytes
from ..camera import Size

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MARGIN, BETWEEN, UNDER = 20, 24, 8  # logical pixels: around all boards, between two, under a title
# Between pictures: a share of their longer side, and at most so many logical pixels.
GAP, WIDEST_GAP = 1 / 14, 8
WASTE = 0.9  # whole pixels for a picture's pixels, if it stays at least so large
SMALLEST = 1.0  # physical pixels of a picture's longer side


class Place(NamedTuple):
    """A place of a picture of a board."""

    board: str
    picture: int
    y: int
    x: int


@dataclass(frozen=True, eq=False)
class Board:
    """A grid of pictures of equal size. The arrays must not change once they are shown."""

    name: str  # which board it is, from one showing to the next
    pictures: Bytes  # (N, h, w, 3)
    columns: int | None = None  # None: as many as make the pictures largest
    place: tuple[int, int] = (1, 1)  # pixels of a place: (height, width)
    veil: Bytes | None = None  # (N, H, W, 4), a colour with alpha for each place, drawn over the pictures
    weight: float = 1.0  # how large its pictures are beside those of other boards
    group: int = 1  # so many pictures, side by side, belong together: between groups there is more room

    def __post_init__(self) -> None:
        shape = self.pictures.shape
        if self.pictures.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape[1:]:
            raise ValueError(f"pictures are bytes (N, h, w, 3), not {self.pictures.dtype} {shape}")
        if min(self.place) < 1 or shape[1] % self.place[0] or shape[2] % self.place[1]:
            raise ValueError(f"pictures of {shape[1]} × {shape[2]} pixels have no places of {self.place}")
        if self.veil is not None and self.veil.shape != (len(self.pictures), *self.places, 4):
            raise ValueError(f"a veil over {self.places} places cannot have the shape {self.veil.shape}")
        if (self.columns is not None and self.columns < 1) or not self.weight > 0 or self.group < 1:
            raise ValueError(
                "a board has at least one column, some weight, and groups of at least one picture"
            )

    @property
    def size(self) -> Size:
        """A picture's width and height."""
        return self.pictures.shape[2], self.pictures.shape[1]

    @property
    def places(self) -> tuple[int, int]:
        """How many places a picture has: rows, columns."""
        return self.pictures.shape[1] // self.place[0], self.pictures.shape[2] // self.place[1]

    @property
    def shape(self) -> tuple[object, ...]:
        """All that the layout depends on."""
        return self.name, self.pictures.shape, self.columns, self.place, self.weight, self.group


@dataclass(frozen=True)
class Grid:
    """Where a board lies in a room."""

    left: float
    top: float
    scale: float  # how large a picture's pixel is
    count: int
    columns: int
    size: Size  # of a picture, in its own pixels
    place: tuple[int, int]
    gap: int
    group: int = 1  # pictures that belong together
    apart: int = 0  # more room after each group

    @property
    def rows(self) -> int:
        return -(-self.count // self.columns)

    @property
    def places(self) -> tuple[int, int]:
        """How many places a picture has: rows, columns."""
        return self.size[1] // self.place[0], self.size[0] // self.place[1]

    @property
    def picture(self) -> tuple[float, float]:
        """A picture's width and height in the room."""
        return self.size[0] * self.scale, self.size[1] * self.scale

    @property
    def pitch(self) -> tuple[int, int]:
        """From a picture to the next, across and down; whole, so that each begins with a pixel of the screen."""
        width, height = self.picture
        return math.ceil(width - 1e-9) + self.gap, math.ceil(height - 1e-9) + self.gap

    @property
    def stride(self) -> int:
        """From a group to the next, across."""
        return self.group * self.pitch[0] + self.apart

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of them all."""
        between = (self.columns - 1) // self.group * self.apart
        return self.columns * self.pitch[0] - self.gap + between, self.rows * self.pitch[1] - self.gap

    def fitting(self, width: float) -> int:
        """How many columns of whole groups fit in a width; one group at the least."""
        return max(1, int((width + self.gap + self.apart) // self.stride)) * self.group

    def rects(self, pictures: npt.ArrayLike) -> Floats:
        """Left, top, right, bottom of some pictures: (..., 4)."""
        row, column = np.divmod(np.asarray(pictures), self.columns)
        left = self.left + column * self.pitch[0] + column // self.group * self.apart
        top = self.top + row * self.pitch[1]
        return np.stack([left, top, left + self.picture[0], top + self.picture[1]], axis=-1)

    def place_rects(self, places: npt.ArrayLike) -> Floats:
        """The same of places (..., 3): picture, row, column."""
        picture, y, x = np.moveaxis(np.asarray(places), -1, 0)
        side = np.array([self.place[1], self.place[0]]) * self.scale  # width, height
        corner = self.rects(picture)[..., :2] + np.stack([x, y], axis=-1) * side
        return np.concatenate([corner, corner + side], axis=-1)

    def at(self, x: float, y: float) -> tuple[int, int, int] | None:
        """The picture at a point, and the row and column of the place."""
        group, within = divmod(x - self.left, self.stride)
        column = int(group) * self.group + min(self.group - 1, int(within / self.pitch[0]))
        row = math.floor((y - self.top) / self.pitch[1])
        picture = row * self.columns + column
        if not (0 <= column < self.columns and row >= 0 and picture < self.count):
            return None
        left, top, right, bottom = self.rects(picture)
        if not (left <= x < right and top <= y < bottom):
            return None
        height, width = self.place[0] * self.scale, self.place[1] * self.scale
        rows, columns = self.places
        # A point within rounding of a picture's far edge is still in its last place.
        return picture, min(rows - 1, int((y - top) / height)), min(columns - 1, int((x - left) / width))


def arranged(
    boards: Sequence[Board],
    size: Size,
    ratio: float = 1.0,
    titles: Mapping[str, Size] | None = None,
    beside: bool = False,
) -> list[Grid]:
    """Where boards lie in a room of this size: beside or below one another, whichever makes pictures larger, or always
    `beside`. `ratio`: physical pixels a logical one; `titles`: widths and heights of what stands above boards."""
    if not boards:
        return []
    choices = (True,) if beside else (False, True)
    ways = [_Way(boards, size, ratio, titles or {}, choice) for choice in choices]
    return max((way.grids() for way in ways), key=lambda grids: sum(math.prod(g.picture) for g in grids))


@dataclass(frozen=True)
class _Way:
    """One way to lay boards out."""

    boards: Sequence[Board]
    size: Size
    ratio: float
    titles: Mapping[str, Size]
    beside: bool

    def grids(self) -> list[Grid]:
        """As large as fits, in the middle of the room."""
        highest = 2.0 * max(self.size) / max(board.weight for board in self.boards)
        grids = self._filled(self._sized(_largest(lambda side: self._fits(self._sized(side)), highest)))
        blocks = [self._block(board, grid) for board, grid in zip(self.boards, grids, strict=True)]
        across, down = self._whole(blocks)
        x, y = max(0, (self.size[0] - across) // 2), max(0, (self.size[1] - down) // 2)
        placed = []
        for board, grid, (width, height) in zip(self.boards, grids, blocks, strict=True):
            placed.append(replace(grid, left=float(x), top=float(y + self._above(board))))
            if self.beside:
                x += width + self._between
            else:
                y += height + self._between
        return placed

    @property
    def _between(self) -> int:
        return round(BETWEEN * self.ratio)

    @property
    def _room(self) -> Size:
        """What is left within the margins, which are narrow in a narrow room."""
        margin = min(round(MARGIN * self.ratio), min(self.size) // 16)
        return max(1, self.size[0] - 2 * margin), max(1, self.size[1] - 2 * margin)

    def _above(self, board: Board) -> int:
        """The height of a board's title."""
        title = self.titles.get(board.name)
        return 0 if title is None else title[1] + round(UNDER * self.ratio)

    def _sized(self, side: float) -> list[Grid]:
        """Boards whose pictures' longer sides are `side`, or less by rounding, times their weights."""
        grids = []
        for board in self.boards:
            scale = _crisp(side * board.weight / max(board.size))
            longer = scale * max(board.size)
            gap = min(round(WIDEST_GAP * self.ratio), max(round(longer * GAP), 1 if longer >= 4 else 0))
            apart = 2 * gap if board.group > 1 else 0
            grid = Grid(0, 0, scale, len(board.pictures), 1, board.size, board.place, gap, board.group, apart)
            grids.append(replace(grid, columns=board.columns or self._columns(board, grid)))
        return grids

    def _columns(self, board: Board, grid: Grid) -> int:
        """How many columns leave the most room for the boards beside, or below; then no more than its rows need."""
        width, height = self._room
        if self.beside:
            rows = max(1, (height - self._above(board) + grid.gap) // grid.pitch[1])
        else:
            rows = -(-grid.count // grid.fitting(width))
        groups = -(-grid.count // grid.group)
        return -(-groups // min(rows, groups)) * grid.group

    def _filled(self, grids: list[Grid]) -> list[Grid]:
        """Grids with other numbers of columns, if there is room for them and fewer places stay empty at the end."""
        for n, (board, grid) in enumerate(zip(self.boards, grids, strict=True)):
            widest = min(grid.count, grid.fitting(self._room[0]))
            free = range(grid.columns, widest + 1, grid.group) if board.columns is None else ()
            ways = [[*grids[:n], replace(grid, columns=columns), *grids[n + 1 :]] for columns in free]
            fitting = [way for way in ways if self._fits(way)]
            grids = min(fitting, key=lambda way: way[n].rows * way[n].columns, default=grids)
        return grids

    def _block(self, board: Board, grid: Grid) -> Size:
        """What a board takes with its title."""
        width, height = (math.ceil(length) for length in grid.extent)
        return max(width, self.titles.get(board.name, (0, 0))[0]), height + self._above(board)

    def _whole(self, blocks: Sequence[Size]) -> Size:
        widths, heights = zip(*blocks, strict=True)
        apart = self._between * (len(blocks) - 1)
        return (sum(widths) + apart, max(heights)) if self.beside else (max(widths), sum(heights) + apart)

    def _fits(self, grids: Sequence[Grid]) -> bool:
        across, down = self._whole([self._block(b, g) for b, g in zip(self.boards, grids, strict=True)])
        return across <= self._room[0] and down <= self._room[1]


def _crisp(scale: float) -> float:
    """A scale near to this one and not above it: whole, if that costs little."""
    whole = math.floor(scale + 1e-9)
    return float(whole) if whole >= WASTE * scale else scale


def _largest(fits: Callable[[float], bool], high: float) -> float:
    """The largest side that fits; the smallest there is, if none does."""
    low = SMALLEST
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def edges_of(part: Bools) -> Floats:
    """The line round a part of the places (H, W), as pieces from one point to another: (E, 4), x before y."""
    y, left, right = _runs(part[:-1] != part[1:])
    x, top, bottom = _runs((part[:, :-1] != part[:, 1:]).T)
    level, upright = (
        np.stack([left, y + 1, right, y + 1], axis=-1),
        np.stack([x + 1, top, x + 1, bottom], axis=-1),
    )
    return np.concatenate([level, upright]).astype(np.float64)


def _runs(marked: Bools) -> tuple[npt.NDArray[np.int64], ...]:
    """Of rows (H, W), those with marks, and where each run of marks begins and ends."""
    steps = np.diff(np.pad(marked, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (row, start), stop = np.nonzero(steps == 1), np.nonzero(steps == -1)[1]
    return row, start, stop


def stroked(
    places: tuple[int, int], start: tuple[float, float], end: tuple[float, float], radius: tuple[float, float]
) -> Bools:
    """Which places (H, W) a stroke from start to end meets; all in places, x before y. They are those whose middle lies
    under the brush, and those that its middle passes through, so that even a tiny brush paints."""
    height, width = places
    a, b = np.array(start), np.array(end)
    y, x = np.mgrid[:height, :width] + 0.5
    way, px, py = (b - a) / radius, (x - a[0]) / radius[0], (y - a[1]) / radius[1]
    t = ((px * way[0] + py * way[1]) / max(float(way @ way), 1e-12)).clip(0, 1)
    met: Bools = np.hypot(px - t * way[0], py - t * way[1]) <= 1
    steps = max(6, math.ceil(4 * float(abs(b - a).max()))) + 1  # a short one may cut a corner, too
    through = np.floor(np.linspace(a, b, steps)).astype(int)
    through = through[((through >= 0) & (through < (width, height))).all(-1)]
    met[through[:, 1], through[:, 0]] = True
    return met
