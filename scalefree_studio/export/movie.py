"""The movie of a recorded run: a recording is data, so size, speed, path and overlay are chosen afterwards."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..errors import UserError
from ..models import dividers
from ..models.divider_render import Region
from ..snapshot import Checkpoint, Snapshot
from .caption import draw_caption, filled
from .overlay import stroke_of
from .picture import Bytes, Progress, draw, drawn_ahead
from .video import VideoWriter

LONGER_SIDE = 1080  # pixels, where nobody asks for a size


class History(Protocol):
    """What a movie needs of a recording."""

    def index(self) -> list[tuple[int, int]]:
        """(id, step) of every frame."""

    def frame(self, id: int, /) -> Snapshot: ...

    def close(self) -> None: ...


class Run(Protocol):
    """What a movie needs of a run folder."""

    def checkpoint(self) -> Checkpoint: ...

    def history(self) -> History: ...


@dataclass(frozen=True)
class Zoom:
    """A way to (x, y), in the picture's coordinates, where everything is `factor` times as large."""

    x: float
    y: float
    factor: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and 1e-6 <= self.factor <= 1e10):
            raise UserError("A zoom leads to a finite point, with a factor between 0.000001 and 10000000000.")

    def region(self, whole: Region, time: float) -> Region:
        """What is seen at a time in [0, 1]: by the same factor nearer every moment, the start and the end softened."""
        nearness = self.factor ** (time * time * (3 - 2 * time))
        # The way to the point is as far as what is seen of the plane has yet to shrink.
        left = (1 / nearness - 1 / self.factor) / (1 - 1 / self.factor) if self.factor != 1 else 1 - time
        x, y = self.x + (whole.x - self.x) * left, self.y + (whole.y - self.y) * left
        return Region(x, y, whole.pixel / nearness)


def movie_of_run(
    run: Run,
    path: Path | str,
    *,
    size: tuple[int, int] | None = None,
    fps: float = 30,
    seconds: float | None = None,
    border: float = 1.0,
    samples: int = 1,
    overlay: bool = False,
    caption: str | None = None,
    zoom: Zoom | None = None,
    crisp: bool = False,
    sharpness: float | None = None,
    colours: str = "yuv420p",
    progress: Callable[[int], Progress] | None = None,
) -> int:
    """Draw every recorded frame of a run into a movie of `size` (width, height); how many frames it has.

    `seconds` says how long it lasts: some frames are left out, or new ones made between. Otherwise every recorded frame
    is shown once. `crisp` keeps edges as hard on the screen as they were in the picture that was learnt. `progress` is
    told the number of frames, and answers with what is to be called as they are done.
    """
    checkpoint = run.checkpoint()
    picture = checkpoint.model["target"].shape[:2]
    width, height = size or size_for(picture, LONGER_SIDE)
    whole = Region.whole((picture[0], picture[1]), height, width, border)
    sharpness = sharpness or float(checkpoint.about.get("controls", {}).get("sharpness", 1000.0))
    stroke = stroke_of(width, height) if overlay else 0.0

    def drawn(moment: tuple[float, Snapshot]) -> Bytes:
        time, snapshot = moment
        region = zoom.region(whole, time) if zoom else whole
        hard = crisp_sharpness(sharpness, (picture[0], picture[1]), region) if crisp else sharpness
        try:
            params = dividers.params_from_arrays(snapshot.frame)
        except ValueError as error:
            raise UserError(f"The recorded frame of step {snapshot.step} is damaged: {error}.") from None
        frame = draw(params, region, width, height, hard, samples, stroke)
        if caption:
            draw_caption(frame, filled(caption, snapshot))
        return frame

    history = run.history()
    try:
        index = [id for id, _ in history.index()]
        if not index:
            raise UserError("Nothing was recorded of this run, so there is no movie to make.")
        first = history.frame(index[0])
        if first.kind != "dividers":
            raise UserError(f"There are no movies of {first.kind!r} yet, only of divider networks.")
        if caption:
            filled(caption, first)  # a mistake in it is told before anything is written
        count = len(index) if seconds is None else max(1, round(seconds * fps))
        with VideoWriter(path, width, height, fps, colours) as video:
            done = progress(count) if progress else None
            for frame in drawn_ahead(drawn, moments(history, index, count)):
                video.write(frame)
                if done:
                    done(1)
        return count
    finally:
        history.close()


def moments(history: History, index: list[int], count: int) -> Iterator[tuple[float, Snapshot]]:
    """`count` moments spread evenly over a recording: (time in [0, 1], what was then)."""
    fetch = functools.lru_cache(maxsize=2)(history.frame)
    for number in range(count):
        time = number / max(1, count - 1)
        place = time * (len(index) - 1)
        before = math.floor(place)
        if count > len(index) and place > before:  # slow motion
            yield time, between(fetch(index[before]), fetch(index[before + 1]), place - before)
        else:
            yield time, fetch(index[round(place)])


def between(a: Snapshot, b: Snapshot, part: float) -> Snapshot:
    """A moment between two; the nearer one where units came or went between them."""
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


def size_for(picture: tuple[int, ...], longer_side: int) -> tuple[int, int]:
    """(width, height) with the shape of a picture (height, width)."""
    height, width = (max(1, round(side * longer_side / max(picture[:2]))) for side in picture[:2])
    return width, height


def crisp_sharpness(sharpness: float, picture: tuple[int, int], region: Region) -> float:
    """The sharpness with which an edge is as many pixels wide in a region as it was in the picture that was learnt."""
    return sharpness * max(1.0, 2 / max(picture) / region.pixel)
