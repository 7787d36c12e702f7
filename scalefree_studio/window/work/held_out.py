"""Pictures that a network never learnt from."""

from __future__ import annotations

import numpy as np

from ...errors import UserError
from ...jobs.drawing.sampler import Sampler
from ...jobs.training.learnt import dataset_learnt
from ...snapshot import Bytes, Checkpoint

SOME = 4  # at a time


def held_out_pictures(sampler: Sampler, turn: int) -> list[tuple[Bytes, int]]:
    """Some of the data set that the network of a sampler learnt from, other ones each turn, (h, w, 3), and their
    classes: -1 where it knows none."""
    about, _ = sampler.saved()
    codec = about.get("codec")  # of what draws tokens: it is this that has seen pictures
    kind, about = (codec["kind"], codec["about"]) if codec else (sampler.kind, about)
    dataset = dataset_learnt(Checkpoint(kind, 0, about, {}), download=False)
    held = dataset.held
    if not len(held) or len(held.shape) != 3 or dataset.made_by is not None:
        raise UserError("No pictures of its data set are held out.")
    some = min(SOME, len(held))
    numbers = (
        np.random.default_rng(0)
        .permutation(len(held))
        .take(range(turn * some, (turn + 1) * some), mode="wrap")
    )
    batch = held.take(numbers)
    pictures = np.broadcast_to(batch.values, (*batch.values.shape[:3], 3))
    labels = batch.labels if sampler.classes else np.full(len(numbers), -1)
    return [
        (np.ascontiguousarray(picture), int(label)) for picture, label in zip(pictures, labels, strict=True)
    ]
