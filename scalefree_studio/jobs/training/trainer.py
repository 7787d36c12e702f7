"""A network that learns: the optimizer, the average of the weights, ranks, precision, and the best network so far."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ...controls import ControlError
from ...data.batches import Indices
from ...data.download import Progress
from ...data.examples import Examples
from ...data.sources import Dataset
from ...errors import JobError, UserError
from ...snapshot import Array
from .held_out import MOST, HeldOutPass, spread
from .lesson import C, Inputs, Lesson, N, rows_of
from .ranks import Ranks
from .weights import (
    arrays_of,
    copied,
    load_optimizer,
    optimizer_arrays,
    tensor_of,
    weights_of,
)

CHECK_EVERY = 50  # steps between checks that the loss is a number, where checking means waiting for a GPU
EVALUATED = 256  # examples at a time when evaluating
MOST_NAMED = 3  # classes, in a sentence
NOW, AVERAGE, PASS = "now.", "average.", "look."  # of arrays in trainer.safetensors
OPTIMIZER = "adam."  # whichever it is: the first one gave its name to the files


class Trainer(Generic[C, N]):
    """Knows nothing of limits, schedules, epochs or what is shown: see `Train`."""

    def __init__(self, lesson: Lesson[C, N], controls: C, device: torch.device, ranks: Ranks):
        check_precision(controls.precision, device)
        check_held_out(lesson.dataset, controls)
        self.lesson, self.controls, self.device, self.ranks = lesson, controls, device, ranks
        self.dataset = lesson.prepared(controls)
        torch.manual_seed(controls.seed)
        self.network: N = lesson.network(controls).to(device)
        self.forget()
        self.held_out = math.nan  # the loss of the last network that was judged
        self.best, self.best_epoch, self.best_weights = math.inf, 0, copied(self.weights())
        self._judged = spread(len(self.dataset.held), MOST)  # those that stand for all

    def forget(self) -> None:
        """Go on from these weights, without a memory of how they came to be."""
        self._average = copied(dict(self.network.named_parameters()))
        self._optimizer = self.lesson.optimizer(self.network, self.controls)
        self.set_precision(self.controls)
        self.loss = torch.tensor(math.nan)  # of the last batch
        self.held_out_pass: HeldOutPass[N] | None = None  # while it lasts

    def set_controls(self, controls: C) -> None:
        """Take new values of live controls, or refuse them with a ControlError."""
        check_precision(controls.precision, self.device)
        another = controls.precision != self.controls.precision
        self.controls = controls
        self.lesson.follow(self.network, controls)
        if another:
            self.set_precision(controls)

    def set_precision(self, controls: C) -> None:
        """Small gradients would be nothing in float16, so there they are made larger on their way."""
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=controls.precision == "float16")

    # Learning.

    def learn(self, batch: Indices, step: int, rate: float) -> None:
        """One step. If it fails, for whatever reason, on any rank, nothing has been learnt."""
        c = self.controls
        with self.ranks.together():  # where one runs out of memory, the others do not wait for its gradients
            self._backward(batch, step)
        parameters = list(self.network.parameters())
        self.ranks.add_up([self.loss, *(p.grad for p in parameters if p.grad is not None)])
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, c.clip)
        for group in self._optimizer.param_groups:
            group["lr"], group["weight_decay"] = rate * group.get("rate", 1.0), c.weight_decay
        self._step_optimizer()
        early = (1 + step) / (10 + step)  # at first there is little to keep
        average = get_ema_multi_avg_fn(min(c.averaging, early))
        average(list(self._average.values()), parameters, 0)

    def _backward(self, batch: Indices, step: int) -> None:
        """This rank's part of the loss and of its gradients."""
        mine, share = self.ranks.slice(batch)
        inputs = self.inputs(self.dataset.train, mine)
        self.ranks.seed(self.controls.seed, step)  # for dropout
        self.network.train()
        with self._rounding():
            loss = self.lesson.loss(self.network, *inputs) * share
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self.loss = loss.detach()

    def _step_optimizer(self) -> None:
        first, before = not self._optimizer.state, dict[str, Tensor]()
        try:
            with self.ranks.together():
                if first and self.ranks.count > 1:
                    before = copied(dict(self.network.named_parameters()))
                self._scaler.step(self._optimizer)
        except Exception:  # out of memory: torch would go on with a state of which a part is missing
            if first:
                self._optimizer.state.clear()
                self.load(before)  # the other ranks may have made this step
            raise
        self._scaler.update()

    def _rounding(self) -> torch.autocast:
        """Within this, the network computes in the precision asked for; all that remains is kept in float32."""
        wanted = self.controls.precision
        dtype = None if wanted == "float32" else getattr(torch, wanted)
        return torch.autocast(self.device.type, dtype, enabled=wanted != "float32")

    def inputs(self, examples: Examples, indices: Indices) -> Inputs:
        """What the network is given of these examples, where it computes."""
        return inputs_of(self.lesson, examples, indices, self.controls, self.device)

    def check_finite(self, step: int) -> None:
        """Where the loss is no number any more, return to the best network, and raise a JobError."""
        if self.device.type == "cuda" and step % CHECK_EVERY:
            return
        if not torch.isfinite(self.loss):
            self.load(self.best_weights)
            self.forget()
            raise JobError(
                "The loss is no longer a number; back at the best network. Lower the learning rate."
            )

    # How good it is.

    def begin_held_out_pass(self) -> None:
        if self.held_out_pass is None:
            with self.ranks.together():
                begun = HeldOutPass(self.network, self.weights())
            self.held_out_pass = begun  # on all ranks, or on none

    @torch.no_grad()
    def judge(self, epoch: int) -> bool:
        """A batch more of held-out examples; True after the last, when it is known how good the network was."""
        held_out = self.held_out_pass
        if held_out is None:
            return False
        part = self._judged[held_out.at : held_out.at + self.controls.batch_size]
        mine, share = self.ranks.slice(part)
        with self.ranks.together():
            loss = self.lesson.loss(held_out.network, *self.inputs(self.dataset.held, mine))
        self.ranks.add_up([loss.mul_(share)])
        held_out.add(float(loss), len(part))
        if held_out.at < len(self._judged):
            return False
        self.held_out_pass, self.held_out = None, held_out.loss
        if self.held_out < self.best:
            self.best, self.best_epoch, self.best_weights = self.held_out, epoch, held_out.weights
        return True

    def evaluate(self, network: N | None = None, progress: Progress | None = None) -> float:
        """The mean loss over all held-out examples, of the network to be used as it is now, or of another."""
        network = network or self.used_network()
        return evaluate(self.lesson, self.dataset, network, self.controls, self.device, progress)

    def used_network(self) -> N:
        """The network to draw and judge with: of averaged weights if they are wanted."""
        self.network.eval()
        if not self.controls.averaging:
            return self.network
        network = copy.deepcopy(self.network)
        network.load_state_dict(self._average, strict=False)
        return network

    def weights(self) -> dict[str, Tensor]:
        """Those of the network to be used."""
        if not self.controls.averaging:
            return weights_of(self.network)
        # Tied weights have one of their names.
        names = {id(p): name for name, p in self.network.named_parameters()}
        tensors = self.network.state_dict(keep_vars=True)
        return {n: self._average.get(names.get(id(t), n), t.detach()) for n, t in tensors.items()}

    @property
    def size(self) -> int:
        """Bytes of the network, its gradients, averages and optimizer, and of the best one: about."""
        return 6 * sum(w.nbytes for w in weights_of(self.network).values())

    def load(self, weights: Mapping[str, Tensor]) -> None:
        self.network.load_state_dict(weights, strict=False)

    # What is kept.

    def kept_weights(self) -> dict[str, Array]:
        """Of the best network, or of this one before any was judged."""
        return arrays_of(self.best_weights if math.isfinite(self.best) else self.weights())

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """(about, arrays): what exact resume needs."""
        held_out = self.held_out_pass
        about = {
            "held_out": None if math.isnan(self.held_out) else self.held_out,
            "best": None if math.isinf(self.best) else self.best,
            "best_epoch": self.best_epoch,
            "scaler": self._scaler.state_dict(),
            "look": None if held_out is None else held_out.saved(),
        }
        arrays = arrays_of(weights_of(self.network), NOW)
        if self.controls.averaging:  # otherwise it is the network itself
            arrays |= arrays_of(self._average, AVERAGE)
        arrays |= optimizer_arrays(self._optimizer, self.network, OPTIMIZER)
        if held_out is not None:
            arrays |= arrays_of(held_out.weights, PASS)
        return about, arrays

    def begin_from(self, network: N) -> None:
        """Go on from a network as it was saved, without its trainer part."""
        self.load(weights_of(network))
        self.forget()
        self.best_weights = copied(self.weights())

    def restore(self, about: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Go on exactly, after `begin_from`; or a KeyError, TypeError or ValueError."""
        self.held_out = math.nan if about["held_out"] is None else float(about["held_out"])
        self.best = math.inf if about["best"] is None else float(about["best"])
        self.best_epoch = int(about["best_epoch"])
        if about.get("scaler"):
            self._scaler.load_state_dict(about["scaler"])
        like = weights_of(self.network)
        if about.get("look"):
            weights = {name: tensor_of(arrays[PASS + name], tensor) for name, tensor in like.items()}
            at, total = int(about["look"]["at"]), float(about["look"]["total"])
            self.held_out_pass = HeldOutPass(self.network, weights, at, total)
        self.load({name: tensor_of(arrays[NOW + name], tensor) for name, tensor in like.items()})
        average = AVERAGE if about.get("controls", {}).get("averaging") else NOW  # as it was when it was kept
        for name, parameter in self.network.named_parameters():
            self._average[name] = tensor_of(arrays[average + name], parameter)
        load_optimizer(self._optimizer, self.network, arrays, OPTIMIZER)


def check_precision(wanted: str, device: torch.device) -> None:
    """Nothing that the machine cannot do."""
    if wanted == "float16" and device.type != "cuda":
        raise ControlError("Only a CUDA GPU can learn in float16; choose bfloat16 or float32.")


def check_held_out(dataset: Dataset, controls: Any) -> None:
    """A network is judged by what it has not learnt, and by classes that it knows."""
    if not len(dataset.held):
        raise UserError(f"{dataset.held_name} has no held-out examples to judge a network by.")
    validation, labelled = dataset.validation, bool(getattr(controls, "classes", 0))
    if labelled and validation and validation.unknown:
        classes = ", ".join(validation.unknown[:MOST_NAMED])
        raise ControlError(
            f"{validation.name} has classes that the network does not learn ({classes}): learn without labels, "
            "or judge by pictures of the same classes."
        )


@torch.no_grad()
def evaluate(
    lesson: Lesson[C, N],
    dataset: Dataset,
    network: N,
    controls: C,
    device: torch.device,
    progress: Progress | None = None,
) -> float:
    """The mean loss of a network on this device over all that is held out of a data set, prepared or not."""
    check_held_out(dataset, controls)
    held, total = dataset.held, 0.0
    for part in rows_of(len(held), EVALUATED):
        indices = np.arange(part.start, part.stop)
        loss = lesson.loss(network, *inputs_of(lesson, held, indices, controls, device))
        total += float(loss) * len(indices)
        if progress:
            progress("Measuring", part.stop, len(held))
    return total / len(held)


def inputs_of(
    lesson: Lesson[C, N], examples: Examples, indices: Indices, controls: C, device: torch.device
) -> Inputs:
    """What a network on this device is given of these examples."""
    return to_device(lesson.inputs(examples.take(indices), controls), device)


def to_device(inputs: Inputs, device: torch.device) -> Inputs:
    """From pinned memory, inputs go to a GPU while it does something else."""

    def put(tensor: Tensor | None) -> Tensor | None:
        if tensor is None or device.type != "cuda":
            return tensor
        return tensor.pin_memory().to(device, non_blocking=True)

    return tuple(put(tensor) for tensor in inputs)
