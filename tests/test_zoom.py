"""How near one looks is told, and where: on a map, against what the canvas itself says is in view."""

from __future__ import annotations

import numpy as np
import pytest
from driving import Driven
from PyQt6.QtCore import QRect
from PyQt6.QtWidgets import QApplication, QWidget

from scalefree_studio.canvas.zoomed import Zoomed, in_words, share
from scalefree_studio.window.widgets.theme import DARK, LIGHT, Palette
from scalefree_studio.window.widgets.zoom_map import LEAST, ZoomMap

OVER = QRect(0, 0, 800, 600)


@pytest.mark.parametrize(("times", "words"), [
    (1.0, "× 1"), (4.2, "× 4.2"), (0.5, "× 0.5"), (9.96, "× 10"), (420.4, "× 420"), (9_999, "× 9,999"),
    (12_345, "× 1.2·10⁴"), (4.2e6, "× 4.2·10⁶"), (9.99e11, "× 1.0·10¹²"),
])  # fmt: skip
def test_in_words(times: float, words: str) -> None:
    assert in_words(times) == words


def test_share() -> None:
    assert share((0.0, -1.0, 1.0, 0.0), (-1.0, -1.0, 1.0, 1.0)) == (0.5, 0.0, 1.0, 0.5)


def zoomed(seen: tuple[float, float, float, float], times: float = 3.0, aspect: float = 1.0) -> Zoomed:
    picture = np.zeros((8, 8, 3), np.uint8)
    return Zoomed(times, aspect, seen, ((0.0, 0.0, 1.0, 1.0),), picture)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_the_map_frames_what_is_seen_and_rings_what_is_too_small(
    qapp: QApplication, palette: Palette
) -> None:
    over = QWidget()
    map_ = ZoomMap(over)
    map_.set_palette(palette)
    map_.show_zoom(zoomed((0.25, 0.5, 0.75, 1.0)), OVER)
    assert not map_.isHidden()
    assert OVER.contains(map_.geometry())
    where = map_.where()
    size = map_._map_size()
    assert (where.width(), where.height()) == (size[0] / 2, size[1] / 2)
    image = map_.grab().toImage()
    accent = palette.colour("accent").rgb()
    assert image.pixelColor(round(where.center().x()), round(where.top())).rgb() == accent
    map_.show_zoom(zoomed((0.5, 0.5, 0.5 + 1e-9, 0.5 + 1e-9), 1e9), OVER)
    middle = map_.where().center()
    image = map_.grab().toImage()
    near = image.pixelColor(
        round(middle.x() + LEAST - 1), round(middle.y())
    )  # a curve, so its edges are blended
    assert max(abs(a - b) for a, b in zip(near.getRgb(), palette.colour("accent").getRgb(), strict=True)) < 32
    map_.show_zoom(None, OVER)
    assert map_.isHidden()
    over.deleteLater()


def test_it_goes_where_there_is_no_room(qapp: QApplication) -> None:
    over = QWidget()
    map_ = ZoomMap(over)
    map_.show_zoom(zoomed((0.0, 0.0, 0.5, 0.5)), QRect(0, 0, 150, 100))
    assert map_.isHidden()
    over.deleteLater()


def test_in_the_window_it_follows_the_canvas_and_hides_at_fit(driven: Driven) -> None:
    driven.open()
    stage = driven.window.stage
    canvas, map_ = stage.view.canvas, stage.zoom_map
    assert map_.isHidden()
    canvas.zoom(4.2e6)
    driven.until(lambda: map_.isVisible() and map_.words.endswith("·10⁶"))
    left, top, right, bottom = map_.zoomed.seen  # type: ignore[union-attr]
    assert 0.499 < left < right < 0.501 and 0.499 < top < bottom < 0.501
    canvas.fit()
    driven.until(map_.isHidden)
    canvas.zoom(2.0)
    driven.until(lambda: map_.words == "× 2")
    driven.window.resize(700, 500)
    driven.until(lambda: stage.rect().contains(map_.geometry()))
