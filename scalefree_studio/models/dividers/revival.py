"""Revival: the dividers that matter least move to where a divider would help most.

How much a unit matters is measured: the loss grows so much when the unit says its mean everywhere. Candidates for its
new place are drawn where the error is large; the best is the one whose answers agree most with what the next layer
would like to be told. U units, M units of the layer that reads them, B pixels of a sample, K candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .edit import reader_of_units
from .network import Params, layers_of, names_of, place_of, weighted_error

CANDIDATES = 1000
RADII = (0.03, 0.7)
LENGTHS = (0.0, 0.05, 0.15, 0.4, 1.0, 2.5)  # of a revived unit's way into the next layer: the best is taken
ACCEPTED = 1.01  # a move may cost so much at first: the unit has yet to learn its new place
LEAST_PIXELS = 8  # on either side of a candidate


def colours_of(p: Params, told: Tensor) -> Tensor:
    """From what the reading layer is told, (M, B), to the colours (3, B)."""
    h = told
    for layer in layers_of(p)[1:]:
        h = torch.addmm(p[f"{layer}_bias"][:, None], p[f"{layer}_weight"], torch.relu(h))
    return torch.sigmoid(h)


def rest_of_network(p: Params, target: Tensor, weight: Tensor | None) -> Callable[[Tensor], Tensor]:
    """From what the reading layer is told, (M, B), to the loss. `target` is (B, 3)."""
    return lambda told: weighted_error(colours_of(p, told).T, target, weight)


def usefulness(p: Params, said: Tensor, loss: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """(how much the loss grows without each unit (U,), what the reading layer is told (M, B))."""
    reader = reader_of_units(p)
    weight = p[f"{reader}_weight"]  # (M, U)
    told = torch.addmm(p[f"{reader}_bias"][:, None], weight, said)
    away = said.mean(1, keepdim=True) - said  # (U, B): what changes when a unit says its mean
    without = [loss(torch.addmm(told, weight[:, i : i + 1], away[i : i + 1])) for i in range(len(said))]
    return torch.stack(without) - loss(told), told


@torch.no_grad()
def revive(
    p: Params,
    memory: list[Params],
    said: Tensor,
    xy: Tensor,
    target: Tensor,
    weight: Tensor | None,
    count: int,
    generator: torch.Generator,
) -> list[int]:
    """Move up to `count` of the least useful lines and circles, in place; the indices of those moved come back.

    `said` (U, B) is what the units say at the points xy (B, 2); `memory` are the optimizer's moments, which are
    forgotten where units move.
    """
    loss = rest_of_network(p, target, weight)
    use, told = usefulness(p, said, loss)
    reader = reader_of_units(p)
    into, bias = p[f"{reader}_weight"], p[f"{reader}_bias"]
    pools: dict[str, tuple[Params, Tensor, Tensor]] = {}
    moved = []
    for index in use.argsort()[:count].tolist():
        kind, row = place_of(index, p)
        if kind not in ("line", "circle"):
            continue
        mean = said[index].mean()
        before = loss(told)
        told_without = told - torch.outer(into[:, index], said[index] - mean)
        if kind not in pools:
            pools[kind] = _pool(kind, p, xy, target, loss, told_without, generator)
        made, answers, usable = pools[kind]  # answers (K, B) have mean 0
        wished = -_gradient(loss, told_without)  # (M, B)
        agreement = answers @ wished.T / answers.norm(dim=1, keepdim=True).clamp(min=1e-12)  # (K, M)
        best = int((agreement.square().sum(1) * usable).argmax())
        usable[best] = False
        way = agreement[best] / agreement[best].norm().clamp(min=1e-20)  # (M,)
        losses = [
            loss(torch.addmm(told_without, way[:, None], answers[best][None], alpha=a)) for a in LENGTHS
        ]
        if min(losses) > before * ACCEPTED:
            continue
        way = way * LENGTHS[int(torch.stack(losses).argmin())]
        told = torch.addmm(told_without, way[:, None], answers[best][None])
        bias.add_(into[:, index] * mean - way * made["mean"][best])  # the old one's mean stays behind
        into[:, index] = way
        for name in names_of(kind, p):
            p[name][row] = made[name][best]
            for moments in memory:
                moments[name][row] = 0
        for moments in memory:
            moments[f"{reader}_weight"][:, index] = 0
        moved.append(index)
    return moved


def _pool(
    kind: str,
    p: Params,
    xy: Tensor,
    target: Tensor,
    loss: Callable[[Tensor], Tensor],
    told: Tensor,
    gen: torch.Generator,
) -> tuple[Params, Tensor, Tensor]:
    """(candidates, their answers less the mean (K, B), which divide the sample at all (K,))."""
    error = _gradient(loss, told).square().sum(0)  # (B,): where something is wished
    if not error.sum() > 0:
        error = torch.ones_like(error)
    chosen = torch.multinomial(error, CANDIDATES, replacement=True, generator=gen)
    angle, turn, spread = torch.rand(3, CANDIDATES, generator=gen, device=xy.device)
    angle, turn = angle * 2 * math.pi - math.pi, turn * 2 * math.pi
    place = xy[chosen]
    if kind == "line":
        normal = torch.stack([angle.cos(), angle.sin()], 1)
        offset = (place * normal).sum(1)
        signs = torch.sign(normal @ xy.T - offset[:, None])
        made = {"line_angle": angle, "line_offset": offset, "line_centre": place}
    else:
        radius = RADII[0] * (RADII[1] / RADII[0]) ** spread
        on_edge = (angle > 0).float()[:, None]  # half have the place on their edge, half are centred there
        centre = place + on_edge * radius[:, None] * torch.stack([turn.cos(), turn.sin()], 1)
        signs = torch.sign(torch.cdist(centre, xy) - radius[:, None])
        made = {"circle_centre": centre, "circle_log_radius": radius.log()}
    mean = signs.mean(1)
    usable = (1 - mean.abs()) * len(xy) > LEAST_PIXELS
    return made | {"mean": mean}, signs - mean[:, None], usable


@torch.enable_grad()
def _gradient(loss: Callable[[Tensor], Tensor], told: Tensor) -> Tensor:
    told = told.detach().requires_grad_()
    return torch.autograd.grad(loss(told), told)[0]
