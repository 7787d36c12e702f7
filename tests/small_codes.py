"""Small autoencoders, codebooks and drawings of codes, for tests; each a case of tests/small_jobs.py."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from job_cases import Case, run, without_one
from places import place
from small_data import noise

from scalefree_studio.controls import values_of
from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs.codebooks.controls import AutoencoderControls
from scalefree_studio.jobs.codebooks.lesson import AutoencoderLesson, VQVAELesson
from scalefree_studio.jobs.codebooks.map_controls import CodebookControls
from scalefree_studio.jobs.codebooks.map_lesson import CodebookLesson
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.edits import EVERY, GoTo, SetPrompt, SetValue, SetValues, Watch
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.job import Job, Limit, SetControls
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.jobs.training.weights import arrays_of, weights_of
from scalefree_studio.snapshot import Array, Checkpoint
from scalefree_studio.storage.tensors import write_tensors

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
