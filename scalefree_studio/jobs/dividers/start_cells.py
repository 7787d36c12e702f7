"""Where cells begin: closer together where the picture changes, each with the colour of what is nearest to it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...models.dividers.network import Params

ROUNDS = 6  # of moving every cell to the middle of its pixels
EVEN = 0.2  # of the density where nothing changes at all, beside 1 on average elsewhere
BLUR = 5  # pixels: a change is felt so far
SMALL = 0.45  # a cell's radii at first, as a part of the way to its neighbours
AT_ONCE = 1 << 22  # distances
SPAN = 0.02, 0.98  # of a colour, before it is taken back through the sigmoid
ENOUGH = 3e-5  # mean squared error at which fewer colours than three are enough: nobody sees it


def start_cells(
    picture: npt.NDArray[np.float64], count: int, rng: np.random.Generator, anywhere: bool
) -> tuple[Params, Tensor]:
    """Cells for a picture (H, W, 3), and their colours (K, 3); `anywhere` does not look where the picture changes."""
    height, width = picture.shape[:2]
    density = np.ones(height * width) if anywhere else _density(picture).ravel()
    y, x = np.mgrid[:height, :width]
    pixel = 2 / max(height, width)
    places = np.stack([(x - (width - 1) / 2).ravel(), (y - (height - 1) / 2).ravel()], 1) * pixel
    first = rng.choice(len(places), count, replace=count > len(places), p=density / density.sum())
    centres = torch.from_numpy(places[first] + rng.normal(size=(count, 2)) * 0.3 * pixel).float()
    points, weight = torch.from_numpy(places).float(), torch.from_numpy(density).float()[:, None]
    colours = torch.from_numpy(np.ascontiguousarray(picture.reshape(-1, 3))).float()
    for _ in range(ROUNDS):
        owner = _nearest(points, centres)
        centres = _means(owner, points, weight, centres)
    owner = _nearest(points, centres)
    p = {
        "cell_centre": centres,
        "cell_log_radius": _to_neighbours(centres)
        .clamp(min=pixel / 2)
        .mul(SMALL)
        .log()[:, None]
        .repeat(1, 2),
        "cell_angle": torch.from_numpy(rng.uniform(-math.pi / 2, math.pi / 2, count)).float(),
    }
    # Radii that are alike would teach no angle.
    p["cell_log_radius"] += 0.1 * torch.from_numpy(rng.normal(size=(count, 2))).float()
    return p, _means(owner, colours, torch.ones_like(weight), colours.mean(0).expand(count, 3))


def one_cell(wrong: npt.NDArray[np.float64], others: Tensor | None, rng: np.random.Generator) -> Params:
    """A cell where most is wrong (H, W, 3), small, so that the others keep what they have."""
    height, width = wrong.shape[:2]
    row, column = np.unravel_index(int(_felt((wrong**2).sum(-1)).argmax()), (height, width))
    pixel = 2 / max(height, width)
    centre = torch.tensor([[column - (width - 1) / 2, row - (height - 1) / 2]]).float() * pixel
    centres = centre if others is None else torch.cat([centre, others.to(centre)])
    radius = _to_neighbours(centres)[:1].clamp(min=pixel) * SMALL / 2
    return {
        "cell_centre": centre,
        "cell_log_radius": radius.log()[:, None] + torch.tensor([[0.1, -0.1]]),
        "cell_angle": torch.from_numpy(rng.uniform(-math.pi / 2, math.pi / 2, 1)).float(),
    }


def colours_needed(picture: npt.NDArray[np.float64]) -> int:
    """Along how many directions the colours of a picture (H, W, 3) lie: 1 if it is grey, or all of one tint."""
    flat = picture.reshape(-1, 3)
    seen = _logit(flat)
    middle = seen.mean(0)
    ways = colour_ways(picture)
    for count in (1, 2):
        some = ways[:count]
        kept = 1 / (1 + np.exp(-((seen - middle) @ some.T @ some + middle)))
        if ((kept - flat.clip(*SPAN)) ** 2).mean() < ENOUGH:
            return count
    return 3


def colour_ways(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The directions of a picture's colours before the sigmoid, the one along which they differ most first: (3, 3)."""
    seen = _logit(picture.reshape(-1, 3))
    ways: npt.NDArray[np.float64] = np.linalg.eigh(np.cov(seen.T) + 1e-9 * np.eye(3))[1].T[::-1].copy()
    return ways


def _logit(colours: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    kept = np.clip(colours, *SPAN)
    logits: npt.NDArray[np.float64] = np.log(kept / (1 - kept))
    return logits


def _density(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How many cells are wanted at every pixel (H, W), 1 on average."""
    down = np.abs(np.diff(picture, axis=0, append=picture[-1:])).sum(-1)
    across = np.abs(np.diff(picture, axis=1, append=picture[:, -1:])).sum(-1)
    felt = _felt(np.hypot(down, across))
    density: npt.NDArray[np.float64] = (felt / max(float(felt.mean()), 1e-12)) ** 0.7 + EVEN
    return density


def _felt(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values (H, W), blurred."""
    blurred = torch.from_numpy(values)[None, None]
    for _ in range(3):  # three boxes are nearly a bell
        blurred = torch.nn.functional.avg_pool2d(blurred, BLUR, 1, BLUR // 2, count_include_pad=False)
    felt: npt.NDArray[np.float64] = blurred[0, 0].numpy()
    return felt


def _nearest(points: Tensor, centres: Tensor) -> Tensor:
    """The centre nearest to every point: (P,)."""
    return torch.cat([
        torch.cdist(some, centres).argmin(1) for some in points.split(max(1, AT_ONCE // len(centres)))
    ])  # fmt: skip


def _means(owner: Tensor, values: Tensor, weight: Tensor, otherwise: Tensor) -> Tensor:
    """The weighted mean of the values (P, n) of each owner; those who own nothing keep what they have."""
    total = torch.zeros(len(otherwise), 1).index_add_(0, owner, weight)
    summed = torch.zeros(len(otherwise), values.shape[1]).index_add_(0, owner, values * weight)
    return torch.where(total > 0, summed / total.clamp(min=1e-12), otherwise)


def _to_neighbours(centres: Tensor) -> Tensor:
    """How far the three nearest other centres are, on average: (K,)."""
    others = min(4, len(centres))
    if others == 1:
        return torch.full((1,), 0.5)
    far = [
        torch.cdist(some, centres).topk(others, dim=1, largest=False).values[:, 1:].mean(1)
        for some in centres.split(max(1, AT_ONCE // len(centres)))
    ]
    return torch.cat(far)
