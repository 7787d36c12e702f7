"""The view of pictures that come to be place after place, whichever network draws them: the wall, the cursor, what the
network thought, and the person's hand in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PyQt6.QtWidgets import QVBoxLayout, QWidget

from ...canvas.walls.boards import Board, Place
from ...drawings import Bools, Drawing
from ...export.walls.scene import veiled
from ...jobs.drawing.draw import DrawPictures
from ...jobs.drawing.edits import GoTo, SetValue, Watch
from ...jobs.job import Edit
from ...snapshot import Bytes, Snapshot
from ..widgets.series import Quantity
from ..widgets.theme import GRID, Palette
from ..work.opening import Opened
from ..work.session import Session
from .beam_tree import BeamTree
from .drawing_gestures import Gestures
from .drawing_overlay import DrawingDisplay, overlay, with_changes
from .drawing_words import (
    MOUSE,
    NAMES,
    place_named,
    place_word,
    progress,
    value_word,
    why_nothing_was_thought,
    within,
)
from .heat_legend import HeatLegend
from .prompted_view import PromptedView
from .stage_choice import StageChoice, board_of, stage_of
from .thoughts import Thoughts
from .unit_editor import buttons
from .view import Host
from .wall_view import WallView, modes_of
from .where_looked import WhereLooked

EACH = "each in turn"  # of the classes


class DrawingView(PromptedView):
    first_hint = "Click a pixel, then another value for it in the panel."
    follows: tuple[type[Edit], ...] = (SetValue,)
    verb, finished = "Drawing", "Drawn:"
    begun_anew, seen_anew = "Drawing again", ("seed",)
    at_rest = "Everything is drawn. New set (X) draws more pictures."
    step_name = "place"
    quantities: tuple[Quantity, ...] = (
        Quantity("bits", "Uncertainty", "bits per choice", share=3),
        Quantity("surprise", "Surprise", "bits per choice", share=3),
    )
    tools: tuple[str, ...] = ("show_gallery", "looked", "surprise", "brush", "fit", "theme")
    foot_buttons: tuple[str, ...] = ("next_wall", "undo", "keep_top", "keep_left")
    names = WallView.names | NAMES
    mouse: tuple[tuple[str, str], ...] = MOUSE

    def __init__(self, host: Host):
        super().__init__(host)
        self.mode = "draw"
        self.display = DrawingDisplay()
        self.canvas.listener = Gestures(self)
        self._over: Place | None = None  # what the pointer is over
        self._watched: int | None = None  # asked for last
        self._classes: Sequence[str] = ()
        self.foot = QWidget()
        column = QVBoxLayout(self.foot)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self.thought = Thoughts(host.settings)
        self.thought.editable = True
        self.thought.chosen.connect(self._choose)
        self.looked_part = WhereLooked(self.edited.emit, host.actions["heads_on"])
        self.looked_part.changed.connect(self._show_wall)
        self.stages = StageChoice()
        self.stages.changed.connect(self._show_other_stage)
        self.legend = HeatLegend("Uncertainty")
        self.legend.hide()
        for part in (
            self.thought,
            self.legend,
            self.looked_part,
            self.stages,
            self.chips,
            self.search_button,
        ):
            column.addWidget(part)
        self.tree = BeamTree()
        self.tree.pointed.connect(self.readout)
        self.tree.hide()
        self.below.addWidget(self.tree, 2)
        column.addLayout(buttons(self.foot_buttons, host.actions))

    # Fed by the window.

    def begin(self, session: Session, opened: Opened) -> None:
        super().begin(session, opened)
        assert isinstance(session.job, DrawPictures)
        self._classes = session.job.sampler.classes
        self.choices = {"label": {EACH: -1} | {name: n for n, name in enumerate(self._classes)}}
        self._over = self._watched = None
        self.stages.begin([stage.size for stage in session.job.layout.stages])
        place = place_word(Drawing({}, session.still))
        self.names = type(self).names | {
            "single_step": (f"One {place}", f"Draw one {place} of every picture")
        }
        self.first_hint = type(self).first_hint.replace("pixel", place)
        self.mouse = tuple((way.replace("pixel", place), what) for way, what in type(self).mouse)
        sampler, searches = session.job.sampler, session.job.sampler.beams
        self.modes = modes_of(sampler.kind, len(self.stages.sizes), bool(searches))
        self.tree.setVisible(bool(searches and self.host.actions["show_tree"].isChecked()))
        self.canvas.selected = self.canvas.painting = None
        self._prompts.forget()
        self.looked_part.begin(session.job.sampler.heads)
        heads, more = sampler.heads[0], len(self.stages.sizes) > 1
        has = dict(
            looked=heads, heads_on=heads, show_tree=searches, next_stage=more, search=sampler.can_search
        )
        self.lacks = tuple(command for command, there in has.items() if not there)
        self.search_button.setVisible(sampler.can_search)

    @property
    def whole(self) -> Drawing | None:
        """All stages of what is shown."""
        if self.snapshot is None or self.session is None:
            return None
        return Drawing(self.snapshot.frame, self.session.still)

    @property
    def drawing(self) -> Drawing | None:
        """The stage that is on the wall; of all stages, the one in which a person points or holds a place."""
        whole = self.whole
        return None if whole is None else self.stages.shown(whole, self._over, self.canvas.selected)

    @property
    def pointed(self) -> Place | None:
        """The place under the pointer."""
        return None if self._over is None else self.on_wall(self._over)

    @property
    def held(self) -> Place | None:
        """The place that is held, if it is of the stage that is on the wall."""
        place: Place | None = self.canvas.selected
        drawing = self.drawing
        if place is None or drawing is None or stage_of(place) not in (None, drawing.number):
            return None
        return place._replace(board="wall")

    @held.setter
    def held(self, place: Place | None) -> None:
        self.canvas.selected = None if place is None else self._on_canvas(place)

    def _on_canvas(self, place: Place) -> Place:
        """A place of the stage that is on the wall, where all stages may have boards."""
        number = 0 if self.drawing is None else self.drawing.number
        return place._replace(board=board_of(number)) if self.stages.all and place.board == "wall" else place

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        if self.tree.isVisibleTo(self):
            self.tree.show_frame(snapshot.frame)
        self._show_wall()
        self._show_thought()

    def _show_wall(self) -> None:
        whole, drawing = self.whole, self.drawing
        if whole is None or drawing is None:
            return
        if self.held is not None and not within(self.held, drawing):
            self.held = None
        changes = self.stages.changes(whole)
        shown = [whole.stage(n) for n in range(len(self.stages.sizes))] if self.stages.all else [drawing]
        boards = [self._board(part, drawing, changes) for part in shown]
        self._title({**self._stage_titles(shown), **self.looked_part.titles(drawing)})
        self.canvas.show([*boards, *self.looked_part.boards(drawing)])
        cursors = [Place("wall", *place) for place in drawing.cursors().tolist()]
        self.canvas.cursor = [self._on_canvas(place) for place in (*cursors, *self.looked_part.mark(drawing))]

    def _board(self, part: Drawing, drawing: Drawing, changes: Sequence[Bools]) -> Board:
        """A stage on the wall, of which `drawing` is the one that is worked with."""
        place = self.shown_place(drawing) if part.number == drawing.number else None
        veil = None
        if self.palette_ is not None:
            veil = overlay(part, self.display, self.palette_.accent, place)
            veil = self.looked_part.over(veil, part)
            if changes and self.stages.swap is not None and not self.looked_part.on:
                changed = changes[part.number].reshape(part.size)
                veil = with_changes(veil, part.count, self.stages.swap.picture, changed, self.palette_.accent)
        name = board_of(part.number) if self.stages.all else "wall"
        return Board(name, part.pictures(), place=part.tile, veil=veil)

    def _stage_titles(self, shown: Sequence[Drawing]) -> dict[str, str]:
        if not self.stages.all:
            return {}
        return {
            board_of(part.number): f"Stage {part.number + 1}: {part.size[0]} × {part.size[1]}"
            for part in shown
        }

    def _show_other_stage(self) -> None:
        self._over = self.canvas.selected = self.canvas.painting = None
        self._show_wall()
        self._show_thought()

    def _title(self, titles: dict[str, str]) -> None:
        if titles != self.titles:
            self.titles = titles
            self._name_boards()

    def on_wall(self, place: Place) -> Place | None:
        """A place of the wall that is shown beside it, too."""
        if stage_of(place) is not None:
            return place._replace(board="wall")
        if place.board == "wall" or self.drawing is None or "twin" not in self.drawing.frame:
            return place
        return place._replace(board="wall", picture=int(self.drawing.frame["twin"]))

    def shown_place(self, drawing: Drawing) -> Place | None:
        """The place whose thought is shown: under the pointer, else the one that is held, else the one drawn last."""
        for place in (self.pointed, self.held):
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
        self.looked_part.follow(drawing, self.pointed, self.held, self.past)
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
        said: dict[str, Any] = {"note": note, "levels": drawing.levels, "what": value_word(drawing)}
        self.thought.show_thought(place_named(place), chances, chosen, drawing.looks(), values=values, **said)

    def show_state(self, playing: bool, past: bool) -> None:
        if self.thought.editable == past:
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

    def covered(self) -> Callable[[], Bytes] | None:
        drawing = self.drawing
        return None if drawing is None else lambda: veiled(drawing)

    def movie_looks(self) -> dict[str, Any]:
        return {"overlay": getattr(self.display, "openness", False)}

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        for part in (self.thought, self.legend, self.looked_part, self.stages, self.tree):
            part.set_palette(palette)
        self._show_wall()

    # What the person does.

    def point_at(self, over: Place | None) -> None:
        self._over, place = over, None if over is None else self.on_wall(over)
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
        self.held = None if place == self.held else place
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
        if self.whole is not None:
            self.stages.begin_swap(self.whole, place, stage)
        self.edited.emit(SetValue(place.picture, place.y, place.x, tuple(values), stage))
        if self._rests:
            self._play()  # a drawing that was done does not stay half done

    def set_display(self, values: dict[str, Any]) -> None:
        super().set_display(values)
        self.legend.setVisible(getattr(self.display, "openness", False))
        self._show_wall()

    def set_mode(self, mode: str) -> None:
        self.open_mode(mode)

    @property
    def _rests(self) -> bool:
        return self.session is not None and self.session.status.rests

    # Commands: see actions.py.

    def looked(self, on: bool) -> None:
        self.looked_part.turn(on)
        self._show_wall()

    def why_not(self, command: str) -> str:
        no_use = command == "heads_on" and not self.looked_part.off
        return "No head is switched off." if no_use else super().why_not(command)

    def heads_on(self) -> None:
        self.looked_part.switch_all_on()

    def next_wall(self) -> None:
        """Other pictures: the next seed's."""
        self._draw_next_seed()

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
        self.held = self.stages.swap = None
        self._show_wall()
        self._show_thought()

    def next_stage(self) -> None:
        self.stages.next()

    def show_tree(self, on: bool) -> None:
        self.tree.setVisible(on)
