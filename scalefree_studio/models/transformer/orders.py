"""Orders in which the places of a picture are drawn."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

ORDERS = ("raster", "columns", "spiral")


@functools.lru_cache(maxsize=64)
@torch.inference_mode(False)
def order_of(name: str, rows: int, columns: int) -> Tensor:
    """The places of rows × columns as they are drawn, each counted row by row: (N,)."""
    places = torch.arange(rows * columns)
    if name == "raster":
        return places
    if name == "columns":
        return places.view(rows, columns).T.reshape(-1)
    if name == "spiral":
        return torch.tensor(_spiral(rows, columns))
    raise ValueError(f"there is no order {name!r}")


def _spiral(rows: int, columns: int) -> list[int]:
    """From the middle outward, clockwise: one step right, one down, two left, two up, three right … What lies outside
    of the picture is walked over, so that rings of any shape close."""
    y, x, dy, dx, run = (rows - 1) // 2, (columns - 1) // 2, 0, 1, 1
    order = [y * columns + x]
    while len(order) < rows * columns:
        for _ in range(2):
            for _ in range(run):
                y, x = y + dy, x + dx
                if 0 <= y < rows and 0 <= x < columns:
                    order.append(y * columns + x)
            dy, dx = dx, -dy
        run += 1
    return order
