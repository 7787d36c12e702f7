"""A tiny PixelCNN that learns stripes, for tests."""

import numpy as np
import torch

from scalefree_studio.data.examples import Arrays
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.train import Train

TINY = {
    "levels": 2,
    "hidden_maps": 6,
    "output_maps": 6,
    "hidden_layers": 1,
    "causal_kernel": 3,
    "hidden_kernel": 3,
}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


def stripes(count=60, side=6):
    """Class 0 has stripes across, class 1 has stripes down; all else is the same."""
    y, x = np.mgrid[:side, :side]
    kinds = np.stack([y % 2, x % 2])[..., None].astype(np.uint8) * 255
    labels = np.arange(count) % 2
    pictures = kinds[labels]
    return Dataset(
        "stripes",
        "stripes",
        Arrays(pictures[12:], labels[12:]),
        Arrays(pictures[:12], labels[:12]),
        ("across", "down"),
    )


def make(steps=60, lesson=PixelCNNLesson, **controls):
    asked = {**TINY, "batch_size": 8, "warm_up": 5, "learning_rate": 0.02, **controls}
    return Train(lesson(stripes()), PixelCNNControls(**asked), Limit(steps=steps))


def run(job, steps):
    for _ in range(steps):
        job.step()
    return job


def weights(job):
    return {name: p.detach().clone() for name, p in job.trainer.network.named_parameters()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)
