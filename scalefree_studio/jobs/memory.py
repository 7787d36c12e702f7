"""Running out of memory, made a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from ..errors import JobError

T = TypeVar("T")


def within_memory(work: Callable[[], T], advice: str) -> T:
    """The result of the work; where there is not enough memory, a JobError that says what to do."""
    try:
        return work()
    except torch.OutOfMemoryError:
        pass
    except RuntimeError as error:  # what torch raises on the CPU
        if "alloc" not in str(error).lower():
            raise
    raise JobError(f"Out of memory: {advice}.")  # outside of the handlers, which would keep the tensors alive
