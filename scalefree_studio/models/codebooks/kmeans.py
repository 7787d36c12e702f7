"""k-means: K centres of N vectors, so that these lie near them. D numbers each."""

from __future__ import annotations

import torch
from torch import Tensor

from .nearest import nearest, sums_of

ROUNDS = 256  # in which the first centres are drawn: more centres than that are drawn several at a time
TRIES = 8  # of which the best are taken


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
    """(K, D): some of x (N, D), drawn the likelier the farther they are from those before; of several drawn, those that
    bring the others nearest (greedy k-means++)."""
    chosen = torch.randint(len(x), (1,), generator=generator)
    far = _squared(x, x[chosen.to(x.device)])[:, 0]  # (N,): from the nearest of those chosen
    while len(chosen) < codes:
        wanted = min(-(-codes // ROUNDS), codes - len(chosen))
        different = int((far > 0).sum())
        if not different:  # fewer different vectors than centres
            again = torch.randint(len(x), (codes - len(chosen),), generator=generator)
            return x[torch.cat([chosen, again]).to(x.device)]
        drawn = torch.multinomial(far.cpu(), min(max(wanted, TRIES), different), generator=generator)
        nearer = torch.minimum(_squared(x, x[drawn.to(x.device)]), far[:, None])  # (N, tries)
        best = nearer.sum(0).topk(min(wanted, len(drawn)), largest=False).indices
        chosen, far = torch.cat([chosen, drawn[best.cpu()]]), nearer[:, best].amin(1)
        far[chosen.to(x.device)] = 0  # whatever rounding has left
    return x[chosen.to(x.device)]


def means_of(x: Tensor, at: Tensor, centres: Tensor, cosine: bool) -> Tensor:
    """The mean of what is at each centre; one where nothing is moves to what lies farthest from its own."""
    sums, counts = sums_of(x, at, len(centres))
    means = sums / counts.clamp(min=1)[:, None]
    empty = (counts == 0).nonzero()[:, 0]
    far = (x - centres[at]).square().sum(1).topk(min(len(empty), len(x)))
    means[empty[: len(far.indices)]] = x[far.indices]
    return torch.nn.functional.normalize(means, dim=1) if cosine else means


def _squared(x: Tensor, others: Tensor) -> Tensor:
    """(N, M): squared distances of rows, with nothing left where they are the same but rounding."""
    return (
        torch.addmm(others.square().sum(1), x, others.T, alpha=-2).add_(x.square().sum(1)[:, None]).clamp_(0)
    )
