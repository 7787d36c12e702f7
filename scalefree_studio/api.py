"""From Python, with the same engine as the window's:

import scalefree_studio as s

picture = s.fit("photo:astronaut", lines=64, seconds=20)      # a divider network
picture.psnr, picture.render((512, 512))                      # dB; (512, 512, 3) bytes, at any size

network = s.train("pixelcnn", dataset="digits", epochs=5, out="run")
network.draw(16, temperature=0.9)                             # pictures, shown as they are in a notebook
network.complete("half.png", keep="top")
network.evaluate()
network.movie("learning.mp4")

s.load("run"), s.load("model:mnist")                          # whatever was saved
for snapshot in s.watch(s.training("pixelcnn")): ...          # while it learns

What cannot be is an s.UserError, in one sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .controls import edited, values_of
from .data.datasets import load_dataset
from .data.pictures import Picture, downscaled, load_picture, pixels_of
from .data.sources import Dataset
from .data.validation import load_validation
from .drawings import KIND as DRAWING
from .errors import UserError as UserError
from .jobs.dividers.controls import FitControls
from .jobs.dividers.fit import FitDividers
from .jobs.dividers.saved import KIND as DIVIDERS
from .jobs.drawing.draw import DrawPictures
from .jobs.instruments import draws, lessons, unknown
from .jobs.job import Job, Limit, limit_of
from .jobs.training.train import Train
from .models.threads import cores_for_learning, torch_threads
from .results import Dividers as Dividers
from .results import Model as Model
from .results import Network as Network
from .results import Pictures as Pictures
from .runs import Recording, choose_device, run_to_end
from .sizes import shape_of
from .snapshot import Checkpoint, Snapshot
from .storage.run_folder import MODEL, RunFolder, load_checkpoint

FIT_SECONDS = 20.0  # where nobody says how long


def fit(image: Any, *, out: str | Path | None = None, progress: bool = False, **asked: Any) -> Dividers:
    """Learn a picture: a path or spec, a Pillow image, or an array (H, W, 3). Every control of the window is a keyword:
    lines, circles, hidden, seed, learning_rate, …, besides `seconds`, `steps` and `device`; `out` is a run folder."""
    job = fitting(image, **asked)
    with torch_threads(cores_for_learning()):
        _run(job, out, job.name if progress else "", {"picture": job.spec})
    return Dividers.of(job.checkpoint(), out)


def train(
    kind: str, dataset: str = "digits", *, out: str | Path | None = None, progress: bool = False, **asked: Any
) -> Network:
    """Train a network on a data set: `kind` as in the command `train`, every control a keyword, besides `seconds`,
    `steps`, `size` (width, height), `val_dataset`, `data_root` and `device`; `out` is a run folder."""
    job = training(kind, dataset, **asked)
    source = {name: asked[name] for name in ("val_dataset",) if asked.get(name)}
    _run(job, out, job.lesson.dataset.name if progress else "", {"dataset": dataset, **source})
    return Network(job.checkpoint(), out, job.lesson.dataset)


def load(path: str | Path) -> Dividers | Model | Pictures:
    """What is in a model file, a run folder, or a model that came along or was fetched (`model:NAME`)."""
    is_run = Path(path).is_dir() or Path(path).name == MODEL
    return _result(load_checkpoint(path), RunFolder(path).path if is_run else None)


def fitting(
    image: Any,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    device: str = "auto",
    **controls: Any,
) -> FitDividers:
    """The job of `fit`, not yet begun: see `watch`."""
    limit = limit_of(steps, seconds)
    limit = limit if limit != Limit() else Limit(seconds=FIT_SECONDS)
    return fit_job(image, edited(FitControls(), controls), limit, choose_device(device))


def training(
    kind: str,
    dataset: str = "digits",
    *,
    seconds: float | None = None,
    steps: int | None = None,
    size: tuple[int, int] | int | str | None = None,
    val_dataset: str | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    **controls: Any,
) -> Train[Any, Any]:
    """The job of `train`, not yet begun: see `watch`."""
    if kind not in lessons():
        raise UserError(f"Nothing called {kind!r} can be trained; there is {', '.join(lessons())}.")
    lesson = lessons()[kind]
    edited(lesson.controls(), controls)  # what cannot be is said before anything is read
    if not isinstance(dataset, str | Path):
        raise UserError(
            "A data set is named by a word or a path; arrays are registered with data.datasets.register."
        )
    loaded = load_dataset(dataset, data_root, size=None if size is None else shape_of(size))
    if val_dataset is not None:
        loaded = load_validation(loaded, val_dataset, data_root)
    begun = lesson(loaded)
    return Train(begun, begun.suited(**controls), limit_of(steps, seconds), choose_device(device))


def watch(job: Job, every: int = 1) -> Iterator[Snapshot]:
    """Run a job to its end, and yield what is to be seen after every so many steps. Whoever breaks off may go on later;
    `result` says what has come of it."""
    if every < 1:
        raise UserError(f"every must be 1 step or more, not {every}.")
    seen = -1
    while not job.limit.reached(job.step_count, job.seconds):
        job.step()
        if job.step_count % every == 0:
            seen = job.step_count
            yield job.snapshot()
    if job.step_count != seen:
        yield job.snapshot()


def result(job: Job) -> Dividers | Model | Pictures:
    """What a job has come to by now."""
    dataset = job.lesson.dataset if isinstance(job, Train) else None
    return _result(job.checkpoint(), None, dataset)


def fit_job(image: Any, controls: FitControls, limit: Limit, device: str = "cpu") -> FitDividers:
    """A job that learns a picture: a path or spec, a Pillow image, or an array (H, W, 3)."""
    if isinstance(image, str | Path):
        picture = load_picture(image)
    elif isinstance(image, Picture):
        picture = image
    else:
        picture = Picture(pixels_of(image), "picture", "")
    pixels = downscaled(picture.pixels, controls.downscale)
    return FitDividers(pixels, controls, limit, device, picture.name, picture.spec)


def _run(
    job: FitDividers | Train[Any, Any], out: str | Path | None, bar: str, source: Mapping[str, str]
) -> None:
    if out is None:
        run_to_end(job, bar=bar)
        return
    controls = job.controls
    with RunFolder(out).fresh("name another folder") as folder:
        folder.describe(sys.argv, **source, seed=controls.seed, controls=values_of(controls))
        run_to_end(job, Recording(folder), bar)


def _result(
    checkpoint: Checkpoint, folder: str | Path | None, dataset: Dataset | None = None
) -> Dividers | Model | Pictures:
    if checkpoint.kind == DRAWING:
        return Pictures(DrawPictures.from_checkpoint(checkpoint), folder)
    if checkpoint.kind == DIVIDERS:
        return Dividers.of(checkpoint, folder)
    if checkpoint.kind in lessons():
        return Network(checkpoint, folder, dataset)
    if draws(checkpoint.kind):
        return Model(checkpoint, folder)
    raise unknown(checkpoint.kind)
