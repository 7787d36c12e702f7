"""Three ways to draw a picture, taught for equally long: pixel by pixel, code by code, and scale by scale.

    python benchmarks/routes.py                                   # scikit-learn's digits, 60 s a route
    python benchmarks/routes.py --dataset mnist --data-root DIR --seconds 600 --seeds 2 [--json] [--only next-scale]

    pixels       a pixel transformer draws every pixel
    codes        a VQ-VAE makes the picture one map of codes; a token transformer draws them one by one
    cascade      self-organising maps make an autoencoder's latents codes of several sizes of patches; a token
                 transformer a size draws them, from coarse to fine
    next-scale   a VQ-VAE makes the picture scales of codes that add up; a next-scale transformer draws a scale at once

Seconds are those of one core's processor, so that other programs on the machine cost nothing. Whatever a route has to
be taught before it can draw is counted: the autoencoder, the codebooks, encoding the pictures. All transformers have as
many layers, as wide ones, and learn by Muon.

What is measured: how many of as many pictures as are held out, one for each of their labels, a classifier takes for
what was asked for, and how far they are from real ones by its features (see judge.py; "real" are the held-out pictures
themselves); the same share of held-out pictures that were only encoded and decoded, which is the best that the codes
allow; seconds a picture; and bits. Bits of tokens are not bits of pixels: they do not compare routes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from judge import Judge, all_of, taught
from PIL import Image

from scalefree_studio.controls import edited
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs.cascades.cascade import assemble
from scalefree_studio.jobs.drawing.layout import Layout
from scalefree_studio.jobs.drawing.sampler import Sampler
from scalefree_studio.jobs.instruments import codec_of, lessons, sampler_of
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.ordered.request import Request, finish, uniforms
from scalefree_studio.models.threads import torch_threads
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import RunFolder

Pictures = npt.NDArray[np.uint8]  # (B, h, w, C)
Labels = npt.NDArray[np.int64]

SMALL = 16  # pixels of a side, up to which pictures are taken for small ones
AT_ONCE = 64  # pictures
ONE_BY_ONE = 5  # pictures
CODEC_SHARE = 0.35  # of the seconds, for what makes codes of pictures
MAPS_SHARE = 0.1  # for self-organising maps, of the seconds
JUDGE_STEPS = 800
LEAST = 0.1  # seconds: a step is made in any case

TRANSFORMER: dict[str, Any] = {
    "layers": 4,
    "width": 96,
    "heads": 3,
    "learning_rate": 2e-3,
}
WITH_CODES: dict[str, Any] = {"least_channels": 32, "most_channels": 64, "learning_rate": 2e-3}


@dataclass(frozen=True)
class Settings:
    """What differs with the size of the pictures."""

    transformer: dict[str, Any]  # of all routes
    pixels: dict[str, Any]
    codes: dict[str, Any]
    maps: dict[str, Any]
    scales: dict[str, Any]
    batch: int  # of all that learn tokens


FOR_SMALL = Settings(
    transformer={"dropout": 0.2},  # there are few of them, which are soon known by heart
    pixels={"tokens": "grey:4", "batch_size": 16},
    codes={"layers": 1, "codes": 64, "latent": 8},
    maps={"autoencoder": {"layers": 1, "latent": 8}, "patches": "whole,2,1", "units": "64,64,64"},
    scales={"layers": 1, "codes": 64, "latent": 8, "scales": "1,2,4"},
    batch=64,
)
FOR_LARGE = Settings(
    transformer={},
    pixels={
        "tokens": "grey:4",
        "batch_size": 8,
        "precision": "bfloat16",
    },  # which is quicker only for long rows
    codes={"layers": 2, "codes": 128, "latent": 16},
    maps={"autoencoder": {"layers": 2, "latent": 8}, "patches": "whole,1", "units": "256,256"},
    scales={"layers": 2, "codes": 128, "latent": 16, "scales": "1,2,4,7"},
    batch=64,
)


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a route has come to."""

    checkpoint: Checkpoint
    bits: str
    steps: dict[str, int]  # of each part
    taken: float  # seconds


class Course:
    """The seconds of a route, and what is done with them."""

    def __init__(self, dataset: Dataset, seconds: float, seed: int, folder: Path):
        self.dataset, self.seconds, self.seed, self.folder = dataset, seconds, seed, folder
        self.began, self.steps = time.process_time(), dict[str, int]()

    @property
    def left(self) -> float:
        return self.seconds - self.taken

    @property
    def taken(self) -> float:
        return time.process_time() - self.began

    def train(self, name: str, kind: str, seconds: float, **controls: Any) -> Train[Any, Any]:
        """Teach a network for so long, reading and encoding what it learns from included."""
        began = time.process_time()
        lesson = lessons()[kind]
        wanted = edited(lesson.controls(), {"seed": self.seed, "wall_every": 0, **controls})
        job = Train(lesson(self.dataset), wanted, Limit(seconds=max(LEAST, seconds)))
        while True:
            job.step()
            job.now.seconds = time.process_time() - began  # its own clock is that of the wall
            if job.limit.reached(job.step_count, job.seconds):
                break
        job.trainer.begin_held_out_pass()  # the last network may be the best
        while not job.trainer.judge(job.epoch):
            pass
        self.steps[name] = job.step_count
        RunFolder(self.folder / name).keep(job.checkpoint())
        return job

    def source(self, name: str) -> str:
        """By which another network names what was learnt."""
        return str(self.folder / name)

    def learnt(self, checkpoint: Checkpoint, bits: str) -> Learnt:
        return Learnt(checkpoint, bits, self.steps, self.taken)


# ---- The routes ----


def pixels(course: Course, settings: Settings) -> Learnt:
    job = course.train(
        "pixels", "pixels", course.left, **TRANSFORMER, **settings.transformer, **settings.pixels
    )
    results = job.lesson.results(job.trainer.evaluate(), job.controls)
    if results["comparable"]:
        bits = f"{results['bits_per_dimension']:.3f} a dimension, exact"
    else:
        bits = f"{results['bits_per_token']:.3f} a pixel of {job.controls.colours} greys"
    return course.learnt(job.checkpoint(), bits)


def codes(course: Course, settings: Settings) -> Learnt:
    course.train("vqvae", "vqvae", CODEC_SHARE * course.seconds, **WITH_CODES, **settings.codes)
    asked = {
        **TRANSFORMER,
        **settings.transformer,
        "codes": course.source("vqvae"),
        "batch_size": settings.batch,
    }
    job = course.train("tokens", "tokens", course.left, **asked)
    return course.learnt(job.checkpoint(), bits_of([job]))


def cascade(course: Course, settings: Settings) -> Learnt:
    own = dict(settings.maps)
    shape = own.pop("autoencoder")
    seconds = (CODEC_SHARE - MAPS_SHARE) * course.seconds
    course.train("autoencoder", "autoencoder", seconds, **WITH_CODES, **shape)
    course.train(
        "codebook", "codebook", MAPS_SHARE * course.seconds, autoencoder=course.source("autoencoder"), **own
    )
    stages = own["patches"].count(",") + 1
    weights = [4.0**stage for stage in range(stages)]  # finer stages have more to learn
    jobs = []
    for stage in range(stages):
        share = course.left * weights[stage] / sum(weights[stage:])
        asked = {
            **TRANSFORMER, **settings.transformer, "codes": course.source("codebook"), "batch_size": settings.batch,
        }  # fmt: skip
        jobs.append(
            course.train(f"stage {stage}", "tokens", share, stage_number=stage + 1, encoder_layers=1, **asked)
        )
    return course.learnt(assemble([job.checkpoint() for job in jobs]), bits_of(jobs))


def next_scale(course: Course, settings: Settings) -> Learnt:
    course.train("vqvae", "vqvae", CODEC_SHARE * course.seconds, **WITH_CODES, **settings.scales)
    asked = {
        **TRANSFORMER,
        **settings.transformer,
        "codes": course.source("vqvae"),
        "batch_size": settings.batch,
    }
    job = course.train("next-scale", "next-scale", course.left, **asked)
    return course.learnt(job.checkpoint(), bits_of([job]))


def bits_of(jobs: list[Train[Any, Any]]) -> str:
    found = [job.lesson.results(job.trainer.evaluate(), job.controls) for job in jobs]
    each = " and ".join(f"{one['bits_per_token']:.2f}" for one in found)
    return f"{each} a token, {sum(one['bits_per_picture'] for one in found):.0f} a picture of codes"


ROUTES: dict[str, Callable[[Course, Settings], Learnt]] = {
    "pixels": pixels,
    "codes": codes,
    "cascade": cascade,
    "next-scale": next_scale,
}


# ---- What they draw ----


def drawn(sampler: Sampler, labels: Labels, seed: int, channels: int) -> Pictures:
    """A picture of each label, AT_ONCE at a time."""
    layout, found = Layout(sampler.stages), []
    for start in range(0, len(labels), AT_ONCE):
        some = torch.from_numpy(labels[start : start + AT_ONCE])
        numbers = uniforms(len(some), layout.count, sampler.channels, seed + start)
        request = Request(numbers, some, every=layout.widest)
        values = layout.by_place(finish(sampler.draw(request)).numpy())
        found.append(shown(sampler, values)[..., :channels])
    return np.concatenate(found)


def shown(sampler: Sampler, values: Any) -> Pictures:
    """What values look like, as people see them: (B, h, w, 3)."""
    pictures = sampler.decode(values, np.ones(values.shape[:-1], bool))
    if pictures is not None:
        return pictures
    tiles = np.asarray(sampler.looks()["tiles"], np.uint8)  # (L, 1, 1, 3): a place is a pixel
    return tiles[values[..., 0], 0, 0]


def seconds_to_draw(sampler: Sampler, count: int, classes: int) -> float:
    """A picture of so many at once."""
    labels = np.arange(count) % classes
    began = time.process_time()
    drawn(sampler, labels, 7, 1)
    return (time.process_time() - began) / count


def again(sampler: Sampler, learnt: Learnt, held: Pictures) -> Pictures:
    """Held-out pictures as the route knows them: through its codes, or its greys."""
    if "codec" in learnt.checkpoint.about:
        codec = codec_of(learnt.checkpoint)
        return codec.decode(codec.encode(held))
    values = np.stack([sampler.values_of(np.repeat(p, 4 - p.shape[2], 2)[..., :3]) for p in held])
    return shown(sampler, values)[..., : held.shape[3]]


def measured(
    learnt: Learnt, dataset: Dataset, judge: Judge, seed: int, picture: Path | None
) -> dict[str, Any]:
    sampler, held = sampler_of(learnt.checkpoint), all_of(dataset.held)
    classes, channels = len(dataset.classes), dataset.shape[2]
    pictures = drawn(sampler, held.labels, seed, channels)
    if picture is not None:
        write_wall(drawn(sampler, np.arange(AT_ONCE) % classes, seed, channels), picture)
    seconds_to_draw(sampler, 1, classes)  # warms up
    one = statistics.median(seconds_to_draw(sampler, 1, classes) for _ in range(ONE_BY_ONE))
    return {
        "bits": learnt.bits,
        "recognised": judge.recognised(pictures, held.labels),
        "distance": judge.distance(pictures),
        "recognised_codes": judge.recognised(again(sampler, learnt, held.values), held.labels),
        "seconds_one": one,
        "seconds_of_64": seconds_to_draw(sampler, AT_ONCE, classes),
        "tokens": Layout(sampler.stages).count * sampler.channels,
        "steps": learnt.steps,
        "seconds_learnt": learnt.taken,
    }


def write_wall(pictures: Pictures, path: Path) -> None:
    """64 of them as a square."""
    _, h, w, C = pictures.shape
    wall = pictures.reshape(8, 8, h, w, C).transpose(0, 2, 1, 3, 4).reshape(8 * h, 8 * w, C)
    Image.fromarray(wall[..., 0] if C == 1 else wall).save(path)


# ---- The table ----


def mean_of(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Of all seeds; what is no number, of the first."""
    found = dict(results[0])
    for name, value in found.items():
        if isinstance(value, float):
            found[name] = statistics.mean(result[name] for result in results)
    if len(results) > 1:
        for name in ("recognised", "distance"):
            found[f"{name}_apart"] = max(r[name] for r in results) - min(r[name] for r in results)
    return found


def table(found: dict[str, dict[str, Any]], real: dict[str, float]) -> str:
    lines = [
        "| route | recognised | distance | recognised of its codes | s a picture, alone | of 64 | tokens | bits |",
        "|---|---|---|---|---|---|---|---|",
        f"| real pictures | {real['recognised']:.1%} | {real['distance']:.2f} | | | | | |",
    ]
    for name, r in found.items():
        apart = [f" (± {r[f'{n}_apart'] / 2:{form}})" if f"{n}_apart" in r else "" for n, form in
                 (("recognised", ".1%"), ("distance", ".2f"))]  # fmt: skip
        lines.append(
            f"| {name} | {r['recognised']:.1%}{apart[0]} | {r['distance']:.2f}{apart[1]} | {r['recognised_codes']:.1%} "
            f"| {r['seconds_one']:.3f} | {r['seconds_of_64']:.4f} | {r['tokens']} | {r['bits']} |"
        )
    return "\n".join(lines)


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--seconds", type=float, default=60.0, help="of learning, for each route")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--only", nargs="+", default=[*ROUTES], choices=[*ROUTES])
    parser.add_argument("--judge-steps", type=int, default=JUDGE_STEPS, help="of the classifier")
    parser.add_argument(
        "--pictures", type=Path, default=None, metavar="DIR", help="keep a wall of each route there"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def compared(dataset: Dataset, settings: Settings, judge: Judge, asked: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for name in asked.only:
        results = []
        for seed in range(asked.seeds):
            picture = None if asked.pictures is None or seed else asked.pictures / f"{name}.png"
            with tempfile.TemporaryDirectory() as folder:
                learnt = ROUTES[name](Course(dataset, asked.seconds, seed, Path(folder)), settings)
                results.append(measured(learnt, dataset, judge, seed, picture))
            print(f"{name}, seed {seed}: {results[-1]}", file=sys.stderr, flush=True)
        found[name] = mean_of(results)
    return found


def main(argv: list[str] | None = None) -> None:
    asked = arguments_of(argv)
    dataset = load_dataset(asked.dataset, asked.data_root)
    settings = FOR_SMALL if max(dataset.shape[:2]) <= SMALL else FOR_LARGE
    if asked.pictures is not None:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    held = all_of(dataset.held).values
    with torch_threads(1):
        judge = taught(dataset, asked.judge_steps)
        real = {"recognised": judge.held_out, "distance": judge.distance(held)}
        found = compared(dataset, settings, judge, asked)
    if asked.json:
        said = {"transformer": TRANSFORMER, "codec": WITH_CODES, **dataclasses.asdict(settings)}
        print(json.dumps({"dataset": dataset.name, "seconds": asked.seconds, "seeds": asked.seeds, "real": real,
                          "routes": found, "settings": said}))  # fmt: skip
        return
    print(f"{dataset.name}: {len(dataset.train):,} pictures learnt, {len(held):,} held out and as many drawn; "
          f"{asked.seconds:g} s of learning a route, {asked.seeds} seed(s)\n")  # fmt: skip
    print(table(found, real))
    print(f"\nAll transformers: {TRANSFORMER | settings.transformer}. All that makes codes: {WITH_CODES}.")
    for name in ("pixels", "codes", "maps", "scales"):
        print(f"{name}: {getattr(settings, name)}")
    for name, result in found.items():
        print(f"steps of {name}: {result['steps']}, {result['seconds_learnt']:.0f} s")


if __name__ == "__main__":
    main()
