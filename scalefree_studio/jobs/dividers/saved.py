"""What a divider model file holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...controls import controls_of, edited
from ...errors import UserError
from ...models.dividers import network as dividers
from ...models.dividers.network import Params
from ...snapshot import Array, Checkpoint
from .controls import FitControls

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
        counts = dividers.unit_counts(params)
        ids = checkpoint.model.get("unit_ids", np.arange(sum(counts.values())))
        if ids.shape != (sum(counts.values()),) or len(np.unique(ids)) != len(ids):
            raise ValueError("its units are not numbered one by one")
        return SavedModel(params, ids.astype(np.int64), target, edited(FitControls(), values))
    except (KeyError, ValueError, TypeError) as error:  # ControlError is a ValueError
        raise UserError(f"The model is damaged: {str(error).rstrip('.')}.") from None
