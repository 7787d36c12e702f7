"""What a divider model file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...controls import controls_of, edited
from ...errors import UserError
from ...models.dividers import network as dividers
from ...models.dividers.network import Params
from ...snapshot import Array, Checkpoint
from ..job import Limit
from .controls import FitControls, best_division, made_of
from .learner import Learnt, Moments

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
        controls = _as_divided(edited(FitControls(), values))
        if controls.units:  # older ones do not say what they are made of
            controls = replace(controls, made_of=made_of(controls))
        return SavedModel(params, checked_ids(ids, params), target, controls)
    except (KeyError, ValueError, TypeError) as error:  # ControlError is a ValueError
        raise UserError(f"The model is damaged: {str(error).rstrip('.')}.") from None


def _as_divided(controls: FitControls) -> FitControls:
    """A budget that was divided otherwise when the model was made is kept as that division."""
    ways = [best_division(controls.numbers, colours) for colours in (1, 2, 3)] if controls.numbers else [{}]
    kept = any(all(getattr(controls, name) == value for name, value in way.items()) for way in ways)
    return controls if kept else replace(controls, numbers=0)


def checked_ids(ids: Array, params: Params) -> Array:
    """The units' ids, (U,), or a ValueError."""
    if ids.shape != (sum(dividers.unit_counts(params).values()),) or len(np.unique(ids)) != len(ids):
        raise ValueError("its units are not numbered one by one")
    return ids.astype(np.int64)


def read_trainer(
    trainer: Mapping[str, Array], params: Params, about: Mapping[str, Any]
) -> tuple[Moments | None, Tensor | None]:
    """(what the optimizer remembers of these parameters, which cells each tile looked at (T, K)), as far as that was
    kept, or an error."""
    if not trainer:
        return None, None
    mean, square = (
        {n: torch.from_numpy(trainer[f"{which}.{n}"].copy()).to(p).view_as(p) for n, p in params.items()}
        for which in ("mean", "square")
    )
    moments = mean, square, int(about["updates"])
    if "looked_at" not in trainer:
        return moments, None
    looked_at = torch.from_numpy(trainer["looked_at"].astype(np.int64)).to(params["out_bias"].device)
    cells = dividers.unit_counts(params)["cell"]
    if looked_at.dim() != 2 or not cells or not ((looked_at >= 0) & (looked_at < cells)).all():
        raise ValueError("its tiles look at cells that are not there")
    return moments, looked_at


def trainer_arrays(learnt: Learnt, random: Tensor, mask: Array | None) -> dict[str, Array]:
    """What learning needs to go on exactly: the optimizer's memory, what the tiles look at, the random numbers."""
    mean, square, _ = learnt.moments
    arrays = arrays_of(mean, "mean.") | arrays_of(square, "square.") | {"random": random.numpy()}
    if mask is not None:
        arrays["mask"] = mask
    if learnt.looked_at is not None:
        arrays["looked_at"] = learnt.looked_at.cpu().numpy()
    return arrays


def read_limit(saved: Mapping[str, Any]) -> Limit:
    steps, seconds = saved.get("steps"), saved.get("seconds")
    return Limit(None if steps is None else int(steps), None if seconds is None else float(seconds))


def info_of(saved: SavedModel) -> dict[str, Any]:
    """What `info` says of a model."""
    counts = {
        f"{kind}s" if kind in ("line", "circle", "cell") else kind: n
        for kind, n in dividers.unit_counts(saved.params).items()
        if n
    }
    height, width = saved.target.shape[:2]
    numbers = dividers.count_numbers(saved.params)
    return {"target": f"{width}x{height}", "units": counts, "numbers": numbers}


def arrays_of(params: Params, prefix: str = "") -> dict[str, Array]:
    return {prefix + name: tensor.cpu().numpy() for name, tensor in params.items()}
