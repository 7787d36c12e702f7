"""A data set encoded into a folder that needs nothing else: shards, and the model that made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .data.datasets import load_dataset
from .data.download import Progress
from .data.encoded_folder import MODEL, write_encoded
from .data.sources import Dataset, MadeBy, Size
from .data.validation import load_validation
from .errors import UserError
from .files import write_errors
from .jobs.codec import Codec
from .jobs.encoding import CodecTokens, LatentValues, check_channels
from .jobs.instruments import codec_of, coder_of, latents_of
from .jobs.latents import Latents
from .jobs.training.learnt import spec_learnt, validation_learnt
from .snapshot import Checkpoint
from .storage.tensors import write_tensors


def encode_dataset(
    checkpoint: Checkpoint,
    folder: Path,
    spec: str | None = None,
    *,
    size: Size | None = None,
    latents: str = "",
    data_root: Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Dataset:
    """The pictures of a data set, or of the one that the model learnt, as tokens; or as latents of a type of numbers.

    The folder is a data set by itself. What was begun in it is gone on with; a folder of anything else is refused.
    """
    checkpoint = coder_of(checkpoint)
    model: Codec | Latents = latents_of(checkpoint, device) if latents else codec_of(checkpoint, device)
    encoder = LatentValues(model, latents) if latents else CodecTokens(model)  # type: ignore[arg-type]
    validation = "" if spec else validation_learnt(checkpoint)
    shape = size or model.size
    dataset = load_dataset(
        spec or spec_learnt(checkpoint), data_root, model.channels, shape, progress=progress
    )
    if validation:
        dataset = load_validation(dataset, validation, data_root, progress=progress)
    if dataset.made_by:
        raise UserError(f"{dataset.name} is encoded already; name a data set of pictures.")
    check_channels(dataset, model.channels)
    made_by = MadeBy(model.fingerprint(), encoder.what, (*shape, model.channels))
    encoder.shape(dataset.shape)  # what cannot be cut is said before anything is written
    found = write_encoded(dataset, encoder, made_by, folder, progress)
    with write_errors(folder):
        about: dict[str, Any] = {"kind": checkpoint.kind, "step": checkpoint.step, **checkpoint.about}
        write_tensors(folder / MODEL, checkpoint.model, about)
    return found
