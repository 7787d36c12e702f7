"""What a person lets a network go on from: a picture of their own, a half of one, what was left of it by a brush."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...drawings import Bools, Drawing, upper
from ...jobs.drawing.edits import SetPrompt
from ...snapshot import Bytes


@dataclass(frozen=True)
class Original:
    """The picture that is painted on, as it was, and what of it there was."""

    picture: int
    prompt: SetPrompt
    there: Bools


class Prompts:
    """Makes edits of what a person does. A picture of their own goes before those of the wall, of which the values are
    taken as they were drawn."""

    def __init__(self) -> None:
        self.own: Bytes | None = None
        self._name = ""  # of the own one
        self._painted_on: Original | None = None

    def forget(self) -> None:
        self.own = None
        self.stop_painting()

    def stop_painting(self) -> None:
        self._painted_on = None

    def begin(self, own: Bytes, drawing: Drawing, name: str = "") -> SetPrompt:
        """From the upper half of a picture of one's own."""
        self.forget()
        self.own, self._name = own, name
        return replace(self._own(own, drawing), keep=upper(drawing.size))

    def keep(self, part: Bools, drawing: Drawing, held: int | None) -> SetPrompt | None:
        """From a part of one's own picture, or of the one that is held, as far as it is drawn."""
        self.stop_painting()
        if self.own is not None:
            return replace(self._own(self.own, drawing), keep=part)
        if held is None:
            return None
        return replace(_drawn(drawing, held), keep=part & drawing.drawn()[held])

    def paint(self, picture: int, painted: Bools, drawing: Drawing) -> SetPrompt:
        """From what is left of a picture as it was before it was painted on."""
        original = self._painted_on
        if original is None or original.picture != picture:
            if self.own is not None:
                original = Original(picture, self._own(self.own, drawing), np.ones(drawing.size, bool))
            else:
                original = Original(picture, _drawn(drawing, picture), drawing.drawn()[picture])
            self._painted_on = original
        return replace(original.prompt, keep=original.there & ~painted)

    def _own(self, pixels: Bytes, drawing: Drawing) -> SetPrompt:
        return SetPrompt(pixels=pixels, stage=drawing.number, name=self._name)


def _drawn(drawing: Drawing, picture: int) -> SetPrompt:
    return SetPrompt(drawing.values[picture], stage=drawing.number)
