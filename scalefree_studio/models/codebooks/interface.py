"""What every quantiser is: from latents to codes and back.

B pictures, D numbers a latent, H × W latents a map, S stages of H_s × W_s tokens each, K codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .shape import QuantiserShape
from .usage import Usage


@dataclass(frozen=True)
class Quantised:
    values: Tensor  # (B, D, H, W): what the codes stand for; gradients go through to the latents
    codes: tuple[Tensor, ...]  # of each stage, (B, H_s, W_s)
    loss: Tensor  # (): what the latents, and perhaps the codes, are to learn of it; 0 if nothing


class Quantiser(nn.Module):
    """Latents → codes → values. `forward` changes nothing but what `learn` then takes up, once a step is made."""

    def __init__(self, shape: QuantiserShape, codes: int, width: int, stages: int = 1):
        super().__init__()
        self.shape, self.codes, self.width, self.stages = shape, codes, width, stages
        self.usage = Usage(stages, codes)

    def forward(self, z: Tensor) -> Quantised:
        """Of latents (B, D, H, W)."""
        raise NotImplementedError

    def grids(self, rows: int, columns: int) -> tuple[tuple[int, int], ...]:
        """Rows and columns of tokens, stage by stage, for a map of this size."""
        return ((rows, columns),)

    def lookup(
        self, codes: Sequence[Tensor], rows: int, columns: int, drawn: Sequence[Tensor] | None = None
    ) -> Tensor:
        """What the codes of the first stages, as many as are given, stand for: (B, D, rows, columns). Where a code is
        not `drawn` (of each stage (B, H_s, W_s)), there is the mean of all; a stage that adds to others adds none."""
        raise NotImplementedError

    def vectors(self) -> Tensor:
        """What each code stands for by itself, (K, D)."""
        raise NotImplementedError

    def mean(self) -> Tensor:
        """What latents are on average, (D,), as far as the codes that stand for them say."""
        share = self.counts.sum(0).float()
        share = share / share.sum() if share.any() else torch.full_like(share, 1 / len(share))
        return share @ self.vectors()

    def filled(self, values: Tensor, drawn: Sequence[Tensor] | None) -> Tensor:
        """Values (B, D, H, W) of one stage, the mean where they are not drawn."""
        if drawn is None:
            return values
        return torch.where(drawn[0][:, None], values, self.mean()[:, None, None])

    def learn(self) -> None:
        """After a step was made: what a codebook learns of a batch other than by its gradients."""
        raise NotImplementedError

    def follow(self, shape: QuantiserShape) -> None:
        """Live controls have changed."""
        self.shape = shape

    def begin_epoch(self, epoch: int) -> None:
        """Usage is counted for each epoch by itself. Said twice of the same epoch, it is the same."""
        self.usage.begin_epoch(epoch)

    @property
    def counts(self) -> Tensor:
        """(S, K): how many tokens each code stood for in the last whole epoch, or so far."""
        return self.usage.counts

    @property
    def revived(self) -> Tensor | None:
        """(K,): the step at which each code was last set anew, −1: never. None where codes cannot die."""
        return None

    @property
    def learning(self) -> bool:
        """Whether what is quantised now is learnt from."""
        return self.training and torch.is_grad_enabled()


def rows_of(z: Tensor) -> Tensor:
    """(B, D, H, W) → (B·H·W, D)."""
    return z.movedim(1, 3).reshape(-1, z.shape[1])


def map_of(rows: Tensor, like: Tensor) -> Tensor:
    """(B·H·W, D) → (B, D, H, W), for B, H and W as they are there."""
    return rows.view(len(like), *like.shape[-2:], -1).movedim(3, 1)
