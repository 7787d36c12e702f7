"""The nearest of K codes, and what lies near each. N vectors, D numbers each."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 1 << 22  # numbers of a table of distances that there is at any time


@torch.no_grad()
def nearest(x: Tensor, codes: Tensor) -> Tensor:
    """Which of codes (K, D) each of x (N, D) is nearest to, (N,); the first of several that are as near."""
    half = codes.square().sum(1) / 2  # ½|x − c|² without ½|x|², which is the same for all codes
    found = torch.empty(len(x), dtype=torch.int64, device=x.device)
    size = max(1, CHUNK // len(codes))
    with torch.autocast(x.device.type, enabled=False):  # rounding would choose other codes
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            torch.argmin(torch.addmm(half, x[part], codes.T, alpha=-1), 1, out=found[part])
    return found


def sums_of(x: Tensor, at: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """(the sum of what is at each code (K, D), how many these are (K,)). What is not finite is left out."""
    finite = x.isfinite().all(1)
    sums = x.new_zeros(codes, x.shape[1]).index_add_(0, at, x.where(finite[:, None], 0))
    return sums, x.new_zeros(codes).index_add_(0, at, finite.to(x.dtype))
