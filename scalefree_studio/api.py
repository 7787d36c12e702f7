"""Divider networks from Python, the same engine as the window's:

import scalefree_studio as s

picture = s.fit("photo:astronaut", lines=64, seconds=20)
picture.psnr                      # dB
picture.render((512, 512))        # (512, 512, 3) bytes, at any size
picture.save("astronaut.safetensors")
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .controls import edited, only_live, values_of
from .data.pictures import Picture, downscaled, load_picture, pixels_of
from .errors import JobError, UserError
from .export.dividers.picture import write_picture
from .jobs.dividers.controls import FitControls
from .jobs.dividers.fit import FitDividers
from .jobs.dividers.saved import KIND, SavedModel, read_model
from .jobs.job import Limit
from .models.dividers.render import Region, render_region
from .models.threads import cores_for_learning, torch_threads
from .runner import Runner
from .snapshot import Array, Change
from .storage.recorder import Recorder
from .storage.run_folder import RunFolder, load_checkpoint
from .storage.tensors import write_tensors
from .storage.tracker import Begin
from .storage.trackers import start_trackers
from .terminal import ProgressBar, say, signals_stop


def choose_device(wanted: str = "auto") -> str:
    """cpu or cuda; auto takes the GPU where there is one."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no CUDA GPU that torch can use here; leave --device out, or say cpu.")
    return wanted


def new_job(image: Any, controls: FitControls, limit: Limit, device: str = "cpu") -> FitDividers:
    """A job that learns a picture: a path or spec, a Pillow image, or an array (H, W, 3)."""
    if isinstance(image, str | Path):
        picture = load_picture(image)
    elif isinstance(image, Picture):
        picture = image
    else:
        picture = Picture(pixels_of(image), "picture", "")
    pixels = downscaled(picture.pixels, controls.downscale)
    return FitDividers(pixels, controls, limit, device, picture.name, picture.spec)


def resumed_job(
    folder: RunFolder, edits: Mapping[str, Any], limit: Limit | None = None, device: str = "cpu"
) -> FitDividers:
    """The job of a run folder, as it was when it was saved, with new values for live controls."""
    job = FitDividers.from_checkpoint(folder.checkpoint(), device, limit)
    only_live(job.controls, edits)
    job.set_controls(edits)
    return job


def fit_into(
    folder: RunFolder,
    job: FitDividers,
    every: int = 0,
    progress: bool = True,
    track: Sequence[str] = (),
    changes: Sequence[Change] = (),
) -> dict[str, Any]:
    """Run a job to its limit, recorded in a run folder and followed by trackers; what became of it, ready for JSON.
    `changes` were made before it goes on."""
    folder.prepare()
    runner = Runner(job, [], folder.keep, told=lambda: _tell(runner))
    with signals_stop(runner), torch_threads(cores_for_learning()):  # from here on, an interrupt saves
        recorder = Recorder(folder.history_path, every)
        begin = Begin(folder.path, job.step_count, values_of(job.controls))
        runner.consumers += [recorder, *start_trackers(track, begin, say)]
        if progress:
            runner.consumers.append(ProgressBar(job.limit, job.name))
        for consumer, change in itertools.product(runner.consumers, changes):
            consumer.changed(change)
        runner.run(until_limit=True)
    if runner.status.unsaved or runner.status.failed:
        raise JobError(runner.status.message)
    fitted = Dividers(read_model(job.checkpoint()), job.step_count, job.seconds)
    path = folder.path / "picture.png"
    height, width = job.pixels.shape[:2]
    write_picture(fitted.model.params, path, (width, height), job.pixels.shape[:2], job.controls.sharpness)
    return {
        "psnr": round(job.psnr(), 4),
        "steps": job.step_count,
        "seconds": round(job.seconds, 3),
        "numbers": fitted.numbers,
        "model": str(folder.model_path),
        "picture": str(path),
        **({"warning": recorder.trouble} if recorder.trouble else {}),
    }


def _tell(runner: Runner) -> None:
    """While work goes on, what went wrong is told at once; the end tells it again."""
    if runner.status.message and not runner.status.stopped:
        say(runner.status.message)


class Dividers:
    """A fitted divider network: a picture without a resolution."""

    def __init__(self, model: SavedModel, steps: int = 0, seconds: float = 0.0):
        self.model, self.steps, self.seconds = model, steps, seconds

    @property
    def controls(self) -> FitControls:
        return self.model.controls

    @property
    def numbers(self) -> int:
        """How many numbers the picture is made of."""
        return sum(tensor.numel() for tensor in self.model.params.values())

    @property
    def psnr(self) -> float:
        """In dB, against the picture it learnt."""
        height, width = self.model.target.shape[:2]
        difference = self.render((width, height)).astype(np.float64) - self.model.target.astype(np.float64)
        return float(-10 * np.log10(max((difference**2).mean() / 255**2, 1e-12)))

    def render(self, size: tuple[int, int], border: float = 1.0, samples: int = 1) -> Array:
        """The picture at a size (width, height), as bytes (height, width, 3); a border above 1 shows what lies beyond
        the picture, samples above 1 smooth the edges."""
        width, height = size
        if min(size) < 1:
            raise UserError(f"A picture has at least one pixel along a side, not {width}x{height}.")
        region = Region.whole(self.model.target.shape[:2], height, width, border)
        colours = render_region(self.model.params, region, width, height, self.controls.sharpness, samples)
        return (colours * 255).round().to(torch.uint8).cpu().numpy()

    def save(self, path: str | Path) -> None:
        """Write the model as one file."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in self.model.params.items()}
        arrays |= {"target": self.model.target, "unit_ids": self.model.unit_ids}
        said = {"step": self.steps, "seconds": self.seconds, "controls": values_of(self.controls)}
        write_tensors(Path(path), arrays, {"kind": KIND, **said})


def fit(
    image: Any,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    device: str = "auto",
    progress: bool = False,
    **controls: Any,
) -> Dividers:
    """Learn a picture. Every control of the window is a keyword: lines, circles, hidden, seed, learning_rate, …"""
    wanted = edited(FitControls(), controls)
    limit = Limit(steps, seconds) if steps or seconds else Limit(seconds=20.0)
    job = new_job(image, wanted, limit, choose_device(device))
    runner = Runner(job, [ProgressBar(limit, job.name)] if progress else [])
    with torch_threads(cores_for_learning()):
        runner.run(until_limit=True)
    if runner.status.failed:
        raise JobError(runner.status.message)
    return Dividers(read_model(job.checkpoint()), job.step_count, job.seconds)


def load(path: str | Path) -> Dividers:
    """A fitted picture from a model file or a run folder."""
    checkpoint = load_checkpoint(path)
    return Dividers(read_model(checkpoint), checkpoint.step, float(checkpoint.about.get("seconds", 0)))
