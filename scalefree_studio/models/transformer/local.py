"""Attention to what lies near in the picture, rows and columns, at a cost that grows with the number of tokens alone.

The picture is cut into tiles. The queries of a tile look at the keys of the tile and of a margin of `radius` around it,
so that the scores are (tiles, Q, K) with Q and K of one size for pictures of any size, instead of (T, T).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .places import Places, Tiles


def local_attention(q: Tensor, k: Tensor, v: Tensor, tiles: Tiles) -> Tensor:
    """Queries, keys and values (B, H, T, d) → what each query saw, (B, H, T, d)."""
    M, Q = tiles.queries.shape
    q = q[:, :, tiles.queries.flatten()].unflatten(2, (M, Q))  # (B, H, M, Q, d)
    k, v = (x[:, :, tiles.keys.flatten()].unflatten(2, (M, -1)) for x in (k, v))  # (B, H, M, K, d)
    seen = F.scaled_dot_product_attention(q, k, v, attn_mask=tiles.near)
    return seen.flatten(2, 3)[:, :, tiles.where]


def near(places: Places, rows: slice | Tensor = slice(None), keys: slice = slice(None)) -> Tensor:
    """The definition: which keys each query may see, (T, T) bool; of these queries and keys only."""
    position = torch.arange(places.count, device=places.device)
    apart = (places.query_at[rows, None] - places.key_at[keys]).abs().amax(-1)  # (T, T)
    allowed: Tensor = apart <= places.radius
    allowed |= position[keys] == 0  # the start token
    return allowed & (position[keys] <= position[rows, None])
