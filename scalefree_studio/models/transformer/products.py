"""Products with a matrix that stays the same, for few rows at a time.

What such a product costs is to read the matrix once. On the CPU torch has three ways, of which each is the quickest for
some sizes. Gigabytes a second that were read on one core, of float32 matrices 512 → 2048, 2048 → 512, 512 → 8192:

    rows                       1                     4                     64
    F.linear          10.0  10.6   9.8       7.3   9.0   4.1       2.0   2.4   1.6
    transposed        17.1  10.1  19.5       6.9   8.2   4.6       2.1   2.2   1.9
    packed by oneDNN  11.1  17.1  11.6      12.4  16.4  11.5       2.8   2.8   3.0

Of two cores, which read 27 of anything, one row gets 18.7  10.8  21.4 transposed, 22.5  26.1  24.8 packed, and
26.9  19.7  34.7 where each core has half of the transposed numbers; on one core the halves cost nothing.

A call of the packed one takes 12 µs more than the others, which small matrices do not bring in. To read only
what meets no zero behind a squared ReLU takes 260 µs instead of 225 where half of the numbers are zeros, as was found
in networks that had learnt for a minute; with nine in ten of them it would pay (`F.embedding_bag`).

R rows, from which n numbers come out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Product = Callable[[Tensor], Tensor]  # (R, from) → (R, n)

HALVES = 2  # in which one row is multiplied: each thread reads one of them
LARGE = 1 << 17  # numbers, from which on a matrix is worth packing


def product_with(weight: Tensor, rows: int, precision: torch.dtype | None = None) -> Product:
    """x @ weightᵀ of a weight (n, from), as quickly as can be for x of about so many rows. In another precision than
    the weight's own it is quicker, and less exact; what comes out is always like the weight."""
    if precision is None or precision == weight.dtype:
        return _product(weight, rows)
    product, like = _product(weight.to(precision), rows), weight.dtype
    return lambda x: product(x.to(precision)).to(like)


def small_product(weight: Tensor) -> Product:
    """x @ weightᵀ of a weight (n, from) so small that only calls count."""
    across = weight.t().contiguous()
    return lambda x: torch.mm(x, across)


def _product(weight: Tensor, rows: int) -> Product:
    if weight.device.type != "cpu":
        return lambda x: F.linear(x, weight)
    is_wide = weight.shape[0] > weight.shape[1]
    if weight.numel() >= LARGE and (rows > 1 or not is_wide or weight.dtype == torch.bfloat16):
        product = packed(weight, rows)
        if product is not None:
            return product
    across = weight.t().contiguous()
    if rows > 1 or weight.shape[1] % HALVES:
        return lambda x: torch.mm(x, across)
    halves = across.view(HALVES, -1, weight.shape[0])  # (2, from / 2, n)
    return lambda x: torch.bmm(x.unflatten(1, (HALVES, -1)).transpose(0, 1), halves).sum(0)


def packed(weight: Tensor, rows: int) -> Product | None:
    """With the weight in the order in which oneDNN reads it; None where this torch cannot, or not with such numbers."""
    try:
        multiply = torch.ops.mkldnn._linear_pointwise
        ready = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)

        def product(x: Tensor) -> Tensor:
            found: Tensor = multiply(x, ready, None, "none", [], "")
            return found

        product(weight.new_zeros(rows, weight.shape[1]))
    except (AttributeError, RuntimeError, TypeError):
        return None
    return product
