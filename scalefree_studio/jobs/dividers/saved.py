"""What a divider model file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...controls import controls_of, edited
from ...errors import UserError
from ...models.dividers import network as dividers
from ...models.dividers.network import Params
from ...snapshot import Array, Checkpoint
from ..job import Limit
from .controls import FitControls, made_of
from .learner import Moments

KIND = "dividers"


@dataclass(frozen=True)
class SavedModel:
    """What a divider model file holds, checked."""

    params: Params
    unit_ids: Array
    target: Array
    controls: FitControls


def read_model(checkpoint: Checkpoint) -> SavedModel:
    """The model of a checkpoint, or a UserError in one sentence."""
    if checkpoint.kind != KIND:
        raise UserError(f"This is a model of kind {checkpoint.kind!r}, not a divider network.")
    try:
        params = dividers.params_from_arrays(checkpoint.model)
        target = checkpoint.model["target"]
        if target.dtype != np.uint8 or target.ndim != 3 or target.shape[2] != 3 or target.size == 0:
            raise ValueError("its target is no picture")
        known = {c.name for c in controls_of(FitControls)}
        values = {n: v for n, v in dict(checkpoint.about.get("controls", {})).items() if n in known}
        ids = checkpoint.model.get("unit_ids", np.arange(sum(dividers.unit_counts(params).values())))
        controls = edited(FitControls(), values)
        if controls.made_of is None and controls.units:  # older ones do not say it
            controls = replace(controls, made_of=made_of(controls))
        return SavedModel(params, checked_ids(ids, params), target, controls)
    except (KeyError, ValueError, TypeError) as error:  # ControlError is a ValueError
        raise UserError(f"The model is damaged: {str(error).rstrip('.')}.") from None


def checked_ids(ids: Array, params: Params) -> Array:
    """The units' ids, (U,), or a ValueError."""
    if ids.shape != (sum(dividers.unit_counts(params).values()),) or len(np.unique(ids)) != len(ids):
        raise ValueError("its units are not numbered one by one")
    return ids.astype(np.int64)


def read_moments(trainer: Mapping[str, Array], params: Params, updates: int) -> Moments:
    """What the optimizer remembers of these parameters, from the trainer part of a checkpoint."""
    mean, square = (
        {n: torch.from_numpy(trainer[f"{which}.{n}"].copy()).to(p).view_as(p) for n, p in params.items()}
        for which in ("mean", "square")
    )
    return mean, square, updates


def read_limit(saved: Mapping[str, Any]) -> Limit:
    steps, seconds = saved.get("steps"), saved.get("seconds")
    return Limit(None if steps is None else int(steps), None if seconds is None else float(seconds))


def info_of(saved: SavedModel) -> dict[str, Any]:
    """What `info` says of a model."""
    counts = {
        f"{kind}s" if kind in ("line", "circle") else kind: n
        for kind, n in dividers.unit_counts(saved.params).items()
        if n
    }
    height, width = saved.target.shape[:2]
    numbers = dividers.count_numbers(saved.params)
    return {"target": f"{width}x{height}", "units": counts, "numbers": numbers}


def arrays_of(params: Params, prefix: str = "") -> dict[str, Array]:
    return {prefix + name: tensor.cpu().numpy() for name, tensor in params.items()}
