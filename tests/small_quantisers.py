"""Quantisers for tests, with codes that are known, and steps of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scalefree_studio.models.codebooks.codebook import Codebook
from scalefree_studio.models.codebooks.quantiser import Quantised, Quantiser, QuantiserShape, quantiser_of

WIDTH = 4
LONG = 100_000  # steps, after which averages change as their control says
KINDS: dict[str, dict[str, Any]] = {
    "vq": {},
    "cosine": {"cosine": True},
    "rotation": {"rotation": True},
    "gradient": {"learning": "gradient"},
    "fsq": {"quantiser": "fsq", "levels": "4,3,5"},
    "residual": {"scales": "1,2,4,7"},
    "residual by gradient": {"scales": "2,3", "learning": "gradient", "refine": False},
}


def quantiser(width: int = WIDTH, seed: int = 0, **controls: Any) -> Quantiser:
    torch.manual_seed(seed)
    return quantiser_of(QuantiserShape(**{"codes": 12, **controls}), width)


def with_codes(codes: Tensor, **controls: Any) -> Quantiser:
    """As if k-means had found these codes (K, D), of one latent each, long ago."""
    made = quantiser(codes.shape[1], codes=len(codes), **controls)
    book = made.codebook
    assert isinstance(book, Codebook)
    with torch.no_grad():
        book.vectors.copy_(codes)
        if book.averaged:
            book.sums.copy_(codes)
        book.steps.fill_(LONG)
    return made


def latents(pictures: int = 3, width: int = WIDTH, rows: int = 7, columns: int = 7, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(pictures, width, rows, columns, generator=generator)


def step(of: Quantiser, z: Tensor, precision: torch.dtype = torch.float32) -> Quantised:
    """Learn from latents (B, D, H, W) as if a decoder wanted them to be zero."""
    of.train()
    z = z.to(precision).detach().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision != torch.float32):
        made = of(z)
    of.zero_grad()
    (made.values.square().mean() + made.loss).backward()
    with torch.no_grad():
        for parameter in of.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
    of.learn()
    return made
