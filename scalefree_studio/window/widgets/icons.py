"""The few pictograms of the window, drawn with a pen so that they follow the theme and any screen's resolution."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QTransform

from .theme import Palette

ROUND = 1 / 14  # of a tile's side: its corners
SIZE = 16  # logical pixels; drawn in a 16 × 16 square


def icon(name: str, palette: Palette) -> QIcon:
    """In the text's colour, and in the accent where it is on."""
    result = QIcon()
    for role, mode, state in (
        ("text", QIcon.Mode.Normal, QIcon.State.Off),
        ("accent", QIcon.Mode.Normal, QIcon.State.On),
        ("edge", QIcon.Mode.Disabled, QIcon.State.Off),
    ):
        for ratio in (1, 2, 3):
            result.addPixmap(_pixmap(name, palette.colour(role), ratio), mode, state)
    return result


def tile(name: str, palette: Palette, side: int) -> QIcon:
    """A square that stands where a picture would be, with the pictogram in its middle; without a name, it is empty."""
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.colour("raised"))
    painter.drawRoundedRect(0, 0, side, side, side * ROUND, side * ROUND)
    if name:
        scale = side / 3 / SIZE
        painter.translate((side - scale * SIZE) / 2, (side - scale * SIZE) / 2)
        painter.scale(scale, scale)
        _draw(name, palette.colour("soft"), painter)
    painter.end()
    return QIcon(pixmap)


def _pixmap(name: str, colour: QColor, ratio: int) -> QPixmap:
    pixmap = QPixmap(SIZE * ratio, SIZE * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw(name, colour, painter)
    painter.end()
    return pixmap


def _draw(name: str, colour: QColor, painter: QPainter) -> None:
    pen = QPen(colour, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    filled, outline = _SHAPES[name]()
    painter.drawPath(outline)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPath(filled)


Shape = tuple[QPainterPath, QPainterPath]  # what is filled, what is drawn along


def _polygon(*points: tuple[float, float]) -> QPainterPath:
    path = QPainterPath(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(QPointF(*point))
    return path


def _play() -> Shape:
    path = _polygon((4.5, 3), (13, 8), (4.5, 13))
    path.closeSubpath()
    return path, QPainterPath()


def _pause() -> Shape:
    path = QPainterPath()
    path.addRoundedRect(QRectF(4, 3, 3, 10), 1, 1)
    path.addRoundedRect(QRectF(9, 3, 3, 10), 1, 1)
    return path, QPainterPath()


def _step() -> Shape:
    path = _polygon((3.5, 3.5), (10, 8), (3.5, 12.5))
    path.closeSubpath()
    path.addRoundedRect(QRectF(11, 3.5, 2, 9), 1, 1)
    return path, QPainterPath()


def _restart() -> Shape:
    outline = QPainterPath()
    outline.arcMoveTo(QRectF(3, 3, 10, 10), 60)
    outline.arcTo(QRectF(3, 3, 10, 10), 60, 290)
    head = _polygon((10.2, 0.8), (10.6, 5.6), (6.4, 3.4))
    head.closeSubpath()
    return head, outline


def _record() -> Shape:
    path = QPainterPath()
    path.addEllipse(QPointF(8, 8), 4.5, 4.5)
    return path, QPainterPath()


def _line() -> Shape:
    return QPainterPath(), _polygon((2.5, 13), (13.5, 3))


def _circle() -> Shape:
    path = QPainterPath()
    path.addEllipse(QPointF(8, 8), 5.5, 5.5)
    return QPainterPath(), path


def _cell() -> Shape:
    path = QPainterPath()
    path.addEllipse(QPointF(0, 0), 6.5, 3.5)
    return QPainterPath(), QTransform().translate(8, 8).rotate(-35).map(path)


def _delete() -> Shape:
    outline = _polygon((4, 4), (12, 12))
    outline.addPath(_polygon((12, 4), (4, 12)))
    return QPainterPath(), outline


def _undo() -> Shape:
    outline = QPainterPath(QPointF(4, 6.5))
    outline.lineTo(10, 6.5)
    outline.cubicTo(14.5, 6.5, 14.5, 13, 10, 13)
    outline.lineTo(6, 13)
    head = _polygon((6.5, 2.5), (2, 6.5), (6.5, 10.5))
    head.closeSubpath()
    return head, outline


def _overlay() -> Shape:
    outline = _polygon((2, 12), (14, 5))
    outline.addEllipse(QPointF(8, 8), 4.2, 4.2)
    return QPainterPath(), outline


def _looked() -> Shape:
    """An eye."""
    outline = QPainterPath(QPointF(1.5, 8))
    outline.quadTo(8, 0.5, 14.5, 8)
    outline.quadTo(8, 15.5, 1.5, 8)
    pupil = QPainterPath()
    pupil.addEllipse(QPointF(8, 8), 2.3, 2.3)
    return pupil, outline


def _brush() -> Shape:
    outline = _polygon((13.5, 2.5), (7.5, 8.5))
    blob = QPainterPath()
    blob.addEllipse(QPointF(5.2, 10.8), 3, 3)
    return blob, outline


def _theme() -> Shape:
    outline = QPainterPath()
    outline.addEllipse(QPointF(8, 8), 5.5, 5.5)
    half = QPainterPath(QPointF(8, 2.5))
    half.arcTo(QRectF(2.5, 2.5, 11, 11), 90, -180)
    half.closeSubpath()
    return half, outline


def _fit() -> Shape:
    outline = QPainterPath()
    for x, y, dx, dy in ((2.5, 2.5, 1, 1), (13.5, 2.5, -1, 1), (2.5, 13.5, 1, -1), (13.5, 13.5, -1, -1)):
        outline.addPath(_polygon((x + 3.5 * dx, y), (x, y), (x, y + 3.5 * dy)))
    return QPainterPath(), outline


def _gallery() -> Shape:
    outline = QPainterPath()
    for x, y in ((2.5, 2.5), (9, 2.5), (2.5, 9), (9, 9)):
        outline.addRoundedRect(QRectF(x, y, 4.5, 4.5), 1, 1)
    return QPainterPath(), outline


def _half(x: float, y: float, width: float, height: float) -> Shape:
    """A square of which a part is there already."""
    there, square = QPainterPath(), QPainterPath()
    there.addRect(QRectF(x, y, width, height))
    square.addRoundedRect(QRectF(2.5, 2.5, 11, 11), 1.5, 1.5)
    return there, square


def _top() -> Shape:
    return _half(3.5, 3.5, 9, 4.5)


def _left() -> Shape:
    return _half(3.5, 3.5, 4.5, 9)


def _others() -> Shape:
    """Four little pictures."""
    path = QPainterPath()
    for x in (2.5, 9):
        for y in (2.5, 9):
            path.addRect(QRectF(x, y, 4.5, 4.5))
    return QPainterPath(), path


def _download() -> Shape:
    path = _polygon((8, 2.5), (8, 10))
    path.addPath(_polygon((5, 7.2), (8, 10.2), (11, 7.2)))
    path.addPath(_polygon((2.5, 11.5), (2.5, 13.5), (13.5, 13.5), (13.5, 11.5)))
    return QPainterPath(), path


def _folder() -> Shape:
    path = _polygon((2, 12.5), (2, 3.5), (6, 3.5), (7.5, 5.2), (14, 5.2), (14, 12.5))
    path.closeSubpath()
    return QPainterPath(), path


def _surprise() -> Shape:
    """A mark of exclamation in a picture."""
    mark, square = QPainterPath(), QPainterPath()
    mark.addRoundedRect(QRectF(7.2, 4.6, 1.6, 4.6), 0.8, 0.8)
    mark.addEllipse(QPointF(8, 11), 1, 1)
    square.addRoundedRect(QRectF(2.5, 2.5, 11, 11), 1.5, 1.5)
    return mark, square


_SHAPES = {
    "play": _play, "pause": _pause, "step": _step, "restart": _restart, "record": _record, "line": _line,
    "circle": _circle, "cell": _cell, "delete": _delete, "undo": _undo, "overlay": _overlay, "brush": _brush,
    "theme": _theme, "fit": _fit, "gallery": _gallery, "top": _top, "left": _left, "others": _others,
    "download": _download, "folder": _folder, "surprise": _surprise, "looked": _looked,
}  # fmt: skip
