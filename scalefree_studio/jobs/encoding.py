"""Data sets encoded once: pictures become the tokens of a codec, or the latents of an autoencoder.

B pictures of h × w pixels, C channels; N tokens a picture, those of all stages one stage after the other, each row by
row; latents of Z channels, H × W.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import encoded as data
from ..data.download import Progress
from ..data.shards import MadeOf
from ..data.sources import Dataset, MadeBy
from ..errors import UserError
from ..snapshot import Bytes
from .codec import Codec, Grid, Tokens
from .instruments import read_codec
from .latents import Floats, Latents

AT_ONCE = 2**16  # pixels: what a network makes of them on the way is many times larger


@dataclass(frozen=True, eq=False)
class CodecTokens:
    """Pictures become the tokens of a codec: (N,)."""

    codec: Codec
    what = "tokens"
    at_once = AT_ONCE

    @property
    def name(self) -> str:
        return self.codec.kind

    @cached_property
    def made_of(self) -> MadeOf:
        return {"model": self.codec.fingerprint()}

    @property
    def tokens(self) -> int:
        """The most codes of a stage."""
        return max(grid.codes for grid in self.codec.grids())

    @property
    def dtype(self) -> str:
        return data.token_type(self.tokens)

    def shape(self, pictures: tuple[int, ...]) -> tuple[int, ...]:
        return (sum(grid.count for grid in self.codec.grids((pictures[0], pictures[1]))),)

    def encode(self, pictures: Bytes) -> npt.NDArray[np.int64]:
        return joined(self.codec.encode(pictures))


@dataclass(frozen=True, eq=False)
class LatentValues:
    """Pictures become latents (Z, H, W)."""

    latents: Latents
    dtype: str = "float32"
    what = "latents"
    at_once = AT_ONCE
    tokens = 0

    @property
    def name(self) -> str:
        return self.latents.kind

    @cached_property
    def made_of(self) -> MadeOf:
        return {"model": self.latents.fingerprint(), "type": self.dtype}

    def shape(self, pictures: tuple[int, ...]) -> tuple[int, ...]:
        return self.latents.shape((pictures[0], pictures[1]))

    def encode(self, pictures: Bytes) -> Floats:
        return self.latents.encode(pictures)


def encoded(dataset: Dataset, codec: Codec, progress: Progress | None = None) -> Dataset:
    """The data set with tokens (N,) of this codec for pictures, made once: in memory, or where it is large on disk.
    One that is encoded already stays as it is, if it was this codec that did it."""
    if dataset.made_by is None:
        check_channels(dataset, codec.channels)
    return _encoded(dataset, CodecTokens(codec), codec.fingerprint(), progress)


def latents_of_all(
    dataset: Dataset, latents: Latents, progress: Progress | None = None, dtype: str = "float32"
) -> Dataset:
    """Likewise with latents (Z, H, W) for pictures."""
    if dataset.made_by is None:
        check_channels(dataset, latents.channels)
    return _encoded(dataset, LatentValues(latents, dtype), latents.fingerprint(), progress)


def _encoded(dataset: Dataset, encoder: data.Encoder, model: str, progress: Progress | None) -> Dataset:
    made_by = dataset.made_by
    if made_by is None:
        height, width, channels = dataset.shape
        made_by = MadeBy(model, encoder.what, (height, width, channels))
        return replace(data.encoded(dataset, encoder, progress), made_by=made_by)
    if made_by.what != encoder.what:
        raise UserError(f"{dataset.name} holds {made_by.what}, but {encoder.what} are needed.")
    if made_by.fingerprint != model:
        raise UserError(
            f"The {made_by.what} of {dataset.name} were made by a different model from the one you named; "
            "encode its pictures with this one, or name the other."
        )
    return dataset


def check_channels(dataset: Dataset, channels: int) -> None:
    """A UserError where a model knows pictures of other channels."""
    if len(dataset.shape) != 3 or dataset.shape[2] != channels:
        knows = "grey pictures" if channels == 1 else "pictures in colour"
        raise UserError(f"The model knows {knows}; those of {dataset.name} are not.")


def codec_for(dataset: Dataset, source: str = "", device: str = "cpu") -> Codec:
    """The codec of a model file, a run or `model:NAME`; or, where none is named, the one that encoded the data set."""
    if source:
        return read_codec(source, device)
    if dataset.made_by is None or dataset.made_by.model is None:
        raise UserError(
            f"A model with codes turns pictures into tokens: name one, or encode {dataset.name} with one first."
        )
    return read_codec(str(dataset.made_by.model), device)


# The tokens of a picture as a single row, and back.


def joined(stages: Sequence[Tokens]) -> npt.NDArray[np.int64]:
    """Grids of tokens (B, H, W) a stage as rows (B, N)."""
    return np.concatenate([tokens.reshape(len(tokens), -1) for tokens in stages], axis=1)


def parted(values: npt.NDArray[Any], grids: Sequence[Grid]) -> list[Tokens]:
    """Rows (B, N) as grids of tokens (B, H, W) a stage."""
    ends = np.cumsum([grid.count for grid in grids])
    if values.shape[1] != ends[-1]:
        raise ValueError(f"{values.shape[1]} tokens are not those of {len(grids)} stages")
    parts = np.split(values.astype(np.int64), ends[:-1], axis=1)
    return [part.reshape(-1, grid.rows, grid.columns) for part, grid in zip(parts, grids, strict=True)]
