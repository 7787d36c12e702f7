"""What a movie needs of each kind of run: a scene that draws its recorded frames. Which kind has which is told here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any, Protocol

from ..drawings import KIND as DRAWING
from ..errors import UserError
from ..snapshot import Bytes, Checkpoint, Snapshot
from .size import SceneSize


class Scene(Protocol):
    """Draws the frames of one recording."""

    size: tuple[int, int]  # (width, height)

    def draw(self, time: float, snapshot: Snapshot) -> Bytes:
        """The picture (height, width, 3) of a frame, at a time in [0, 1] of the movie."""

    def between(self, a: Snapshot, b: Snapshot, part: float) -> Snapshot:
        """A moment between two frames, for slow motion."""


# Called with (checkpoint, last recorded frame, size), and with how it shall look: keywords of its own, of which it
# takes those that have a meaning for it.
SceneMaker = Callable[..., Scene]

# By kind: the scene, or where it is, "module:name", so that it is imported only when it is needed.
SCENES: dict[str, SceneMaker | str] = {
    "dividers": "scalefree_studio.export.dividers.scene:DividerScene",
    DRAWING: "scalefree_studio.export.walls.scene:DrawingScene",
}
TRAINING = "scalefree_studio.export.walls.scene:TrainingScene"  # of every other kind whose frames hold a wall


def register_scene(kind: str, scene: SceneMaker | str) -> None:
    """From now on, movies of that kind of run are made with this scene."""
    SCENES[kind] = scene


def scene_maker(kind: str) -> SceneMaker:
    """Whatever draws runs of a kind; a UserError where it is named but cannot be imported."""
    scene = SCENES.get(kind, TRAINING)
    if not isinstance(scene, str):
        return scene
    try:
        return resolve_name(scene)  # type: ignore[no-any-return]
    except Exception as error:  # whatever it is: it may be somebody else's
        raise UserError(f"The scene of {kind!r}, {scene}, cannot be imported: {error}.") from None


def options_of(kind: str) -> set[str]:
    """The names of what a scene may be asked for."""
    parameters = inspect.signature(scene_maker(kind)).parameters.values()
    return {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def scene_of(
    checkpoint: Checkpoint,
    first: Snapshot,
    last: Snapshot,
    size: SceneSize | None,
    options: Mapping[str, Any],
) -> Scene:
    """The scene of a recording that begins and ends with these frames, or a UserError in one sentence."""
    kind = last.kind
    if kind not in SCENES and "wall" not in first.frame and "wall" not in last.frame:
        raise UserError(
            f"A movie of {kind!r} shows how its samples got better, and this run recorded none: train it for longer."
        )
    unknown = sorted(options.keys() - options_of(kind))
    if unknown:
        raise UserError(
            f"In a movie of {kind!r}, {' and '.join(unknown)} would have no effect; leave it out."
        )
    with frame_errors(last):
        return scene_maker(kind)(checkpoint, last, size, **options)


@contextmanager
def frame_errors(snapshot: Snapshot) -> Iterator[None]:
    """Within this, whatever is wrong with a recorded frame becomes one sentence."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"The recorded frame of step {snapshot.step} is damaged: {error}.") from None
