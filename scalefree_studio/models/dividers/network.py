"""Divider networks: f(x, y) → (r, g, b), whose first layer can only say "which side of this line", "inside or
outside this circle", "how much in this cell".

    (x, y) ──► units ──► [structure, ReLU] ──► [colours, ReLU] ──► output, sigmoid
     (P, 2)    (P, U)        (P, S)                (P, M)           (P, 3)

Coordinates are pixel centres; the longer side of the picture spans [-1, 1], the shorter in proportion; y points down.
A unit measures E, which is zero on its divider, and says A = tanh(E · sharpness): nearly a step. A step teaches
nothing, so the backward pass uses a *false gradient*: dA/dE = g · sech²(E · g), with g far below the sharpness.

Cells share the plane among them: E is minus half the squared distance to the cell's centre, measured in its two radii,
and A = softmax(E) over all cells. Between two cells lies a line, a circle or another conic; small radii make it crisp,
large ones make it a shading. All of this is smooth, so cells learn by their true gradient.

This file is the plain statement of the mathematics, in autograd. fast.py computes the same by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...controls import control

Params = dict[str, Tensor]

# The parameters of each kind of unit; each has the units along its first axis. U counts units in this order.
LINE_FORMS = {"angle": ("line_centre", "line_angle"), "distance": ("line_angle", "line_offset")}
CIRCLE = ("circle_centre", "circle_log_radius")
CELL = ("cell_centre", "cell_log_radius", "cell_angle")
RELU = ("relu_weight", "relu_bias")
TANH = ("tanh_weight", "tanh_bias")
PAIRS = ("centre", "weight", "cell_log_radius")  # parameters that are two numbers a unit end so
LAYERS = ("structure", "colour", "out")
MOST_UNITS = 4096  # of a kind


@dataclass(frozen=True)
class DividerShape:
    """What a divider network is made of. Every field is a control, and every one but sharpness starts over."""

    # fmt: off

    lines: int = control(
        0, label="Lines", help="Straight dividers: each tells one side of a line from the other.",
        low=0, high=MOST_UNITS, scale="log", group="Network",
    )
    circles: int = control(
        0, label="Circles", help="Round dividers: each tells the inside of a circle from the outside.",
        low=0, high=MOST_UNITS, scale="log", group="Network",
    )
    cells: int = control(
        0, label="Cells", help="Soft cells that share the picture among them, each with a place, two radii, an angle.",
        low=0, high=MOST_UNITS, scale="log", group="Network",
    )
    hidden: int = control(
        32, label="Colour units",
        help="How many colour units mix the units' answers into colours; 0 gives every unit its own colour.",
        low=0, high=1024, scale="log", group="Network",
    )
    structure: int = control(
        0, label="Structure units", help="A layer between dividers and colours; 0 leaves it out.",
        low=0, high=1024, scale="log", group="Network", advanced=True,
    )
    relu: int = control(
        0, label="Smooth units (ReLU)", help="Ordinary linear-then-ReLU units, for comparison with dividers.",
        low=0, high=MOST_UNITS, scale="log", group="Network", advanced=True,
    )
    tanh: int = control(
        0, label="Smooth units (tanh)", help="Ordinary linear-then-tanh units, for comparison with dividers.",
        low=0, high=MOST_UNITS, scale="log", group="Network", advanced=True,
    )
    line_form: str = control(
        "angle", label="Line form",
        help="How a line is written: a centre and an angle (three numbers), or an angle and a distance (two).",
        choices=("angle", "distance"), group="Network", advanced=True,
    )
    sharpness: float = control(
        1000.0, label="Sharpness", help="How hard the edge of a divider is in the picture: tanh(E · sharpness).",
        low=1.0, high=100_000.0, scale="log", live=True, group="Edges",
    )
    # fmt: on

    @property
    def units(self) -> int:
        return self.lines + self.circles + self.relu + self.tanh + self.cells

    @property
    def numbers(self) -> int:
        """How many numbers such a network stores."""
        line = 3 if self.line_form == "angle" else 2
        numbers = line * self.lines + 3 * (self.circles + self.relu + self.tanh) + 5 * self.cells
        width = self.units
        for size in (self.structure, self.hidden, 3):
            if size:
                numbers += size * (width + 1)
                width = size
        return numbers


def pixel_grid(height: int, width: int, device: Any = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
    """The coordinates of all pixel centres, row by row: (height · width, 2)."""
    step = 2.0 / max(height, width)
    ys = (torch.arange(height, device=device, dtype=torch.float64) - (height - 1) / 2) * step
    xs = (torch.arange(width, device=device, dtype=torch.float64) - (width - 1) / 2) * step
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2).to(dtype)


class FalseGradientTanh(torch.autograd.Function):
    """tanh(E · sharpness) forward; g · sech²(E · g) backward."""

    @staticmethod
    def forward(ctx: Any, e: Tensor, sharpness: float, g: float) -> Tensor:
        ctx.save_for_backward(e)
        ctx.g = g
        return torch.tanh(e * sharpness)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (e,) = ctx.saved_tensors
        return grad * ctx.g * (1 - torch.tanh(e * ctx.g) ** 2), None, None


def _false_tanh(e: Tensor, sharpness: float, g: float) -> Tensor:
    said: Tensor = FalseGradientTanh.apply(e, sharpness, g)  # type: ignore[no-untyped-call]
    return said


def line_measure(p: Mapping[str, Tensor], xy: Tensor) -> Tensor:
    """E of every line at every point: (P, L)."""
    normal = torch.stack([p["line_angle"].cos(), p["line_angle"].sin()])  # (2, L)
    if "line_offset" in p:
        return xy @ normal - p["line_offset"]
    away = xy[:, None, :] - p["line_centre"]  # (P, L, 2)
    length = (away**2).sum(-1)
    at_centre = length == 0
    length = torch.where(at_centre, 1, length).sqrt()  # a cosine: defined as 0 at the centre itself
    return torch.where(at_centre, 0, torch.einsum("pld,dl->pl", away, normal) / length)


def circle_measure(p: Mapping[str, Tensor], xy: Tensor) -> Tensor:
    """E of every circle at every point: (P, C)."""
    squared = ((xy[:, None, :] - p["circle_centre"]) ** 2).sum(-1)  # (P, C)
    at_centre = squared == 0
    distance = torch.where(at_centre, 0, torch.where(at_centre, 1, squared).sqrt())
    radius = p["circle_log_radius"].exp()
    return (distance - radius) / radius


def cell_measure(p: Mapping[str, Tensor], xy: Tensor) -> Tensor:
    """E of every cell at every point: (P, K)."""
    away = xy[:, None, :] - p["cell_centre"]  # (P, K, 2)
    cos, sin = p["cell_angle"].cos(), p["cell_angle"].sin()
    along, across = away[..., 0] * cos + away[..., 1] * sin, away[..., 1] * cos - away[..., 0] * sin
    squared: Tensor = ((torch.stack([along, across], -1) * torch.exp(-p["cell_log_radius"])) ** 2).sum(-1)
    return -squared / 2


def units(p: Mapping[str, Tensor], xy: Tensor, sharpness: float, g: float) -> Tensor:
    """What every unit says at every point: (P, U)."""
    said = []
    if "line_angle" in p:
        said.append(_false_tanh(line_measure(p, xy), sharpness, g))
    if "circle_centre" in p:
        said.append(_false_tanh(circle_measure(p, xy), sharpness, g))
    if "relu_weight" in p:
        said.append(torch.relu(xy @ p["relu_weight"].T + p["relu_bias"]))
    if "tanh_weight" in p:
        said.append(torch.tanh(xy @ p["tanh_weight"].T + p["tanh_bias"]))
    if "cell_centre" in p:
        said.append(torch.softmax(cell_measure(p, xy), dim=1))
    return torch.cat(said, dim=1) if said else xy.new_zeros(len(xy), 0)


def predict(p: Mapping[str, Tensor], xy: Tensor, sharpness: float = 1000.0, g: float = 5.0) -> Tensor:
    """The colours at the points: (P, 3) in [0, 1]."""
    h = units(p, xy, sharpness, g)
    for layer in layers_of(p)[:-1]:
        h = torch.relu(h @ p[f"{layer}_weight"].T + p[f"{layer}_bias"])  # (P, S), (P, M)
    return torch.sigmoid(h @ p["out_weight"].T + p["out_bias"])  # (P, 3)


def layers_of(p: Mapping[str, Any]) -> list[str]:
    """The layers that there are, the one that reads the units first; the output is the last."""
    return [layer for layer in LAYERS if f"{layer}_weight" in p]


def weighted_error(colours: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared error; with weights (P,), the mean over pixels each counting by its weight."""
    squared = (colours - target) ** 2
    if weight is None:
        return squared.mean()
    return (squared.mean(dim=1) * weight).sum() / weight.sum()


def centre_weight(xy: Tensor, peak: float, inner: float, outer: float, x: float, y: float) -> Tensor:
    """How much each point counts, (P,): `peak` within the inner radius of (x, y), 1 beyond the outer."""
    distance: Tensor = torch.linalg.vector_norm(xy - xy.new_tensor([x, y]), dim=1)
    inside = ((outer - distance) / max(outer - inner, 1e-6)).clamp(0, 1)
    weight: Tensor = 1 + (peak - 1) * inside * inside * (3 - 2 * inside)
    return weight


def psnr(mean_squared_error: float) -> float:
    """Peak signal-to-noise ratio in dB, for values in [0, 1]."""
    return -10 * math.log10(max(mean_squared_error, 1e-12))


class DividerNet(nn.Module):
    """A divider network as a module: its parameters by name, in the order of the drawing above."""

    def __init__(self, params: Mapping[str, Tensor]):
        super().__init__()
        for name, tensor in params.items():
            self.register_parameter(name, nn.Parameter(tensor.detach().clone()))

    def forward(self, xy: Tensor, sharpness: float = 1000.0, g: float = 5.0) -> Tensor:
        return predict(dict(self.named_parameters()), xy, sharpness, g)


def unit_counts(p: Mapping[str, Any]) -> dict[str, int]:
    """How many units of each kind the parameters hold, in the order of U."""
    sizes = {
        "line": "line_angle", "circle": "circle_centre", "relu": "relu_weight", "tanh": "tanh_weight",
        "cell": "cell_centre",
    }  # fmt: skip
    return {kind: len(p[name]) if name in p else 0 for kind, name in sizes.items()}


def count_numbers(p: Mapping[str, Any]) -> int:
    """How many numbers the parameters hold."""
    return sum(math.prod(tensor.shape) for tensor in p.values())


def names_of(kind: str, p: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the parameters that hold one kind of unit."""
    if kind == "line":
        return LINE_FORMS["distance" if "line_offset" in p else "angle"]
    return {"circle": CIRCLE, "relu": RELU, "tanh": TANH, "cell": CELL}[kind]


def place_of(index: int, p: Mapping[str, Any]) -> tuple[str, int]:
    """(kind, index within the kind) of a unit counted over all kinds."""
    for kind, count in unit_counts(p).items():
        if index < count:
            return kind, index
        index -= count
    raise IndexError("there is no such unit")


def params_from_arrays(arrays: Mapping[str, Any]) -> Params:
    """Parameters out of a file, checked: names, shapes that fit one another, finite numbers. Raises ValueError."""
    known = {*LINE_FORMS["angle"], *LINE_FORMS["distance"], *CIRCLE, *RELU, *TANH, *CELL}
    known |= {f"{layer}_{part}" for layer in LAYERS for part in ("weight", "bias")}
    p = {name: torch.from_numpy(array.copy()).float() for name, array in arrays.items() if name in known}
    counts = unit_counts(p)
    expected: dict[str, tuple[int, ...]] = {}
    for kind, count in counts.items():
        if count:
            names = names_of(kind, p)
            expected |= {name: (count, 2) if name.endswith(PAIRS) else (count,) for name in names}
    width = sum(counts.values())
    for layer in LAYERS:
        if layer == "out" or f"{layer}_weight" in p or f"{layer}_bias" in p:
            size = 3 if layer == "out" else len(p.get(f"{layer}_bias", ()))
            expected |= {f"{layer}_weight": (size, width), f"{layer}_bias": (size,)}
            width = size
    found = {name: tuple(tensor.shape) for name, tensor in p.items()}
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise ValueError(f"its {', '.join(wrong)} do not fit together")
    if not all(torch.isfinite(tensor).all() for tensor in p.values()):
        raise ValueError("it holds numbers that are not finite")
    return p
