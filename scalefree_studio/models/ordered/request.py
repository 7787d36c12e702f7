"""What every network that draws in order is asked for, what it answers, and how values are read off chances.

A picture is drawn place after place; the places are counted along the order in which they are drawn, so that nothing
here knows where they lie. At each place there is one value in each channel: a level of grey or colour, or a token.

B pictures, N places, C channels, L values; k places of a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

Number = TypeVar("Number", int, float)
Each: TypeAlias = Number | Tensor  # one number for all pictures, or one for each, (B,)

ALL_KEPT = 256  # of so many values, the chances of all are kept …
LIKELIEST = 64  # … of more, those of so many


@dataclass(frozen=True)
class Request:
    """What to draw. `uniforms` is the only chance in it."""

    uniforms: Tensor  # (B, N, C) in [0, 1)
    labels: Tensor | None = None  # (B,), if the network has classes
    temperature: Each[float] = 1.0
    top_k: Each[int] = 0  # draw among so many of the likeliest values; 0: among all
    top_p: Each[float] = 1.0  # draw among the likeliest values that hold this share of the chances
    given: Tensor | None = None  # (B, N, C): a prompt's values …
    keep: Tensor | None = None  # (B, N): … where they stay; all else is drawn
    every: int = 1  # places a step; fewer at the end of a row or a stage
    measured: bool = False  # whether to say how open and how surprising each choice was
    watched: int | None = None  # of which picture to say what was thought possible, if measured
    searches: Tensor | None = None  # (B,): which search with beams each picture is part of; None: all are one

    def to(self, device: torch.device) -> Request:
        """The same, with all tensors there."""
        named = ((f.name, getattr(self, f.name)) for f in fields(self))
        moved: dict[str, Any] = {name: value.to(device) for name, value in named if isinstance(value, Tensor)}
        return replace(self, **moved)


@dataclass(frozen=True)
class Likeliest:
    """What was thought possible at some places of one picture: all values, or the likeliest of very many."""

    chances: Tensor  # (k, C, K); the rest of them is the share of all other values
    values: Tensor | None  # (k, C, K): which values, the likeliest first; None: all L, in their order


@dataclass(frozen=True)
class Drawn:
    """One step: places start … stop - 1 of the order, those of a prompt among them. Where all of them are given in all
    pictures, nothing is measured.

    A search with beams also says what became of each picture. Its places before `start` are then those of its parent;
    `values` are its own.
    """

    start: int
    stop: int
    values: Tensor  # (B, k, C)
    entropy: Tensor | None = None  # (B, k): bits, how open the choice was, all channels together
    surprise: Tensor | None = None  # (B, k): bits, how unlikely what was drawn was
    likeliest: Likeliest | None = None  # of the watched picture
    parents: Tensor | None = None  # (B,): which picture of the request each one continues
    score: Tensor | None = None  # (B,): log-probability so far, nats
    alive: Tensor | None = None  # (B,) bool: those that are not are given up


def uniforms(count: int, places: int, channels: int, seed: int) -> Tensor:
    """The random numbers of a seed: (B, N, C)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, places, channels, generator=generator)


def uniforms_of(seeds: Sequence[int], numbers: Sequence[int], places: int, channels: int) -> Tensor:
    """The same of some pictures, each the so manieth of a seed of its own: (B, N, C)."""
    found = torch.empty(len(seeds), places, channels)
    for seed in set(seeds):
        who = [picture for picture, own in enumerate(seeds) if own == seed]
        which = [numbers[picture] for picture in who]
        found[who] = uniforms(max(which) + 1, places, channels, seed)[which]
    return found


def finish(steps: Iterable[Drawn]) -> Tensor:
    """Take all steps: the values of the pictures, (B, N, C)."""
    return torch.cat([step.values for step in steps], dim=1)


# How a value is chosen.


def chances_of(
    logits: Tensor,
    temperature: Each[float] = 1.0,
    top_k: Each[int] = 0,
    top_p: Each[float] = 1.0,
    out: Tensor | None = None,
) -> Tensor:
    """What is drawn from, (B, …, L), summing to 1. No picture's chances depend on how another one is drawn."""
    temperature = _wide(temperature, logits)
    if isinstance(temperature, Tensor) or temperature != 1:
        logits = logits / temperature
    chances = torch.softmax(logits, dim=-1, out=out)
    L = chances.shape[-1]
    some_k = isinstance(top_k, Tensor) or 0 < top_k < L
    some_p = isinstance(top_p, Tensor) or top_p < 1
    if not some_k and not some_p:
        return chances
    ordered, order = chances.sort(dim=-1, descending=True, stable=True)  # of equals, the first values stay
    kept, untouched = ordered, []  # of which pictures nothing is left out
    if some_k:
        top_k = _wide(top_k, chances)
        if isinstance(top_k, Tensor):
            untouched.append((top_k <= 0) | (top_k >= L))
            top_k = top_k.masked_fill(untouched[-1], L)
        kept = kept * (torch.arange(L, device=chances.device) < top_k)
    if some_p:
        top_p = _wide(top_p, chances)
        if isinstance(top_p, Tensor):
            untouched.append(top_p >= 1)
            top_p = top_p.masked_fill(untouched[-1], torch.inf)
        kept = kept * (ordered.cumsum(-1) - ordered < top_p)  # the likeliest always stays
    kept /= kept.sum(-1, keepdim=True)
    if len(untouched) == some_k + some_p:  # these stay as they are to the last bit
        kept = torch.where(torch.stack(untouched).all(0), ordered, kept)
    return chances.scatter_(-1, order, kept)


def _wide(number: Each[Number], like: Tensor) -> Each[Number]:
    """One number a picture, (B, 1, …, 1), beside (B, …, L)."""
    if not isinstance(number, Tensor):
        return number
    dtype = like.dtype if number.is_floating_point() else number.dtype
    return number.to(like.device, dtype).view(-1, *[1] * (like.ndim - 1))


def value_at(chances: Tensor, uniform: Tensor) -> Tensor:
    """The value at the share `uniform` (…, 1) of the chances (…, L): (…, 1). Never one without a chance."""
    below = chances.cumsum(-1)
    return torch.searchsorted(below, below[..., -1:] * uniform, right=True)


# What is said about a choice.


def measure(chances: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """How open the choices were that had these chances (B, k, C, L), and how surprising the values (B, k, C) that came
    of them: bits, all channels together, (B, k) each."""
    bits = -chances.clamp(min=torch.finfo(chances.dtype).tiny).log2()
    values = values.clamp(max=chances.shape[-1] - 1)  # where chances are no numbers, values are none either
    return (chances * bits).sum((2, 3)), bits.gather(3, values[..., None]).sum((2, 3))


def likeliest_of(chances: Tensor) -> Likeliest:
    """What is kept of the chances (k, C, L) of some places of one picture."""
    L = chances.shape[-1]
    if kept_of(L) == L:
        return Likeliest(chances, None)
    return Likeliest(*chances.topk(LIKELIEST, dim=-1))


def kept_of(values: int) -> int:
    """The chances of how many values are kept, of so many."""
    return values if values <= ALL_KEPT else LIKELIEST
