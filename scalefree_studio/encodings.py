"""A data set encoded into a folder that needs nothing else: shards, and the model that made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .data.datasets import load_dataset
from .data.download import Progress
from .data.encoded import Encoder
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
from .storage.run_folder import RunFolder
from .storage.tensors import write_tensors


def pictures_for(
    checkpoint: Checkpoint,
    spec: str | None = None,
    *,
    size: Size | None = None,
    latents: bool = False,
    data_root: Path | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The pictures of a data set as a model knows them, or those that it learnt, with what judged it."""
    checkpoint = coder_of(checkpoint)
    model: Codec | Latents = latents_of(checkpoint) if latents else codec_of(checkpoint)
    validation = "" if spec else validation_learnt(checkpoint)
    spec = spec or spec_learnt(checkpoint)
    dataset = load_dataset(spec, data_root, model.channels, size or model.size, progress=progress)
    return load_validation(dataset, validation, data_root, progress=progress) if validation else dataset


def encode_dataset(
    checkpoint: Checkpoint,
    dataset: Dataset,
    folder: Path,
    *,
    latents: str = "",
    device: str = "cpu",
    progress: Progress | None = None,
) -> Dataset:
    """Pictures as tokens, or as latents of a type of numbers, in a folder that is a data set by itself. What was begun
    in it is gone on with; a folder of anything else is refused."""
    checkpoint = coder_of(checkpoint)
    if dataset.made_by or len(dataset.shape) != 3:
        raise UserError(f"{dataset.name} is encoded already; name a data set of pictures.")
    made_by, encoder = _encoder(checkpoint, dataset, latents, device)
    encoder.shape(dataset.shape)  # what cannot be cut is said before anything is written
    with RunFolder(folder):
        found = write_encoded(dataset, encoder, made_by, folder, progress)
        with write_errors(folder):
            about: dict[str, Any] = {"kind": checkpoint.kind, "step": checkpoint.step, **checkpoint.about}
            write_tensors(folder / MODEL, checkpoint.model, about)
    return found


def _encoder(checkpoint: Checkpoint, dataset: Dataset, latents: str, device: str) -> tuple[MadeBy, Encoder]:
    encoder: Encoder
    if latents:
        model = latents_of(checkpoint, device)
        channels, fingerprint, encoder = model.channels, model.fingerprint(), LatentValues(model, latents)
    else:
        codec = codec_of(checkpoint, device)
        channels, fingerprint, encoder = codec.channels, codec.fingerprint(), CodecTokens(codec)
    check_channels(dataset, channels)
    height, width, _ = dataset.shape
    return MadeBy(fingerprint, encoder.what, (height, width, channels)), encoder
