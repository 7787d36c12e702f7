"""A control of which there are a few values: with words side by side, in a list that opens, or with pictures; and the
field of any control."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QFontMetrics, QIcon
from PyQt6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QSizePolicy, QToolButton

from ...assets import assets
from ...controls import Control
from .dropdown import Dropdown
from .fields import CheckField, Choices, Field, NumberField, TextField, segment
from .theme import GRID, Palette

WIDE = 26 * GRID  # as much as there is in a narrow panel
PICTURE = QSize(12 * GRID, 6 * GRID)  # of a choice that has one,
IN_A_ROW = 2  # and how many stand side by side


class ChoiceField(Field):
    """One of a few values, each with a word of its own: side by side where they fit, if need be beneath the label,
    otherwise in a list that opens."""

    def __init__(self, control: Control, value: Any, choices: Choices):
        super().__init__(control, value)
        metrics = QFontMetrics(self.font())
        wide = sum(metrics.horizontalAdvance(word) + 3 * GRID for word in choices)
        self.choices = choices
        self._words = {value: word for word, value in choices.items()}
        self.segments: dict[Any, QToolButton] = {}
        self.combo: Dropdown | None = None
        if len(choices) <= 3 and wide <= WIDE:
            beneath = wide + metrics.horizontalAdvance(control.label) > WIDE - 6 * GRID
            self._side_by_side(choices, beneath)
        else:
            self.combo = Dropdown()
            self.combo.setAccessibleName(control.label)
            self.combo.addItems(list(choices))
            self.combo.textActivated.connect(lambda word: self.give(choices[word]))
            self.row.addWidget(self.combo)
        self.put(value)

    def set_palette(self, palette: Palette) -> None:
        if self.combo is not None:
            self.combo.set_palette(palette)

    def _side_by_side(self, choices: Choices, beneath: bool) -> None:
        group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(0)
        for n, (word, value) in enumerate(choices.items()):
            button = segment(word, n, len(choices))
            button.clicked.connect(lambda _=False, v=value: self.give(v))
            group.addButton(button)
            row.addWidget(button)
            self.segments[value] = button
        if beneath:
            row.addStretch()
        (self.column if beneath else self.row).addLayout(row)

    def put(self, value: Any) -> None:
        super().put(value)
        if self.combo is not None:
            self.combo.setCurrentText(self._words.get(value, str(value)))
        elif value in self.segments:
            self.segments[value].setChecked(True)


class PictureField(Field):
    """One of a few values, each with a small picture of what comes of it."""

    def __init__(self, control: Control, value: Any):
        super().__init__(control, value)
        group = QButtonGroup(self)
        grid = QGridLayout()
        grid.setSpacing(GRID // 2)
        grid.setContentsMargins(0, GRID // 2, 0, 0)
        self.choices = worded(control)
        self.tiles: dict[Any, QToolButton] = {}
        for n, (word, choice) in enumerate(self.choices.items()):
            button = QToolButton()
            button.setText(word)
            button.setIcon(QIcon(str(assets() / control.pictures / f"{choice}.png")))
            button.setIconSize(PICTURE)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setCheckable(True)
            button.setProperty("tile", True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, choice=choice: self.give(choice))
            group.addButton(button)
            grid.addWidget(button, *divmod(n, IN_A_ROW))
            self.tiles[choice] = button
        self.column.addLayout(grid)
        self.put(value)

    def put(self, value: Any) -> None:
        super().put(value)
        if value in self.tiles:
            self.tiles[value].setChecked(True)


def worded(control: Control) -> dict[str, Any]:
    """Its choices, by the words that a form has for them."""
    return dict(zip(control.words or control.choices, control.choices, strict=True))


def field_for(control: Control, value: Any, choices: Choices | None = None) -> Field:
    """`choices`: what can be chosen here and now, where that is less than what is declared."""
    if control.type is bool:
        return CheckField(control, value)
    if control.pictures:
        return PictureField(control, value)
    if choices or control.choices:
        return ChoiceField(control, value, choices or worded(control))
    number = control.type in (int, float) and not control.count
    return (NumberField if number else TextField)(control, value)
