"""Where the units of a divider network begin, and where a new one goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...controls import values_of
from ...data.pictures import downscaled
from ...models.dividers import network as dividers
from ...models.dividers.edges import EdgeSearch
from ...models.dividers.network import DividerShape, Params
from ...snapshot import Array
from .controls import FitControls, best_division
from .start_cells import colour_ways, colours_needed, one_cell, start_cells

SEARCH_SIDE = 128  # edges are looked for at this size; training finds the fraction of a pixel
POOL = 3000  # candidates for each unit
MOST_ON_EDGES = 32  # more units than this are not looked for unasked: it takes a tenth of a second each
MOSTLY_FLAT = 0.5  # of the picture without edges: worth looking whether a few dividers are all there is
EXPLAINED = 0.9  # of the edges under the dividers found: the picture is made of them


SPARE = 0.5  # how far a colour unit is on where it says least, so that no ReLU is off at first


@dataclass(frozen=True)
class Start:
    """Parameters before the first step, and whether their dividers lie on edges already: then they only need care."""

    params: Params
    on_edges: bool


def start(controls: FitControls, pixels: Array) -> Start:
    rng = np.random.default_rng(controls.seed)
    found = None if controls.start == "random" else _on_edges(controls, pixels, rng)
    on_edges = found is not None and not controls.cells  # cells have yet to find their places
    found = found or _anywhere(controls, pixels, rng)
    p: Params = {}
    if controls.lines:
        p |= _lines(np.array(found["line"]), controls.line_form, pixels.shape, rng)
    if controls.circles:
        p |= _circles(np.array(found["circle"]))
    colours = None
    if controls.cells:
        cells, colours = start_cells(_small(pixels), controls.cells, rng, controls.start == "random")
        p |= cells
    gen = torch.Generator().manual_seed(controls.seed)
    for kind, count in (("relu", controls.relu), ("tanh", controls.tanh)):
        if count:
            p[f"{kind}_weight"] = 3 * torch.randn(count, 2, generator=gen)
            p[f"{kind}_bias"] = torch.randn(count, generator=gen)
    return Start(p | _layers(controls, pixels, colours, gen), on_edges)


def divided_for(controls: FitControls, pixels: Array) -> FitControls:
    """A budget divided as this picture needs it: one that is grey needs fewer numbers for colours."""
    if not controls.numbers or best_division(controls.numbers).items() - values_of(controls).items():
        return controls
    return replace(controls, **best_division(controls.numbers, colours_needed(_small(pixels))))


def placed_unit(kind: str, p: Params, controls: FitControls, pixels: Array, seed: int) -> Params:
    """A line or circle on the strongest edge of what is still wrong, away from all others; a cell where most is."""
    search = residual_search(p, controls.sharpness, pixels, np.random.default_rng(seed))
    if kind == "cell":
        made = one_cell(search.picture, p.get("cell_centre"), search.rng)
        return {name: tensor[0].to(p["out_bias"].device) for name, tensor in made.items()}
    divider, _ = search.find(kind, POOL)
    if kind == "circle":
        made = _circles(divider[None])
    else:
        form = controls.line_form
        if "line_angle" in p:
            form = "distance" if "line_offset" in p else "angle"
        made = _lines(divider[None], form, pixels.shape, search.rng)
    return {name: tensor[0].to(p["out_bias"].device) for name, tensor in made.items()}


def residual_search(p: Params, sharpness: float, pixels: Array, rng: np.random.Generator) -> EdgeSearch:
    """A search over what is still wrong, in which the present units lie already."""
    target = _small(pixels)
    height, width = target.shape[:2]
    with torch.no_grad():
        xy = dividers.pixel_grid(height, width, p["out_bias"].device)
        learnt = dividers.predict(p, xy, sharpness)
    search = EdgeSearch(target - learnt.cpu().numpy().reshape(height, width, 3), rng)
    for kind, divider in present(p):
        search.occupy(kind, divider, 1.0)
    return search


def present(p: Params) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Every line and circle there is, as the search knows them."""
    found = []
    if "line_angle" in p:
        angle = p["line_angle"].double()
        normal = torch.stack([angle.cos(), angle.sin()], 1)
        offset = (
            p["line_offset"].double() if "line_offset" in p else (p["line_centre"].double() * normal).sum(1)
        )
        found += [("line", row) for row in torch.stack([angle, offset], 1).cpu().numpy()]
    if "circle_centre" in p:
        circles = torch.cat([p["circle_centre"], p["circle_log_radius"].exp()[:, None]], 1)
        found += [("circle", row) for row in circles.double().cpu().numpy()]
    return found


def _on_edges(
    controls: FitControls, pixels: Array, rng: np.random.Generator
) -> dict[str, list[Array]] | None:
    """Greedily, the strongest edge first. Unless asked for, only where that explains the picture, or None."""
    unasked = controls.start == "auto"
    search = EdgeSearch(_small(pixels), rng)
    left = {kind: n for kind, n in (("line", controls.lines), ("circle", controls.circles)) if n}
    if unasked and (not 0 < sum(left.values()) <= MOST_ON_EDGES or search.flat() < MOSTLY_FLAT):
        return None
    found: dict[str, list[Array]] = {"line": [], "circle": []}
    while left:
        candidates = [(kind, *search.find(kind, POOL)) for kind in left]
        kind, divider, _ = max(candidates, key=lambda candidate: candidate[2])
        found[kind].append(divider)
        search.occupy(kind, divider)
        left = {k: n - (k == kind) for k, n in left.items() if n - (k == kind)}
    return None if unasked and search.explained() < EXPLAINED else found


def _small(pixels: Array) -> npt.NDArray[np.float64]:
    """The picture at the size of the search, in [0, 1]."""
    return downscaled(pixels.astype(np.uint8), math.ceil(max(pixels.shape[:2]) / SEARCH_SIDE)) / 255


def _anywhere(shape: DividerShape, pixels: Array, rng: np.random.Generator) -> dict[str, list[Array]]:
    half = np.array([pixels.shape[1], pixels.shape[0]]) / max(pixels.shape[:2])
    through = rng.uniform(-half, half, (shape.lines, 2))
    angle = rng.uniform(-math.pi, math.pi, shape.lines)
    offset = through[:, 0] * np.cos(angle) + through[:, 1] * np.sin(angle)
    centre = rng.uniform(-half, half, (shape.circles, 2))
    radius = np.exp(rng.uniform(math.log(0.08), math.log(0.7), (shape.circles, 1)))
    return {"line": list(np.stack([angle, offset], 1)), "circle": list(np.concatenate([centre, radius], 1))}


def _lines(found: Array, form: str, shape: tuple[int, ...], rng: np.random.Generator) -> Params:
    """Lines (n, 2) of angle and offset as parameters; the angle form's centre is a random place of the line within
    the picture, since the false gradient of a line is strongest near its centre."""
    angle, offset = found.T
    if form == "distance":
        return {"line_angle": _tensor(angle), "line_offset": _tensor(offset)}
    half = np.array([shape[1], shape[0]]) / max(shape[:2])
    centres = []
    for a, d in zip(angle, offset, strict=True):
        normal, tangent = np.array([math.cos(a), math.sin(a)]), np.array([-math.sin(a), math.cos(a)])
        points = normal * d + tangent * np.linspace(-1.42, 1.42, 200)[:, None]
        within = points[(np.abs(points) < half).all(1)]
        centres.append(within[rng.integers(len(within))] if len(within) else normal * d)
    return {"line_centre": _tensor(np.array(centres)), "line_angle": _tensor(angle)}


def _circles(found: Array) -> Params:
    return {"circle_centre": _tensor(found[:, :2]), "circle_log_radius": _tensor(np.log(found[:, 2]))}


def _layers(shape: DividerShape, pixels: Array, colours: Tensor | None, gen: torch.Generator) -> Params:
    """Colour layers that start near the picture's mean colour, or with the colours of the cells (K, 3)."""
    p: Params = {}
    width = shape.units
    for layer, size in (("structure", shape.structure), ("colour", shape.hidden), ("out", 3)):
        if size:
            p[f"{layer}_weight"] = torch.randn(size, width, generator=gen) / math.sqrt(max(1, width))
            p[f"{layer}_bias"] = torch.full((size,), 0.1)
            width = size
    mean = torch.from_numpy(pixels.reshape(-1, 3).mean(0) / 255).clamp(0.02, 0.98)
    p["out_bias"] = torch.logit(mean).float()
    if shape.hidden:
        p["out_weight"] = _balanced(shape.hidden, gen)
    else:
        p["out_weight"] *= 0.1
    if colours is not None and not shape.structure:
        _colour_cells(p, colours, pixels)
    return p


def _colour_cells(p: Params, colours: Tensor, pixels: Array) -> None:
    """Give every cell its colour (K, 3), as far as the colour units can say it."""
    wanted = torch.logit(colours.clamp(0.02, 0.98)) - p["out_bias"]
    own = slice(-len(colours), None)
    if "colour_weight" not in p:
        p["out_weight"][:, own] = wanted.T
    elif len(p["colour_weight"]) < 3:  # each along one way of the picture's colours, from where that is least
        ways = torch.from_numpy(colour_ways(_small(pixels))[: len(p["colour_weight"])]).float()  # (M, 3)
        along = wanted @ ways.T  # (K, M)
        least = along.amin(0) - SPARE
        p["colour_weight"][:, own], p["colour_bias"][:] = (along - least).T, 0
        p["out_weight"], p["out_bias"] = ways.T.contiguous(), p["out_bias"] + least @ ways
    else:  # their ways out come in opposite pairs, so that what one ReLU takes away the other says
        way = p["out_weight"]  # (3, M)
        p["colour_weight"][:, own] = (wanted @ way / (way.square().sum() / 6)).T


def _balanced(hidden: int, gen: torch.Generator) -> Tensor:
    """Ways out of the colour units, (3, M): random directions in threes at right angles, each beside its opposite.
    Every colour can then be made brighter and darker, also with few units, some of which may be off."""
    columns: list[Tensor] = []
    while len(columns) < hidden:
        q = torch.linalg.qr(torch.randn(3, 3, generator=gen))[0]
        columns += [sign * q[:, k] for k in range(3) for sign in (1, -1)]
    return torch.stack(columns[:hidden], 1) * (0.85 * math.sqrt(3 / hidden))


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).float()
