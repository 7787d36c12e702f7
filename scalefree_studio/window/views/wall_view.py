"""What the views of walls of small pictures have in common: the canvas, how one moves over it, and its export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PyQt6.QtGui import QShowEvent

from ...canvas.walls.canvas import WallCanvas
from ...data.pictures import Picture
from ...jobs.drawing.draw import DrawPictures
from ...jobs.instruments import draws, lessons
from ...runs import choose_device
from ...snapshot import Bytes, Snapshot
from ..widgets.command import key_in
from ..widgets.theme import Palette
from ..work.judge import Judge, classes_of, network_at_work
from ..work.subjects import Wish
from . import render
from .canvas_view import CanvasView
from .pace import Pace
from .prompts import Prompts
from .surprise_dialog import SurpriseDialog
from .view import Host, Mode
from .ways import Way, wall

MODES = (
    Mode("learn", "Learn", "Watch the network learn"),
    Mode("draw", "Draw", "Let the network draw, one place after another"),
    Mode(
        "complete", "Complete", "Let it complete pictures of your own, at several temperatures side by side"
    ),
)
PUT_TOGETHER = (
    "This model was put together from networks that learned one after another; a recipe (G) shows how."
)
IN_STAGES = "A drawing in several stages has no table. Keep a part of a picture instead (U, I)."
BY_SEARCH = "There is no table while it searches. Keep a part of a picture instead (U, I)."


def modes_of(kind: str, stages: int = 1, searches: bool = False) -> tuple[Mode, ...]:
    """The modes of a network of a kind that draws in so many stages, perhaps by a search; which it lacks says why."""
    why_not = {} if kind in lessons() else {"learn": PUT_TOGETHER}
    if stages > 1 or searches:
        why_not["complete"] = IN_STAGES if stages > 1 else BY_SEARCH
    return tuple(replace(mode, why_not=why_not.get(mode.name, "")) for mode in MODES) if draws(kind) else ()


class WallView(CanvasView):
    shows = WallCanvas
    modes: tuple[Mode, ...] = MODES
    titles: dict[str, str] = {}  # board → what stands above it
    names = {
        "fit": ("Fit", "Show the whole wall"),
        "zoom_in": ("Zoom in", "Until a few pixels fill the window"),
        "zoom_out": ("Zoom out", "Until the whole wall is in view"),
    }

    def __init__(self, host: Host):
        super().__init__(host)
        render.watch_leaving(self.canvas)
        self._prompts = Prompts()
        self._pace = Pace()

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        if self.session is not None and isinstance(self.session.job, DrawPictures):
            job, playing = self.session.job, self.session.status.playing
            if not playing:
                self._pace.forget()
            words = self._pace.words(job.step_count, job.controls.speed) if playing else ""
            self.noted.emit("speed", words)

    no_export = "There is nothing to export yet: wait until something is drawn."

    def pictures(self) -> Bytes | None:
        """All of the wall: (N, h, w, 3)."""
        return None

    def covered(self) -> Callable[[], Bytes] | None:
        """Gives the same with what may lie over them; None: nothing may."""
        return None

    def everything(self) -> Way | None:
        pictures, looks = self.pictures(), self.movie_looks()
        return None if pictures is None else wall(pictures, self.covered(), looks.get("overlay", False))

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        self._name_boards()

    def showEvent(self, event: QShowEvent | None) -> None:
        """On a screen, whose pixels are known now."""
        super().showEvent(event)
        self._name_boards()

    def _name_boards(self) -> None:
        if self.palette_ is not None and self.titles:
            self.canvas.set_captions(self.captions(self.canvas.ratio))

    def captions(self, ratio: float) -> dict[str, Bytes]:
        if self.palette_ is None:
            return {}
        return {
            name: render.caption(title, self.font(), self.palette_.text, ratio, pill=False)
            for name, title in self.titles.items()
        }

    def open_mode(self, mode: str) -> None:
        """The same network in another mode: what it was opened with, or the run that it is."""
        if mode != self.mode and self.opened is not None and self.session is not None:
            source = self.opened.source or str(self.session.folder.path)
            self.open_requested.emit(str(Wish(mode, source)), None)

    def _play(self) -> None:
        """Go on, and look at it."""
        self.host.actions["to_now"].trigger()
        if self.session is not None:
            self.session.runner.play()

    def _draw_next_seed(self) -> None:
        if self.session is not None:
            self.set_controls({"seed": self.session.job.controls.seed + 1})
            self._play()

    def end(self) -> None:
        super().end()
        self.canvas.show([])

    def surprise(self) -> None:
        """Ask how surprising a picture is to the network: the one that is gone on from, if there is one."""
        if self.session is None or self.palette_ is None:
            return
        job, folder = self.session.job, self.session.folder
        self.session.runner.save_soon()
        judge = Judge(network_at_work(job, folder), choose_device())
        classes = classes_of(job)
        dialog = SurpriseDialog(
            judge, classes, self.host.settings, self.palette_, self.mode == "draw", self.window()
        )
        dialog.message.connect(self.message)
        dialog.complete.connect(self.take)
        key_in(dialog, self.host.actions["paste"]).activated.connect(dialog.paste)
        self.host.show_dialog(dialog)
        if self._prompts.own is not None:
            dialog.take(Picture(self._prompts.own, "picture", ""))
