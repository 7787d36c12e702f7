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

from ...canvas.still import Still
from ...controls import controls_of, edited
from ...jobs.job import Edit, SetControls
from ...snapshot import Change, Snapshot
from ..widgets.command import Command
from ..widgets.finding import Entry
from ..widgets.series import Quantity
from ..widgets.theme import Palette
from ..widgets.toast import Choice
from ..work.background import Done, Failed, Work
from ..work.opening import Opened
from ..work.session import Session
from ..work.subjects import Subject
from .set_in_words import set_in_words
from .ways import Way


@dataclass(frozen=True)
class Mode:
    """One of several ways to show it; `name` is remembered."""

    name: str
    title: str
    help: str
    why_not: str = ""  # why it cannot be had of what is open, in a sentence


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
    notice = pyqtSignal(str, object)  # a sentence, and what a person may want next: a tuple of Choice
    possible = pyqtSignal()  # other commands can be given now: see why_not
    readout = pyqtSignal(str)  # what the pointer is over, in words
    noted = pyqtSignal(str, str)  # a control, and what is to be said of it now
    zoomed = pyqtSignal(object)  # canvas.zoomed.Zoomed, or None where all is in view
    followed = pyqtSignal()  # the person has done what the hint says
    open_requested = pyqtSignal(object, object)  # a subject, and controls or None

    instrument = ""  # the one to which it belongs
    verb, finished = "Learning", "Finished:"  # what goes on, and what has come to its end
    begun_anew = "Started over"
    seen_anew: tuple[str, ...] = ()  # controls that start over, of which nobody needs to be told
    at_rest = "All done: change something, or start over."  # why it cannot go on
    step_name = "step"
    quantities: tuple[Quantity, ...] = ()
    modes: tuple[Mode, ...] = ()
    tools: tuple[str, ...] = ("show_gallery", "fit", "theme")  # commands that stand in the strip at the top
    settled: tuple[str, ...] = ()  # controls that are not a person's to choose
    mouse: tuple[tuple[str, str], ...] = ()  # what the mouse does: (gesture, effect)
    names: dict[str, tuple[str, ...]] = {}  # command → what it is called here, and perhaps its help
    no_export = "There is nothing to export yet: open a picture first."
    lacks: tuple[str, ...] = ()  # commands of the window that its job does not know
    first_hint = ""  # said the first time: what can be done here with one's hands
    follows: tuple[type[Edit], ...] = ()  # edits that are what it says
    commands: tuple[
        Command, ...
    ] = ()  # that only this view has, beside those of the window; see widgets/command.py
    past = False  # whether a recorded moment is shown
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
        self.put_brush_away()
        self.session = self.opened = self.snapshot = None

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        self.snapshot = snapshot

    def show_state(self, playing: bool, past: bool) -> None:
        """Whether the job goes on, and whether a recorded moment is shown."""

    def changed(self, change: Change) -> None:
        """An edit has been made; all that is shown from now on is of after it."""

    def told_anew(self, change: Change) -> str:
        """What a person reads where all has begun anew by a change; nothing, where it was this that was wanted."""
        if self.session is None or change.what not in ("controls", "start over"):
            return ""
        values = {name: value for name, value in change.values.items() if name not in self.seen_anew}
        if change.values and not values:
            return ""
        said = set_in_words(self.session.job.controls, values, self.choices)
        return f"{self.begun_anew} with {said}." if said else f"{self.begun_anew}."

    def result(self, snapshot: Snapshot) -> str:
        """What has come of learning, at its end; nothing for what only draws."""
        return ""

    def next_steps(self) -> tuple[Choice, ...]:
        """What a person may want to do at the end, besides going on."""
        return ()

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

    def why_not(self, command: str) -> str:
        """Why a command cannot be given just now, in a sentence; or nothing."""
        return ""

    def entries(self) -> list[Entry]:
        """What else the command palette finds: values in the view's own part of the panel."""
        return []

    # What is passing, and ends by Escape.

    @property
    def passing(self) -> tuple[Callable[[], bool], ...]:
        """What a person has begun here and may let go of, one after the other: each says whether there was anything."""
        return (self.put_brush_away,)

    def end_passing(self) -> bool:
        return any(end() for end in self.passing)

    def put_brush_away(self) -> bool:
        brush = self.host.actions["brush"]
        out = brush.isChecked()
        if out:
            brush.trigger()
        return out

    def before_undo(self) -> None:
        """Something is about to be taken back, or made again: what is half done is let go."""

    # What can be taken out of it.

    def still(self) -> Still | None:
        """What is seen just now; None: nothing yet."""
        return None

    def ways(self) -> list[Way]:
        """What can be exported as a picture: what is seen, and all there is; none where there is nothing yet."""
        return []

    def movie_looks(self) -> dict[str, Any]:
        """Options of a movie that shows what was recorded as this view does."""
        return {}
