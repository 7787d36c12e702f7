"""Numbers of small divider networks, as a canvas is given them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Frame = dict[str, npt.NDArray[Any]]


def frame_of(
    lines: int = 3, circles: int = 2, hidden: int = 4, seed: int = 0, form: str = "angle", cells: int = 0
) -> Frame:
    r = np.random.default_rng(seed)

    def f(*shape: int, scale: float = 1.0) -> npt.NDArray[Any]:
        return (r.normal(size=shape) * scale).astype(np.float32)

    units = lines + circles + cells
    frame: Frame = {"line_angle": f(lines, scale=3)}
    frame |= (
        {"line_centre": f(lines, 2, scale=0.4)} if form == "angle" else {"line_offset": f(lines, scale=0.4)}
    )
    frame |= {"circle_centre": f(circles, 2, scale=0.4), "circle_log_radius": f(circles, scale=0.4) - 1}
    if cells:
        frame |= {"cell_centre": f(cells, 2, scale=0.4), "cell_log_radius": f(cells, 2, scale=0.5) - 1.5}
        frame |= {"cell_angle": f(cells, scale=3)}
    frame |= {"colour_weight": f(hidden, units), "colour_bias": f(hidden), "out_weight": f(3, hidden)}
    return frame | {"out_bias": f(3, scale=0.3), "unit_ids": np.arange(units, dtype=np.int64) + 100}
