"""A codec without a network: how bright a picture is, and how bright each of its cells of 2 × 2 pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from scalefree_studio.errors import UserError
from scalefree_studio.jobs import instruments
from scalefree_studio.jobs.codec import Bools, Codec, Grid, Tokens
from scalefree_studio.jobs.instruments import Instrument, Registry
from scalefree_studio.snapshot import Array, Bytes, Checkpoint

KIND, CELL = "fake-codec", 2


class FakeCodec(Codec):
    kind = KIND
    size, channels = (8, 8), 1

    def __init__(self, codes: int = 8):
        self.codes = codes
        self.pictures = 0  # that were encoded

    def grids(self, size: tuple[int, int] | None = None) -> tuple[Grid, ...]:
        height, width = size or self.size
        if height % CELL or width % CELL:
            raise UserError(f"Pictures of {width}×{height} cannot be cut into cells of {CELL}.")
        return Grid(1, 1, self.codes), Grid(height // CELL, width // CELL, self.codes)

    def encode(self, pictures: Bytes) -> list[Tokens]:
        self.pictures += len(pictures)
        B, h, w, C = pictures.shape
        cells = pictures.reshape(B, h // CELL, CELL, w // CELL, CELL * C).mean((2, 4))  # (B, H, W)
        stages = cells.mean((1, 2), keepdims=True), cells
        return [(brightness * self.codes / 256).astype(np.int64) for brightness in stages]

    def decode(self, tokens: Sequence[Tokens], drawn: Sequence[Bools] | None = None) -> Bytes:
        grey = ((tokens[-1] + 0.5) * 256 / self.codes).astype(np.uint8)
        return grey.repeat(CELL, 1).repeat(CELL, 2)[..., None]

    def tiles(self, stage: int = 0) -> Bytes:
        return np.zeros((self.codes, CELL, CELL, 3), np.uint8)

    def vectors(self, stage: int = 0) -> np.ndarray:
        return np.arange(self.codes, dtype=np.float32)[:, None]

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        dataset = {"name": "digits", "spec": "digits", "shape": [*self.size, self.channels]}
        return {"controls": {"codes": self.codes}, "dataset": dataset}, {"levels": np.arange(self.codes)}

    def checkpoint(self) -> Checkpoint:
        about, model = self.saved()
        return Checkpoint(KIND, 7, about, model, {})


class FakeLatents:
    """Pictures as they are, from 0 to 1, cell by cell: (4, H, W)."""

    kind = KIND
    size, channels = FakeCodec.size, FakeCodec.channels

    def shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        return CELL * CELL, size[0] // CELL, size[1] // CELL

    def encode(self, pictures: Bytes) -> np.ndarray:
        B, h, w, _ = pictures.shape
        cells = pictures.reshape(B, h // CELL, CELL, w // CELL, CELL).transpose(0, 2, 4, 1, 3)
        return cells.reshape(B, *self.shape((h, w))).astype(np.float32) / 255

    def fingerprint(self) -> str:
        return "latents"


def add_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the studio knows models of this kind."""

    def codec(checkpoint: Checkpoint, device: str) -> FakeCodec:
        return FakeCodec(int(checkpoint.about["controls"]["codes"]))

    fake = Instrument(
        "fake", "Fake", "A fake", "", codecs={KIND: codec}, latents={KIND: lambda *_: FakeLatents()}
    )
    known = instruments.registry()
    monkeypatch.setattr(
        instruments, "registry", lambda: Registry({**known.instruments, "fake": fake}, known.troubles)
    )
