"""A codebook without an autoencoder, and a training of it: patches of photographs, each of which stands for the nearest
of K codes. Small and quick, and everything that a record of codes may hold is in it."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import skimage.data
import torch
from torch import Tensor, nn

from scalefree_studio.controls import control
from scalefree_studio.data.examples import Arrays, Batch
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs.codec import Codec, Grid
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.controls import TrainControls
from scalefree_studio.jobs.training.lesson import Curve, Lesson, Moment
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Array

SIDE = 32  # pixels of a picture
KIND = "fake-codes"


@functools.cache
def photographs() -> Dataset:
    """Pieces of photographs, (32, 32, 3)."""
    pieces = []
    for name in ("astronaut", "chelsea", "coffee"):
        photo = np.asarray(getattr(skimage.data, name)())[::4, ::4]
        for y in range(0, photo.shape[0] - SIDE + 1, SIDE // 2):
            for x in range(0, photo.shape[1] - SIDE + 1, SIDE // 2):
                pieces.append(photo[y : y + SIDE, x : x + SIDE])
    pixels = np.stack(pieces)[np.random.default_rng(0).permutation(len(pieces))].astype(np.uint8)
    labels = np.zeros(len(pixels), np.int64)
    return Dataset(
        "photographs", "photographs", Arrays(pixels[12:], labels[12:]), Arrays(pixels[:12], labels[:12]), ()
    )


def cut(pictures: Tensor, patch: int) -> Tensor:
    """(B, h, w, C) → (B, H, W, patch · patch · C)."""
    B, h, w, C = pictures.shape
    parts = pictures.reshape(B, h // patch, patch, w // patch, patch, C).transpose(2, 3)
    return parts.reshape(B, h // patch, w // patch, -1)


def put_together(patches: Tensor, patch: int) -> Tensor:
    """The inverse."""
    B, H, W, _ = patches.shape
    parts = patches.reshape(B, H, W, patch, patch, -1).transpose(2, 3)
    return parts.reshape(B, H * patch, W * patch, -1)


def as_bytes(pictures: Tensor) -> npt.NDArray[np.uint8]:
    return (255 * pictures.clamp(0, 1)).round().byte().numpy()


@dataclass(frozen=True)
class FakeControls(TrainControls):
    # fmt: off
    rows: int = control(8, label="Rows", help="Of codes.", low=1, high=64, group="Codes")
    stages: int = control(1, label="Stages", help="Of tokens, coarse to fine.", low=1, high=3, group="Codes")
    map: bool = control(True, label="Map", help="Whether neighbours learn to be alike.", group="Codes")
    prune_below: int = control(
        0, label="Prune", help="Codes that are used less often go.", low=0, high=10**6, live=True, group="Codes",
    )
    # fmt: on


class FakeNetwork(nn.Module):
    """Codes of patches of 4 pixels; of 8, 16 … in the stages before, the coarsest first."""

    def __init__(self, controls: FakeControls):
        super().__init__()
        self.side, self.is_map = controls.rows, controls.map
        self.patches = [4 * 2 ** (controls.stages - 1 - s) for s in range(controls.stages)]
        K = controls.rows**2
        self.codes = nn.ParameterList(
            [nn.Parameter(0.5 + 0.1 * torch.randn(K, 3 * patch * patch)) for patch in self.patches]
        )
        y, x = torch.meshgrid(torch.arange(controls.rows), torch.arange(controls.rows), indexing="ij")
        self.places = torch.stack([y.flatten(), x.flatten()], 1).float()
        self.radius = controls.rows / 2

    def tokens(self, pictures: Tensor, stage: int) -> Tensor:
        """(B, H, W)."""
        return torch.cdist(cut(pictures, self.patches[stage]), self.codes[stage][None]).argmin(-1)

    def remade(self, tokens: Tensor, stage: int) -> Tensor:
        return put_together(self.codes[stage][tokens], self.patches[stage])


class FakeDisplay:
    """Everything at one go, every time."""

    pieces, busy = 1, False

    def __init__(self, held: npt.NDArray[np.uint8], controls: FakeControls):
        self.held, self.pictures, self.controls = held, torch.from_numpy(held / 255).float(), controls
        self.shown: dict[str, Any] = {}
        self.revived: list[npt.NDArray[np.int64]] = []
        self.step = 0

    def begin(self, network: FakeNetwork) -> None:
        frame: dict[str, Any] = {}
        for s, patch in enumerate(network.patches):
            tokens, codes = network.tokens(self.pictures, s), network.codes[s].detach()
            remade, K = as_bytes(network.remade(tokens, s)), len(codes)
            frame |= {"wall": remade, "fresh": np.array(SIDE), f"tokens.{s}": tokens.numpy()}
            if len(network.patches) > 1:
                frame[f"stage.{s}"] = remade
            frame[f"tiles.{s}"] = as_bytes(codes.reshape(K, patch, patch, 3))
            usage = np.bincount(tokens.flatten(), minlength=K) * 7
            frame[f"usage.{s}"] = usage
            frame[f"revived.{s}"] = np.where(np.arange(K) == self.step % K, self.step, -1)
            frame[f"alive.{s}"] = usage >= self.controls.prune_below
            apart = torch.cdist(codes, codes)
            frame[f"near.{s}"] = apart.argsort(1)[:, 1:9].numpy()
            if network.is_map:
                next_to = torch.cdist(network.places, network.places) < 1.5
                frame[f"apart.{s}"] = ((apart * next_to).sum(1) / (next_to.sum(1) - 1)).detach().numpy()
                frame[f"radius.{s}"] = np.float32(network.radius)
            frame[f"going.{s}"] = np.array(
                [(t, (usage < t).sum(), 0.01 * (1 + (usage < t).mean())) for t in (0, 7, 14, 28, 56, 112)]
            )
        self.shown = {name: np.array(array) for name, array in frame.items()}
        self.step += 1

    def advance(self) -> None:
        raise AssertionError

    def frame(self) -> Mapping[str, Array]:
        return self.shown

    def still(self) -> Mapping[str, Array]:
        c = self.controls
        still: dict[str, Any] = {"held": self.held}
        sizes = [SIDE // (4 * 2 ** (c.stages - 1 - s)) for s in range(c.stages)]
        still["stages"] = np.array([(size, size) for size in sizes])
        for s in range(c.stages):
            still |= {f"arranged.{s}": np.array([c.rows, c.rows]), f"map.{s}": np.array(c.map)}
        return still

    def saved(self) -> Mapping[str, Array]:
        return {}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        pass


class FakeLesson(Lesson[FakeControls, FakeNetwork]):
    kind, title, controls = KIND, "Fake codes", FakeControls
    unit = "error"
    curves = (
        Curve("loss", "Error", log=True, beside="held_out"),
        Curve("usage", "Usage", "%"),
        Curve("perplexity", "Perplexity"),
    )

    @classmethod
    def network(cls, controls: FakeControls) -> FakeNetwork:
        return FakeNetwork(controls)

    def inputs(self, batch: Batch, controls: FakeControls) -> tuple[Tensor]:
        return (torch.from_numpy(batch.values / 255).float(),)

    def loss(self, network: FakeNetwork, *inputs: Tensor | None) -> Tensor:
        pictures, total = inputs[0], torch.zeros(())
        assert pictures is not None
        for s, patch in enumerate(network.patches):
            tokens = network.tokens(pictures, s).flatten()
            patches = cut(pictures, patch).flatten(0, 2)
            if network.is_map:
                near = torch.cdist(network.places[tokens], network.places) / max(network.radius, 0.3)
                weight = torch.exp(-(near**2) / 2)  # (tokens, K)
                total = total + (weight * torch.cdist(patches, network.codes[s]) ** 2).mean()
            else:
                total = total + ((patches - network.codes[s][tokens]) ** 2).mean()
        return total

    def begin_step(self, network: FakeNetwork, controls: FakeControls, moment: Moment) -> None:
        network.radius = max(0.5, controls.rows / 2 * math.exp(-4 * moment.progress))

    def counted(self, network: FakeNetwork, controls: FakeControls) -> dict[str, float]:
        return {"usage": 50.0, "perplexity": 20.0}

    def display(self, controls: FakeControls, device: torch.device) -> Any:
        return FakeDisplay(np.asarray(self.dataset.held.take(np.arange(12)).values), controls)

    def follow(self, network: FakeNetwork, controls: FakeControls) -> None:
        self.dataset = self.dataset


def training(steps: int = 400, **controls: Any) -> Train[FakeControls, FakeNetwork]:
    asked = {"batch_size": 16, "learning_rate": 0.02, "warm_up": 2, "wall_every": 5, **controls}
    return Train(FakeLesson(photographs()), FakeControls(**asked), Limit(steps=steps))


class FakeCodec(Codec):
    """Of grey pictures of 8 × 8 pixels whose tokens are levels: the first stage is the mean of each quarter, in 4
    levels; the second is what it lacks there (if it `adds`), or each pixel, in 16."""

    kind, size, channels = KIND, (8, 8), 1

    def __init__(self, adds: bool = False, stages: int = 2):
        self.adds, self._stages = adds, stages
        self.decoded = 0  # pictures

    def grids(self, size: tuple[int, int] | None = None) -> tuple[Grid, ...]:
        height, width = size or self.size
        grids = (Grid(height // 4, width // 4, 4), Grid(height, width, 16))
        return grids[-self._stages :]

    def _levels(self) -> tuple[Any, ...]:
        fine = 17.0 * np.arange(16) - (128 if self.adds else 0)
        return (np.array([32.0, 96, 160, 224]), fine)[-self._stages :]

    def encode(self, pictures: npt.NDArray[np.uint8]) -> list[Any]:
        left, found = pictures[..., 0].astype(float), []
        for grid, levels in zip(self.grids(pictures.shape[1:3]), self._levels(), strict=True):
            by = pictures.shape[1] // grid.rows
            means = left.reshape(len(left), grid.rows, by, grid.columns, by).mean((2, 4))
            found.append(abs(means[..., None] - levels).argmin(-1))
            if self.adds:
                left = left - levels[found[-1]].repeat(by, 1).repeat(by, 2)
        return found

    def decode(self, tokens: Any, drawn: Any = None) -> Any:
        shown: Any = 0.0
        self.decoded += len(tokens[0])
        finest = self.grids()[-1]
        for n, (stage, levels) in enumerate(zip(tokens, self._levels(), strict=False)):
            by = finest.rows // self.grids()[n].rows
            values = levels[stage].repeat(by, 1).repeat(by, 2)
            there = True if drawn is None else drawn[n].repeat(by, 1).repeat(by, 2)
            shown = np.where(there, shown + values if self.adds else values, shown)
        return np.clip(shown, 0, 255).round().astype(np.uint8)[..., None]

    def tiles(self, stage: int = 0) -> Any:
        levels = np.clip(self._levels()[stage] + (128 if self.adds and stage else 0), 0, 255).astype(np.uint8)
        return np.broadcast_to(levels[:, None, None, None], (len(levels), 2, 2, 3))

    def vectors(self, stage: int = 0) -> Any:
        return self._levels()[stage][:, None].astype(np.float32)

    def usage(self, stage: int = 0) -> Any:
        count = self.grids()[stage].codes
        return np.arange(count) / np.arange(count).sum()  # the first is never used

    def saved(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"adds": self.adds, "stages": self._stages}, {}
