"""From what a person opens to a job that can run: a picture, a model, a run, or something from the clipboard."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PyQt6.QtCore import QMimeData, QUrl
from PyQt6.QtGui import QImage

from ..data.pictures import Picture, downscaled, load_picture, pixels_of
from ..errors import UserError
from ..jobs.divider_controls import FitControls
from ..jobs.fit_dividers import FitDividers
from ..storage.history import Measured
from ..storage.run_folder import MODEL, RunFolder, free_folder, load_checkpoint

Subject = str | Path | Picture


@dataclass(frozen=True)
class Opened:
    """A job that is ready to run, and what is already known about it."""

    job: FitDividers
    folder: RunFolder
    name: str
    picture: Picture  # in its full size, as far as it is known
    past: list[Measured] = field(default_factory=list)


def open_subject(
    subject: Subject, runs: Path, controls: FitControls | None = None, device: str = "cpu"
) -> Opened:
    """Open anything, or a UserError in one sentence."""
    if isinstance(subject, Picture):
        return _new_run(subject, runs, controls, device)
    path = Path(subject).expanduser()
    if path.is_dir() or path.suffix == ".safetensors":
        return _old_run(path, runs, device)
    return _new_run(load_picture(str(subject)), runs, controls, device)


def _new_run(picture: Picture, runs: Path, controls: FitControls | None, device: str) -> Opened:
    controls = controls or FitControls()
    pixels = downscaled(picture.pixels, controls.downscale)
    job = FitDividers(pixels, controls, device=device, name=picture.name, spec=picture.spec)
    return Opened(job, RunFolder(free_folder(runs, _file_name(picture.name))), picture.name, picture)


def _old_run(path: Path, runs: Path, device: str) -> Opened:
    if path.is_dir() and not (path / MODEL).exists():
        raise UserError(f"{path} holds no run: there is no {MODEL} in it.")
    job = FitDividers.from_checkpoint(load_checkpoint(path), device=device)
    picture = Picture(job.pixels, job.name, job.spec)  # type: ignore[arg-type]
    if path.is_dir() or path.name == MODEL:
        folder = RunFolder(path if path.is_dir() else path.parent)
        return Opened(job, folder, job.name, picture, _past(folder))
    return Opened(job, RunFolder(free_folder(runs, _file_name(job.name))), job.name, picture)


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
