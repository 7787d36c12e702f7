"""What a person lets a network go on from: a picture of their own, a half of one, what was left of it by a brush."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...drawings import Bools, Bytes, Drawing, upper
from ...jobs.drawing.edits import SetPrompt


@dataclass(frozen=True)
class Original:
    """The picture that is painted on, as it was, and what of it there was."""

    picture: int
    pixels: Bytes
    there: Bools


class Prompts:
    """Makes edits of what the hands do. A picture of the person's own goes before those of the wall."""

    def __init__(self) -> None:
        self.own: Bytes | None = None
        self._painted_on: Original | None = None

    def forget(self) -> None:
        self.own = None
        self.stop_painting()

    def stop_painting(self) -> None:
        self._painted_on = None

    def begin(self, own: Bytes, drawing: Drawing) -> SetPrompt:
        """From the upper half of a picture of one's own."""
        self.forget()
        self.own = own
        return SetPrompt(own, upper(drawing.size))

    def keep(self, part: Bools, drawing: Drawing, held: int | None) -> SetPrompt | None:
        """From a part of one's own picture, or of the one that is held, as far as it is drawn."""
        self.stop_painting()
        if self.own is not None:
            return SetPrompt(self.own, part)
        if held is None:
            return None
        return SetPrompt(drawing.pictures()[held], part & drawing.drawn()[held])

    def paint(self, picture: int, painted: Bools, drawing: Drawing) -> SetPrompt:
        """From what is left of a picture as it was before it was painted on."""
        original = self._painted_on
        if original is None or original.picture != picture:
            own, everywhere = self.own, np.ones(drawing.size, bool)
            if own is not None:
                original = Original(picture, own, everywhere)
            else:
                original = Original(picture, drawing.pictures()[picture], drawing.drawn()[picture])
            self._painted_on = original
        return SetPrompt(original.pixels, original.there & ~painted)
