"""What a trained autoencoder, or that of a VQ-VAE, makes of pictures: latents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...controls import values_of
from ...errors import UserError
from ...models.codebooks.autoencoder import Autoencoder, AutoencoderShape
from ...models.codebooks.network import scaled
from ...snapshot import Array, Bytes, Checkpoint
from ..latents import Floats
from ..training.learnt import shape_learnt
from ..training.lesson import BESIDE
from ..training.weights import arrays_of, tensors_of, weights_of
from .lesson import AutoencoderLesson, VQVAELesson

CARRIED = f"{BESIDE}autoencoder."  # begins the names of its arrays in a model that carries it


@dataclass(frozen=True, eq=False)
class PictureLatents:
    autoencoder: Autoencoder
    size: tuple[int, int]
    kind: str = "autoencoder"

    @property
    def channels(self) -> int:
        return self.autoencoder.shape.channels

    def shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        rows, columns = self.autoencoder.map_size(*size)
        return self.autoencoder.latent, rows, columns

    @torch.no_grad()
    def encode(self, pictures: Bytes) -> Floats:
        device = next(self.autoencoder.parameters()).device
        x = scaled(torch.from_numpy(np.ascontiguousarray(pictures)).to(device))
        return np.asarray(self.autoencoder.encode(x).cpu().numpy(), np.float32)

    def fingerprint(self) -> str:
        found = hashlib.blake2b(repr(sorted(shape_values(self.autoencoder).items())).encode(), digest_size=16)
        for name, array in sorted(arrays_of(weights_of(self.autoencoder)).items()):
            found.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def latents_of(checkpoint: Checkpoint, device: str = "cpu") -> PictureLatents:
    """Those of the model of a checkpoint, or a UserError."""
    if checkpoint.kind == VQVAELesson.kind:
        autoencoder = VQVAELesson.read_network(checkpoint).autoencoder
    elif checkpoint.kind == AutoencoderLesson.kind:
        autoencoder = AutoencoderLesson.read_network(checkpoint)
    else:
        raise UserError(f"A model of kind {checkpoint.kind!r} is not an autoencoder; name one, or a VQ-VAE.")
    height, width, _ = shape_learnt(checkpoint)
    return PictureLatents(frozen(autoencoder).to(device), (height, width), checkpoint.kind)


def frozen(autoencoder: Autoencoder) -> Autoencoder:
    """It does not learn any more."""
    return autoencoder.eval().requires_grad_(False)


# What a model carries of the autoencoder whose latents it knows: its shape among its controls, its weights beside.


def shape_values(autoencoder: Autoencoder) -> dict[str, Any]:
    return values_of(autoencoder.shape)


def carried_arrays(autoencoder: Autoencoder) -> dict[str, Array]:
    return arrays_of(weights_of(autoencoder), CARRIED)


def carried_autoencoder(shape: AutoencoderShape, model: Mapping[str, Array]) -> Autoencoder:
    """Out of a model that carries it, or a UserError."""
    arrays = {name.removeprefix(CARRIED): a for name, a in model.items() if name.startswith(CARRIED)}
    try:
        with torch.random.fork_rng(devices=[]):
            autoencoder = Autoencoder(shape)
        autoencoder.load_state_dict(tensors_of(arrays))
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"The autoencoder in this model is damaged ({str(error).splitlines()[0].rstrip(':.')})."
        ) from None
    return frozen(autoencoder)
