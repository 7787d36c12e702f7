"""The curves at the bottom while work jumps: starting over, going on from earlier, taking that back."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtGui import QAction
from pytestqt.qtbot import QtBot

from scalefree_studio.snapshot import FIRST, Segment
from scalefree_studio.window.widgets import curves as module
from scalefree_studio.window.widgets.curves import Curve, Curves
from scalefree_studio.window.widgets.series import Quantity


def made(qtbot: QtBot) -> Curves:
    curves = Curves(QAction())
    qtbot.addWidget(curves)
    curves.begin((Quantity("loss", "Loss", beside="held", beside_title="held out"),), "step")
    return curves


def learn(curves: Curves, steps: range, segment: Segment) -> None:
    for step in steps:
        curves.add(step, {"loss": step + segment.number / 10, "held": float(-step)}, segment)


def shown(curves: Curves) -> list[tuple[float, float]]:
    curve = curves.curves["loss"]
    assert len(curve.beside) == len(curve.series)
    return list(zip(*(part.tolist() for part in curve.series.seen()), strict=True))


def test_a_restart_begins_empty_and_its_undo_and_redo_bring_each_past_back(qtbot: QtBot) -> None:
    curves, anew = made(qtbot), Segment(1)
    learn(curves, range(1, 6), FIRST)
    learn(curves, range(1, 4), anew)
    assert shown(curves) == [(1, 1.1), (2, 2.1), (3, 3.1)]
    learn(curves, range(6, 8), FIRST)
    assert shown(curves) == [(step, step) for step in range(1, 8)]
    learn(curves, range(4, 5), anew)
    assert shown(curves) == [(1, 1.1), (2, 2.1), (3, 3.1), (4, 4.1)]


def test_going_on_from_earlier_shares_what_was_before(qtbot: QtBot) -> None:
    curves, branch = made(qtbot), Segment(1, 0, 3)
    learn(curves, range(1, 6), FIRST)
    learn(curves, range(4, 6), branch)
    assert shown(curves) == [(1, 1), (2, 2), (3, 3), (4, 4.1), (5, 5.1)]
    learn(curves, range(6, 7), FIRST)
    assert shown(curves) == [(step, step) for step in range(1, 7)]


def test_only_so_many_are_kept_and_the_one_that_is_shown_is_among_them(qtbot: QtBot) -> None:
    curves = made(qtbot)
    learn(curves, range(1, 4), FIRST)
    for number in range(1, module.KEPT + 5):
        learn(curves, range(1, 3), Segment(number))
    assert len(curves._kept) == module.KEPT
    learn(curves, range(4, 5), FIRST)  # long forgotten
    assert shown(curves) == [(4, 4)]
    curves.begin((Quantity("loss", "Loss", beside="held"),), "step")
    assert shown(curves) == [] and len(curves._kept) == 1


@pytest.mark.parametrize("highest", range(20, 61))
@pytest.mark.parametrize("height", [64, 72, 120])
def test_a_scale_has_two_ticks_at_least(qtbot: QtBot, highest: int, height: int) -> None:
    """As a PSNR that begins at 10 dB."""
    curve = Curve(Quantity("psnr", "PSNR", "dB"))
    qtbot.addWidget(curve)
    curve.resize(200, height)
    low, high = curve._scale(np.array([10.0, highest]))
    marks = curve.marks(low, high)
    assert 2 <= len(marks) <= 5 and all(low < mark < high for mark in marks)
