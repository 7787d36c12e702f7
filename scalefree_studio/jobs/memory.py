"""What happens when memory runs out: the job says so in one sentence, and can go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from ..errors import JobError

T = TypeVar("T")


class OutOfMemoryError(JobError):
    """There is not enough memory for what a job was asked to do."""


def within_memory(work: Callable[[], T], advice: str) -> T:
    """What the work returns, or an OutOfMemoryError with what a person can do about it.

    No context manager, for the exception keeps all tensors of the failed work alive as long as it is being handled,
    and `with` handles it until its block is left: what is raised here is raised when they are gone.
    """
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    raise OutOfMemoryError(f"Out of memory: {advice}.")


@contextmanager
def allowance(most: int) -> Iterator[None]:
    """Within this, a network that this thread makes and that has more bytes is a ValueError, before they are filled."""
    left, thread = most, threading.get_ident()

    def count(module: nn.Module, name: str, tensor: torch.Tensor | None) -> None:
        nonlocal left
        if tensor is not None and threading.get_ident() == thread:
            left -= tensor.nbytes
            if left < 0:
                raise ValueError("it claims to be far larger than it is")

    hooks = [
        register_module_parameter_registration_hook(count),
        register_module_buffer_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it says that there is no memory; on the CPU, torch has no class of its own for that."""
    if isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError):
        return "alloc" in str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError)
