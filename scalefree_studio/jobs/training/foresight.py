"""How much memory a training would take, before it takes any: what is far too large is refused at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from ...amounts import bytes_in_words
from ...controls import ControlError
from .lesson import C, Lesson, Moment, N

BYTES = 4  # that a number takes
COPIES = 6  # of the weights: they, their gradients, two moments, the average, and the best so far


def fitted(lesson: Lesson[C, N], controls: C, device: torch.device) -> C:
    """With what the examples decide, or a ControlError where that cannot be, or needs more memory than there is."""
    found, there = lesson.fitted(controls), memory_of(device)
    needed = 0
    if there:
        with suppress(Exception):  # whatever is wrong shows when it is done in earnest
            needed = bytes_needed(lesson, found, there)
    if needed > there:
        where = "this machine" if device.type == "cpu" else "the GPU"
        raise ControlError(
            f"This would take about {bytes_in_words(needed)} of memory; {where} has {bytes_in_words(there)}: "
            f"{lesson.advice}."
        )
    return found


def bytes_needed(lesson: Lesson[C, N], controls: C, enough: int = 0) -> int:
    """Of memory, at least; that of the weights alone where everything surely is less than `enough`. Nothing is
    computed: on torch's meta device, tensors have shapes and no numbers. What asks for one cannot go on there, and
    what would come after it is not counted, as `bytes_kept` says."""
    train = lesson.dataset.train
    with torch.random.fork_rng(devices=[]):
        network = _without_numbers(lambda: lesson.network(controls).train())
        numbers = sum(p.numel() for p in network.parameters())
        kept = []
        for count in (1, 2):  # each further example takes as much as the second
            inputs = lesson.inputs(train.take(np.arange(count) % len(train)), controls)
            places = max(x.numel() for x in inputs if x is not None)
            # No weight makes more than a number a place.
            if BYTES * numbers * places * controls.batch_size < enough:
                return BYTES * COPIES * numbers
            shapes = [None if x is None else x.to("meta") for x in inputs]
            kept.append(bytes_kept(lesson, network, controls, shapes))
    return BYTES * COPIES * numbers + kept[0] + (controls.batch_size - 1) * (kept[1] - kept[0])


def _without_numbers(made: Callable[[], N]) -> N:
    """A network whose weights never are in memory. Only they: tables that it keeps for others to come are as ever."""

    def emptied(module: nn.Module, name: str, weight: nn.Parameter) -> nn.Parameter:
        return nn.Parameter(weight.to("meta"), weight.requires_grad)

    hook = register_module_parameter_registration_hook(emptied)  # type: ignore[arg-type]
    try:
        return made().to("meta")
    finally:
        hook.remove()


def bytes_kept(lesson: Lesson[C, N], network: N, controls: C, inputs: Sequence[Tensor | None]) -> int:
    """Bytes that the loss of a first step keeps for the gradients, besides the weights, as far as it comes."""
    weights = {_storage(p) for p in network.parameters()}
    kept: dict[int, Tensor] = {}  # each storage once; alive, so that no other takes its place

    def keep(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in weights:
            kept[_storage(tensor)] = tensor
        return tensor

    with suppress(Exception):
        lesson.begin_step(network, controls, Moment(0, 0, 0.0))
    with suppress(Exception), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        lesson.loss(network, *inputs)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # the address of its numbers is 0 on the meta device


def memory_of(device: torch.device) -> int:
    """Bytes that there are at all; 0 where nobody says."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    names: Any = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
