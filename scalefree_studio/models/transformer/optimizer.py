"""Muon for the matrices of the blocks, AdamW for all else, as one optimizer.

Muon takes the step of a hidden matrix along the nearest rotation of its gradient, so that all directions learn alike.
Tables of colours and places, the head and single numbers have no such directions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# Muon's steps are scaled to the size of AdamW's, and may then be longer.
MUON_RATE = 3.0
# Tables of what is seen, and what places and conditions do to layers, have no directions to learn alike.
NO_MATRICES = ("seen", "modulation")


class MuonAdamW(torch.optim.Optimizer):
    """Both of them; their groups and states are those of this one."""

    def __init__(self, matrices: list[nn.Parameter], others: list[nn.Parameter], fused: bool):
        muon = torch.optim.Muon(matrices, lr=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw")
        adamw = torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.95), fused=fused)
        for group in muon.param_groups:
            group["rate"] = MUON_RATE
        self._both = (muon, adamw)
        super().__init__([*matrices, *others], {})
        self.param_groups = [*muon.param_groups, *adamw.param_groups]
        for part in self._both:
            part.state = self.state  # by parameter, so that they do not meet

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Both, or neither: where Muon runs out of memory, it has already moved some matrices."""
        loss = None if closure is None else closure()
        kept = [(t, t.clone()) for t in self._moved_by_muon()]
        try:
            for part in self._both:
                part.step()  # type: ignore[no-untyped-call]
        except Exception:
            for tensor, before in kept:
                tensor.copy_(before)
            raise
        return loss

    def _moved_by_muon(self) -> list[Tensor]:
        """The matrices, and their momentum where they have one by now."""
        matrices = self._both[0].param_groups[0]["params"]
        momentum = [value for p in matrices for value in self.state.get(p, {}).values()]
        return [*matrices, *momentum]


def optimizer_of(network: nn.Module, muon: bool = True) -> torch.optim.Optimizer:
    """With Muon or, where it is not wanted, AdamW for all."""
    fused = all(p.is_floating_point() for p in network.parameters())
    if not muon:
        return torch.optim.AdamW(network.parameters(), lr=0.0, betas=(0.9, 0.95), fused=fused)
    named = dict(network.named_parameters())
    matrices = {
        n for n, p in named.items() if "blocks." in n and p.ndim == 2 and not any(t in n for t in NO_MATRICES)
    }
    others = [p for n, p in named.items() if n not in matrices]
    return MuonAdamW([named[n] for n in sorted(matrices)], others, fused)
