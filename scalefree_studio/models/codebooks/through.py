"""Gradients through the choice of a code, which has none of its own. N latents, D numbers each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

LEAST = 1e-12  # length of a vector that has a direction


def straight_through(z: Tensor, values: Tensor) -> Tensor:
    """`values`, whose gradient goes to `z` as it is, and to what `values` are made of."""
    return values + (z - z.detach())


def rotated_through(z: Tensor, values: Tensor) -> Tensor:
    """`values` (N, D), as if they were `z` (N, D) turned and scaled by constants (the rotation trick)."""
    turned: Tensor = _Rotated.apply(z, values.detach())  # type: ignore[no-untyped-call]
    return values + turned


class _Rotated(torch.autograd.Function):
    """0, with the gradient of z turned in the plane of z and its value, and scaled by the ratio of their lengths."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, values: Tensor) -> Tensor:
        ctx.save_for_backward(z, values)
        return torch.zeros_like(z)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        z, values = ctx.saved_tensors
        gradient = gradients[0]  # (N, D)
        lengths, of_values = z.norm(dim=1, keepdim=True), values.norm(dim=1, keepdim=True)
        u, v = z / lengths.clamp(min=LEAST), values / of_values.clamp(min=LEAST)
        between = torch.nn.functional.normalize(u + v, dim=1, eps=LEAST)
        # The transpose of 1 − 2 between betweenᵀ + 2 v uᵀ, which turns u into v.
        back = gradient - 2 * between * (between * gradient).sum(1, keepdim=True)
        back = back + 2 * u * (v * gradient).sum(1, keepdim=True)
        return back * (of_values / lengths.clamp(min=LEAST)), None
