"""The colours of a view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Colours:
    """Colours as "#rrggbb" or "#rrggbbaa"."""

    background: str = "#14181d"
    gap: str = "#0e1115"  # between the panes
    divider: str = "#ffffffd8"
    halo: str = "#0000006a"
    bar: str = "#ffffffd0"  # the swipe's bar and the brush's ring
    border: str = "#8b98a766"  # around the picture
    accent: str = "#4fb3ff"
    selected: str = "#ffb454"

    def of(self, name: str) -> npt.NDArray[np.float32]:
        """One of the colours as (r, g, b, a) in [0, 1]."""
        return colour(getattr(self, name))


def colour(text: str) -> npt.NDArray[np.float32]:
    parts = bytes.fromhex(text.removeprefix("#")) + (b"\xff" if len(text) == 7 else b"")
    return np.array(list(parts), np.float32) / np.float32(255)


DARK = Colours()
LIGHT = Colours(background="#f4f1ea", gap="#e6e1d6", border="#6d665b66", accent="#0b6bcb", selected="#c25a00")
