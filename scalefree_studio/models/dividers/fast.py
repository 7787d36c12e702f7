"""The loss of a divider network and its gradient, by hand: the same numbers as network.py, many times faster.

Why it is fast:
- every measure E is a matrix product of the units' coefficients with four pixel features, x, y, 1, x² + y²;
- every gradient of a unit is a matrix product the other way, so nothing larger than (units, chunk) is ever made;
- pixels are taken in chunks whose buffers stay in the processor's cache, and are reused;
- tanh and sech² are written as sigmoids, which torch computes many times faster than tanh;
- all parameters lie in one flat vector, and so an optimizer is a few operations.

U units, S structure units, M colour units, B pixels of a chunk. Matrices are (feature, pixel) here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from .cells import CellGradient, Tiles
from .network import LAYERS, Params, layers_of, unit_counts

MATRICES = ("structure_weight", "colour_weight")
CPU_CHUNK = 2048  # pixels; the buffers of a hundred units then fit a core's cache


class FlatParams:
    """Parameters as views into one vector: units first, then biases and outputs, the large matrices last, so that each
    group is one piece. Gradients lie alike."""

    def __init__(self, params: Mapping[str, Tensor]):
        # Cells are few at any place: the layer that reads them learns each column by itself, as a small one does.
        reader = f"{layers_of(params)[0]}_weight" if "cell_centre" in params else ""
        groups = {name: 1 if name == reader else _group(name) for name in params}
        self.names = sorted(params, key=groups.__getitem__)
        sizes = [sum(params[n].numel() for n in self.names if groups[n] <= group) for group in range(3)]
        self.muon = [name for name in self.names if groups[name] == 2]
        self.units, self.small, self.matrices = slice(0, sizes[0]), slice(*sizes[:2]), slice(*sizes[1:])
        shapes = {name: params[name].shape for name in self.names}
        self.vector = torch.cat([params[name].detach().reshape(-1) for name in self.names])
        self.gradient = torch.zeros_like(self.vector)
        self.views = self._views(self.vector, shapes)
        self.gradients = self._views(self.gradient, shapes)

    def like(self, vector: Tensor) -> Params:
        """Another vector of the same layout, by name."""
        return self._views(vector, {name: view.shape for name, view in self.views.items()})

    def _views(self, vector: Tensor, shapes: Mapping[str, torch.Size]) -> Params:
        pieces = vector.split([math.prod(shapes[name]) for name in self.names])
        return {name: piece.view(shapes[name]) for name, piece in zip(self.names, pieces, strict=True)}


def _group(name: str) -> int:
    if name in MATRICES:
        return 2
    return 1 if name.startswith(LAYERS) else 0


def pixel_features(xy: Tensor) -> Tensor:
    """x, y, 1, x² + y² of every point: (P, 2) → (4, P)."""
    x, y = xy.T
    return torch.stack([x, y, torch.ones_like(x), x * x + y * y])


class FusedGradient:
    """Computes loss and gradient for one set of parameters, again and again, without allocating."""

    def __init__(self, flat: FlatParams):
        self.p, self.grad, self.flat = flat.views, flat.gradients, flat
        counts = unit_counts(self.p)
        self.lines, self.circles, self.relus = counts["line"], counts["circle"], counts["relu"]
        # Those that are a row of `_measure`: all but cells, which come last.
        self.units = sum(counts.values()) - counts["cell"]
        self.cells = CellGradient(self.p, self.grad) if counts["cell"] else None
        self.layers = layers_of(self.p)
        self.reader = f"{self.layers[0]}_weight"
        self.hard = self.lines + self.circles  # units that divide; smooth ones come after them
        self.centred = self.lines if "line_centre" in self.p else 0  # lines of the angle form
        self.chunk = CPU_CHUNK if flat.vector.device.type == "cpu" else 1 << 20
        self._buffers: dict[str, Tensor] = {}

    def _buffer(self, name: str, rows: int, columns: int) -> Tensor:
        """Room for a matrix, kept from step to step."""
        room = self._buffers.get(name)
        if room is None or room.numel() < rows * columns:
            room = self._buffers[name] = self.flat.vector.new_empty(rows * columns)
        return room[: rows * columns].view(rows, columns)

    def _coefficients(self) -> None:
        """The units as matrices over the pixel features, from their parameters of this moment."""
        p = self.p
        linear = []  # rows over (x, y, 1): lines, then smooth units
        square = []  # rows over (x, y, 1, x² + y²): squared distances to the centres of lines, then of circles
        if self.lines:
            self.cos, self.sin = p["line_angle"].cos(), p["line_angle"].sin()
            if self.centred:
                x, y = p["line_centre"].T
                linear.append(torch.stack([self.cos, self.sin, -(x * self.cos + y * self.sin)], 1))
                square.append(torch.stack([-2 * x, -2 * y, x * x + y * y, torch.ones_like(x)], 1))
            else:
                linear.append(torch.stack([self.cos, self.sin, -p["line_offset"]], 1))
        if self.circles:
            x, y = p["circle_centre"].T
            square.append(torch.stack([-2 * x, -2 * y, x * x + y * y, torch.ones_like(x)], 1))
            self.per_radius = torch.exp(-p["circle_log_radius"])[:, None]  # (C, 1)
        for kind in ("relu", "tanh"):
            if f"{kind}_weight" in p:
                linear.append(torch.cat([p[f"{kind}_weight"], p[f"{kind}_bias"][:, None]], 1))
        self.linear = torch.cat(linear) if linear else None
        self.square = torch.cat(square) if square else None

    def _measure(self, features: Tensor, sharpness: float) -> None:
        """E, A and one over the distances to the centres, for a chunk: self.e, self.a, self.near."""
        pixels, lines, hard = features.shape[1], self.lines, self.hard
        e = self.e = self._buffer("e", self.units, pixels)
        a = self.a = self._buffer("a", self.units, pixels)
        if self.linear is not None:
            torch.mm(self.linear[:lines], features[:3], out=e[:lines])
            torch.mm(self.linear[lines:], features[:3], out=e[hard:])
        if self.square is not None:
            near = self.near = self._buffer("near", self.centred + self.circles, pixels)
            torch.mm(self.square, features, out=near)
            near.clamp_(
                min=1e-10
            ).rsqrt_()  # nothing is nearer than 1e-5: at its own centre a line measures 0
            if self.centred:
                e[:lines].mul_(near[:lines])
            if self.circles:
                torch.div(self.per_radius, near[self.centred :], out=e[lines:hard]).sub_(1)
        _tanh_(torch.mul(e[:hard], 2 * sharpness, out=a[:hard]))
        relu_end = hard + self.relus
        a[hard:relu_end].copy_(e[hard:relu_end]).relu_()
        _tanh_(torch.mul(e[relu_end:], 2, out=a[relu_end:]))

    def _colour(self, told: Tensor | None) -> None:
        """From A, and from what cells have told (M, B), to colours: self.h of every layer, self.out (3, B)."""
        h, p, pixels = self.a, self.p, self.a.shape[1]
        self.h: dict[str, Tensor] = {}
        for layer in self.layers:
            weight, bias = p[f"{layer}_weight"], p[f"{layer}_bias"]
            first = layer == self.layers[0]
            h = self.h[layer] = torch.addmm(
                bias[:, None],
                weight[:, : self.units] if first else weight,
                h,
                out=self._buffer(layer, len(bias), pixels),
            )
            if first and told is not None:
                h.add_(told)
            if layer != "out":
                h.relu_()
        self.out = h.sigmoid_()

    def loss_and_gradient(
        self,
        features: Tensor,
        target: Tensor,
        sharpness: float,
        g: float,
        weight: Tensor | None = None,
        leak: float = 0.0,
        tiles: Tiles | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(weighted loss, plain mean squared error) over pixels given as features (4, P) and target (3, P); fills the
        gradient of the first. Weights (P,) count relative to their mean. With a leak, so much of the gradient passes
        through a ReLU that is off: backward only, so that colours which are never on come back to life. With tiles the
        pixels come tile by tile, equally many of each, and cells are looked at only where they matter."""
        pixels = features.shape[1]
        self.flat.gradient.zero_()
        self._coefficients()
        loss, plain = self.flat.vector.new_zeros(()), self.flat.vector.new_zeros(())
        sums = self._new_sums()
        told = self.cells.forward(features[:2], self._of_cells(self.p), tiles) if self.cells else None
        for start in range(0, pixels, self.chunk):
            part = slice(start, start + self.chunk)
            f = features[:, part]
            self._measure(f, sharpness)
            self._colour(None if told is None else told[:, part])
            error = torch.sub(self.out, target[:, part], out=self._buffer("error", 3, f.shape[1]))
            squared = torch.dot(error.view(-1), error.view(-1))
            plain += squared
            if weight is not None:
                weighed = error * weight[part]
                squared = torch.dot(error.view(-1), weighed.view(-1))
                error = weighed
            loss += squared
            self._back(error, f, g, leak, sums, None if told is None else told[:, part])
        self._unit_gradients(sums, 4 * g)
        if self.cells and told is not None:
            self.cells.backward(told, self._of_cells(self.grad))
        # A batch may miss all pixels that count.
        total = weight.sum().clamp(min=1e-12) if weight is not None else pixels
        self.flat.gradient.mul_(2 / (3 * total))
        return loss / (3 * total), plain / (3 * pixels)

    def colours(self, features: Tensor, sharpness: float) -> Tensor:
        """The colours at points given as features: (4, P) → (3, P)."""
        self._coefficients()
        said = []
        for f in features.split(self.chunk, dim=1):
            self._measure(f, sharpness)
            self._colour(self.cells.forward(f[:2], self._of_cells(self.p)) if self.cells else None)
            said.append(self.out.clone())
        return torch.cat(said, dim=1)

    def said(self, features: Tensor, sharpness: float) -> Tensor:
        """A of every unit: (4, P) → (U, P)."""
        self._coefficients()
        said = []
        for f in features.split(self.chunk, dim=1):
            self._measure(f, sharpness)
            said.append(torch.cat([self.a, self.cells.shares(f[:2])]) if self.cells else self.a.clone())
        return torch.cat(said, dim=1)

    def _of_cells(self, named: Params) -> Tensor:
        """The columns of the cells in the layer that reads the units: (M, C)."""
        return named[self.reader][:, self.units :]

    def _back(
        self,
        error: Tensor,
        features: Tensor,
        g: float,
        leak: float,
        sums: dict[str, Tensor],
        told: Tensor | None,
    ) -> None:
        """Add one chunk to the gradients of the layers, and to the units' sums over (x, y, 1). What cells have told
        (M, B) becomes the gradient of it."""
        p, grad, layers, pixels = self.p, self.grad, self.layers, error.shape[1]
        back = error.mul_(self.out).mul_(self.out.neg_().add_(1))  # through the sigmoid: (3, B)
        for k in reversed(range(len(layers))):
            layer, below = layers[k], self.h[layers[k - 1]] if k else self.a
            weight, weight_gradient = p[f"{layer}_weight"], grad[f"{layer}_weight"]
            if k == 0:
                weight, weight_gradient = weight[:, : self.units], weight_gradient[:, : self.units]
                if told is not None:
                    told.copy_(back)
            weight_gradient.addmm_(back, below.T)
            grad[f"{layer}_bias"].add_(back.sum(1))
            back = torch.mm(weight.T, back, out=self._buffer(f"back_{k}", weight.shape[1], pixels))
            if k:
                back.mul_(below.sign_().clamp_(min=leak))  # through the ReLU
        hard, relu_end = self.hard, self.hard + self.relus
        slope = torch.mul(self.e[:hard], 2 * g, out=self._buffer("slope", hard, pixels)).sigmoid_()
        back[:hard].mul_(slope.addcmul_(slope, slope, value=-1))  # sech²(g E) / 4: σ(2gE) - σ²(2gE)
        back[hard:relu_end].mul_(self.a[hard:relu_end].sign_())
        back[relu_end:].addcmul_(back[relu_end:], self.a[relu_end:].square_(), value=-1)

        xy1 = features[:3].T  # (B, 3)
        lines, centred = self.lines, self.centred
        sums["smooth"].addmm_(back[hard:], xy1)
        if centred:
            by_distance = back[:lines].mul_(self.near[:lines])  # dL/dE / ‖d‖
            sums["line"].addmm_(by_distance, xy1)
            sums["line_radial"].addmm_(self.e[:lines].mul_(self.near[:lines]).mul_(by_distance), xy1)
        else:
            sums["line"].addmm_(back[:lines], xy1)
        if self.circles:
            circle = back[lines:hard]
            sums["circle_radius"].sub_(self.e[lines:hard].add_(1).mul_(circle).sum(1))  # E + 1 = ‖d‖ / r
            sums["circle"].addmm_(circle.mul_(self.near[centred:]), xy1)

    def _new_sums(self) -> dict[str, Tensor]:
        """Per unit, sums over the pixels of its error signal times (x, y, 1)."""
        rows = {"line": self.lines, "line_radial": self.centred, "circle": self.circles,
                "smooth": self.units - self.hard}  # fmt: skip
        sums = {name: self.flat.vector.new_zeros(count, 3) for name, count in rows.items()}
        return sums | {"circle_radius": self.flat.vector.new_zeros(self.circles)}

    def _unit_gradients(self, sums: dict[str, Tensor], g: float) -> None:
        """From the sums to the gradients of the units' own parameters; those of dividers still lack a factor g."""
        p, grad = self.p, self.grad
        if self.lines:
            sx, sy, s1 = sums["line"].T * g
            if self.centred:
                (x, y), (rx, ry, r1) = p["line_centre"].T, sums["line_radial"].T * g
                grad["line_centre"][:, 0] = rx - x * r1 - self.cos * s1
                grad["line_centre"][:, 1] = ry - y * r1 - self.sin * s1
                grad["line_angle"].copy_(self.cos * (sy - y * s1) - self.sin * (sx - x * s1))
            else:
                grad["line_angle"].copy_(self.cos * sy - self.sin * sx)
                grad["line_offset"].copy_(-s1)
        if self.circles:
            (x, y), (sx, sy, s1) = p["circle_centre"].T, sums["circle"].T * (g * self.per_radius.T)
            grad["circle_centre"][:, 0] = x * s1 - sx
            grad["circle_centre"][:, 1] = y * s1 - sy
            grad["circle_log_radius"].copy_(sums["circle_radius"] * g)
        for kind, part in (("relu", slice(0, self.relus)), ("tanh", slice(self.relus, None))):
            if f"{kind}_weight" in p:
                grad[f"{kind}_weight"].copy_(sums["smooth"][part, :2])
                grad[f"{kind}_bias"].copy_(sums["smooth"][part, 2])


def _tanh_(doubled: Tensor) -> Tensor:
    """tanh(x) from 2x, in place: as 2 σ(2x) - 1 it takes a fifth of the time of torch's own."""
    return doubled.sigmoid_().mul_(2).sub_(1)
