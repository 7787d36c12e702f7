"""The view of a training that makes tokens of pictures: what pictures become, and every code as its picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...canvas.walls.boards import Board, Place
from ...canvas.walls.listener import WallListener
from ...codes import Codebook, stages_of
from ...controls import controls_of
from ...export.codes.sheet import parts_of
from ...jobs.instruments import draws
from ...jobs.training.train import Train
from ...snapshot import Snapshot
from ..widgets.finding import Entry
from ..widgets.theme import Palette
from ..work.opening import Opened
from ..work.session import Session
from . import codes_shown as shown
from .codes_panel import CodesPanel
from .codes_shown import CODES, HEATS, PICTURES, Shown
from .training_view import TrainingView
from .view import Host, Mode
from .ways import Way, sheet

MODES = (
    Mode("learn", "Learn", "Watch the codes settle and pictures being rebuilt"),
    Mode("draw", "Paint", "Paint with the codes, and see the picture decoded at once"),
)
AT_REST = " Paint (V) paints with its codes."  # what a person may do then
HEAT = "codes_heat"  # what lies over the codes, in the settings
PRUNE = "prune_below"  # the control of trainings that can take codes out


class CodesView(TrainingView):
    first_hint = "Click a code to see where it occurs in the pictures."
    names = TrainingView.names | {
        "select_none": ("Deselect", "Deselect the code"),
        "pick_left": ("The code to the left", "Select the code to the left"),
        "pick_right": ("The code to the right", "Select the code to the right"),
        "pick_up": ("The code above", "Select the code above"),
        "pick_down": ("The code below", "Select the code below"),
        "next_stage": ("Next stage", "The codes of the next stage, coarse to fine"),
        "fit": ("Fit", "Show all pictures and codes"),
    }
    mouse = (
        ("Wheel", "Zoom at the pointer"),
        ("Drag", "Move the view"),
        ("Double click", "Show everything"),
        ("Point at a code", "See where it occurs in the pictures"),
        ("Click a code", "Select it; click it again to deselect it"),
        ("Click a token of a picture", "Select its code"),
        ("Drop a file", "Learn that picture, or continue that run"),
    )

    def __init__(self, host: Host):
        super().__init__(host)
        self.canvas.listener = _Gestures(self)
        kept = str(host.settings.value(HEAT, "none"))
        self.shown = Shown(heat=kept if kept in HEATS else "none")
        self._prunes = False  # whether the training can take codes out
        self.panel = CodesPanel()
        self.panel.heat_chosen.connect(self._choose_heat)
        self.panel.stage_chosen.connect(self._choose_stage)
        self.panel.code_chosen.connect(self.hold)
        self.panel.threshold_moved.connect(self._consider)
        self.panel.pruned.connect(lambda threshold: self.set_controls({PRUNE: threshold}))
        self.foot = self.panel
        self.titles = {}

    # Fed by the window.

    def begin(self, session: Session, opened: Opened) -> None:
        super().begin(session, opened)
        assert isinstance(session.job, Train)
        self.modes = MODES if draws(session.job.lesson.kind) else ()
        self.at_rest = TrainingView.at_rest + (AT_REST if self.modes else "")
        self.lacks = (*TrainingView.lacks, "surprise")
        self.lacks += () if len(session.still.get("stages", ())) > 1 else ("next_stage",)
        self.shown = Shown(heat=self.shown.heat)
        self.canvas.selected = None
        self._prunes = any(c.name == PRUNE and c.live for c in controls_of(session.job.controls))
        self.panel.begin(len(session.still.get("stages", ())))
        self._show_boards()

    @property
    def book(self) -> Codebook | None:
        """The codes of the stage that is shown."""
        if self.snapshot is None or self.session is None:
            return None
        return shown.codes_of(self.snapshot.frame, self.session.still, self.shown.stage)

    @property
    def code(self) -> int | None:
        """The code that is pointed at, else the one that is held."""
        book, place = self.book, self.pointed
        if book is None:
            return None
        code = self._code_at(place) if place is not None else None
        code = self.shown.code if code is None else code
        return code if code is not None and code < book.count else None

    @property
    def _unit(self) -> int | None:
        """Round which the neighbourhood of a map is shown."""
        frame = self.snapshot.frame if self.snapshot is not None else {}
        return shown.last_best(frame, self.shown.stage) if self.code is None else self.code

    def _code_at(self, place: Place) -> int | None:
        """Of a code itself, or of a token of a picture."""
        if place.board == CODES:
            return place.picture
        board = self._board(PICTURES)
        if board is None or self.snapshot is None:
            return None
        return shown.token_at(self.snapshot.frame, board, self.shown.stage, place)

    def _board(self, name: str) -> Board | None:
        return next((board for board in self.canvas.shown.boards if board.name == name), None)

    def _show_boards(self) -> None:
        if self.session is None or self.palette_ is None:
            return
        frame, still = (self.snapshot.frame if self.snapshot else {}), self.session.still
        step = self.snapshot.step if self.snapshot else 0
        book, stage = self.book, self.shown.stage
        boards = [] if (pictures := shown.pictures_board(frame, still, stage)) is None else [pictures]
        titles = {PICTURES: shown.pictures_in_words(frame)}
        if book is not None:
            over = shown.veil(book, self.shown, step, self.palette_, self._unit)
            boards.append(shown.codes_board(book, over, len(pictures.pictures) if pictures else 0))
            titles[CODES] = shown.usage_in_words(book)
        if titles != self.titles:
            self.titles = titles
            self._name_boards()
        self.canvas.show(boards)
        self._show_marks()

    def _show_marks(self) -> None:
        """What follows the pointer and the code that is held; the words about it, too."""
        book, code, pictures = self.book, self.code, self._board(PICTURES)
        held = self.shown.code
        there = book is not None and held is not None and held < book.count
        self.canvas.selected = Place(CODES, held or 0, 0, 0) if there else None
        self.canvas.struck = None if book is None else (CODES, shown.dead(book))
        self.canvas.outlined = None
        if self.snapshot is not None and book is not None:
            frame, stage = self.snapshot.frame, self.shown.stage
            self.canvas.reach = shown.reach(book, self._unit)
            if code is not None and pictures is not None and f"tokens.{stage}" in frame:
                self.canvas.outlined = PICTURES, shown.occurrences(frame, pictures, stage, code)
        else:
            self.canvas.reach = None
        still = self.session.still if self.session is not None else {}
        self.panel.show_book(book, code, self.shown.heat, "stages" in still, self._prunes)

    def words(self, snapshot: Snapshot) -> str:
        return ", ".join(filter(None, [self._epoch(snapshot), self._measured(snapshot, 3)]))

    def _measured(self, snapshot: Snapshot, most: int) -> str:
        """The first of what its lesson has curves of, in words."""
        job = None if self.session is None else self.session.job
        curves = job.lesson.curves[:most] if isinstance(job, Train) else ()
        return ", ".join(
            shown.measured_in_words(snapshot.metrics, [(c.metric, c.title, c.unit) for c in curves])
        )

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        self.panel.set_palette(palette)

    @property
    def passing(self) -> tuple[Callable[[], bool], ...]:
        return *super().passing, self._let_go, self.panel.forget_threshold

    def _let_go(self) -> bool:
        held = self.shown.code is not None
        if held:
            self.hold(None)
        return held

    def result(self, snapshot: Snapshot) -> str:
        return self._measured(snapshot, 1)

    # What the person does.

    def show_hovered(self, place: Place | None) -> None:
        super().show_hovered(place)
        self._follow()

    def _follow(self) -> None:
        """Another code is pointed at or held; on a line, the light moves with it."""
        if self.book is not None and self.book.is_line:
            self._show_boards()
        else:
            self._show_marks()

    def _named(self, place: Place) -> str:
        code, book = self._code_at(place), self.book
        about = ""
        if code is not None and book is not None and code < book.count:
            about = f"Code {code}: {shown.described(book, code)}"
        if place.board == CODES:
            return about
        board = self._board(PICTURES)
        picture = place.picture // board.group if board is not None else place.picture
        where = f"   row {place.y + 1}, column {place.x + 1}   " if about else ""
        return f"Held-out picture {picture + 1}{where}{about}"

    def click(self, place: Place) -> None:
        code = self._code_at(place)
        if code is not None:
            self.hold(None if code == self.shown.code and place.board == CODES else code)

    def hold(self, code: int | None) -> None:
        self.followed.emit()
        self.shown = replace(self.shown, code=code)
        self._follow()

    def _choose_heat(self, heat: str) -> None:
        self.shown = replace(self.shown, heat=heat)
        self.host.settings.setValue(HEAT, heat)
        self._show_boards()

    def _choose_stage(self, stage: int) -> None:
        self.shown = replace(self.shown, stage=stage, code=None)
        self.pointed = None
        self._show_boards()

    def _consider(self, threshold: float) -> None:
        """Show what pruning there would take."""
        self.shown = replace(self.shown, threshold=threshold)
        self._show_boards()

    def entries(self) -> list[Entry]:
        return self.panel.entries()

    # Commands: see actions.py.

    def next_heat(self) -> None:
        book = self.book
        if book is not None:
            known = [name for name in HEATS if name == "none" or book.part(name) is not None]
            at = known.index(self.shown.heat) if self.shown.heat in known else -1
            self._choose_heat(known[(at + 1) % len(known)])

    def next_stage(self) -> None:
        count = stages_of(self.snapshot.frame) if self.snapshot is not None else 0
        if count > 1:
            self._choose_stage((self.shown.stage + 1) % count)

    def select_none(self) -> None:
        self.hold(None)

    def pick_left(self) -> None:
        self._pick(-1)

    def pick_right(self) -> None:
        self._pick(1)

    def pick_up(self) -> None:
        if self.book is not None:
            self._pick(-self.book.arranged[1])

    def pick_down(self) -> None:
        if self.book is not None:
            self._pick(self.book.arranged[1])

    def _pick(self, by: int) -> None:
        """The code so far from the one that is held; the first one, if none is."""
        if self.book is not None:
            code = 0 if self.shown.code is None else self.shown.code + by
            if 0 <= code < self.book.count:
                self.hold(code)

    def everything(self) -> Way | None:
        if self.snapshot is None or self.session is None:
            return None
        frame, still = self.snapshot.frame, self.session.still
        if not parts_of(frame, still):
            return None
        return sheet(lambda overlay: parts_of(frame, still, overlay), **self.movie_looks())

    def movie_looks(self) -> dict[str, Any]:
        return {"overlay": self.shown.heat == "usage"}


class _Gestures(WallListener):
    def __init__(self, view: CodesView):
        self._view = view

    def hover(self, place: Place | None) -> None:
        self._view.show_hovered(place)

    def click(self, place: Place) -> None:
        self._view.click(place)

    def click_beside(self) -> None:
        self._view.hold(None)
