"""What a saved PixelCNN is, and reading it back with suspicion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...controls import controls_of, edited
from ...data.datasets import Dataset, load_dataset
from ...data.download import Progress
from ...errors import UserError
from ...models.pixelcnn.network import PixelCNN, PixelCNNShape
from ...snapshot import Array, Checkpoint
from .controls import TrainControls

KIND = "pixelcnn"


def shape_of(controls: TrainControls) -> PixelCNNShape:
    """The network's part of the controls."""
    return PixelCNNShape(**{c.name: getattr(controls, c.name) for c in controls_of(PixelCNNShape)})


def controls_learnt(checkpoint: Checkpoint) -> TrainControls:
    known = {c.name for c in controls_of(TrainControls)}
    saved = dict(checkpoint.about.get("controls", {}))
    return edited(TrainControls(), {n: v for n, v in saved.items() if n in known})


def shape_learnt(checkpoint: Checkpoint) -> tuple[int, int, int]:
    """Height, width and channels of the pictures that a network learnt from."""
    try:
        height, width, channels = (int(n) for n in checkpoint.about["dataset"]["shape"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "This model does not say what pictures it learnt; it is no PixelCNN, or damaged."
        ) from None
    return height, width, channels


def dataset_learnt(
    checkpoint: Checkpoint,
    spec: str | None = None,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The data set that a network learnt from, or another whose pictures are as large."""
    height, width, channels = shape_learnt(checkpoint)
    spec = spec or str(checkpoint.about["dataset"].get("spec", ""))
    dataset = load_dataset(spec, root, channels, height if height == width else None, progress=progress)
    if dataset.shape != (height, width, channels):
        raise UserError(
            f"The model knows pictures of {height}x{width}x{channels}; those of {dataset.name} are others."
        )
    return dataset


def read_pixelcnn(checkpoint: Checkpoint) -> PixelCNN:
    """The network of a checkpoint, ready to draw, or a UserError in one sentence."""
    if checkpoint.kind != KIND:
        raise UserError(f"This is a model of kind {checkpoint.kind!r}, not a PixelCNN.")
    try:
        model = PixelCNN(replace(shape_of(controls_learnt(checkpoint)), dropout=0.0))
        weights = {name: tensor_of(array) for name, array in checkpoint.model.items()}
        if weights.keys() != dict(model.named_parameters()).keys():
            raise ValueError("its weights are not those of its controls")
        if not all(torch.isfinite(w).all() for w in weights.values()):
            raise ValueError("it holds numbers that are not finite")
        model.load_state_dict(weights, strict=False)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:  # ControlError is a ValueError
        raise UserError(f"The model is damaged: {str(error).splitlines()[0].rstrip('.')}.") from None
    return model.eval()


def arrays_of(tensors: Mapping[str, Tensor], prefix: str = "") -> dict[str, Array]:
    return {prefix + name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


def tensor_of(array: Array, like: Tensor | None = None) -> Tensor:
    """A tensor of these numbers; where and as `like` lies in memory: fused optimizers rely on it."""
    tensor = torch.from_numpy(np.array(array))
    if like is None:
        return tensor
    if tensor.shape != like.shape:
        raise ValueError(f"{tuple(tensor.shape)} where {tuple(like.shape)} should be")
    return torch.empty_like(like).copy_(tensor)


def adam_of(arrays: Mapping[str, Array], prefix: str, parameter: Tensor) -> dict[str, Tensor]:
    """What AdamW kept of a parameter: everything, or nothing where it had not begun."""
    if not any(name.startswith(prefix) for name in arrays):
        return {}
    step = torch.tensor(float(arrays[f"{prefix}step"]), dtype=torch.float32, device=parameter.device)
    return {"step": step} | {
        name: tensor_of(arrays[prefix + name], parameter) for name in ("exp_avg", "exp_avg_sq")
    }
