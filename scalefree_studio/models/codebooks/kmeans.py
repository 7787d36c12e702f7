"""k-means: K centres of N vectors, so that these lie near them. D numbers each."""

from __future__ import annotations

import torch
from torch import Tensor

from .nearest import nearest, sums_of

ROUNDS = 256  # in which the first centres are drawn: more centres than that are drawn several at a time


@torch.no_grad()
def kmeans(
    x: Tensor,
    codes: int,
    generator: torch.Generator | None = None,
    iterations: int = 20,
    cosine: bool = False,
) -> tuple[Tensor, Tensor]:
    """(centres (K, D), how many of x (N, D) are nearest to each (K,)). Random numbers are drawn on the CPU.

    `cosine`: of unit vectors, whose centres are unit vectors too.
    """
    centres = spread_start(x, codes, generator)
    at = nearest(x, centres)
    for _ in range(iterations):
        centres = means_of(x, at, centres, cosine)
        before, at = at, nearest(x, centres)
        if torch.equal(before, at):
            break
    return centres, sums_of(x, at, codes)[1]


def spread_start(x: Tensor, codes: int, generator: torch.Generator | None = None) -> Tensor:
    """(K, D): some of x (N, D), the likelier the farther from those already drawn (k-means++)."""
    chosen = torch.randint(len(x), (1,), generator=generator)
    far = _squared(x, x[chosen.to(x.device)]).cpu()
    while len(chosen) < codes:
        several = min(-(-codes // ROUNDS), codes - len(chosen), int((far > 0).sum()))
        if not several:  # fewer different vectors than centres
            again = torch.randint(len(x), (codes - len(chosen),), generator=generator)
            return x[torch.cat([chosen, again]).to(x.device)]
        fresh = torch.multinomial(far, several, generator=generator)
        chosen = torch.cat([chosen, fresh])
        drawn = x[fresh.to(x.device)]
        far = torch.minimum(far, _squared(x, drawn[nearest(x, drawn)]).cpu())
    return x[chosen.to(x.device)]


def means_of(x: Tensor, at: Tensor, centres: Tensor, cosine: bool) -> Tensor:
    """The mean of what is at each centre; one where nothing is moves to what lies farthest from its own."""
    sums, counts = sums_of(x, at, len(centres))
    means = sums / counts.clamp(min=1)[:, None]
    empty = (counts == 0).nonzero()[:, 0]
    far = _squared(x, centres[at]).topk(min(len(empty), len(x)))
    means[empty[: len(far.indices)]] = x[far.indices]
    return torch.nn.functional.normalize(means, dim=1) if cosine else means


def _squared(x: Tensor, other: Tensor) -> Tensor:
    """(N,): squared distances of rows, also from a single one."""
    return (x - other).square().sum(1)
