"""The view of pictures that come to be place after place, whichever network draws them: the wall, the cursor, what the
network thought, and the person's hand in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtWidgets import QVBoxLayout, QWidget

from ...canvas.walls.boards import Board, Place
from ...data.pictures import Picture, load_picture
from ...drawings import Bools, Drawing, left, upper
from ...jobs.drawing.draw import DrawPictures
from ...jobs.drawing.edits import GoTo, SetPrompt, SetValue, Watch
from ...jobs.job import Undo
from ...snapshot import Bytes, Snapshot
from ..widgets.series import Quantity
from ..widgets.theme import GRID, Palette
from ..work.opening import Opened
from ..work.session import Session
from ..work.subjects import Subject, is_picture
from .canvas_view import Painted
from .drawing_gestures import Gestures
from .drawing_overlay import DrawingDisplay, overlay
from .drawing_words import place_named, progress, why_nothing_was_thought, within
from .thoughts import Thoughts
from .unit_editor import buttons
from .view import Host
from .wall_view import WallView
from .where_looked import WhereLooked

EACH = "each in turn"  # of the classes


class DrawingView(Painted, WallView):
    verb, finished = "Drawing", "Drawn:"
    at_rest = "Everything is drawn: Draw others (X) goes on with other pictures."
    step_name = "place"
    quantities: tuple[Quantity, ...] = (
        Quantity("bits", "Openness", "bits per number", share=3),
        Quantity("surprise", "Surprise", "bits per number", share=3),
    )
    tools: tuple[str, ...] = ("show_gallery", "looked", "surprise", "brush", "fit", "theme")
    foot_buttons: tuple[str, ...] = ("next_wall", "undo", "keep_top", "keep_left")
    names = WallView.names | {
        "paste": ("Paste", "Go on from the picture that is on the clipboard"),
        "save_now": ("Save now", "Keep the drawing as it is now (it is also kept every few seconds)"),
        "select_none": ("Hold nothing", "Let go of the place that is held"),
        "brush": ("Paint away", "Paint away a part of a picture, and let it be drawn anew"),
        "clear_mask": ("Draw without a picture", "Nothing is given any more: everything is drawn"),
        "single_step": ("Place", "Draw one single place of every picture"),
        "restart": ("Draw again", "Draw the same pictures from the first place on"),
    }
    mouse: tuple[tuple[str, str], ...] = (
        ("Wheel", "Zoom about the pointer"),
        ("Drag", "Move the wall"),
        ("Double click", "The whole wall"),
        ("Point at a place", "See what it thought there"),
        ("Point at a map of a head", "What it took; a click shows it alone, Shift and a click switch it off"),
        ("Click a place", "Hold it; then click a bar to give it another value"),
        ("Shift and the wheel", "Change the value of the place that is held"),
        ("Drop a picture", "Let the network go on from its upper half"),
        ("Paint away", "Left paints what is drawn anew, right takes it back"),
    )

    def __init__(self, host: Host):
        super().__init__(host)
        self.mode = "draw"
        self.display = DrawingDisplay()
        self.canvas.listener = Gestures(self)
        self.pointed: Place | None = None  # what the pointer is over
        self._watched: int | None = None  # asked for last
        self._classes: Sequence[str] = ()
        self.foot = QWidget()
        column = QVBoxLayout(self.foot)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self.thought = Thoughts(host.settings)
        self.thought.editable = True
        self.thought.chosen.connect(self._choose)
        column.addWidget(self.thought)
        self.looked_part = WhereLooked(self.edited.emit, host.actions["heads_on"])
        self.looked_part.changed.connect(self._show_wall)
        column.addWidget(self.looked_part)
        column.addLayout(buttons(self.foot_buttons, host.actions))

    # Fed by the window.

    def begin(self, session: Session, opened: Opened) -> None:
        super().begin(session, opened)
        assert isinstance(session.job, DrawPictures)
        self._classes = session.job.sampler.classes
        self.choices = {"label": {EACH: -1} | {name: n for n, name in enumerate(self._classes)}}
        self.pointed = self._watched = None
        self.canvas.selected = self.canvas.painting = None
        self._prompts.forget()
        self.looked_part.begin(session.job.sampler.heads)
        self.lacks = () if session.job.sampler.heads[0] else ("looked", "heads_on")

    @property
    def whole(self) -> Drawing | None:
        """All stages of what is shown."""
        if self.snapshot is None or self.session is None:
            return None
        return Drawing(self.snapshot.frame, self.session.still)

    @property
    def drawing(self) -> Drawing | None:
        """The stage that is on the wall."""
        whole = self.whole
        return None if whole is None else whole.current

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        self._show_wall()
        self._show_thought()

    def _show_wall(self) -> None:
        drawing = self.drawing
        if drawing is None:
            return
        held = self.canvas.selected
        if held is not None and not within(held, drawing):
            self.canvas.selected = None
        board = Board("wall", drawing.pictures(), place=drawing.tile, veil=self._veil(drawing))
        self._title(self.looked_part.titles(drawing))
        self.canvas.show([board, *self.looked_part.boards(drawing)])
        cursors = [Place("wall", *place) for place in drawing.cursors().tolist()]
        self.canvas.cursor = [*cursors, *self.looked_part.mark(drawing)]

    def _title(self, titles: dict[str, str]) -> None:
        if titles != self.titles:
            self.titles = titles
            self._name_boards()

    def _veil(self, drawing: Drawing) -> Bytes | None:
        if self.palette_ is None:
            return None
        covered = overlay(drawing, self.display, self.palette_.accent, self.shown_place(drawing))
        return self.looked_part.over(covered, drawing)

    def on_wall(self, place: Place) -> Place | None:
        """A place of the wall that is shown beside it, too."""
        if place.board == "wall" or self.drawing is None or "twin" not in self.drawing.frame:
            return place
        return place._replace(board="wall", picture=int(self.drawing.frame["twin"]))

    def shown_place(self, drawing: Drawing) -> Place | None:
        """The place whose thought is shown: under the pointer, else the one that is held, else the one drawn last."""
        for place in (self.pointed, self.canvas.selected):
            if place is not None and within(place, drawing):
                return place
        watched = int(drawing.frame["watched"])
        last = int(drawing.position[watched]) - 1
        if last < 0:
            return None
        return Place("wall", watched, *divmod(int(drawing.still["order"][last]), drawing.size[1]))

    def _show_thought(self) -> None:
        drawing = self.drawing
        place = None if drawing is None else self.shown_place(drawing)
        self.looked_part.follow(drawing, self.pointed, self.canvas.selected, self.past)
        if drawing is None or place is None:
            self.thought.show_thought("", None, None, None)
            return
        self._watch(place.picture)
        awaited = int(drawing.frame["watched"]) != place.picture and not self.past
        if awaited and self.session is not None and not self.session.ended:
            return  # what is asked for follows at once: no flicker
        at = place.picture, place.y, place.x
        chosen = [int(v) for v in drawing.values[at]] if drawing.drawn()[at] else None
        thought, note = drawing.thought(*at), why_nothing_was_thought(drawing, place, self.past)
        chances, values = (None, None) if thought is None else (thought.chances, thought.values)
        self.thought.show_thought(
            place_named(place),
            chances,
            chosen,
            drawing.looks(),
            note=note,
            values=values,
            levels=drawing.levels,
        )

    @property
    def past(self) -> bool:
        """Whether a recorded moment is shown."""
        return not self.thought.editable

    def show_state(self, playing: bool, past: bool) -> None:
        if self.past != past:
            self.thought.editable = not past
            self._show_thought()

    def _watch(self, picture: int) -> None:
        """Ask what was thought of this picture, once."""
        drawing = self.drawing
        if drawing is None or self.past:
            return
        if int(drawing.frame["watched"]) == picture:
            self._watched = picture
        elif self._watched != picture:
            self._watched = picture
            self.edited.emit(Watch(picture))

    def words(self, snapshot: Snapshot) -> str:
        if self.session is None:
            return ""
        return progress(Drawing(snapshot.frame, self.session.still))

    def pictures(self) -> Bytes | None:
        return None if self.drawing is None else self.drawing.pictures()

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        self.thought.set_palette(palette)
        self.looked_part.set_palette(palette)
        self._show_wall()

    # What the person does.

    def point_at(self, place: Place | None) -> None:
        self.pointed = place
        self.readout.emit("" if place is None else self._class_of(place.picture))
        self._show_thought()
        if self.display.sight:
            self._show_wall()

    def _class_of(self, picture: int) -> str:
        """What was asked for, in a word."""
        labels = self.session.still["labels"] if self.session is not None else ()
        known = self._classes and picture < len(labels)
        return f"Picture {picture + 1}: {self._classes[labels[picture]]}" if known else ""

    def hold(self, place: Place) -> None:
        self.canvas.selected = None if place == self.canvas.selected else place
        self._show_thought()

    def _choose(self, channel: int, level: int) -> None:
        drawing = self.drawing
        place = None if drawing is None else self.shown_place(drawing)
        if drawing is not None and place is not None:
            levels = [int(v) for v in drawing.values[place.picture, place.y, place.x]]
            levels[channel] = level
            self._set_value(place, levels, drawing.number)

    def turn(self, place: Place, notches: float) -> None:
        """Another value for a place, so many levels up or down."""
        drawing = self.drawing
        if drawing is None or self.past or not within(place, drawing):
            return
        most = drawing.levels - 1
        by = round(notches * max(1, most / 64)) or (1 if notches > 0 else -1)
        now = drawing.values[place.picture, place.y, place.x]
        self._set_value(place, [min(most, max(0, int(v) + by)) for v in now], drawing.number)

    def _set_value(self, place: Place, values: list[int], stage: int) -> None:
        self.edited.emit(SetValue(place.picture, place.y, place.x, tuple(values), stage))
        if self._rests:
            self._play()  # a drawing that was done does not stay half done

    def set_display(self, values: dict[str, Any]) -> None:
        super().set_display(values)
        self._show_wall()

    def set_mode(self, mode: str) -> None:
        self.open_mode(mode)

    def take(self, subject: Subject) -> bool:
        """A picture is something to go on from."""
        if not is_picture(subject):
            return False
        if isinstance(subject, str | Path):
            self.host.in_background(lambda: load_picture(str(subject)), self._go_on_from, self.message.emit)
        else:
            self._go_on_from(subject)
        return True

    def _go_on_from(self, picture: Picture) -> None:
        drawing = self.drawing
        if drawing is not None:
            self.canvas.painting = None
            self._prompt(self._prompts.begin(picture.pixels, drawing))
            words = "Its upper half is given. Keep the left half instead, or paint away any part of it (B)."
            self.offer.emit(words, "surprise")

    def _prompt(self, prompt: SetPrompt) -> None:
        self.edited.emit(prompt)
        self._play()

    def _play(self) -> None:
        """Go on, and look at it."""
        self.host.actions["to_now"].trigger()
        if self.session is not None:
            self.session.runner.play()

    @property
    def _rests(self) -> bool:
        return self.session is not None and self.session.status.rests

    def paint(self, picture: int, painted: Bools, done: bool) -> None:
        """What is painted of a picture is drawn anew, in as many ways as there are pictures."""
        drawing = self.drawing
        if drawing is not None and done and painted.any() and picture < drawing.count:
            self._prompt(self._prompts.paint(picture, painted, drawing))

    def _stop_painting(self) -> None:
        self.canvas.painting = None
        self._prompts.stop_painting()

    # Commands: see actions.py.

    def looked(self, on: bool) -> None:
        self.looked_part.turn(on)
        self._show_wall()

    def heads_on(self) -> None:
        self.looked_part.switch_all_on()

    def brush(self, on: bool) -> None:
        self.take_brush(on)
        self._stop_painting()
        if on:
            self.message.emit(
                "Paint away a part of a picture: every picture becomes another way to fill it. B ends it."
            )

    def clear_mask(self) -> None:
        self.canvas.painting = None
        self._prompts.forget()
        self._prompt(SetPrompt())

    def undo(self) -> None:
        """What was painted may be what is taken back."""
        self._stop_painting()
        self.edited.emit(Undo())

    def keep_top(self) -> None:
        self._keep(upper)

    def keep_left(self) -> None:
        self._keep(left)

    def _keep(self, part: Callable[[tuple[int, int]], Bools]) -> None:
        drawing, held = self.drawing, self.canvas.selected
        if drawing is None:
            return
        self.canvas.painting = None
        prompt = self._prompts.keep(part(drawing.size), drawing, None if held is None else held.picture)
        if prompt is None:
            self.message.emit("Click a picture first, the one to go on from; or drop one of your own.")
        else:
            self._prompt(prompt)

    def next_wall(self) -> None:
        """Other pictures: the next seed's."""
        if self.session is not None:
            self.set_controls({"seed": self.session.job.controls.seed + 1})
            self._play()

    def play(self) -> None:
        """A wall that is done is followed by another; a moment of the past is gone on from."""
        if self.session is None:
            return
        if self.session.status.playing:
            self.session.runner.pause()
        elif self.past:
            self.host.actions["go_on_from_here"].trigger()
        elif self._rests:
            self.next_wall()
        else:
            self.session.runner.play()

    def single_step(self) -> None:
        self.host.actions["to_now"].trigger()
        drawing = self.whole
        if self.session is None or drawing is None:
            return
        if drawing.done:
            self.message.emit(self.at_rest)
        else:
            self.session.runner.pause()
            self.edited.emit(GoTo(drawing.behind + 1))

    def select_none(self) -> None:
        self.canvas.selected = None
        self._show_thought()
