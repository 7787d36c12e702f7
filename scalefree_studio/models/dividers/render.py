"""Pictures from a divider network, at any size and any depth: the same numbers as `dividers.predict`, only sooner.

A divider is nearly a step, so over a small tile of the picture almost all of them say exactly +1 or -1. What those
contribute to the next layer is one bias for the whole tile; only the few whose edge passes through the tile are
evaluated pixel by pixel. Tiles with equally many such units are computed together, in pieces that stay in the cache:

    tiles ──bounds──► who is undecided? ──► decided: one bias a tile      (T, U) @ (U, M)
                                        └─► undecided: their pixels       (G, K, P) ──► colours (G, M, P) ──► (G, 3, P)

Everything is measured from the centre of the pixel's tile: that centre in float64, the way to the pixel in float32. So
an edge stays crisp however deep one zooms, until float64 itself runs out (about 10¹⁰ deep). Cells are treated alike:
a tile looks only at those that have a share in it (`render_cells`).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..threads import torch_threads
from .network import layers_of
from .render_cells import CellRender

TILE = 16  # pixels along a tile's side: smaller has fewer undecided units, larger has less work a tile
SATURATED = 9.1  # from here on tanh is 1 in float32
CACHED = 1 << 20  # float32 numbers in one piece of work on a CPU: more leaves the cache, less is overhead
ON_DEVICE = 1 << 26  # the same on a GPU, which wants few large pieces
PAIRS = 1 << 21  # (tile, unit) pairs whose bounds are held at once


@dataclass(frozen=True)
class Region:
    """A part of the plane: its centre, and how far apart the pixel centres of its picture lie (world units)."""

    x: float = 0.0
    y: float = 0.0
    pixel: float = 1 / 256

    @classmethod
    def whole(cls, picture: tuple[int, int], height: int, width: int, border: float = 1.0) -> Region:
        """All of a picture of (height, width) in a view of height × width pixels. A view of another shape shows more
        of the plane on two sides: nothing is distorted. `border` 3 shows three times the picture's extent."""
        return cls(pixel=border * 2 / max(picture) * max(picture[0] / height, picture[1] / width))

    def part(self, height: int, width: int, top: int, left: int, part_height: int, part_width: int) -> Region:
        """The rectangle of pixels that starts at (top, left), when this region is drawn in height × width pixels."""
        return Region(
            self.x + (left + (part_width - width) / 2) * self.pixel,
            self.y + (top + (part_height - height) / 2) * self.pixel,
            self.pixel,
        )

    def finer(self, times: int) -> Region:
        """The same part of the plane with `times` as many pixels along each side."""
        return Region(self.x, self.y, self.pixel / times)

    def zoomed(self, x: float, y: float, factor: float) -> Region:
        """Nearer by `factor`, the point (x, y) staying where it is on the screen."""
        return Region(x + (self.x - x) / factor, y + (self.y - y) / factor, self.pixel / factor)

    def points(self, height: int, width: int) -> Tensor:
        """The pixel centres, row by row: (height · width, 2) float64."""
        ys, xs = (
            centre + (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * self.pixel
            for centre, n in ((self.y, height), (self.x, width))
        )
        y, x = torch.meshgrid(ys, xs, indexing="ij")
        return torch.stack([x, y], dim=-1).reshape(-1, 2)


@torch.no_grad()
def render_region(
    params: Mapping[str, Tensor],
    region: Region,
    width: int,
    height: int,
    sharpness: float = 1000.0,
    samples: int = 1,
) -> Tensor:
    """The picture of a region: (height, width, 3) float32 in [0, 1], on the device of the parameters.

    Each pixel is the network's value at the pixel's centre, or with `samples` n the mean over n × n points in it.
    """
    with torch_threads(1):
        network = _Network(params, sharpness)
        if samples == 1:
            return network.render(region, width, height)
        picture = torch.empty(height, width, 3, device=network.device)
        rows = max(1, PAIRS // (width * samples * samples))  # a band of the finer picture at a time
        for top in range(0, height, rows):
            n = min(rows, height - top)
            band = region.part(height, width, top, 0, n, width).finer(samples)
            fine = network.render(band, width * samples, n * samples)
            picture[top : top + n] = fine.view(n, samples, width, samples, 3).mean(dim=(1, 3))
        return picture


class _Network:
    """The parameters, laid out for drawing. D dividers: lines, then circles; one more that says nothing, for padding.

    All dividers are written alike. With the distance s to the centre,
        E = (nx·x + ny·y − offset + square·s²) / (slope·s + level):
    a line of the angle form has square 0, slope 1, level 0; of the distance form 0, 0, 1; a circle has E =
    (s² − r²) / (r·s + r²), the same as (s − r) / r but without the difference of two nearly equal roots.
    """

    def __init__(self, params: Mapping[str, Tensor], sharpness: float):
        p = {name: tensor.detach().double() for name, tensor in params.items()}
        some = p["out_weight"]
        self.device = some.device
        self.sharpness = sharpness
        self.budget = CACHED if self.device.type == "cpu" else ON_DEVICE

        def empty(*shape: int) -> Tensor:
            return some.new_zeros(*shape)

        angle = p.get("line_angle", empty(0))
        normal = torch.stack([angle.cos(), angle.sin()], dim=1)  # (L, 2)
        self.by_angle = "line_offset" not in p
        line_centre = p.get("line_centre", empty(len(angle), 2))
        line_offset = (normal * line_centre).sum(1) if self.by_angle else p["line_offset"]
        circle_centre = p.get("circle_centre", empty(0, 2))
        radius = p.get("circle_log_radius", empty(0)).exp()
        lines, circles = len(angle), len(radius)
        self.lines, self.dividers = lines, lines + circles
        self.radius = radius
        self.centre = torch.cat([line_centre, circle_centre, empty(1, 2)])  # (D + 1, 2)
        self.normal = torch.cat([normal, empty(circles + 1, 2)])
        self.offset = torch.cat([line_offset, radius**2, empty(1)])  # (D + 1,)
        one = some.new_ones(lines)
        self.square = torch.cat([0 * one, torch.ones_like(radius), empty(1)])
        self.slope = torch.cat([one * self.by_angle, radius, empty(1)])
        self.level = torch.cat([one * (not self.by_angle), radius**2, empty(1) + 1])

        self.relus = len(p.get("relu_bias", empty(0)))
        self.smooth_weight = torch.cat([p.get("relu_weight", empty(0, 2)), p.get("tanh_weight", empty(0, 2))])
        self.smooth_bias = torch.cat([p.get("relu_bias", empty(0)), p.get("tanh_bias", empty(0))])  # (V,)
        self.smooth = len(self.smooth_bias)

        layers = [(p[f"{name}_weight"].float(), p[f"{name}_bias"].float()) for name in layers_of(p)]
        (first, self.first_bias), *self.layers = layers  # first: (M, U)
        divider_weight = first[:, : self.dividers].T  # (D, M)
        self.divider_weight = torch.cat([divider_weight, first.new_zeros(1, len(first))])  # (D + 1, M)
        cells = self.dividers + self.smooth
        self.mix_smooth = first[:, self.dividers : cells].contiguous()  # (M, V)
        self.cells = CellRender(p, first[:, cells:]) if "cell_centre" in p else None
        self.width = max(len(weight) for weight, _ in layers)

    # -- whole pictures ------------------------------------------------------------------------------------------

    def render(self, region: Region, width: int, height: int) -> Tensor:
        # The last tiles reach over the picture's edge and are cut at the end.
        rows, columns = math.ceil(height / TILE), math.ceil(width / TILE)
        # Of the tiles' centres.
        at_y, at_x = (
            centre + (torch.arange(n, device=self.device) * TILE + (TILE - size) / 2).double() * region.pixel
            for centre, n, size in ((region.y, rows, height), (region.x, columns, width))
        )
        picture = torch.empty(rows, TILE, columns, TILE, 3, device=self.device)
        bounded = self.dividers + (self.cells.count if self.cells else 0)
        band = max(1, PAIRS // (columns * (bounded + 16)))
        for top in range(0, rows, band):
            ys = at_y[top : top + band]
            tiles = self._tiles(at_x, ys, region.pixel)  # (R · C, P, 3)
            picture[top : top + band] = tiles.view(len(ys), columns, TILE, TILE, 3).transpose(1, 2)
        return picture.view(rows * TILE, columns * TILE, 3)[:height, :width].contiguous()

    def _tiles(self, xs: Tensor, ys: Tensor, pixel: float) -> Tensor:
        """The colours of a grid of tiles, row by row: (T, P, 3)."""
        said = self._decided(xs, ys, pixel).view(len(xs) * len(ys), self.dividers)  # (T, D)
        base = torch.addmm(self.first_bias, said, self.divider_weight[:-1])  # (T, M)
        x = xs.repeat(len(ys))
        y = ys.repeat_interleave(len(xs))
        undecided, counts = _listed(said == 0)
        cells, cell_counts = None, counts
        if self.cells:
            cells, cell_counts = _listed(self.cells.seen(x, y, (TILE - 1) / 2 * pixel))
            counts = torch.maximum(counts, cell_counts)
        sorted_counts, order = counts.sort()
        colours = torch.empty(len(said), TILE * TILE, 3, device=self.device)
        ascending: list[int] = sorted_counts.tolist()
        at = 0
        while at < len(order):
            # As many tiles as fit, none of which has many more undecided units than the first.
            few = ascending[at]
            room = max(1, self.budget // (TILE * TILE * (2 * few + 2 + self.smooth + 2 * self.width)))
            end = min(at + room, bisect_right(ascending, few + few // 4))
            ids = order[at:end]
            most = ascending[end - 1]
            told = None
            if self.cells and cells is not None:
                told = self.cells.told(cells[ids, :most], x[ids], y[ids], pixel, TILE)
            colours[ids] = self._pixels(
                undecided[ids, :most], x[ids], y[ids], base[ids], pixel, told
            ).transpose(1, 2)
            at = end
        return colours

    def _decided(self, xs: Tensor, ys: Tensor, pixel: float) -> Tensor:
        """What every divider says all over each tile: +1 or -1, or 0 if its edge is near: (R, C, D)."""
        half = (TILE - 1) / 2 * pixel  # from a tile's centre to its outermost pixel centres
        margin = SATURATED / self.sharpness
        n = self.lines
        away_x = xs[:, None] - self.centre[:-1, 0]  # (C, D)
        away_y = ys[:, None] - self.centre[:-1, 1]  # (R, D)
        said = torch.empty(len(ys), len(xs), self.dividers, device=self.device)
        if n:
            nx, ny = self.normal[:n, 0], self.normal[:n, 1]
            # The numerator of E at the tile's centre, and how much it changes at most within the tile.
            e = (xs[:, None] * nx - self.offset[:n]) + (ys[:, None] * ny)[:, None]  # (R, C, L)
            change = (nx.abs() + ny.abs()) * half
            if self.by_angle:
                far = (away_x[:, :n] ** 2 + (away_y[:, :n] ** 2)[:, None]).sqrt_()
                need = far.add_(half * math.sqrt(2)).mul_(margin).add_(change)
            else:
                need = change + margin
            said[..., :n] = e.sign() * (e.abs() > need)
        if n < self.dividers:
            ax, ay = away_x[:, n:].abs(), away_y[:, n:].abs()
            # Squared distances of the tile's nearest and farthest points: (R, C, Q).
            nearest = (ax - half).clamp_min(0) ** 2 + ((ay - half).clamp_min(0) ** 2)[:, None]
            farthest = (ax + half) ** 2 + ((ay + half) ** 2)[:, None]
            outside = nearest > (self.radius * (1 + margin)) ** 2
            inside = farthest < (self.radius * max(0.0, 1 - margin)) ** 2
            said[..., n:] = outside.float().sub_(inside.float())
        return said

    # -- pixels --------------------------------------------------------------------------------------------------

    def _pixels(
        self, unit: Tensor, x: Tensor, y: Tensor, base: Tensor, pixel: float, told: Tensor | None
    ) -> Tensor:
        """Colours of G tiles around (x, y), each with K undecided units, and with what cells have told (G, M, P):
        (G, 3, P), or (G, 3, 1) if constant."""
        h = base[:, :, None]  # (G, M, 1)
        if unit.shape[1]:
            said = self._undecided(unit, x[:, None], y[:, None], pixel)  # (G, K + 1, P)
            weight = torch.cat([self.divider_weight[unit], base[:, None]], dim=1)  # (G, K + 1, M)
            h = torch.bmm(weight.transpose(1, 2), said)  # (G, M, P)
        if self.smooth:
            h = h + self.mix_smooth @ self._smooth(x, y, pixel)
        if told is not None:
            h = h + told
        for weight, bias in self.layers:
            h = torch.matmul(weight, h.relu_()).add_(bias[:, None])
        return h.sigmoid_()

    def _undecided(self, unit: Tensor, x: Tensor, y: Tensor, pixel: float) -> Tensor:
        """What the units (G, K) say at the pixels of tiles around x, y (G, 1), and then a constant 1: (G, K + 1, P)."""
        g, k = unit.shape
        d = (torch.arange(TILE, device=self.device, dtype=torch.float64) - (TILE - 1) / 2) * pixel  # (t,)
        centre, normal = self.centre[unit], self.normal[unit]  # (G, K, 2)
        square = self.square[unit][..., None]
        ax, ay = x - centre[..., 0], y - centre[..., 1]
        nx, ny = normal[..., 0], normal[..., 1]
        # Columns and rows apart: each term depends on one of them, so only their sum is as large as the tile.
        at_centre = square[..., 0] * (ax * ax + ay * ay) + nx * x + ny * y - self.offset[unit]
        column = at_centre[..., None] + (nx[..., None] + 2 * square * ax[..., None]) * d + square * d * d
        row = (ny[..., None] + 2 * square * ay[..., None]) * d + square * d * d
        column, row = (column * self.sharpness).float(), (row * self.sharpness).float()  # (G, K, t)
        said = torch.empty(g, k + 1, TILE, TILE, device=self.device)
        said[:, k] = 1
        e = torch.add(column[:, :, None, :], row[:, :, :, None], out=said[:, :k])  # (G, K, t, t)
        if self.by_angle or self.lines < self.dividers:
            # A hair added, so that a line says 0 at its own centre instead of 0/0.
            dx = ((ax[..., None] + d) ** 2 + (1e-6 * pixel) ** 2).float()
            dy = ((ay[..., None] + d) ** 2).float()
            below = (dx[:, :, None, :] + dy[:, :, :, None]).sqrt_()
            if not (self.by_angle and self.lines == self.dividers):
                below.mul_(self.slope[unit].float()[..., None, None])
                below.add_(self.level[unit].float()[..., None, None])
            e.div_(below)
        e.tanh_()
        return said.view(g, k + 1, TILE * TILE)

    def _smooth(self, x: Tensor, y: Tensor, pixel: float) -> Tensor:
        """What the smooth units say at the pixels of tiles around x, y (G,): (G, V, P)."""
        d = (torch.arange(TILE, device=self.device, dtype=torch.float64) - (TILE - 1) / 2) * pixel  # (t,)
        wx, wy = self.smooth_weight[:, 0], self.smooth_weight[:, 1]
        at_centre = x[:, None] * wx + y[:, None] * wy + self.smooth_bias  # (G, V)
        column = (at_centre[..., None] + wx[:, None] * d).float()  # (G, V, t)
        row = (wy[:, None] * d).float()  # (V, t)
        z = column[:, :, None, :] + row[None, :, :, None]  # (G, V, t, t)
        z[:, : self.relus].relu_()
        z[:, self.relus :].tanh_()
        return z.view(len(x), self.smooth, TILE * TILE)


def _listed(chosen: Tensor) -> tuple[Tensor, Tensor]:
    """(which are chosen in each row of (T, N), padded with N (T, K), how many (T,))."""
    row, which = chosen.nonzero(as_tuple=True)  # sorted by row
    counts = torch.bincount(row, minlength=len(chosen))
    place = torch.arange(len(row), device=chosen.device) - (counts.cumsum(0) - counts)[row]
    listed = chosen.new_full((len(chosen), int(counts.max())), chosen.shape[1], dtype=torch.int64)
    listed[row, place] = which
    return listed, counts
