"""Lessons that are not like PixelCNN's: tokens that are no levels, nothing to show, examples that are no pictures."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalefree_studio.data import datasets
from scalefree_studio.data.examples import Arrays, Batch
from scalefree_studio.data.sources import Dataset, Source
from scalefree_studio.jobs import instruments
from scalefree_studio.jobs.drawing.controls import AT_ONCE, DrawControls
from scalefree_studio.jobs.drawing.draw import DrawPictures
from scalefree_studio.jobs.instruments import Instrument, Registry, sampler_of
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.training.controls import TrainControls
from scalefree_studio.jobs.training.learnt import dataset_learnt, evaluation
from scalefree_studio.jobs.training.lesson import Inputs, Lesson
from scalefree_studio.jobs.training.picture_lesson import PictureLesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.runs import Recording, resumed, run_to_end
from scalefree_studio.storage.run_folder import RunFolder

TOKENS = 512


class LeftNeighbour(nn.Module):
    """The chances of each token after the one left of it."""

    def __init__(self) -> None:
        super().__init__()
        self.after = nn.Embedding(TOKENS + 1, TOKENS)

    def forward(self, tokens: Tensor) -> Tensor:  # (B, H, W, 1) → (B, H, W, 1, 512)
        logits: Tensor = self.after(F.pad(tokens[..., 0], (1, 0), value=TOKENS)[..., :-1])[..., None, :]
        return logits


class Tokens(PictureLesson[TrainControls, LeftNeighbour]):
    """One token a pixel: three bits of red, green and blue."""

    kind, title = "tokens-of-a-test", "Tokens"

    @classmethod
    def network(cls, controls: TrainControls) -> LeftNeighbour:
        return LeftNeighbour()

    @classmethod
    def logits(cls, network: LeftNeighbour, values: Tensor, labels: Tensor | None) -> Tensor:
        logits: Tensor = network(values)
        return logits

    @classmethod
    def alphabet(cls, controls: TrainControls, channels: int) -> tuple[int, int]:
        return 1, TOKENS

    @classmethod
    def values_of(cls, pictures: Any, controls: TrainControls) -> Any:
        return (pictures.astype(np.int64) >> 5) @ np.array([[64], [8], [1]])

    @classmethod
    def colours_of(cls, values: Any, controls: TrainControls) -> Any:
        return np.concatenate([values // 64, values // 8 % 8, values % 8], axis=-1).astype(np.uint8) * 32


class Numbers(Lesson[TrainControls, nn.Linear]):
    """Learns to say seven numbers from six, and shows nothing meanwhile."""

    kind, title, unit = "numbers-of-a-test", "Numbers", "squared_error"

    @classmethod
    def network(cls, controls: TrainControls) -> nn.Linear:
        return nn.Linear(6, 1)

    def inputs(self, batch: Batch, controls: TrainControls) -> Inputs:
        return (torch.from_numpy(np.asarray(batch.values)),)

    def loss(self, network: nn.Linear, *inputs: Tensor | None) -> Tensor:
        (numbers,) = inputs
        assert numbers is not None
        return ((network(numbers[:, :6]) - numbers[:, 6:]) ** 2).mean()


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(request: Any) -> Dataset:
        values = np.random.default_rng(1).normal(size=(40, 7)).astype(np.float32)
        part = Arrays(values[:30], np.zeros(30, np.int64)), Arrays(values[30:], np.zeros(10, np.int64))
        return Dataset("numbers", request.spec, *part, ("all",))

    monkeypatch.setattr(datasets, "SOURCES", dict(datasets.SOURCES))
    monkeypatch.setattr(datasets, "DATASETS", dict(datasets.DATASETS))
    datasets.register(Source("numbers", "Numbers", load))
    mine = Instrument("mine", "Mine", "", "", lessons=(Tokens, Numbers))
    found = Registry(MappingProxyType({**instruments.instruments(), "mine": mine}), ())
    monkeypatch.setattr(instruments, "registry", lambda: found)


def pictures(count: int = 40) -> Dataset:
    rng = np.random.default_rng(2)
    images = rng.integers(256, size=(count, 4, 5, 3), dtype=np.uint8)
    labels = np.zeros(count, np.int64)
    return Dataset(
        "colours", "colours", Arrays(images[8:], labels[8:]), Arrays(images[:8], labels[:8]), ("all",)
    )


def test_tokens_of_colours_are_learnt_shown_and_drawn(registered: None) -> None:
    job = Train(Tokens(pictures()), TrainControls(batch_size=8, wall_every=1), Limit(steps=8))
    for _ in range(8):
        job.step()
    shot = job.snapshot()
    assert shot.frame["wall"].shape == (64, 4, 5, 3) and shot.frame["wall"].any()
    assert job.still()["held"].shape == (8, 4, 5, 3) and float(job.still()["most_bits"]) == 9
    sampler = sampler_of(job.checkpoint())
    assert (sampler.channels, sampler.levels) == (1, TOKENS)
    assert sampler.looks()["tiles"].shape == (TOKENS, 1, 1, 3)
    drawing = DrawPictures(sampler, DrawControls(count=3, speed=AT_ONCE))
    while not drawing.state.done:
        drawing.step()
    values = drawing.snapshot().frame["values"]
    assert values.shape == (3, 4, 5, 1) and values.max() > 255, "tokens are never cut to bytes"
    red = np.zeros((9, 9, 3), np.uint8)
    red[..., 0] = 255
    assert (sampler.values_of(red) == 7 * 64).all()


def test_a_training_that_shows_nothing_is_recorded_and_goes_on(registered: None, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    job = Train(Numbers(datasets.load_dataset("numbers")), TrainControls(batch_size=8), Limit(steps=30))
    run_to_end(job, Recording(folder))
    with folder.history() as history:
        assert [m.step for m in history.metrics()][-1] >= 20
    again = resumed(folder.checkpoint())
    assert again.step_count == 30 and again.snapshot().frame == {}
    data = dataset_learnt(folder.checkpoint())
    found = evaluation(folder.checkpoint(), Numbers(data))
    best = Numbers.read_network(folder.checkpoint())
    held = torch.from_numpy(np.array(data.held.take(np.arange(10)).values))
    assert found["squared_error"] == pytest.approx(
        float(((best(held[:, :6]) - held[:, 6:]) ** 2).mean().detach())
    )


def test_wrong_declarations_are_named(registered: None) -> None:
    ours = [instruments.instruments()["dividers"]]
    for wrong in (
        Instrument("a", "A", "", "", scenes={"drawing": "x:Y"}),
        Instrument("a", "A", "", "", samplers={"drawing": lambda *_: None}),  # type: ignore[dict-item]
    ):
        with pytest.raises(ValueError, match="not its own"):
            instruments._checked(wrong, ours)
