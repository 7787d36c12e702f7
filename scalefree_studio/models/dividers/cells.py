"""What cells tell the layer that reads them, and the gradient of that, by hand: the same numbers as `network`.

Far from its centre a cell has no share, so a pixel needs few of them. Pixels come tile by tile, and each tile looks
only at the cells that have the largest shares in it. Cells move slowly: these are chosen anew only now and then.

C cells, T tiles, K cells looked at in a tile, P pixels of each, M units of the reading layer, S places where a tile is
probed. Pixels that come without tiles are one tile that looks at all cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .network import Params

LOOKED_AT = 48  # cells a tile looks at: the shares of all others together are not seen in 8 bits


@dataclass(frozen=True)
class Tiles:
    """Where the tiles of a picture are: their middles (T, 2), and places spread over each, (T, S, 2)."""

    middle: Tensor
    probes: Tensor


class CellGradient:
    """Computes for one set of parameters, again and again. `forward` comes before `backward`."""

    def __init__(self, params: Params, gradient: Params):
        self.p, self.grad = params, gradient
        self.count = len(params["cell_centre"])
        self.looked_at: Tensor | None = None  # (T, K): which cells each tile looks at; None: to be chosen

    def shares(self, xy: Tensor) -> Tensor:
        """A of every cell at points given as (2, B): (C, B)."""
        e = _coefficients(self._numbers()) @ _powers(xy[0], xy[1])
        return torch.softmax(e, 0)

    def forward(self, xy: Tensor, weight: Tensor, tiles: Tiles | None = None) -> Tensor:
        """What the cells tell the reading layer through `weight` (M, C), at points (2, B): (M, B). With tiles, the
        cells they look at stay those of the last time, until `looked_at` is None."""
        if tiles is None:
            near, middle = torch.arange(self.count, device=xy.device)[None], xy.new_zeros(1, 2)
        else:
            if self.looked_at is None or len(self.looked_at) != len(tiles.middle):
                self.looked_at = self._largest(tiles)
            near, middle = self.looked_at, tiles.middle
        self.near, count = near, len(near)
        self.place = self._numbers()[near]  # (T, K, 5)
        self.place[..., :2] -= middle[:, None]  # from here on measured from the tile's middle
        x, y = xy.view(2, count, -1) - middle.T[:, :, None]  # (T, P)
        self.powers = _powers(x, y).transpose(0, 1)  # (T, 6, P)
        e = torch.bmm(_coefficients(self.place), self.powers)  # (T, K, P)
        self.a = torch.softmax(e, 1)
        self.weight = weight.T[near]  # (T, K, M)
        self.told = torch.bmm(self.weight.transpose(1, 2), self.a)  # (T, M, P)
        return self.told.transpose(0, 1).flatten(1).clone()  # the caller puts its gradient there

    def backward(self, back: Tensor, weight_gradient: Tensor) -> None:
        """From dL/dtold (M, B): add to the gradient of the weight (M, C), and fill that of the cells."""
        a, near = self.a, self.near.reshape(-1)
        back = back.view(len(back), len(self.near), -1).transpose(0, 1)  # (T, M, P)
        by_weight = torch.bmm(a, back.transpose(1, 2))  # (T, K, M)
        weight_gradient.T.index_add_(0, near, by_weight.reshape(len(near), -1))
        e = torch.bmm(self.weight, back)  # dL/da, and from it dL/de: through the softmax
        e.sub_((back * self.told).sum(1, keepdim=True)).mul_(a)
        moments = torch.bmm(e, self.powers.transpose(1, 2))  # (T, K, 6)
        gradient = torch.zeros(self.count, 5, device=back.device, dtype=back.dtype)
        gradient.index_add_(0, near, self._through(moments).reshape(-1, 5))
        self.grad["cell_centre"].copy_(gradient[:, :2])
        self.grad["cell_log_radius"].copy_(gradient[:, 2:4])
        self.grad["cell_angle"].copy_(gradient[:, 4])

    def _largest(self, tiles: Tiles) -> Tensor:
        """(T, K): the cells with the largest shares anywhere among a tile's probes."""
        shape = tiles.probes.shape[:2]
        x, y = tiles.probes.reshape(-1, 2).T
        e = _coefficients(self._numbers()) @ _powers(x, y)  # (C, T · S)
        share = torch.log_softmax(e, 0).view(-1, *shape).amax(2)  # (C, T)
        return share.T.topk(min(LOOKED_AT, self.count), dim=1).indices

    def _numbers(self) -> Tensor:
        """Centre, log radii and angle of every cell: (C, 5)."""
        p = self.p
        return torch.cat([p["cell_centre"], p["cell_log_radius"], p["cell_angle"][:, None]], 1)

    def _through(self, moments: Tensor) -> Tensor:
        """From the sums of dL/de times the powers of a place, (T, K, 6), to the gradient of the cells (T, K, 5)."""
        s, sx, sy, sxx, sxy, syy = moments.unbind(-1)
        x, y = self.place[..., 0], self.place[..., 1]
        sxx = sxx - x * (2 * sx - x * s)  # the same sums with places measured from the cell's centre
        sxy = sxy - x * sy - y * sx + x * y * s
        syy = syy - y * (2 * sy - y * s)
        sx, sy = sx - x * s, sy - y * s
        across, both, down, cos, sin, first, second = _stretch(self.place)
        straight, mixed = cos * cos, cos * sin
        return torch.stack([
            across * sx + both * sy,
            both * sx + down * sy,
            first * (straight * sxx + 2 * mixed * sxy + (1 - straight) * syy),
            second * ((1 - straight) * sxx - 2 * mixed * sxy + straight * syy),
            (first - second) * (mixed * (sxx - syy) - (2 * straight - 1) * sxy),
        ], -1)  # fmt: skip


def _coefficients(place: Tensor) -> Tensor:
    """E as a polynomial: cells (..., 5) → (..., 6) over 1, x, y, x², xy, y²."""
    x, y = place[..., 0], place[..., 1]
    across, both, down, *_ = _stretch(place)
    one, two = across * x + both * y, both * x + down * y
    return torch.stack([-(one * x + two * y) / 2, one, two, -across / 2, -both, -down / 2], -1)


def _stretch(place: Tensor) -> tuple[Tensor, ...]:
    """The matrix of a cell's squared distance (its entries xx, xy, yy), and what it is made of: cos, sin, 1/r²."""
    cos, sin = place[..., 4].cos(), place[..., 4].sin()
    first, second = torch.exp(-2 * place[..., 2]), torch.exp(-2 * place[..., 3])
    across = cos * cos * first + sin * sin * second
    down = sin * sin * first + cos * cos * second
    return across, cos * sin * (first - second), down, cos, sin, first, second


def _powers(x: Tensor, y: Tensor) -> Tensor:
    """1, x, y, x², xy, y²: (6, …)."""
    return torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y])
