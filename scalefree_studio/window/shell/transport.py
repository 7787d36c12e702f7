"""Play, step, start over, record; and the past of the run, read from its history while it is being written."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from ...errors import UserError
from ...snapshot import Snapshot
from ...storage.history import History
from ..widgets.icons import icon
from ..widgets.theme import GRID, Palette, tabular
from ..widgets.timeline import Timeline

ROOMY, NARROWEST = 86 * GRID, 40 * GRID  # with words on the buttons, and at all
POLL = 1000  # ms between looks at what was recorded


class Transport(QWidget):
    """`past_chosen` gives the recorded snapshot that the person wants to see, `refused` says why it cannot be read."""

    past_begun = pyqtSignal()  # the first frames are there
    past_chosen = pyqtSignal(object)
    refused = pyqtSignal(str)

    COMMANDS = ("play", "single_step", "restart", "record")
    WORDS = {"play": ("Pause", "Play"), "record": ("Recording", "Record")}

    def __init__(self, actions: dict[str, QAction]):
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, GRID)
        row.setSpacing(GRID)
        self.buttons: dict[str, QToolButton] = {}
        for name in self.COMMANDS:
            button = QToolButton()
            button.setDefaultAction(actions[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(QSize(16, 16))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self.buttons[name] = button
            row.addWidget(button)
        self.timeline = Timeline()
        row.addWidget(self.timeline, 1)
        self.clock = QLabel()
        self.clock.setProperty("soft", True)
        self.clock.setFont(tabular(self.clock.font()))
        self.clock.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.clock.setMinimumWidth(18 * GRID)
        row.addWidget(self.clock)
        self._actions = actions
        self._path: Path | None = None
        self._history: History | None = None
        self._palette: Palette | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL)
        self._timer.timeout.connect(self.poll)
        self.timeline.chosen.connect(self._read_frame)

    def set_palette(self, palette: Palette) -> None:
        self._palette = self.timeline.palette_ = palette
        self.timeline.update()

    def show_playing(self, playing: bool) -> None:
        self._name("play", "Pause" if playing else "Play")
        self._actions["play"].setText("Pause" if playing else "Play")
        if self._palette is not None:
            self._actions["play"].setIcon(icon("pause" if playing else "play", self._palette))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Where there is little room, the buttons are named by their tooltips only."""
        super().resizeEvent(event)
        self._name_buttons(self.width() > ROOMY)

    def minimumSizeHint(self) -> QSize:
        return QSize(NARROWEST, super().minimumSizeHint().height())

    def _name_buttons(self, named: bool) -> None:
        style = Qt.ToolButtonStyle
        for button in self.buttons.values():
            button.setToolButtonStyle(style.ToolButtonTextBesideIcon if named else style.ToolButtonIconOnly)
        self._widen()
        self.clock.setVisible(named)

    def _widen(self) -> None:
        """No button jumps when its word changes."""
        for command, words in self.WORDS.items():
            button = self.buttons[command]
            widest = max(button.fontMetrics().horizontalAdvance(each) for each in words) + 7 * GRID
            bare = self.buttons["single_step"].sizeHint().width()
            button.setFixedWidth(widest if self.width() > ROOMY else bare)

    def show_recording(self, recording: bool) -> None:
        self._actions["record"].setChecked(recording)
        self._name("record", "Recording" if recording else "Record")

    def _name(self, command: str, word: str) -> None:
        if word != self._actions[command].iconText():
            self._actions[command].setIconText(word)
            self._widen()

    def show_clock(self, step: int, seconds: float) -> None:
        minutes, rest = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        shown = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
        self.clock.setText(f"{self.timeline.unit} {step:,}   {shown}")

    # The past.

    def follow(self, path: Path, unit: str) -> None:
        """The history to read, and what it counts."""
        self.clear()
        self._path = path
        self.timeline.clear(unit)
        self._timer.start()
        self.poll()

    def clear(self) -> None:
        """No past, and no clock."""
        self.close_history()
        self.timeline.clear(self.timeline.unit)
        self.clock.clear()

    def close_history(self) -> None:
        self._timer.stop()
        if self._history is not None:
            self._history.close()
            self._history = None

    def poll(self) -> None:
        """Look for frames that were recorded since."""
        if self._path is None or not self._path.exists():
            return
        try:
            self._history = self._history or History.open(self._path)
            last = self.timeline.ids[-1] if self.timeline.ids else 0
            self.timeline.add(self._history.index(after=last))
            if self.timeline.ids and not last:
                self.past_begun.emit()
        except UserError as error:
            self.close_history()
            self.refused.emit(str(error))

    def _read_frame(self, id: int) -> None:
        if self._history is None:
            return
        try:
            snapshot: Snapshot = self._history.frame(id)
        except UserError as error:
            self.refused.emit(str(error))
            return
        self.past_chosen.emit(snapshot)
