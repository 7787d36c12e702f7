"""Fit a divider network to a picture: the job that the window shows and `scalefree-studio fit` runs.

A step is one batch of pixels. The learning rates fall and the gradient sharpness rises along a schedule; a person may
move, add and remove units, paint what matters, and turn every live control while it runs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...controls import ControlError, controls_of, values_of
from ...errors import JobError, UserError
from ...models.dividers import network as dividers
from ...models.dividers.fast import FlatParams, FusedGradient, pixel_features
from ...models.dividers.network import Params
from ...models.dividers.optimizer import Optimizer
from ...models.dividers.revival import revive
from ...snapshot import Array, Change, Checkpoint, Snapshot, frozen, frozen_all
from ..job import Edit, Limit, Restore
from . import start as divider_start
from .controls import FitControls, with_values
from .editing import Editing
from .edits import AddUnit, MoveUnit, RemoveUnit, SetMask
from .saved import KIND, read_model

CHECK_EVERY = 64  # steps between looks at whether all numbers are still finite
MEASURED_PIXELS = 16_384  # a fixed sample of this many says how good the picture is
MEASURE_EVERY = 50  # steps
LEAK, LEAK_UNTIL = 0.05, 0.8  # how much gradient reaches colours that are off, and until when
WARM = 0.01  # of the schedule, while the rates rise
GROWTH = ((0.85, 8), (0.3, 2), (0.0, 1))  # from so far on, batches are so many times larger
REVIVALS, REVIVE_UNTIL, REVIVED = 30, 0.6, 0.1  # how often, until when, what share of the units at first
REVIVAL_PIXELS = 4096
REHEATED = 0.65  # how far in the schedule one is, at most, after a person's hand
CARE = 1 / 15  # dividers that start on edges move so much slower, and are not revived


@dataclass(frozen=True)
class Backup:
    """Everything that learning changes, in memory."""

    params: Params
    moments: tuple[Params, Params, int]
    ids: Array
    step: int
    seconds: float
    random: Tensor


class FitDividers:
    kind, title = KIND, "Dividers"
    rest = 0.0

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
        self.pixels = frozen(pixels)
        self.limit = limit or Limit()
        self.name, self.spec = name, spec
        self.device = torch.device(device)
        self._controls = with_values(FitControls(), values_of(controls or FitControls()))
        self.mask: Array | None = None
        self._editing = Editing(self)
        height, width = pixels.shape[:2]
        xy = dividers.pixel_grid(height, width, self.device)
        colours = torch.from_numpy(pixels.copy()).to(self.device).reshape(-1, 3).float() / 255
        # One row a pixel: x, y, 1, x² + y², r, g, b, weight. A batch is then one gather.
        self._rows = torch.cat([pixel_features(xy).T, colours, torch.ones_like(xy[:, :1])], 1)  # (P, 8)
        self._weigh()
        self.start(begun)

    # State, and how it starts.

    def start(self, begun: divider_start.Start | None = None) -> None:
        """Forget everything learnt and begin."""
        c = self._controls
        self.step_count, self.seconds = 0, 0.0
        self._random = torch.Generator(self.device).manual_seed(c.seed)
        sample = min(len(self._rows), MEASURED_PIXELS)
        chosen = torch.randperm(len(self._rows), generator=torch.Generator().manual_seed(0))[:sample]
        self._measured_rows = self._rows[chosen.to(self.device)] if sample < len(self._rows) else self._rows
        begun = begun or divider_start.start(c, self.pixels)
        self._on_edges = begun.on_edges
        units = sum(dividers.unit_counts(begun.params).values())
        self.lay_out(
            {n: t.to(self.device) for n, t in begun.params.items()}, np.arange(units, dtype=np.int64)
        )
        self._revivals = 0
        self._regained = self._rate = 0.0
        self._loss = torch.tensor(math.nan)
        self._metrics: dict[str, float] = {}
        self._good = self.backup()

    def lay_out(self, params: Params, ids: Array, moments: tuple[Params, Params, int] | None = None) -> None:
        """Take these parameters as ours; the optimizer forgets, or takes the moments given alike."""
        self._flat = FlatParams(params)
        self._fused = FusedGradient(self._flat)
        self._optimizer = Optimizer(self._flat)
        if moments:
            mean, square, self._optimizer.count = moments
            self._optimizer.mean, self._optimizer.square = FlatParams(mean).vector, FlatParams(square).vector
        self.unit_ids = ids

    @property
    def moments(self) -> tuple[Params, Params, int]:
        """The optimizer's memory, laid out like the parameters."""
        o = self._optimizer
        return self._flat.like(o.mean), self._flat.like(o.square), o.count

    def backup(self) -> Backup:
        """A copy of everything that learning changes."""
        mean, square, count = self.moments
        params, mean, square = ({n: t.clone() for n, t in p.items()} for p in (self.params, mean, square))
        random = self._random.get_state()
        return Backup(params, (mean, square, count), self.unit_ids, self.step_count, self.seconds, random)

    def return_to(self, backup: Backup) -> None:
        self.lay_out(backup.params, backup.ids, backup.moments)
        self.step_count, self.seconds = backup.step, backup.seconds
        self._random.set_state(backup.random)
        self._metrics = {}

    def _weigh(self) -> None:
        """Set every pixel's weight from the painted mask and the weighted centre; their mean is 1."""
        c = self._controls
        weight = dividers.centre_weight(
            self._rows[:, :2], c.weigh_center, c.center_inner, c.center_outer, c.center_x, c.center_y
        )
        if self.mask is not None:
            weight = weight * torch.from_numpy(self.mask.astype(np.float32)).to(weight).reshape(-1)
        self._weighted = self.mask is not None or c.weigh_center != 1
        self._rows[:, 7] = weight / weight.mean().clamp(min=1e-12)

    @property
    def controls(self) -> FitControls:
        return self._controls

    @property
    def params(self) -> Params:
        return self._flat.views

    @property
    def progress(self) -> float:
        """How far the schedules are, in [0, 1]."""
        return min(1.0, max(0.0, self._gone() - self._regained))

    def _gone(self) -> float:
        limit = self.limit if self.limit != Limit() else Limit(steps=self._controls.horizon)
        return limit.progress(self.step_count, self.seconds)

    def _reheat(self) -> None:
        """Late in the schedule nothing moves far any more; after a person's hand in it, something has to."""
        self._regained = max(self._regained, self._gone() - REHEATED)

    def scheduled(self) -> tuple[float, float]:
        """(learning rate, g) of this moment."""
        c, progress = self._controls, self.progress
        warm = min(1.0, (progress + 1e-4) / WARM)
        return (
            c.learning_rate * warm * c.final_rate**progress,
            c.gradient_sharpness * c.gradient_sharpening**progress,
        )

    # One step.

    def step(self) -> None:
        began = time.perf_counter()
        try:
            self._step()
        except torch.OutOfMemoryError as error:
            message = f"Out of memory: use a smaller batch or fewer units ({str(error).splitlines()[0]})."
        except RuntimeError as error:  # what torch raises on the CPU
            if "alloc" not in str(error).lower():
                raise
            message = "Out of memory: use a smaller batch, fewer units or a smaller picture."
        else:
            self.seconds += time.perf_counter() - began
            return
        raise JobError(message)  # outside of the handler, which would keep the tensors alive

    def _step(self) -> None:
        c = self._controls
        learning_rate, g = self.scheduled()
        self._revive_when_due()
        growth = next(times for start, times in GROWTH if self.progress >= start)
        columns = self._some_pixels(c.batch_size * growth)
        weight = columns[7] if self._weighted else None
        leak = LEAK * max(0.0, 1 - self.progress / LEAK_UNTIL)
        self._loss, _ = self._fused.loss_and_gradient(columns[:4], columns[4:7], c.sharpness, g, weight, leak)
        care = CARE if self._on_edges else 1.0
        self._optimizer.step(
            self._flat, learning_rate * c.divider_rate * care, learning_rate, learning_rate * c.matrix_rate
        )
        self.step_count += 1
        if self.step_count % CHECK_EVERY == 0:
            self._check_finite()

    def _some_pixels(self, count: int) -> Tensor:
        """So many random pixels, or all: (8, B)."""
        if not 0 < count < len(self._rows):
            return self._rows.T.contiguous()
        chosen = torch.randint(len(self._rows), (count,), generator=self._random, device=self.device)
        return self._rows.index_select(0, chosen).T.contiguous()

    def _revive_when_due(self) -> None:
        """Along the first part of the schedule, move the units that matter least; ever fewer of them."""
        gone = self.progress / REVIVE_UNTIL
        if gone >= 1 or int(gone * REVIVALS) <= self._revivals:
            return
        self._revivals = int(gone * REVIVALS)
        if self._controls.revive and not self._on_edges:
            columns = self._some_pixels(REVIVAL_PIXELS)
            said = self._fused.said(columns[:4], self._controls.sharpness)
            weight = columns[7] if self._weighted else None
            count = max(1, round(REVIVED * len(said) * (1 - gone)))
            memory = [*self.moments[:2]]
            revive(self.params, memory, said, columns[:2].T, columns[4:7].T, weight, count, self._random)

    def _check_finite(self) -> None:
        if torch.isfinite(self._flat.vector).all():
            self._good = self.backup()
            return
        bad = self.step_count
        self.return_to(self._good)
        raise JobError(
            f"The numbers stopped being numbers near step {bad}; back at step {self.step_count}. "
            "Lower the learning rate, then play on."
        )

    # What a person sees.

    def snapshot(self) -> Snapshot:
        since = self.step_count - self._metrics.get("step", -math.inf)
        if since < 0 or since >= min(MEASURE_EVERY, 1 + self.step_count // 20):
            self._measure()
        frame = frozen_all({n: t.cpu().numpy() for n, t in self.params.items()} | {"unit_ids": self.unit_ids})
        metrics = {name: value for name, value in self._metrics.items() if name not in ("step", "seconds")}
        return Snapshot(KIND, self.step_count, self.seconds, frame, metrics)

    def still(self) -> Mapping[str, Array]:
        return {"target": self.pixels}

    def _measure(self) -> None:
        steps = self.step_count - self._metrics.get("step", self.step_count)
        took = self.seconds - self._metrics.get("seconds", self.seconds)
        error = self.mean_squared_error(self._measured_rows)
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
            "steps_per_second": self._rate,
        }

    def said_on_average(self) -> Tensor:
        """The mean of A of every unit over the sample of pixels: (U,)."""
        return self._fused.said(self._measured_rows.T[:4].contiguous(), self._controls.sharpness).mean(1)

    def mean_squared_error(self, rows: Tensor | None = None) -> float:
        """Of the whole picture, or of some rows of pixels; unweighted."""
        columns = (self._rows if rows is None else rows).T.contiguous()
        colours = self._fused.colours(columns[:4], self._controls.sharpness)
        return float(((colours - columns[4:7]) ** 2).mean())

    def psnr(self) -> float:
        """In dB, of the whole picture."""
        return dividers.psnr(self.mean_squared_error())

    # What a person changes.

    def apply(self, edit: Edit) -> Change:
        change = self._editing.apply(edit)
        if isinstance(edit, MoveUnit | AddUnit | RemoveUnit | SetMask | Restore):
            self._reheat()
        self._metrics = {}  # how good the picture is must be looked at again
        return change

    def set_controls(self, values: Mapping[str, Any]) -> bool:
        """Take new values; True if one of them made the job start over."""
        new = with_values(self._controls, values)
        changed = [c for c in controls_of(new) if getattr(new, c.name) != getattr(self._controls, c.name)]
        self._controls = new
        self._weigh()
        again = not all(c.live for c in changed)
        if again:
            self.start()
        return again

    def set_mask(self, mask: Array | None) -> None:
        if mask is not None and mask.shape != self.pixels.shape[:2]:
            raise ControlError(f"A mask has the picture's size {self.pixels.shape[:2]}, not {mask.shape}.")
        weights = None if mask is None else np.asarray(mask, np.float32)
        if weights is not None and not (
            np.isfinite(weights).all() and (weights >= 0).all() and weights.any()
        ):
            raise ControlError("A mask holds weights that are not negative, and not all of them zero.")
        self.mask = None if weights is None else frozen(weights)
        self._weigh()

    # What is kept.

    def checkpoint(self) -> Checkpoint:
        good = self.backup() if torch.isfinite(self._flat.vector).all() else self._good
        mean, square, count = good.moments
        about = {
            "controls": values_of(self._controls),
            "picture": {"name": self.name, "spec": self.spec},
            "limit": {"steps": self.limit.steps, "seconds": self.limit.seconds},
            "seconds": good.seconds,
            "updates": count,
            "revivals": self._revivals,
            "on_edges": self._on_edges,
            "regained": self._regained,
            "psnr": dividers.psnr(self.mean_squared_error(self._measured_rows)),
        }
        model = _arrays(good.params) | {"target": self.pixels, "unit_ids": good.ids}
        trainer = _arrays(mean, "mean.") | _arrays(square, "square.") | {"random": good.random.numpy()}
        if self.mask is not None:
            trainer["mask"] = self.mask
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
            job.limit = limit or _limit(about.get("limit", {}))
            params = {n: t.to(job.device) for n, t in saved.params.items()}
            moments = None
            if trainer:
                mean, square = (
                    {
                        n: torch.from_numpy(trainer[f"{which}.{n}"].copy()).to(params[n]).view_as(params[n])
                        for n in params
                    }
                    for which in ("mean", "square")
                )
                moments = (mean, square, int(about["updates"]))
                job.set_mask(trainer.get("mask"))
            job.lay_out(params, saved.unit_ids, moments)
            job.step_count, job.seconds = checkpoint.step, float(about.get("seconds", 0))
            job._revivals, job._regained = int(about.get("revivals", 0)), float(about.get("regained", 0))
            if trainer and job.device.type == "cpu":
                job._random.set_state(torch.from_numpy(trainer["random"].copy()))
        except (KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
            raise UserError(f"What is saved beside the model does not fit it ({error}).") from None
        job._good = job.backup()
        return job

    @classmethod
    def info(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        """What `info` says of a checkpoint."""
        saved = read_model(checkpoint)
        counts = {
            f"{kind}s" if kind in ("line", "circle") else kind: n
            for kind, n in dividers.unit_counts(saved.params).items()
            if n
        }
        height, width = saved.target.shape[:2]
        numbers = dividers.count_numbers(saved.params)
        return {"target": f"{width}x{height}", "units": counts, "numbers": numbers}


def _limit(saved: Mapping[str, Any]) -> Limit:
    steps, seconds = saved.get("steps"), saved.get("seconds")
    return Limit(None if steps is None else int(steps), None if seconds is None else float(seconds))


def _arrays(params: Params, prefix: str = "") -> dict[str, Array]:
    return {prefix + name: tensor.cpu().numpy() for name, tensor in params.items()}
