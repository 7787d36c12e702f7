"""Axial rotary positions: half of a head's numbers turn with the row, half with the column."""

from __future__ import annotations

import torch
from torch import Tensor

SLOWEST = 100.0  # the slowest pair turns so many times more slowly than the fastest, which turns by 1 a pixel


def angles(at: Tensor, head: int) -> Tensor:
    """How far each pair of numbers of a head so wide turns at rows and columns (T, 2): as cosine and sine,
    (2, T, head // 2)."""
    pairs = head // 2
    rows = (pairs + 1) // 2
    speeds = [SLOWEST ** (-torch.arange(n, device=at.device) / max(1, n)) for n in (rows, pairs - rows)]
    turned = torch.cat([at[:, i, None].float() * speed for i, speed in enumerate(speeds)], dim=1)
    return torch.stack([turned.cos(), turned.sin()])


def rotate(x: Tensor, turned: Tensor) -> Tensor:
    """Turn queries or keys (…, T, head). A number that is left over by an odd width stays as it is."""
    cos, sin = turned.to(x.dtype)
    pairs = cos.shape[-1]
    a, b = x[..., :pairs], x[..., pairs : 2 * pairs]
    return torch.cat([a * cos - b * sin, a * sin + b * cos, x[..., 2 * pairs :]], dim=-1)
