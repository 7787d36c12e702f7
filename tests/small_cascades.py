"""Small token transformers with random weights, alone and as cascades, and drawings with them, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from small_codecs import TileCodec

from scalefree_studio.controls import values_of
from scalefree_studio.jobs.cascades.cascade import assemble, cascade_sampler, tokens_sampler
from scalefree_studio.jobs.cascades.controls import TokensControls
from scalefree_studio.jobs.cascades.lesson import EXAMPLES, TokensLesson
from scalefree_studio.jobs.cascades.sampler import CascadeSampler, StageSettings
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.instruments import packed
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
    asked = {"grids": known, "classes": 3, "stage": stage, **SMALL, **controls}
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
