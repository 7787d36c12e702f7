"""What it thought: the chances that the levels of one place had, as bars that can be read off and clicked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ..widgets.theme import DARK, GRID, Palette, focus_ring, scaled, tabular
from .bars import Bars
from .chances import Channel, channels_of, percent

EMPTY = "Point at a pixel to see what it thought there."
HINT = "Click a bar to choose its level instead: everything after it is redrawn.\nOr use ← → and Enter."
TINTS = {  # of the three channels' bars, seen at 3 : 1 on the panel
    "dark": ("#e06c64", "#5fae6b", "#6b9be8"),
    "light": ("#c4473d", "#35803f", "#3568c0"),
}
STRIP, POINTER, LEAST_PLOT, LOWEST = 8, 6, 28, 120  # pixels: swatches, the triangle, bars, the whole
WIDEST = 40  # pixels of a bar
HALF, WRAPPED = GRID / 2, Qt.TextFlag.TextWordWrap


@dataclass(frozen=True)
class Chart:
    """One channel's part of the widget."""

    index: int
    channel: Channel
    head: QRectF  # the words above
    plot: QRectF
    strip: QRectF
    bars: Bars

    @property
    def area(self) -> QRectF:
        """Where one points at its bars."""
        plot = self.plot
        return QRectF(plot.left(), plot.top(), plot.width(), self.strip.bottom() - plot.top())


class Thought(QWidget):
    """A title, a chart a channel, and a note. `chosen` says the channel and the value that a person would have."""

    chosen = pyqtSignal(int, int)
    hint = HINT  # where a person may choose

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.palette_ = DARK
        self.marked: tuple[int, int] | None = None  # channel and bar under the pointer or the arrow keys
        self._title, self._note = "", ""
        self._channels: list[Channel] = []  # none where nothing was thought
        self._colours: npt.NDArray[np.uint8] | None = None  # (L, 3)
        self._editable = False
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(128, LOWEST)
        self.setAccessibleName("What it thought")
        self.setAccessibleDescription(EMPTY)

    def show_thought(
        self,
        title: str,
        chances: npt.NDArray[np.floating] | None,
        chosen: Sequence[int] | None,
        colours: npt.NDArray[np.uint8] | None,
        names: Sequence[str] | None = None,
        note: str = "",
        values: npt.NDArray[np.integer] | None = None,
        levels: int = 0,
        what: str = "level",
    ) -> None:
        """The chances (C, L) of a place, the values (C,) that it got, and what values look like, (L, 3) bytes; of very
        many `levels`, chances (C, K) of some `values` (C, K). Without, title and note, or else what to do."""
        self._title, self._note = title, note
        self._channels = channels_of(chances, chosen, names, values, levels, what)
        levels = self._channels[0].scale.levels if self._channels else 0
        self._colours = None if colours is None or len(colours) != levels else np.asarray(colours, np.uint8)
        if self.marked is not None and not self._has(*self.marked):
            self.marked = None
        text = "\n".join(part for part in (title, *self.words(), note) if part) or EMPTY
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)
        self._fit()
        self.update()

    @property
    def editable(self) -> bool:
        return self._editable

    @editable.setter
    def editable(self, editable: bool) -> None:
        self._editable = editable
        self.setToolTip(self.hint if editable else "")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if editable else Qt.FocusPolicy.NoFocus)
        self._show_cursor()

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(256, max(176, self.minimumHeight()))

    # What it says.

    def words(self) -> list[str]:
        """Each channel's chances in a sentence."""
        return [channel.described()[0] for channel in self._channels]

    def _has(self, channel: int, bar: int) -> bool:
        return channel < len(self._channels) and bar < len(self._channels[channel].chances)

    def _value(self) -> int | None:
        """The one value that is marked."""
        return None if self.marked is None else self._channels[self.marked[0]].scale.value(self.marked[1])

    @property
    def _choosable(self) -> bool:
        """Whether what is marked is one value that a person may choose."""
        return self._editable and self._value() is not None

    # Where things lie.

    @property
    def _font(self) -> QFont:
        return tabular(scaled(self.font(), 0.92))

    @property
    def _title_font(self) -> QFont:
        font = self._font
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def _height_of(self, text: str, font: QFont) -> float:
        """Of wrapped words, with a space after them."""
        if not text:
            return 0.0
        room = QRectF(0, 0, self.width(), 10_000)
        return math.ceil(QFontMetricsF(font).boundingRect(room, WRAPPED, text).height()) + HALF

    def _fit(self) -> None:
        """Ask for the height that nothing of this can do without."""
        words = self._height_of(self._title, self._title_font) + self._height_of(self._note, self._font)
        needed = max(LOWEST, math.ceil(words + self._least_body()))
        if needed != self.minimumHeight():
            self.setMinimumHeight(needed)
            self.updateGeometry()

    def _least_body(self) -> float:
        """The height that is needed between title and note."""
        chart = QFontMetricsF(self._font).height() + HALF + LEAST_PLOT + 2 + STRIP + POINTER + HALF
        return len(self._channels) * chart

    def _body(self) -> QRectF:
        """What lies between title and note."""
        top = self._height_of(self._title, self._title_font)
        bottom = self.height() - self._height_of(self._note, self._font)
        return QRectF(0, top, self.width(), bottom - top)

    def charts(self) -> list[Chart]:
        """One below another, between title and note."""
        if not self._channels:
            return []
        body, line = self._body(), math.ceil(QFontMetricsF(self._font).height())
        top, each = body.top(), body.height() / len(self._channels)
        made = []
        for n, channel in enumerate(self._channels):
            y = round(top + n * each)
            foot = round(y + each - HALF) - POINTER - 2
            head = QRectF(0, y, self.width(), line)
            plot = QRectF(0, y + line + HALF, self.width(), max(1.0, foot - STRIP - 2 - y - line - HALF))
            strip = QRectF(0, foot - STRIP, self.width(), STRIP)
            bars = Bars(len(channel.chances), self.width(), WIDEST)
            made.append(Chart(n, channel, head, plot, strip, bars))
        return made

    # Painting.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, p = QPainter(self), self.palette_
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focus_ring(self, painter, p)
        painter.setFont(self._title_font)
        painter.setPen(p.colour("text"))
        painter.drawText(QRectF(0, 0, self.width(), self.height()), WRAPPED, self._title)
        painter.setFont(self._font)
        painter.setPen(p.colour("soft"))
        if not self._channels and not self._title:
            middle = Qt.AlignmentFlag.AlignCenter | WRAPPED
            painter.drawText(
                QRectF(self.rect()).adjusted(4 * GRID, 0, -4 * GRID, 0), middle, self._note or EMPTY
            )
            return
        below = self._height_of("" if self._channels else self._title, self._title_font)
        note = QRectF(0, below, self.width(), self.height() - below)
        side = Qt.AlignmentFlag.AlignBottom if self._channels else Qt.AlignmentFlag.AlignTop
        painter.drawText(note, side | WRAPPED, self._note)
        if self._channels:
            self._draw_body(painter)

    def _draw_body(self, painter: QPainter) -> None:
        for chart in self.charts():
            self._draw_head(painter, chart)
            self._draw_bars(painter, chart)
            self._draw_strip(painter, chart)

    def _marked_in(self, chart: Chart) -> int | None:
        """The bar of this chart that is under the pointer or the arrow keys."""
        return self.marked[1] if self.marked is not None and self.marked[0] == chart.index else None

    def _draw_head(self, painter: QPainter, chart: Chart) -> None:
        """What was chosen, or what is pointed at; at the right, how much the highest bar is."""
        p, metrics, most = self.palette_, QFontMetricsF(painter.font()), percent(chart.channel.most)
        marked = self._marked_in(chart)
        said = chart.channel.described() if marked is None else chart.channel.read_off(marked)
        room = chart.head.width() - metrics.horizontalAdvance(most) - GRID
        self._draw_words(painter, chart.head, said, room, marked is not None)
        painter.setPen(p.colour("soft"))
        painter.drawText(chart.head, Qt.AlignmentFlag.AlignRight, most)
        painter.setPen(QPen(p.colour("line"), 1))
        painter.drawLine(chart.plot.topLeft() + QPointF(0, -0.5), chart.plot.topRight() + QPointF(0, -0.5))

    def _draw_words(
        self, painter: QPainter, at: QRectF, said: Sequence[str], room: float, read: bool
    ) -> None:
        """As much of what is said in ever fewer words as there is room for; `read`: off what is pointed at."""
        metrics = QFontMetricsF(painter.font())
        words = next((words for words in said if metrics.horizontalAdvance(words) <= room), "")
        painter.setPen(self.palette_.colour("accent" if read else "text"))
        painter.drawText(at, Qt.AlignmentFlag.AlignLeft, words[:1].upper() + words[1:])

    def _draw_bars(self, painter: QPainter, chart: Chart) -> None:
        p, plot, chances = self.palette_, chart.plot, chart.channel.chances
        unit = plot.height() / chart.channel.most  # all others together may stand out
        heights = np.round(chart.bars.highest(chances) * unit).clip(max=plot.height())
        marked = self._marked_in(chart)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        if marked is not None:
            self._draw_marked(painter, chart, marked)
        plain = QColor(TINTS[p.name][chart.index]) if len(self._channels) == 3 else p.colour("edge")
        painter.setBrush(plain)
        spans = zip(chart.bars.spans.tolist(), heights.tolist(), strict=True)
        tall = [(left, right, height) for (left, right), height in spans if height > 0]
        painter.drawRects(*[QRectF(left, plot.bottom() - h, right - left, h) for left, right, h in tall])
        for bar, role in ((marked, "text"), (chart.channel.bar, "accent")):
            if bar is not None:
                left, right = chart.bars.span(bar)
                across = QRectF(
                    left, plot.top(), max(2.0, right - left), plot.height()
                )  # even a thin one is seen
                if not chart.bars.apart:
                    painter.fillRect(across, p.colour(role, 0.3))
                across.setTop(plot.bottom() - max(2.0, min(plot.height(), round(chances[bar] * unit))))
                painter.fillRect(across, p.colour(role))
        painter.fillRect(QRectF(plot.left(), plot.bottom(), plot.width(), 1), p.colour("line"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _draw_marked(self, painter: QPainter, chart: Chart, bar: int) -> None:
        """A light column behind the bar, for low ones to be found; with a border while the keys move it."""
        left, right = chart.bars.span(bar)
        column = QRectF(left - 1, chart.plot.top(), right - left + 2, chart.area.height())
        painter.fillRect(column, self.palette_.colour("hover"))
        if self.hasFocus():
            painter.setPen(QPen(self.palette_.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(column.adjusted(-1, 0, 0, 0))
            painter.setPen(Qt.PenStyle.NoPen)

    def _draw_strip(self, painter: QPainter, chart: Chart) -> None:
        """What each value looks like, and a triangle below the one that was chosen."""
        if self._colours is not None:
            values = [chart.channel.scale.value(bar) for bar in chart.bars.starts.tolist()]
            behind = self.palette_.colour("panel").getRgb()[:3]  # where no one value stands
            colours = np.array([behind if v is None else self._colours[v] for v in values], int)
            if len(self._channels) == 3:
                colours = colours * (np.arange(3) == chart.index)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            edges = chart.bars.spans if chart.bars.apart else chart.bars.spans[[0, -1], [0, 1]][None]
            for (left, right), rgb in zip(chart.bars.spans.tolist(), colours.tolist(), strict=True):
                painter.fillRect(QRectF(left, chart.strip.top(), right - left, STRIP), QColor(*rgb))
            painter.setPen(QPen(self.palette_.colour("edge", 0.5), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for left, right in edges.tolist():
                painter.drawRect(QRectF(left, chart.strip.top(), right - left - 1, STRIP - 1))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chart.channel.bar is not None:
            left, right = chart.bars.span(chart.channel.bar)
            self._draw_pointer(painter, QPointF((left + right) / 2, chart.strip.bottom() + 1))

    def _draw_pointer(self, painter: QPainter, tip: QPointF) -> None:
        """A triangle whose tip is there, and that stays within the widget."""
        half = 0.7 * POINTER
        middle, foot = min(self.width() - half, max(half, tip.x())), tip.y() + POINTER
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette_.colour("accent"))
        painter.drawPolygon(QPolygonF([tip, QPointF(middle - half, foot), QPointF(middle + half, foot)]))

    # The pointer and the keys.

    def _at(self, at: QPointF) -> tuple[int, int] | None:
        """The channel and the bar that are there."""
        for chart in self.charts():
            if chart.area.contains(at):
                return chart.index, chart.bars.level_at(at.x(), chart.channel.chances)
        return None

    def _mark(self, marked: tuple[int, int] | None) -> None:
        if marked != self.marked:
            self.marked = marked
            self._show_cursor()
            self.update()

    def _show_cursor(self) -> None:
        hand = Qt.CursorShape.PointingHandCursor
        self.setCursor(hand if self._choosable else Qt.CursorShape.ArrowCursor)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self._mark(self._at(event.position()))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        self._mark(self._at(event.position()))
        self._choose()

    def leaveEvent(self, event: QEvent | None) -> None:
        self._mark(None)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        if event is not None and event.reason() != Qt.FocusReason.MouseFocusReason:
            self._mark(self._first())

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        super().focusOutEvent(event)
        self._mark(None)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or not self._channels or not self._moved(Qt.Key(event.key())):
            super().keyPressEvent(event)

    def _moved(self, key: Qt.Key) -> bool:
        """Whether a key meant something here."""
        first, keys = self._first(), Qt.Key
        if key in (keys.Key_Return, keys.Key_Enter):
            self._choose()
            return self._editable
        steps = {keys.Key_Left: (0, -1), keys.Key_Right: (0, 1), keys.Key_Up: (-1, 0), keys.Key_Down: (1, 0)}
        ends = {keys.Key_Home: 0, keys.Key_End: -1}
        if first is None or key not in (*steps, *ends):
            return False
        count, bars = len(self._channels), len(self._channels[0].chances)
        channel, bar = self.marked or first
        if key in ends:
            self._mark((channel, ends[key] % bars))
        else:
            down, along = steps[key]
            self._mark((min(count - 1, max(0, channel + down)), min(bars - 1, max(0, bar + along))))
        return True

    def _first(self) -> tuple[int, int] | None:
        """Where the keys begin: at the value that was chosen, or at the likeliest."""
        if not self._channels:
            return None
        channel = self._channels[0]
        return 0, int(channel.chances.argmax()) if channel.bar is None else channel.bar

    def _choose(self) -> None:
        if self._choosable and self.marked is not None:
            self.chosen.emit(self.marked[0], self._value())
