"""The view of a network that learns to draw: samples that renew themselves, and what surprises it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PyQt6.QtWidgets import QLabel, QVBoxLayout, QWidget

from ...canvas.walls.boards import Board, Place
from ...canvas.walls.listener import WallListener
from ...jobs.instruments import draws
from ...jobs.job import Edit, SetControls
from ...jobs.training.train import Train
from ...snapshot import Array, Bytes, Snapshot
from ...time_left import duration
from ..widgets.forms import heading
from ..widgets.series import Quantity
from ..widgets.theme import GRID, Palette
from ..widgets.toast import Choice
from ..work.opening import Opened
from ..work.session import Session
from ..work.subjects import COMPLETE, DRAW, Wish
from .heat import heat
from .view import Host
from .wall_view import MODES, WallView

WORDS = (
    "The wall shows what the network draws right now, redrawn row by row while it learns. Beside it are "
    "pictures it never learned from, and how much each of their places surprises it: the more one stands "
    "out, the less it was expected."
)


class TrainingView(WallView):
    first_hint = "Watch it learn: Space pauses, and Draw at the top lets it draw."
    follows: tuple[type[Edit], ...] = (SetControls,)
    at_rest = "Training has finished. Set more epochs in the panel to continue, or start over."
    lacks: tuple[str, ...] = ("go_on_from_here",)  # what is recorded are pictures, not the network
    titles = {"samples": "Samples", "held": "Held out", "surprise": "Surprise"}
    names = WallView.names | {"single_step": ("Step", "Learn from a single batch")}
    mouse: tuple[tuple[str, str], ...] = (
        ("Wheel", "Zoom at the pointer"),
        ("Drag", "Move the wall"),
        ("Double click", "The whole wall"),
        ("Point at a pixel", "See how surprising it was"),
        ("Drop a file", "Learn that picture, or continue that run"),
    )

    def __init__(self, host: Host):
        super().__init__(host)
        self.mode = "learn"
        self.pointed: Place | None = None  # what the pointer is over
        self.canvas.listener = _Gestures(self)
        self.foot = QWidget()
        column = QVBoxLayout(self.foot)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(heading("What you see"))
        words = QLabel(WORDS)
        words.setWordWrap(True)
        words.setProperty("soft", True)
        column.addWidget(words)
        column.setSpacing(GRID)

    def begin(self, session: Session, opened: Opened) -> None:
        super().begin(session, opened)
        assert isinstance(session.job, Train)
        lesson, self.pointed = session.job.lesson, None
        self.lacks = TrainingView.lacks + (() if draws(lesson.kind) else ("surprise",))
        self.settled, self.modes = lesson.settled, MODES if draws(lesson.kind) else ()
        self.quantities = (
            *(
                Quantity(c.metric, c.title, c.unit, c.log, 3, c.beside, c.beside_title, c.help)
                for c in lesson.curves
            ),
            Quantity("learning_rate", "Learning rate", log=True),
            Quantity("steps_per_second", "Speed", "steps/s"),
        )

    @property
    def _held(self) -> Array | None:
        return None if self.session is None else self.session.still.get("held")

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        self.noted.emit("epochs", self._other_end())
        self._show_boards()
        self._say_pointed()

    def _show_boards(self) -> None:
        frame = self.snapshot.frame if self.snapshot else {}
        held, boards = self._held, []
        if "wall" in frame:
            boards.append(Board("samples", coloured(frame["wall"]), columns=8))
        if held is not None and len(held):
            boards.append(Board("held", coloured(held)))
            if "surprise" in frame and self.palette_ is not None:
                bits = np.asarray(frame["surprise"], float)
                boards.append(Board("surprise", heat(bits / self._most(), self.palette_)))
        self.canvas.show(boards)

    def _most(self) -> float:
        """Bits of a place that take the brightest colour: as many as a guess without knowledge costs."""
        most = None if self.session is None else self.session.still.get("most_bits")
        return max(1.0, 0.0 if most is None else float(np.asarray(most, float)))

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        self._show_boards()

    def words(self, snapshot: Snapshot) -> str:
        parts = [self._epoch(snapshot)]
        for metric, name in (("bits_per_dimension", "bits"), ("held_out_bits", "bits held out")):
            if metric in snapshot.metrics:
                parts.append(f"{snapshot.metrics[metric]:.3f} {name}")
        return ", ".join(parts)

    def _epoch(self, snapshot: Snapshot) -> str:
        """Where it is."""
        at = int(snapshot.metrics.get("epoch", 0)) + 1
        most = (
            self.session.job.epochs
            if self.session is not None and isinstance(self.session.job, Train)
            else None
        )
        return f"epoch {at}" if most is None else f"epoch {min(at, most)} of {most}"

    def _other_end(self) -> str:
        """What ends it, where its epochs do not."""
        job = None if self.session is None else self.session.job
        if not isinstance(job, Train) or job.epochs is not None:
            return ""
        steps, seconds = job.limit.steps, job.limit.seconds
        ends = [f"at step {steps:,}"] if steps else []
        ends += [f"after {duration(seconds)}"] if seconds else []
        return f"ends {' or '.join(ends)} instead"

    def result(self, snapshot: Snapshot) -> str:
        metrics = snapshot.metrics
        if "held_out_bits" in metrics:
            return f"{metrics['held_out_bits']:.3f} bits held out"
        return f"{metrics['bits_per_dimension']:.3f} bits" if "bits_per_dimension" in metrics else ""

    def next_steps(self) -> tuple[Choice, ...]:
        draws = [(mode.title, lambda: self.set_mode(DRAW)) for mode in self.modes if mode.name == DRAW]
        return *draws, self.host.actions["export_picture"]

    def pictures(self) -> Bytes | None:
        frame = self.snapshot.frame if self.snapshot else {}
        return coloured(frame["wall"]) if "wall" in frame else None

    def show_hovered(self, place: Place | None) -> None:
        self.pointed = place
        self._say_pointed()

    def _say_pointed(self) -> None:
        """As it is now: learning changes it under a pointer at rest."""
        self.readout.emit("" if self.pointed is None else self._named(self.pointed))

    def _named(self, place: Place) -> str:
        surprise = self.snapshot.frame.get("surprise") if self.snapshot else None
        at = place.picture, place.y, place.x
        if surprise is None or place.board == "samples" or any(np.greater_equal(at, surprise.shape)):
            return ""
        bits = float(np.asarray(surprise[at]))
        where = f"Held-out picture {place.picture + 1}   row {place.y + 1}, column {place.x + 1}"
        return f"{where}   {bits:.2f} bits of surprise"

    def set_mode(self, mode: str) -> None:
        if mode in (DRAW, COMPLETE) and self.session is not None:
            self.open_requested.emit(str(Wish(mode, str(self.session.folder.path))), None)


def coloured(pictures: Array) -> Bytes:
    """(N, H, W, 1 or 3) bytes as (N, H, W, 3)."""
    made = np.asarray(pictures, np.uint8)
    return np.broadcast_to(made, (*made.shape[:3], 3))


class _Gestures(WallListener):
    def __init__(self, view: TrainingView):
        self._view = view

    def hover(self, place: Place | None) -> None:
        self._view.show_hovered(place)
