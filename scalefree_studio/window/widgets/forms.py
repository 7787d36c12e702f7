"""A form made from the declaration of controls: there is no second list of them anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from ...controls import Control, controls_of, idle
from .choices import field_for
from .fields import MARK, Choices, Field
from .theme import GRID, Palette

THROTTLE = 40  # ms between edits while a slider is pulled: faster than an eye, slower than a flood


class Form(QWidget):
    """All controls of a dataclass, grouped; those for the few in a part that opens. `edited` gives {name: value}."""

    edited = pyqtSignal(dict)

    def __init__(
        self, controls: Any, leave_out: Iterable[str] = (), choices: Mapping[str, Choices] | None = None
    ):
        super().__init__()
        self._choices = choices or {}
        alone = {name for name, some in self._choices.items() if len(some) < 2}  # nothing to choose
        self.fields: dict[str, Field] = {}
        self._headed: list[tuple[QLabel, list[str]]] = []  # each heading, and the controls beneath it
        self._staged: dict[str, Any] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._send)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        declared = [c for c in controls_of(controls) if c.name not in {*leave_out, *alone}]
        self._add(column, [c for c in declared if not c.advanced], controls)
        advanced = [c for c in declared if c.advanced]
        self.more = Section("More") if advanced else None
        if self.more is not None:
            self._add(self.more.column, advanced, controls)
            column.addWidget(self.more)
        self._leave_out_idle(controls)
        if any(not c.live for c in declared):
            note = QLabel(f"{MARK}  starts over")
            note.setProperty("soft", True)
            column.addWidget(note)

    def _add(self, column: QVBoxLayout, declared: list[Control], controls: Any) -> None:
        group: str | None = None
        beneath: list[str] = []
        # Stable: a group stands where its first control is declared.
        groups = dict.fromkeys(c.group for c in sorted(declared, key=lambda c: not c.first))
        order = {name: n for n, name in enumerate(groups)}
        for c in sorted(declared, key=lambda c: order[c.group]):
            if c.group != group and c.group and c.group != c.label:
                title, beneath = heading(c.group), []
                self._headed.append((title, beneath))
                column.addWidget(title)
            group = c.group
            beneath.append(c.name)
            field = field_for(c, getattr(controls, c.name), self._choices.get(c.name))
            field.changed.connect(self._stage)
            self.fields[c.name] = field
            column.addWidget(field)

    def put(self, controls: Any) -> None:
        """Show values that came from elsewhere (resume, undo), without emitting them."""
        for name, field in self.fields.items():
            value = getattr(controls, name)
            if name not in self._staged and value != field.value:
                field.put(value)
        self._leave_out_idle(controls)

    def _leave_out_idle(self, controls: Any) -> None:
        """Fields that say nothing now; a heading goes with the last of its own."""
        left_out = idle(controls)
        for name, field in self.fields.items():
            field.setVisible(name not in left_out)
        for title, names in self._headed:
            title.setVisible(any(name not in left_out for name in names))

    def set_palette(self, palette: Palette) -> None:
        for field in self.fields.values():
            field.set_palette(palette)

    def _stage(self, name: str, value: Any) -> None:
        """The first edit goes out at once, those that follow closely are gathered."""
        self._staged[name] = value
        if not self._timer.isActive():
            self._send()

    def _send(self) -> None:
        if self._staged:
            staged, self._staged = self._staged, {}
            self.edited.emit(staged)
            self._timer.start(THROTTLE)


def heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("heading", True)
    label.setContentsMargins(0, GRID, 0, 0)
    return label


class Section(QWidget):
    """A part that opens and closes by its heading."""

    def __init__(
        self, title: str, opened: bool = False, toggled: Callable[[bool], None] = lambda opened: None
    ):
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(GRID)
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setProperty("flat", True)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.body = QWidget()
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(GRID)
        outer.addWidget(self.button)
        outer.addWidget(self.body)
        self._toggled = toggled
        self.button.toggled.connect(self.open)
        self.button.setChecked(opened)
        self.open(opened)

    def open(self, opened: bool) -> None:
        self.body.setVisible(opened)
        self.button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self._toggled(opened)
