"""What a network of a checkpoint has learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ...data.datasets import load_dataset
from ...data.download import Progress
from ...data.sources import Dataset
from ...data.validation import load_validation
from ...errors import UserError
from ...snapshot import Checkpoint
from .lesson import Lesson
from .trainer import evaluate


def shape_learnt(checkpoint: Checkpoint) -> tuple[int, int, int]:
    """Height, width and channels of the pictures that a network learnt from."""
    try:
        height, width, channels = (int(n) for n in checkpoint.about["dataset"]["shape"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "This model does not say what pictures it learned; it is damaged, or from another program."
        ) from None
    return height, width, channels


def name_learnt(checkpoint: Checkpoint) -> str:
    """What a network learnt, in a word."""
    dataset = checkpoint.about.get("dataset")
    return str(dataset.get("name", "pictures")) if isinstance(dataset, dict) else "pictures"


def spec_learnt(checkpoint: Checkpoint) -> str:
    """What finds the data set again that a network learnt from, or a UserError."""
    dataset = checkpoint.about.get("dataset")
    if not isinstance(dataset, dict) or not isinstance(dataset.get("spec"), str):
        raise UserError(
            "This model does not say what it learned from; it is damaged, or from another program."
        )
    return str(dataset["spec"])


def validation_learnt(checkpoint: Checkpoint) -> str:
    """What finds the data set again by which a network was judged; empty where that is the one that it learnt from."""
    validation = checkpoint.about.get("validation")
    return str(validation.get("spec", "")) if isinstance(validation, dict) else ""


def dataset_learnt(
    checkpoint: Checkpoint,
    spec: str | None = None,
    root: str | Path | None = None,
    progress: Progress | None = None,
    download: bool = True,
    validation: str | None = None,
) -> Dataset:
    """The data set that a network learnt from, with what judged it; or another whose examples are of the same size,
    with what is to judge."""
    if spec is None:
        validation = validation or validation_learnt(checkpoint)
    saved = checkpoint.about.get("dataset")
    if not isinstance(saved, dict) or not isinstance(saved.get("shape"), list):
        raise UserError(
            "This model does not say what it learned from; it is damaged, or from another program."
        )
    spec = spec or str(saved.get("spec", ""))
    if len(saved["shape"]) == 3 and not saved.get("latents"):  # pictures, which can be made to fit
        height, width, channels = shape_learnt(checkpoint)
        dataset = load_dataset(spec, root, channels, (height, width), download, progress)
    else:
        dataset = load_dataset(spec, root, download=download, progress=progress)
    if list(dataset.shape) != saved["shape"]:
        size = "x".join(map(str, saved["shape"]))
        raise UserError(f"The model knows examples of {size}; those of {dataset.name} are of another size.")
    known = checkpoint.about.get("classes") or []
    if dict(checkpoint.about.get("controls", {})).get("classes") and list(dataset.classes) != list(known):
        raise UserError(
            f"The model knows different classes from those of {dataset.name}: {', '.join(map(str, known))}."
        )
    return load_validation(dataset, validation, root, download, progress) if validation else dataset


def evaluation(
    checkpoint: Checkpoint, lesson: Lesson[Any, Any], device: str = "cpu", progress: Progress | None = None
) -> dict[str, Any]:
    """How good the network of a checkpoint is on all held-out examples."""
    network, controls = lesson.read_network(checkpoint).to(device), lesson.controls_of(checkpoint)
    lesson.restore(checkpoint)
    data = lesson.dataset
    loss = evaluate(lesson, data, network, controls, torch.device(device), progress)
    results = lesson.results(loss, controls) | lesson.measured(network, controls)
    of = {"of": data.of} if data.of > len(data.held) else {}
    return {"dataset": data.held_name, "pictures": len(data.held), **of, **results}
