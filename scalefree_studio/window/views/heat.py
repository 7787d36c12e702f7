"""Numbers as colours, in a theme's own: from its ground through its accent to white or ink."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...export.heat import heat as between
from ...export.heat import rgb as rgb
from ...snapshot import Bytes
from ..widgets.theme import Palette


def heat(shares: npt.ArrayLike, palette: Palette) -> Bytes:
    """Shares in [0, 1], (…), as opaque colours, (…, 3)."""
    return between(shares, (palette.window, palette.accent, palette.text))


def veil(shares: npt.ArrayLike, colour: str, most: float = 0.85) -> Bytes:
    """Shares in [0, 1], (…), as how much a colour covers what lies under it: (…, 4)."""
    alpha = np.clip(np.asarray(shares, float), 0, 1) * (most * 255)
    covered = np.empty((*alpha.shape, 4), np.uint8)
    covered[..., :3] = rgb(colour)
    covered[..., 3] = alpha.round()
    return covered
