"""What happens when memory runs out: the job says so in one sentence, and can go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode

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


class Allowance(TorchDispatchMode):
    """Within this, new tensors of more bytes in all are a ValueError, before anything is written to them."""

    def __init__(self, most: int):
        super().__init__()  # type: ignore[no-untyped-call]
        self.left = most

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and all(each.alias_info is None for each in func._schema.returns):
            self.left -= result.nbytes
            if self.left < 0:
                raise ValueError("it is described as far larger than what is there")
        return result


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it says that there is no memory; on the CPU, torch has no class of its own for that."""
    if isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError):
        return "alloc" in str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError)
