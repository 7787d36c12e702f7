"""Several processes that run one job together, as `torchrun` starts them.

Each is a rank. Every rank steps the same job: of each batch it takes its slice, the gradients of all slices are added
up, and so all have the same network after every step. A job is written once for any number of ranks, and one process
alone is a rank whose sums are its own. What waits for the other ranks (`add_up`, and so `agree`, `as_first` and
`together`) all of them must come to, in the same order.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ...data.batches import Indices
from ...errors import JobError, UserError
from ...models.ranks import add_up

PATIENCE = timedelta(minutes=10)  # with a rank that does not answer; of one that has ended, all know at once
LONGEST = 400  # bytes of what a rank tells the others


class Ranks:
    """This process among all of them. Without arguments, it is alone."""

    def __init__(self, rank: int = 0, count: int = 1, local: int = 0, here: int = 1):
        """`rank` of `count`, and among the processes of this machine `local` of `here`."""
        self.rank, self.count, self.local, self.here = rank, count, local, here

    @property
    def first(self) -> bool:
        """Whether this is the one that saves, shows and tells."""
        return self.rank == 0

    def device(self, wanted: str) -> str:
        """A GPU of its own, where GPUs are wanted."""
        if wanted != "cuda":
            return wanted
        if self.local >= torch.cuda.device_count():
            raise UserError(
                f"There are {self.here} processes on this machine, but {torch.cuda.device_count()} GPUs; "
                "start one for each GPU."
            )
        torch.cuda.set_device(self.local)
        return f"cuda:{self.local}"

    def slice(self, batch: Indices) -> tuple[Indices, float]:
        """What is this rank's of a batch, and which share of it that is. Where there is less than one for each, some
        look at what is another's, and their share is 0."""
        begin, end = (len(batch) * rank // self.count for rank in (self.rank, self.rank + 1))
        return batch[begin : max(end, begin + 1)], (end - begin) / len(batch)

    def seed(self, seed: int, step: int) -> None:
        """Random numbers of this rank's own, which follow from seed and step: there is no state to be kept."""
        mixed = np.random.SeedSequence([seed, step, self.rank]).generate_state(1, np.uint64)
        torch.manual_seed(int(mixed[0]))

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Make each of these, in place, its sum over all ranks: the same to the last bit for all of them."""
        if self.count > 1:
            add_up(tensors)

    def agree(self, flag: bool) -> bool:
        """Whether it is so for any rank."""
        flags = torch.tensor([int(flag)])
        self.add_up([flags])
        return bool(flags)

    def as_first(self, number: float) -> float:
        """What the first rank has for this number."""
        numbers = torch.tensor([number if self.first else 0.0], dtype=torch.float64)
        self.add_up([numbers])
        return float(numbers)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What goes wrong for one within this goes wrong for all, so that nobody waits for it."""
        try:
            yield
        except Exception as error:
            self._told(f"Rank {self.rank}: {error}".splitlines()[0])
            raise
        if trouble := self._told(""):
            raise JobError(trouble)

    def _told(self, trouble: str) -> str:
        """The first trouble of any rank."""
        told = np.zeros(self.count, f"S{LONGEST}")
        told[self.rank] = trouble.encode(errors="backslashreplace")[:LONGEST]
        self.add_up([torch.from_numpy(told.view(np.uint8))])  # in place
        return next((line.decode(errors="ignore") for line in told if line), "")


@contextmanager
def joined() -> Iterator[Ranks]:
    """All the processes that `torchrun` has started, or this one alone."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Ranks()
        return
    # Optimizers import this. Imported while there is a group, it would hold that for ever (as a default of its
    # functions), and with it threads that abort a process which ends while they let go of a tensor.
    import torch.distributed.nn

    places = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    # What is told goes over the processors also where gradients go from GPU to GPU.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(*places)
    finally:
        dist.destroy_process_group()
