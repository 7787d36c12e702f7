"""Where it looked: the part of the panel that shows it, and what a view asks of the job for it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QAction, QResizeEvent
from PyQt6.QtWidgets import QBoxLayout, QButtonGroup, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ...canvas.walls.boards import Board, Place
from ...drawings import Drawing
from ...jobs.drawing.edits import ShowLooked, SwitchHeads
from ...jobs.job import Edit
from ...snapshot import Bytes
from ..widgets.fields import segment
from ..widgets.theme import GRID, Palette
from .drawing_words import within
from .head_maps import HeadMaps
from .looked import BUCKETS, Choice, Compared, Head, boards, buckets_in, lit, looked_in, looked_in_words

WAYS = {  # of choosing: what it is called, and its hint
    "all": ("All", "What all heads of all layers looked at, together"),
    "strongest": ("Strongest", "Only the head that looked hardest at a single pixel"),
    "one": ("One head", "One head by itself: click its map"),
    BUCKETS: ("Buckets", "What the hash of that head put together: one colour for each bucket"),
}
BESIDE = 16 * GRID  # the least width of words beside the maps
NOTHING_ASKED = ShowLooked(on=False), SwitchHeads()
NOTHING = "Point at a drawn pixel, or let it draw: what it looked at lights up."
NOT_RECORDED = "Where it looked is not recorded at this moment."


class WhereLooked(QWidget):
    """Hidden unless it is on. `changed` says that what lies over the wall is another."""

    changed = pyqtSignal()

    def __init__(self, edit: Callable[[Edit], None], all_on: QAction):
        super().__init__()
        self._edit = edit
        self.on = False
        self.choice = Choice()
        self.off: frozenset[Head] = frozenset()
        self._picture = 0  # the one that is drawn once more without them
        self._asked: tuple[Edit, Edit] = NOTHING_ASKED  # of the job, last
        self._drawing: Drawing | None = None
        self._place: Place | None = None
        self._past = False
        self._group = QButtonGroup(self)
        self._ways = {way: self._way(n, way) for n, way in enumerate(WAYS)}
        self._ways[BUCKETS].hide()  # until there are some
        self.maps = HeadMaps()
        self.maps.chosen.connect(self._choose_head)
        self.maps.switched.connect(self._switch)
        self.words = self._label(soft=True)
        self.compared = self._label(soft=False)
        self.button = QToolButton()
        self.button.clicked.connect(self._switch_shown)
        self._all_on = all_on
        self.all_on = QToolButton()
        self.all_on.setDefaultAction(all_on)
        self._middle = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._lay_out()
        self.hide()
        self._show_choice()

    def _way(self, n: int, way: str) -> QToolButton:
        text, hint = WAYS[way]
        button = segment(text, n, len(WAYS) - 1) if way != BUCKETS else segment(text, 0, 1)
        button.setToolTip(hint)
        button.clicked.connect(lambda: self._choose(Choice(way, self.choice.head)))
        self._group.addButton(button)
        return button

    def _label(self, soft: bool) -> QLabel:
        label = QLabel()
        label.setWordWrap(True)
        label.setProperty("soft", soft)
        return label

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GRID)
        column.setSpacing(GRID)
        ways, switches = QHBoxLayout(), QHBoxLayout()
        ways.setSpacing(0)
        switches.setSpacing(GRID)
        for way, button in self._ways.items():
            if way != BUCKETS:  # which has a row of its own, where there are some
                ways.addWidget(button, 1)
        for button in (self.button, self.all_on):
            switches.addWidget(button, 1)
        for button in (*self._ways.values(), self.button, self.all_on):
            policy = button.sizePolicy()
            policy.setHorizontalPolicy(policy.Policy.Expanding)
            button.setSizePolicy(policy)
        words = QVBoxLayout()
        words.setSpacing(GRID)
        words.addWidget(self.words)
        words.addWidget(self.compared)
        words.addStretch()
        self._middle.setSpacing(GRID)
        self._middle.addWidget(self.maps)
        self._middle.addLayout(words, 1)
        column.addLayout(ways)
        column.addWidget(self._ways[BUCKETS])
        column.addLayout(self._middle)
        column.addLayout(switches)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Words stand beside the maps, if there is room."""
        super().resizeEvent(event)
        ways = QBoxLayout.Direction
        room = self.width() - self.maps.sizeHint().width() >= BESIDE
        self._middle.setDirection(ways.LeftToRight if room else ways.TopToBottom)

    # Fed by the view.

    def begin(self, heads: tuple[int, int]) -> None:
        """Another network."""
        self.off, self._asked, self._drawing, self._place = frozenset(), NOTHING_ASKED, None, None
        if self.choice.of == BUCKETS:
            self.choice = Choice()
        self.maps.begin(heads)
        self.setVisible(self.on and heads[0] > 0)
        self._show_choice()

    def turn(self, on: bool) -> None:
        """On or off; the heads that were off are on again."""
        self.on = on
        self.off = frozenset()
        self.setVisible(on)
        self._ask()
        self._show_choice()

    def follow(self, drawing: Drawing | None, pointed: Place | None, held: Place | None, past: bool) -> None:
        """What is shown, the places that a person points at and holds, and whether it is a recorded moment."""
        self._drawing, self._past = drawing, past
        if drawing is None:
            return
        asked = [place for place in (pointed, held) if place is not None and within(place, drawing)]
        self._place = asked[0] if asked else None
        if held is not None and held in asked:
            self._picture = held.picture
        elif self._picture >= drawing.count or not self.off:
            self._picture = int(drawing.frame["watched"])
        self._ask()
        if self.on:
            self._show()

    def _ask(self) -> None:
        """Have the job say what is wanted, once."""
        if self._drawing is None or self._past or not self.maps.heads[0]:
            return
        place = None if self._place is None else (self._place.y, self._place.x)
        asked = (
            ShowLooked(True, place, self._drawing.number) if self.on else NOTHING_ASKED[0],
            SwitchHeads(tuple(sorted(self.off)), self._picture) if self.off else NOTHING_ASKED[1],
        )
        before, self._asked = self._asked, asked
        for edit, last in zip(asked, before, strict=True):
            if edit != last:
                self._edit(edit)

    def _show(self) -> None:
        drawing = self._drawing
        found = None if drawing is None else looked_in(drawing)
        self.maps.show_looked(None if found is None else found[0])
        said = "" if drawing is None else looked_in_words(drawing, self.choice)
        self.words.setText(said or (NOT_RECORDED if self._past else NOTHING))
        compared = None if drawing is None else Compared.of(drawing)
        self.compared.setText("" if compared is None else compared.words)
        self.compared.setVisible(compared is not None)
        hashed = drawing is not None and buckets_in(drawing) is not None
        self._ways[BUCKETS].setVisible(hashed or self.choice.of == BUCKETS)
        self._show_choice()

    def _show_choice(self) -> None:
        self._ways[self.choice.of].setChecked(True)
        head = self._head
        self.maps.show_heads(head, self.off)
        self.button.setEnabled(head is not None)
        self._all_on.setEnabled(bool(self.off))
        self.button.setText("Switch it on" if head in self.off else "Switch it off")
        self.button.setToolTip(
            "Also draw the picture without this head, and compare (Shift and a click on its map)"
            if head is not None
            else "Choose one head first, or the strongest"
        )

    # What it makes of the wall.

    def over(self, veil: Bytes | None, drawing: Drawing) -> Bytes | None:
        """A veil with the light on it."""
        return lit(veil, drawing, self.choice) if self.on else veil

    def boards(self, drawing: Drawing) -> list[Board]:
        return boards(drawing) if self.on else []

    def titles(self, drawing: Drawing) -> dict[str, str]:
        """What stands above those boards."""
        compared = Compared.of(drawing) if self.on else None
        return {} if compared is None else compared.titles

    def mark(self, drawing: Drawing) -> list[Place]:
        """The place from which it looked."""
        found = looked_in(drawing) if self.on else None
        return [] if found is None else [Place("wall", int(drawing.frame["watched"]), *found[1:])]

    def set_palette(self, palette: Palette) -> None:
        self.maps.set_palette(palette)

    # What the person does.

    @property
    def _head(self) -> Head | None:
        """The one head that is shown."""
        found = None if self._drawing is None else looked_in(self._drawing)
        if found is None:
            return self.choice.head if self.choice.of in ("one", BUCKETS) else None
        return self.choice.head_of(found[0])

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self._show()
        self.changed.emit()

    def _choose_head(self, layer: int, head: int) -> None:
        """That one; again: all."""
        if self.choice.of == BUCKETS:
            self._choose(Choice(BUCKETS, (layer, head)))
            return
        again = self.choice == Choice("one", (layer, head))
        self._choose(Choice("all" if again else "one", (layer, head)))

    def _switch(self, layer: int, head: int) -> None:
        self.off = self.off ^ {(layer, head)}
        self._ask()
        self._show_choice()

    def _switch_shown(self) -> None:
        if self._head is not None:
            self._switch(*self._head)

    def switch_all_on(self) -> None:
        self.off = frozenset()
        self._ask()
        self._show_choice()
