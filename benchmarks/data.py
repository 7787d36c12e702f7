"""Whether data keep up with learning: pictures a second as tokens on disk, against tokens made of pictures in memory,
against reading the files, and against how many a transformer learns from: batches as the trainer takes them, against
whole steps of learning, measured in turn in the same run. And how much memory it takes to learn from a hundred million
tokens on disk.

python benchmarks/data.py                        # 2,000 JPEG files, 32 × 32 in hsv:5,4,4
python benchmarks/data.py --device cuda --count 20000
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from scalefree_studio.controls import values_of
from scalefree_studio.data import encoded, gather
from scalefree_studio.data.batches import Batches
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.encoded_folder import ABOUT, MODEL
from scalefree_studio.data.examples import Arrays, Examples
from scalefree_studio.data.shards import HEADER, LABEL, LABELS, VALUES, Header
from scalefree_studio.jobs.cascades.controls import TokensControls
from scalefree_studio.jobs.cascades.lesson import TokensLesson
from scalefree_studio.jobs.codebooks.controls import VQVAEControls
from scalefree_studio.jobs.codebooks.lesson import VQVAELesson
from scalefree_studio.jobs.instruments import read_codec
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.pixels.controls import PixelsControls
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.jobs.training.weights import arrays_of, weights_of
from scalefree_studio.models.pixels.network import PixelTransformer
from scalefree_studio.storage.tensors import write_tensors

WARM_UP = 10  # steps
SIDE, FILE_SIDE = 32, 128  # pixels, of what is learnt and of the files


def make_files(folder: Path, count: int) -> None:
    """JPEG files of smooth noise: about as large as photographs of that size."""
    generator = np.random.default_rng(0)
    for n in range(count):
        small = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        file = folder / f"{n % 10}" / f"{n:06}.jpg"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(small).resize((FILE_SIDE, FILE_SIDE), Image.Resampling.BICUBIC).save(file, quality=90)


def taking(job: Train[PixelsControls, PixelTransformer], examples: Examples) -> Callable[[], object]:
    """Batches as the trainer takes them, up to where the network computes."""
    batches = Batches(len(examples), job.controls.batch_size)
    return lambda: job.trainer.inputs(examples, next(batches))


def learning(job: Train[PixelsControls, PixelTransformer]) -> Callable[[], object]:
    """Steps of learning: a batch, its loss, the gradients, the optimizer."""
    batches = Batches(len(job.dataset.train), job.controls.batch_size)

    def step() -> None:
        job.trainer.learn(next(batches), 0, 1e-3)
        if job.device.type == "cuda":
            torch.cuda.synchronize()

    return step


def medians(repeats: int, works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of each; taken in turn, so that whatever else the machine does disturbs all alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if turn:  # the first one warms up
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def many_tokens(folder: Path, count: int = 400_000) -> Path:
    """A folder as `encode` fills it, of 102 million tokens, 256 a picture, which lie in a file with holes."""
    lesson = VQVAELesson(load_dataset("digits", size=32))
    controls = lesson.fitted(VQVAEControls(layers=1, least_channels=8, codes=512))
    arrays = arrays_of(weights_of(lesson.network(controls)))
    about = {"controls": values_of(controls), **lesson.about()}
    write_tensors(folder / MODEL, arrays, {"kind": lesson.kind, "step": 0, **about})
    fingerprint = read_codec(str(folder / MODEL)).fingerprint()
    said = {
        "version": 1, "name": "many", "what": "tokens", "pictures": [32, 32, 1], "classes": [],
        "fingerprint": fingerprint, "encoder": {"model": fingerprint},
    }  # fmt: skip
    (folder / ABOUT).write_text(json.dumps(said))
    for part, size in (("train", count), ("held", 64)):
        (folder / part).mkdir()
        header = Header((256,), "uint16", {"model": fingerprint}, tokens=512, count=size, whole=True)
        (folder / part / HEADER).write_text(json.dumps(asdict(header)))
        for name, each in ((VALUES, 512), (LABELS, LABEL.itemsize)):
            with open(folder / part / name, "wb") as file:
                file.truncate(size * each)
    return folder


def own_memory() -> int:
    """Bytes that this process holds by itself, without pages of files, which the system takes away when it likes."""
    said = Path("/proc/self/status").read_text()
    return 1024 * int(said.partition("RssAnon:")[2].split()[0])


def say_memory(steps: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        dataset = load_dataset(many_tokens(Path(name)))
        controls = TokensControls(layers=1, width=32, batch_size=8, wall_every=0)
        job = Train(TokensLesson(dataset), controls, Limit(steps=10**6))
        for n in range(WARM_UP + steps):
            if n == WARM_UP:
                before = own_memory()
            job.step()
        tokens, grown = len(dataset.train) * dataset.shape[0], own_memory() - before
        on_disk = f"{tokens:,} tokens on disk ({2 * tokens >> 20} MiB)"
        print(
            f"{steps} steps from {on_disk} took {max(0, grown) / 2**20:.1f} MiB more than the {WARM_UP} before them"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="of files")
    parser.add_argument("--tokens", default="hsv:5,4,4")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--steps", type=int, default=50, help="of learning from a hundred million tokens")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    gather.MOST_BYTES = gather.MOST_KEPT = encoded.MOST_AGAIN = 0  # too many, whatever their number
    with tempfile.TemporaryDirectory() as name:
        pictures = Path(name) / "pictures"
        pictures.mkdir()
        make_files(pictures, arguments.count)
        lesson = PixelsLesson(load_dataset(pictures, data_root=name, size=SIDE))
        asked = PixelsControls(tokens=arguments.tokens, batch_size=arguments.batch)
        controls = lesson.fitted(asked)
        began = time.perf_counter()
        lesson.prepared(controls)
        took = time.perf_counter() - began
        print(
            f"{arguments.count:,} files made tokens of in {took:.1f} s: {arguments.count / took:,.0f} a second, once"
        )
        job = Train(lesson, controls, device=arguments.device)
        files = lesson.dataset.train
        everything = files.take(np.arange(len(files)))
        in_memory = Arrays(everything.values, everything.labels)
        batch = arguments.batch
        seconds = medians(arguments.repeats, {
            "tokens on disk": taking(job, job.dataset.train),
            "tokens made of pictures in memory": taking(job, in_memory),
            "tokens made of files": taking(job, files),
            f"a step of learning on {arguments.device}": learning(job),
        })  # fmt: skip
    if Path("/proc/self/status").exists():
        say_memory(arguments.steps)
    first = next(iter(seconds.values()))
    print(f"batches of {batch} pictures of {SIDE} × {SIDE}; medians of {arguments.repeats}")
    for name, taken in seconds.items():
        print(f"  {name:<36}{batch / taken:12,.1f} pictures a second   {taken / first:10.1f} times as long")


if __name__ == "__main__":
    main()
