"""Whether data keep up with learning: pictures a second as tokens on disk, against tokens made of pictures in memory,
against reading the files, and against how many a transformer learns from; measured in turn in the same run.

python benchmarks/data.py                        # 2,000 JPEG files, 32 × 32 in hsv:5,4,4
python benchmarks/data.py --device cuda --count 20000
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from scalefree_studio.data import gather
from scalefree_studio.data.batches import Batches
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.examples import Arrays, Examples
from scalefree_studio.data.palettes import palette_of
from scalefree_studio.data.token_shards import Encoded, cached_tokens
from scalefree_studio.data.tokens import palette_size, tokens_of
from scalefree_studio.models.pixels.network import PixelTransformer
from scalefree_studio.models.pixels.shape import PixelsShape

SIDE, FILE_SIDE = 32, 128  # pixels, of what is learnt and of the files


def make_files(folder: Path, count: int) -> None:
    """JPEG files of smooth noise: about as large as photographs of that size."""
    generator = np.random.default_rng(0)
    for n in range(count):
        small = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        file = folder / f"{n % 10}" / f"{n:06}.jpg"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(small).resize((FILE_SIDE, FILE_SIDE), Image.Resampling.BICUBIC).save(file, quality=90)


def taking(examples: Examples, size: int) -> Callable[[], object]:
    batches = Batches(len(examples), size)
    return lambda: examples.take(next(batches)).values.astype(np.int64)


def learning(size: int, colours: int, device: torch.device) -> Callable[[], object]:
    network = PixelTransformer(PixelsShape(rows=SIDE, columns=SIDE, colours=colours)).to(device)
    tokens = torch.randint(colours, (size, SIDE, SIDE, 1), device=device)

    def step() -> None:
        logits = network(tokens, None)
        F.cross_entropy(logits.flatten(0, -2), tokens.flatten()).backward()
        if device.type == "cuda":
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="of files")
    parser.add_argument("--tokens", default="hsv:5,4,4")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    gather.MOST_BYTES = gather.MOST_KEPT = 0  # too many for the memory, whatever their number
    with tempfile.TemporaryDirectory() as name:
        pictures = Path(name) / "pictures"
        pictures.mkdir()
        make_files(pictures, arguments.count)
        dataset = load_dataset(pictures, size=SIDE)
        most = palette_size(arguments.tokens)
        tokens = tokens_of(arguments.tokens, palette_of(dataset.train, most) if most else "")
        began = time.perf_counter()
        cached = cached_tokens(dataset, tokens, Path(name) / "tokens")
        took = time.perf_counter() - began
        print(
            f"{arguments.count:,} files made tokens of in {took:.1f} s: {arguments.count / took:,.0f} a second, once"
        )
        everything = dataset.train.take(np.arange(len(dataset.train)))
        in_memory = Arrays(everything.values, everything.labels)
        batch = arguments.batch
        seconds = medians(arguments.repeats, {
            "tokens on disk": taking(cached.train, batch),
            "tokens made of pictures in memory": taking(Encoded(in_memory, tokens), batch),
            "tokens made of files": taking(Encoded(dataset.train, tokens), batch),
            f"a step of learning on {arguments.device}": learning(batch, tokens.count, torch.device(arguments.device)),
        })  # fmt: skip
    first = next(iter(seconds.values()))
    print(f"batches of {batch} pictures of {SIDE} × {SIDE}; medians of {arguments.repeats}")
    for name, taken in seconds.items():
        print(f"  {name:<36}{batch / taken:12,.1f} pictures a second   {taken / first:10.1f} times as long")


if __name__ == "__main__":
    main()
