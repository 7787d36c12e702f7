"""Small token transformers with random weights, alone and as cascades, and drawings with them, for tests."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from places import place
from small_codecs import TileCodec, kept
from small_data import noise

from scalefree_studio.controls import values_of
from scalefree_studio.jobs.cascades.cascade import assemble, cascade_sampler, tokens_sampler
from scalefree_studio.jobs.cascades.controls import TokensControls
from scalefree_studio.jobs.cascades.lesson import EXAMPLES, TokensLesson
from scalefree_studio.jobs.cascades.sampler import CascadeSampler, StageSettings
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import GoTo, SetPrompt, SetValue, SetWay, Watch
from scalefree_studio.jobs.instruments import packed
from scalefree_studio.jobs.job import Job, Limit, SetControls
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.cascades.shape import TokenGrid, named
from scalefree_studio.snapshot import Array, Checkpoint

SMALL: dict[str, Any] = {"layers": 2, "encoder_layers": 1, "width": 12, "heads": 2}
STARTS, SIZES, LEVELS = (0, 1, 5, 21), ((1, 1), (2, 2), (4, 4)), (3, 4, 5)
PLACES = STARTS[-1]


def checkpoint(stage: int = 0, codec: TileCodec | None = None, seed: int = 1, **controls: Any) -> Checkpoint:
    """A network of one stage, as training leaves it: no choice of it is sure, and none depends on nothing."""
    codec = codec or TileCodec()
    grids = codec.grids()[: stage + 1]
    known = named(tuple(TokenGrid(grid.rows, grid.columns, grid.codes) for grid in grids))
    asked = {"grids": known, "classes": 3, "stage_number": stage + 1, **SMALL, **controls}
    made = TokensControls(**asked)
    network = TokensLesson.network(made)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.4, generator=generator)
    about, arrays = packed(codec)
    about |= {
        "controls": values_of(made),
        "dataset": {"name": "noise", "spec": "noise", "shape": [*codec.size, codec.channels]},
        "classes": [f"class {n}" for n in range(3)],
        "pictures": list(codec.size),
    }
    if stage:
        arrays |= examples(codec, stage)
    weights: dict[str, Array] = {name: array.numpy() for name, array in network.state_dict().items()}
    return Checkpoint("tokens", 7, about, weights | arrays)


def examples(codec: TileCodec, stage: int) -> dict[str, Array]:
    pictures = np.random.default_rng(2).integers(256, size=(6, *codec.size, codec.channels), dtype=np.uint8)
    tokens = codec.encode(pictures)[:stage]
    arrays: dict[str, Array] = {f"{EXAMPLES}{n}": found for n, found in enumerate(tokens)}
    return arrays | {f"{EXAMPLES}labels": np.arange(6) % 3}


def cascade(
    settings: tuple[StageSettings, ...] = (), codec: TileCodec | None = None, **controls: Any
) -> Checkpoint:
    """Of three stages: 1, 4 and 16 tokens."""
    codec = codec or TileCodec()
    stages = [checkpoint(stage, codec, seed=stage, **controls) for stage in range(len(codec.levels))]
    return assemble(stages, settings)


def sampler(settings: tuple[StageSettings, ...] = (), **controls: Any) -> CascadeSampler:
    return cascade_sampler(cascade(settings, **controls))


def one_stage(stage: int = 0, **controls: Any) -> CascadeSampler:
    return tokens_sampler(checkpoint(stage, **controls))


def drawing(made: CascadeSampler | None = None, **controls: Any) -> DrawPictures:
    return DrawPictures(
        made or sampler(), DrawControls(**{"count": 3, "seed": 5, "speed": 240.0, **controls})
    )


# Each a case of tests/small_jobs.py: the fields of a Case.


@functools.cache
@functools.cache
def codec_file() -> str:
    """A model file of a codec with two stages, of 1 and 4 tokens."""
    return kept(TileCodec((3, 4)), place())


def lesson(stage: int, **controls: Any) -> dict[str, Any]:
    """Learning a stage of such a codec, from pictures of 8 × 8."""
    asked = {
        "codes": codec_file(), "stage_number": stage + 1, "layers": 1, "encoder_layers": 1, "width": 8, "heads": 2,
        "batch_size": 6, "warm_up": 2, "learning_rate": 0.02, "wall_every": 2, **controls,
    }  # fmt: skip
    dataset = noise(8)

    def make(seed: int = 4) -> Job:
        return Train(TokensLesson(dataset), TokensControls(**{**asked, "seed": seed}), Limit(steps=40))

    def poison(job: Any) -> None:
        with torch.no_grad():
            next(job.trainer.network.parameters()).fill_(math.nan)

    return {
        "make": make,
        "resume": lambda checkpoint: Train.from_checkpoint(checkpoint, TokensLesson(dataset)),
        "frame": {"wall": (64, 8, 8, 1), "fresh": (), "surprise": (8, 8, 8)},
        "still": {"held": (8, 8, 8, 1), "most_bits": ()},
        "live": SetControls({"learning_rate": 0.005}),
        "rebuild": SetControls({"width": 12}),
        "refused": (SetControls({"precision": "float16"}), SetControls({"stage_number": 3}), GoTo(3)),
        "foreign": lambda good: [good],  # nothing in it to learn on from
        "poison": poison,
        "redrawn": frozenset(("wall", "fresh", "surprise", "samples")),
    }


def drawing_case(kind: str, ways: bool = False, **controls: Any) -> dict[str, Any]:
    """Drawing with all stages, or with the last one and examples of the others."""
    settings = (StageSettings(), StageSettings(temperature=0.5, top_k=3), StageSettings(top_p=0.9))

    def begin(seed: int = 4) -> DrawPictures:
        made = sampler(settings) if kind == "cascade" else one_stage(2)
        return drawing(made, **{"seed": seed, "speed": 120.0, **controls})

    def make(seed: int = 4) -> Job:
        job = begin(seed)
        if ways:
            job.apply(SetWay((1,), {"temperature": 0.5, "top_k": 2}))
            job.apply(SetWay((2,), {"top_p": 0.7, "label": 1}))
        return job

    def poison(job: Any) -> None:
        for drawer in job.sampler.drawers:
            for parameter in drawer.network.parameters() if drawer.learns else ():
                with torch.no_grad():
                    parameter.fill_(math.nan)
        job.renew()

    def foreign(good: Mapping[str, Array]) -> list[Mapping[str, Array]]:
        known = {name: good[name] for name in ("values", "position", "given", "entropy")}
        wrong = {
            "values": good["values"] + 5,
            "position": good["position"] - 99,
            "given": good["given"][..., :1],
        }
        missing = [{n: a for n, a in known.items() if n != name} for name in known]
        return [*missing, *({**good, name: array} for name, array in wrong.items())]

    each = (3, PLACES)
    frame = {"values": (*each, 1), "position": (3,), "given": each, "entropy": each, "surprise": each}
    pictures = dict.fromkeys(("pictures", "pictures.0", "pictures.1"), (3, 8, 8, 3))  # of all that is begun
    still: dict[str, tuple[int, ...]] = {"order": (PLACES,), "labels": (3,), "stages": (3, 2)}
    for stage, levels in enumerate(LEVELS):
        still |= {f"tiles.{stage}": (levels, 2, 2, 3), f"reach.{stage}": (2,)}
    return {
        "make": make,
        "resume": DrawPictures.from_checkpoint,
        "frame": frame | {"watched": (), "chances": (PLACES, 1, 5)} | pictures,
        "still": still,
        "live": SetControls({"temperature": 3.0}),
        "rebuild": SetControls({"count": 5}),
        "refused": (
            SetControls({"label": 3}), Watch(3), GoTo(-1), GoTo(PLACES + 1), SetValue(0, 2, 0, (0,), stage=1),
            SetValue(0, 0, 0, (3,), stage=0), SetPrompt(pixels=np.zeros((2, 2), np.uint8)),
            SetPrompt(np.full((2, 2, 1), 4), stage=1), SetPrompt(np.zeros((4, 4, 1), int), stage=1),
            SetWay((0, 3), {"top_k": 2}), SetWay((0,), {"temperature": -1.0}), SetWay((0,), {"label": 3}),
        ),
        "foreign": foreign,
        "poison": poison,
        "recovers": False,
        "over": begin if ways else None,
        "sampler": kind,
    }  # fmt: skip
