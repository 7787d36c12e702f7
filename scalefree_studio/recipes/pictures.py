"""The end of a recipe: one model that needs nothing else, and what it draws."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..controls import edited
from ..data.download import Progress
from ..drawings import Drawing, starts_of
from ..export.walls.wall import write_wall
from ..files import write_errors
from ..jobs.cascades.cascade import assemble
from ..jobs.cascades.sampler import StageSettings
from ..jobs.drawing.controls import AT_ONCE, DrawControls
from ..jobs.drawing.draw import DrawPictures
from ..jobs.drawing.sampler import Way
from ..jobs.instruments import sampler_of
from ..jobs.recipes.plan import steps_of
from ..jobs.recipes.recipe import COUNT, DRAWN, NEXT_SCALE, PictureControls, Recipe
from ..runs import run_to_end
from ..snapshot import Bytes, Change, Checkpoint, Snapshot
from ..storage.run_folder import MODEL, RunFolder
from ..storage.tensors import write_tensors
from .states import STAGES_WALL, WALL

SHOWN = 8  # pictures of which every stage is shown


def draw_pictures(
    recipe: Recipe, folder: Path, device: str, bar: str, progress: Progress | None = None
) -> tuple[dict[str, Any], list[Path]]:
    """Write the model and its pictures: what was measured, and the files. What `progress` raises stops it."""
    checkpoint = assembled(recipe, folder)
    with write_errors(folder):
        about = {"kind": checkpoint.kind, "step": checkpoint.step, **checkpoint.about}
        write_tensors(folder / MODEL, checkpoint.model, about)
    controls, sampler = drawing_controls(recipe), sampler_of(checkpoint, device)
    each = max(1, sampler.beams)  # pictures side by side that are one search, the best first
    job = DrawPictures(sampler, edited(controls, {"count": controls.count * each}))
    run_to_end(job, bar=bar, consumers=[] if progress is None or bar else [_Followed(job, progress)])
    if not job.limit.reached(job.step_count, job.seconds):
        raise KeyboardInterrupt  # what is half drawn is drawn again
    last = job.snapshot()
    drawing, shown = Drawing(last.frame, job.still()), edited(PictureControls(), own(recipe))
    write_wall(drawing.pictures()[::each], folder / WALL, shown.columns)
    files = [folder / MODEL, folder / WALL]
    metrics = {"pictures": controls.count, "seconds": round(job.seconds, 3), "seed": controls.seed}
    if shown.stages and (stages := stages_of(job)) is not None:
        write_wall(stages, folder / STAGES_WALL, len(drawing.still["stages"]))
        files.append(folder / STAGES_WALL)
    return metrics, files


class _Followed:
    """Says how far a drawing is."""

    def __init__(self, job: DrawPictures, progress: Progress):
        self._job, self._progress = job, progress

    def wants(self, step: int) -> bool:
        done = self._job.limit.progress(step, self._job.seconds)
        self._progress("Drawing", round(100 * done), 100)
        return False

    def show(self, snapshot: Snapshot) -> None: ...

    def changed(self, change: Change) -> None: ...

    def close(self, last: Snapshot) -> None: ...


def assembled(recipe: Recipe, folder: Path) -> Checkpoint:
    """One checkpoint of what draws tokens, stage by stage, and of what makes pictures of them."""
    names = [step.name for step in steps_of(recipe) if step.stage is not None]
    checkpoints = [RunFolder(folder / name).checkpoint() for name in names]
    if draws_all_scales(recipe):  # a model that is whole already
        return checkpoints[0]
    return assemble(checkpoints, [_settings(stage.drawing) for stage in recipe.stages])


def _settings(drawing: Mapping[str, Any]) -> StageSettings:
    """How a stage is drawn; `width` is a control of its network, so that of a search has another name."""
    return StageSettings(
        **{{"beam_width": "width"}.get(name, name): value for name, value in drawing.items()}
    )


def draws_all_scales(recipe: Recipe) -> bool:
    return recipe.stages[0].learning.kind == NEXT_SCALE


def drawing_controls(recipe: Recipe) -> DrawControls:
    """How it draws what it is to show."""
    asked = {name: value for name, value in recipe.sampling.items() if name in DRAWN}
    controls = edited(DrawControls(count=COUNT, speed=AT_ONCE), asked)
    if not draws_all_scales(recipe):  # each stage has its own way in the model
        return controls
    way = Way(controls.temperature, controls.top_k, controls.top_p).within(Way(**recipe.stages[0].drawing))
    return edited(controls, way._asdict())


def own(recipe: Recipe) -> Mapping[str, Any]:
    """How that is shown."""
    return {name: value for name, value in recipe.sampling.items() if name not in DRAWN}


def stages_of(job: DrawPictures, count: int = SHOWN) -> Bytes | None:
    """What the first pictures looked like after each of their stages: (n · S, h, w, 3), a picture after the other; None
    where there is but one stage."""
    drawing = Drawing(job.snapshot().frame, job.still())
    if "stages" not in drawing.still:
        return None
    # (n, N, C), the best of each search.
    values = np.asarray(drawing.values)[:: max(1, job.sampler.beams)][:count]
    ends = starts_of(drawing.still["stages"])[1:]
    drawn = [np.tile(np.arange(values.shape[1]) < end, (len(values), 1)) for end in ends]  # (n, N)
    found = [job.sampler.decode(values, seen) for seen in drawn]
    if any(pictures is None for pictures in found):
        return None
    pictures = np.stack([p for p in found if p is not None], axis=1)  # (n, S, h, w, 3)
    return pictures.reshape(-1, *pictures.shape[2:])
