"""What a person may let a network go on from, where pictures are drawn in order: a picture of their own, a half of one,
what is left of it by a brush."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QToolButton

from ...canvas.walls.boards import Place
from ...data.pictures import Picture, load_picture
from ...drawings import Bools, Drawing, left, upper
from ...jobs.drawing.draw import DrawPictures
from ...jobs.drawing.edits import SetPrompt
from ...jobs.drawing.kept import goes_on_from
from ...snapshot import Snapshot
from ..widgets.chips import Chips
from ..work.subjects import SEARCH, Subject, is_picture
from .canvas_view import Painted
from .view import Host
from .wall_view import WallView


class PromptedView(Painted, WallView):
    """The base of that view."""

    def __init__(self, host: Host):
        super().__init__(host)
        self.chips = Chips()
        self.search_button = QToolButton()
        self.search_button.setDefaultAction(host.actions["search"])
        self.search_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)

    def show_snapshot(self, snapshot: Snapshot, controls: Any) -> None:
        super().show_snapshot(snapshot, controls)
        self._show_chips()

    def _show_chips(self) -> None:
        """What is given and asked for, as the job has it."""
        if self.session is None or not isinstance(self.session.job, DrawPictures):
            return
        job, chips = self.session.job, dict[str, Callable[[], None]]()
        if words := goes_on_from(job.state.prompt, job.layout):
            chips[words] = self.clear_mask
        if 0 <= job.controls.label < len(job.sampler.classes):
            chips[f"Class: {job.sampler.classes[job.controls.label]}"] = self._ask_for_any
        self.chips.put(chips)

    def _ask_for_any(self) -> None:
        self.set_controls({"label": -1})
        self._play()

    @property
    def drawing(self) -> Drawing | None:
        """The stage that is on the wall."""
        raise NotImplementedError

    @property
    def held(self) -> Place | None:
        """The place that is held."""
        raise NotImplementedError

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
            name = Path(picture.spec).name or picture.name
            self._prompt(self._prompts.begin(picture.pixels, drawing, name))
            words = "Its top half is kept. Keep the left half instead, or paint away any part of it (B)."
            self.notice.emit(words, (self.host.actions["surprise"],))

    def _prompt(self, prompt: SetPrompt) -> None:
        self.edited.emit(prompt)
        self._play()

    def paint(self, picture: int, painted: Bools, done: bool) -> None:
        """What is painted of a picture is drawn anew, in as many ways as there are pictures."""
        drawing = self.drawing
        if drawing is not None and done and painted.any() and picture < drawing.count:
            self._prompt(self._prompts.paint(picture, painted, drawing))

    @property
    def passing(self) -> tuple[Callable[[], bool], ...]:
        return *super().passing, self.let_go

    def let_go(self) -> bool:
        """Of the place that is held; whether there was one."""
        held: bool = self.canvas.selected is not None
        if held:
            self.select_none()
        return held

    def select_none(self) -> None:
        raise NotImplementedError

    def before_undo(self) -> None:
        """What was painted may be what is taken back."""
        self._stop_painting()

    def _stop_painting(self) -> None:
        self.canvas.painting = None
        self._prompts.stop_painting()

    # Commands: see actions.py.

    def brush(self, on: bool) -> None:
        self.take_brush(on)
        self._stop_painting()
        if on:
            self.message.emit(
                "Paint away a part of a picture: every picture fills it in another way. B ends this."
            )

    def clear_mask(self) -> None:
        self.canvas.painting = None
        self._prompts.forget()
        self._prompt(SetPrompt())

    def search(self) -> None:
        """Another drawing by the same network, which is searched for."""
        self.open_mode(SEARCH)

    def keep_top(self) -> None:
        self._keep(upper)

    def keep_left(self) -> None:
        self._keep(left)

    def _keep(self, part: Callable[[tuple[int, int]], Bools]) -> None:
        drawing, held = self.drawing, self.held
        if drawing is None:
            return
        self.canvas.painting = None
        prompt = self._prompts.keep(part(drawing.size), drawing, None if held is None else held.picture)
        if prompt is None:
            self.message.emit("First click the picture to continue from, or drop one of your own.")
        else:
            self._prompt(prompt)
