"""A small network with random weights, and drawings with it, for tests."""

import math

import numpy as np
import torch

from scalefree_studio.controls import part_of, values_of
from scalefree_studio.data.quantise import dequantise
from scalefree_studio.drawings import Drawing
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.models.ordered.request import Request, finish, uniforms
from scalefree_studio.models.pixelcnn.draw import draw
from scalefree_studio.models.pixelcnn.network import PixelCNN, PixelCNNShape
from scalefree_studio.snapshot import Checkpoint

H, W = 5, 6
N = H * W
SMALL = {
    "levels": 4, "hidden_maps": 6, "output_maps": 6, "hidden_layers": 1, "causal_kernel": 3, "hidden_kernel": 3,
}  # fmt: skip


def network(classes=3, channels=1, **changes):
    """A checkpoint as training leaves it, with random weights: no choice is sure, and none depends on nothing."""
    controls = PixelCNNControls(**{**SMALL, "classes": classes, "channels": channels, **changes})
    model = PixelCNN(part_of(PixelCNNShape, controls))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4, generator=generator)
    about = {
        "controls": values_of(controls),
        "dataset": {"name": "noise", "spec": "noise", "shape": [H, W, channels]},
        "classes": [f"class {n}" for n in range(classes)],
    }
    weights = {name: p.detach().numpy() for name, p in model.named_parameters()}
    return Checkpoint("pixelcnn", 7, about, weights)


def make(count=5, channels=1, classes=3, **controls):
    sampler = sampler_of(network(classes, channels))
    return DrawPictures(sampler, DrawControls(count=count, **controls))


def directly(job, **prompt):
    """What the network draws at one go with the controls of a job: (B, H, W, C)."""
    c, sampler = job.controls, job.sampler
    (H, W), C = sampler.size, sampler.channels
    numbers = uniforms(c.count, H * W, C, c.seed)
    labels = torch.arange(c.count) % len(sampler.classes) if sampler.classes else None
    if c.label >= 0:
        labels = torch.full((c.count,), c.label)
    by_place = {name: places.flatten(1, 2) for name, places in prompt.items()}
    request = Request(numbers, labels, c.temperature, c.top_k, c.top_p, **by_place)
    return finish(draw(sampler.network, request, W)).view(-1, H, W, C).numpy()


def play(job, steps=10**6):
    while steps and not math.isinf(job.rest):
        job.step()
        steps -= 1
    return job


def frame(job):
    return job.snapshot().frame


def seen(job):
    return Drawing(frame(job), job.still())


def same_frames(a, b):
    """Equal values; what was thought as near as two ways of adding up come, told in half precision."""
    assert a.keys() == b.keys()
    for name in ("values", "position", "given", "watched"):
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    for name in ("entropy", "chances"):
        np.testing.assert_allclose(a[name].astype(float), b[name].astype(float), atol=2e-3, err_msg=name)


def mask(kind):
    y, x = np.mgrid[:H, :W]
    return {"top": y < 2, "left": x < 3, "spots": (x * 3 + y * 5) % 4 == 0, "bottom": y > 2, "all": y >= 0}[
        kind
    ]


def picture(job, seed=5):
    """Pixels, and the levels that they are."""
    size = (*job.sampler.size, job.sampler.channels)
    levels = np.random.default_rng(seed).integers(job.sampler.levels, size=size)
    return np.broadcast_to(dequantise(levels, job.sampler.levels), (*size[:2], 3)), levels
