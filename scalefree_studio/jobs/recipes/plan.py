"""What a recipe does, step by step: coder → codebooks → shards → stages → pictures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...controls import differing, edited, values_of
from ...data.lists import is_list, read_list
from ...files import at_home
from ..instruments import lessons
from .parse import is_name
from .recipe import CODEBOOK, Learning, Recipe

SHARDS, PICTURES, STAGE = "shards", "pictures", "stage"


@dataclass(frozen=True)
class Step:
    """A part of the way, in a folder of its own."""

    name: str  # of the folder
    title: str
    settings: Mapping[str, Any]  # all that decides what comes of it, but for the steps that it needs
    needs: tuple[str, ...] = ()
    learning: Learning | None = None  # where it is a training
    stage: int | None = None  # which grid of tokens it learns


def steps_of(recipe: Recipe) -> tuple[Step, ...]:
    data = _data(recipe)
    coder = _training(recipe.coder.kind, recipe.coder, data)
    steps = [coder]
    if recipe.codebooks is not None:
        steps.append(_training(CODEBOOK, recipe.codebooks, data, (coder.name,)))
    codec = steps[-1].name
    steps.append(Step(SHARDS, "Shards", {"data": data}, (codec,)))
    stages = [
        _training(f"{STAGE}-{n + 1}", stage.learning, {}, (SHARDS,), n)
        for n, stage in enumerate(recipe.stages)
    ]
    drawn = {"sampling": dict(recipe.sampling), "stages": [dict(stage.drawing) for stage in recipe.stages]}
    return (*steps, *stages, Step(PICTURES, "Pictures", drawn, (codec, *(stage.name for stage in stages))))


def codec_step(recipe: Recipe) -> str:
    """The step that teaches what makes tokens."""
    return recipe.coder.kind if recipe.codebooks is None else CODEBOOK


def _training(
    name: str,
    learning: Learning,
    data: Mapping[str, Any],
    needs: tuple[str, ...] = (),
    stage: int | None = None,
) -> Step:
    lesson = lessons()[learning.kind]
    limit = {"steps": learning.limit.steps, "seconds": learning.limit.seconds}
    # Not written down: a newer studio may have more controls, and all is up to date still.
    usual = lesson.controls()
    controls = {c.name: value for c, value in differing(usual, edited(usual, learning.controls))}
    settings = {
        "lesson": learning.kind,
        "controls": controls,
        "limit": limit,
        **({"data": data} if data else {}),
    }
    title = lesson.title if stage is None else f"Stage {stage + 1}"
    return Step(name, title, settings, needs, learning, stage)


# Which data, without reading them: files by their names, sizes and times.


def place_of(recipe: Recipe, dataset: str) -> str:
    """What finds a data set from anywhere."""
    return dataset if is_name(dataset) else str((recipe.base / at_home(dataset)).resolve())


def _data(recipe: Recipe) -> dict[str, Any]:
    values = values_of(recipe.data)
    for key in ("dataset", "validation"):
        if values[key] is not None:
            values[key] = {"name": values[key], "files": _files(place_of(recipe, values[key]))}
    return values


def _files(place: str) -> str:
    """Other files, another text; empty where a data set has none of its own."""
    if is_name(place):
        return ""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(_named(Path(place))):
        try:
            about = os.stat(path)
        except OSError:  # whoever reads it says so
            continue
        found.update(f"{path} {about.st_size} {about.st_mtime_ns}".encode(errors="surrogateescape"))
    return found.hexdigest()


def _named(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
        return
    yield path
    if is_list(path):
        yield from (entry.file for entry in read_list(path) if isinstance(entry.file, Path))
