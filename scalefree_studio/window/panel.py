"""The panel on the right: the controls as a form, and beneath it the lines and circles in the person's hands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..snapshot import Array
from .fields import ValueEdit
from .forms import Form, heading
from .icons import icon
from .theme import GRID, Palette
from .units import Told, Unit, unit_of
from .view import ViewControls

NARROWEST = 32 * GRID
NOTHING = "Click a line or a circle in the picture to see it here; drag it to move it."


class Panel(QWidget):
    """`edited` tells {control: value}, `viewed` the same of the view; `moved` tells (unit id, parameters)."""

    edited = pyqtSignal(dict)
    viewed = pyqtSignal(dict)
    moved = pyqtSignal(int, dict)

    HANDS = {"add_line": "line", "add_circle": "circle", "delete_unit": "delete", "undo": "undo"}

    def __init__(self, actions: dict[str, QAction]):
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._actions = actions
        self._palette: Palette | None = None
        self.form: Form | None = None
        self._declared: type | None = None
        self.view = Form(ViewControls())
        self.view.edited.connect(self.viewed)
        self.scroller = QScrollArea()
        self.scroller.setObjectName("panel")
        self.scroller.setWidgetResizable(True)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page = QWidget()
        self._page = QVBoxLayout(page)
        self._page.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        self._page.addWidget(self.view)
        self._page.addStretch()
        self.setMinimumWidth(NARROWEST)
        self.scroller.setWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 2 * GRID)
        column.setSpacing(GRID)
        column.addWidget(self.scroller, 1)
        rule = QFrame()
        rule.setObjectName("rule")
        column.addWidget(rule)
        foot = QVBoxLayout()
        foot.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        foot.setSpacing(GRID)
        self.unit = UnitEditor()
        self.unit.moved.connect(self.moved)
        foot.addWidget(self.unit)
        foot.addLayout(self._hands())
        column.addLayout(foot)

    def _hands(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(GRID)
        for n, name in enumerate(self.HANDS):
            button = QToolButton()
            button.setDefaultAction(self._actions[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(QSize(16, 16))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            policy = button.sizePolicy()
            policy.setHorizontalPolicy(policy.Policy.Expanding)
            button.setSizePolicy(policy)
            grid.addWidget(button, n // 2, n % 2)
        return grid

    def show_controls(self, controls: Any) -> None:
        """A form for these controls; the one that is there if it is of the same kind."""
        if self.form is not None and type(controls) is self._declared:
            self.form.put(controls)
            return
        if self.form is not None:
            self._page.removeWidget(self.form)
            self.form.deleteLater()
        self._declared = type(controls)
        self.form = Form(controls)
        self.form.edited.connect(self.edited)
        if self._palette is not None:
            self.form.set_palette(self._palette)
        self._page.insertWidget(0, self.form)
        # Nothing is cut, whatever the font; what is folded away counts too.
        widest = max(field.minimumSizeHint().width() for field in self.form.fields.values())
        self.setMinimumWidth(max(NARROWEST, widest + 6 * GRID))

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        for name, pictogram in self.HANDS.items():
            self._actions[name].setIcon(icon(pictogram, palette))
        for form in (self.view, self.form):
            if form is not None:
                form.set_palette(palette)


class UnitEditor(QWidget):
    """The selected line or circle, its numbers live and typed."""

    moved = pyqtSignal(int, dict)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        self.title = heading("Nothing selected")
        column.addWidget(self.title)
        self.words = QLabel(NOTHING)
        self.words.setWordWrap(True)
        self.words.setProperty("soft", True)
        column.addWidget(self.words)
        self._column = column
        self._rows: list[tuple[QWidget, ValueEdit]] = []
        self._shape: tuple[str, ...] = ()
        self._unit: Unit | None = None

    def show_unit(self, frame: Mapping[str, Array] | None, id: int | None) -> None:
        unit = None if frame is None or id is None else unit_of(frame, id)
        self._unit = unit
        labels = tuple(told.label for told in unit.told) if unit else ()
        if labels != self._shape:
            self._lay_out(unit.told if unit else ())
            self._shape = labels
        title = unit.title if unit else "Nothing selected"
        if title != self.title.text():
            self.title.setText(title)
        self.words.setVisible(not labels)
        for (_, edit), told in zip(self._rows, unit.told if unit else (), strict=True):
            if not edit.hasFocus():
                edit.say(f"{told.value:.3f}" if not told.unit else f"{told.value:.1f}")

    def _lay_out(self, rows: tuple[Told, ...]) -> None:
        for row, _ in self._rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self._rows = []
        for n, told in enumerate(rows):
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(GRID // 2)
            line.addWidget(QLabel(told.label))
            line.addStretch()
            edit = ValueEdit()
            edit.setAccessibleName(told.label)
            edit.setFixedWidth(8 * GRID)
            edit.returnPressed.connect(lambda n=n: self._typed(n))
            edit.left.connect(lambda n=n: self._typed(n))
            line.addWidget(edit)
            if told.unit:
                line.addWidget(QLabel(told.unit))
            self._column.addWidget(row)
            self._rows.append((row, edit))

    def _typed(self, n: int) -> None:
        edit = self._rows[n][1]
        if self._unit is None or not edit.isModified():
            return
        try:
            value = float(edit.text().replace(",", "."))
        except ValueError:
            edit.mark(wrong="A number is wanted here.")
            return
        edit.setModified(False)
        edit.mark()
        self.moved.emit(self._unit.id, self._unit.told[n].edit(value))
