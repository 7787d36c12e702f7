"""What a person may let a network go on from, where pictures are drawn in order: a picture of their own, a half of one,
what is left of it by a brush."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...canvas.walls.boards import Place
from ...data.pictures import Picture, load_picture
from ...drawings import Bools, Drawing, left, upper
from ...jobs.drawing.edits import SetPrompt
from ..work.subjects import Subject, is_picture
from .canvas_view import Painted
from .wall_view import WallView


class PromptedView(Painted, WallView):
    """The base of that view."""

    @property
    def drawing(self) -> Drawing | None:
        """The stage that is on the wall."""
        raise NotImplementedError

    @property
    def held(self) -> Place | None:
        """The place that is held."""
        raise NotImplementedError

    def _play(self) -> None:
        """Go on, and look at it."""
        self.host.actions["to_now"].trigger()
        if self.session is not None:
            self.session.runner.play()

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
            words = "Its upper half is kept. Keep the left half instead, or paint away any part of it (B)."
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
