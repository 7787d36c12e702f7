"""How divider networks are trained: Adam for units, biases and outputs; Muon for the matrices between the layers.

Muon makes every direction of a matrix's step equally long, so that the many weak agreements between units and colours
are learnt as fast as the few strong ones. The state is two flat vectors, laid out like the parameters.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .fast import FlatParams
from .network import layers_of

BETAS = (0.9, 0.99)
EPSILON = 1e-8
MOMENTUM = 0.95
# Keller Jordan's coefficients: singular values to about 1 in five rounds.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


# What cells and their colours need, as multiples of the rates of all others: a cell is in its place from the start,
# while its radii and colours have far to go.
CELL_PACES = {"cell_centre": 0.15, "cell_log_radius": 4.0, "cell_angle": 4.0}
COLOUR_PACE = 24.0  # of the layer that reads them


class Optimizer:
    """Steps flat parameters along their gradient."""

    def __init__(self, flat: FlatParams):
        self.mean, self.square, self._room = (torch.zeros_like(flat.vector) for _ in range(3))
        self.count = 0
        self._pace = _paces(flat) if "cell_centre" in flat.views else None

    def step(self, flat: FlatParams, unit_rate: float, colour_rate: float, matrix_rate: float) -> None:
        self.count += 1
        self._adam(flat, flat.units, unit_rate)
        self._adam(flat, flat.small, colour_rate)
        means = flat.like(self.mean)
        for name in flat.muon:
            if flat.views[name].numel():
                gradient, momentum = flat.gradients[name], means[name]
                momentum.lerp_(gradient, 1 - MOMENTUM)
                step = orthogonalised(gradient.lerp(momentum, MOMENTUM))
                flat.views[name].add_(step, alpha=-matrix_rate * math.sqrt(max(step.shape)))

    def _adam(self, flat: FlatParams, part: slice, rate: float) -> None:
        b1, b2 = BETAS
        gradient, mean, square, room = (v[part] for v in (flat.gradient, self.mean, self.square, self._room))
        mean.lerp_(gradient, 1 - b1)
        square.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        torch.sqrt(square, out=room)
        room.mul_(1 / math.sqrt(1 - b2**self.count)).add_(EPSILON)
        torch.div(mean, room, out=room)
        if self._pace is not None:
            room.mul_(self._pace[part])
        flat.vector[part].add_(room, alpha=-rate / (1 - b1**self.count))


def _paces(flat: FlatParams) -> Tensor:
    """How fast each number goes beside the rate of its group, laid out like the parameters."""
    pace = torch.ones_like(flat.vector)
    paces = CELL_PACES | {f"{layers_of(flat.views)[0]}_weight": COLOUR_PACE}
    for name, view in flat.like(pace).items():
        view.fill_(paces.get(name, 1.0))
    return pace


def orthogonalised(matrix: Tensor) -> Tensor:
    """The nearest matrix whose singular values are all about 1."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    a, b, c = NEWTON_SCHULZ
    x: Tensor = wide / (wide.norm() + 1e-20)
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if wide is matrix else x.T
