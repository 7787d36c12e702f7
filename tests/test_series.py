"""What curves are made of: points in bounded memory, at most two a column of pixels, and round numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalefree_studio.window.widgets import series
from scalefree_studio.window.widgets.series import Series, log_ticks, thinned, ticks

# ---- Points that are kept ----

FORWARD, BACK = st.integers(1, 9), st.integers(-30, 0)
VALUES = st.floats(-9, 9) | st.sampled_from([math.nan, math.inf])
STEPS = st.lists(st.tuples(st.one_of(*[FORWARD] * 9, BACK), VALUES), max_size=80)


def kept_by_hand(pairs: list[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """What a series keeps, with lists: later steps are forgotten on the way back, and old points thinned."""
    kept: list[tuple[int, float]] = []
    for step, value in pairs:
        if not math.isfinite(value):
            continue
        kept = [point for point in kept if point[0] < step]
        if len(kept) == most:
            kept = kept[: most // 2 : 2] + kept[most // 2 :]
        kept.append((step, value))
    return kept


@given(STEPS, st.sampled_from([4, 8, 64]))
def test_a_series_keeps_what_a_list_would(changes: list[tuple[int, float]], most: int) -> None:
    steps = np.maximum(0, np.cumsum([change for change, _ in changes])).tolist()  # mostly on, sometimes back
    pairs = [(step, value) for step, (_, value) in zip(steps, changes, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "MOST", most)
        found = Series()
        for step, value in pairs:
            found.add(step, value)
    kept = kept_by_hand(pairs, most)
    assert len(found) == len(kept) <= most
    assert list(zip(*map(list, found.seen()), strict=True)) == kept
    if not kept:
        assert math.isnan(found.last) and found.at(3) is None
        return
    assert found.last == kept[-1][1]
    for step in (-1, 0, 3.4, 7, 1e9):
        near = found.at(step)
        assert near in kept and abs(near[0] - step) == min(abs(s - step) for s, _ in kept)
    recent = list(zip(*map(list, found.seen(recent=True)), strict=True))
    since = [point for point in kept if point[0] >= 0.75 * kept[-1][0]]
    assert recent == (since if len(since) >= 8 else kept[-8:])
    upto = found.until(7)
    assert list(zip(*map(list, upto.seen()), strict=True)) == [point for point in kept if point[0] <= 7]
    upto.add(8, 1.0)
    assert list(zip(*map(list, found.seen()), strict=True)) == kept  # a copy


def test_what_is_recent_is_the_last_quarter_of_the_steps_and_no_less_than_eight_points() -> None:
    found = Series()
    for step in range(100):
        found.add(step, -step)
    assert found.seen(recent=True)[0].tolist() == list(range(75, 100))
    assert found.seen(recent=True)[1].tolist() == list(range(-75, -100, -1))
    assert len(found.seen()[0]) == 100
    found.add(10_000, 0.0)  # alone in its quarter
    assert found.seen(recent=True)[0].tolist() == [*range(93, 100), 10_000]
    found.add(7, 0.0)  # back: all that is left is recent
    assert found.seen(recent=True)[0].tolist() == list(range(8))


def test_a_long_series_stays_bounded_and_keeps_its_ends() -> None:
    found = Series()
    for step in range(5 * series.MOST):
        found.add(step, step)
    steps, values = found.seen()
    assert len(found) <= series.MOST and (steps == values).all() and (np.diff(steps) > 0).all()
    assert steps[0] == 0 and steps[-1] == 5 * series.MOST - 1
    assert np.diff(steps)[-series.MOST // 2 :].max() == 1  # what is recent is there in full


# ---- Two points a column ----


@given(
    st.lists(st.tuples(st.floats(0.01, 50), st.floats(-9, 9)), min_size=1, max_size=200), st.integers(0, 30)
)
def test_a_thinned_curve_has_the_least_and_the_greatest_of_every_column(
    points: list[tuple[float, float]], columns: int
) -> None:
    steps, values = np.cumsum([gap for gap, _ in points]), np.array([value for _, value in points])
    x, y = thinned(steps, values, columns)
    if len(steps) <= 2 * columns or columns < 2:
        assert x is steps and y is values
        return
    assert len(x) == len(y) <= 2 * columns and (np.diff(x) >= 0).all()
    scale = (columns - 1) / (steps[-1] - steps[0])
    drawn: dict[int, list[float]] = {}
    for step, value in zip(steps, values, strict=True):
        drawn.setdefault(int((step - steps[0]) / (steps[-1] - steps[0]) * (columns - 1)), []).append(value)
    assert y.reshape(-1, 2).tolist() == [[min(column), max(column)] for column in drawn.values()]
    assert ((x - steps[0]) * scale + 1e-6).astype(int)[::2].tolist() == list(drawn)  # where it is drawn


# ---- Round numbers ----


def round_steps() -> Iterator[float]:
    for power in range(-12, 12):
        yield from (10.0**power, 2 * 10.0**power, 5 * 10.0**power)


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e7), st.integers(1, 8))
def test_ticks_are_the_multiples_of_the_least_round_step_that_is_wide_enough(
    low: float, width: float, most: int
) -> None:
    high = low + width
    assume(high > low)
    step = next(s for s in round_steps() if s >= (high - low) / most * 0.999)
    n, expected = math.floor(low / step) - 1, []
    while n * step <= high + step:
        if low - 1e-9 * step <= n * step <= high + 1e-9 * step:
            expected.append(n * step)
        n += 1
    near = 1e-6 * step  # a tick at the very end is there or not
    found = ticks(low, high, most)
    assert np.allclose(
        [t for t in found if low + near < t < high - near],
        [t for t in expected if low + near < t < high - near],
        rtol=1e-12,
        atol=1e-9 * step,
    )
    assert all(low - near <= t <= high + near for t in found) and len(found) <= most + 1


def test_ticks_as_they_are_read() -> None:
    assert ticks(0, 10) == [0, 5, 10] and ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(-3, 7, 4) == [0, 5] and ticks(95, 1004, 2) == [500, 1000]
    for low, high in ((1, 1), (2, 1), (0, math.inf), (math.nan, 1), (-math.inf, 0)):
        assert ticks(low, high) == []


@given(st.floats(-9, 9), st.floats(0.01, 12), st.integers(1, 6))
def test_logarithmic_ticks_are_round_numbers_within_and_no_more_than_asked(
    low: float, width: float, most: int
) -> None:
    high = low + width
    found = log_ticks(low, high, most)
    assert all(low < t < high for t in found) and found == sorted(set(found)) and len(found) <= most
    marks: list[float] = []
    for digits in (
        (1,),
        (1, 3),
        (1, 2, 5),
        (1, 1.5, 2, 3, 5, 7),
    ):  # the coarsest of which there are two within
        every = [math.log10(digit) + decade for decade in range(-12, 24) for digit in digits]
        marks = [mark for mark in every if low < mark < high]
        if len(marks) >= 2:
            break
    assert all(min(abs(t - mark) for mark in marks) < 1e-9 for t in found)
    assert bool(found) == bool(marks) and (len(marks) > most or np.allclose(found, marks))
    if len(marks) > most:  # evenly spread over them, from the first
        every_nth = math.ceil(len(marks) / most)
        assert np.allclose(found, marks[::every_nth])


def test_logarithmic_ticks_as_they_are_read() -> None:
    def read(low: float, high: float, most: int = 3) -> list[float]:
        return [round(10**t, 6) for t in log_ticks(math.log10(low), math.log10(high), most)]

    assert read(0.5, 200) == [1, 10, 100] and read(0.5, 200_000) == [1, 100, 10_000]
    assert read(0.8, 40) == [1, 10] and read(2, 40) == [3, 10, 30]
    assert read(1.9, 9) == [2, 5] and read(2.5, 7.5, 6) == [3, 5, 7] and read(5.1, 6.9) == []
