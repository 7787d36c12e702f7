"""Sums over the processes of one run, as `torchrun` starts them. One process alone is its own sum.

All of them must come here, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import JobError


def several() -> bool:
    """Whether there are other processes."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def add_up(tensors: Iterable[Tensor]) -> None:
    """Make each of these, in place, its sum over all processes: the same to the last bit for all of them."""
    if not several():
        return
    parts = list(tensors)
    flat = torch.cat([tensor.reshape(-1) for tensor in parts])  # one message is faster than many
    try:
        dist.all_reduce(flat)
    except RuntimeError as error:
        raise JobError(
            "Another process of this run has ended or does not answer; --resume continues from what was "
            "saved."
        ) from error
    for tensor, total in zip(parts, flat.split([t.numel() for t in parts]), strict=True):
        tensor.copy_(total.view_as(tensor))


def as_first(tensor: Tensor) -> Tensor:
    """What the first process has."""
    if several():
        tensor = tensor.clone() if dist.get_rank() == 0 else torch.zeros_like(tensor)
        add_up([tensor])
    return tensor


def random_rows(x: Tensor, count: int) -> Tensor:
    """`count` random rows of the x (N, D) of all processes together, the same for all. None comes twice as long as
    there are others; of no rows at all, none come."""
    place = dist.get_rank() if several() else 0
    sizes = torch.zeros(dist.get_world_size() if several() else 1, dtype=torch.int64)
    sizes[place] = len(x)
    add_up([sizes])
    total, start = int(sizes.sum()), int(sizes[:place].sum())
    if not total:
        return x[:0]
    chosen = as_first(torch.randperm(total).repeat(-(-count // total))[:count])
    if not several():
        return x[chosen.to(x.device)]
    mine = (chosen >= start) & (chosen < start + len(x))
    rows = x.new_zeros(count, x.shape[1])
    rows[mine.to(x.device)] = x[(chosen[mine] - start).to(x.device)]
    add_up([rows])
    return rows
