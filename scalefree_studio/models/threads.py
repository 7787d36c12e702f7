"""How many cores torch takes for itself, and how it keeps its memory.

A piece of our work takes tens of microseconds; waiting for another core to join in takes as long on an idle machine and
a hundred times as long on a busy one. So drawing keeps to one core, and learning leaves one to everybody else. Only
where large pieces are learnt without a window does torch take what it would by itself, or $OMP_NUM_THREADS says.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

MALLOPT = {-8: 1, -3: 32 << 20, -1: 256 << 20}  # M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
MOST = 4  # more cores only wait for one another in batches of a few thousand pixels


def cores_for_learning() -> int:
    return min(MOST, max(1, (os.cpu_count() or 2) - 1))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Within this, torch computes on so many cores. Setting it once a thread is not enough: MKL has one number for all
    threads, the one that any of them set last."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Have glibc keep what learning frees, for the next step takes as much again. By itself it hands large pieces back
    to the system at once, and being given them anew, page by page, costs a fifteenth of a step. Call it before threads
    start: a thread stays with the memory that it began with."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not every Linux has glibc
        for what, value in MALLOPT.items():
            if mallopt is not None:
                mallopt(what, value)
