"""Drawing a picture as tokens, stage after stage, and turning those into a picture: the sampler of cascades.

B pictures of N tokens of all stages, one stage after the other, each row by row; H × W of a stage, K codes.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...models.ordered.beams import Beams, Standing, given_before, search, searches_of
from ...models.ordered.looked import Looked
from ...models.ordered.request import Drawn, Request, chances_of
from ...snapshot import Array
from ..codec import Codec
from ..drawing.codec_sampler import CodecSampler
from ..drawing.layout import Layout
from ..drawing.sampler import Sampler, Way
from ..training.lesson import BESIDE
from .judge import Judge, Opinion
from .stages import StageDrawer


@dataclass(frozen=True)
class StageSettings:
    """How a stage is drawn, whatever a person asks for besides."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    beams: int = 0  # kept of a search; 0: it is drawn by chance
    width: int = 0  # codes that each beam tries; 0: all

    @property
    def search(self) -> Beams | None:
        return Beams(self.beams, self.width) if self.beams else None

    @property
    def way(self) -> Way:
        """A search goes by the chances as the network says them."""
        return Way() if self.beams else Way(self.temperature, self.top_k, self.top_p)


@dataclass(frozen=True, eq=False)
class Network:
    """What a cascade draws with, and its checkpoint's (about, model)."""

    kind: str
    drawers: Sequence[StageDrawer]  # one a stage, the coarsest first
    settings: Sequence[StageSettings]  # likewise
    codec: Codec
    size: tuple[int, int]  # of pictures
    classes: Sequence[str]
    about: Mapping[str, Any]
    model: Mapping[str, Array]


SETTINGS, JUDGE = "settings", "judge"  # in a checkpoint: its stages' ways, and who judges a search
JUDGE_ARRAYS = f"{BESIDE}{JUDGE}."  # before the names of that network's arrays


class CascadeSampler(CodecSampler):
    def __init__(self, network: Network, judge: Sampler | None = None):
        self.drawers = list(network.drawers)
        super().__init__(network.codec, network.size, stages=len(self.drawers))
        self.network, self._judge = network, judge
        self.opinion: Opinion | None = None if judge is None else Judge(judge, network.codec, network.classes)
        self.kind, self.classes = network.kind, network.classes
        self._stages = [
            replace(stage, way=settings.way)
            for stage, settings in zip(self._stages, network.settings, strict=True)
        ]
        self.layout = Layout(self._stages)
        self.heads = max(d.heads[0] for d in self.drawers), max(d.heads[1] for d in self.drawers)
        self.beams = max(settings.beams for settings in network.settings)
        self._looks: dict[int, Mapping[str, Array]] = {}

    def with_beams(self, count: int, width: int = 0, judge: Sampler | None = None) -> CascadeSampler:
        """In every stage that a network draws."""
        settings = [
            replace(own, beams=count, width=width) if drawer.learns else own
            for drawer, own in zip(self.drawers, self.network.settings, strict=True)
        ]
        return CascadeSampler(replace(self.network, settings=settings), judge)

    # Drawing.

    def draw(self, request: Request) -> Iterator[Drawn]:
        request = request.to(self.device)
        B, N, _ = request.uniforms.shape
        lines = torch.zeros(B, 0, dtype=torch.long, device=self.device)  # all that is drawn so far
        score = torch.zeros(B, device=self.device)
        for number, (start, stop) in enumerate(itertools.pairwise(self.layout.starts.tolist())):
            part = _part(request, start, stop)
            coarser = self._grids(lines)
            standing = self._standing(number, part, lines, coarser, score)
            for drawn in self._draw_stage(number, part, coarser, standing):
                if drawn.parents is not None:
                    lines = lines[drawn.parents]
                lines = torch.cat([lines, drawn.values[..., 0]], dim=1)
                last = standing is not None and start + drawn.stop == N
                yield replace(
                    drawn, start=start + drawn.start, stop=start + drawn.stop,
                    alive=standing.first.clone() if standing is not None and last else None,
                )  # fmt: skip
            if standing is not None:
                score = standing.score

    def _draw_stage(
        self, number: int, part: Request, coarser: list[Tensor], standing: Standing | None
    ) -> Iterator[Drawn]:
        drawer, beams = self.drawers[number], self.network.settings[number].search
        N = part.uniforms.shape[1]
        if given_before(part) == N and part.given is not None:
            if standing is not None and self.opinion is not None:
                tokens = [*coarser, self._grid(number, part.given[..., 0])]
                standing.score = self.opinion(tokens, part.labels, standing.score)
            yield Drawn(0, N, part.given.clone())
        elif standing is None or beams is None:
            yield from drawer.draw(part, coarser)
        else:
            judge = None

            def judged(values: Tensor, parents: Tensor, score: Tensor) -> Tensor:
                assert self.opinion is not None
                before = [tokens[parents] for tokens in coarser]
                return self.opinion([*before, self._grid(number, values)], part.labels, score)

            if self.opinion is not None:
                judge = judged
            predictor = drawer.predictor(part, coarser)
            yield from search(predictor, part, drawer.grid.columns, beams, standing, judge)

    @torch.inference_mode()
    def _standing(
        self, number: int, part: Request, lines: Tensor, coarser: list[Tensor], score: Tensor
    ) -> Standing | None:
        """How a search stands as a stage begins, of which the first places may be given; None: there is no search."""
        if self.network.settings[number].search is None:
            return None
        known = given_before(part)
        if known and part.given is not None:
            values = part.given[..., 0]  # (B, N)
            log = torch.log_softmax(self.drawers[number].logits(values, part.labels, coarser).float(), -1)
            score = score + log.gather(2, values[..., None])[:, :known, 0].sum(1)
            lines = torch.cat([lines, values[:, :known]], dim=1)
        standing = Standing.of(lines, searches_of(part))
        standing.score = score
        return standing

    def _grid(self, number: int, values: Tensor) -> Tensor:
        """The tokens (B, N) of a stage as (B, H, W)."""
        grid: Tensor = values.unflatten(1, self._stages[number].size)
        return grid

    def _grids(self, lines: Tensor) -> list[Tensor]:
        """Tokens (B, n) of the first stages as (B, H, W) each."""
        known = [stop for stop in self.layout.starts.tolist()[1:] if stop <= lines.shape[1]]
        return [self._grid(n, lines[:, a:b]) for n, (a, b) in enumerate(itertools.pairwise([0, *known]))]

    @torch.inference_mode()
    def chances(self, request: Request, values: Tensor) -> Tensor:
        request = request.to(self.device)
        B, N, _ = values.shape
        found = torch.zeros(B, N, 1, self.levels, device=self.device)
        tokens = self._grids(values[..., 0].to(self.device))
        for number, (start, stop) in enumerate(itertools.pairwise(self.layout.starts.tolist())):
            drawer = self.drawers[number]
            logits = drawer.logits(tokens[number].flatten(1), request.labels, tokens[:number])
            way = request.temperature, request.top_k, request.top_p
            if self.network.settings[number].search is not None:
                way = Way()
            found[:, start:stop, 0, : drawer.grid.codes] = chances_of(logits, *way)
        return found

    # Where it looked.

    def looked(self, request: Request, values: Tensor) -> Looked:
        return LookedAcross(self, request.labels, self._grids(values[..., 0]))

    def without_heads(self, off: npt.NDArray[np.bool_]) -> CascadeSampler:
        other = copy.copy(self)
        other.drawers = [
            drawer.without_heads(torch.from_numpy(off[: drawer.heads[0], : drawer.heads[1]].copy()).to(self.device))
            if drawer.heads[0] else drawer
            for drawer in self.drawers
        ]  # fmt: skip
        other.decode_alone()
        return other

    # What it looks like.

    def looks(self, stage: int = 0) -> Mapping[str, Array]:
        if stage not in self._looks:
            drawer = self.drawers[stage]
            shown: dict[str, Array] = {"reach": np.array(drawer.reach)}
            if self.codec.adds:
                shown["levels"] = np.array(drawer.grid.codes)
            else:
                shown["tiles"] = self.codec.tiles(stage)
            self._looks[stage] = shown
        return self._looks[stage]

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        about = {**self.network.about, SETTINGS: [asdict(own) for own in self.network.settings]}
        if self._judge is None:
            return about, self.network.model
        said, arrays = self._judge.saved()
        about[JUDGE] = {"kind": self._judge.kind, "about": dict(said)}
        return about, {**self.network.model, **{JUDGE_ARRAYS + name: a for name, a in arrays.items()}}


class LookedAcross:
    """Of a cascade: the heads of the stage that a place belongs to, and how much they took from each place of it and of
    coarser stages."""

    def __init__(self, sampler: CascadeSampler, labels: Tensor | None, tokens: list[Tensor]):
        self._sampler, self._labels, self._tokens = sampler, labels, tokens
        self._known: dict[int, Looked] = {}  # by the number of the stage

    def at(self, position: int) -> Tensor:
        sampler, layout = self._sampler, self._sampler.layout
        stage = int(np.searchsorted(layout.starts, position, side="right")) - 1
        found = torch.zeros(*sampler.heads, layout.count, device=sampler.device)
        drawer = sampler.drawers[stage]
        if drawer.heads[0]:
            if stage not in self._known:
                own, coarser = self._tokens[stage].flatten(1), self._tokens[:stage]
                self._known[stage] = drawer.looked(own, self._labels, coarser)
            # (layers, heads, places of this stage and those before it)
            shares = self._known[stage].at(position)
            found[: shares.shape[0], : shares.shape[1], : shares.shape[2]] = shares
        return found

    def buckets(self) -> Tensor | None:
        return None


def _part(request: Request, start: int, stop: int) -> Request:
    """What is asked of one stage."""
    return replace(
        request,
        uniforms=request.uniforms[:, start:stop],
        given=None if request.given is None else request.given[:, start:stop],
        keep=None if request.keep is None else request.keep[:, start:stop],
    )
