"""Tiny pixel transformers, and folders of tiny pictures, for tests."""

import numpy as np
from PIL import Image
from small_training import stripes

from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.pixels.controls import PixelsControls
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.jobs.training.train import Train

TINY = {"layers": 1, "width": 8, "heads": 2, "batch_size": 8, "wall_every": 0, "tokens": "rgb:1,1,1"}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


def make(dataset=None, steps=20, ranks=None, **controls):
    asked = PixelsControls(**{**TINY, "warm_up": 5, "learning_rate": 0.02, **controls})
    return Train(PixelsLesson(dataset or stripes()), asked, Limit(steps=steps), ranks=ranks)


def write_pictures(folder, classes, each=6, size=(9, 8), seed=0):
    """Folders of noise, a class each; `size` is wide and high."""
    generator = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for n in range(each):
            pixels = generator.integers(256, size=(*size[::-1], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{n}.png")
    return folder
