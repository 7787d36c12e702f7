"""Revival of cells: those that matter least move to where a cell lessens the error most.

Both are measured. Without a cell its neighbours share what it had; a new cell takes its share from those around it, and
its colour is that of one Gauss-Newton step. C cells, M units of the reading layer, B pixels of a sample, K
candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .edit import reader_of_units
from .network import CELL, Params, cell_measure, units
from .revival import colours_of, rest_of_network

CANDIDATES = 48
RADII = (0.35, 0.7)  # of a revived cell, as parts of the way to its neighbours
NEIGHBOURS = 3
LEAST = 0.008  # radius: about half a pixel of a small picture
LEAST_LEFT = 1e-4  # of a pixel without its cell: below that nobody knows who would have it
DAMPED = 1e-3  # beside the curvature of the loss by a colour, so that no colour leaps
Loss = Callable[[Tensor], Tensor]


class _Shared:
    """What the reading layer is told at a sample of pixels, and how the cells share in it."""

    def __init__(self, p: Params, xy: Tensor, sharpness: float):
        reader = reader_of_units(p)
        self.weight, self.bias = p[f"{reader}_weight"], p[f"{reader}_bias"]
        self.measure = cell_measure(p, xy).T.contiguous()  # (C, B)
        self.first = self.weight.shape[1] - len(self.measure)  # the first cell among all units
        self.total = torch.logsumexp(self.measure, 0)  # (B,)
        others = {name: tensor for name, tensor in p.items() if name not in CELL}
        said = units(others, xy, sharpness, 1.0).T  # (U - C, B)
        self.rest = torch.addmm(self.bias[:, None], self.weight[:, : self.first], said)  # (M, B)
        self.told = self.rest + self.weight[:, self.first :] @ (self.measure - self.total).exp()

    def without(self, cell: int) -> tuple[Tensor, Tensor]:
        """(what is told without a cell (M, B), the logarithm of what the others amount to (B,))."""
        share = (self.measure[cell] - self.total).exp()
        left = (1 - share).clamp(min=LEAST_LEFT)
        column = self.weight[:, self.first + cell]
        return (
            self.told - self.rest - torch.outer(column, share)
        ) / left + self.rest, self.total + left.log()


def least_useful(shared: _Shared, loss: Loss, count: int) -> list[int]:
    """The cells without which the loss grows least."""
    use = torch.stack([loss(shared.without(cell)[0]) for cell in range(len(shared.measure))])
    found: list[int] = use.argsort()[:count].tolist()
    return found


@torch.no_grad()
def revive_cells(
    p: Params,
    memory: list[Params],
    xy: Tensor,
    target: Tensor,
    weight: Tensor | None,
    count: int,
    sharpness: float,
    generator: torch.Generator,
) -> list[int]:
    """Move up to `count` cells, in place; those that moved come back, counted among the cells.

    `target` (B, 3) are the colours at the points xy (B, 2); `memory` are the optimizer's moments, which are forgotten
    where cells move.
    """
    loss, shared = rest_of_network(p, target, weight), _Shared(p, xy, sharpness)
    moved = []
    for cell in least_useful(shared, loss, count):
        told, total = shared.without(cell)
        slope, wrong = _slopes(p, told), target.T - colours_of(p, told)  # (3, M, B), (3, B)
        if weight is not None:
            slope, wrong = slope * weight.sqrt(), wrong * weight.sqrt()
        error = wrong.square().sum(0)
        if not error.sum() > 0:
            error = torch.ones_like(error)
        chosen = torch.multinomial(error, CANDIDATES, replacement=True, generator=generator)
        near = torch.cdist(xy[chosen], p["cell_centre"])
        near = near.topk(min(NEIGHBOURS, near.shape[1]), dim=1, largest=False).values.mean(1)
        part, turn = torch.rand(2, CANDIDATES, generator=generator, device=xy.device)
        radius = (near * (RADII[0] + (RADII[1] - RADII[0]) * part)).clamp(min=LEAST)
        measure = -torch.cdist(xy[chosen], xy).square() / (2 * radius[:, None] ** 2)  # (K, B)
        share = torch.sigmoid(measure - total)
        column = (share @ (told - shared.rest).T) / share.sum(1, keepdim=True).clamp(min=1e-12)  # (K, M)
        bend = torch.einsum("cmb,cnb->bmn", slope, slope).flatten(1)  # (B, M · M)
        curvature = (share.square() @ bend).view(len(share), *slope.shape[1:2] * 2)
        damping = DAMPED * curvature.diagonal(dim1=1, dim2=2).sum(1) + 1e-9
        curvature += damping[:, None, None] * torch.eye(curvature.shape[1]).to(xy)
        column += torch.linalg.solve(curvature, share @ torch.einsum("cmb,cb->bm", slope, wrong))
        losses = [
            loss(told + share[k] * (column[k][:, None] + shared.rest - told)) for k in range(CANDIDATES)
        ]
        best = int(torch.stack(losses).argmin())
        if not losses[best] <= loss(shared.told):
            continue
        p["cell_centre"][cell] = xy[chosen[best]]
        p["cell_log_radius"][cell] = radius[best].log() + 0.05 * torch.tensor([1.0, -1.0]).to(xy)
        p["cell_angle"][cell] = math.pi * turn[best]
        shared.weight[:, shared.first + cell] = column[best]
        shared.told = told + share[best] * (column[best][:, None] + shared.rest - told)
        shared.total = torch.logaddexp(total, measure[best])
        shared.measure[cell] = measure[best]
        reader = f"{reader_of_units(p)}_weight"
        for moments in memory:
            for name in CELL:
                moments[name][cell] = 0
            moments[reader][:, shared.first + cell] = 0
        moved.append(cell)
    return moved


@torch.enable_grad()
def _slopes(p: Params, told: Tensor) -> Tensor:
    """How the colours change by what is told, at every pixel: (3, M, B)."""
    told = told.detach().requires_grad_()
    colours = colours_of(p, told)
    return torch.stack([torch.autograd.grad(row.sum(), told, retain_graph=True)[0] for row in colours])
