"""What stands around a view: the panel, the curves, the list of keys, messages, a small window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driven_drawings import TINY, draw, shown, the_job
from driving import FEW, Driven, said
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QButtonGroup, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from scalefree_studio.canvas.walls.boards import Place
from scalefree_studio.controls import edited
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.jobs.instruments import lessons
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Snapshot
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.shell.dialogs import Keys
from scalefree_studio.window.views.bench_view import BenchView
from scalefree_studio.window.views.codes_shown import Cost
from scalefree_studio.window.views.codes_view import CodesView
from scalefree_studio.window.views.divider_view import DividerView
from scalefree_studio.window.views.drawing_view import DrawingView
from scalefree_studio.window.views.prompted_view import PromptedView
from scalefree_studio.window.views.registry import VIEWS, all_views
from scalefree_studio.window.views.training_view import TrainingView
from scalefree_studio.window.views.view import View
from scalefree_studio.window.widgets.curves import LEAST, Curve
from scalefree_studio.window.widgets.timeline import Timeline


def test_the_panel_has_room_for_other_controls_at_once(driven: Driven) -> None:
    panel = driven.window.panel
    for controls in (TINY, FEW, TINY):
        panel.show_controls(controls, {})
        form = panel.form
        assert form is not None
        shown = [field for field in form.fields.values() if field.isVisible()]
        assert shown and form.height() >= form.minimumSizeHint().height()
        assert all(field.height() >= field.minimumSizeHint().height() for field in shown)


def test_no_field_takes_the_focus_of_one_that_has_gone(driven: Driven, run: Path) -> None:
    """Otherwise Space would turn a switch instead of pausing."""
    panel = driven.window.panel
    draw(driven, run)
    driven.window.set_mode("learn")
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView))
    assert panel.form is not None
    panel.form.fields["learning_rate"].edit.setFocus()
    driven.window.set_mode("draw")
    driven.until(lambda: isinstance(driven.window.stage.view, DrawingView))
    focused = QApplication.focusWidget()
    assert focused is None or not panel.isAncestorOf(focused)


def test_another_view_leaves_nothing_of_the_one_before_at_the_top(driven: Driven) -> None:
    top, views = driven.window.top, [driven.window.stage.take_view(kind) for kind in ("drawing", "dividers")]
    for view in views:
        top.show_view(view)
    assert [button.text() for button in top._group.buttons()] == [mode.title for mode in views[-1].modes]
    assert len(top.findChildren(QButtonGroup)) == 1


def test_no_heading_stands_over_nothing_on_f1(driven: Driven, run: Path) -> None:
    driven.window.open(f"learn:{run}")
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView) and driven.session)
    for name in ("undo", "redo", "preferences"):  # the only ones of their menu, in this view
        driven.window.actions_[name].setVisible(False)
    driven.window.commands.keys()
    keys = driven.window.findChild(Keys)
    assert isinstance(keys, Keys)
    headings = [label.text() for label in keys.findChildren(QLabel) if label.property("heading")]
    assert headings == ["Run", "View", "Help", "File", "Mouse"]


def test_a_trouble_is_told_once(driven: Driven, run: Path) -> None:
    view = draw(driven, run)
    view.set_controls({"label": 99})
    driven.until(lambda: "no class" in said(driven) or "classes" in said(driven))
    driven.window.say("Something else.")
    view.next_wall()
    driven.until(lambda: the_job(driven).controls.seed == 1 and shown(view).done)
    driven.until(lambda: driven.session.status.rests)
    driven.window.sessions.changed.emit()
    assert said(driven) == "Something else."
    view.set_controls({"label": 99})
    driven.until(lambda: "classes" in said(driven))


def test_the_end_of_learning_is_told(driven: Driven, tmp_path: Path) -> None:
    job = Train(PixelCNNLesson(load_dataset("digits")), edited(TINY, {"epochs": 1, "batch_size": 700}))
    folder = RunFolder(tmp_path / "short")
    folder.keep(job.checkpoint())
    driven.window.open(str(folder.path))
    driven.until(lambda: driven.window.top.words.text().startswith("Finished: digits — epoch 1 of 1"))
    steps = driven.session.job.step_count
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Period):
        driven.window.say("")
        driven.key(key)
        assert said(driven).startswith("Finished at ") and said(driven).endswith(" bits held out.")
    assert driven.session.job.step_count == steps
    told = {b.text(): b for b in driven.window.stage.toast.findChildren(QPushButton) if not b.isHidden()}
    assert list(told) == ["Keep learning", "Draw", "Export picture…"]
    told["Keep learning"].click()
    driven.until(lambda: driven.session.job.step_count > steps)
    assert driven.session.job.controls.epochs == 2


@pytest.mark.parametrize("view", all_views(), ids=lambda view: view.__name__)
def test_every_curve_is_named(driven: Driven, view: type[View]) -> None:
    for quantity in view.quantities:
        curve = Curve(quantity)
        curve.resize(LEAST, 96)
        for series in (curve.series, curve.beside) if quantity.beside else (curve.series,):
            series.add(1, 1.2345)
        metrics = QFontMetricsF(curve.font())
        title, value = curve.words(metrics, None)
        assert title == quantity.title and value.startswith("1.23")
        curve.resize(8 * LEAST, 96)
        title, value = curve.words(metrics, None)
        assert title and value.endswith(quantity.unit) and quantity.beside_title in value
        curve.deleteLater()


def test_a_small_window_leaves_out_what_the_menus_have(driven: Driven, run: Path) -> None:
    draw(driven, run)
    window = driven.window
    window.resize(580, 380)
    driven.until(lambda: window.width() < 600)
    assert not any(tool.isVisible() for tool in window.top.tools)
    for part in (*window.transport.buttons.values(), window.transport.timeline, *window.top.modes.values()):
        right = part.mapTo(window, part.rect().topRight()).x()
        assert part.isVisible() and right < window.width()
    curves = list(window.curves.curves.values())
    assert curves[0].isVisible() and not curves[1].isVisible()
    window.resize(1440, 800)
    driven.until(curves[1].isVisible)
    assert all(tool.isVisible() for tool in window.top.tools)


PICKED = Place("wall", 0, 0, 0)


def begin_something(view: View) -> list[Callable[[], bool]]:
    """All that a person may have begun in a view, brush first; each says whether it is still there."""
    canvas, begun = view.canvas, list[Callable[[], bool]]()
    if getattr(view, "brush", None) is not None:
        view.host.actions["brush"].trigger()
        begun.append(lambda: canvas.brush is not None)
    if isinstance(view, BenchView):
        canvas.picked = "0", 0
        begun.append(lambda: canvas.picked is not None)
    elif isinstance(view, CodesView):
        view.shown = replace(view.shown, code=3)
        begun.append(lambda: view.shown.code is not None)
        view.panel.slider.setRange(0, 2)
        view.panel._costs = [Cost(n / 9, n, 0.2, 0.1, 9) for n in range(3)]
        view.panel.slider.setValue(1)
        begun.append(lambda: view.shown.threshold > 0)
    elif isinstance(view, PromptedView):
        canvas.selected = PICKED
        begun.append(lambda: canvas.selected is not None)
    elif isinstance(view, DividerView):
        frame = {"unit_ids": np.array([4]), "line_angle": np.zeros(1), "line_offset": np.zeros(1)}
        view.snapshot = Snapshot("dividers", 1, 0.0, frame)
        canvas.selected = 4
        begun.append(lambda: canvas.selected is not None)
    return begun


def test_escape_ends_what_is_passing_in_every_view_first(driven: Driven) -> None:
    """A view that lets a person begin something must say how that ends."""
    w = driven.window
    for kind in sorted({*VIEWS, *lessons()}):
        view = w.stage.take_view(kind)
        w.show_view(view)
        begun = begin_something(view)
        w.stage.toast.hide()  # what it may have said
        assert all(there() for there in begun), kind
        assert len(begun) >= (not isinstance(view, TrainingView) or isinstance(view, CodesView)), kind
        while begun:
            driven.key(Qt.Key.Key_Escape)
            assert not begun.pop(0)(), kind
            begun = [there for there in begun if there()]
        assert not view.end_passing(), kind
    assert not w._leaving


def test_the_moment_that_was_chosen_is_named_while_the_recording_grows(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(400, 40)
    timeline.show()
    timeline.add([(n, n) for n in range(1, 101)])
    QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(100, 20))
    assert timeline.at is not None
    named = timeline.named
    timeline.add([(n, n) for n in range(101, 301)])
    assert timeline.named == named == timeline.at
    for x in (300, 301):  # of which the first may be where the pointer was
        QTest.mouseMove(timeline, QPoint(x, 20))
    qtbot.waitUntil(lambda: timeline.named != named)
