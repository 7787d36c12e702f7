"""One control on screen: its label on the left, its value on the right, and a slider beneath where it has a range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ...controls import Control, ControlError
from .slider import STEPS, Slider, to_position, to_value
from .theme import GRID, Palette
from .toggle import Toggle
from .value_edit import ValueEdit

Choices = Mapping[str, Any]  # word → value
MARK = "↻"  # beside what starts over


def shown(value: Any) -> str:
    """A value as a person writes it: 1000, 0.05, 2.5e-05; several beside each other; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ("x" if isinstance(value[0], int) else ", ").join(map(shown, value))
    return (
        f"{value:.4g}"
        if isinstance(value, float) and abs(value) < 10_000
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def rounded(value: float) -> float:
    """Three significant figures: nobody means 0.0104712855."""
    return float(f"{value:.3g}") if math.isfinite(value) else value


class Field(QWidget):
    """A control's value. `changed` gives what the person made of it; `put` shows another without emitting it."""

    changed = pyqtSignal(str, object)
    typing = pyqtSignal()  # a value, which may not be whole yet

    def __init__(self, control: Control, value: Any):
        super().__init__()
        self.control = control
        self.value = value
        starts_over = "" if control.live else "\n\nChanging it starts over."
        self.setToolTip(f"{control.help}{starts_over}")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.row = QHBoxLayout()
        self.row.setSpacing(GRID // 2)
        self.column.addLayout(self.row)
        self.label = QLabel(control.label)
        self.label.setMinimumHeight(3 * GRID)
        self.row.addWidget(self.label)
        if not control.live:
            mark = QLabel(MARK)
            mark.setProperty("soft", True)
            mark.setAccessibleName("starts over")
            self.row.addWidget(mark)
        self.row.addStretch()
        self._note: QLabel | None = None

    def put(self, value: Any) -> None:
        """Show a value that came from elsewhere."""
        self.value = value

    def typed(self) -> Any:
        """The value as it stands there now, or a ControlError; what cannot be taken is marked."""
        return self.value

    def note(self, words: str) -> None:
        """Say something beneath it, or nothing."""
        if self._note is None and words:
            self._note = QLabel()
            self._note.setProperty("soft", True)
            self.column.addWidget(self._note)
        if self._note is not None:
            self._note.setText(words)
            self._note.setVisible(bool(words))

    def end_passing(self) -> bool:
        """Take back a value that is chosen but not settled; whether there was one."""
        return False

    def set_palette(self, palette: Palette) -> None:
        pass

    def take(self, value: Any) -> None:
        """The person has chosen a value elsewhere, in the command palette."""
        if value != self.value:
            self.put(value)
            self.changed.emit(self.control.name, value)

    def give(self, value: Any) -> None:
        """The person has chosen a value."""
        if value != self.value:
            self.value = value
            self.changed.emit(self.control.name, value)


class TextField(Field):
    """What is typed: words, or whatever the control makes of them."""

    def __init__(self, control: Control, value: Any):
        super().__init__(control, value)
        self.edit = ValueEdit()
        self.edit.setAccessibleName(control.label)
        self.edit.setPlaceholderText(control.unset)
        self.edit.textEdited.connect(lambda _: self.typing.emit())
        self.edit.returnPressed.connect(self._typed)
        self.edit.left.connect(self._typed)
        self.edit.given_up.connect(self._give_up)
        if control.read or control.count:
            self.edit.setFixedWidth(max(16 * GRID, self.edit.width_of(control.unset)))
        self.row.addWidget(self.edit, 1)
        self.put(value)

    def put(self, value: Any) -> None:
        super().put(value)
        self.edit.say(self.words(value))

    def words(self, value: Any) -> str:
        """The value as it stands there."""
        in_words = self.control.in_words
        return shown(value) if in_words is None or value is None else in_words(value)

    def typed(self) -> Any:
        try:
            value = self.control.typed(self.edit.text())
        except ControlError as error:
            self.edit.mark(wrong=str(error))
            raise
        self.edit.mark()
        return value

    def _typed(self) -> None:
        with suppress(ControlError):
            value = self.typed()
            self.edit.say(self.words(value))
            self.give(value)

    def _give_up(self) -> None:
        self.put(self.value)
        self.typing.emit()


class NumberField(TextField):
    """A number that can be typed, and pulled along a slider where the control has a range."""

    slider: Slider | None = None
    _pending: Any = None  # chosen, but it starts over, so it waits for a release or Enter

    def __init__(self, control: Control, value: Any):
        self.hint = QLabel()
        super().__init__(control, value)
        least = (22 if control.in_words else 16 if control.unset else 8) * GRID
        self.edit.setFixedWidth(max(least, self.edit.width_of(control.unset)))
        self.edit.set_unit(control.unit)
        self.hint.setProperty("accent", True)
        if control.low is not None and control.high is not None and not _endless(control):
            self.slider = Slider()
            self.slider.setAccessibleName(control.label)
            self.slider.valueChanged.connect(self._pulled)
            self.slider.sliderReleased.connect(self._released)
            self.slider.installEventFilter(self)
            self.column.addWidget(self.slider)
        self.column.addWidget(self.hint)
        self.put(value)

    def put(self, value: Any) -> None:
        if self.slider is not None and self.slider.isSliderDown():
            return  # the hand is on it
        self.value, self._pending = value, None
        self.hint.hide()
        if not self.edit.hasFocus() or not self.edit.isModified():
            self.edit.say(self.words(value))
        self._place(value)

    def end_passing(self) -> bool:
        waits = self._pending is not None
        if waits:
            self._pending = None
            self.edit.mark()
            self.put(self.value)
        return waits

    def set_palette(self, palette: Palette) -> None:
        if self.slider is not None:
            self.slider.set_palette(palette)

    def _place(self, value: Any) -> None:
        if self.slider is None or value is None:
            return
        low, high = self._range
        self.slider.blockSignals(True)
        self.slider.setValue(round(STEPS * to_position(float(value), low, high, self.control.scale)))
        self.slider.blockSignals(False)

    @property
    def _range(self) -> tuple[float, float]:
        if self.control.slides is not None:
            return self.control.slides
        assert self.control.low is not None and self.control.high is not None
        return float(self.control.low), float(self.control.high)

    def _pulled(self, position: int) -> None:
        low, high = self._range
        exact = to_value(position / STEPS, low, high, self.control.scale)
        value = round(exact) if self.control.type is int else min(high, max(low, rounded(exact)))
        if value == self.value and self.slider is not None and not self.slider.isSliderDown():
            value = self._next_along(position)  # one key press always moves whole numbers by one
        self.edit.say(self.words(value))
        if self.control.live:
            self.give(value)
        else:
            self._wait_for(value)

    def _next_along(self, position: int) -> Any:
        if self.control.type is not int:
            return self.value
        low, high = self._range
        here = STEPS * to_position(float(self.value), low, high, self.control.scale)
        return int(min(high, max(low, self.value + (1 if position > here else -1))))

    def _wait_for(self, value: Any) -> None:
        self._pending = value
        down = self.slider is not None and self.slider.isSliderDown()
        self.hint.setText("Release to start over with it" if down else "Enter: start over with it")
        self.hint.setVisible(value != self.value)
        self.edit.mark(pending=value != self.value)

    def _released(self) -> None:
        if self._pending is not None:
            self._settle(self._pending)

    def _settle(self, value: Any) -> None:
        self._pending = None
        self.hint.hide()
        self.edit.mark()
        self.edit.say(self.words(value))
        self._place(value)
        self.give(value)

    def _typed(self) -> None:
        if not self.edit.isModified():
            self._released()
            return
        with suppress(ControlError):
            self._settle(self.typed())

    def eventFilter(self, watched: Any, event: QEvent | None) -> bool:
        """Enter on the slider settles a value that starts over; leaving it takes it back."""
        if event is not None and self._pending is not None:
            if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
                if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                    self._released()
                    return True
            elif event.type() == QEvent.Type.FocusOut and self.slider and not self.slider.isSliderDown():
                self.put(self.value)
        return False


def _endless(control: Control) -> bool:
    """A range that nobody pulls through, such as that of seeds."""
    return control.scale != "log" and (control.high or 0) - (control.low or 0) > 1e6


class CheckField(Field):
    """Yes or no."""

    def __init__(self, control: Control, value: Any):
        super().__init__(control, value)
        self.box = Toggle()
        self.box.setAccessibleName(control.label)
        self.row.addWidget(self.box)
        self.put(value)
        self.box.clicked.connect(self.give)

    def set_palette(self, palette: Palette) -> None:
        self.box.set_palette(palette)

    def put(self, value: Any) -> None:
        super().put(value)
        self.box.setChecked(bool(value))


def segment(text: str, n: int, count: int) -> QToolButton:
    """One of several buttons in a row of which one is down."""
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setProperty("segment", True)
    put_in_row(button, n, count)
    return button


def put_in_row(button: QToolButton, n: int, count: int) -> None:
    """It is the n-th of so many that are seen: only at the ends of a row are corners round."""
    place = "alone" if count == 1 else "first" if n == 0 else "last" if n == count - 1 else "middle"
    style = button.style()
    if button.property("place") != place and style is not None:
        button.setProperty("place", place)
        style.unpolish(button)  # properties are looked at only when a style is put on
        style.polish(button)
