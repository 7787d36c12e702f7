"""A network as a judge of pictures: how surprising each one is to it, and those that it never learnt from. All of it is
work for the background. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...errors import UserError
from ...jobs.drawing.draw import DrawPictures
from ...jobs.drawing.sampler import Sampler
from ...jobs.drawing.surprise import COMPARED, Floats, Surprise, held_out_bits, surprise_of
from ...jobs.instruments import network_of, sampler_of
from ...jobs.job import Job
from ...jobs.training.learnt import dataset_learnt
from ...jobs.training.train import Train
from ...models.threads import torch_threads
from ...snapshot import Bytes, Checkpoint
from ...storage.run_folder import RunFolder


class Judge:
    """Reads its network when it is first asked. `network` gives it; the one that draws meanwhile is another."""

    def __init__(self, network: Callable[[], Checkpoint], device: str = "cpu"):
        self._network, self._device = network, device
        self._checkpoint: Checkpoint | None = None
        self._sampler: Sampler | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        if self._checkpoint is None:
            self._checkpoint = network_of(self._network())
        return self._checkpoint

    @property
    def sampler(self) -> Sampler:
        if self._sampler is None:
            self._sampler = sampler_of(self.checkpoint, self._device)
        return self._sampler

    def measure(self, pixels: Bytes, label: int = -1) -> Surprise:
        """Of a picture (h, w, 3), and of a class or of the one that fits best."""
        with torch_threads(1):
            return surprise_of(self.sampler, pixels, label)

    def held_out(self, go_on: Callable[[], bool]) -> Floats:
        """Bits of some held-out pictures, as long as it may go on; a UserError where they are not at hand."""
        held = dataset_learnt(self.checkpoint, download=False).held

        def check(_: int) -> None:
            if not go_on():
                raise UserError("Nobody waits for it any more.")

        with torch_threads(1):
            return np.asarray(held_out_bits(self.sampler, held, COMPARED, check))


def classes_of(job: Job) -> Sequence[str]:
    """What a network can be asked for by name, that a job draws with or teaches."""
    if isinstance(job, DrawPictures):
        return job.sampler.classes
    taught = isinstance(job, Train) and getattr(job.controls, "classes", False)
    return job.lesson.dataset.classes if isinstance(job, Train) and taught else ()


def network_at_work(job: Job, folder: RunFolder) -> Callable[[], Checkpoint]:
    """The network that a job draws with, or the one that it has learnt and saved."""
    if not isinstance(job, DrawPictures):
        return folder.checkpoint
    sampler = job.sampler

    def drawing() -> Checkpoint:
        about, model = sampler.saved()
        return Checkpoint(sampler.kind, 0, {n: v for n, v in about.items() if n != "size"}, model)

    return drawing
