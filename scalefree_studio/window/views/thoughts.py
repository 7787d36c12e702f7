"""What it thought, in colours or in bars: whatever suits, and which of the two a person would have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QSettings, Qt, pyqtSignal
from PyQt6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from ...snapshot import Bytes
from ..widgets.fields import segment
from ..widgets.theme import GRID, Palette
from .colour_cells import Swatches, cells_of
from .colour_thought import ColourThought
from .thought import Thought

BARS = "thought_in_bars"  # whether a person would rather have bars, in the settings
NAMES = {"wheel": "Wheel", "swatches": "Swatches", "bars": "Bars"}


class Thoughts(QWidget):
    """Shows what a `Thought` shows, and is asked and answers as one."""

    chosen = pyqtSignal(int, int)

    def __init__(self, settings: QSettings | None = None):
        super().__init__()
        self._settings = settings
        self.colours, self.bars = ColourThought(), Thought()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        self.switch, self._ways = QWidget(), QButtonGroup(self)
        row = QHBoxLayout(self.switch)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addStretch()
        self.as_colours, self.as_bars = self._way(row, "Wheel", 0), self._way(row, "Bars", 1)
        self.as_bars.setChecked(settings is not None and bool(settings.value(BARS, False, bool)))
        self.as_colours.setChecked(not self.as_bars.isChecked())
        column.addWidget(self.switch)
        for part in (self.colours, self.bars):
            part.chosen.connect(self.chosen)
            column.addWidget(part, 1)
        self._suits = False
        self._arrange()

    def _way(self, row: QHBoxLayout, text: str, n: int) -> QToolButton:
        button = segment(text, n, 2)
        button.setToolTip(
            "What it thought, as colours that shine where they are likely" if n == 0 else "… or as bars"
        )
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(self._choose_way)
        self._ways.addButton(button)
        row.addWidget(button)
        return button

    @property
    def shown(self) -> Thought:
        return self.colours if self._suits and not self.as_bars.isChecked() else self.bars

    def show_thought(
        self,
        title: str,
        chances: npt.NDArray[np.floating] | None,
        chosen: Sequence[int] | None,
        colours: Bytes | None,
        names: Sequence[str] | None = None,
        note: str = "",
        values: npt.NDArray[np.integer] | None = None,
        levels: int = 0,
        what: str = "level",
    ) -> None:
        if colours is not None:  # where nothing was thought, things stay where they are
            self._suits = cells_of(colours) is not None and (chances is None or len(chances) == 1)
            swatches = isinstance(cells_of(colours), Swatches)
            self.as_colours.setText(NAMES["swatches" if swatches else "wheel"])
        for part in (self.colours, self.bars):
            part.show_thought(title, chances, chosen, colours, names, note, values, levels, what)
        self._arrange()

    def _arrange(self) -> None:
        for part in (self.colours, self.bars):
            part.setVisible(part is self.shown)
        self.switch.setVisible(self._suits)
        self.setAccessibleDescription(self.shown.accessibleDescription())

    def _choose_way(self) -> None:
        if self._settings is not None:
            self._settings.setValue(BARS, self.as_bars.isChecked())
        self._arrange()

    @property
    def editable(self) -> bool:
        return self.bars.editable

    @editable.setter
    def editable(self, editable: bool) -> None:
        self.colours.editable = self.bars.editable = editable

    def set_palette(self, palette: Palette) -> None:
        self.colours.set_palette(palette)
        self.bars.set_palette(palette)
