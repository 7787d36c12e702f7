"""Fit a divider network to a picture: the job that the window shows and `scalefree-studio fit` runs.

A step is one batch of pixels. The learning rates fall and the gradient sharpness rises along a schedule; a person may
move, add and remove units, paint what matters, and turn every live control while it runs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...controls import values_of
from ...data.pictures import known_units
from ...errors import JobError, UserError
from ...models.dividers import network as dividers
from ...models.dividers.network import Params
from ...snapshot import Array, Checkpoint, Segment, Snapshot, frozen_all
from ..job import Limit, Told
from ..memory import within_memory
from . import reviving, schedule
from . import start as divider_start
from .controls import BYTES, FitControls, complete, with_units
from .editing import ADVICE, Editable
from .learner import Backup, Learner, Learnt
from .saved import KIND, arrays_of, info_of, read_limit, read_model, read_trainer, trainer_arrays
from .target import Target

CHECK_EVERY = 64  # steps between looks at whether all numbers are still finite
MEASURE_EVERY = 50  # steps
LOOK_EVERY = 20  # steps between choices of the cells that each tile looks at
REHEATED = 0.65  # how far in the schedule one is, at most, after a person's hand
CARE = 1 / 15  # dividers that start on edges move so much slower, and are not revived


class FitDividers(Editable, Told):
    kind, title = KIND, "Dividers"

    def __init__(
        self,
        pixels: Array,
        controls: FitControls | None = None,
        limit: Limit | None = None,
        device: str = "cpu",
        name: str = "picture",
        spec: str = "",
        begun: divider_start.Start | None = None,
    ):
        """`pixels` is the target as it shall be learned, (H, W, 3) bytes; downscale it before. `begun` are parameters
        to go on from, instead of a start of our own."""
        self.limit = limit or Limit()
        self.name, self.spec = name, spec
        self.device = torch.device(device)
        super().__init__()
        self._target = Target(pixels, self.device)
        controls = complete(controls or FitControls(), known_units(spec))
        controls = divider_start.divided_for(controls, self.pixels)
        begun = begun or divider_start.start(controls, self.pixels)
        self._learner = Learner(Learnt.nothing(self._here(begun.params)))
        self._start(controls, begun)

    # State, and how it starts.

    def _start(self, controls: FitControls, begun: divider_start.Start) -> None:
        """Forget everything learnt and begin. Whatever takes memory comes first: if there is none, nothing happens."""
        weights = self._target.weights(controls, self.mask)
        learnt, self._loss = Learnt.nothing(self._here(begun.params)), torch.tensor(math.nan)
        self._learner.go_on(learnt)
        self._target.weigh(weights, self.mask)
        self._controls = controls
        self._on_edges = begun.on_edges
        self.step_count, self.seconds, self.segment = 0, 0.0, Segment(next(self._segments))
        self._random = torch.Generator(self.device).manual_seed(controls.seed)
        self._revivals = 0
        self._regained = self._rate = 0.0
        self._loss = torch.tensor(math.nan)
        self._metrics: dict[str, float] = {}
        self._good = self._backup(learnt)

    def backup(self) -> Backup:
        """A copy of everything that learning changes."""
        return self._backup(self._learner.copy())

    def _backup(self, learnt: Learnt) -> Backup:
        schedule, random = (self._revivals, self._regained, self._on_edges), self._random.get_state()
        return Backup(learnt, self.step_count, self.seconds, random, schedule, self.segment)

    def return_to(self, backup: Backup) -> None:
        self._learner.go_on(backup.learnt)
        self.step_count, self.seconds = backup.step, backup.seconds
        self._random.set_state(backup.random)
        self._revivals, self._regained, self._on_edges = backup.schedule
        self.segment = backup.segment
        self._loss, self._metrics = torch.tensor(math.nan), {}
        self._good = backup

    def _here(self, params: Params) -> Params:
        """On our device."""
        return {name: tensor.to(self.device) for name, tensor in params.items()}

    @property
    def pixels(self) -> Array:
        return self._target.pixels

    @property
    def mask(self) -> Array | None:
        return self._target.mask

    @property
    def controls(self) -> FitControls:
        return self._controls

    @property
    def params(self) -> Params:
        return self._learner.params

    @property
    def unit_ids(self) -> Array:
        """(U,), in the order of the units."""
        return self._learner.unit_ids

    @property
    def size(self) -> tuple[int, int]:
        return self._learner.flat.vector.numel(), BYTES * self._learner.flat.vector.numel()

    @property
    def progress(self) -> float:
        """How far the schedules are, in [0, 1]."""
        return min(1.0, max(0.0, self._gone() - self._regained))

    @property
    def rest(self) -> float:
        """At the end of the schedule there is nothing left to do."""
        return math.inf if self.progress == 1 else 0.0

    def _gone(self) -> float:
        limit = self.limit if self.limit != Limit() else Limit(steps=self._controls.horizon)
        return limit.progress(self.step_count, self.seconds)

    def _reheat(self) -> None:
        """Late in the schedule nothing moves far any more; after a person's hand in it, something has to."""
        self._regained = max(self._regained, self._gone() - REHEATED)

    def scheduled(self) -> tuple[float, float]:
        """(learning rate, g) of this moment."""
        return schedule.rates(self._controls, self.progress)

    # One step.

    def step(self) -> None:
        began = time.perf_counter()
        within_memory(self._step, ADVICE)
        self.seconds += time.perf_counter() - began

    def _step(self) -> None:
        c, progress, ours = self._controls, self.progress, self._learner
        learning_rate, g = schedule.rates(c, progress)
        self._revive_when_due()
        if self.step_count % LOOK_EVERY == 0:
            ours.look_anew()
        cells = dividers.unit_counts(self.params)["cell"]
        columns, tiles = self._target.batch(c.batch_size * schedule.growth(progress), cells, self._random)
        weight = columns[7] if self._target.weighted or tiles else None
        leak = schedule.leak(progress)
        self._loss, _ = ours.fused.loss_and_gradient(
            columns[:4], columns[4:7], c.sharpness, g, weight, leak, tiles
        )
        care = CARE if self._on_edges else 1.0
        ours.optimizer.step(
            ours.flat, learning_rate * c.divider_rate * care, learning_rate, learning_rate * c.matrix_rate
        )
        self.step_count += 1
        if self.step_count % CHECK_EVERY == 0:
            self._check_finite()

    def _revive_when_due(self) -> None:
        """Along the first part of the schedule, move the units that matter least."""
        due = schedule.revivals(self.progress)
        if due <= self._revivals:
            return
        before, self._revivals = self._revivals, due
        if self._controls.revive and not self._on_edges:
            again = due // schedule.CELLS_EVERY > before // schedule.CELLS_EVERY
            reviving.revive(self._learner, self._target, self._controls, self.progress, again, self._random)

    def _check_finite(self) -> None:
        if self._learner.finite:
            self._good = self.backup()
            return
        bad = self.step_count
        self.return_to(self._good)
        raise JobError(
            f"Learning became unstable near step {bad}; back at step {self.step_count}. Lower the learning "
            f"rate, then press play."
        )

    # What a person sees.

    def snapshot(self) -> Snapshot:
        since = self.step_count - self._metrics.get("step", -math.inf)
        if since < 0 or since >= min(MEASURE_EVERY, 1 + self.step_count // 20):
            self._measure()
        frame = frozen_all({n: t.cpu().numpy() for n, t in self.params.items()} | {"unit_ids": self.unit_ids})
        if self.mask is not None:
            # It is frozen, and takes little room while it stays the same.
            frame = {**frame, "mask": self.mask}
        metrics = {name: value for name, value in self._metrics.items() if name not in ("step", "seconds")}
        return Snapshot(KIND, self.step_count, self.seconds, frame, metrics, self.segment)

    def still(self) -> Mapping[str, Array]:
        return {"target": self.pixels}

    def _measure(self) -> None:
        steps = self.step_count - self._metrics.get("step", self.step_count)
        took = self.seconds - self._metrics.get("seconds", self.seconds)
        error = self.mean_squared_error(self._target.measured)
        loss = float(self._loss)
        learning_rate, sharpness = self.scheduled()
        self._rate = steps / took if took > 0 else self._rate
        self._metrics = {
            "step": self.step_count,
            "seconds": self.seconds,
            "loss": loss if math.isfinite(loss) else error,
            "psnr": dividers.psnr(error),
            "learning_rate": learning_rate,
            "g": sharpness,
        }
        if self._rate:  # known only from a second measurement on
            self._metrics["steps_per_second"] = self._rate

    def said_on_average(self) -> Tensor:
        """The mean of A of every unit over the sample of pixels: (U,)."""
        return self._learner.fused.said(
            self._target.measured.T[:4].contiguous(), self._controls.sharpness
        ).mean(1)

    def mean_squared_error(self, rows: Tensor | None = None) -> float:
        """Of the whole picture, or of some rows of pixels; unweighted."""
        columns = (self._target.rows if rows is None else rows).T.contiguous()
        colours = self._learner.fused.colours(columns[:4], self._controls.sharpness)
        return float(((colours - columns[4:7]) ** 2).mean())

    def psnr(self) -> float:
        """In dB, of the whole picture."""
        return dividers.psnr(self.mean_squared_error())

    # What is kept.

    def checkpoint(self) -> Checkpoint:
        good = self.backup() if self._learner.finite else self._good
        revivals, regained, on_edges = good.schedule
        error = self.mean_squared_error(self._target.measured)  # not a number where it went wrong just now
        about = {
            "controls": values_of(self._controls),
            "picture": {"name": self.name, "spec": self.spec},
            "limit": {"steps": self.limit.steps, "seconds": self.limit.seconds},
            "seconds": good.seconds,
            "updates": good.learnt.moments[2],
            "revivals": revivals,
            "on_edges": on_edges,
            "regained": regained,
            "psnr": dividers.psnr(error) if math.isfinite(error) else None,
        }
        model = arrays_of(good.learnt.params) | {"target": self.pixels, "unit_ids": good.learnt.ids}
        trainer = trainer_arrays(good.learnt, good.random, self.mask)
        return Checkpoint(KIND, good.step, about, frozen_all(model), frozen_all(trainer))

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, device: str = "cpu", limit: Limit | None = None
    ) -> FitDividers:
        """Go on from a checkpoint: exactly, if its trainer part is there."""
        saved = read_model(checkpoint)
        about, trainer = checkpoint.about, checkpoint.trainer
        try:
            picture = about.get("picture", {})
            begun = divider_start.Start(saved.params, bool(about.get("on_edges")))
            name, spec = picture.get("name", "picture"), picture.get("spec", "")
            job = cls(saved.target, saved.controls, Limit(), device, name, spec, begun)
            job.limit = limit or read_limit(about.get("limit", {}))
            params = job._here(saved.params)
            if trainer:
                job._set_mask(trainer.get("mask"))
            job._learner.lay_out(params, saved.unit_ids, *read_trainer(trainer, params, about))
            job.step_count, job.seconds = checkpoint.step, float(about.get("seconds", 0))
            job._revivals, job._regained = int(about.get("revivals", 0)), float(about.get("regained", 0))
            if trainer and job.device.type == "cpu":
                job._random.set_state(torch.from_numpy(trainer["random"].copy()))
        except (KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
            raise UserError(f"What was saved with the model does not fit it ({error}).") from None
        job._controls = with_units(job._controls, dividers.unit_counts(job.params))
        job._good = job.backup()
        return job

    @classmethod
    def info(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        """What `info` says of a checkpoint."""
        return info_of(read_model(checkpoint))
