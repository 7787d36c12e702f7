"""Samplers without a network, for any order, any alphabet, any stages; and what they draw, found the slow way.

What is likely at a number depends on all numbers before it, by way of one whole: the sum of each value + 1 times its
number's turn, and of the label. So it can be followed in a few lines, and nothing that is forgotten goes unnoticed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.layout import Layout
from scalefree_studio.jobs.drawing.sampler import Sampler, Stage
from scalefree_studio.models.ordered.request import (
    Drawn,
    Request,
    chances_of,
    likeliest_of,
    measure,
    uniforms,
    value_at,
)

WHOLES = 97  # different sums that are told apart


class FakeSampler(Sampler):
    kind = "fake"

    def __init__(self, stages: list[Stage], channels: int = 1, classes: int = 0):
        self._stages, self.channels = stages, channels
        self.size, self.levels = stages[-1].size, max(stage.levels for stage in stages)
        self.classes = [f"class {n}" for n in range(classes)]
        generator = torch.Generator().manual_seed(5)
        self.table = 2 * torch.randn(WHOLES, self.levels, generator=generator)  # logits by wholes
        self.layout = Layout(stages)
        self.asked: list[Request] = []

    @property
    def stages(self) -> list[Stage]:
        return self._stages

    def whole(self, values: Tensor, label: Tensor | int) -> Tensor:
        """Of values (…, D) so far, D of them in order."""
        turns = torch.arange(1, values.shape[-1] + 1)
        return (((values + 1) * turns).sum(-1) + 31 * label) % WHOLES

    def draw(self, request: Request) -> Iterator[Drawn]:
        self.asked.append(request)
        (B, N, C), n = request.uniforms.shape, 0
        values = torch.zeros(B, N, C, dtype=torch.long)
        labels = torch.zeros(B, dtype=torch.long) if request.labels is None else request.labels
        while n < N:
            end = self.layout.row_at(n)[1]
            stop, levels = min(n + request.every, end), int(self.layout.levels[n])
            chances = torch.zeros(B, stop - n, C, levels)
            for m in range(n, stop):
                for c in range(C):
                    whole = self.whole(values.view(B, -1)[:, : m * C + c], labels)
                    logits = self.table[whole][:, :levels]
                    chances[:, m - n, c] = chances_of(
                        logits, request.temperature, request.top_k, request.top_p
                    )
                    found = value_at(chances[:, m - n, c], request.uniforms[:, m, c, None])[:, 0]
                    if request.keep is not None and request.given is not None:
                        found = torch.where(request.keep[:, m], request.given[:, m, c], found)
                    values[:, m, c] = found
            entropy, surprise = measure(chances, values[:, n:stop])
            likeliest = None if request.watched is None else likeliest_of(chances[request.watched])
            yield Drawn(n, stop, values[:, n:stop].clone(), entropy, surprise, likeliest)
            n = stop

    def chances(self, request: Request, values: Tensor) -> Tensor:
        B, N, C = values.shape
        labels = torch.zeros(B, dtype=torch.long) if request.labels is None else request.labels
        wholes = [self.whole(values.reshape(B, -1)[:, :d], labels) for d in range(N * C)]
        logits = self.table[torch.stack(wholes, 1)].view(B, N, C, -1)
        found = torch.zeros_like(logits)
        for levels in np.unique(self.layout.levels).tolist():
            here = torch.from_numpy(np.flatnonzero(self.layout.levels == levels))
            way = request.temperature, request.top_k, request.top_p
            found[:, here, :, :levels] = chances_of(logits[:, here, :, :levels], *way)
        return found

    def looks(self, stage: int = 0) -> dict[str, Any]:
        levels, reach = self._stages[stage].levels, {"reach": np.array([-1, -1])}
        if self.channels == 1:
            grey = np.linspace(0, 255, levels).astype(np.uint8)
            return {"tiles": np.broadcast_to(grey[:, None, None, None], (levels, 2, 3, 3)), **reach}
        return {"ramp": np.linspace(0, 255, levels).astype(np.uint8), **reach}

    def values_of(self, pixels: Any, stage: int = 0) -> Any:
        """Of a picture of the very size."""
        return pixels[..., : self.channels].astype(np.int64) * self._stages[stage].levels >> 8

    def saved(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {}, {"table": self.table.numpy()}


def job_of(sampler: Sampler, count: int = 4, **controls: Any) -> DrawPictures:
    return DrawPictures(sampler, DrawControls(count=count, **controls))


def drawing_of(job: DrawPictures) -> Drawing:
    return Drawing(job.snapshot().frame, job.still())


def slowly(
    job: DrawPictures, keep: Any = None, given: Any = None, ways: Any = None, labels: Any = None
) -> tuple[Any, Any]:
    """What a job with a fake sampler must come to, number by number, in plain Python: values (B, N, C) by position, and
    the chances (B, N, C, L) they had. `ways`: temperature, top k and top p of each picture."""
    c, sampler, N, C = job.controls, job.sampler, job.layout.count, job.sampler.channels
    assert isinstance(sampler, FakeSampler)
    numbers, table = uniforms(c.count, N, C, c.seed).numpy(), sampler.table.double().numpy()
    values = np.zeros((c.count, N, C), np.int64)
    chances = np.zeros((c.count, N, C, sampler.levels))
    for b in range(c.count):
        temperature, top_k, top_p = ways[b] if ways else (c.temperature, c.top_k, c.top_p)
        whole = 31 * int(labels[b]) if labels is not None else 0
        for n in range(N):
            levels = int(job.layout.levels[n])
            for ch in range(C):
                said = [float(x) / temperature for x in table[whole % WHOLES][:levels]]
                weights = [math.exp(x - max(said)) for x in said]
                share = [w / sum(weights) for w in weights]
                best = sorted(range(levels), key=lambda v: -share[v])  # stable
                allowed = best[: top_k or levels]
                if top_p < 1:
                    held = [sum(share[v] for v in best[:i]) for i in range(levels)]
                    allowed = [v for v in allowed if held[best.index(v)] < top_p]
                total = sum(share[v] for v in allowed)
                share = [share[v] / total if v in allowed else 0.0 for v in range(levels)]
                chances[b, n, ch, :levels] = share
                at, below = float(numbers[b, n, ch]), 0.0
                for value in range(levels):
                    below += share[value]
                    if at < below:
                        break
                if keep is not None and keep[b, n]:
                    value = int(given[b, n, ch])
                values[b, n, ch] = value
                whole += (value + 1) * (n * C + ch + 1)
    return values, chances


# Orders.


def spiral(height: int, width: int) -> npt.NDArray[np.int64]:
    """From the top left corner inwards."""
    places = np.arange(height * width).reshape(height, width)
    order: list[int] = []
    while places.size:
        order += places[0].tolist()
        places = np.rot90(places[1:])
    return np.array(order)


def order_of(name: str, height: int, width: int) -> npt.NDArray[np.int64]:
    places = np.arange(height * width)
    return {
        "rows": places,
        "columns": places.reshape(height, width).T.reshape(-1),
        "spiral": spiral(height, width),
        "random": np.random.default_rng(3).permutation(places),
    }[name]


def one_stage(
    order: str = "rows", size: tuple[int, int] = (3, 4), levels: int = 5, **more: Any
) -> FakeSampler:
    return FakeSampler([Stage(size, order_of(order, *size), levels)], **more)


# Stages, beams, decoders.


def three_stages(**more: Any) -> FakeSampler:
    """A single place, then 2 × 3, then 4 × 4 places, each in another order and alphabet."""
    return FakeSampler(
        [
            Stage((1, 1), order_of("rows", 1, 1), 4),
            Stage((2, 3), order_of("columns", 2, 3), 9),
            Stage((4, 4), order_of("random", 4, 4), 6),
        ],
        **more,
    )


class DecodedSampler(FakeSampler):
    """Its values look like nothing: a picture is the mean of each value and its left neighbour, 2 × 3 pixels each."""

    def looks(self, stage: int = 0) -> dict[str, Any]:
        return {"levels": np.array(self._stages[stage].levels), "reach": np.array([-1, -1])}

    def decode(self, values: Any, drawn: Any) -> Any:
        last = slice(-self.size[0] * self.size[1], None)  # of several stages
        B, H, W = len(values), *self.size
        shown = values.reshape(B, -1)[:, last] * drawn.reshape(B, -1)[:, last]
        shown = 10 * shown.reshape(B, H, W)
        mean = (shown + np.roll(shown, 1, axis=2)) // 2
        return mean.repeat(2, 1).repeat(3, 2)[..., None].repeat(3, 3).astype(np.uint8)


class BeamSampler(FakeSampler):
    """Keeps the likeliest of all that go on by one value, and gives up what is `margin` nats behind the best."""

    beams, margin = True, 6.0

    def draw(self, request: Request) -> Iterator[Drawn]:
        B, N, _ = request.uniforms.shape
        lines = torch.zeros(B, N, dtype=torch.long)
        score, alive = torch.zeros(B), torch.ones(B, dtype=torch.bool)
        for n in range(N):
            levels, parents = int(self.layout.levels[n]), torch.arange(B)
            log = torch.log_softmax(self.table[self.whole(lines[:, :n], 0)][:, :levels], dim=1)  # (B, L)
            if request.keep is not None and request.given is not None and bool(request.keep[:, n].all()):
                values = request.given[:, n, 0]
                score = score + log[parents, values]
            else:
                alone = torch.tensor(
                    [alive[b] and not (lines[:b, :n] == lines[b, :n]).all(1).any() for b in range(B)]
                )
                total = torch.where(alone[:, None], score[:, None] + log, -torch.inf).flatten()
                score, best = total.sort(descending=True, stable=True)
                score, best = score[:B], best[:B]
                parents, values = best // levels, best % levels
                alive = alive & (score > score.max() - self.margin)
            lines, log = lines[parents], log[parents]
            lines[:, n] = values
            entropy, surprise = measure(log.exp()[:, None, None], values[:, None, None])
            likeliest = (
                None if request.watched is None else likeliest_of(log.exp()[request.watched][None, None])
            )
            yield Drawn(
                n,
                n + 1,
                values[:, None, None],
                entropy,
                surprise,
                likeliest,
                parents,
                score.clone(),
                alive.clone(),
            )
