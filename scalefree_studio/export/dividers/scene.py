"""A divider network in a movie: its picture while it is learnt, with a way into its depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UserError
from ...models.dividers import network as dividers
from ...models.dividers.render import Region
from ...snapshot import Bytes, Checkpoint, Snapshot
from ..size import SceneSize, size_for, sized
from .overlay import stroke_of
from .picture import crisp_sharpness, draw


@dataclass(frozen=True)
class Zoom:
    """A way to (x, y), in the picture's coordinates, where everything is `factor` times as large."""

    x: float
    y: float
    factor: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and 1e-6 <= self.factor <= 1e10):
            raise UserError("A zoom needs a finite point and a factor between 0.000001 and 10000000000.")

    def region(self, whole: Region, time: float) -> Region:
        """What is seen at a time in [0, 1]: by the same factor nearer every moment, the start and the end softened."""
        nearness = self.factor ** (time * time * (3 - 2 * time))
        # The way to the point is as far as what is seen of the plane has yet to shrink.
        left = (1 / nearness - 1 / self.factor) / (1 - 1 / self.factor) if self.factor != 1 else 1 - time
        x, y = self.x + (whole.x - self.x) * left, self.y + (whole.y - self.y) * left
        return Region(x, y, whole.pixel / nearness)


class DividerScene:
    def __init__(
        self,
        checkpoint: Checkpoint,
        last: Snapshot,
        size: SceneSize | None = None,
        *,
        border: float = 1.0,
        samples: int = 1,
        overlay: bool = False,
        zoom: tuple[float, float, float] | None = None,
        crisp: bool = False,
        sharpness: float | None = None,
    ):
        """`overlay` draws the dividers over the picture. `crisp` keeps edges as hard on the screen as they were in the
        picture that was learnt."""
        target = checkpoint.model.get("target")
        if target is None or target.ndim != 3 or not target.size:
            raise UserError("The model is damaged: it does not hold the picture that it learned.")
        self._picture = target.shape[0], target.shape[1]
        self.size = sized(size, lambda side: size_for(self._picture, side))
        width, height = self.size
        self._whole = Region.whole(self._picture, height, width, border)
        self._sharpness = sharpness or float(checkpoint.about.get("controls", {}).get("sharpness", 1000.0))
        self._stroke = stroke_of(width, height) if overlay else 0.0
        self._samples, self._crisp = samples, crisp
        self._zoom = Zoom(*zoom) if zoom else None

    def draw(self, time: float, snapshot: Snapshot) -> Bytes:
        region = self._zoom.region(self._whole, time) if self._zoom else self._whole
        hard = crisp_sharpness(self._sharpness, self._picture, region) if self._crisp else self._sharpness
        params = dividers.params_from_arrays(snapshot.frame)
        return draw(params, region, *self.size, hard, self._samples, self._stroke)

    def between(self, a: Snapshot, b: Snapshot, part: float) -> Snapshot:
        """The nearer one where units came or went between them."""
        nearer = a if part < 0.5 else b
        if _units(a.frame) != _units(b.frame):
            return nearer
        frame: dict[str, Any] = {
            name: (1 - part) * value + part * b.frame[name]  # type: ignore[operator]
            for name, value in a.frame.items()
            if np.issubdtype(value.dtype, np.floating)
        }
        seconds = (1 - part) * a.seconds + part * b.seconds
        return Snapshot(a.kind, nearer.step, seconds, frame, nearer.metrics)


def _units(frame: Mapping[str, Any]) -> object:
    """Equal for two frames whose parameters mean the same units."""
    ids = frame.get("unit_ids")
    return sorted((name, value.shape) for name, value in frame.items()), None if ids is None else ids.tolist()
