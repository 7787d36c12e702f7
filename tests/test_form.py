"""A form made from a declaration, driven with keys and mouse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QHelpEvent, QPainter, QPixmap, QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QLabel, QToolTip
from pytestqt.qtbot import QtBot

from scalefree_studio.controls import ControlError, control, controls_of, edited, with_unit
from scalefree_studio.jobs.dividers.controls import FitControls
from scalefree_studio.sizes import size_of
from scalefree_studio.window.widgets.fields import NumberField, TextField
from scalefree_studio.window.widgets.forms import Form
from scalefree_studio.window.widgets.segments import Segments
from scalefree_studio.window.widgets.slider import to_position, to_value
from scalefree_studio.window.widgets.timeline import EMPTY, Timeline


@dataclass(frozen=True)
class Few:
    speed: float = control(0.02, label="Speed", help="How fast.", low=0.001, high=10, scale="log", live=True)
    count: int = control(8, label="Count", help="How many.", low=0, high=100, group="Parts", unit="pieces")
    form: str = control("round", label="Form", help="Which.", choices=("round", "square"), live=True)
    many: str = control("a", label="Many", help="Which of many.", choices=tuple("abcdefg"), live=True)
    soft: bool = control(True, label="Soft", help="Whether.", live=True, advanced=True)


class Shown:
    """A form on screen, and what it told."""

    def __init__(self, qtbot: QtBot, controls: Any = None):
        self.form = Form(controls or Few())
        self.told: list[dict[str, Any]] = []
        self.form.edited.connect(self.told.append)
        qtbot.addWidget(self.form)
        self.form.resize(260, 500)
        with qtbot.waitExposed(self.form):
            self.form.show()
        self.form.activateWindow()
        qtbot.waitUntil(self.form.isActiveWindow)

    def number(self, name: str) -> NumberField:
        field = self.form.fields[name]
        assert isinstance(field, NumberField)
        return field

    def type(self, name: str, text: str, key: Qt.Key = Qt.Key.Key_Return) -> None:
        field = self.form.fields[name]
        assert isinstance(field, TextField)
        edit = field.edit
        edit.setFocus()
        edit.selectAll()
        QTest.keyClicks(edit, text)
        QTest.keyClick(edit, key)


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    return Shown(qtbot)


@given(
    st.sampled_from(["linear", "log"]),
    st.floats(0, 1),
    st.sampled_from([(0.0, 4096.0), (1e-5, 1.0), (-1.0, 1.0)]),
)
def test_scales_go_there_and_back(scale: str, position: float, span: tuple[float, float]) -> None:
    low, high = span
    value = to_value(position, low, high, scale)
    assert low - 1e-9 <= value <= high * (1 + 1e-9)
    assert math.isclose(to_position(value, low, high, scale), position, abs_tol=1e-6)


def test_every_control_has_a_field(qtbot: QtBot) -> None:
    form = Form(FitControls())
    qtbot.addWidget(form)
    assert set(form.fields) == {c.name for c in controls_of(FitControls)}
    for c in controls_of(FitControls):
        assert form.fields[c.name].label.text() == c.label
        assert c.help in form.fields[c.name].toolTip()
        assert ("starts over" in form.fields[c.name].toolTip()) != c.live


def test_a_live_slider_tells_while_it_is_pulled(shown: Shown, qtbot: QtBot) -> None:
    slider = shown.number("speed").slider
    assert slider is not None
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, 10))
    assert shown.told
    assert shown.told[-1]["speed"] == pytest.approx(0.1, rel=0.1)  # the middle of a logarithmic slider
    QTest.mouseMove(slider, QPoint(slider.width() - 6, 10))
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() - 6, 10))
    slider.setSliderPosition(slider.maximum())
    qtbot.waitUntil(lambda: shown.told[-1] == {"speed": 10.0})
    assert shown.number("speed").edit.text() == "10"


def test_what_starts_over_waits_for_the_release(shown: Shown) -> None:
    field = shown.number("count")
    assert field.slider is not None
    QTest.mousePress(field.slider, Qt.MouseButton.LeftButton, pos=QPoint(field.slider.width() - 1, 10))
    assert not shown.told
    assert field.hint.isVisible()
    assert field.edit.text() == "100"
    QTest.mouseRelease(field.slider, Qt.MouseButton.LeftButton, pos=QPoint(field.slider.width() - 1, 10))
    assert shown.told == [{"count": 100}]
    assert not field.hint.isVisible()


def test_what_starts_over_waits_for_enter(shown: Shown) -> None:
    field = shown.number("count")
    assert field.slider is not None
    field.slider.setFocus()
    QTest.keyClick(field.slider, Qt.Key.Key_Right)
    assert not shown.told
    assert "Enter" in field.hint.text()
    QTest.keyClick(field.slider, Qt.Key.Key_Return)
    assert len(shown.told) == 1
    assert shown.told[0]["count"] > 8


def test_typed_values(shown: Shown, qtbot: QtBot) -> None:
    shown.type("speed", "2,5")
    assert shown.told[-1] == {"speed": 2.5}
    shown.type("count", "12", Qt.Key.Key_Tab)  # leaving is as good as Enter
    qtbot.waitUntil(lambda: shown.told[-1] == {"count": 12})


@pytest.mark.parametrize("text", ["many", "101", "2.5", "nan", ""])
def test_what_cannot_be_is_marked_and_not_told(shown: Shown, text: str) -> None:
    field = shown.number("count")
    field.edit.setFocus()
    field.edit.selectAll()
    QTest.keyClick(field.edit, Qt.Key.Key_Delete)
    QTest.keyClicks(field.edit, text)
    QTest.keyClick(field.edit, Qt.Key.Key_Return)
    assert field.edit.property("wrong")
    assert "Count" in field.edit.toolTip()
    assert not shown.told
    QTest.keyClick(field.edit, Qt.Key.Key_Tab)
    assert field.edit.text() == "8"  # back to what holds


@dataclass(frozen=True)
class Asked:
    """What may be left open, and what is read from words."""

    length: float | None = control(
        None, label="Length", help="How long.", above=0, high=9, unset="any", live=True
    )
    size: tuple[int, int] | int | None = control(
        None,
        label="Size",
        help="How large.",
        read=size_of,
        low=1,
        high=99,
        wants="1920x1080 or 1080",
        live=True,
    )
    corner: tuple[float, float] | None = control(None, label="Corner", help="Where.", live=True)
    words: str | None = control("hello", label="Words", help="Which.", live=True)


def test_what_is_left_open_is_shown_as_such_and_typed_away(qtbot: QtBot) -> None:
    shown = Shown(qtbot, Asked())
    for name, text, value, then in (
        ("length", "2,5", 2.5, "2.5"), ("size", "40x30", (40, 30), "40x30"), ("size", "50", (50, 50), "50x50"),
        ("corner", "0,5 2", (0.5, 2.0), "0.5, 2"), ("words", "a, b", "a, b", "a, b"),
    ):  # fmt: skip
        field = shown.form.fields[name]
        assert isinstance(field, TextField)
        shown.type(name, text)
        qtbot.waitUntil(lambda name=name, value=value: shown.told[-1] == {name: value})
        assert field.typed() == value
        shown.form.put(edited(Asked(), {name: value}))
        assert field.edit.text() == then
        field.edit.selectAll()
        QTest.keyClick(field.edit, Qt.Key.Key_Delete)
        QTest.keyClick(field.edit, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda name=name: shown.told[-1] == {name: None})
    assert shown.number("length").edit.placeholderText() == "any"


@pytest.mark.parametrize(
    ("name", "text"), [("length", "0"), ("size", "big"), ("size", "100"), ("corner", "1")]
)
def test_whoever_asks_what_is_typed_hears_what_is_wrong_with_it(qtbot: QtBot, name: str, text: str) -> None:
    form = Form(Asked())
    qtbot.addWidget(form)
    field = form.fields[name]
    assert isinstance(field, TextField)
    with qtbot.waitSignal(field.typing):
        QTest.keyClicks(field.edit, text)
    with pytest.raises(ControlError, match=field.control.label):
        field.typed()
    assert field.edit.property("wrong") and field.control.label in field.edit.toolTip()


def test_choices_and_switches(shown: Shown, qtbot: QtBot) -> None:
    form = shown.form
    QTest.mouseClick(form.fields["form"].segments["square"], Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
    assert shown.told == [{"form": "square"}]
    assert form.more is not None
    assert not form.fields["soft"].isVisible()
    QTest.mouseClick(form.more.button, Qt.MouseButton.LeftButton)
    assert form.fields["soft"].isVisible()
    QTest.mouseClick(form.fields["soft"].box, Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: shown.told[-1] == {"soft": False})


def test_values_from_elsewhere_are_shown_without_an_echo(shown: Shown, qtbot: QtBot) -> None:
    shown.form.put(Few(speed=1.0, count=50, form="square", many="g", soft=False))
    qtbot.wait(60)
    assert not shown.told
    assert shown.number("speed").edit.text() == "1"
    assert shown.number("count").edit.text() == "50"
    assert shown.form.fields["many"].combo.currentText() == "g"  # type: ignore[attr-defined]


def test_the_wheel_scrolls_and_changes_nothing(shown: Shown) -> None:
    slider = shown.number("speed").slider
    assert slider is not None
    before = slider.value()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    slider.wheelEvent(event)
    assert not event.isAccepted()
    assert slider.value() == before


def test_a_unit_stands_inside_the_field_and_is_not_typed(shown: Shown) -> None:
    edit = shown.number("count").edit
    assert edit.text() == "8" and "pieces" in edit.accessibleDescription()
    assert edit.textMargins().right() >= edit.fontMetrics().horizontalAdvance("pieces")
    assert "pieces" not in [label.text() for label in shown.form.findChildren(QLabel)]
    with_it = edit.grab().toImage()
    edit.set_unit("")
    edit.setFixedWidth(with_it.width())
    edit.setTextMargins(0, 0, 0, 0)
    assert edit.grab().toImage() != with_it


@pytest.mark.parametrize(("unit", "said"), [("×", "40×"), ("°", "40°"), ("steps", "40 steps"), ("", "40")])
def test_a_number_and_its_unit(unit: str, said: str) -> None:
    assert with_unit("40", unit) == said


@dataclass(frozen=True)
class Unset:
    size: tuple[int, int] | None = control(
        None,
        label="Size",
        help="How large.",
        read=size_of,
        unset="as large as the picture that it is made of",
    )
    scale: int | None = control(
        None, label="Scale", help="By what.", unset="so that it is about as wide as that"
    )
    where: str | None = control(None, label="Where", help="In which folder.", unset="none")


def test_what_stands_in_an_empty_field_is_not_cut_and_what_is_cut_can_be_read(qtbot: QtBot) -> None:
    shown = Shown(qtbot, Unset())
    shown.form.adjustSize()
    for field in shown.form.fields.values():
        assert isinstance(field, TextField)
        words = field.edit.placeholderText()
        assert (
            field.edit.fontMetrics().horizontalAdvance(words) < field.edit.width() - 12
        )  # its border and padding
    edit, path = shown.form.fields["where"].edit, "/".join(["a long folder"] * 20)  # type: ignore[attr-defined]
    edit.setText(path)
    middle = edit.rect().center()
    QApplication.sendEvent(edit, QHelpEvent(QEvent.Type.ToolTip, middle, edit.mapToGlobal(middle)))
    assert QToolTip.text() == path
    QToolTip.hideText()


def test_words_of_an_empty_timeline_are_as_short_as_its_room(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    painter, found = QPainter(), []
    for width in (400, 96):
        timeline.resize(width, 40)
        painter.begin(page := QPixmap(timeline.size()))
        found.append(timeline._words_of_nothing(painter))
        assert painter.fontMetrics().horizontalAdvance(found[-1]) <= page.width()
        painter.end()
    assert found == list(EMPTY[:2])


def test_segments_fill_their_row_without_gaps(qtbot: QtBot) -> None:
    segments = Segments()
    qtbot.addWidget(segments)
    segments.begin("1234", ["first", "second", "third", "fourth"])
    segments.resize(400, 30)
    with qtbot.waitExposed(segments):
        segments.show()
    places = [button.geometry() for button in segments.buttons()]
    assert [place.left() for place in places] == [0, *(place.right() + 1 for place in places[:-1])]
    assert places[-1].right() == 399
