"""Beam search: of all that pictures could go on as, the likeliest are kept, place after place.

A search has some pictures of a request, its beams. Each of them tries its likeliest values; of all that they try, the
best take the places of the beams, whoever they come from. A beam that repeats another one (all do, before the first
place) tries nothing, and is filled again as soon as there is something to fill it with.

Scores are log-probabilities of the network itself: there is no chance in a search, and no temperature. At the end of a
stage a judge may change them.

B pictures of N places in rows of W, one channel, L values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from .request import Drawn, Request, likeliest_of, measure
from .rows import Predictor

# At the end of a stage, (its values (B, N), the pictures that they continue (B,), scores (B,)) → other scores (B,).
Judge: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Beams:
    """How a stage is searched."""

    count: int = 0  # beams kept of a search; 0: as many as it has pictures
    width: int = 0  # values that each beam tries; 0: all


class SearchPredictor(Predictor, Protocol):
    """A predictor whose pictures may take each other's places."""

    def reorder(self, parents: Tensor) -> None:
        """Picture b goes on as picture parents[b] (B,), with all that was taken so far."""


@dataclass
class Standing:
    """How a search stands; it goes from one stage to the next."""

    score: Tensor  # (B,): log-probability so far, nats
    first: Tensor  # (B,) bool: the picture repeats none before it in its search
    parents: Tensor  # (B,): which picture each one has continued since the stage began

    @classmethod
    def of(cls, lines: Tensor, searches: Tensor) -> Standing:
        """Of pictures with the values (B, n) so far, each part of a search (B,): not yet scored."""
        score = torch.zeros(len(lines), device=lines.device)
        return cls(score, _first_of_equals(lines, searches), torch.arange(len(lines), device=lines.device))


def searches_of(request: Request) -> Tensor:
    """The search that each picture is part of, (B,): all are one, where the request does not say."""
    B, like = len(request.uniforms), request.uniforms
    if request.searches is None:
        return torch.zeros(B, dtype=torch.long, device=like.device)
    return request.searches.to(like.device)


def given_before(request: Request) -> int:
    """How many of the first places are given in all pictures."""
    if request.keep is None:
        return 0
    kept = request.keep.all(0)  # (N,)
    return len(kept) if bool(kept.all()) else int(kept.int().argmin())


def search(
    predictor: SearchPredictor,
    request: Request,
    width: int,
    beams: Beams,
    standing: Standing,
    judge: Judge | None = None,
) -> Iterator[Drawn]:
    """Draw pictures so wide, as `draw_rows` does, by search. `standing` already has the scores of the first places that
    are given in all pictures, which pass in one step."""
    with torch.inference_mode():
        stage = _Stage(predictor, request, width, beams, standing, judge)
    if stage.given:
        yield Drawn(0, stage.given, stage.values[:, : stage.given, None].clone())
    N = stage.values.shape[1]
    start = stage.given
    while start < N:
        stop = min(start + request.every, (start // width + 1) * width, N)
        with torch.inference_mode():
            drawn = stage.draw(start, stop)
        yield drawn
        start = stop


class _Stage:
    """The search through one stage."""

    def __init__(
        self, predictor: SearchPredictor, request: Request, width: int, beams: Beams, standing: Standing,
        judge: Judge | None,
    ):  # fmt: skip
        self._predictor, self._request, self._width = predictor, request, width
        self._beams, self._standing, self._judge = beams, standing, judge
        B, N, _ = request.uniforms.shape
        device = request.uniforms.device
        self.given = given_before(request)
        self.values = torch.zeros(B, N, dtype=torch.long, device=device)
        # The picture of the request whose prompt each one follows.
        self._prompt = torch.arange(B, device=device)
        self._searches = searches_of(request)
        self._groups = [torch.nonzero(self._searches == n)[:, 0] for n in self._searches.unique().tolist()]
        if request.given is not None:
            self.values[:, : self.given] = request.given[:, : self.given, 0]
        for y in range(self.given // width):
            predictor.begin_row(self._row(y - 1), given=True)
        if self.given % width:  # a row of which a part is given
            self._begin_row(self.given // width)
            for x in range(self.given % width):
                predictor.predict(x, 0)
                predictor.take(x, 0, self.values[:, self.given - self.given % width + x, None])

    def _row(self, y: int) -> Tensor | None:
        """A row that is complete: (B, W, 1)."""
        return None if y < 0 else self.values[:, y * self._width : (y + 1) * self._width, None]

    def _begin_row(self, y: int) -> None:
        self._predictor.begin_row(self._row(y - 1), given=False)

    def draw(self, start: int, stop: int) -> Drawn:
        """Places start … stop - 1 of one row."""
        B = len(self.values)
        parents = torch.arange(B, device=self.values.device)  # since `start`
        thought: Tensor | None = None  # the chances that each picture's places had, (B, k, 1, L)
        for n in range(start, stop):
            if n % self._width == 0:
                self._begin_row(n // self._width)
            chances = torch.softmax(self._predictor.predict(n % self._width, 0).float(), dim=-1)  # (B, L)
            goes_on, values = self._best(chances, n)
            if n + 1 == self.values.shape[1] and self._judge is not None:
                goes_on, values = self._judged(goes_on, values, n)
            parents = parents[goes_on]
            now = (
                chances[:, None, None] if thought is None else torch.cat([thought, chances[:, None, None]], 1)
            )
            thought = now[goes_on]
            self._go_on(goes_on)
            self.values[:, n] = values
            self._predictor.take(n % self._width, 0, values[:, None])
        assert thought is not None
        drawn = self.values[:, start:stop, None].clone()
        score, watched = self._standing.score.clone(), self._request.watched
        if not self._request.measured:
            return Drawn(start, stop, drawn, parents=parents, score=score)
        likeliest = None if watched is None else likeliest_of(thought[watched])
        return Drawn(start, stop, drawn, *measure(thought, drawn), likeliest, parents, score)

    def _go_on(self, parents: Tensor) -> None:
        """Pictures become what others were, before the place that is drawn now."""
        standing = self._standing
        self.values, self._prompt = self.values[parents], self._prompt[parents]
        standing.parents = standing.parents[parents]
        if not torch.equal(parents, torch.arange(len(parents), device=parents.device)):
            self._predictor.reorder(parents)

    def _best(self, chances: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """(parents, values), (B,) each, of the best that can be had at place n; the scores become theirs."""
        standing = self._standing
        total = standing.score[:, None] + self._options(chances, n)  # (B, L)
        total[~standing.first] = -torch.inf
        parents, values = (torch.zeros_like(self._prompt) for _ in range(2))
        score, first = standing.score.clone(), standing.first.clone()
        L = total.shape[1]
        for group in self._groups:  # the pictures of a search
            best, at = total[group].flatten().sort(descending=True, stable=True)
            count = min(self._beams.count or len(group), len(group), int(best.isfinite().sum()))
            slots = torch.arange(len(group), device=at.device)
            chosen = at[torch.where(slots < count, slots, 0)]  # those that are too many repeat the best
            parents[group], values[group] = group[chosen // L], chosen % L
            score[group] = torch.where(slots < count, best[slots], best[0])
            first[group] = slots < count
        standing.score, standing.first = score, first
        return parents, values

    def _options(self, chances: Tensor, n: int) -> Tensor:
        """The log-probabilities of what each picture may go on with; -inf for all else: (B, L)."""
        log = chances.log()
        request, width = self._request, self._beams.width
        options = log
        if 0 < width < log.shape[1]:
            likeliest = log.argsort(dim=1, descending=True, stable=True)[:, :width]
            options = torch.full_like(log, -torch.inf).scatter_(1, likeliest, log.gather(1, likeliest))
        if request.keep is None or request.given is None:
            return options
        kept, value = request.keep[self._prompt, n, None], request.given[self._prompt, n]  # (B, 1) each
        tiny = torch.finfo(log.dtype).tiny
        only = torch.full_like(log, -torch.inf)
        # Whatever is given is possible.
        only.scatter_(1, value, chances.clamp(min=tiny).log().gather(1, value))
        return torch.where(kept, only, options)

    def _judged(self, parents: Tensor, values: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """The same in the order that the judge finds, the best of each search first."""
        standing = self._standing
        lines = self.values[parents].clone()
        lines[:, n] = values
        assert self._judge is not None
        score = self._judge(lines, standing.parents[parents], standing.score).to(standing.score)
        order = torch.arange(len(parents), device=parents.device)
        for group in self._groups:
            ranked = torch.where(standing.first[group], score[group], -torch.inf)
            order[group] = group[ranked.argsort(descending=True, stable=True)]
        standing.score, standing.first = score[order], standing.first[order]
        return parents[order], values[order]


def _first_of_equals(lines: Tensor, searches: Tensor) -> Tensor:
    """Which of the values (B, n) repeat none before them in their search: (B,) bool."""
    marked = torch.cat([searches[:, None], lines], dim=1)
    _, which = marked.unique(dim=0, return_inverse=True)  # (B,)
    B = len(lines)
    first = torch.full((B,), B, device=lines.device).scatter_reduce(
        0, which, torch.arange(B, device=lines.device), "amin"
    )
    return first[which] == torch.arange(B, device=lines.device)
