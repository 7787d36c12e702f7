"""From what a person opens to a job that can run: a picture, a model, a run, or something from the clipboard."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PyQt6.QtCore import QMimeData, QUrl
from PyQt6.QtGui import QImage

from ...data.datasets import is_dataset_file, load_dataset
from ...data.download import Progress
from ...data.pictures import Picture, downscaled, load_picture, pixels_of
from ...data.sources import Dataset
from ...errors import UserError
from ...jobs.dividers.controls import FitControls
from ...jobs.dividers.fit import FitDividers
from ...jobs.drawing.controls import DrawControls
from ...jobs.drawing.draw import DrawPictures
from ...jobs.instruments import lesson_of, lessons, network_of, sampler_of
from ...jobs.job import Job
from ...jobs.training.learnt import dataset_learnt
from ...jobs.training.lesson import Lesson
from ...jobs.training.train import Train
from ...snapshot import Checkpoint
from ...storage.history import Measured
from ...storage.run_folder import MODEL, RunFolder, free_folder, load_checkpoint
from ...storage.shipped import PREFIX

Subject = str | Path | Picture
STARTS = {"dividers": "photo:astronaut", "pixelcnn": "model:mnist"}  # what each instrument begins with
LEARN, DRAW, DATASET = "learn:", "draw:", "dataset:"  # before a model or run, and the name of a data set
LEAST_STEPS = 1_500  # where pictures are few, the usual epochs are over before anything is learnt
WATCHED = 4  # seconds in which pictures are drawn at first, for a person to see it


@dataclass(frozen=True)
class Opened:
    """A job that is ready to run, and what is already known about it."""

    job: Job
    folder: RunFolder
    name: str
    source: str = ""  # the spec or path it was made of, if there is one
    picture: Picture | None = None  # in its full size, as far as it is known, if it learns one
    past: list[Measured] = field(default_factory=list)
    notes: tuple[str, ...] = ()  # what a person should know of the data


@dataclass(frozen=True)
class Place:
    """Where new runs go, where they compute, and who follows a download."""

    runs: Path
    device: str
    progress: Progress | None = None

    def folder(self, name: str) -> RunFolder:
        return RunFolder(free_folder(self.runs, _file_name(name)))


def open_subject(
    subject: Subject,
    runs: Path,
    controls: Any = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Opened:
    """Open anything, or a UserError in one sentence."""
    place = Place(runs, device, progress)
    if isinstance(subject, Picture):
        return _learn_picture(subject, place, controls)
    if is_picture(subject):
        return _learn_picture(load_picture(str(subject)), place, controls)
    for prefix, opener in _PREFIXES.items():
        if str(subject).startswith(prefix):
            return opener(str(subject).removeprefix(prefix), place)
    return _open_model(Path(subject).expanduser(), place)


def is_picture(subject: Subject) -> bool:
    """A picture, as far as its name tells; not a model, a run, or a data set."""
    if isinstance(subject, Picture):
        return True
    path = Path(subject).expanduser()
    named = str(subject).startswith(tuple(_PREFIXES))
    return not (named or path.is_dir() or path.suffix == ".safetensors" or is_dataset_file(path))


def _learn_picture(picture: Picture, place: Place, controls: FitControls | None) -> Opened:
    controls = controls or FitControls()
    pixels = downscaled(picture.pixels, controls.downscale)
    job = FitDividers(pixels, controls, device=place.device, name=picture.name, spec=picture.spec)
    return Opened(job, place.folder(picture.name), picture.name, picture.spec, picture)


def _open_model(path: Path, place: Place) -> Opened:
    if is_dataset_file(path) or (path.is_dir() and not (path / MODEL).exists()):
        return _open_dataset(str(path), place)  # of pictures, or it says that there are none
    checkpoint = load_checkpoint(path)
    if checkpoint.kind not in _OPENERS:
        raise UserError(f"This studio knows no model of kind {checkpoint.kind!r}; a newer one may.")
    return _OPENERS[checkpoint.kind](path, checkpoint, place)


def _open_dividers(path: Path, checkpoint: Checkpoint, place: Place) -> Opened:
    job = FitDividers.from_checkpoint(checkpoint, device=place.device)
    picture = Picture(job.pixels, job.name, job.spec)  # type: ignore[arg-type]
    folder = _own_folder(path) or place.folder(job.name)
    return Opened(job, folder, job.name, job.spec, picture, _past(folder))


def _open_pixelcnn(path: Path, checkpoint: Checkpoint, place: Place) -> Opened:
    """A run goes on learning; a model alone draws."""
    return _learn_on(path, checkpoint, place) if _own_folder(path) else _draw(str(path), place)


def _learn_on(path: Path, checkpoint: Checkpoint, place: Place) -> Opened:
    dataset = dataset_learnt(checkpoint, progress=place.progress)
    folder = _own_folder(path)
    job = Train.from_checkpoint(checkpoint, lesson_of(checkpoint)(dataset), place.device)
    assert folder is not None
    return Opened(job, folder, dataset.name, str(path), past=_past(folder), notes=dataset.notes)


def _open_drawing(path: Path, checkpoint: Checkpoint, place: Place) -> Opened:
    job = DrawPictures.from_checkpoint(checkpoint, place.device)
    name = _name_of(checkpoint)
    own = _own_folder(path)
    folder = own or place.folder(f"drawing-{name}")
    return Opened(job, folder, name, own.source() if own else "", past=_past(folder))


def _draw(source: str, place: Place) -> Opened:
    """With a network as it was saved."""
    checkpoint = load_checkpoint(source)
    name = _name_of(checkpoint)
    sampler = sampler_of(checkpoint, place.device)
    job = DrawPictures(sampler, DrawControls(speed=round(math.prod(sampler.size) / WATCHED)))
    return Opened(job, place.folder(f"drawing-{name}"), name, source)


def _name_of(checkpoint: Checkpoint) -> str:
    """What a network learnt, in a word."""
    return str(network_of(checkpoint).about.get("dataset", {}).get("name", "pictures"))


def _learn(source: str, place: Place) -> Opened:
    """Go on with a run, or teach a new network what a model knows, with the model's own controls."""
    path = Path(source)
    checkpoint = load_checkpoint(source)
    if checkpoint.kind in lessons() and _own_folder(path) is not None:
        return _learn_on(path, checkpoint, place)
    checkpoint = network_of(checkpoint)
    dataset = dataset_learnt(checkpoint, progress=place.progress)
    lesson = lesson_of(checkpoint)
    return _teach(lesson, dataset, lesson.controls_of(checkpoint), place)


def _open_dataset(spec: str, place: Place) -> Opened:
    dataset = load_dataset(spec, progress=place.progress)
    lesson = next(iter(lessons().values()))
    controls = lesson.controls()
    enough = math.ceil(LEAST_STEPS * controls.batch_size / len(dataset.train))
    return _teach(lesson, dataset, replace(controls, epochs=max(controls.epochs, enough)), place)


def _teach(lesson: type[Lesson[Any, Any]], dataset: Dataset, controls: Any, place: Place) -> Opened:
    job: Train[Any, Any] = Train(lesson(dataset), controls, device=place.device)
    folder = place.folder(f"{lesson.kind}-{dataset.name}")
    return Opened(job, folder, dataset.name, f"{DATASET}{dataset.spec}", notes=dataset.notes)


_OPENERS: dict[str, Callable[[Path, Checkpoint, Place], Opened]] = {
    "dividers": _open_dividers,
    "pixelcnn": _open_pixelcnn,
    "drawing": _open_drawing,
}
_PREFIXES: dict[str, Callable[[str, Place], Opened]] = {
    LEARN: _learn,
    DRAW: _draw,
    DATASET: _open_dataset,
    PREFIX: lambda name, place: _draw(f"{PREFIX}{name}", place),
}


def _own_folder(path: Path) -> RunFolder | None:
    """The run folder that is meant by a path, rather than a model alone."""
    return RunFolder(path) if path.is_dir() or path.name == MODEL else None


def _past(folder: RunFolder) -> list[Measured]:
    if not folder.history_path.exists():
        return []
    try:
        with folder.history() as history:
            return history.metrics()
    except UserError:
        return []  # the model is whole; that its past cannot be read is said where it is asked for


def _file_name(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_ ." else "-" for c in name).strip(" .")
    return kept[:80] or "picture"


def subject_of(mime: QMimeData | None) -> Subject | None:
    """What was dropped or pasted: a file, a picture, or the path of a file; None if it is nothing of ours."""
    if mime is None:
        return None
    for url in mime.urls():
        if url.isLocalFile():
            return url.toLocalFile()
    if mime.hasImage():
        return picture_of(mime.imageData())
    if mime.hasUrls():
        raise UserError(
            "Only files on this computer can be opened: save the picture first, then open the file."
        )
    text = mime.text().strip().strip("\"'") if mime.hasText() else ""
    if not text or "\n" in text:
        return None
    if text.startswith("file://"):
        return QUrl(text).toLocalFile()
    return text


def picture_of(image: Any) -> Picture:
    """A picture from Qt's: from the clipboard."""
    if not isinstance(image, QImage) or image.isNull():
        raise UserError("What is on the clipboard is no picture that can be read.")
    flat = image.convertToFormat(QImage.Format.Format_RGBA8888)
    bits = flat.constBits()
    assert bits is not None
    rows = np.frombuffer(bits.asstring(flat.sizeInBytes()), np.uint8).reshape(
        flat.height(), flat.bytesPerLine()
    )
    rgba = rows[:, : 4 * flat.width()].reshape(flat.height(), flat.width(), 4)
    return Picture(pixels_of(Image.fromarray(rgba.copy(), "RGBA")), "pasted", "")
