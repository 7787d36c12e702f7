"""From what a person opens to a job that can run: a picture, a model, a run, or something from the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PyQt6.QtCore import QMimeData, QUrl
from PyQt6.QtGui import QImage

from ..data.download import Progress
from ..data.pictures import Picture, downscaled, load_picture, pixels_of
from ..errors import UserError
from ..jobs.divider_controls import FitControls
from ..jobs.fit_dividers import FitDividers
from ..jobs.job import Job
from ..snapshot import Checkpoint
from ..storage.history import Measured
from ..storage.run_folder import MODEL, RunFolder, free_folder, load_checkpoint

Subject = str | Path | Picture
STARTS = {"dividers": "photo:astronaut"}  # what each instrument begins with


@dataclass(frozen=True)
class Opened:
    """A job that is ready to run, and what is already known about it."""

    job: Job
    folder: RunFolder
    name: str
    source: str = ""  # the spec or path it was made of, if there is one
    picture: Picture | None = None  # in its full size, as far as it is known, if it learns one
    past: list[Measured] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where new runs go, where they compute, and who is told how far a download is."""

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
    path = Path(subject).expanduser()
    if path.is_dir() or path.suffix == ".safetensors":
        return _open_model(path, place)
    return _learn_picture(load_picture(str(subject)), place, controls)


def _learn_picture(picture: Picture, place: Place, controls: FitControls | None) -> Opened:
    controls = controls or FitControls()
    pixels = downscaled(picture.pixels, controls.downscale)
    job = FitDividers(pixels, controls, device=place.device, name=picture.name, spec=picture.spec)
    return Opened(job, place.folder(picture.name), picture.name, picture.spec, picture)


def _open_model(path: Path, place: Place) -> Opened:
    if path.is_dir() and not (path / MODEL).exists():
        raise UserError(f"{path} holds no run: there is no {MODEL} in it.")
    checkpoint = load_checkpoint(path)
    if checkpoint.kind not in _OPENERS:
        raise UserError(f"This studio knows no model of kind {checkpoint.kind!r}; a newer one may.")
    return _OPENERS[checkpoint.kind](path, checkpoint, place)


def _open_dividers(path: Path, checkpoint: Checkpoint, place: Place) -> Opened:
    job = FitDividers.from_checkpoint(checkpoint, device=place.device)
    picture = Picture(job.pixels, job.name, job.spec)  # type: ignore[arg-type]
    folder = _own_folder(path) or place.folder(job.name)
    return Opened(job, folder, job.name, job.spec, picture, _past(folder))


_OPENERS: dict[str, Callable[[Path, Checkpoint, Place], Opened]] = {"dividers": _open_dividers}


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
        return []  # the model is whole; that its past cannot be read is told where it is asked for


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
