"""The movie of a recorded run: a recording is data, so size, speed and looks are chosen afterwards."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..controls import differing, edited
from ..errors import UserError
from ..snapshot import Bytes, Checkpoint, Snapshot
from .ahead import Progress, drawn_ahead
from .caption import draw_caption, filled
from .movie_file import GIF_SIDE, frames_into
from .options import SCENE_OPTIONS, MovieOptions
from .scene import frame_errors, scene_of


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
class Movie:
    """What was made."""

    frames: int
    fps: float
    width: int
    height: int

    @property
    def seconds(self) -> float:
        return self.frames / self.fps


def movie_of_run(
    run: Run,
    path: Path | str,
    *,
    progress: Callable[[int], Progress] | None = None,
    **options: Any,
) -> Movie:
    """Draw every recorded frame of a run into a movie; `options` are those of MovieOptions, by name.

    `seconds` says how long it lasts: some frames are left out, or new ones made between. Otherwise every recorded frame
    is shown once. Then the last one stays for a `pause` of so many seconds. What it shall look like is for the scene of
    that kind of run, which may refuse it. `progress` is called with the number of frames, and answers with what is to
    be called as they are done.
    """
    wanted, path = edited(MovieOptions(), options), Path(path)
    checkpoint, history = run.checkpoint(), run.history()
    try:
        index = [id for id, _ in history.index()]
        if not index:
            raise UserError("Nothing was recorded in this run, so there is no movie to make.")
        first, last = history.frame(index[0]), history.frame(index[-1])
        size = GIF_SIDE if wanted.size is None and path.suffix.lower() == ".gif" else wanted.size
        asked = {c.name: value for c, value in differing(MovieOptions(), wanted) if c.name in SCENE_OPTIONS}
        scene = scene_of(checkpoint, first, last, size, asked)
        if wanted.caption:  # a mistake in it is told before anything is written
            filled(wanted.caption, first, last.metrics)

        def drawn(moment: tuple[float, Snapshot]) -> Bytes:
            time, snapshot = moment
            with frame_errors(snapshot):
                frame = scene.draw(time, snapshot)
            if wanted.caption:
                draw_caption(frame, filled(wanted.caption, snapshot, last.metrics))
            return frame

        count = len(index) if wanted.seconds is None else max(1, round(wanted.seconds * wanted.fps))
        still = round(wanted.pause * wanted.fps)
        with frames_into(path, scene.size, count + still, wanted.fps, wanted.colours) as write:
            done = progress(count + still) if progress else None
            for number, frame in enumerate(drawn_ahead(drawn, moments(history, index, count, scene.between))):
                for _ in range(1 + still * (number == count - 1)):
                    write(frame)
                    if done:
                        done(1)
        return Movie(count + still, wanted.fps, *scene.size)
    finally:
        history.close()


Between = Callable[[Snapshot, Snapshot, float], Snapshot]


def moments(
    history: History, index: list[int], count: int, between: Between
) -> Iterator[tuple[float, Snapshot]]:
    """`count` moments spread evenly over a recording: (time in [0, 1], what was then)."""
    fetch = functools.lru_cache(maxsize=2)(history.frame)
    for number in range(count):
        time = number / max(1, count - 1)
        place = time * (len(index) - 1)
        before = math.floor(place)
        if count > len(index) and place > before:  # slow motion
            a, b = fetch(index[before]), fetch(index[before + 1])
            with frame_errors(b):
                moment = between(a, b, place - before)
            yield time, moment
        else:
            yield time, fetch(index[round(place)])
