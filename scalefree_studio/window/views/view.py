"""What the window knows of an instrument: how one kind of snapshot is shown, and what can be done there.

A view is a widget in the middle of the window, and perhaps another in the panel. What can be done on it are its
methods of the names in actions.py: the window offers those that a view has, and a view's own goes before the window's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QSettings, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QDialog, QWidget

from ...controls import controls_of, edited
from ...jobs.job import SetControls
from ...snapshot import Snapshot
from ..widgets.series import Quantity
from ..widgets.theme import Palette
from ..work.background import Done, Failed, Work
from ..work.opening import Opened
from ..work.session import Session
from ..work.subjects import Subject


@dataclass(frozen=True)
class Mode:
    """One of several ways to show it; `name` is remembered."""

    name: str
    title: str
    help: str


@dataclass(frozen=True)
class Host:
    """What a view needs of the window."""

    actions: dict[str, QAction]
    settings: QSettings
    draw_soon: Callable[[], None]  # whatever wants to be drawn waits for the next moment to draw
    in_background: Callable[[Work, Done, Failed], None]
    show_dialog: Callable[[QDialog], None]  # beside the window, which goes on


class View(QWidget):
    """The base of every view: one that shows nothing, and to which nothing can be done."""

    edited = pyqtSignal(object)  # an edit of the job
    message = pyqtSignal(str)  # a sentence for the person
    offer = pyqtSignal(str, str)  # a sentence, and a command that a person may want next
    readout = pyqtSignal(str)  # what the pointer is over, in words
    noted = pyqtSignal(str, str)  # a control, and what is to be said of it now
    open_requested = pyqtSignal(object, object)  # a subject, and controls or None

    instrument = ""  # the one to which it belongs
    verb, finished = "Learning", "Learnt:"  # what goes on, and what has come to its end
    at_rest = "Nothing is left to do: change something, or start over."  # why it cannot go on
    step_name = "step"
    quantities: tuple[Quantity, ...] = ()
    modes: tuple[Mode, ...] = ()
    tools: tuple[str, ...] = ("show_gallery", "fit", "theme")  # commands that stand in the strip at the top
    settled: tuple[str, ...] = ()  # controls that are not a person's to choose
    mouse: tuple[tuple[str, str], ...] = ()  # what the mouse does: (gesture, effect)
    names: dict[str, tuple[str, ...]] = {}  # command → what it is called here, and perhaps its help
    lacks: tuple[str, ...] = ()  # commands of the window that its job does not know
    canvas: Any = None  # of vispy: what is drawn

    def __init__(self, host: Host):
        super().__init__()
        self.host = host
        self.choices: dict[str, dict[str, Any]] = {}  # control → what this session offers: word → value
        self.display: Any = None  # controls of what is shown, apart from what learns
        self.foot: QWidget | None = None  # beneath the controls in the panel
        self.mode = ""
        self.palette_: Palette | None = None
        self.session: Session | None = None
        self.opened: Opened | None = None
        self.snapshot: Snapshot | None = None  # what is shown

    # Fed by the window.

    def begin(self, session: Session, opened: Opened) -> None:
        """Another session."""
        self.session, self.opened, self.snapshot = session, opened, None
        self.instrument = opened.instrument

    def end(self) -> None:
        """Its session has ended, and another view takes its place."""
        brush = self.host.actions["brush"]
        if brush.isChecked():
            brush.trigger()
        self.session = self.opened = self.snapshot = None

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        self.snapshot = snapshot

    def show_state(self, playing: bool, past: bool) -> None:
        """Whether the job goes on, and whether a recorded moment is shown."""

    def doing(self, playing: bool, rests: bool, ended: bool) -> str:
        """What goes on, in a word; `rests`: nothing is left to do."""
        return self.verb if playing else self.finished if rests else "Stopped:" if ended else "Paused:"

    def words(self, snapshot: Snapshot) -> str:
        """What the snapshot shows, for the sentence at the top."""
        return ""

    def draw(self) -> None:
        """Now is the moment to draw."""

    def set_palette(self, palette: Palette) -> None:
        self.palette_ = palette

    def restore(self) -> None:
        """Show things as the person had them."""
        if self.display is not None:
            values = {}
            for c in controls_of(self.display):
                kept = self.host.settings.value(c.name, getattr(self.display, c.name), type=c.type)
                values[c.name] = c.check(kept)
            self.set_display(values)

    def close_view(self) -> None:
        """The end: no thread may draw for a canvas that has gone."""

    # What the person does.

    def set_controls(self, values: dict[str, Any]) -> None:
        self.edited.emit(SetControls(values))

    def set_display(self, values: dict[str, Any]) -> None:
        self.display = edited(self.display, values)
        for name, value in values.items():
            self.host.settings.setValue(name, value)

    def set_mode(self, mode: str) -> None:
        self.mode = mode

    def take(self, subject: Subject) -> bool:
        """A picture that was dropped or pasted: whether this view has a use for it."""
        return False

    def take_all(self, subjects: Sequence[Subject]) -> bool:
        """Likewise, of several; a view that has a use for one takes the first."""
        return self.take(subjects[0])

    # Commands: see actions.py.

    def export_picture(self) -> None:
        """Ask what to export, and where to."""
        self.message.emit("There is nothing to export yet: open a picture first.")
