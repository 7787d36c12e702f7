"""Train a gated PixelCNN on a data set. A step is one batch; an epoch ends with a look at the held-out pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..controls import ControlError, controls_of, edited, values_of
from ..data.batches import Batches
from ..data.datasets import Dataset
from ..data.quantise import Bytes, dequantise, quantise
from ..errors import JobError, UserError
from ..models.pixelcnn import PixelCNN, bits_per_dimension
from ..models.pixelcnn_sample import Request, draw, finish, uniforms
from ..snapshot import Array, Change, Checkpoint, Snapshot, frozen, frozen_all
from .job import Edit, Limit, SetControls, StartOver
from .pixelcnn_controls import TrainControls
from .pixelcnn_model import KIND, arrays_of, controls_learnt, read_pixelcnn, shape_of, tensor_of

BETAS = (0.9, 0.95)
WALL = 64  # pictures on the wall of samples
EVALUATED = 256  # pictures at a time when evaluating


class TrainPixelCNN:
    kind = KIND
    rest = 0.0

    def __init__(
        self,
        dataset: Dataset,
        controls: TrainControls | None = None,
        limit: Limit | None = None,
        device: str = "cpu",
        spec: str = "",
    ):
        self.dataset, self.spec = dataset, spec or dataset.name
        self._limit = limit or Limit()
        self.device = torch.device(device)
        classes = len(dataset.classes)
        wanted = controls or TrainControls()
        self._controls = edited(wanted, {
            "channels": dataset.shape[2], "classes": classes if wanted.labelled and classes > 1 else 0,
        })  # fmt: skip
        self.start()

    def start(self) -> None:
        """Forget everything learnt and begin."""
        c = self._controls
        self.step_count, self.seconds = 0, 0.0
        torch.manual_seed(c.seed)
        self.model = PixelCNN(shape_of(c)).to(self.device)
        self._average = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.0, betas=BETAS)
        self._batches = Batches(len(self.dataset.train_images), c.batch_size, c.seed)
        self._held = math.nan  # nats per dimension
        self._best, self._best_epoch = math.inf, 0
        self._best_weights = self._weights()
        self._loss = torch.tensor(math.nan)
        self._wall: Array | None = None
        self.stopped_early = False

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
    def progress(self) -> float:
        """How much of the way has been gone, in [0, 1]."""
        return min(1.0, self.limit.progress(self.step_count, self.seconds))

    def learning_rate(self) -> float:
        c = self._controls
        warm = min(1.0, (self.step_count + 1) / max(1, c.warm_up))
        return (
            c.learning_rate
            * warm
            * (c.final_rate + (1 - c.final_rate) * (1 + math.cos(math.pi * self.progress)) / 2)
        )

    # One step.

    def step(self) -> None:
        began = time.perf_counter()
        epoch = self.epoch
        message = ""
        try:
            self._learn()
        except torch.OutOfMemoryError:
            message = "Out of memory: use a smaller batch or fewer maps."
        if message:  # outside of the handler, which would keep the tensors alive
            raise JobError(message)
        self.step_count += 1
        if self.epoch > epoch:
            self._look_back()
        self.seconds += time.perf_counter() - began

    def _learn(self) -> None:
        c = self._controls
        chosen = next(self._batches)
        levels, labels = self._tensors(self.dataset.train_images[chosen], self.dataset.train_labels[chosen])
        self.model.train()
        self._loss = self.model.loss(levels, labels)  # nats per dimension
        self._optimizer.zero_grad(set_to_none=True)
        self._loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.clip)
        for group in self._optimizer.param_groups:
            group["lr"], group["weight_decay"] = self.learning_rate(), c.weight_decay
        self._optimizer.step()
        self._loss = self._loss.detach()
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self._average[name].lerp_(parameter, 1 - c.averaging)

    def _look_back(self) -> None:
        """At the end of an epoch: how good is it on pictures never learnt from?"""
        if not torch.isfinite(self._loss):
            self._load(self._best_weights)
            raise JobError(
                "The loss stopped being a number; back at the best network. Lower the learning rate."
            )
        self._held = self.evaluate()
        if self._held < self._best:
            self._best, self._best_epoch, self._best_weights = self._held, self.epoch, self._weights()
        patience = self._controls.patience
        self.stopped_early = bool(patience) and self.epoch - self._best_epoch >= patience

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
        model = PixelCNN(self.model.shape).to(self.device).eval()
        model.load_state_dict(self._average, strict=False)
        return model

    def _tensors(self, images: Array, labels: Array) -> tuple[Tensor, Tensor | None]:
        levels = torch.from_numpy(quantise(images.astype(np.uint8), self._controls.levels)).to(self.device)
        told = torch.from_numpy(labels.astype(np.int64)).to(self.device) if self._controls.classes else None
        return levels, told

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
        frame = {} if self._wall is None else {"wall": self._wall}
        return Snapshot(KIND, self.step_count, self.seconds, frozen_all(frame), metrics)

    def renew_wall(self, count: int = WALL) -> Bytes:
        """Draw samples with the network as it is: (count, H, W, C) bytes."""
        height, width, channels = self.dataset.shape
        labels = torch.arange(count) % self._controls.classes if self._controls.classes else None
        request = Request(uniforms(count, height, width, channels, self._controls.seed), labels)
        levels = finish(draw(self.drawing_model(), request), request)
        wall = dequantise(levels.cpu().numpy(), self._controls.levels)
        self._wall = frozen(wall)
        return wall

    def still(self) -> Mapping[str, Array]:
        return {"held_out": self.dataset.held_images[:WALL]}

    # What a person changes.

    def apply(self, edit: Edit) -> Change:
        if isinstance(edit, SetControls):
            new = edited(self._controls, edit.values)
            changed = [c for c in controls_of(new) if getattr(new, c.name) != getattr(self._controls, c.name)]
            self._controls = new
            self.model.dropout = new.dropout
            if not all(c.live for c in changed):
                self.start()
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
        trainer["random"] = torch.get_rng_state().numpy()
        return Checkpoint(KIND, self.step_count, about, frozen_all(arrays_of(best)), frozen_all(trainer))

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, dataset: Dataset, device: str = "cpu", limit: Limit | None = None
    ) -> TrainPixelCNN:
        """Go on from a checkpoint: exactly, if its trainer part is there."""
        about, trainer = checkpoint.about, checkpoint.trainer
        model = read_pixelcnn(checkpoint)
        try:
            limit = limit or Limit(**about.get("limit", {}))
            job = cls(dataset, controls_learnt(checkpoint), limit, device, about["dataset"]["spec"])
            job._load(dict(model.named_parameters()))
            job._best_weights = job._weights()
            job.step_count, job.seconds = checkpoint.step, float(about["seconds"])
            if trainer:
                job._batches.restore(about["batches"])
                job._held = math.nan if about["held_out"] is None else float(about["held_out"])
                job._best = math.inf if about["best"] is None else float(about["best"])
                job._best_epoch = int(about["best_epoch"])
                job._load({n: tensor_of(trainer[f"now.{n}"]) for n, _ in model.named_parameters()})
                for name, parameter in job.model.named_parameters():
                    job._average[name] = tensor_of(trainer[f"average.{name}"]).to(parameter)
                    prefix = f"adam.{name}."
                    job._optimizer.state[parameter] = {
                        key.removeprefix(prefix): tensor_of(value).to(
                            parameter if value.shape else torch.float32
                        )
                        for key, value in trainer.items()
                        if key.startswith(prefix)
                    }
                torch.set_rng_state(tensor_of(trainer["random"]))
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            raise UserError(
                f"What is saved beside the model does not fit it ({str(error).splitlines()[0]})."
            ) from None
        return job
