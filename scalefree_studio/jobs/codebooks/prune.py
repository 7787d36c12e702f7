"""Pruning: codes that a data set hardly uses are taken out of a model; those that stay are numbered anew.

K codes before, L after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.download import Progress
from ...data.examples import Examples
from ...data.sources import Dataset
from ...errors import UserError
from ...models.codebooks.nearest import nearest
from ...snapshot import Array, Bytes, Checkpoint
from ..codec import Codec
from ..encoding import check_channels
from ..instruments import codec_of
from ..training.lesson import rows_of
from .lesson import VQVAELesson
from .map_lesson import CodebookLesson, codebook_codec

AT_ONCE = 2**18  # pixels
Counts = npt.NDArray[np.int64]
# Arrays of a codebook of a VQ-VAE with a row for each code.
BY_CODE = ("vectors", "sums", "counts", "revived")


@dataclass(frozen=True)
class PrunedStage:
    codes: int  # before
    left: int
    new: Counts  # (K,): what each code is now, itself or the nearest that stays


@dataclass(frozen=True)
class Pruned:
    checkpoint: Checkpoint  # the model without those codes
    stages: tuple[PrunedStage, ...]
    error_before: float  # mean squared, of held-out pictures in [0, 1]
    error: float


def pruned(
    checkpoint: Checkpoint,
    dataset: Dataset,
    threshold: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Pruned:
    """The model without the codes that are used less often than this by the pictures learnt from, or a UserError."""
    before = _codec(checkpoint, device)
    if dataset.made_by:
        raise UserError(f"{dataset.name} is encoded; codes are counted over pictures.")
    check_channels(dataset, before.channels)
    if checkpoint.kind == VQVAELesson.kind:
        slimmer = _vqvae(checkpoint, usage_over(before, dataset.train, progress), threshold)
    else:
        counted = codebook_codec(_unpruned(checkpoint), device)
        slimmer = _codebook(checkpoint, usage_over(counted, dataset.train, progress), threshold)
    after = _codec(slimmer, device)
    stages = []
    for stage, (one, other) in enumerate(zip(before.grids(), after.grids(), strict=True)):
        old, left = (torch.from_numpy(codec.vectors(stage)) for codec in (before, after))
        stages.append(PrunedStage(one.codes, other.codes, nearest(old, left).numpy()))
    return Pruned(
        slimmer, tuple(stages), *(_error(codec, dataset.held, progress) for codec in (before, after))
    )


def _codec(checkpoint: Checkpoint, device: str) -> Codec:
    fsq = dict(checkpoint.about.get("controls", {})).get("quantiser") == "fsq"
    if checkpoint.kind not in (VQVAELesson.kind, CodebookLesson.kind) or fsq:
        what = "has no codebook" if fsq else f"is of kind {checkpoint.kind!r}"
        raise UserError(f"This model {what}; a codebook, or a VQ-VAE with one, can be pruned.")
    return codec_of(checkpoint, device)


def usage_over(codec: Codec, examples: Examples, progress: Progress | None = None) -> list[Counts]:
    """How many tokens of pictures each code stands for, (K,) a stage."""
    counts = [np.zeros(grid.codes, np.int64) for grid in codec.grids()]
    for part, pictures in _parts(examples):
        for own, tokens in zip(counts, codec.encode(pictures), strict=True):
            own += np.bincount(tokens.ravel(), minlength=len(own))
        if progress:
            progress("Counting codes", part.stop, len(examples))
    return counts


def _parts(examples: Examples) -> Iterator[tuple[slice, Bytes]]:
    each = int(np.prod(examples.shape[:2]))
    for part in rows_of(len(examples), max(1, AT_ONCE // each)):
        yield part, np.asarray(examples.take(np.arange(part.start, part.stop)).values, np.uint8)


def _error(codec: Codec, held: Examples, progress: Progress | None) -> float:
    total = 0.0
    for part, pictures in _parts(held):
        made = codec.decode(codec.encode(pictures)).astype(np.float64)
        total += float(np.square((made - pictures) / 255).sum())
        if progress:
            progress("Measuring", part.stop, len(held))
    return total / (len(held) * int(np.prod(held.shape)))


def _enough(counts: Counts, threshold: int) -> npt.NDArray[np.bool_]:
    stays = counts >= threshold
    if not stays.any():
        raise UserError(f"No code is used {threshold:,} times; the most used one reaches {counts.max():,}.")
    return stays


# ---- A VQ-VAE: its codes are fewer ----


def _vqvae(checkpoint: Checkpoint, counts: Sequence[Counts], threshold: int) -> Checkpoint:
    usage = np.stack(counts)  # (S, K): all stages share the codes
    stays = _enough(usage.sum(0), threshold)
    model: dict[str, Array] = {}
    for name, array in checkpoint.model.items():
        place, _, last = name.rpartition(".")
        if place == "quantiser.codebook" and last in BY_CODE:
            array = array[stays]
        elif place == "quantiser.usage" and last in ("now", "last"):
            array = (usage if last == "last" else np.zeros_like(usage))[:, stays]
        model[name] = array
    return _with(checkpoint, model, {"codes": int(stays.sum())})


# ---- A codebook: its maps stay as they are, but some units are not alive ----


def _unpruned(checkpoint: Checkpoint) -> Checkpoint:
    model = {n: np.ones_like(a) if n.endswith(".alive") else a for n, a in checkpoint.model.items()}
    return _with(checkpoint, model, {"prune_below": 0})


def _codebook(checkpoint: Checkpoint, counts: Sequence[Counts], threshold: int) -> Checkpoint:
    """Units keep their places on the map, and may live again where training goes on with another threshold."""
    model = dict(checkpoint.model)
    for stage, usage in enumerate(counts):
        own = f"maps.{stage}."
        model |= {own + "alive": _enough(usage, threshold), own + "usage.last": usage[None]}
    return _with(checkpoint, model, {"prune_below": threshold})


def _with(checkpoint: Checkpoint, model: dict[str, Array], controls: dict[str, Any]) -> Checkpoint:
    known = dict(checkpoint.about.get("controls", {}))
    about = {**checkpoint.about, "controls": {**known, **controls}}
    return Checkpoint(checkpoint.kind, checkpoint.step, about, model)
