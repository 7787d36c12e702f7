"""How much of a codebook is used: over a batch, and over whole epochs. A batch alone misleads: it may use half of the
codes while all are in use. S stages, K codes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

NONE = -1  # no epoch


def used(counts: Tensor) -> float:
    """The share of codes that stand for anything, of how much each stands for, (K,)."""
    return float((counts > 0).double().mean())


def perplexity(counts: Tensor) -> float:
    """exp of the entropy of how much each code stands for, (K,): that many codes, used alike, would say as much."""
    share = counts.double() / counts.sum().clamp(min=1)
    return math.exp(float(torch.special.entr(share).sum()))


class Usage(nn.Module):
    """Counts tokens of each code: of the last batch, of this epoch, and of the last whole one."""

    batch: Tensor
    now: Tensor
    last: Tensor
    epoch: Tensor

    def __init__(self, stages: int, codes: int):
        super().__init__()
        self.register_buffer("batch", torch.zeros(stages, codes, dtype=torch.int64), persistent=False)
        self.register_buffer("now", torch.zeros(stages, codes, dtype=torch.int64))
        self.register_buffer("last", torch.zeros(stages, codes, dtype=torch.int64))
        self.register_buffer("epoch", torch.tensor(NONE))
        self._epoch: int | None = None  # the same where it is known without waiting for a GPU

    @property
    def whole(self) -> bool:
        """Whether an epoch has ended."""
        return bool(self.last.any())

    @property
    def counts(self) -> Tensor:
        """(S, K): of the last whole epoch, or so far."""
        return self.last if self.whole else self.now

    def add(self, counts: Tensor) -> None:
        """The tokens of a batch, (S, K)."""
        self.batch.copy_(counts)
        self.now += self.batch

    def begin_epoch(self, epoch: int) -> bool:
        """Count anew if this epoch is another than the last one; if not, nothing changes. Which of both comes back."""
        if self._epoch is None:
            self._epoch = int(self.epoch)
        if epoch == self._epoch:
            return False
        if self._epoch != NONE:
            self.last.copy_(self.now)
            self.now.zero_()
        self.epoch.fill_(epoch)
        self._epoch = epoch
        return True

    def _load_from_state_dict(self, *arguments: object) -> None:
        super()._load_from_state_dict(*arguments)
        self._epoch = None
