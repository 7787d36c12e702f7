"""The view in which a person paints with codes: tokens are set by hand, and the picture is decoded at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ...canvas.brush import Brush
from ...canvas.walls.boards import Board, Place
from ...data.pictures import Picture
from ...drawings import Bools, Drawing
from ...jobs.drawing.draw import DrawPictures
from ...jobs.drawing.edits import EVERY, SetPrompt, SetValues
from ...snapshot import Bytes, Snapshot
from ..widgets.forms import heading
from ..widgets.segments import Segments
from ..widgets.theme import GRID, Palette
from ..widgets.words import Words
from ..work.held_out import held_out_pictures
from ..work.opening import Opened
from ..work.session import Session
from .code_tiles import CodeTiles
from .codes_view import MODES
from .drawing_gestures import Gestures
from .drawing_view import DrawingView
from .drawing_words import within
from .view import Host

FINE = 4.0  # pixels of the brush's radius: a token at a time, wherever tokens can be seen
TOKENS = "tokens"
TWIN = {TOKENS: "wall", "wall": TOKENS}  # the other board
CHOOSE = "Choose a code and paint with it. Or click a token, and choose what it becomes."


class PaintView(DrawingView):
    first_hint = "Choose a code in the panel, take the brush (B), and paint with it."
    follows = (SetValues,)
    verb, finished = "Decoding", "Ready to paint:"
    at_rest = "Everything is decoded: choose a code and paint, or start from other codes (X)."
    quantities = ()
    modes = MODES
    foot_buttons = ("brush", "undo", "add_held_out", "next_wall")
    tools = ("show_gallery", "brush", "fit", "theme")
    names = DrawingView.names | {
        "paste": ("Paste", "Paint on the picture on the clipboard"),
        "brush": ("Brush", "Paint with the chosen code; choose it below or by a right click on a token"),
        "add_held_out": ("Held out", "Paint on a picture that the model never learned from"),
        "next_wall": ("By chance", "Start from random codes, common ones more often"),
        "select_none": ("Deselect", "Deselect the token"),
        "next_stage": ("Next stage", "Paint the tokens of the next stage, coarse to fine"),
        "pick_left": ("The token to the left", "Select the token to the left"),
        "pick_right": ("The token to the right", "Select the token to the right"),
        "pick_up": ("The token above", "Select the token above"),
        "pick_down": ("The token below", "Select the token below"),
    }
    mouse = (
        ("Wheel", "Zoom at the pointer"),
        ("Drag", "Move the picture"),
        ("Double click", "The whole picture"),
        ("Click a code", "Paint with it; or, while a token is selected, change that token to it"),
        ("Brush", "Left paints with the code; a right click takes the code under the pointer"),
        ("Click a token", "Select it, and see its code"),
        ("Shift and the wheel", "Change the code of the selected token, or the size of the brush"),
        ("Drop a picture", "Paint on it"),
    )

    def __init__(self, host: Host):
        super().__init__(host)
        self.canvas.listener = _Gestures(self)
        self.canvas.tinted = False
        self._brush = Brush(FINE)
        self.code: int | None = None  # of the brush
        self.number = 0  # of the stage that is painted
        self._stroke = self._held_out = 0
        self._sent: Bools | None = None  # what the stroke has painted so far
        self.thought.hide()
        self.preview = CodeTiles("The code under the pointer, or being painted", highest=5 * GRID)
        self.preview.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.preview.setFixedWidth(5 * GRID)
        self.words_of_code = Words(CHOOSE)
        self.tiles = CodeTiles("Codes to paint with", highest=34 * GRID)
        self.tiles.chosen.connect(self.choose)
        self.tiles.pointed.connect(self._say_code)
        self.painted_stages = Segments()
        self.painted_stages.chosen.connect(self._choose_stage)
        foot = None if self.foot is None else self.foot.layout()
        assert isinstance(foot, QVBoxLayout)
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(heading("Codes"))
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.preview, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.words_of_code, 1)
        column.addLayout(row)
        column.addWidget(self.painted_stages)
        column.addWidget(self.tiles)
        foot.insertWidget(0, part)

    def restore(self) -> None:
        """Nothing of this view is kept from one day to the next."""

    # Fed by the window.

    def begin(self, session: Session, opened: Opened) -> None:
        super().begin(session, opened)
        assert isinstance(session.job, DrawPictures)
        self.put_brush_away()  # its code was one of another codebook
        self.display, self.modes = None, MODES
        self.lacks = (
            "looked",
            "heads_on",
            "surprise",
            "keep_top",
            "keep_left",
            "clear_mask",
            "add_pictures",
            "search",
        )
        self.lacks += ("show_tree",) if len(session.job.layout.stages) > 1 else ("show_tree", "next_stage")
        self.stages.hide()
        self.code, self.number = None, len(session.job.layout.stages) - 1
        self._lay_out_stages(len(session.job.layout.stages))
        self._show_codes()

    def _lay_out_stages(self, count: int) -> None:
        numbers = range(1, count + 1)
        texts = [f"Stage {n}" if count < 4 else f"{n}" for n in numbers]
        hints = [f"Paint the tokens of stage {n} of {count} (Shift+V: the next one)" for n in numbers]
        self.painted_stages.begin(texts, hints, self.number)

    @property
    def drawing(self) -> Drawing | None:
        """The stage that is painted."""
        whole = self.whole
        return whole.stage(self.number) if whole is not None and "stages" in whole.still else whole

    def _show_wall(self) -> None:
        """The tokens as their codes look, and beside them what they are decoded to."""
        whole, drawing = self.whole, self.drawing
        if whole is None or drawing is None:
            return
        if self.held is not None and not within(self.held, drawing):
            self.held = None
        alone = {name: array for name, array in drawing.frame.items() if name != "pictures"}
        tokens = Drawing(alone, drawing.still, drawing.number)
        made = {**drawing.frame, "pictures": whole.frame["pictures"]}  # of all stages
        decoded = Drawing(made, drawing.still, drawing.number)
        self.canvas.show([
            Board(TOKENS, tokens.pictures(), place=tokens.tile),
            Board("wall", decoded.pictures(), place=decoded.tile),
        ])  # fmt: skip
        self._title({TOKENS: "Tokens", "wall": "Decoded"})
        self._mark_twins()

    def _mark_twins(self) -> None:
        """What is pointed at or held on one board, on the other."""
        marked = [place for place in (self.canvas.hovered, self.canvas.selected) if place is not None]
        self.canvas.cursor = [place._replace(board=TWIN[place.board]) for place in marked]

    def on_wall(self, place: Place) -> Place | None:
        return place._replace(board="wall")

    def covered(self) -> None:
        """Nobody chose with any doubt."""

    def _show_thought(self) -> None:
        """Here: the codes, and the one that is pointed at or held."""
        self._say_code(-1)

    def _show_codes(self) -> None:
        drawing = self.drawing
        if self.session is None:
            return
        still = drawing.still if drawing is not None else self.session.still
        tiles, arranged = still.get("tiles"), still.get("arranged")
        if tiles is not None and arranged is not None:
            self.tiles.show_codes(np.asarray(tiles, np.uint8), range(len(tiles)), int(arranged[1]))
        self.tiles.show_chosen(self.code)

    def _say_code(self, code: int) -> None:
        """What is pointed at, on the canvas or among the codes, in words."""
        if code >= 0:
            self._describe(code, f"Code {code}: click it to paint with it.")
            return
        drawing = self.drawing
        for place in (self.pointed, self.held):
            if drawing is not None and place is not None and within(place, drawing):
                found = int(drawing.values[place.picture, place.y, place.x, 0])
                held = " Choose what it becomes." if place == self.held else ""
                self._describe(found, f"Row {place.y + 1}, column {place.x + 1}: code {found}.{held}")
                self.tiles.show_chosen(found if self.code is None else self.code)
                return
        self.tiles.show_chosen(self.code)
        self._describe(self.code, CHOOSE if self.code is None else f"The brush paints code {self.code}.")

    def _describe(self, code: int | None, words: str) -> None:
        self.words_of_code.setText(words)
        tiles = self.tiles.pictures
        self.preview.setVisible(code is not None)
        if code is not None and tiles is not None and code < len(tiles):
            self.preview.show_codes(tiles, [code], 1)

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        self._show_codes()

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        self.tiles.set_palette(palette)

    # What the person does.

    def point_at(self, over: Place | None) -> None:
        self._over = over
        self._mark_twins()
        self._say_code(-1)

    def choose(self, code: int) -> None:
        """For the token that is held; else for the brush, which is put away when its code is chosen again."""
        held, drawing = self.held, self.drawing
        if held is not None and drawing is not None and within(held, drawing) and not self._painting:
            self._set_value(held, [code], self.number)
        else:
            self._take_code(None if code == self.code and self._painting else code)

    @property
    def _painting(self) -> bool:
        return self.canvas.brush is not None

    def _take_code(self, code: int | None) -> None:
        if code is not None:
            self.code = code
        if (code is not None) != self._painting:
            self.host.actions["brush"].trigger()
        self._show_codes()
        self._say_code(-1)

    def take_code_at(self, place: Place) -> None:
        """The code of a token becomes the brush."""
        drawing = self.drawing
        if drawing is not None and within(place, drawing):
            self._take_code(int(drawing.values[place.picture, place.y, place.x, 0]))

    def paint(self, picture: int, painted: Bools, done: bool) -> None:
        """Tokens become the code of the brush, while the stroke lasts."""
        drawing = self.drawing
        if drawing is None or self.code is None or painted.shape != drawing.size:
            return
        if done and not painted.any() and self.pointed is not None:  # a right click
            self.take_code_at(self.pointed)
        elif painted.any() and (self._sent is None or not np.array_equal(painted, self._sent)):
            self._sent = painted.copy()
            self.edited.emit(SetValues(picture, self._sent, (self.code,), self.number, self._stroke))
            if self._rests:
                self._play()
        if done:
            self._stroke, self._sent = self._stroke + 1, None
            self.canvas.painting = None

    def _go_on_from(self, picture: Picture) -> None:
        self._prompt(SetPrompt(pixels=picture.pixels, stage=EVERY))

    def _choose_stage(self, stage: int) -> None:
        self.number, self.held, self._over = stage, None, None
        self.painted_stages.check(stage)
        drawing = self.drawing
        if self.code is not None and drawing is not None and self.code >= drawing.levels:
            self._take_code(None)
            self.code = None
        self._show_wall()
        self._show_codes()

    # Commands: see actions.py.

    def brush(self, on: bool) -> None:
        """With the code that was chosen last, or that of the token that is held."""
        drawing, held = self.drawing, self.held
        if on and self.code is None and drawing is not None:
            there = held is not None and within(held, drawing)
            at = (held.picture, held.y, held.x) if held is not None and there else (0, 0, 0)
            self.code = int(drawing.values[at][0])
        self.held = None
        self.take_brush(on)
        self._stop_painting()
        self._show_codes()
        self._say_code(-1)

    def add_held_out(self) -> None:
        if self.session is None or not isinstance(self.session.job, DrawPictures):
            return
        sampler, turn = self.session.job.sampler, self._held_out + 1
        self._held_out = turn

        def begin(found: list[tuple[Bytes, int]]) -> None:
            self._go_on_from(Picture(found[0][0], "held out", ""))

        self.host.in_background(lambda: held_out_pictures(sampler, turn), begin, self.message.emit)

    def next_wall(self) -> None:
        """Nothing is given any more: codes are drawn."""
        self.edited.emit(SetPrompt())
        super().next_wall()

    def next_stage(self) -> None:
        count = len(self.painted_stages.buttons())
        if count > 1:
            self._choose_stage((self.number + 1) % count)

    def pick_left(self) -> None:
        self._pick(0, -1)

    def pick_right(self) -> None:
        self._pick(0, 1)

    def pick_up(self) -> None:
        self._pick(-1, 0)

    def pick_down(self) -> None:
        self._pick(1, 0)

    def _pick(self, down: int, right: int) -> None:
        """Select the token so far from the one that is held; the first one, if none is."""
        drawing, held = self.drawing, self.held
        if drawing is not None:
            place = (
                Place("wall", 0, 0, 0)
                if held is None
                else held._replace(y=held.y + down, x=held.x + right)
            )  # fmt: skip
            if min(place.y, place.x) >= 0 and within(place, drawing):
                self.held = place
                self._say_code(-1)


class _Gestures(Gestures):
    def __init__(self, view: PaintView):
        super().__init__(view)
        self._paints = view

    def asked(self, place: Place) -> None:
        self._paints.take_code_at(place)

    def painted(self, board: str, picture: int, mask: Bools, done: bool) -> None:
        self._paints.paint(picture, mask, done)
