"""The panel on the right: the instruments, the controls as forms, and beneath them what the view has to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...amounts import size_in_words
from ...jobs.instruments import instruments
from ..views.view import View
from ..widgets.fields import Choices, segment
from ..widgets.forms import Form
from ..widgets.theme import GRID, Palette, tabular

NARROWEST = 32 * GRID
LEAST = 17 * GRID  # of the height is for the controls
IN_A_ROW = 2  # instruments
SIZE = "numbers"  # the control by which a person sets how large a network is


class Panel(QWidget):
    """`edited` gives {control: value}, `display_edited` the same of the view; `instrument_chosen` gives a name."""

    edited = pyqtSignal(dict)
    display_edited = pyqtSignal(dict)
    instrument_chosen = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._palette: Palette | None = None
        self.form: Form | None = None  # of what learns or draws
        self.display: Form | None = None  # of the view
        self._declared: tuple[type, Mapping[str, Choices]] | None = None
        self._foot: QWidget | None = None
        self._scrolls = False  # the foot, along with the controls
        self._settled: tuple[str, ...] = ()
        self.instruments: dict[str, QToolButton] = {}
        self._rows: list[QHBoxLayout] = []  # of their buttons
        self.scroller = QScrollArea()
        self.scroller.setObjectName("panel")
        self.scroller.setWidgetResizable(True)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page = QWidget()
        self._page = QVBoxLayout(page)
        self._page.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        self._page.addStretch()
        self.setMinimumWidth(NARROWEST)
        self.scroller.setWidget(page)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, GRID, 0, 2 * GRID)
        column.setSpacing(GRID)
        column.addLayout(self._switch())
        column.addWidget(self._size_line())
        column.addWidget(self.scroller, 1)
        self._rule = QFrame()
        self._rule.setObjectName("rule")
        column.addWidget(self._rule)
        self._feet = QVBoxLayout()
        self._feet.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        column.addLayout(self._feet)

    def _switch(self) -> QVBoxLayout:
        """A button an instrument, in rows of a few that are as full as may be."""
        rows = QVBoxLayout()
        rows.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        rows.setSpacing(GRID // 2)
        group = QButtonGroup(self)
        known = list(instruments().items())
        most = math.ceil(len(known) / math.ceil(len(known) / IN_A_ROW))
        for start in range(0, len(known), most):
            row, part = QHBoxLayout(), known[start : start + most]
            row.setSpacing(0)
            for n, (name, instrument) in enumerate(part):
                button = segment(instrument.title, n, len(part))
                button.setToolTip(instrument.summary)
                button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
                policy = button.sizePolicy()
                policy.setHorizontalPolicy(policy.Policy.Expanding)
                button.setSizePolicy(policy)
                button.clicked.connect(lambda _=False, name=name: self.instrument_chosen.emit(name))
                group.addButton(button)
                row.addWidget(button)
                self.instruments[name] = button
            rows.addLayout(row)
            self._rows.append(row)
        return rows

    def _size_line(self) -> QWidget:
        self.size_line, self.size_words = QWidget(), QLabel()
        self.size_words.setFont(tabular(self.font()))
        row = QHBoxLayout(self.size_line)
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        for label, room in ((QLabel("Size"), 1), (self.size_words, 0)):
            label.setProperty("soft", True)
            row.addWidget(label, room)
        self.size_line.setToolTip("How many numbers the network has, and their size on disk.")
        self.size_line.hide()
        return self.size_line

    def show_size(self, numbers: int, taken: int) -> None:
        """Of the network; where a person sets it, the form has it."""
        self.size_words.setText(size_in_words(numbers, taken))
        field = self.form.fields.get(SIZE) if self.form is not None else None
        self.size_line.setVisible(field is None or field.isHidden())

    def note(self, control: str, words: str) -> None:
        """What is to be said of a control now, beneath it."""
        if self.form is not None and control in self.form.fields:
            self.form.fields[control].note(words)

    def _narrowest(self) -> int:
        """So wide that nothing is cut, whatever the font: no title of an instrument, and nothing in the form; what is
        folded away counts too."""
        fields = self.form.fields.values() if self.form is not None else ()
        widest = max((field.minimumSizeHint().width() for field in fields), default=0)
        titles = max((row.sizeHint().width() for row in self._rows), default=0)
        return max(NARROWEST, widest + 6 * GRID, titles + 4 * GRID)

    def show_view(self, view: View) -> None:
        """What belongs to another view."""
        self._settled = view.settled
        self.show_instrument(view.instrument)
        self._drop(self.display)
        self.display = None
        if view.display is not None:
            self.display = self._form(view.display)
            self.display.edited.connect(self.display_edited)
            self._page.insertWidget(self._page.count() - 1, self.display)
            self.display.show()
        if self._foot is not view.foot:
            if self._foot is not None:
                self._place_foot(False)
                self._feet.removeWidget(self._foot)
                self._foot.hide()
            self._foot = view.foot
            if self._foot is not None:
                self._place_foot(False)
        self._rule.setVisible(self._foot is not None)
        self._fit_foot()

    def _place_foot(self, scrolls: bool) -> None:
        """Beneath the controls, or above them on the page that scrolls."""
        assert self._foot is not None
        self._scrolls = scrolls
        if scrolls:
            self._page.insertWidget(0, self._foot)
            self._page.insertWidget(1, self._rule)
        else:
            self._column.insertWidget(self._column.indexOf(self.scroller) + 1, self._rule)
            self._feet.addWidget(self._foot)
        self._foot.show()
        self._rule.show()

    def _fit_foot(self, resized: bool = False) -> None:
        """In a low window a foot that leaves too little room for the controls scrolls along with them, so that either
        can have all of it. It stays so until the window is resized: what is in it comes and goes while one points."""
        layout = None if self._foot is None else self._foot.layout()
        if layout is None or (self._scrolls and not resized):
            return
        wide = self.width() - 4 * GRID
        high = layout.totalHeightForWidth(wide) if layout.hasHeightForWidth() else layout.sizeHint().height()
        scrolls = self._room() - high < LEAST
        if scrolls != self._scrolls:
            self._place_foot(scrolls)

    def _room(self) -> int:
        """The height that the controls and the foot share."""
        items = [self._column.itemAt(n) for n in range(self._column.count())]
        fixed = [item for item in items if item is not None and item.widget() is not self.scroller]
        taken = sum(
            item.sizeHint().height() for item in fixed if item is not self._feet and not item.isEmpty()
        )
        margins = self._column.contentsMargins()
        return self.height() - taken - margins.top() - margins.bottom() - (len(items) - 1) * GRID

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit_foot(resized=True)

    def event(self, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit_foot()
        return super().event(event)

    def show_instrument(self, instrument: str) -> None:
        if instrument in self.instruments:
            self.instruments[instrument].setChecked(True)

    def show_controls(self, controls: Any, choices: Mapping[str, Choices]) -> None:
        """A form for these controls; the one that is there if it is of the same kind."""
        declared = type(controls), choices
        if self.form is not None and declared == self._declared:
            self.form.put(controls)
            return
        self._drop(self.form)
        self._declared = declared
        self.form = self._form(controls, choices)
        self.form.edited.connect(self.edited)
        self._page.insertWidget(2 if self._scrolls else 0, self.form)  # after the foot and the rule
        self.form.show()  # at once, not when the loop comes to it: what is hidden gets no room
        self.setMinimumWidth(self._narrowest())
        self._settle()

    def show_nothing(self) -> None:
        """Nothing learns or draws, so there is nothing to control."""
        self._drop(self.form)
        self.form = None
        self.size_line.hide()

    def _settle(self) -> None:
        """Lay out now: a drawing of the window may come before the loop has come to it."""
        page, port = self.scroller.widget(), self.scroller.viewport()
        if page is not None and port is not None:
            page.resize(port.width(), max(port.height(), self._page.sizeHint().height()))
            self._page.activate()

    def _form(self, controls: Any, choices: Mapping[str, Choices] | None = None) -> Form:
        form = Form(controls, self._settled, choices)
        if self._palette is not None:
            form.set_palette(self._palette)
        return form

    def _drop(self, form: Form | None) -> None:
        if form is not None:
            focused = form.focusWidget()
            if focused is not None:
                focused.clearFocus()  # or Qt passes it on to some other field, which then takes the keys
            self._page.removeWidget(form)
            form.hide()
            form.deleteLater()

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        for form in (self.display, self.form):
            if form is not None:
                form.set_palette(palette)
