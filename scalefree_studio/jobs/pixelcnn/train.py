"""Train a gated PixelCNN on a data set. A step is one batch, and a little of what it shows of itself: a row of samples,
a batch of held-out pictures."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ...controls import ControlError, controls_of, edited, values_of
from ...data.batches import Batches, Indices
from ...data.datasets import Dataset
from ...data.quantise import Bytes, dequantise, quantise
from ...errors import JobError, UserError
from ...models.pixelcnn.network import PixelCNN, bits_per_dimension
from ...models.threads import keep_memory
from ...snapshot import Array, Change, Checkpoint, Snapshot, frozen_all
from ..job import Edit, Limit, SetControls, StartOver
from ..training.ranks import Ranks
from ..training.wall import LOOKED_AT, HeldOutPass, Samples, spread
from .controls import TrainControls
from .saved import KIND, adam_of, arrays_of, controls_learnt, read_pixelcnn, shape_of, tensor_of

BETAS = (0.9, 0.95)
WALL, HELD = 64, 16  # pictures on the wall of samples, and of those held out
FIRST_LOOK, LOOK_EVERY = 20, 200  # steps until and between looks at held-out pictures, if an epoch has more
CHECK_EVERY = 50  # steps between looks at whether the loss is a number, where looking means waiting for a GPU
WARMING = 0.2  # of a run of few steps, at most
SMOOTH = 0.1  # of the speed
EVALUATED = 256  # pictures at a time when evaluating


class TrainPixelCNN:
    kind = KIND

    def __init__(
        self,
        dataset: Dataset,
        controls: TrainControls | None = None,
        limit: Limit | None = None,
        device: str = "cpu",
        spec: str = "",
        ranks: Ranks | None = None,
    ):
        keep_memory()
        self.dataset, self.spec = dataset, spec or dataset.name
        self._limit = limit or Limit()
        self.device, self._ranks = torch.device(device), ranks or Ranks()
        self._controls = self._fitted(controls or TrainControls())
        held = len(dataset.held_images)
        self._looked_at = spread(held, LOOKED_AT)
        self._held_shown = spread(held, HELD)
        self.start()

    def _fitted(self, wanted: TrainControls) -> TrainControls:
        """With what the pictures decide, and nothing that the machine cannot do."""
        if wanted.precision == "float16" and self.device.type != "cuda":
            raise ControlError("Only a CUDA GPU learns in float16; choose bfloat16 or float32.")
        classes = len(self.dataset.classes)
        return edited(wanted, {
            "channels": self.dataset.shape[2], "classes": classes if wanted.labelled and classes > 1 else 0,
        })  # fmt: skip

    def start(self) -> None:
        """Forget everything learnt and begin."""
        c = self._controls
        self.step_count, self.seconds = 0, 0.0
        torch.manual_seed(c.seed)
        self.model = PixelCNN(shape_of(c)).to(self.device)
        self._forget()
        self._batches = Batches(len(self.dataset.train_images), c.batch_size, c.seed)
        self._held = math.nan  # nats per dimension
        self._best, self._best_epoch = math.inf, 0
        self._best_weights = self._weights()
        self._samples = Samples(WALL, self.dataset.shape, c.levels, c.classes, c.seed)
        self._surprise: Array | None = None
        self._rate = 0.0  # steps a second
        self.stopped_early = False

    def _forget(self) -> None:
        """Begin with these weights, without a memory of how they came to be."""
        self._average = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.0, betas=BETAS, fused=True)
        self._scale()
        self._loss = torch.tensor(math.nan)
        self._look: HeldOutPass | None = None  # at held-out pictures, while it lasts

    def _scale(self) -> None:
        """Small gradients would be nothing in float16, so there they are made larger on their way."""
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=self._controls.precision == "float16")

    @property
    def controls(self) -> TrainControls:
        return self._controls

    @property
    def epoch(self) -> int:
        return self._batches.epoch

    @property
    def limit(self) -> Limit:
        """As asked for, or the end of the last epoch; or here, where more epochs have stopped helping."""
        if self.stopped_early:
            return Limit(steps=self.step_count)
        c = self._controls
        epochs = Limit(steps=math.ceil(c.epochs * len(self.dataset.train_images) / c.batch_size))
        return epochs if self._limit == Limit() else self._limit

    @property
    def rest(self) -> float:
        return math.inf if self.limit.reached(self.step_count, self.seconds) else 0.0

    @property
    def progress(self) -> float:
        """How much of the way has been gone, in [0, 1]."""
        return min(1.0, self.limit.progress(self.step_count, self.seconds))

    def learning_rate(self) -> float:
        c = self._controls
        steps = self.limit.steps
        warm_up = c.warm_up if steps is None else min(c.warm_up, steps * WARMING)
        warm = min(1.0, (self.step_count + 1) / max(1, warm_up))
        falling = c.final_rate + (1 - c.final_rate) * (1 + math.cos(math.pi * self.progress)) / 2
        return c.learning_rate * warm * falling

    # One step.

    def step(self) -> None:
        began = time.perf_counter()
        epoch, place = self.epoch, self._batches.state()
        message = ""
        try:
            self._learn()
        except JobError as error:
            message = str(error)
        except torch.OutOfMemoryError:
            message = "Out of memory: use a smaller batch or fewer maps."
        if message:  # outside of the handler, which would keep the tensors alive
            self._batches.restore(place)  # these are still to be learnt from
            raise JobError(message)
        self.step_count += 1
        self._check_finite()
        every = FIRST_LOOK if math.isnan(self._held) else LOOK_EVERY
        if self._look is None and (self.epoch > epoch or self.step_count % every == 0):
            self._look = HeldOutPass(self.model, self._weights())
        if self._look is not None:
            self._look_on(self._look)
        if self._ranks.first:
            self._show_on()
        took = self._ranks.as_first(time.perf_counter() - began)
        self.seconds += took
        self._rate += (1 / took - self._rate) * (SMOOTH if self._rate else 1.0)
        is_last = self.limit.reached(self.step_count, self.seconds)
        if is_last and not self.stopped_early:
            self._look = self._look or HeldOutPass(self.model, self._weights())
            while self._look is not None:
                self._look_on(self._look)

    def _learn(self) -> None:
        c = self._controls
        with self._ranks.together():  # where one runs out of memory, the others do not wait for its gradients
            self._backward(next(self._batches))
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        self._ranks.add_up([self._loss, *gradients])
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.clip)
        for group in self._optimizer.param_groups:
            group["lr"], group["weight_decay"] = self.learning_rate(), c.weight_decay
        self._scaler.step(self._optimizer)
        self._scaler.update()
        early = (1 + self.step_count) / (10 + self.step_count)  # at first there is little to keep
        average = get_ema_multi_avg_fn(min(c.averaging, early))
        average(list(self._average.values()), list(self.model.parameters()), 0)

    def _rounding(self) -> torch.autocast:
        """Within this, convolutions compute in the precision asked for; all that remains is kept in float32."""
        wanted = self._controls.precision
        return torch.autocast(
            self.device.type,
            None if wanted == "float32" else getattr(torch, wanted),
            enabled=wanted != "float32",
        )

    def _backward(self, batch: Indices) -> None:
        """This rank's part of the loss, in nats per dimension, and of its gradients."""
        mine, share = self._ranks.slice(batch)
        levels, labels = self._tensors(self.dataset.train_images[mine], self.dataset.train_labels[mine])
        self._ranks.seed(self._controls.seed, self.step_count)  # for dropout
        self.model.train()
        with self._rounding():
            loss = self.model.loss(levels, labels) * share
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._loss = loss.detach()

    def _check_finite(self) -> None:
        if self.device.type == "cuda" and self.step_count % CHECK_EVERY:
            return
        if not torch.isfinite(self._loss):
            self._load(self._best_weights)
            self._forget()
            raise JobError(
                "The loss stopped being a number; back at the best network. Lower the learning rate."
            )

    def _look_on(self, look: HeldOutPass) -> None:
        """A batch more of held-out pictures; after the last one it is known how good the network was."""
        part = self._looked_at[look.at : look.at + self._controls.batch_size]
        mine, share = self._ranks.slice(part)
        loss = look.loss_of(*self._tensors(self.dataset.held_images[mine], self.dataset.held_labels[mine]))
        self._ranks.add_up([loss.mul_(share)])
        look.add(float(loss), len(part))
        if look.at < len(self._looked_at):
            return
        self._look, self._held = None, look.loss
        if self._held < self._best:
            self._best, self._best_epoch, self._best_weights = self._held, self.epoch, look.weights
        patience = self._controls.patience
        self.stopped_early = bool(patience) and self.epoch - self._best_epoch >= patience

    def _show_on(self) -> None:
        """A row more of the samples, or the first of others."""
        if self._samples.drawing:
            self._samples.row()
        elif self._controls.wall_every and self.step_count % self._controls.wall_every == 0:
            model = self.drawing_model()
            self._samples.begin(model)
            self._surprise = self._surprised(model)

    @torch.no_grad()
    def _surprised(self, model: PixelCNN) -> Array:
        """How surprising a few held-out pictures are, in bits a place: (K, H, W)."""
        part = self._held_shown
        told = self._tensors(self.dataset.held_images[part], self.dataset.held_labels[part])
        bits = bits_per_dimension(1.0) * model.surprise(*told).sum(-1)
        return bits.cpu().numpy().astype(np.float16)

    @torch.no_grad()
    def evaluate(self, model: PixelCNN | None = None) -> float:
        """The mean over the held-out pictures, in nats per dimension, of this network as it is or of another."""
        model, total = model or self.drawing_model(), 0.0
        images, labels = self.dataset.held_images, self.dataset.held_labels
        for start in range(0, len(images), EVALUATED):
            part = slice(start, start + EVALUATED)
            told = self._tensors(images[part], labels[part])
            total += float(model.loss(*told)) * len(images[part])
        return total / len(images)

    def drawing_model(self) -> PixelCNN:
        """The network to draw and judge with: of averaged weights if they are wanted."""
        self.model.eval()
        if not self._controls.averaging:
            return self.model
        model = copy.deepcopy(self.model)
        model.load_state_dict(self._average, strict=False)
        return model

    def _tensors(self, images: Array, labels: Array) -> tuple[Tensor, Tensor | None]:
        def put(array: npt.NDArray[np.int64]) -> Tensor:
            tensor = torch.from_numpy(array)
            if (
                self.device.type == "cuda"
            ):  # from pinned memory it goes there while the GPU does something else
                tensor = tensor.pin_memory()
            return tensor.to(self.device, non_blocking=True)

        levels = put(quantise(images.astype(np.uint8), self._controls.levels))
        return levels, put(labels.astype(np.int64)) if self._controls.classes else None

    def _weights(self) -> dict[str, Tensor]:
        source = self._average if self._controls.averaging else dict(self.model.named_parameters())
        return {n: p.detach().clone() for n, p in source.items()}

    def _load(self, weights: Mapping[str, Tensor]) -> None:
        self.model.load_state_dict(weights, strict=False)

    # What a person sees.

    def snapshot(self) -> Snapshot:
        loss = float(self._loss)
        metrics = {"learning_rate": self.learning_rate(), "epoch": float(self.epoch)}
        if math.isfinite(loss):
            metrics |= {"loss": loss, "bits_per_dimension": bits_per_dimension(loss)}
        if math.isfinite(self._held):
            metrics |= {"held_out": self._held, "held_out_bits": bits_per_dimension(self._held)}
        if self._rate:
            metrics["steps_per_second"] = self._rate
        frame: dict[str, Array] = {}
        if self._samples.any:
            frame |= {"wall": self._samples.pictures, "fresh": np.array(self._samples.fresh)}
        if self._surprise is not None:
            frame["surprise"] = self._surprise
        return Snapshot(KIND, self.step_count, self.seconds, frozen_all(frame), metrics)

    def renew_wall(self, model: PixelCNN | None = None) -> Bytes:
        """Draw all samples with this network as it is, or with another: (M, H, W, C) bytes."""
        self._samples.begin(model or self.drawing_model())
        while self._samples.drawing:
            self._samples.row()
        return self._samples.pictures

    def still(self) -> Mapping[str, Array]:
        """A few held-out pictures, as the network sees them."""
        levels = quantise(self.dataset.held_images[self._held_shown], self._controls.levels)
        return frozen_all({"held": dequantise(levels, self._controls.levels)})

    # What a person changes.

    def apply(self, edit: Edit) -> Change:
        if isinstance(edit, SetControls):
            new = self._fitted(edited(self._controls, edit.values))
            changed = [c for c in controls_of(new) if getattr(new, c.name) != getattr(self._controls, c.name)]
            self._controls = new
            self.model.dropout = new.dropout
            if not all(c.live for c in changed):
                self.start()
            elif any(c.name == "precision" for c in changed):
                self._scale()
            return Change(self.step_count, "controls", dict(edit.values))
        if isinstance(edit, StartOver):
            self.start()
            return Change(0, "start over")
        raise ControlError(f"Training has no edit {type(edit).__name__}.")

    # What is kept.

    def checkpoint(self) -> Checkpoint:
        about = {
            "controls": values_of(self._controls),
            "dataset": {"name": self.dataset.name, "spec": self.spec, "shape": list(self.dataset.shape)},
            "classes": list(self.dataset.classes),
            "limit": {"steps": self._limit.steps, "seconds": self._limit.seconds},
            "seconds": self.seconds,
            "batches": self._batches.state(),
            "held_out": None if math.isnan(self._held) else self._held,
            "best": None if math.isinf(self._best) else self._best,
            "best_epoch": self._best_epoch,
            "scaler": self._scaler.state_dict(),
            "look": None if self._look is None else self._look.saved(),
        }
        best = self._best_weights if math.isfinite(self._best) else self._weights()
        trainer = arrays_of(dict(self.model.named_parameters()), "now.") | arrays_of(
            self._average, "average."
        )
        for name, parameter in self.model.named_parameters():
            state = self._optimizer.state.get(parameter, {})
            trainer |= arrays_of(
                {key: torch.as_tensor(value) for key, value in state.items()}, f"adam.{name}."
            )
        if self._look is not None:
            trainer |= arrays_of(self._look.weights, "look.")
        if self._samples.any:
            trainer["samples"] = self._samples.pictures
        if self._surprise is not None:
            trainer["surprise"] = self._surprise
        return Checkpoint(KIND, self.step_count, about, frozen_all(arrays_of(best)), frozen_all(trainer))

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        dataset: Dataset,
        device: str = "cpu",
        limit: Limit | None = None,
        edits: Mapping[str, Any] | None = None,
        ranks: Ranks | None = None,
    ) -> TrainPixelCNN:
        """Go on from a checkpoint: exactly, if its trainer part is there. `edits` are new values for live controls."""
        about, trainer = checkpoint.about, checkpoint.trainer
        model = read_pixelcnn(checkpoint)
        try:
            limit = limit or Limit(**about.get("limit", {}))
            controls = edited(controls_learnt(checkpoint), edits or {})
            job = cls(dataset, controls, limit, device, about["dataset"]["spec"], ranks)
            job._load(dict(model.named_parameters()))
            job._forget()
            job._best_weights = job._weights()
            job.step_count, job.seconds = checkpoint.step, float(about["seconds"])
            if trainer:
                job._batches.restore(about["batches"])
                job._held = math.nan if about["held_out"] is None else float(about["held_out"])
                job._best = math.inf if about["best"] is None else float(about["best"])
                job._best_epoch = int(about["best_epoch"])
                if about.get("scaler"):
                    job._scaler.load_state_dict(about["scaler"])
                if about.get("look"):
                    looked = {n: tensor_of(trainer[f"look.{n}"], p) for n, p in model.named_parameters()}
                    job._look = HeldOutPass(
                        job.model, looked, int(about["look"]["at"]), float(about["look"]["total"])
                    )
                if "samples" in trainer:
                    job._samples.restore(trainer["samples"])
                surprise = trainer.get("surprise")
                if surprise is not None and surprise.shape == (len(job._held_shown), *dataset.shape[:2]):
                    job._surprise = surprise
                job._load({n: tensor_of(trainer[f"now.{n}"]) for n, _ in model.named_parameters()})
                for name, parameter in job.model.named_parameters():
                    job._average[name] = tensor_of(trainer[f"average.{name}"], parameter)
                    job._optimizer.state[parameter] = adam_of(trainer, f"adam.{name}.", parameter)
        except ControlError as error:
            raise UserError(str(error)) from None
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            raise UserError(
                f"What is saved beside the model does not fit it ({str(error).splitlines()[0]})."
            ) from None
        return job
