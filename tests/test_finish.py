"""The small things: rings round what has the keys, what cannot be done looks so, curves alone, first hints."""

from __future__ import annotations

import numpy as np
import pytest
from driving import Driven
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QImage, QPixmap
from PyQt6.QtWidgets import (
    QApplication,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from scalefree_studio.controls import controls_of
from scalefree_studio.jobs.dividers.controls import FitControls
from scalefree_studio.jobs.dividers.edits import MoveUnit
from scalefree_studio.window.views.divider_view import DividerView
from scalefree_studio.window.views.registry import all_views
from scalefree_studio.window.widgets.dropdown import Dropdown
from scalefree_studio.window.widgets.fields import segment
from scalefree_studio.window.widgets.forms import Form
from scalefree_studio.window.widgets.slider import Slider
from scalefree_studio.window.widgets.theme import DARK, LIGHT, Palette, apply, contrast
from scalefree_studio.window.widgets.timeline import Timeline
from scalefree_studio.window.widgets.toggle import Toggle
from scalefree_studio.window.widgets.value_edit import ValueEdit

both = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)


def primary() -> QPushButton:
    button = QPushButton("Go")
    button.setProperty("primary", True)
    return button


def flat(checked: bool = False) -> QToolButton:
    button = QToolButton()
    button.setText("More")
    button.setProperty("flat", not checked)
    button.setCheckable(True)
    button.setChecked(checked)
    return button


def chosen() -> QToolButton:
    button = segment("dark", 1, 3)
    button.setChecked(True)
    return button


def words() -> Dropdown:
    dropdown = Dropdown()
    dropdown.addItems(["one", "two"])
    return dropdown


def shelf() -> QListWidget:
    shelf = QListWidget()
    shelf.addItem("a picture")
    return shelf


MADE = {
    "button": lambda: QPushButton("Go"), "primary": primary, "flat": flat, "checked": lambda: flat(True),
    "segment": lambda: segment("light", 0, 2), "chosen segment": chosen, "line": lambda: QLineEdit("12"),
    "value": ValueEdit, "dropdown": words, "list": shelf, "text": lambda: QPlainTextEdit("a report"), "slider": Slider,
    "switch": Toggle, "timeline": Timeline,
}  # fmt: skip


def pixels(pixmap: QPixmap) -> np.ndarray:
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_RGB888)
    data = image.constBits()
    assert data is not None
    rows = np.frombuffer(data.asarray(image.sizeInBytes()), np.uint8).reshape(
        image.height(), image.bytesPerLine()
    )
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def shown(qapp: QApplication, palette: Palette, name: str) -> tuple[QWidget, QWidget, QWidget]:
    """A widget in a window, and another that may have the keys."""
    apply(qapp, palette)
    window = QWidget()
    window.setObjectName("panel")
    window.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    column = QVBoxLayout(window)
    widget, other = MADE[name](), QPushButton("elsewhere")
    if hasattr(widget, "set_palette"):
        widget.set_palette(palette)
    elif hasattr(widget, "palette_"):
        widget.palette_ = palette
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    column.addWidget(widget)
    column.addWidget(other)
    window.resize(240, 160)
    window.show()
    window.activateWindow()
    return window, widget, other


@both
@pytest.mark.parametrize("name", MADE)
def test_a_ring_is_seen_round_what_has_the_keys(
    qapp: QApplication, qtbot, palette: Palette, name: str
) -> None:
    window, widget, other = shown(qapp, palette, name)
    qtbot.waitUntil(window.isActiveWindow)
    other.setFocus()
    without = pixels(window.grab())
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    if isinstance(widget, QLineEdit):
        widget.deselect()
    focused = pixels(window.grab())
    place = widget.geometry()
    part = np.s_[place.top() : place.bottom() + 1, place.left() : place.right() + 1]
    changed = (without[part] != focused[part]).any(-1)
    ring = {"#" + bytes(colour).hex() for colour in focused[part][changed].reshape(-1, 3)[:4000]}
    strongest = max((contrast(palette.panel, colour) for colour in ring), default=0)
    assert changed.sum() >= place.width(), "as long as a side of it, at the least"
    assert strongest >= 3, "WCAG 2.4.13"
    window.close()
    window.deleteLater()


@both
@pytest.mark.parametrize("name", sorted(MADE.keys() - {"text", "timeline", "list"}))
def test_what_cannot_be_done_looks_so(qapp: QApplication, palette: Palette, name: str) -> None:
    window, widget, _ = shown(qapp, palette, name)
    if isinstance(widget, Slider):
        widget.setValue(500)
    on = pixels(widget.grab())
    widget.setEnabled(False)
    off = pixels(widget.grab())
    changed = (on != off).any(-1)
    assert changed.sum() > 10
    for role in ("accent", "text"):
        colour = np.frombuffer(bytes.fromhex(getattr(palette, role)[1:]), np.uint8)
        assert not (off == colour).all(-1).any(), f"nothing of it is in the colour {role}"
    window.close()
    window.deleteLater()


def test_the_curves_key_hides_curves_alone(driven: Driven) -> None:
    driven.open()
    window = driven.window
    before = window.curves.height()
    canvas = window.stage.height()
    driven.key(Qt.Key.Key_F10)
    driven.until(lambda: window.curves.isHidden() and window.stage.height() > canvas + before // 2)
    assert window.transport.isVisible()
    assert window.bottom.height() == window.transport.height()
    assert sum(window.left.sizes()) + window.left.handleWidth() >= window.left.height() - 1, "no gap is left"
    driven.key(Qt.Key.Key_F10)
    driven.until(lambda: window.curves.isVisible() and abs(window.curves.height() - before) <= 2)


def test_curves_that_are_hidden_stay_so_and_without_any_there_is_no_gap(driven: Driven) -> None:
    driven.open()
    window = driven.window
    driven.key(Qt.Key.Key_F10)
    driven.until(window.curves.isHidden)
    driven.open("synthetic:circles-5")
    assert window.curves.isHidden()
    driven.key(Qt.Key.Key_F10)
    driven.until(window.curves.isVisible)
    window.curves.begin((), "step")
    window.show_curves()
    assert window.curves.isHidden() and window.actions_["show_bottom"].isChecked()
    driven.until(lambda: window.bottom.height() == window.transport.height())


def test_in_more_the_groups_keep_their_headings(qapp: QApplication) -> None:
    form = Form(FitControls())
    assert form.more is not None
    headings = {label.text() for label in form.more.body.findChildren(QLabel) if label.property("heading")}
    assert headings == {c.group for c in controls_of(FitControls) if c.advanced}
    assert headings
    form.deleteLater()


def test_every_view_has_a_hint_in_its_own_words() -> None:
    hints = [view.first_hint for view in all_views()]
    assert all(hint.endswith(".") for hint in hints)
    assert len({view.first_hint for view in all_views()}) >= 6


def test_a_first_hint_is_shown_once_and_ends_when_it_is_followed(driven: Driven) -> None:
    driven.settings.setValue("hints", True)
    driven.open()
    hint, view = driven.window.stage.hint, driven.window.stage.view
    assert hint.isVisible() and hint.label.text() == DividerView.first_hint
    assert hint._timer.isActive(), "it goes by itself"
    unit = int(view.snapshot.frame["unit_ids"][0])  # type: ignore[union-attr]
    view.edited.emit(MoveUnit(unit, {}, 1))
    assert not hint.isVisible()
    driven.open("synthetic:circles-5")
    assert not hint.isVisible(), "once"


def test_escape_closes_a_first_hint_as_its_button_says(driven: Driven) -> None:
    driven.settings.setValue("hints", True)
    driven.open()
    driven.until(driven.window.stage.hint.isVisible)
    driven.key(Qt.Key.Key_Escape)
    assert not driven.window.stage.hint.isVisible() and not driven.window._leaving


def test_menus_show_what_cannot_be_done(driven: Driven) -> None:
    driven.open()
    driven.pause()
    driven.until(lambda: not driven.window.actions_["go_on_from_here"].isEnabled())
    for name in ("to_now", "select_none", "clear_mask"):
        action: QAction = driven.window.actions_[name]
        assert not action.isEnabled() and "\n\n" in action.toolTip(), name
