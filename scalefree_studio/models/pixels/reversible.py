"""Reversible residual layers: learning keeps the last layer's numbers, and gets back the others from them.

A layer adds to two streams in turn, y1 = x1 + f(x2) and y2 = x2 + g(y1), so that what went in can be had from what came
out: x2 = y2 - g(y1), x1 = y1 - f(x2). So the memory for activations does not grow with depth (Gomez et al., 2017); the
price is that f and g are computed once more. Rounding stays in x: keep the streams in 32 bits, within autocast too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def reversible(
    parts: Iterable[nn.Module], a: Tensor, b: Tensor, *extras: Any, plain: bool = False
) -> tuple[Tensor, Tensor]:
    """Both streams after all parts, each of which adds to one of them what it makes of the other and of the extras:
    (a, b) becomes (b, a + part(b)). With `plain`, gradients are torch's own, and everything is kept for them."""
    parts = list(parts)
    if plain or not torch.is_grad_enabled():
        for part in parts:
            a, b = b, a + part(b, *extras)
        return a, b
    # Whatever may need a gradient has to be an argument of the function, so that it takes part in the graph.
    learned = list(dict.fromkeys(p for part in parts for p in part.parameters() if p.requires_grad))
    tensors = [extra for extra in extras if isinstance(extra, Tensor)]
    steps = [Step(part, extras) for part in parts]
    streams = Recomputed.apply(steps, learned, a, b, *tensors, *learned)  # type: ignore[no-untyped-call]
    return streams[0], streams[1]


@dataclass
class Step:
    """A part, and what it is given."""

    part: nn.Module
    extras: tuple[Any, ...]
    setting: Setting | None = None

    def added(self, x: Tensor, tensors: Sequence[Tensor]) -> Tensor:
        """With these for the tensors among the extras."""
        given = iter(tensors)
        added: Tensor = self.part(x, *(next(given) if isinstance(e, Tensor) else e for e in self.extras))
        return added


class Recomputed(torch.autograd.Function):
    """A step is (a, b) → (b, a + part(b)): so a comes back as what it became - part(b)."""

    @staticmethod
    def forward(
        ctx: Any, steps: list[Step], learned: list[nn.Parameter], a: Tensor, b: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, Tensor]:
        for step in steps:
            step.setting = Setting(a.device)
            with step.setting.autocast():
                a, b = b, a + step.added(b, tensors)
        ctx.steps, ctx.learned = steps, learned
        ctx.save_for_backward(a, b, *tensors)
        return a, b

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_a: Tensor, by_b: Tensor) -> tuple[Tensor | None, ...]:
        a, b, *tensors = ctx.saved_tensors
        given = [t.detach().requires_grad_(t.requires_grad) for t in tensors]
        extras = given[: len(tensors) - len(ctx.learned)]
        inputs = [*extras, *ctx.learned]
        totals: dict[Tensor, Tensor] = {}  # the gradients by these
        for step in reversed(ctx.steps):
            x = a.detach().requires_grad_()
            with torch.enable_grad(), step.setting.again():
                added = step.added(x, extras)
            asked = [t for t in (x, *extras, *step.part.parameters()) if t.requires_grad]
            by_asked = torch.autograd.grad(added, asked, by_b.to(added.dtype), allow_unused=True)
            for t, by_t in zip(asked, by_asked, strict=True):
                if by_t is not None:
                    totals[t] = totals[t] + by_t if t in totals else by_t
            a, b = b - added.detach(), a
            by_a, by_b = by_b, by_a + totals.pop(x, 0)
        return None, None, by_a, by_b, *(totals.get(t) for t in inputs)


class Setting:
    """What a computation depends on beside its inputs: autocast, and the state of random numbers before it."""

    def __init__(self, device: torch.device):
        self.device, self.on_gpu = device, device.type == "cuda"
        self.cast = torch.is_autocast_enabled(device.type)
        self.cast_to = torch.get_autocast_dtype(device.type)
        self.random = torch.get_rng_state()
        self.random_on_gpu = torch.cuda.get_rng_state(device) if self.on_gpu else self.random

    def autocast(self) -> torch.autocast:
        """Without its cache: before torch 2.11 it kept casts that were made without gradients, and gave them where
        gradients are needed."""
        return torch.autocast(self.device.type, self.cast_to, self.cast, cache_enabled=False)

    @contextmanager
    def again(self) -> Iterator[None]:
        """The same once more; afterwards random numbers go on as if none had been drawn."""
        with torch.random.fork_rng([self.device] if self.on_gpu else []), self.autocast():
            torch.set_rng_state(self.random)
            if self.on_gpu:
                torch.cuda.set_rng_state(self.random_on_gpu, self.device)
            yield
