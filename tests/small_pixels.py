"""A small pixel transformer with random weights, and drawings with it, for tests."""

from __future__ import annotations

from typing import Any

import torch

from scalefree_studio.controls import part_of, values_of
from scalefree_studio.jobs.drawing.controls import DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.drawing.picture_sampler import PictureSampler
from scalefree_studio.jobs.pixels.controls import PixelsControls
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.models.pixels.network import PixelTransformer
from scalefree_studio.models.pixels.shape import PixelsShape
from scalefree_studio.snapshot import Checkpoint

H, W = 4, 5
SMALL: dict[str, Any] = {
    "rows": H,
    "columns": W,
    "colours": 8,
    "layers": 2,
    "width": 12,
    "heads": 2,
    "neighbours": 1,
}


def network(**shape: Any) -> PixelTransformer:
    """No choice of it is sure, and none depends on nothing."""
    made = PixelTransformer(PixelsShape(**{**SMALL, **shape}))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.4, generator=generator)
    return made.eval()


def checkpoint(**controls: Any) -> Checkpoint:
    """As training leaves it."""
    made = PixelsControls(**{"tokens": "grey:3", "classes": 3, **SMALL, **controls})
    depth = 1 if made.tokens.startswith("grey") else 3
    about = {
        "controls": values_of(made),
        "dataset": {"name": "noise", "spec": "noise", "shape": [H, W, depth]},
        "classes": [f"class {n}" for n in range(made.classes)],
    }
    weights = network(**values_of(part_of(PixelsShape, made))).state_dict()
    return Checkpoint("pixels", 7, about, {name: array.numpy() for name, array in weights.items()})


def sampler(**controls: Any) -> PictureSampler:
    return PictureSampler(PixelsLesson, checkpoint(**controls))


def drawing(**controls: Any) -> DrawPictures:
    return DrawPictures(sampler(), DrawControls(**{"count": 3, "seed": 5, "speed": 240.0, **controls}))
