"""What a stranger sees first: dB after 10, 30 and 60 s for each thing a picture can be made of, over ten photographs.

    python benchmarks/first_impression.py [--photographs 10] [--seeds 2] [--only lines best ...] [--marks 10 30 60]

All four are of 2,371 numbers and learn as the window does: from the picture as it opens, with the schedule of 40,000
steps. So that it may run on a busy machine, time is counted in steps: the fastest of many short runs says how long a
step takes on an idle one, for each size of batch that the schedule comes to. The winner is the default of made_of.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sklearn.datasets import load_sample_image

from scalefree_studio.data.pictures import downscaled, load_picture
from scalefree_studio.jobs.dividers.controls import WORDS, FitControls
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.dividers.schedule import growth
from scalefree_studio.models.threads import cores_for_learning, torch_threads

SKIMAGE = ("astronaut", "cat", "coffee", "rocket", "camera", "retina", "moon", "coins")
SKLEARN = ("china.jpg", "flower.jpg")
BURST, BURSTS = 10, 40  # steps, and how often


def photographs(count: int) -> dict[str, np.ndarray]:
    """By name, as they open in the window: (H, W, 3), the longer side at most 512."""
    names = [name for pair in zip(SKIMAGE, SKLEARN, strict=False) for name in pair] + list(
        SKIMAGE[len(SKLEARN) :]
    )
    found = {
        name: load_sample_image(name) if name in SKLEARN else load_picture(f"photo:{name}").pixels
        for name in names[:count]
    }
    return {name: downscaled(pixels) for name, pixels in found.items()}


class Clock:
    """How long a step takes on an idle machine, by how much larger than at first its batch is."""

    def __init__(self, pixels: np.ndarray, made_of: str):
        self._job = FitDividers(pixels, FitControls(made_of=made_of))
        self._took: dict[int, float] = {}

    def step(self, progress: float) -> float:
        times = growth(progress)
        if times not in self._took:
            self._job.step_count = round(progress * self._job.controls.horizon)
            self._took[times] = min(self._burst() for _ in range(BURSTS)) / BURST
        return self._took[times]

    def _burst(self) -> float:
        began = time.perf_counter()
        for _ in range(BURST):
            self._job.step()
        return time.perf_counter() - began


def learn(pixels: np.ndarray, made_of: str, seed: int, clock: Clock, marks: Sequence[int]) -> list[float]:
    """dB at each mark."""
    began = time.perf_counter()
    job = FitDividers(pixels, FitControls(made_of=made_of, seed=seed))
    seconds, found = min(1.0, time.perf_counter() - began), []  # finding the start is part of the work
    for mark in marks:
        while seconds < mark:
            job.step()
            seconds += clock.step(job.progress)
        found.append(job.psnr())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=int, default=10, metavar="N")
    parser.add_argument("--seeds", type=int, default=2, metavar="N")
    parser.add_argument("--marks", type=int, nargs="+", default=(10, 30, 60), metavar="SECONDS")
    parser.add_argument("--only", nargs="+", choices=tuple(WORDS), default=tuple(WORDS))
    arguments = parser.parse_args()
    results: dict[str, list[list[float]]] = defaultdict(list)
    pictures = photographs(arguments.photographs)
    print(f"dB at {', '.join(f'{mark} s' for mark in arguments.marks)}", flush=True)
    with torch_threads(cores_for_learning()):
        clocks = {made_of: Clock(next(iter(pictures.values())), made_of) for made_of in arguments.only}
        for seed in range(arguments.seeds):
            for name, pixels in pictures.items():
                for made_of in arguments.only:
                    found = learn(pixels, made_of, seed, clocks[made_of], arguments.marks)
                    results[made_of].append(found)
                    row = "  ".join(f"{db:6.2f}" for db in found)
                    print(f"  {name:<12} seed {seed}  {WORDS[made_of]:<18} {row}", flush=True)
    print("\nmeans, and how often it was the best")
    for made_of in arguments.only:
        means = "  ".join(f"{statistics.mean(column):6.2f}" for column in zip(*results[made_of], strict=True))
        wins = [
            sum(
                all(row[n] >= results[o][i][n] for o in arguments.only)
                for i, row in enumerate(results[made_of])
            )
            for n in range(len(arguments.marks))
        ]
        print(f"  {WORDS[made_of]:<18} {means}   {wins} of {len(results[made_of])}")


if __name__ == "__main__":
    main()
