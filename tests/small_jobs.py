"""Every job, tiny: how it is made, and what is to be seen of it.

A further job is a line in `JOBS`; test_every_job.py and test_every_job_faults.py hold it to what every job promises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import small_cascades
import small_codes
import small_drawings
import small_next_scale
import small_pixels
import torch
from job_cases import Case, without_one
from small_data import noise

from scalefree_studio.jobs.codebooks.lesson import AutoencoderLesson, VQVAELesson
from scalefree_studio.jobs.dividers.controls import FitControls, with_values
from scalefree_studio.jobs.dividers.edits import AddUnit, MoveUnit, RemoveUnit, SetMask
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import (
    GoTo,
    SetPrompt,
    SetValue,
    SetWay,
    Watch,
)
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.job import Job, Limit, SetControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Array

# ---- Fits ----


def fit(**controls: Any) -> Case:
    units = {} if "numbers" in controls else {"lines": 3, "circles": 2, "hidden": 5}
    asked = {**units, "batch_size": 64, "start": "random", **controls}

    def make(seed: int = 4) -> Job:
        y, x = np.mgrid[:12, :16]
        pixels = np.stack([x * 15, y * 20, (x > y) * 200], axis=-1).astype(np.uint8)
        return FitDividers(pixels, FitControls(**{**asked, "seed": seed}), Limit(steps=120))  # revives twice

    def poison(job: FitDividers) -> None:
        job.params["out_bias"][0] = math.nan

    def foreign(good: Mapping[str, Array]) -> list[Mapping[str, Array]]:
        ids = good["unit_ids"]
        wrong = [{"unit_ids": ids[1:]}, {"out_bias": good["out_bias"] * math.nan}]
        wrong += [{"unit_ids": ids * 0}] * (len(ids) > 1)  # two of one name
        return [*without_one(good), *({**good, **arrays} for arrays in wrong)]

    shape = with_values(FitControls(), asked)  # a budget of numbers chooses its own
    lines, circles, hidden, structure = shape.lines, shape.circles, shape.hidden, shape.structure
    frame: dict[str, tuple[int, ...]] = {
        "unit_ids": (shape.units,),
        "out_weight": (3, hidden or shape.units),
        "out_bias": (3,),
    }
    if hidden:
        frame |= {"colour_weight": (hidden, structure or shape.units), "colour_bias": (hidden,)}
    if shape.cells:
        cells = shape.cells
        frame |= {"cell_centre": (cells, 2), "cell_log_radius": (cells, 2), "cell_angle": (cells,)}
    if structure:
        frame |= {"structure_weight": (structure, shape.units), "structure_bias": (structure,)}
    if lines:
        frame["line_angle"] = (lines,)
        frame |= {"line_centre": (lines, 2)} if shape.line_form == "angle" else {"line_offset": (lines,)}
    if circles:
        frame |= {"circle_centre": (circles, 2), "circle_log_radius": (circles,)}
    for kind, count in (("relu", shape.relu), ("tanh", shape.tanh)):
        if count:
            frame |= {f"{kind}_weight": (count, 2), f"{kind}_bias": (count,)}
    nowhere = {"cell_centre": np.array([math.nan, 0])}
    return Case(
        make,
        FitDividers.from_checkpoint,
        frame,
        {"target": (12, 16, 3)},
        live=SetControls({"learning_rate": 0.05}),
        rebuild=SetControls({"hidden": 9}),
        refused=(
            MoveUnit(99, {"line_angle": 0.0}), MoveUnit(0, {"nonsense": 0.0}), RemoveUnit(-1),
            MoveUnit(0, {name: math.nan for name in ("line_angle", "circle_log_radius") if name in frame} or nowhere),
            AddUnit("square"), SetMask(np.ones((3, 3))), SetMask(np.zeros((12, 16))),
        ),
        foreign=foreign,
        poison=poison,
        exact=False,
    )  # fmt: skip


# ---- Lessons ----


TINY = {
    PixelCNNLesson: {
        "levels": 3, "hidden_maps": 4, "output_maps": 4, "hidden_layers": 1, "causal_kernel": 3, "hidden_kernel": 3,
    },
    PixelsLesson: {"tokens": "grey:2", "layers": 1, "width": 8, "heads": 2, "neighbours": 1},
}  # fmt: skip


def lesson(kind: type[Any] = PixelCNNLesson, channels: int = 1, shown: int = 0, **controls: Any) -> Case:
    """Of pictures with so many channels, which are `shown` with as many, unless it is said with how many."""
    asked = {**TINY[kind], "batch_size": 6, "warm_up": 2, "learning_rate": 0.02, "wall_every": 2, **controls}
    dataset = noise(3, channels)

    def make(seed: int = 4) -> Job:
        return Train(kind(dataset), kind.controls(**{**asked, "seed": seed}), Limit(steps=40))

    def poison(job: Any) -> None:
        with torch.no_grad():
            next(job.trainer.network.parameters()).fill_(math.nan)

    return Case(
        make,
        lambda checkpoint: Train.from_checkpoint(checkpoint, kind(dataset)),
        {"wall": (64, 3, 3, shown or channels), "fresh": (), "surprise": (8, 3, 3)},
        {"held": (8, 3, 3, shown or channels), "most_bits": ()},
        live=SetControls({"learning_rate": 0.005}),
        rebuild=SetControls({"hidden_maps": 6} if kind is PixelCNNLesson else {"width": 12}),
        refused=(SetControls({"precision": "float16"}), GoTo(3)),
        foreign=lambda good: [good],  # nothing in it to learn on from
        poison=poison,
        redrawn=frozenset(("wall", "fresh", "surprise", "samples")),
    )


# ---- Drawings ----


def drawing(
    channels: int = 1, prompt: bool = False, ways: bool = False, kind: str = "pixelcnn", **controls: Any
) -> Case:
    """With ways, each picture is drawn in one of its own."""

    def begin(seed: int = 4) -> DrawPictures:
        asked = {"seed": seed, "speed": 240.0, **controls}
        if kind == "pixelcnn":
            return small_drawings.make(3, channels, **asked)
        network = small_pixels.checkpoint(tokens="grey:2", colours=4)
        size = small_drawings.H, small_drawings.W
        return DrawPictures(sampler_of(network, size=size), DrawControls(count=3, **asked))

    def make(seed: int = 4) -> Job:
        job = begin(seed)
        if prompt:
            job.apply(SetPrompt(pixels=small_drawings.picture(job)[0], keep=small_drawings.mask("left")))
        if ways:
            job.apply(SetWay((1,), {"temperature": 0.5, "top_k": 2}))
            job.apply(SetWay((2,), {"top_p": 0.7, "label": 1}))
        return job

    def poison(job: DrawPictures) -> None:
        with torch.no_grad():
            for parameter in job.sampler.network.parameters():
                parameter.fill_(math.nan)
        job.renew()

    def foreign(good: Mapping[str, Array]) -> list[Mapping[str, Array]]:
        kept = {name: good[name] for name in ("values", "position", "given", "entropy")}
        wrong = {
            "values": good["values"] + 4,
            "position": good["position"] - 99,
            "given": good["given"][..., :1],
        }
        return [*without_one(kept), *({**good, name: array} for name, array in wrong.items())]

    size = small_drawings.H, small_drawings.W
    each = (3, *size)
    frame = {"values": (*each, channels), "position": (3,), "given": each, "entropy": each, "surprise": each}
    return Case(
        make,
        DrawPictures.from_checkpoint,
        frame | {"watched": (), "chances": (*size, channels, 4)},
        {"order": (small_drawings.N,), "labels": (3,), "reach": (2,)}
        | ({"tiles": (4, 1, 1, 3)} if channels == 1 else {"ramp": (4,)}),
        live=SetControls({"temperature": 3.0}),
        rebuild=SetControls({"count": 5}),
        refused=(
            SetControls({"label": 3}), Watch(3), GoTo(-1), GoTo(small_drawings.N + 1), SetValue(0, 9, 0, (0,)),
            SetValue(0, 0, 0, (9,) * channels), SetPrompt(pixels=np.zeros((2, 2), np.uint8)),
            SetPrompt(np.full((*size, channels), 4)), SetPrompt(np.zeros((*size, channels))), SetPrompt(stage=1,
            values=np.zeros((*size, channels), int)), SetWay((0, 3), {"top_k": 2}), SetWay((0,), {"speed": 9.0}),
            SetWay((0,), {"temperature": -1.0}), SetWay((0,), {"label": 3}),
        ),
        foreign=foreign,
        poison=poison,
        recovers=False,  # its network does not change any more
        over=begin if ways else None,
        sampler=kind,
    )  # fmt: skip


JOBS: dict[str, Case] = {
    "fit-lines": fit(circles=0),
    "fit-distances": fit(line_form="distance"),
    "fit-circles": fit(lines=0),
    "fit-smooth": fit(relu=2, tanh=2, structure=4, batch_size=0),
    "fit-numbers": fit(numbers=120),
    "fit-cells": fit(lines=2, circles=0, cells=60),
    "fit-edges": fit(lines=2, circles=0, start="edges", weigh_center=4.0),
    "pixelcnn": lesson(),
    "pixelcnn-unlabelled": lesson(labelled=False),
    "pixelcnn-colour": lesson(channels=3),
    "pixelcnn-mixture": lesson(output="mixture", mixtures=2),
    "pixelcnn-averaging": lesson(averaging=0.8),
    "pixelcnn-dropout": lesson(dropout=0.3),
    "pixels": lesson(PixelsLesson),
    "pixels-hsv-spiral": lesson(PixelsLesson, channels=3, tokens="hsv:2,1,2", order="spiral", dropout=0.3),
    "pixels-exact-local": lesson(PixelsLesson, channels=3, tokens="exact", attention="local", radius=1),
    "pixels-palette-lsh": lesson(
        PixelsLesson, shown=3, tokens="palette:5", attention="lsh", buckets=2, chunk=2, optimizer="adamw"
    ),
    "pixels-reversible": lesson(PixelsLesson, reversible=True, averaging=0.8, dropout=0.3),
    "autoencoder": small_codes.autoencoding(AutoencoderLesson),
    "vqvae": small_codes.autoencoding(VQVAELesson, channels=3, revive=0.5),
    "vqvae-rotation": small_codes.autoencoding(VQVAELesson, rotation=True, cosine=True, averaging=0.8),
    "vqvae-scales": small_codes.autoencoding(VQVAELesson, scales="1,2"),
    "vqvae-fsq": small_codes.autoencoding(VQVAELesson, quantiser="fsq", levels="5,3"),
    "vqvae-adversarial": small_codes.autoencoding(
        VQVAELesson, adversarial=0.5, adversarial_from=0.1, learning="gradient"
    ),
    "codebook": small_codes.codebook((4, 6), prune_below=3),
    "codebook-line-gradient": small_codes.codebook(
        (4, 6), channels=3, map="line", rule="gradient", averaging=0.8
    ),
    "drawing-grey": drawing(),
    "drawing-colour": drawing(channels=3, top_p=0.9),
    "drawing-prompt": drawing(prompt=True),
    "drawing-ways": drawing(ways=True, top_k=3),
    "drawing-pixels": drawing(kind="pixels", top_k=3),
    "drawing-codes": small_codes.painting(),
    "drawing-painted": small_codes.painting(prompt=True),
    "drawing-map": small_codes.painting(kind="codebook"),
    "tokens": Case(**small_cascades.lesson(0)),
    "tokens-finer": Case(**small_cascades.lesson(1, averaging=0.8, dropout=0.3)),
    "next-scale": Case(**small_next_scale.lesson()),
    "next-scale-averaging": Case(**small_next_scale.lesson(averaging=0.8, dropout=0.3, labelled=False)),
    "drawing-cascade": Case(**small_cascades.drawing_case("cascade")),
    "drawing-cascade-ways": Case(**small_cascades.drawing_case("cascade", ways=True)),
    "drawing-next-scale": Case(**small_next_scale.drawing_case(top_k=3)),
    "drawing-tokens": Case(**small_cascades.drawing_case("tokens", top_k=3)),
}


def every_job(test: Callable[..., None]) -> Any:
    """Run a test with the case of every job."""
    return pytest.mark.parametrize("case", JOBS.values(), ids=JOBS.keys())(test)
