"""What it thought, in bars: that they are as high as the chances, are read off and chosen, in both themes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, QPointF, QRect, Qt
from PyQt6.QtGui import QFont, QFontMetrics, QImage
from PyQt6.QtTest import QTest

from scalefree_studio.drawings import Drawing, left
from scalefree_studio.window.views.bars import Bars
from scalefree_studio.window.views.chances import Scale, entropy, percent, shares
from scalefree_studio.window.views.prompts import Prompts
from scalefree_studio.window.views.thought import EMPTY, POINTER, TINTS, Thought
from scalefree_studio.window.widgets import theme
from scalefree_studio.window.widgets.theme import DARK, LIGHT, Palette, contrast

both = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda p: p.name)
RAMP = np.repeat((np.arange(16) * 17)[:, None], 3, axis=1).astype(np.uint8)


def chances_of(channels: int, levels: int, seed: int = 0) -> npt.NDArray[np.float64]:
    made = np.random.default_rng(seed).gamma(0.5, size=(channels, levels))
    return np.asarray(made / made.sum(axis=1, keepdims=True))


SIXTEEN = chances_of(1, 16)


@pytest.fixture
def thought(qtbot: Any) -> Thought:
    widget = Thought()
    qtbot.addWidget(widget)
    widget.resize(256, 180)
    widget.editable = True
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def dressed(thought: Thought, palette: Palette) -> None:
    thought.set_palette(palette)
    thought.setStyleSheet(f"background: {palette.panel}")


def shot(thought: Thought) -> npt.NDArray[np.uint8]:
    """(height, width, 3), in logical pixels."""
    image = thought.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888).scaled(thought.size())
    bits = image.constBits()
    assert bits is not None
    data = np.frombuffer(bits.asarray(image.sizeInBytes()), np.uint8)  # type: ignore[call-overload]
    return data.reshape(image.height(), image.width(), 4)[..., :3].copy()


def rgb(text: str) -> list[int]:
    return list(bytes.fromhex(text.removeprefix("#")))


def is_(image: npt.NDArray[np.uint8], colour: str) -> npt.NDArray[np.bool_]:
    return np.asarray((np.abs(image.astype(int) - rgb(colour)) <= 3).all(-1))


def spot(thought: Thought, channel: int, level: int) -> QPoint:
    """A point low in a bar's column."""
    chart = thought.charts()[channel]
    left, right = chart.bars.span(level)
    return QPointF((left + right) / 2, chart.plot.bottom() - 3).toPoint()


# -- bars and words -----------------------------------------------------------------------------------------------


@given(st.integers(1, 2000), st.integers(1, 600))
def test_bars_lie_side_by_side_and_every_level_is_in_one(levels: int, width: int) -> None:
    bars = Bars(levels, width, 40)
    left, right = bars.spans.T
    assert (
        (right - left >= 1).all() and left[0] >= 0 and right[-1] <= width and (left[1:] >= right[:-1]).all()
    )
    assert len(left) == min(levels, width)
    values = np.random.default_rng(levels).random(levels)
    columns = np.array([bars.column(level) for level in range(levels)])
    for column in np.unique(columns)[:50]:
        inside = np.flatnonzero(columns == column)
        assert bars.highest(values)[column] == values[inside].max()
        middle = (bars.spans[column].sum()) / 2
        assert bars.level_at(middle, values) == inside[values[inside].argmax()]
    assert set(columns) == set(range(len(left)))


def test_chances_and_openness_in_words() -> None:
    told = {0: "0 %", 1: "100 %", 0.124: "12.4 %", 0.0057: "0.57 %", 1e-7: "< 0.01 %", 0.99999: "> 99.9 %"}
    assert {chance: percent(chance) for chance in told} == told
    assert entropy(np.full(8, 1 / 8)) == pytest.approx(3) and entropy(np.array([0.0, 1.0])) == 0
    assert entropy(np.array([0.5, 0.25, 0.25])) == pytest.approx(1.5)


@both
def test_tinted_bars_are_seen(palette: Palette) -> None:
    for tint in TINTS[palette.name]:
        assert contrast(tint, palette.panel) >= 3


# -- what it shows ------------------------------------------------------------------------------------------------


@both
def test_bars_are_as_high_as_the_chances_and_the_chosen_one_stands_out(
    thought: Thought, palette: Palette
) -> None:
    dressed(thought, palette)
    thought.show_thought("Pixel 1, 2", SIXTEEN, [5], RAMP)
    image, (chart,) = shot(thought), thought.charts()
    top, bottom = int(chart.plot.top()), int(chart.plot.bottom())
    for level, chance in enumerate(SIXTEEN[0]):
        left, right = (int(x) for x in chart.bars.span(level))
        column = is_(image, palette.accent if level == 5 else palette.edge)[top:bottom, (left + right) // 2]
        expected = chance / SIXTEEN.max() * (bottom - top)
        assert abs(column.sum() - expected) <= 1 or (level == 5 and column.sum() == 2)
        if column.any():
            assert column[-column.sum() :].all()  # from the foot up
        swatch = image[int(chart.strip.center().y()), (left + right) // 2]
        assert np.abs(swatch.astype(int) - RAMP[level]).max() <= 1
    pointer = np.argwhere(is_(image, palette.accent)[int(chart.strip.bottom()) + 2 :])
    assert len(pointer) and abs(pointer[:, 1].mean() - sum(chart.bars.span(5)) / 2) < 1
    percent_ = percent(SIXTEEN[0, 5])
    assert thought.words() == [f"Level 5 (0–15): {percent_}, uncertainty {entropy(SIXTEEN[0]):.2f} bits"]
    assert thought.words()[0] in thought.accessibleDescription() and thought.accessibleName()


@both
def test_three_channels_have_their_colours(thought: Thought, palette: Palette) -> None:
    dressed(thought, palette)
    levels = np.repeat(np.arange(256)[:, None], 3, axis=1).astype(np.uint8)
    thought.show_thought("Pixel 1, 2", chances_of(3, 256), np.array([200, -1, 255]), levels)
    thought.resize(256, max(300, thought.minimumHeight()))
    image, charts = shot(thought), thought.charts()
    assert len(charts) == 3
    for chart, tint in zip(charts, TINTS[palette.name], strict=True):
        part = image[int(chart.plot.top()) : int(chart.plot.bottom())]
        assert is_(part, tint).sum() > 200
        strip = image[int(chart.strip.center().y()), 2:-2].astype(int)
        assert (np.delete(strip, chart.index, axis=1) <= 2).all() and np.ptp(strip[:, chart.index]) > 240
        accent = is_(image, palette.accent)[int(chart.strip.bottom()) + 2 : int(chart.strip.bottom()) + 7]
        assert accent.any() == (chart.index != 1)  # nothing was chosen there
    assert [words.split(",")[0] for words in thought.words()] == ["Red", "Green", "Blue"]
    assert "likeliest" in thought.words()[1]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", [128, 256, 700])
def test_nothing_overlaps_and_nothing_is_cut(thought: Thought, channels: int, width: int) -> None:
    title, note = (
        "Pixel 27, 27 of picture 64, of the label 9",
        "Given by hand: everything after it was drawn anew.",
    )
    dressed(thought, DARK)
    thought.resize(width, 120)
    thought.show_thought(title, chances_of(channels, 256), [255] * channels, None, note=note)
    thought.resize(width, thought.minimumHeight())
    charts = thought.charts()
    font = theme.scaled(thought.font(), 0.92)
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    wrap = int(Qt.TextFlag.TextWordWrap)
    above = QFontMetrics(bold).boundingRect(QRect(0, 0, width, 9999), wrap, title)
    below = QFontMetrics(font).boundingRect(QRect(0, 0, width, 9999), wrap, note)
    assert above.width() <= width and above.height() <= charts[0].head.top()
    edges = [y for c in charts for y in (c.head.top(), c.plot.top(), c.plot.bottom(), c.strip.bottom())]
    assert edges == sorted(edges) and edges[-1] + POINTER + below.height() <= thought.height()
    assert all(chart.plot.height() >= 26 for chart in charts)
    # What stands above the bars ends before the pixels of what stands at its right.
    image = is_(shot(thought), DARK.panel)
    for chart in charts:
        words = np.flatnonzero(~image[int(chart.head.top()) : int(chart.head.bottom())].all(0))
        gaps = np.diff(words)
        assert gaps.max() >= 8 and words.max() < width


@both
def test_without_chances_it_says_what_to_do(thought: Thought, palette: Palette) -> None:
    dressed(thought, palette)
    thought.show_thought("", None, None, None)
    assert thought.accessibleDescription() == EMPTY and not thought.charts()
    empty = shot(thought)
    written = np.argwhere(~is_(empty, palette.panel))
    assert len(written) and written[:, 1].min() > 0 and written[:, 1].max() < 255  # not cut
    thought.show_thought("Pixel 1, 1", None, None, None, note="Given, not drawn.")
    assert thought.accessibleDescription() == "Pixel 1, 1\nGiven, not drawn."
    assert not np.array_equal(shot(thought), empty)
    for nothing in (np.zeros((1, 16)), np.full((1, 16), np.nan), np.zeros((1, 0))):
        thought.show_thought("", nothing, [3], RAMP)
        assert np.array_equal(shot(thought), empty)


def test_halves_as_they_are_recorded(thought: Thought) -> None:
    thought.show_thought("", SIXTEEN.astype(np.float16), [5], RAMP)
    assert thought.words()[0].endswith(", uncertainty 3.49 bits") and entropy(SIXTEEN[0]) == pytest.approx(
        3.49, abs=0.01
    )
    thought.show_thought("", SIXTEEN, [5], RAMP, names=[f"tile {n}" for n in range(16)])
    assert thought.words()[0].startswith("Tile 5: ")


# -- pointing and choosing ----------------------------------------------------------------------------------------


@both
def test_pointing_reads_a_bar_off(thought: Thought, palette: Palette) -> None:
    dressed(thought, palette)
    thought.show_thought("Pixel 1, 2", SIXTEEN, [5], RAMP)
    (chart,) = thought.charts()
    head = np.s_[int(chart.head.top()) : int(chart.head.bottom())]
    assert not is_(shot(thought)[head], palette.accent).any()
    QTest.mouseMove(thought, spot(thought, 0, 11))
    assert thought.marked == (0, 11)
    assert thought.cursor().shape() == Qt.CursorShape.PointingHandCursor
    image = shot(thought)
    assert is_(image[head], palette.accent).any()
    left, right = (int(x) for x in chart.bars.span(11))
    assert is_(image, palette.text)[int(chart.plot.bottom()) - 1, left:right].all()
    QTest.mouseMove(thought, QPoint(5, 5))
    assert thought.marked is None and thought.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_a_click_chooses_if_one_may(thought: Thought, qtbot: Any) -> None:
    told: list[tuple[int, int]] = []
    thought.chosen.connect(lambda *choice: told.append(choice))
    thought.show_thought("", chances_of(3, 16), [1, 2, 3], RAMP)
    thought.resize(256, 300)
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=spot(thought, 1, 7))
    qtbot.mouseClick(thought, Qt.MouseButton.RightButton, pos=spot(thought, 1, 8))
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=QPoint(100, 1))
    assert told == [(1, 7)] and thought.toolTip()
    thought.editable = False
    qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=spot(thought, 1, 7))
    qtbot.keyClick(thought, Qt.Key.Key_Return)
    assert told == [(1, 7)] and not thought.toolTip()
    assert thought.focusPolicy() == Qt.FocusPolicy.NoFocus
    assert thought.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_keys_move_a_mark_and_choose(thought: Thought, qtbot: Any) -> None:
    told: list[tuple[int, int]] = []
    thought.chosen.connect(lambda *choice: told.append(choice))
    thought.show_thought("", chances_of(3, 16), [5, 0, 0], RAMP)
    thought.activateWindow()
    thought.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(thought.hasFocus)
    assert thought.marked == (0, 5)
    for key in (
        "Right",
        "Right",
        "Left",
        "Down",
        "Return",
        "End",
        "Right",
        "Enter",
        "Up",
        "Up",
        "Home",
        "Left",
    ):
        qtbot.keyClick(thought, getattr(Qt.Key, f"Key_{key}"))
    assert told == [(1, 6), (1, 15)] and thought.marked == (0, 0)
    thought.show_thought("", chances_of(1, 16), None, RAMP)
    assert thought.marked == (0, 0)  # it may still be pointed at
    thought.show_thought("", chances_of(1, 16)[:, :0], None, RAMP)
    assert thought.marked is None
    qtbot.keyClick(thought, Qt.Key.Key_Return)
    assert len(told) == 2
    thought.show_thought("", SIXTEEN, None, RAMP)
    thought.clearFocus()
    qtbot.keyClick(thought, Qt.Key.Key_Right)  # from the likeliest on
    assert thought.marked == (0, min(15, int(SIXTEEN.argmax()) + 1))


def test_it_fits_into_a_dressed_panel(thought: Thought, qapp: Any) -> None:
    before = qapp.styleSheet()
    theme.apply(qapp, LIGHT)
    thought.set_palette(LIGHT)
    thought.show_thought("Pixel 1, 2", SIXTEEN, [5], RAMP)
    assert is_(shot(thought), LIGHT.panel).mean() > 0.3
    qapp.setStyleSheet(before)


# -- very many values ---------------------------------------------------------------------------------------------

SOME = np.array([[7000, 12, 5, 300, 44]])
FEW = np.array([[0.3, 0.2, 0.1, 0.1, 0.05]])  # a quarter is left for others


def test_of_very_many_values_the_last_bar_is_all_others() -> None:
    found = shares(FEW, SOME)
    assert found is not None
    np.testing.assert_allclose(found, [[0.3, 0.2, 0.1, 0.1, 0.05, 0.25]])
    assert shares(np.array([[0.7, 0.4]]), SOME[:, :2]) == pytest.approx(np.array([[0.7, 0.4, 0]]) / 1.1)
    scale = Scale(8192, tuple(SOME[0].tolist()))
    assert [scale.value(bar) for bar in range(6)] == [7000, 12, 5, 300, 44, None]
    assert [scale.bar(value) for value in (7000, 44, 0, 8191)] == [0, 4, 5, 5]
    assert [Scale(9).bar(4), Scale(9).value(4)] == [4, 4]


@both
def test_the_likeliest_are_shown_and_chosen_by_what_they_are(
    thought: Thought, palette: Palette, qtbot: Any
) -> None:
    dressed(thought, palette)
    chosen: list[tuple[int, int]] = []
    thought.chosen.connect(lambda *choice: chosen.append(choice))
    colours = np.zeros((8192, 3), np.uint8)
    colours[:, 0], colours[300] = 200, (0, 90, 250)
    thought.show_thought("Picture 1", FEW, [12], colours, values=SOME, levels=8192)
    assert thought.words() == ["Level 12 (0–8,191): 20.0 %, uncertainty at least 2.37 bits"]
    (chart,), image = thought.charts(), shot(thought)
    middles = [int(sum(chart.bars.span(bar)) / 2) for bar in range(6)]
    swatches = image[int(chart.strip.center().y()), middles].astype(int)
    assert (
        np.abs(swatches[:5] - colours[SOME[0]]).max() <= 1
        and is_(swatches[5:].astype(np.uint8), palette.panel).all()
    )
    pointer = np.argwhere(is_(image, palette.accent)[int(chart.strip.bottom()) + 2 :])
    assert abs(pointer[:, 1].mean() - sum(chart.bars.span(1)) / 2) < 1
    thought.show_thought("Picture 1", FEW * 0.1, [12], colours, values=SOME, levels=8192)
    foot, edge = int(chart.plot.bottom()) - 1, is_(shot(thought), palette.edge)
    heights = edge[int(chart.plot.top()) : foot + 1, middles].sum(0).tolist()
    assert (
        heights[0] == heights[5] >= chart.plot.height() - 1
    )  # others are as high as fits, the likeliest, too
    assert heights[2] == pytest.approx(heights[0] / 3, abs=1)
    thought.show_thought("Picture 1", FEW, [12], colours, values=SOME, levels=8192)
    for bar in (3, 5):  # of all others, none can be chosen
        QTest.mouseMove(thought, spot(thought, 0, bar))
        hand = Qt.CursorShape.PointingHandCursor if bar < 5 else Qt.CursorShape.ArrowCursor
        qtbot.waitUntil(lambda bar=bar: thought.marked == (0, bar))
        assert thought.cursor().shape() == hand
        qtbot.mouseClick(thought, Qt.MouseButton.LeftButton, pos=spot(thought, 0, bar))
    assert chosen == [(0, 300)]
    thought.show_thought("Picture 1", FEW, [9], colours, values=SOME, levels=8192)
    assert thought.words()[0].startswith("Level 9 (0–8,191): under 5.0 %,")
    thought.show_thought("Picture 1", FEW, None, None, values=SOME, levels=8192)
    assert thought.words()[0].endswith("level 7000 likeliest, 30.0 %")


# -- what is gone on from -----------------------------------------------------------------------------------------


def test_what_was_drawn_is_gone_on_from_by_its_values() -> None:
    values = np.random.default_rng(1).integers(300, size=(2, 4, 6, 1))
    shown = {"values": values, "position": np.array([24, 9]), "given": np.zeros((2, 4, 6), bool)}
    drawing = Drawing(shown, {"order": np.arange(24)}, number=1)
    prompts, stroke = Prompts(), np.zeros((4, 6), bool)
    assert prompts.keep(left((4, 6)), drawing, None) is None
    half = prompts.keep(left((4, 6)), drawing, 1)
    assert half is not None and half.pixels is None and half.stage == 1
    np.testing.assert_array_equal(half.values, values[1])
    np.testing.assert_array_equal(half.keep, left((4, 6)) & (np.arange(24) < 9).reshape(4, 6))
    stroke[1:3, 2:4] = True
    painted = prompts.paint(0, stroke, drawing)
    later = Drawing({**shown, "values": values * 0}, drawing.still)
    again = prompts.paint(0, ~stroke, later)  # of the picture as it was
    for prompt, keep in ((painted, ~stroke), (again, stroke)):
        np.testing.assert_array_equal(prompt.values, values[0])
        np.testing.assert_array_equal(prompt.keep, keep)
    own = np.zeros((9, 9, 3), np.uint8)
    for prompt in (
        prompts.begin(own, drawing),
        prompts.keep(stroke, drawing, 1),
        prompts.paint(1, stroke, drawing),
    ):
        assert prompt is not None and prompt.values is None and prompt.pixels is own
