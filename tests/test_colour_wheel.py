"""What it thought, in colours: where they lie on a wheel or in swatches, what shines, what is read off and chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, QSettings, Qt
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtTest import QTest
from test_thought import RAMP, SIXTEEN, both, chances_of, is_, rgb, shot

from scalefree_studio.data.colours import hsv_of
from scalefree_studio.data.tokens import tokens_of
from scalefree_studio.window.views.chances import percent
from scalefree_studio.window.views.colour_cells import (
    HOLE,
    RIM,
    Cells,
    Swatches,
    Wheel,
    brightness,
    cells_of,
    likely,
    next_cell,
)
from scalefree_studio.window.views.colour_thought import GROUND, ColourThought
from scalefree_studio.window.views.colour_words import names_of
from scalefree_studio.window.views.thoughts import BARS, Thoughts
from scalefree_studio.window.widgets.theme import DARK, LIGHT, Palette

PACKED = ("hsv:5,4,4", "hsv:3,2,2", "hsv:8,3,3", "rgb:3,3,2", "rgb:2,2,2")


def colours_of(spec: str) -> npt.NDArray[np.uint8]:
    tokens = tokens_of(spec)
    return tokens.decode(np.arange(tokens.count)[:, None])


def palette_of(count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Dull colours, as are learned from photographs."""
    return np.random.default_rng(seed).integers(30, 200, (count, 3)).astype(np.uint8)


# -- where colours lie --


@pytest.mark.parametrize("spec", PACKED)
def test_hues_go_around_and_values_outward(spec: str) -> None:
    colours = colours_of(spec)
    wheel = cells_of(colours)
    assert isinstance(wheel, Wheel)
    hue, _, value = hsv_of(colours).T
    grey = np.ptp(colours.astype(int), axis=1) <= 8
    x, y = wheel.centres[wheel.of_value].T
    radius, turn = np.hypot(x - 0.5, y - 0.5), np.arctan2(x - 0.5, 0.5 - y) / (2 * np.pi) % 1
    order = np.argsort(value, kind="stable")
    assert (np.diff(radius[order]) >= -1e-9).all() and radius.max() < RIM / 2 and radius.min() > HOLE / 2
    assert np.allclose(x[grey], 0.5) and (y[grey] < 0.5).all()  # greys at the top
    bright = ~grey & (value > 0.99)
    low = ~grey & (hue < 0.95)  # what is nearly red again lies in the first sector
    np.testing.assert_array_equal(cells_at(wheel, x, y), wheel.of_value)
    rising = np.argsort(hue[bright & low], kind="stable")
    assert (np.diff(turn[bright & low][rising]) >= -1e-9).all()
    assert (wheel.columns[wheel.of_value[grey]] == wheel.columns.max()).all()
    assert (wheel.columns[wheel.of_value[~grey]] < wheel.columns.max()).all()


def cells_at(cells: Cells, x: Any, y: Any) -> npt.NDArray[np.int64]:
    return cells.at(np.asarray(x), np.asarray(y))


def test_every_hue_and_value_of_five_four_four_bits_has_its_own_cell() -> None:
    tokens, wheel = tokens_of("hsv:5,4,4"), cells_of(colours_of("hsv:5,4,4"))
    assert isinstance(wheel, Wheel) and wheel.rings == 16 and len(wheel.edges) == 32
    full = [int(wheel.of_value[h | 15 << 5 | v << 9]) for h in range(31) for v in range(1, 16)]  # saturated
    assert len(set(full)) == 31 * 15
    assert tokens.count == len(wheel.of_value)
    assert wheel.of_value[31 | 15 << 5 | 15 << 9] == wheel.of_value[15 << 5 | 15 << 9]  # both ends are red


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_point_is_in_the_cell_whose_span_holds_it(x: float, y: float) -> None:
    wheel = cells_of(colours_of("hsv:3,2,2"))
    assert isinstance(wheel, Wheel)
    cell, radius = int(cells_at(wheel, x, y)), 2 * float(np.hypot(x - 0.5, y - 0.5))
    assert (cell >= 0) == (HOLE <= radius < RIM)
    if cell >= 0:
        start, stop, inner, outer = wheel.span(cell)
        turn = float(np.arctan2(x - 0.5, 0.5 - y) / (2 * np.pi)) % 1
        assert inner - 1e-9 <= radius <= outer + 1e-9
        assert any(start - 1e-9 <= t <= stop + 1e-9 for t in (turn - 1, turn))
    assert (int(wheel.sectors_at(np.asarray(x), np.asarray(y))) >= 0) == ((1 + RIM) / 2 < radius <= 1)


@pytest.mark.parametrize("count", [2, 16, 500, 512])
def test_swatches_go_from_dark_to_light_and_each_has_its_place(count: int) -> None:
    colours = palette_of(count)
    cells = cells_of(colours)
    assert isinstance(cells, Swatches) and sorted(cells.of_value) == list(range(count))
    np.testing.assert_array_equal(cells_at(cells, *cells.centres.T), np.arange(count))
    light = np.empty(count)
    light[cells.of_value] = colours @ np.array([0.3, 0.6, 0.1])
    means = [light[cells.rows == row].mean() for row in range(cells.size[1])]
    assert means == sorted(means)
    last = cells.size[0] * cells.size[1] == count  # whether there is a last one in the corner
    assert cells_at(cells, 0.999, 0.999) == (count - 1 if last else -1)


def test_what_is_grey_or_alone_has_no_colours() -> None:
    assert cells_of(RAMP) is None and cells_of(np.array([[200, 0, 0]], np.uint8)) is None


def test_a_cell_holds_what_is_likely_there() -> None:
    wheel = cells_of(colours_of("hsv:5,4,4"))
    assert wheel is not None

    def token(h: int, s: int, v: int) -> int:
        return h | s << 5 | v << 9

    values = np.array([token(4, 9, 12), token(4, 12, 12), token(20, 9, 3), token(4, 8, 12)])
    chances = np.array([0.2, 0.3, 0.1, 0.0])
    found = likely(wheel, chances, values)
    cell, other = wheel.of_value[values[0]], wheel.of_value[values[2]]
    assert found.shares[cell] == pytest.approx(0.5) and found.best[cell] == 1
    assert found.best[other] == 2 and found.known.sum() == 2
    light = brightness(found.shares)
    assert light[cell] == 1 and light[other] == pytest.approx(1 + np.log10(0.2) / 3) and (light >= 0).all()
    np.testing.assert_allclose(
        brightness(np.array([1, 0.1, 0.01, 0.001, 1e-9, 0])), [1, 2 / 3, 1 / 3, 0, 0, 0]
    )


def test_keys_go_around_and_outward() -> None:
    wheel = cells_of(colours_of("hsv:3,2,2"))
    assert isinstance(wheel, Wheel)
    known, R = np.ones(len(wheel.rows), bool), wheel.rings
    last = len(wheel.edges) - 1  # the greys
    assert next_cell(wheel, known, 0 * R + 2, -1, 0) == last * R + 2
    assert next_cell(wheel, known, last * R + 2, 1, 0) == 0 * R + 2
    assert next_cell(wheel, known, 3 * R + 1, 0, 1) == 3 * R + 2
    assert next_cell(wheel, known, 3 * R + R - 1, 0, 1) == 3 * R + R - 1
    known[4 * R + 1] = False
    assert next_cell(wheel, known, 3 * R + 1, 1, 0) == 5 * R + 1
    known[:] = False
    assert next_cell(wheel, known, 5, 1, 0) == 5


def test_colours_in_words() -> None:
    told = {
        (255, 0, 0): "red, fairly dark", (255, 160, 64): "orange, fairly light", (120, 70, 20): "brown, fairly dark",
        (0, 0, 0): "black", (255, 255, 255): "white", (128, 128, 130): "grey", (30, 60, 200): "blue, dark",
        (180, 200, 180): "greyish green, light", (250, 240, 40): "yellow, light", (40, 40, 40): "grey, dark",
    }  # fmt: skip
    found = dict(zip(told, names_of(np.array(list(told), np.uint8)), strict=True))
    shades = {colour: words.split(",")[0] for colour, words in found.items()}
    assert shades == {colour: words.split(",")[0] for colour, words in told.items()}
    assert (
        "light" in found[(255, 160, 64)] and "dark" in found[(40, 40, 40)] and "dark" in found[(30, 60, 200)]
    )


# -- the widget --


@pytest.fixture
def thought(qtbot: Any) -> ColourThought:
    widget = ColourThought()
    qtbot.addWidget(widget)
    widget.resize(256, 240)
    widget.editable = True
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def token(h: int, s: int, v: int) -> int:
    return h | s << 5 | v << 9


SOME = np.array([[token(3, 9, 13), token(20, 12, 9), token(3, 12, 13), token(10, 15, 6)]])
FEW = np.array([[0.4, 0.04, 0.2, 0.01]])


def show(thought: ColourThought, palette: Palette = DARK, chosen: int = token(20, 12, 9)) -> None:
    thought.set_palette(palette)
    thought.setStyleSheet(f"background: {palette.panel}")
    colours = colours_of("hsv:5,4,4")
    thought.show_thought("Picture 1", FEW, [chosen], colours, values=SOME, levels=8192)
    thought.resize(256, max(240, thought.minimumHeight()))


def spot(thought: ColourThought, bar: int) -> QPoint:
    return thought.spot(thought.cell_of(bar)).toPoint()


@both
def test_what_is_likely_shines(thought: ColourThought, palette: Palette) -> None:
    show(thought, palette, chosen=token(20, 1, 15))
    image = shot(thought).astype(int)

    def light(at: QPoint) -> int:
        return int(image[at.y(), at.x()].max())

    lights = [light(spot(thought, bar)) for bar in (0, 1, 3)]
    assert lights == sorted(lights, reverse=True) and lights[0] > 230 and lights[2] > 60
    assert thought.cells is not None
    dim = light(thought.spot(int(thought.cells.of_value[token(15, 15, 13)])).toPoint())
    assert dim < 45 < lights[2] and GROUND.max() < 20
    at = spot(thought, 0)  # the shine has the colour of the likeliest there, as bright as it can be
    own = colours_of("hsv:5,4,4")[SOME[0, 0]].astype(float)
    assert np.abs(image[at.y(), at.x()] - own * 255 / own.max()).max() <= 8
    field = thought.field
    rim = image[int(field.center().y()), int(field.left()) + 2]
    assert rim.max() > 150  # the rim says which hue is where
    corner = image[int(field.top()) + 2, int(field.left()) + 2].astype(np.uint8)
    assert is_(corner, palette.panel).all()


@both
def test_the_drawn_colour_is_marked_and_the_likeliest_are_listed(
    thought: ColourThought, palette: Palette
) -> None:
    show(thought, palette)
    image = shot(thought)
    around = image[tuple(np.s_[at - 9 : at + 10] for at in (spot(thought, 1).y(), spot(thought, 1).x()))]
    assert is_(around, DARK.accent).any()
    assert thought.listed() == [0, 2, 1, 3]
    colours = colours_of("hsv:5,4,4")
    for n, bar in enumerate(thought.listed()):
        row = thought.row(n)
        swatch = image[int(row.center().y()), int(row.left()) + 4 + 7].astype(int)
        assert np.abs(swatch - colours[SOME[0, bar]]).max() <= 1
        words = image[int(row.top()) : int(row.bottom()), int(row.left()) + 30 :]
        ink = palette.accent if bar == 1 else palette.text
        assert np.abs(words.astype(int) - rgb(ink)).max(-1).min() < 60  # thin letters are soft
    word = names_of(colours)[SOME[0, 1]]
    assert thought.words()[0].startswith(f"{word.capitalize()}: 4.0 %, uncertainty at least ")
    assert word.capitalize() in thought.accessibleDescription()


@pytest.mark.parametrize("width", [224, 256, 448])
def test_nothing_is_cut(thought: ColourThought, width: int) -> None:
    show(thought)
    thought.resize(width, thought.minimumHeight())
    metrics, field = QFontMetrics(thought._font), thought.field
    assert field.width() >= 110 and field.right() < thought.row(0).left()
    assert thought.row(0).width() >= 4 + 14 + 8 + metrics.horizontalAdvance("> 99.9 %")
    assert field.bottom() <= thought.height() and thought.head.bottom() < field.top()
    assert len(thought.listed()) == 4 and thought.row(3).bottom() <= thought.height()


def test_pointing_reads_a_colour_off_and_a_click_chooses_the_nearest(
    thought: ColourThought, qtbot: Any
) -> None:
    show(thought)
    chosen: list[tuple[int, int]] = []
    thought.chosen.connect(lambda *choice: chosen.append(choice))
    QTest.mouseMove(thought, spot(thought, 3))
    assert thought.marked == (0, 3) and thought.cursor().shape() == Qt.CursorShape.PointingHandCursor
    channel = thought.channel
    assert channel is not None
    assert (
        thought._read_off(channel, 3)[0]
        == f"{names_of(colours_of('hsv:5,4,4'))[SOME[0, 3]].capitalize()}: 1.0 %"
    )
    assert thought._read_off(channel, 0)[0].endswith(f": 40.0 %, {percent(0.6)} with 1 like it")
    assert is_(shot(thought)[int(thought.head.top()) : int(thought.head.bottom())], DARK.accent).any()
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=spot(thought, 1))
    beside = spot(thought, 3) + QPoint(14, 0)  # nothing is likely just there
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=beside)
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=thought.row(1).center().toPoint())
    corner = thought.field.topLeft().toPoint() + QPoint(3, 3)
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=corner)
    assert chosen == [(0, int(SOME[0, 1])), (0, int(SOME[0, 3])), (0, int(SOME[0, 2]))]
    thought.editable = False
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=spot(thought, 1))
    assert len(chosen) == 3


def test_keys_choose(thought: ColourThought, qtbot: Any) -> None:
    show(thought)
    chosen: list[tuple[int, int]] = []
    thought.chosen.connect(lambda *choice: chosen.append(choice))
    thought.activateWindow()
    thought.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(thought.hasFocus)
    assert thought.marked == (0, 1)  # what was drawn
    for key in ("Home", "Return", "Right", "Return", "Up", "Return", "Left", "Return"):
        qtbot.keyClick(thought, getattr(Qt.Key, f"Key_{key}"))
    values = [SOME[0].tolist().index(value) for _, value in chosen]
    assert values[:2] == [0, 3] and len(chosen) == 4 and set(values) <= {0, 1, 3}
    show(thought, chosen=token(25, 2, 2))  # one of the others, of which none is known
    thought.marked = None
    qtbot.keyClick(thought, Qt.Key.Key_Down)
    assert thought.marked == (0, 0)
    thought.show_thought("", None, None, None)
    qtbot.keyClick(thought, Qt.Key.Key_Return)
    assert len(chosen) == 4


@both
def test_swatches_are_large_where_they_are_likely(
    thought: ColourThought, palette: Palette, qtbot: Any
) -> None:
    colours = palette_of(64)
    chances = np.full((1, 64), 1e-6)
    chances[0, [5, 40]] = 0.7, 0.02
    thought.set_palette(palette)
    thought.show_thought("", chances, [40], colours)
    thought.resize(256, max(240, thought.minimumHeight()))
    image = shot(thought).astype(int)

    def covered(bar: int) -> int:
        at, half = spot(thought, bar), int(thought.field.width() / 16) - 3  # within what marks it
        part = image[at.y() - half : at.y() + half, at.x() - half : at.x() + half]
        return int((np.abs(part - colours[bar]).max(-1) <= 2).sum())

    assert covered(5) >= covered(40) > 3 * covered(7) > 0 and covered(41) < 30
    chosen: list[tuple[int, int]] = []
    thought.chosen.connect(lambda *choice: chosen.append(choice))
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=spot(thought, 7))
    assert chosen == [(0, 7)]


# -- which of the two --


def test_colours_where_they_suit_and_bars_where_a_person_would_have_them(qtbot: Any, tmp_path: Any) -> None:
    settings = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    thoughts = Thoughts(settings)
    qtbot.addWidget(thoughts)
    thoughts.show()
    thoughts.set_palette(LIGHT)
    thoughts.editable = True
    assert thoughts.editable and thoughts.colours.editable and thoughts.bars.editable
    chosen: list[tuple[int, int]] = []
    thoughts.chosen.connect(lambda *choice: chosen.append(choice))

    def shown() -> tuple[bool, bool, bool]:
        return thoughts.colours.isVisible(), thoughts.bars.isVisible(), thoughts.switch.isVisible()

    packed = colours_of("hsv:5,4,4")
    thoughts.show_thought("", SIXTEEN, [5], RAMP)
    assert shown() == (False, True, False)
    thoughts.show_thought("", FEW, [SOME[0, 0]], packed, values=SOME, levels=8192)
    assert shown() == (True, False, True) and thoughts.as_colours.text() == "Wheel"
    assert thoughts.accessibleDescription() == thoughts.colours.accessibleDescription()
    thoughts.colours.chosen.emit(0, 7)
    thoughts.show_thought("", None, None, packed, note="Not drawn yet.")
    assert shown() == (True, False, True)
    qtbot.mouseClick(thoughts.as_bars, Qt.MouseButton.LeftButton)
    assert shown() == (False, True, True) and settings.value(BARS, type=bool)
    thoughts.bars.chosen.emit(0, 9)
    assert chosen == [(0, 7), (0, 9)]
    thoughts.show_thought("", chances_of(1, 40), [3], palette_of(40))
    assert thoughts.as_colours.text() == "Swatches" and shown() == (False, True, True)
    qtbot.mouseClick(thoughts.as_colours, Qt.MouseButton.LeftButton)
    assert shown() == (True, False, True) and not settings.value(BARS, type=bool)
    thoughts.show_thought(
        "", chances_of(3, 256), [1, 2, 3], np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
    )
    assert shown() == (False, True, False)
    again = Thoughts(settings)
    qtbot.addWidget(again)
    assert again.as_colours.isChecked()
