"""Every job, tiny: how it is made, what is to be seen of it, and how two of them are compared.

A further job is a line in `JOBS`; test_every_job.py and test_every_job_faults.py hold it to what every job promises.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import small_cascades
import small_drawings
import small_next_scale
import small_pixels
import torch
from places import place
from small_data import noise

from scalefree_studio.controls import values_of
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs.codebooks.controls import AutoencoderControls
from scalefree_studio.jobs.codebooks.lesson import AutoencoderLesson, VQVAELesson
from scalefree_studio.jobs.codebooks.map_controls import CodebookControls
from scalefree_studio.jobs.codebooks.map_lesson import CodebookLesson
from scalefree_studio.jobs.dividers.controls import FitControls, with_values
from scalefree_studio.jobs.dividers.edits import AddUnit, MoveUnit, RemoveUnit, SetMask
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import (
    EVERY,
    GoTo,
    SetPrompt,
    SetValue,
    SetValues,
    SetWay,
    Watch,
)
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.job import Edit, Job, Limit, SetControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.jobs.training.weights import arrays_of, weights_of
from scalefree_studio.snapshot import Array, Checkpoint
from scalefree_studio.storage.tensors import write_tensors

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


CODES = {
    "layers": 1, "least_channels": 4, "most_channels": 4, "latent": 3, "blocks": 1, "batch_size": 6, "warm_up": 2,
    "learning_rate": 0.02, "wall_every": 2,
}  # fmt: skip


def autoencoding(kind: type[Any], channels: int = 1, **controls: Any) -> Case:
    """With or without codes. Pictures of 4 × 4 become maps of 2 × 2."""
    asked = {**CODES, **controls} | ({"codes": 5} if kind is VQVAELesson else {})
    dataset = noise(4, channels)

    def make(seed: int = 4) -> Job:
        return Train(kind(dataset), kind.controls(**{**asked, "seed": seed}), Limit(steps=40))

    def poison(job: Any) -> None:
        with torch.no_grad():
            next(job.trainer.network.parameters()).fill_(math.nan)

    seen: dict[str, tuple[int, ...]] = {"wall": (8, 4, 4, channels), "fresh": ()}
    still: dict[str, tuple[int, ...]] = {"held": (8, 4, 4, channels)}
    sides = [int(side) for side in controls.get("scales", "2").split(",")] if kind is VQVAELesson else []
    codes = 15 if controls.get("quantiser") == "fsq" else 5
    for s, side in enumerate(sides):
        seen |= {f"tokens.{s}": (8, side, side), f"tiles.{s}": (codes, 4, 4, 3), f"usage.{s}": (codes,)}
        seen |= {f"near.{s}": (codes, min(8, codes - 1))}
        seen |= {f"revived.{s}": (codes,)} if codes == 5 else {}
        seen |= {f"stage.{s}": (8, 4, 4, channels)} if len(sides) > 1 else {}
        still |= {"stages": (len(sides), 2), f"arranged.{s}": (2,), f"map.{s}": ()}
    seen |= {"going.0": (codes, 3)} if sides else {}
    return Case(
        make,
        lambda checkpoint: Train.from_checkpoint(checkpoint, kind(dataset)),
        seen,
        still,
        live=SetControls({"learning_rate": 0.005}),
        rebuild=SetControls({"latent": 5}),
        refused=(SetControls({"precision": "float16"}), SetControls({"layers": 3}), GoTo(3)),
        foreign=lambda good: [good],  # nothing in it to learn on from
        poison=poison,
        redrawn=frozenset((*seen, *(f"shown.{name}" for name in seen))),
    )


@functools.cache
def small_autoencoder(channels: int = 1) -> str:
    """The file of one that has learnt nothing, for pictures of 4 × 4, of which it makes maps of 2 × 2."""
    controls = AutoencoderControls(channels=channels, layers=1, least_channels=4, most_channels=4, latent=3)
    torch.manual_seed(2)
    network = AutoencoderLesson.network(controls)
    about = {
        "controls": values_of(controls),
        "dataset": {"name": "noise", "spec": "noise", "shape": [4, 4, channels]},
    }
    path = place() / f"autoencoder-{channels}.safetensors"
    write_tensors(path, arrays_of(weights_of(network)), {"kind": "autoencoder", "step": 1, **about})
    return str(path)


def codebook(going: tuple[int, ...], channels: int = 1, **controls: Any) -> Case:
    """Maps of the latents of that autoencoder: of all of them, and of each place."""
    asked = {
        "autoencoder": small_autoencoder(channels), "units": "4,6", "batch_size": 6, "wall_every": 2, **controls
    }  # fmt: skip
    dataset = noise(4, channels)

    def make(seed: int = 4) -> Job:
        return Train(CodebookLesson(dataset), CodebookControls(**{**asked, "seed": seed}), Limit(steps=10))

    def poison(job: Any) -> None:
        with torch.no_grad():
            next(job.trainer.network.parameters()).fill_(math.nan)

    pictures = (8, 4, 4, channels)
    seen: dict[str, tuple[int, ...]] = {"wall": pictures, "fresh": ()}
    still: dict[str, tuple[int, ...]] = {"held": pictures, "stages": (2, 2)}
    for s, (side, units) in enumerate(((1, 4), (2, 6))):
        seen |= {f"tokens.{s}": (8, side, side), f"tiles.{s}": (units, 4 // side, 4 // side, 3)}
        seen |= {f"{name}.{s}": (units,) for name in ("usage", "alive", "apart")}
        seen |= {f"near.{s}": (units, units - 1), f"stage.{s}": pictures, f"radius.{s}": ()}
        seen |= {f"going.{s}": (going[s], 3)}
        still |= {f"arranged.{s}": (2,), f"map.{s}": (), f"line.{s}": ()}
    return Case(
        make,
        lambda checkpoint: Train.from_checkpoint(checkpoint, CodebookLesson(dataset)),
        seen,
        still,
        live=SetControls({"memory": 1.0} if asked.get("rule") != "gradient" else {"learning_rate": 0.5}),
        rebuild=SetControls({"units": "5,9"}),
        refused=(
            SetControls({"precision": "float16"}), SetControls({"patches": "3"}), SetControls({"patches": "1,2"}),
            SetControls({"units": "1"}), SetControls({"autoencoder": "nowhere"}), SetControls({"autoencoder": ""}),
            GoTo(3),
        ),
        foreign=lambda good: [good],  # nothing in it to learn on from
        poison=poison,
        redrawn=frozenset((*seen, *(f"shown.{name}" for name in seen))),
    )  # fmt: skip


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


@functools.cache
def codes(kind: str) -> Checkpoint:
    """One that has hardly learnt: pictures of 8 × 8 are 4 × 4 tokens of 5 codes; of a map, of 6."""
    if kind == "codebook":
        return run(codebook((4, 6)).make(), 3).checkpoint()  # type: ignore[no-any-return]
    pixels = np.random.default_rng(1).integers(256, size=(20, 8, 8, 1), dtype=np.uint8)
    learnt, held = Arrays(pixels[8:], np.zeros(12, int)), Arrays(pixels[:8], np.zeros(8, int))
    dataset = Dataset("noise", "noise", learnt, held, ())
    job = Train(VQVAELesson(dataset), VQVAELesson.controls(**CODES, codes=5, seed=1), Limit(steps=40))
    return run(job, 3).checkpoint()  # type: ignore[no-any-return]


def painting(prompt: bool = False, kind: str = "vqvae") -> Case:
    """Codes drawn by how often they are used; with a prompt, a picture that is given, of which some is painted."""
    count, side = (5, 4) if kind == "vqvae" else (6, 2)  # codes, and pixels of how each looks

    def begin(seed: int = 4) -> DrawPictures:
        job = DrawPictures(sampler_of(codes(kind), size=(8, 8)), DrawControls(count=3, seed=seed, speed=60.0))
        if prompt:
            pixels = np.random.default_rng(2).integers(256, size=(6, 5, 3), dtype=np.uint8)
            job.apply(SetPrompt(pixels=pixels, keep=np.eye(4, dtype=bool)))
        return job

    def make(seed: int = 4) -> Job:
        job = begin(seed)
        if prompt:
            job.apply(SetValues(1, np.eye(4, dtype=bool)[::-1], (2,)))
        return job

    def poison(job: DrawPictures) -> None:
        job.sampler._logits[0].fill_(math.nan)  # type: ignore[attr-defined]
        job.renew()

    def foreign(good: Mapping[str, Array]) -> list[Mapping[str, Array]]:
        kept = {name: good[name] for name in ("values", "position", "given", "entropy")}
        wrong = {
            "values": good["values"] + 6,
            "position": good["position"] - 99,
            "given": good["given"][..., :1],
        }
        return [*without_one(kept), *({**good, name: array} for name, array in wrong.items())]

    each, none = (3, 4, 4), np.zeros((4, 4), bool)
    frame = {"values": (*each, 1), "position": (3,), "given": each, "entropy": each, "surprise": each}
    return Case(
        make,
        DrawPictures.from_checkpoint,
        frame | {"watched": (), "chances": (4, 4, 1, count), "pictures": (3, 8, 8, 3)},
        {"order": (16,), "labels": (3,), "reach": (2,), "tiles": (count, side, side, 3), "arranged": (2,)},
        live=SetControls({"temperature": 3.0}),
        rebuild=SetControls({"count": 5}),
        refused=(
            SetControls({"label": 0}), Watch(3), SetValue(0, 9, 0, (0,)), SetValue(0, 0, 0, (9,)),
            SetValues(0, none, (1,)), SetValues(0, ~none, (6,)), SetValues(3, ~none, (1,)),
            SetValues(0, np.ones((4, 3), bool), (1,)), SetValues(0, ~none, (1,), stage=1),
            SetPrompt(np.zeros((4, 4, 1), int), stage=EVERY),
        ),
        foreign=foreign,
        poison=poison,
        recovers=False,  # what it knows of its codes does not change any more
        over=begin,  # what is painted is forgotten, what is given stays
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
    "autoencoder": autoencoding(AutoencoderLesson),
    "vqvae": autoencoding(VQVAELesson, channels=3, revive=0.5),
    "vqvae-rotation": autoencoding(VQVAELesson, rotation=True, cosine=True, averaging=0.8),
    "vqvae-scales": autoencoding(VQVAELesson, scales="1,2"),
    "vqvae-fsq": autoencoding(VQVAELesson, quantiser="fsq", levels="5,3"),
    "vqvae-adversarial": autoencoding(
        VQVAELesson, adversarial=0.5, adversarial_from=0.1, learning="gradient"
    ),
    "codebook": codebook((4, 6), prune_below=3),
    "codebook-line-gradient": codebook((4, 6), channels=3, map="line", rule="gradient", averaging=0.8),
    "drawing-grey": drawing(),
    "drawing-colour": drawing(channels=3, top_p=0.9),
    "drawing-prompt": drawing(prompt=True),
    "drawing-ways": drawing(ways=True, top_k=3),
    "drawing-pixels": drawing(kind="pixels", top_k=3),
    "drawing-codes": painting(),
    "drawing-painted": painting(prompt=True),
    "drawing-map": painting(kind="codebook"),
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
