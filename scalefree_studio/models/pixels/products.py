"""Products with a matrix that is always the same, for few rows at a time.

What they cost is to read the matrix once, and which of torch's ways reads it fastest depends on the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

Product = Callable[[Tensor], Tensor]  # (R, from) → (R, to)


def product_with(weight: Tensor, rows: int) -> Product:
    """x @ weightᵀ of a weight (to, from), as quickly as can be for x (R, from) of about so many rows."""
    if weight.device.type == "cpu" and rows == 1 and weight.shape[0] > weight.shape[1]:
        across = weight.t().contiguous()
        return lambda x: x @ across
    return lambda x: F.linear(x, weight)
