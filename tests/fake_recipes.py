"""The lessons that a recipe is made of, so tiny that a whole recipe runs in a second: codes of a FakeCodec, and for
each grid of tokens a table of how likely each code is at each place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fake_codecs import FakeCodec
from fake_samplers import DecodedSampler
from torch import Tensor, nn

from scalefree_studio.controls import control
from scalefree_studio.data.examples import Batch
from scalefree_studio.data.sources import Dataset
from scalefree_studio.jobs import instruments
from scalefree_studio.jobs.drawing.sampler import Stage
from scalefree_studio.jobs.encoding import codec_for, encoded
from scalefree_studio.jobs.instruments import Instrument, Registry
from scalefree_studio.jobs.training.controls import TrainControls
from scalefree_studio.jobs.training.lesson import Inputs, Lesson
from scalefree_studio.recipes import pictures
from scalefree_studio.snapshot import Array, Checkpoint
from scalefree_studio.storage.about import CONTROLS


class Table(nn.Module):
    def __init__(self, *shape: int):
        super().__init__()
        self.logits = nn.Parameter(torch.randn(*shape))


@dataclass(frozen=True)
class CoderControls(TrainControls):
    codes: int = control(8, label="Codes", help="How many.", low=2, high=64)
    words: str = control("plain", label="Words", help="Of no use.", choices=("plain", "fine"))
    pair: tuple[float, float] = control((1.0, 2.0), label="Pair", help="Of no use.", low=0, high=9)


class Coder(Lesson[CoderControls, Table]):
    """Learns how bright pictures are."""

    kind, title, controls = "vqvae", "VQ-VAE", CoderControls

    @classmethod
    def network(cls, controls: CoderControls) -> Table:
        return Table(controls.codes)

    def inputs(self, batch: Batch, controls: CoderControls) -> Inputs:
        return (torch.from_numpy(np.asarray(batch.values, np.float32)).mean((1, 2, 3)) / 255,)

    def loss(self, network: Table, *inputs: Tensor | None) -> Tensor:
        (bright,) = inputs
        assert bright is not None
        noise = torch.rand(()) / 10 if network.training else 0.0
        return ((network.logits[None] - bright[:, None] + noise) ** 2).mean()


class Autoencoder(Coder):
    kind, title = "autoencoder", "Autoencoder"


@dataclass(frozen=True)
class CodebookControls(CoderControls):
    autoencoder: str = control("", label="Autoencoder", help="A model.")


class Codebook(Coder):
    kind, title, controls = "codebook", "Codebook", CodebookControls

    def fitted(self, controls: Any) -> Any:
        assert Path(controls.autoencoder).exists()
        return controls


class TinyCodec(FakeCodec):
    kind = "vqvae"

    def __init__(self, checkpoint: Checkpoint):
        super().__init__(int(checkpoint.about["controls"]["codes"]))
        self.checkpoint_of = checkpoint
        self.kind = checkpoint.kind

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return self.checkpoint_of.about, self.checkpoint_of.model


@dataclass(frozen=True)
class StageControls(TrainControls):
    width: int = control(1, label="Width", help="Of no use.", low=1, high=9)
    stage_number: int = control(1, label="Stage", help="Which grid.", low=1, high=10)
    codes: str = control("", label="Codes", help="A model.")


class TokenTable(Lesson[StageControls, Table]):
    kind, title, controls = "tokens", "Tokens", StageControls

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self.codec = codec_for(dataset)

    @classmethod
    def network(cls, controls: StageControls) -> Table:
        return Table(16, 8) if controls.stage_number > 1 else Table(1, 8)

    def prepared(self, controls: StageControls) -> Dataset:
        return encoded(self.dataset, self.codec, self.progress)

    def inputs(self, batch: Batch, controls: StageControls) -> Inputs:
        values = torch.from_numpy(batch.values.astype(np.int64))
        return (values[:, 1:] if controls.stage_number > 1 else values[:, :1],)

    def loss(self, network: Table, *inputs: Tensor | None) -> Tensor:
        (tokens,) = inputs
        assert tokens is not None
        return F.cross_entropy(network.logits.expand(len(tokens), -1, -1).transpose(1, 2), tokens)


class NextScale(TokenTable):
    kind = "next-scale"


def sampler_of(checkpoint: Checkpoint, *_: Any) -> DecodedSampler:
    size = (4, 4) if checkpoint.about["controls"]["stage_number"] > 1 else (1, 1)
    sampler = DecodedSampler([Stage((1, 1), np.arange(1), 8), Stage(size, np.arange(size[0] * size[1]), 8)])
    sampler.kind = "tokens"
    table = torch.from_numpy(checkpoint.model["logits"].copy())
    sampler.table[: len(table)] = table
    sampler.saved = lambda: (checkpoint.about, checkpoint.model)  # type: ignore[method-assign]
    return sampler


def add_tiny_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on these are the only lessons."""
    lessons = (Coder, Autoencoder, Codebook, TokenTable, NextScale)
    tiny = Instrument(
        "tiny", "Tiny", "Tiny", "", lessons=lessons,
        codecs=dict.fromkeys(("vqvae", "codebook"), lambda checkpoint, device: TinyCodec(checkpoint)),
        samplers=dict.fromkeys(("tokens", "next-scale"), sampler_of),
    )  # fmt: skip
    for lesson in lessons:
        monkeypatch.setitem(CONTROLS, lesson.kind, lesson.controls)
    monkeypatch.setattr(instruments, "registry", lambda: Registry({"tiny": tiny}, ()))
    monkeypatch.setattr(pictures, "assemble", lambda checkpoints, settings: checkpoints[-1])


RECIPE = """\
title = "Tiny"

[data]
dataset = "digits"

[vqvae]
codes = 8
steps = 12
batch_size = 16

[[stages]]
steps = 10
batch_size = 16
temperature = 0.9

[sampling]
count = 4
seed = 3
"""
