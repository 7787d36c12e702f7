"""A codec without a network: tokens are how bright tiles of a picture are on average.

The coarsest stage is one tile, the next has 2 × 2 and so on, each with an alphabet of its own, so that no stage can be
taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scalefree_studio.jobs.codec import Bools, Codec, Grid, Tokens
from scalefree_studio.jobs.instruments import instruments
from scalefree_studio.snapshot import Array, Bytes, Checkpoint
from scalefree_studio.storage.run_folder import RunFolder

KIND = "tiles"


class TileCodec(Codec):
    kind = KIND

    def __init__(
        self,
        levels: Sequence[int] = (3, 4, 5),
        size: tuple[int, int] = (8, 8),
        channels: int = 1,
        adds: bool = False,
        device: str = "cpu",
    ):
        self.levels, self.size, self.channels, self.adds = tuple(levels), size, channels, adds
        self.device = torch.device(device)
        self.asked: list[list[int]] = []  # of every decoding, how many pictures of so many stages

    @classmethod
    def made(cls, checkpoint: Checkpoint, device: str = "cpu") -> TileCodec:
        about = checkpoint.about["controls"]
        return cls(
            checkpoint.model["levels"].tolist(),
            tuple(about["size"]),
            about["channels"],
            about["adds"],
            device,
        )

    def grids(self, size: tuple[int, int] | None = None) -> tuple[Grid, ...]:
        return tuple(Grid(2**stage, 2**stage, levels) for stage, levels in enumerate(self.levels))

    def encode(self, pictures: Bytes) -> list[Tokens]:
        found = []
        for grid in self.grids():
            (B, h, w, C), H, W = pictures.shape, grid.rows, grid.columns
            mean = pictures.reshape(B, H, h // H, W, w // W, C).mean(axis=(2, 4, 5))  # (B, H, W)
            found.append((mean * grid.codes / 256).astype(np.int64))
        return found

    def decode(self, tokens: Sequence[Tokens], drawn: Sequence[Bools] | None = None) -> Bytes:
        (h, w), B = self.size, len(tokens[0])
        self.asked.append([B, len(tokens)])
        pictures = np.full((B, h, w), 40, np.uint8)  # what it makes of nothing
        for stage, (grid, values) in enumerate(zip(self.grids(), tokens, strict=False)):
            there = np.ones(values.shape, bool) if drawn is None else drawn[stage]
            grey = self.tiles(stage)[values, 0, 0, 0]  # (B, H, W)
            large = [a.repeat(h // grid.rows, 1).repeat(w // grid.columns, 2) for a in (there, grey)]
            pictures = np.where(large[0], large[1], pictures)
        return pictures[..., None].repeat(self.channels, 3).astype(np.uint8)

    def tiles(self, stage: int = 0) -> Bytes:
        levels = self.levels[stage]
        grey = ((np.arange(levels) + 0.5) * 256 / levels).astype(np.uint8)
        return np.broadcast_to(grey[:, None, None, None], (levels, 2, 2, 3)).copy()

    def vectors(self, stage: int = 0) -> Any:
        return np.arange(self.levels[stage], dtype=np.float32)[:, None]

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        about = {"size": list(self.size), "channels": self.channels, "adds": self.adds}
        return {"controls": about}, {"levels": np.array(self.levels)}


def register() -> None:
    """Let every job find codecs of this kind."""
    instruments()["cascades"].codecs.setdefault(KIND, TileCodec.made)  # type: ignore[attr-defined]


def kept(codec: TileCodec, folder: Path) -> str:
    """A model file of it."""
    about, model = codec.saved()
    RunFolder(folder).keep(Checkpoint(codec.kind, 3, about, dict(model), {}))
    return str(folder)


register()
