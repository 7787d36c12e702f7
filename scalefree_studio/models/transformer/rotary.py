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


def factors(turned: Tensor, head: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same as products: each number of a head times a cosine (T, head), and its partner (head,), an index, times a
    sine (T, head)."""
    cos, sin = turned  # (T, pairs)
    pairs = cos.shape[-1]
    rest = range(2 * pairs, head)
    whole, none = torch.ones_like(cos[:, : len(rest)]), torch.zeros_like(cos[:, : len(rest)])
    partner = torch.tensor([*range(pairs, 2 * pairs), *range(pairs), *rest], device=turned.device)
    return torch.cat([cos, cos, whole], dim=-1), torch.cat([-sin, sin, none], dim=-1), partner
