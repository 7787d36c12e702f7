"""Small next-scale networks and drawings with them, for tests; each a case of tests/small_jobs.py."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import small_cascades
import torch
from places import place
from small_codecs import TileCodec, kept
from small_data import noise

from scalefree_studio.controls import values_of
from scalefree_studio.jobs.cascades.next_scale_lesson import NextScaleControls, NextScaleLesson
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo, SetPrompt, SetValue, SetWay, Watch
from scalefree_studio.jobs.instruments import packed, sampler_of
from scalefree_studio.jobs.job import Job, Limit, SetControls
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Checkpoint

LEVELS, PLACES = 5, 21
SMALL: dict[str, Any] = {"layers": 2, "width": 12, "heads": 2}


def codec() -> TileCodec:
    """Scales of 1, 4 and 16 tokens, which share their codes."""
    return TileCodec((LEVELS,) * 3, adds=True)


@functools.cache
def codec_file() -> str:
    return kept(codec(), place())


def checkpoint(**controls: Any) -> Checkpoint:
    """A network as training leaves it: no choice of it is sure, and none depends on nothing."""
    grids = " ".join(f"{side}x{side}x{LEVELS}" for side in (1, 2, 4))
    made = NextScaleControls(**{"grids": grids, "vector": 1, "classes": 3, **SMALL, **controls})
    network, generator = NextScaleLesson.network(made), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.4, generator=generator)
    network.know(torch.from_numpy(codec().vectors()))
    about, arrays = packed(codec())
    about |= {
        "controls": values_of(made),
        "dataset": {"name": "noise", "spec": "noise", "shape": [8, 8, 1]},
        "classes": [f"class {n}" for n in range(made.classes)],
        "pictures": [8, 8],
    }
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
    return Checkpoint("next-scale", 7, about, weights | arrays)


def lesson(**controls: Any) -> dict[str, Any]:
    """Learning such tokens of pictures of 8 × 8."""
    asked = {
        "codes": codec_file(), "layers": 1, "width": 8, "heads": 2, "batch_size": 6, "warm_up": 2,
        "learning_rate": 0.02, "wall_every": 2, **controls,
    }  # fmt: skip
    dataset = noise(8)

    def make(seed: int = 4) -> Job:
        return Train(NextScaleLesson(dataset), NextScaleControls(**{**asked, "seed": seed}), Limit(steps=40))

    return {
        **small_cascades.lesson(0),
        "make": make,
        "resume": lambda checkpoint: Train.from_checkpoint(checkpoint, NextScaleLesson(dataset)),
        "refused": (SetControls({"precision": "float16"}), SetControls({"codes": "nowhere"}), GoTo(3)),
    }


def drawing_case(**controls: Any) -> dict[str, Any]:
    sampler = sampler_of(checkpoint())

    def make(seed: int = 4) -> Job:
        return DrawPictures(
            sampler_of(checkpoint()), DrawControls(**{"count": 3, "seed": seed, "speed": 120.0, **controls})
        )

    def poison(job: Any) -> None:
        with torch.no_grad():
            for parameter in job.sampler.network.parameters():
                parameter.fill_(math.nan)
        job.renew()

    still: dict[str, tuple[int, ...]] = {"order": (PLACES,), "labels": (3,), "stages": (3, 2)}
    for stage in range(len(sampler.stages)):
        still |= {f"tiles.{stage}": (LEVELS, 2, 2, 3), f"reach.{stage}": (2,)}
    return {
        **small_cascades.drawing_case("tokens"),
        "make": make,
        "still": still,
        "refused": (
            SetControls({"label": 3}), Watch(3), GoTo(-1), GoTo(PLACES + 1), SetValue(0, 2, 0, (0,), stage=1),
            SetValue(0, 0, 0, (LEVELS,), stage=0), SetPrompt(pixels=np.zeros((2, 2), np.uint8)),
            SetPrompt(np.full((2, 2, 1), LEVELS), stage=1), SetPrompt(np.zeros((4, 4, 1), int), stage=1),
            SetWay((0, 3), {"top_k": 2}), SetWay((0,), {"temperature": -1.0}), SetWay((0,), {"label": 3}),
        ),
        "poison": poison,
        "sampler": "next-scale",
    }  # fmt: skip
