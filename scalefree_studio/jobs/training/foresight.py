"""How much memory a training would take, before it takes any: what is far too large is refused at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...amounts import bytes_in_words
from ...controls import ControlError
from .lesson import C, Lesson, N

BYTES = 4  # that a number takes
COPIES = 6  # of the weights: they, their gradients, two moments, the average, and the best so far


def fitted(lesson: Lesson[C, N], controls: C, device: torch.device) -> C:
    """With what the examples decide, or a ControlError where that cannot be, or is far too large."""
    found = lesson.fitted(controls)
    refuse_too_large(lesson.bytes_needed(found), device, lesson.advice)
    return found


def refuse_too_large(needed: int, device: torch.device, advice: str) -> None:
    """A ControlError where so many bytes are more than the machine has at all."""
    there = memory_of(device)
    if there and needed > there:
        where = "this machine" if device.type == "cpu" else "the GPU"
        raise ControlError(
            f"This would take about {bytes_in_words(needed)} of memory; {where} has {bytes_in_words(there)}: {advice}."
        )


def weights_and_kept(network: nn.Module, loss: Callable[[], Tensor]) -> tuple[int, int]:
    """Bytes of all copies of a network's weights, and of what its loss keeps for the gradients."""
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, tuple[int, Tensor]] = {}  # each storage once; alive, so that no other takes its place

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes(), tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss()
    numbers = sum(p.numel() for p in network.parameters())
    return BYTES * COPIES * numbers, sum(size for size, _ in kept.values())


def memory_of(device: torch.device) -> int:
    """Bytes that there are at all; 0 where nobody says."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    names: Any = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
