"""A run, put together in one place: the job, where it is kept, who records and follows it, and how it ends.

Commands and Python run to the end, here; the window runs on a thread of its own (window/work/session.py), with the same
recorders.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch

from .controls import values_of
from .data.download import Progress
from .drawings import KIND as DRAWING
from .errors import JobError, UserError
from .export.scene import register_scene
from .export.walls.wall import large_wall, write_wall
from .jobs.drawing.draw import DrawPictures
from .jobs.instruments import fits, instruments, lessons, unknown
from .jobs.job import Job
from .jobs.training.learnt import dataset_learnt
from .jobs.training.ranks import Ranks
from .jobs.training.train import Train
from .runner import Consumer, Runner
from .snapshot import Change, Checkpoint, Snapshot
from .storage.recorder import Recorder
from .storage.run_folder import RunFolder
from .storage.tracker import Begin
from .storage.trackers import Walls, start_trackers
from .terminal import ProgressBar, say, signals_stop

SHOWING = 60.0  # seconds, at most, for a last wall of samples: a run that was told when to end does not go on for hours


@dataclass(frozen=True)
class Recording:
    """What is kept of a run while it goes on."""

    folder: RunFolder
    every: int = 0  # steps between recorded frames; 0: all at first, fewer as learning slows
    track: Sequence[str] = ()  # trackers that follow it
    changes: Sequence[Change] = ()  # what was changed before it goes on
    first: bool = False  # also the moment before the first step


class Keeper:
    """Keeps the networks of some steps, as the controls ask for it."""

    def __init__(self, job: Train[Any, Any], folder: RunFolder, say: Callable[[str], None]):
        self._job, self._folder, self._say = job, folder, say
        self._kept = job.step_count  # the step looked at last; one from which a run goes on is kept already

    def wants(self, step: int) -> bool:
        every = self._job.controls.keep_every
        new, self._kept = step != self._kept, step
        return bool(new and step and every and step % every == 0)

    def show(self, snapshot: Snapshot) -> None:
        try:
            self._folder.keep_network(self._job.network_now())
        except OSError as error:
            self._say(f"The network of step {snapshot.step} could not be saved: {error.strerror or error}.")

    def changed(self, change: Change) -> None: ...

    def close(self, last: Snapshot) -> None: ...


def recorders(job: Job, recording: Recording, say: Callable[[str], None]) -> list[Consumer]:
    """Whoever writes down how a run goes; a folder that cannot be written is a UserError or OSError."""
    folder = recording.folder
    folder.prepare()
    begin = Begin(folder.path, job.step_count, values_of(job.controls))
    walls = Walls(job.pieces, large_wall) if isinstance(job, Train) and job.pieces else None
    recorder = Recorder(folder.history_path, recording.every, told=say)
    if recording.first:
        recorder.show(job.snapshot())
    consumers: list[Consumer] = [recorder, *start_trackers(recording.track, begin, say, walls)]
    if isinstance(job, Train):
        consumers.append(Keeper(job, folder, say))
    for consumer, change in itertools.product(consumers, recording.changes):
        consumer.changed(change)
    return consumers


def save_first(runner: Runner, folder: RunFolder) -> None:
    """Of a new run, a model is kept before its first step: however early it is killed, it can be opened."""
    if not folder.model_path.exists():
        runner.save_soon()


def run_to_end(
    job: Job,
    recording: Recording | None = None,
    bar: str = "",
    ranks: Ranks | None = None,
    consumers: Sequence[Consumer] = (),
) -> list[str]:
    """Run until the job's limit, or until a signal stops it; then it is saved. `bar` is the title of a progress bar.
    What has gone wrong for good is a JobError; what else has, in sentences, is returned."""
    ranks = ranks or Ranks()
    curve = job.lesson.curves[0] if isinstance(job, Train) else None
    folder = recording.folder if recording is not None and ranks.first else None
    keep = folder.keep if folder is not None else None
    spoken: list[str] = []
    runner = Runner(job, consumers, keep, told=lambda: _speak(runner, spoken), agree=ranks.agree, beside=True)
    with ExitStack() as held, signals_stop(runner):  # from here on, an interrupt saves
        with ranks.together():
            if folder is not None and recording is not None:
                held.enter_context(folder)
                runner.consumers += recorders(job, recording, say)
                save_first(runner, folder)
            if ranks.first and bar:
                runner.consumers.append(ProgressBar(job.limit, bar, curve))
        runner.run(until_limit=True)
    if runner.status.unsaved or runner.status.failed:
        raise JobError(runner.status.message)
    return [c.trouble for c in runner.consumers if isinstance(c, Recorder) and c.trouble]


def results_of(job: Train[Any, Any], folder: RunFolder, progress: Progress | None = None) -> dict[str, Any]:
    """What has come of a training that is kept in a folder, with a last wall of samples where that is soon drawn."""
    lesson = job.lesson
    best = lesson.read_network(folder.checkpoint()).to(job.device)  # what is kept is what is reported
    shown = job.show_all(best, progress, SHOWING)
    result: dict[str, Any] = {
        "steps": job.step_count, "epochs": job.epoch, "seconds": round(job.seconds, 2),
        **lesson.results(job.trainer.evaluate(best, progress), job.controls), **lesson.measured(best, job.controls),
        "numbers": lesson.count_numbers(best), "model": str(folder.model_path),
    }  # fmt: skip
    if "wall" in shown:
        wall = folder.path / "samples.png"
        write_wall(shown["wall"], wall)  # type: ignore[arg-type]
        result["picture"] = str(wall)
    return result


def _speak(runner: Runner, spoken: list[str]) -> None:
    """While work goes on, what went wrong is said at once; once, if it goes wrong again and again, as saving does on a
    full disk. The end says it again."""
    message = runner.status.message
    if message and not runner.status.stopped and spoken != [message]:
        spoken[:] = [message]
        say(message)


def resumed(checkpoint: Checkpoint, device: str = "cpu", progress: Progress | None = None) -> Job:
    """The job of a checkpoint of any kind, to go on from there; or a UserError."""
    kind = checkpoint.kind
    if kind == DRAWING:
        return DrawPictures.from_checkpoint(checkpoint, device)
    if kind in fits():
        fitted: Job = fits()[kind].from_checkpoint(checkpoint, device)
        return fitted
    if kind in lessons():
        lesson = lessons()[kind](dataset_learnt(checkpoint, progress=progress))
        return Train.from_checkpoint(checkpoint, lesson, device, progress=progress)
    raise unknown(kind)


def add_scenes() -> None:
    """From now on, movies are made with the scenes that instruments bring for runs of their kinds."""
    for instrument in instruments().values():
        for kind, scene in instrument.scenes.items():
            register_scene(kind, scene)


def choose_device(wanted: str = "auto") -> str:
    """cpu or cuda; auto takes the GPU where there is one."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise UserError(f"The device is cpu, cuda or auto, not {wanted!r}.")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no CUDA GPU that torch can use here; leave --device out, or use cpu.")
    return wanted
