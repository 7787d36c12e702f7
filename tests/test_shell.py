"""What stands around a view: the panel, the curves, the list of keys, messages, a small window."""

from __future__ import annotations

from pathlib import Path

import pytest
from driven_drawings import TINY, draw, shown, the_job
from driving import FEW, Driven, said
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFontMetricsF
from PyQt6.QtWidgets import QApplication, QLabel

from scalefree_studio.controls import edited
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.shell.dialogs import Keys
from scalefree_studio.window.views.drawing_view import DrawingView
from scalefree_studio.window.views.registry import all_views
from scalefree_studio.window.views.training_view import TrainingView
from scalefree_studio.window.views.view import View
from scalefree_studio.window.widgets.curves import LEAST, Curve


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


def test_no_heading_stands_over_nothing_on_f1(driven: Driven, run: Path) -> None:
    driven.window.open(f"learn:{run}")
    driven.until(lambda: isinstance(driven.window.stage.view, TrainingView) and driven.session)
    for name in ("undo", "preferences"):  # the only ones of their menu, in this view
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
    driven.until(lambda: driven.window.top.words.text().startswith("Learnt: digits — epoch 1 of 1"))
    steps = driven.session.job.step_count
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Period):
        driven.window.say("")
        driven.key(key)
        assert said(driven) == driven.window.stage.view.at_rest
    assert driven.session.job.step_count == steps
    driven.window.stage.view.set_controls({"epochs": 2})
    driven.until(lambda: driven.session.job.step_count > steps)


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
