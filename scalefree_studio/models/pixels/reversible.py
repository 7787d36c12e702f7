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


class Block(nn.Module):
    """One layer: f is often attention, g a feed-forward part. Either takes a stream and the extras, and says what is
    added to the other stream."""

    def __init__(self, f: nn.Module, g: nn.Module):
        super().__init__()
        self.f, self.g = f, g

    def forward(self, x1: Tensor, x2: Tensor, *extras: Tensor) -> tuple[Tensor, Tensor]:
        y1 = x1 + self.f(x2, *extras)
        return y1, x2 + self.g(y1, *extras)


class ReversibleSequence(nn.ModuleList):
    """Blocks, one after the other. With `plain`, gradients are torch's own, and everything is kept for them."""

    def __init__(self, blocks: Iterable[Block] = (), plain: bool = False):
        super().__init__(blocks)
        self.plain = plain

    def forward(
        self, x1: Tensor, x2: Tensor, *extras: Tensor, own: Sequence[Sequence[Tensor]] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Both streams after all blocks. A block's f and g take the extras, and then what is the block's own."""
        blocks = [block for block in self if isinstance(block, Block)]
        of_block = [(*extras, *each) for each in own or [()] * len(blocks)]
        if self.plain or not torch.is_grad_enabled():
            for block, each in zip(blocks, of_block, strict=True):
                x1, x2 = block(x1, x2, *each)
            return x1, x2
        # Whatever may need a gradient has to be an argument of the function, so that it takes part in the graph.
        given = list(dict.fromkeys(extra for each in of_block for extra in each))
        number = {extra: i for i, extra in enumerate(given)}
        steps = [
            Step(part, [number[extra] for extra in each])
            for block, each in zip(blocks, of_block, strict=True)
            for part in (block.f, block.g)
        ]
        learned = [p for p in self.parameters() if p.requires_grad]
        streams = Recomputed.apply(steps, learned, x1, x2, *given, *learned)  # type: ignore[no-untyped-call]
        return streams[0], streams[1]


@dataclass
class Step:
    """One half of a layer, f or g, and where its extras are among all that are given."""

    part: nn.Module
    extras: list[int]
    setting: Setting | None = None


class Recomputed(torch.autograd.Function):
    """Half a layer is (a, b) → (b, a + part(b)): so f and g alternate, and a comes back as what it became - part(b)."""

    @staticmethod
    def forward(
        ctx: Any, steps: list[Step], learned: list[nn.Parameter], a: Tensor, b: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, Tensor]:
        for step in steps:
            step.setting = Setting(a.device)
            with step.setting.autocast():
                a, b = b, a + step.part(b, *(tensors[i] for i in step.extras))
        ctx.steps, ctx.learned = steps, learned
        ctx.save_for_backward(a, b, *tensors)
        return a, b

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_a: Tensor, by_b: Tensor) -> tuple[Tensor | None, ...]:
        a, b, *tensors = ctx.saved_tensors
        given = [t.detach().requires_grad_(t.requires_grad) for t in tensors]
        inputs = [*given[: len(tensors) - len(ctx.learned)], *ctx.learned]
        totals: dict[Tensor, Tensor] = {}  # the gradients by these
        for step in reversed(ctx.steps):
            x, extras = a.detach().requires_grad_(), [inputs[i] for i in step.extras]
            with torch.enable_grad(), step.setting.again():
                added = step.part(x, *extras)
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
