"""From what a person opens to a job that can run. No Qt: what an instrument is, the registry says."""

from __future__ import annotations

import contextlib
import math
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...controls import ControlError
from ...data.datasets import load_dataset
from ...data.download import Progress
from ...data.pictures import Picture, downscaled, load_picture
from ...data.sources import Dataset
from ...drawings import KIND as DRAWING
from ...errors import JobError, UserError
from ...files import at_home
from ...jobs.dividers.controls import FitControls
from ...jobs.dividers.fit import FitDividers
from ...jobs.drawing.controls import AT_ONCE, DrawControls
from ...jobs.drawing.draw import DrawPictures
from ...jobs.drawing.edits import EVERY, SetPrompt
from ...jobs.drawing.sampler import Sampler
from ...jobs.instruments import draws, has_codes, instrument_of, lesson_of, lessons, network_of, sampler_of
from ...jobs.job import Job
from ...jobs.training.learnt import dataset_learnt, name_learnt, shape_learnt
from ...jobs.training.lesson import Lesson
from ...jobs.training.train import Train
from ...recipes.found import find_recipe
from ...recipes.run import Running
from ...recipes.states import DONE, STATES
from ...runs import resumed
from ...snapshot import Bytes, Checkpoint
from ...storage.bin import folder_name
from ...storage.history import Measured
from ...storage.run_folder import MODEL, InUseError, RunFolder, free_folder, load_checkpoint
from .held_out import held_out_pictures
from .pipeline import Pipeline
from .subjects import COMPLETE, DRAW, LEARN, RECIPE, SEARCH, TRAIN, Subject, Wish, is_picture, wish_of

LEAST_STEPS = 1_500  # where pictures are few, the usual epochs are over before anything is learnt
BEAMS = 16  # pictures that a search keeps; the command `sample --beams N` says how many
WATCHED = 4  # seconds in which pictures are drawn at first, for a person to see it
TEMPERATURES = 0.9, 1.0, 1.1  # of a bench, at first
BENCH = "bench"  # the kind of view of drawings that are tables
DIGIT = 5  # of those that are embedded and held out: a six
PAINT = "paint"  # … and of those that a person paints with codes


@dataclass(frozen=True)
class Opened:
    """A job that is ready to run, and what is already known about it."""

    job: Job
    folder: RunFolder
    name: str
    instrument: str  # by its name
    source: str = ""  # the spec or path it was made of, if there is one
    picture: Picture | None = None  # in its full size, as far as it is known, if it learns one
    past: list[Measured] = field(default_factory=list)
    notes: tuple[str, ...] = ()  # what a person should know of the data
    pipeline: Pipeline | None = None  # the recipe that it belongs to,
    step: str = ""  # and which training of that it is
    copy_of: Path | None = None  # a run in which somebody else is at work

    @property
    def view(self) -> str:
        """The kind of view that shows it."""
        if not isinstance(self.job, DrawPictures):
            return self.job.kind
        if has_codes(self.job.sampler.kind):
            return PAINT
        return BENCH if self.job.state.temperatures else self.job.kind

    @property
    def waits(self) -> bool:
        """Whether it has nothing to do until a person gives it something: a table without rows."""
        return self.view == BENCH and "prompts" not in self.job.snapshot().frame


@dataclass(frozen=True)
class Place:
    """Where new runs go, where they compute, and who follows a download."""

    runs: Path
    device: str
    progress: Progress | None = None

    def folder(self, name: str) -> RunFolder:
        return RunFolder(free_folder(self.runs, folder_name(name)))


def open_subject(
    subject: Subject,
    runs: Path,
    controls: Any = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Opened:
    """Open anything, or a UserError in one sentence."""
    place = Place(runs, device, progress)
    if is_picture(subject):
        picture = subject if isinstance(subject, Picture) else load_picture(str(subject))
        return _learn_picture(picture, place, controls)
    assert not isinstance(subject, Picture)
    wish = wish_of(subject)
    if wish.action == TRAIN:
        return _train(wish, place)
    if wish.action == RECIPE:
        return _open_recipe(wish.source, place)
    if draw := {DRAW: _draw, COMPLETE: _complete, SEARCH: _search}.get(wish.action):
        return draw(wish.source, load_checkpoint(at_home(wish.source)), place)
    own = _own_folder(wish.source)
    with ExitStack() as held:
        alone = own is None or _hold(own, held)  # before it is read: what is read then stays the newest
        checkpoint = load_checkpoint(at_home(wish.source))
        opened = (_learn if wish.action == LEARN else _open_model)(wish.source, checkpoint, place, own)
        if own is None or opened.folder is not own:
            return opened
        if not alone:
            return replace(opened, folder=place.folder(own.path.name), copy_of=own.path)
        held.pop_all()  # it stays held, for the session that comes of it
        return opened


def _hold(own: RunFolder, held: ExitStack) -> bool:
    """Whether nobody else is at work in a run folder; if so, from here on only we are."""
    try:
        if own.model_path.exists():
            held.enter_context(own)
    except InUseError:
        return False
    except UserError:
        pass  # nothing can be written there: the session reports it
    return True


def _open_model(source: str, checkpoint: Checkpoint, place: Place, own: RunFolder | None) -> Opened:
    """A run goes on; a network without one draws."""
    if own is None and draws(checkpoint.kind) and checkpoint.kind != DRAWING:
        return _draw(source, checkpoint, place)
    job = resumed(checkpoint, place.device, place.progress)
    name, instrument = _name_of(job), instrument_of(network_of(checkpoint).kind).name
    folder = own or place.folder(f"drawing-{name}" if checkpoint.kind == DRAWING else name)
    opened = Opened(job, folder, name, instrument, source, past=_past(folder))
    if isinstance(job, FitDividers):
        picture = Picture(job.pixels, job.name, job.spec)  # type: ignore[arg-type]
        return replace(opened, source=job.spec, picture=picture)
    if isinstance(job, DrawPictures):
        return replace(opened, source=own.source() if own else "")
    return replace(opened, notes=job.dataset.notes) if isinstance(job, Train) else opened


def _open_recipe(source: str, place: Place) -> Opened:
    """Where it goes on: in a training, or in what has come of it. While shards or pictures are made, there is what was
    learnt before them to look at."""
    recipe, folder = find_recipe(source)
    if not (folder / STATES).exists() or folder.absolute() != at_home(source).absolute():
        folder = place.runs / folder.name
        if folder.exists() and not (folder / STATES).exists():
            folder = free_folder(place.runs, folder.name)
    pipeline = Pipeline(Running(recipe, folder, device=place.device))
    try:
        return _at_next_step(pipeline, place)
    except BaseException:
        pipeline.close()
        raise


def _at_next_step(pipeline: Pipeline, place: Place) -> Opened:
    if pipeline.done:
        model = str(pipeline.model)
        return replace(_draw(model, load_checkpoint(pipeline.model), place), pipeline=pipeline)
    where = ""
    for state in pipeline.states:
        if state.step.learning is not None:
            where = state.name
        if state.state != DONE:
            break
    return open_step(pipeline, where, place.progress)


def open_step(pipeline: Pipeline, name: str, progress: Progress | None = None, anew: bool = False) -> Opened:
    """A training of a recipe."""
    job, folder = pipeline.open(name, progress, anew)
    state = pipeline.state(name)
    return Opened(
        job, folder, f"{pipeline.name}, {state.step.title}", instrument_of(job.kind).name, past=_past(folder),
        notes=job.dataset.notes, pipeline=pipeline, step=name,
    )  # fmt: skip


def _learn_picture(picture: Picture, place: Place, controls: FitControls | None) -> Opened:
    controls = controls or FitControls()
    pixels = downscaled(picture.pixels, controls.downscale)
    job = FitDividers(pixels, controls, device=place.device, name=picture.name, spec=picture.spec)
    folder = place.folder(picture.name)
    return Opened(job, folder, picture.name, instrument_of(job.kind).name, picture.spec, picture)


def _draw(source: str, checkpoint: Checkpoint, place: Place) -> Opened:
    """With a network as it was saved."""
    sampler = sampler_of(checkpoint, place.device)
    places = sum(math.prod(stage.size) for stage in sampler.stages)
    job = DrawPictures(sampler, DrawControls(speed=max(1, round(places / WATCHED))))
    if has_codes(sampler.kind):
        _begin_painting(job)
    name = name_learnt(network_of(checkpoint))
    return Opened(
        job, place.folder(f"drawing-{name}"), name, instrument_of(network_of(checkpoint).kind).name, source
    )


def _search(source: str, checkpoint: Checkpoint, place: Place) -> Opened:
    """Likewise, but it looks for the likeliest picture instead of drawing by chance."""
    opened = _draw(source, checkpoint, place)
    assert isinstance(opened.job, DrawPictures)
    controls = replace(opened.job.controls, count=BEAMS)
    job = DrawPictures(opened.job.sampler.with_beams(BEAMS), controls)
    return replace(opened, job=job, folder=place.folder(f"search-{opened.name}"))


def _begin_painting(job: DrawPictures) -> None:
    """On one picture that the model never learnt from: of its data set, where that is at hand, or an embedded one."""
    job.start(replace(job.controls, count=1, speed=AT_ONCE), None)
    try:
        pixels, _ = held_out_pictures(job.sampler, 0)[0]
    except (UserError, JobError):
        pixels = _embedded_picture(job.sampler)
    with contextlib.suppress(ControlError):
        job.apply(SetPrompt(pixels=pixels, stage=EVERY))


def _embedded_picture(sampler: Sampler) -> Bytes:
    """For a model of grey pictures a digit, for one of colours a photograph: (h, w, 3)."""
    _, _, channels = shape_learnt(Checkpoint(sampler.kind, 0, sampler.saved()[0], {}))
    if channels == 3:
        return load_picture("photo:astronaut").pixels
    digit = load_dataset("digits").held.take(np.array([DIGIT])).values[0]  # (h, w, 1)
    digit = np.pad(digit, ((2, 2), (2, 2), (0, 0)))  # as MNIST's have a margin
    return np.ascontiguousarray(np.broadcast_to(digit, (*digit.shape[:2], 3)))


def _complete(source: str, checkpoint: Checkpoint, place: Place) -> Opened:
    """Likewise, with a table that has no rows yet."""
    opened = _draw(source, checkpoint, place)
    assert isinstance(opened.job, DrawPictures)
    sampler = opened.job.sampler
    if has_codes(sampler.kind):
        raise UserError("Codes do not complete pictures: paint with them instead.")
    if sampler.beams or len(sampler.stages) > 1:
        raise UserError(
            "This network draws in several stages, or searches; it completes pictures only on its wall."
        )
    controls = replace(opened.job.controls, count=len(TEMPERATURES))
    opened.job.start(controls, None, TEMPERATURES)
    return replace(opened, folder=place.folder(f"completed-{opened.name}"))


def _learn(source: str, checkpoint: Checkpoint, place: Place, own: RunFolder | None) -> Opened:
    """Go on with a run, or teach a new network what a model knows, with the model's own controls."""
    if checkpoint.kind in lessons() and own is not None:
        return _open_model(source, checkpoint, place, own)
    checkpoint = network_of(checkpoint)
    lesson = lesson_of(checkpoint)
    dataset = dataset_learnt(checkpoint, progress=place.progress)
    return _teach(lesson, dataset, lesson.controls_of(checkpoint), place)


def _train(wish: Wish, place: Place) -> Opened:
    if wish.kind and wish.kind not in lessons():
        raise UserError(f"Nothing called {wish.kind!r} can be trained.")
    lesson = lessons()[wish.kind] if wish.kind else next(iter(lessons().values()))
    dataset = load_dataset(wish.source, progress=place.progress)
    controls = lesson(dataset).suited()
    enough = math.ceil(LEAST_STEPS * controls.batch_size / len(dataset.train))
    return _teach(lesson, dataset, replace(controls, epochs=max(controls.epochs, enough)), place)


def _teach(lesson: type[Lesson[Any, Any]], dataset: Dataset, controls: Any, place: Place) -> Opened:
    job: Train[Any, Any] = Train(lesson(dataset), controls, device=place.device, progress=place.progress)
    folder = place.folder(f"{lesson.kind}-{dataset.name}")
    source = str(Wish(TRAIN, dataset.spec, lesson.kind))
    return Opened(job, folder, dataset.name, instrument_of(job.kind).name, source, notes=job.dataset.notes)


def _name_of(job: Job) -> str:
    """What it learns or draws, in a word."""
    if isinstance(job, Train):
        return job.lesson.dataset.name
    if isinstance(job, DrawPictures):
        return name_learnt(network_of(job.checkpoint()))
    return str(getattr(job, "name", job.kind))


def _own_folder(source: str) -> RunFolder | None:
    """The run folder that is meant by a path, rather than a model alone."""
    path = at_home(source)
    return RunFolder(path) if path.is_dir() or path.name == MODEL else None


def _past(folder: RunFolder) -> list[Measured]:
    if not folder.history_path.exists():
        return []
    try:
        with folder.history() as history:
            return history.metrics()
    except UserError:
        return []  # the model is whole; that its past cannot be read is said where it is asked for
