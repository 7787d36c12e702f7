"""How many cores torch takes for itself.

A piece of our work takes tens of microseconds; waiting for another core to join in takes as long on an idle machine and
a hundred times as long on a busy one. So drawing keeps to one core, and learning leaves one to everybody else. Only
where large pieces are learnt without a window does torch take what it would by itself, or $OMP_NUM_THREADS says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

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
