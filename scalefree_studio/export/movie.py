"""The movie of a recorded run: a recording is data, so size, speed and looks are chosen afterwards."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..drawings import KIND as DRAWING
from ..errors import UserError
from ..snapshot import Checkpoint, Snapshot
from .caption import draw_caption, filled
from .dividers.picture import Bytes, Progress, drawn_ahead
from .dividers.scene import DividerScene
from .scene import Scene, Size
from .video import VideoWriter
from .walls.scene import DrawingScene, TrainingScene

# By the kind of what was recorded. Another kind is a line here.
SCENES: dict[str, Callable[..., Scene]] = {
    "dividers": DividerScene,
    DRAWING: DrawingScene,
    "pixelcnn": TrainingScene,
}


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
    width: int
    height: int


def movie_of_run(
    run: Run,
    path: Path | str,
    *,
    size: Size = None,
    fps: float = 30,
    seconds: float | None = None,
    pause: float = 0.0,
    caption: str | None = None,
    colours: str = "yuv420p",
    progress: Callable[[int], Progress] | None = None,
    **look: Any,
) -> Movie:
    """Draw every recorded frame of a run into a movie of `size`: (width, height), or the longer side.

    `seconds` says how long it lasts: some frames are left out, or new ones made between. Otherwise every recorded frame
    is shown once. Then the last one stays for a `pause` of so many seconds. `look` goes to the scene of that kind of
    run, which may refuse it. `progress` is told the number of frames, and answers with what is to be called as they are
    done.
    """
    checkpoint, history = run.checkpoint(), run.history()
    try:
        index = [id for id, _ in history.index()]
        if not index:
            raise UserError("Nothing was recorded of this run, so there is no movie to make.")
        first, last = history.frame(index[0]), history.frame(index[-1])
        scene = scene_of(checkpoint, last, size, look)
        if caption:  # a mistake in it is told before anything is written
            filled(caption, first, last.metrics)

        def drawn(moment: tuple[float, Snapshot]) -> Bytes:
            time, snapshot = moment
            with damage_told(snapshot):
                frame = scene.draw(time, snapshot)
            if caption:
                draw_caption(frame, filled(caption, snapshot, last.metrics))
            return frame

        count = len(index) if seconds is None else max(1, round(seconds * fps))
        still = round(pause * fps)
        with VideoWriter(path, *scene.size, fps, colours) as video:
            done = progress(count + still) if progress else None
            for number, frame in enumerate(drawn_ahead(drawn, moments(history, index, count, scene.between))):
                for _ in range(1 + still * (number == count - 1)):
                    video.write(frame)
                    if done:
                        done(1)
        return Movie(count + still, *scene.size)
    finally:
        history.close()


def scene_of(checkpoint: Checkpoint, last: Snapshot, size: Size, look: dict[str, Any]) -> Scene:
    """The scene of a run, or a UserError in one sentence."""
    if last.kind not in SCENES:
        raise UserError(f"There are no movies of {last.kind!r}, only of {', '.join(SCENES)}.")
    kinds = inspect.signature(SCENES[last.kind]).parameters.values()
    known = {p.name for p in kinds if p.kind is inspect.Parameter.KEYWORD_ONLY}
    unknown = sorted(look.keys() - known)
    if unknown:
        raise UserError(
            f"In a movie of {last.kind!r}, {' and '.join(unknown)} would mean nothing; leave it out."
        )
    with damage_told(last):
        return SCENES[last.kind](checkpoint, last, size, **look)


@contextmanager
def damage_told(snapshot: Snapshot) -> Iterator[None]:
    """Within this, whatever is wrong with a recorded frame becomes one sentence."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"The recorded frame of step {snapshot.step} is damaged: {error}.") from None


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
            with damage_told(b):
                moment = between(a, b, place - before)
            yield time, moment
        else:
            yield time, fetch(index[round(place)])
