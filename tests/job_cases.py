"""What the tests of every job share: what a case of one says of it, and how two jobs are compared."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.job import Edit, Job
from scalefree_studio.snapshot import Array, Checkpoint

STEPS = 7  # of a whole run, in which every job does all that it ever does
HALF = 4

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Case:
    """One kind of job: how a tiny one is made, and what is to be seen of it."""

    make: Callable[..., Job]  # takes seed=N
    resume: Callable[[Checkpoint], Job]
    frame: Shapes  # of a snapshot after STEPS steps
    still: Shapes
    live: Edit  # takes effect at the next step, and shows in the numbers
    rebuild: Edit  # starts the job over, larger
    refused: tuple[Edit, ...]  # besides those that every job must refuse
    foreign: Callable[
        [Mapping[str, Array]], list[Mapping[str, Array]]
    ]  # frames not to go on from, made of a good one
    poison: Callable[[Any], None]  # makes some numbers of the job's network not-a-number
    recovers: bool = True  # whether it can go on after that
    over: Callable[[], Job] | None = None  # what a start over leads to, where that is not what was made
    exact: bool = True  # whether a step that failed leaves no trace, not even in the random numbers
    redrawn: frozenset[str] = frozenset()  # what is only shown, and drawn afresh after a resume
    sampler: str = ""  # what it draws with


def without_one(arrays: Mapping[str, Array]) -> list[Mapping[str, Array]]:
    return [{n: a for n, a in arrays.items() if n != name} for name in arrays]


# ---- What is compared ----


def run(job: Job, steps: int) -> Any:
    for _ in range(steps):
        job.step()
    return job


@functools.cache
def plain(case: Case, steps: int) -> Any:
    """A job with which nothing was done but so many steps: to compare others with, not to be touched."""
    return run(case.make(), steps)


def equal(mine: Mapping[str, Array], theirs: Mapping[str, Array]) -> bool:
    """To the last bit, and of the same types."""

    def exact(array: Array) -> tuple[Any, ...]:
        return array.dtype, array.shape, array.tobytes()

    return mine.keys() == theirs.keys() and all(exact(mine[n]) == exact(theirs[n]) for n in mine)


def nearly_equal(mine: Mapping[str, Array], theirs: Mapping[str, Array]) -> bool:
    """All whole numbers to the last bit; what is measured, as near as float16 has it."""
    measured = {name for name, array in mine.items() if array.dtype.kind == "f"}
    exact = [{n: a for n, a in arrays.items() if n not in measured} for arrays in (mine, theirs)]
    near = (np.allclose(mine[n], theirs[n], rtol=2e-3, atol=1e-5, equal_nan=True) for n in measured)
    return equal(*exact) and mine.keys() == theirs.keys() and all(near)


def stated(about: Mapping[str, Any]) -> Any:
    """What a checkpoint says of itself, as JSON gives it back; without the time, which is never the same."""
    plain = {n: v for n, v in about.items() if n not in ("kind", "step", "format", "seconds")}
    return json.loads(json.dumps(plain, allow_nan=False))


def same(mine: Job, theirs: Job, but: Collection[str] = ()) -> None:
    """Whatever is seen and kept of two jobs is the same, but for what has these names."""

    def compared(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: array for name, array in arrays.items() if name not in but}

    a, b = mine.checkpoint(), theirs.checkpoint()
    pairs = [(a.model, b.model), (a.trainer, b.trainer), (mine.snapshot().frame, theirs.snapshot().frame)]
    assert (a.kind, a.step) == (b.kind, b.step)
    if isinstance(mine, DrawPictures) and mine.sampler.kind != "pixelcnn":
        # What passes through a transformer together adds up in another order than token after token.
        said = [stated(checkpoint.about) for checkpoint in (a, b)]
        assert said[0].pop("surprise") == pytest.approx(said[1].pop("surprise"), rel=1e-5)
        assert said[0] == said[1]
        assert all(nearly_equal(compared(x), compared(y)) for x, y in pairs)
    else:
        assert stated(a.about) == stated(b.about)
        assert all(equal(compared(x), compared(y)) for x, y in pairs)
    assert equal(mine.still(), theirs.still()) and mine.controls == theirs.controls


def finite(job: Job) -> None:
    shot = job.snapshot()
    assert all(isinstance(v, float) and math.isfinite(v) for v in shot.metrics.values()), dict(shot.metrics)
    kept = job.checkpoint()
    for arrays in (shot.frame, kept.model):
        assert all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f")


def one_sentence(error: Any) -> None:
    text = str(error)
    assert text.endswith(".") and "\n" not in text and len(text) < 200
