"""What it thought, in colours: a wheel on which hues go around and values outward, or swatches of a palette; what is
likely shines or is large. At the right are the likeliest, each by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPainterPath, QPen

from ...snapshot import Bytes
from ..widgets.theme import DARK, GRID
from .chances import Channel, percent
from .colour_cells import NONE, Cells, Likely, Swatches, Wheel, brightness, cells_of, likely, next_cell
from .colour_words import names_of
from .heat import rgb
from .thought import HALF, Thought

HINT = "Click a colour to choose it instead: everything after it is redrawn.\nOr use ← → ↑ ↓ and Enter."
GROUND = rgb("#0b0e12")  # of wheels and swatches in both themes, for chances to shine on
FAINT, LIT = 0.10, 0.30  # how bright a cell is without a chance, and with the least one that is seen
SMALLEST = 0.22  # of its room: a swatch without a chance
LEAST_SIDE = 150  # pixels of a wheel
LISTED, SWATCH = 8, 14  # the likeliest; pixels
SOFT = 2  # samples a pixel along each side of a wheel

Floats = npt.NDArray[np.float64]


class ColourThought(Thought):
    """As the bars are, but for where things lie and how they are drawn. A bar is here a colour that is likely."""

    hint = HINT

    def __init__(self) -> None:
        super().__init__()
        self.cells: Cells | None = None
        self._likely: Likely | None = None

    def show_thought(
        self,
        title: str,
        chances: npt.NDArray[np.floating] | None,
        chosen: Sequence[int] | None,
        colours: Bytes | None,
        names: Sequence[str] | None = None,
        note: str = "",
        values: npt.NDArray[np.integer] | None = None,
        levels: int = 0,
        what: str = "level",
    ) -> None:
        self.cells = None if colours is None else cells_of(colours)
        if names is None and colours is not None and self.cells is not None:
            names = names_of(colours)
        super().show_thought(title, chances, chosen, colours, names, note, values, levels, what)
        self._likely = None
        if self.channel is not None and self.cells is not None:
            singles = self.channel.scale.singles(self.channel.chances)
            self._likely = likely(self.cells, singles, self._values)
        self.update()

    @property
    def channel(self) -> Channel | None:
        return self._channels[0] if self._channels else None

    @property
    def _values(self) -> npt.NDArray[np.int64]:
        """Of which values there are chances."""
        assert self.channel is not None
        scale = self.channel.scale
        return np.arange(scale.levels) if scale.likeliest is None else np.array(scale.likeliest, np.int64)

    def listed(self) -> list[int]:
        """The likeliest, as far as they are listed."""
        if self.channel is None:
            return []
        chances = self.channel.scale.singles(self.channel.chances)
        order = np.argsort(-chances, kind="stable")[: min(LISTED, self._rows)]
        return [int(bar) for bar in order if chances[bar] > 0]

    # Where things lie.

    def sizeHint(self) -> QSize:
        return QSize(256, self.minimumHeight())

    @property
    def _line(self) -> float:
        return math.ceil(QFontMetricsF(self._font).height())

    def _least_body(self) -> float:
        return self._line + GRID + LEAST_SIDE + HALF if self._channels else 0.0

    @property
    def head(self) -> QRectF:
        body = self._body()
        return QRectF(0, body.top(), self.width(), self._line)

    @property
    def field(self) -> QRectF:
        """The square of the wheel, or of the swatches."""
        body, list_ = (
            self._body(),
            QFontMetricsF(self._font).horizontalAdvance("> 99.9 %") + SWATCH + 3 * GRID,
        )
        top = body.top() + self._line + GRID
        side = math.floor(max(1.0, min(body.bottom() - HALF - top, self.width() - list_)))
        return QRectF(0, top, side, side)

    @property
    def _rows(self) -> int:
        return max(1, int(self.field.height() // self._row_height))

    @property
    def _row_height(self) -> float:
        return max(self._line, SWATCH) + HALF

    def row(self, n: int) -> QRectF:
        """The n-th of the list."""
        field = self.field
        left = field.right() + GRID
        return QRectF(left, field.top() + n * self._row_height, self.width() - left, self._row_height)

    def spot(self, cell: int) -> QPointF:
        """The middle of a cell."""
        assert self.cells is not None
        (x, y), field = self.cells.centres[cell].tolist(), self.field
        return QPointF(field.left() + x * field.width(), field.top() + y * field.height())

    def cell_of(self, bar: int) -> int:
        """Where the value of a bar is; NONE if it stands for many."""
        assert self.channel is not None and self.cells is not None
        value = self.channel.scale.value(bar)
        return NONE if value is None else int(self.cells.of_value[value])

    # Painting.

    def _draw_body(self, painter: QPainter) -> None:
        channel, cells, found = self.channel, self.cells, self._likely
        if channel is None or cells is None or found is None:
            return
        marked = None if self.marked is None else self.marked[1]
        said = channel.described() if marked is None else self._read_off(channel, marked)
        self._draw_words(painter, self.head, said, self.width(), marked is not None)
        if isinstance(cells, Wheel):
            self._draw_wheel(painter, cells, found)
        elif isinstance(cells, Swatches):
            self._draw_swatches(painter, cells, found)
        if channel.chosen is not None:
            self._draw_outline(painter, int(cells.of_value[channel.chosen]), DARK.accent, 2)
        if marked is not None and (cell := self.cell_of(marked)) != NONE:
            self._draw_outline(painter, cell, DARK.text, 3 if self.hasFocus() else 2)
        for n, bar in enumerate(self.listed()):
            self._draw_listed(painter, self.row(n), channel, bar, bar == marked)

    def _read_off(self, channel: Channel, bar: int) -> list[str]:
        """A colour and its chance in words, and that of all others in its cell."""
        said, cell = channel.read_off(bar), self.cell_of(bar)
        if self.cells is None or self._likely is None or cell == NONE:
            return said
        alike = int((self.cells.of_value[self._values] == cell).sum()) - 1
        whole = percent(float(self._likely.shares[cell]))
        return [f"{said[0]}, {whole} with {alike} like it", *said] if alike else said

    def _lit(self, found: Likely) -> Floats:
        """How much light there is in each cell: (M,)."""
        light = brightness(found.shares)
        return np.where(light > 0, LIT + (1 - LIT) * light, 0.0)

    def _shining(self, cells: Cells, found: Likely) -> Floats:
        """The colours of the cells, (M, 3): of the likeliest value in each, as bright as it can be."""
        bright = cells.bright.copy()
        some = found.known
        if self._colours is not None and some.any():
            own = self._colours[self._values[found.best[some]]].astype(float)
            most = own.max(1, keepdims=True)
            bright[some] = np.where(most > 0, own * (255 / np.maximum(most, 1)), 255)
        light = np.maximum(FAINT, self._lit(found))[:, None]
        return GROUND + (bright - GROUND) * light

    def _draw_wheel(self, painter: QPainter, wheel: Wheel, found: Likely) -> None:
        field, ratio = self.field, self.devicePixelRatioF()
        side = max(8, round(field.width() * ratio))
        cell, sector, inside = _map_of(wheel, side * SOFT)
        colours = np.concatenate([self._shining(wheel, found), GROUND[None]])
        rim = wheel.bright[:: wheel.rings] * 0.8
        picture = np.where((sector >= 0)[..., None], rim[sector], colours[cell])
        samples = picture.reshape(side, SOFT, side, SOFT, 3).mean((1, 3))
        cover = inside.reshape(side, SOFT, side, SOFT).mean((1, 3))
        pixels = np.empty((side, side, 4), np.uint8)
        pixels[..., :3], pixels[..., 3] = samples.round(), (cover * 255).round()
        image = QImage(pixels.tobytes(), side, side, 4 * side, QImage.Format.Format_RGBA8888)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(field, image)

    def _draw_swatches(self, painter: QPainter, cells: Swatches, found: Likely) -> None:
        field, light = self.field, self._lit(found)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*GROUND.astype(int).tolist()))
        painter.drawRoundedRect(field, 4, 4)
        shares = np.where(found.known, SMALLEST + (1 - SMALLEST) * light, SMALLEST)
        order = np.argsort(shares, kind="stable")
        room = field.width() / cells.size[0], field.height() / cells.size[1]
        for cell in order.tolist():
            wide, high = (max(1.0, part * shares[cell] - 0.5) for part in room)
            spot = self.spot(cell)
            at = QRectF(spot.x() - wide / 2, spot.y() - high / 2, wide, high)
            painter.fillRect(at, QColor(*cells.bright[cell].astype(int).tolist()))

    def _outline(self, cell: int) -> QPainterPath:
        """What surrounds a cell."""
        cells, field, path = self.cells, self.field, QPainterPath()
        if isinstance(cells, Swatches):
            wide, high = field.width() / cells.size[0], field.height() / cells.size[1]
            middle = self.spot(cell)
            path.addRect(QRectF(middle.x() - wide / 2, middle.y() - high / 2, wide, high))
        elif isinstance(cells, Wheel):
            start, stop, inner, outer = cells.span(cell)
            middle, half = field.center(), field.width() / 2

            def circle(radius: float) -> QRectF:
                return QRectF(middle.x() - radius, middle.y() - radius, 2 * radius, 2 * radius)

            begin, sweep = (
                90 - 360 * start,
                -360 * (stop - start),
            )  # as Qt counts: from the right, the other way
            path.arcMoveTo(circle(outer * half), begin)
            path.arcTo(circle(outer * half), begin, sweep)
            path.arcTo(circle(inner * half), begin + sweep, -sweep)
            path.closeSubpath()
        return path

    def _draw_outline(self, painter: QPainter, cell: int, colour: str, width: float) -> None:
        """A light line with a dark one under it, seen on everything."""
        path = self._outline(cell)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(QColor(0, 0, 0, 200), width + 2), QPen(QColor(colour), width)):
            painter.setPen(pen)
            painter.drawPath(path)

    def _draw_listed(self, painter: QPainter, at: QRectF, channel: Channel, bar: int, marked: bool) -> None:
        p, value = self.palette_, channel.scale.value(bar)
        assert value is not None
        if marked:
            painter.fillRect(at, p.colour("hover"))
        swatch = QRectF(at.left() + HALF, at.center().y() - SWATCH / 2, SWATCH, SWATCH)
        if self._colours is not None:
            painter.fillRect(swatch, QColor(*self._colours[value].tolist()))
        chosen = value == channel.chosen
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(p.colour("accent" if chosen else "edge"), 2 if chosen else 1))
        painter.drawRect(swatch)
        painter.setPen(p.colour("accent" if chosen else "text"))
        words = at.adjusted(HALF + SWATCH + GRID, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, percent(float(channel.chances[bar])))

    # The pointer and the keys.

    def _at(self, at: QPointF) -> tuple[int, int] | None:
        for n, bar in enumerate(self.listed()):
            if self.row(n).contains(at):
                return 0, bar
        cells, found, field = self.cells, self._likely, self.field
        if cells is None or found is None or not found.known.any() or not field.contains(at):
            return None
        x, y = (at.x() - field.left()) / field.width(), (at.y() - field.top()) / field.height()
        if isinstance(cells, Wheel) and math.hypot(x - 0.5, y - 0.5) > 0.5:
            return None
        cell = int(cells.at(np.array(x), np.array(y)))
        if cell == NONE or found.best[cell] == NONE:  # the nearest of which something is known
            apart = np.hypot(*(cells.centres - (x, y)).T)
            cell = int(np.where(found.known, apart, np.inf).argmin())
        return 0, int(found.best[cell])

    def _moved(self, key: Qt.Key) -> bool:
        keys = Qt.Key
        if key in (keys.Key_Return, keys.Key_Enter):
            return super()._moved(key)
        steps = {keys.Key_Left: (-1, 0), keys.Key_Right: (1, 0), keys.Key_Up: (0, -1), keys.Key_Down: (0, 1)}
        first, found, cells = self._first(), self._likely, self.cells
        if first is None or found is None or cells is None or not found.known.any():
            return False
        if key == keys.Key_Home:
            self._mark((0, self.listed()[0]))
            return True
        if key not in steps:
            return False
        cell = self.cell_of((self.marked or first)[1])
        if cell == NONE:
            self._mark((0, self.listed()[0]))
            return True
        across, down = steps[key]
        outward = -1 if isinstance(cells, Wheel) else 1  # up goes outward, to light colours
        to = next_cell(cells, found.known, cell, across, down * outward)
        if to != cell:
            self._mark((0, int(found.best[to])))
        return True


@lru_cache(maxsize=4)
def _map_of(
    wheel: Wheel, side: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Of a square of so many samples: the cell of each, the sector of those on the rim, and which are in the wheel."""
    middles = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(middles, middles)
    return wheel.at(x, y), wheel.sectors_at(x, y), np.hypot(x - 0.5, y - 0.5) <= 0.5
