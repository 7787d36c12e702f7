"""The completion bench: pictures that a network goes on from, a row each, at several temperatures, a column each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PyQt6.QtGui import QCursor, QResizeEvent
from PyQt6.QtWidgets import QFileDialog, QMenu

from ...canvas.walls.boards import Place
from ...data.pictures import Picture, load_picture
from ...drawings import Bools, Drawing, left, upper
from ...errors import UserError
from ...export.walls.wall import write_wall
from ...jobs.drawing.draw import DrawPictures
from ...jobs.drawing.edits import FITTING, ChangeTable, SetPrompt, SetWay, Watch
from ...snapshot import Bytes, Snapshot
from ..widgets.finding import Entry
from ..widgets.series import Quantity
from ..work.held_out import held_out_pictures
from ..work.opening import Opened
from ..work.session import Session
from ..work.subjects import Subject, is_picture
from .bench_gestures import Gestures
from .bench_hint import Hint
from .bench_panel import BenchPanel, listed
from .bench_table import GIVEN, HIDDEN, BenchTable
from .export_dialog import ask_place
from .view import Host
from .wall_view import WallView, modes_of
from .ways import Way, table

PICTURES = "Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp *.tif *.tiff *.ppm);;All files (*)"
WRITTEN = "Pictures (*.png *.jpg *.webp *.tif)"
LATE = (
    "{} given places come late in this network's drawing order: they stay, but it does not see them until "
    "then."
)

UNPICKED, UNPICKED_CELL = "Click a picture in the table first.", "Click a picture under a temperature first."


class BenchView(WallView):
    first_hint = "Drag the edge of what is given: the rest is completed from there."
    follows = (ChangeTable,)
    verb, finished = "Completing", "Completed:"
    begun_anew, seen_anew = "Completing again", ("seed",)
    at_rest = "Everything is drawn: move the cut, draw a new set (X), or add pictures (P)."
    step_name = "place"
    settled = ("count", "temperature")  # the rows and columns say it
    quantities = (
        Quantity("bits", "Uncertainty", "bits per choice", share=3),
        Quantity("surprise", "Surprise", "bits per choice", share=3),
    )
    names = WallView.names | {
        "fit": ("Fit", "Show the whole table"),
        "paste": ("Paste", "Complete the picture on the clipboard"),
        "save_now": ("Save now", "Save the table as it is now (it is also saved every few seconds)"),
        "delete_unit": ("Remove", "Remove the row of the selected picture"),
        "select_none": ("Deselect", "Deselect the picture"),
        "restart": ("Draw again", "Draw all pictures again, from the cut on"),
        "next_wall": ("New set", "Complete the same pictures with the next seed"),
    }
    mouse = (
        ("Drop pictures", "Complete them"),
        ("Drag over given or hidden", "Move the cut in all pictures"),
        ("Click a picture", "Select it"),
        ("Right click", "Save it, redraw it, or continue from it"),
        ("Point at a picture", "See how unlikely it is"),
        ("Wheel", "Zoom at the pointer"),
        ("Double click", "The whole table"),
    )

    def __init__(self, host: Host):
        super().__init__(host)
        self.mode = "complete"
        self.canvas.listener = Gestures(self)
        self.canvas.beside, self.canvas.grips = True, (GIVEN, HIDDEN)
        self.panel = BenchPanel(host)
        self.panel.temperatures_chosen.connect(lambda found: self._change(ChangeTable(temperatures=found)))
        self.panel.cut_chosen.connect(self.give)
        self.foot = self.panel
        self.hint = Hint(self, [host.actions["add_pictures"], host.actions["add_held_out"]])
        self._pointed: Place | None = None
        self._wanted: Bools | None = None  # what is given as the person has it, before the job does
        self._watched: int | None = None  # asked for last
        self._held_out = 0  # how often held-out pictures were asked for

    # Fed by the window.

    def begin(self, session: Session, opened: Opened) -> None:
        super().begin(session, opened)
        assert isinstance(session.job, DrawPictures)
        self.modes = modes_of(session.job.sampler.kind)
        classes = session.job.sampler.classes
        self.choices = {"label": {"best match": -1} | {name: n for n, name in enumerate(classes)}}
        self._pointed = self._wanted = self._watched = self.canvas.picked = None

    @property
    def table(self) -> BenchTable | None:
        """What is shown."""
        if self.snapshot is None or self.session is None:
            return None
        drawing = Drawing(self.snapshot.frame, self.session.still)
        return BenchTable(drawing, self._wanted) if drawing.temperatures else None

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        kept = snapshot.frame.get("kept")
        if kept is not None and self._wanted is not None and (np.asarray(kept) == self._wanted).all():
            self._wanted = None  # now it is so
        self._show_table()

    def _show_table(self) -> None:
        table = self.table
        if table is None:
            return
        if table.rows:
            self.hint.hide()
            if table.titles != self.titles:
                self.titles = table.titles
                self._name_boards()
            self.canvas.show(table.boards())
            self.canvas.cut, self.canvas.cursor = table.drawing.frame["kept"], table.cursor()
        else:
            self.canvas.show([])
            self.canvas.cut, self.canvas.cursor = None, ()
            self.hint.show_over()
        cut = None if table.late else int(table.given.sum())
        self.panel.show_table(
            table.drawn.temperatures, cut, len(table.order), LATE.format(table.late) if table.late else ""
        )
        self._read_off()

    def words(self, snapshot: Snapshot) -> str:
        table = self.table
        if table is None or not table.rows:
            return "drop pictures here"
        drawing = table.drawn
        count = f"{table.rows} picture{'s' * (table.rows != 1)} at {listed(drawing.temperatures)}"
        share = float(np.mean(drawing.position / len(table.order)))
        return count if drawing.done else f"{count}, {100 * share:.0f}%"

    def doing(self, playing: bool, rests: bool, ended: bool) -> str:
        table = self.table
        return (
            super().doing(playing, rests, ended) if table is not None and table.rows else "Ready to complete:"
        )

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self.hint.place()

    @property
    def passing(self) -> tuple[Callable[[], bool], ...]:
        return *super().passing, self._unpick

    def _unpick(self) -> bool:
        picked: bool = self.canvas.picked is not None
        self.canvas.picked = None
        return picked

    def before_undo(self) -> None:
        self._wanted = self._watched = None

    # What the pointer is over.

    def point_at(self, place: Place | None) -> None:
        self._pointed, table = place, self.table
        if place is not None and table is not None and table.holds(place):
            cell = table.cell(place)
            if cell != self._watched and not self.past:  # ask how unlikely it is, once
                self._watched = cell
                self.edited.emit(Watch(cell))
        self._read_off()

    def _read_off(self) -> None:
        place, table = self._pointed, self.table
        shown = place is not None and table is not None and table.holds(place)
        self.readout.emit(table.described(place) if shown and table is not None and place is not None else "")

    # What the person does.

    def _change(self, edit: ChangeTable) -> None:
        self._watched = None  # other pictures may be there
        self.edited.emit(edit)
        self._play()

    def drag_cut(self, place: Place, done: bool) -> None:
        """The line goes through the place that the pointer is over."""
        if self.table is not None:
            self._give(self.table.cut_at(place), done)

    def give(self, cut: int) -> None:
        """So many places of every picture."""
        if self.table is not None:
            self._give(self.table.first(cut))

    def _give(self, part: Bools, done: bool = True) -> None:
        self._wanted = part
        if done and self.table is not None and self.table.rows:
            self._change(ChangeTable(keep=part))
        self._show_table()

    def take(self, subject: Subject) -> bool:
        return self.take_all([subject])

    def take_all(self, subjects: Sequence[Subject]) -> bool:
        """Pictures are completed."""
        if not all(is_picture(subject) for subject in subjects):
            return False
        self.host.in_background(
            lambda: [s if isinstance(s, Picture) else load_picture(str(s)) for s in subjects],
            lambda pictures: self._add([(picture.pixels, FITTING) for picture in pictures]),
            self.message.emit,
        )
        return True

    def _add(self, pictures: Sequence[tuple[Bytes, int]]) -> None:
        """Pictures, and their classes, or FITTING."""
        if self.table is not None:
            keep = self.table.given
            rows = tuple(SetPrompt(keep=keep, pixels=pixels, label=label) for pixels, label in pictures)
            self._change(ChangeTable(add=rows, keep=keep))

    def pick(self, place: Place) -> None:
        self.canvas.picked = place.board, place.picture
        self.possible.emit()

    def ask_what(self, place: Place) -> None:
        """The menu of a picture."""
        self.pick(place)
        menu = QMenu(self)
        of_cells = ("draw_again", "use_as_prompt") if place.board.isdecimal() else ()
        for name in ("save_picture", *of_cells, "delete_unit"):
            menu.addAction(self.host.actions[name])
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(QCursor.pos())

    def picked(self, cell: bool = False) -> tuple[Place, BenchTable] | None:
        """The picture that is picked, or only a drawn one."""
        table, picked = self.table, self.canvas.picked
        if table is not None and picked is not None:
            place = Place(picked[0], picked[1], 0, 0)
            if table.holds(place) and (place.board.isdecimal() or not cell):
                return place, table
        return None

    def why_not(self, command: str) -> str:
        if command in ("draw_again", "use_as_prompt") and self.picked(cell=True) is None:
            return UNPICKED_CELL
        if command in ("delete_unit", "save_picture", "select_none") and self.picked() is None:
            return UNPICKED
        return ""

    def entries(self) -> list[Entry]:
        return self.panel.entries()

    def set_mode(self, mode: str) -> None:
        self.open_mode(mode)

    # Commands: see actions.py.

    def add_pictures(self) -> None:
        start = str(self.host.settings.value("folder", str(Path.home())))
        paths, _ = QFileDialog.getOpenFileNames(self.window(), "Pictures to complete", start, PICTURES)
        if paths:
            self.host.settings.setValue("folder", str(Path(paths[0]).parent))
            self.take_all(paths)

    def add_held_out(self) -> None:
        if self.session is not None and isinstance(self.session.job, DrawPictures):
            sampler, turn = self.session.job.sampler, self._held_out
            self._held_out += 1
            self.message.emit("Reading held-out pictures…")
            self.host.in_background(lambda: held_out_pictures(sampler, turn), self._add, self.message.emit)

    def draw_again(self) -> None:
        """The picked cell, with other random numbers."""
        if found := self.picked(cell=True):
            place, table = found
            self.edited.emit(SetWay((table.cell(place),), {"seed": secrets.randbelow(2**31)}))
            self._play()

    def use_as_prompt(self) -> None:
        """The picked cell takes the place of what its row went on from."""
        if not (found := self.picked(cell=True)):
            return
        place, table = found
        drawing, cell = table.drawn, table.cell(place)
        if drawing.position[cell] < len(table.order):
            self.message.emit("It is not drawn yet: wait a moment.")
            return
        label = int(np.asarray(drawing.still["labels"])[cell])
        prompt = SetPrompt(np.asarray(drawing.values[cell]), table.given, label=label)
        self._change(ChangeTable(replace={place.picture: prompt}))
        self.message.emit("Its row now continues from this picture: move the cut to keep more or less of it.")

    def delete_unit(self) -> None:
        """The row of the picked picture."""
        if found := self.picked():
            self.canvas.picked = None
            self._change(ChangeTable(drop=(found[0].picture,)))

    def select_none(self) -> None:
        self.canvas.picked = None

    def save_picture(self) -> None:
        found = self.picked()
        if found is None or self.session is None:
            return
        place, table = found
        name = f"{self.session.name}-{place.picture + 1}.png"
        path = ask_place(self.window(), self.host.settings, "Save the picture", name, WRITTEN)
        if path is not None:
            try:
                write_wall(table.picture(place)[None], path)
                self.message.emit(f"Saved: {path}")
            except UserError as error:
                self.message.emit(str(error))

    no_export = "There is nothing to export yet: drop pictures to complete."

    def everything(self) -> Way | None:
        shown = self.table
        return None if shown is None or not shown.rows else table(shown.table)

    def next_wall(self) -> None:
        """The same pictures with the next seed."""
        self._draw_next_seed()

    def keep_top(self) -> None:
        self._keep(upper)

    def keep_left(self) -> None:
        self._keep(left)

    def _keep(self, part: Callable[[tuple[int, int]], Bools]) -> None:
        if self.table is not None:
            self._give(part(self.table.drawn.size))

    def cut_up(self) -> None:
        self._move_cut(rows=-1)

    def cut_down(self) -> None:
        self._move_cut(rows=1)

    def cut_back(self) -> None:
        self._move_cut(-1)

    def cut_on(self) -> None:
        self._move_cut(1)

    def _move_cut(self, places: int = 0, rows: int = 0) -> None:
        if self.table is not None:
            self.give(int(self.table.given.sum()) + places + rows * self.table.drawn.size[1])

    def pick_left(self) -> None:
        self._pick_beside(-1, 0)

    def pick_right(self) -> None:
        self._pick_beside(1, 0)

    def pick_up(self) -> None:
        self._pick_beside(0, -1)

    def pick_down(self) -> None:
        self._pick_beside(0, 1)

    def _pick_beside(self, right: int, down: int) -> None:
        """With keys, instead of a click."""
        if self.table is not None and self.table.rows:
            board, picture = self.table.next_to(self.canvas.picked, right, down)
            self.canvas.picked = board, picture
            self.point_at(Place(board, picture, 0, 0))
