"""What a token transformer learns: pictures as the tokens of a model with codes, a stage at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ...controls import ControlError, edited, part_of
from ...data.examples import Batch
from ...data.sources import Dataset
from ...models.cascades.draw import draw_tokens
from ...models.cascades.network import TokenTransformer
from ...models.cascades.shape import TokensShape
from ...models.ordered.request import Drawn, Request, uniforms
from ...snapshot import Array, Bytes, Checkpoint
from ..codec import Grid, Tokens
from ..training.held_out import spread
from ..training.lesson import BESIDE, Inputs
from ..training.sample_wall import SAMPLES, SampleWall
from ..training.trainer import to_device
from .codec_lesson import CodecLesson
from .controls import TokensControls

EXAMPLES = f"{BESIDE}examples."  # before the names of held-out pictures' coarser tokens, and of their labels
KEPT = 64  # of them


@dataclass(frozen=True, eq=False)
class Held:
    """The tokens of held-out pictures: (M, H, W) of each stage up to the one that is learnt, and labels (M,)."""

    stages: list[Tokens]
    labels: npt.NDArray[np.int64]

    def take(self, count: int) -> Held:
        """So many of them, evenly, and more than once where there are not enough."""
        at = np.linspace(0, len(self.labels) - 1, min(count, len(self.labels))).round().astype(np.int64)
        at = np.resize(at, count)
        return Held([tokens[at] for tokens in self.stages], self.labels[at])


class TokensLesson(CodecLesson[TokensControls, TokenTransformer]):
    kind = "tokens"
    title = "Token transformer"
    summary = "a transformer that draws the tokens of a model with codes, from coarse to fine"
    controls = TokensControls
    advice = "use a smaller batch, a narrower network or a radius"

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self._held: dict[tuple[str, int], Held] = {}

    def fitted(self, controls: TokensControls) -> TokensControls:
        grids = self.grids(controls)
        if controls.stage >= len(grids):
            raise ControlError(
                f"That model has stages 1 to {len(grids)}; there is no stage {controls.stage_number}."
            )
        return edited(controls, self.known(controls, controls.stage + 1))

    @classmethod
    def controls_of(cls, checkpoint: Checkpoint) -> TokensControls:
        """Older models count their stage from 0."""
        saved = dict(checkpoint.about.get("controls", {}))
        if isinstance(old := saved.pop("stage", None), int):
            saved["stage_number"] = old + 1
            checkpoint = replace(checkpoint, about={**checkpoint.about, "controls": saved})
        return super().controls_of(checkpoint)

    @classmethod
    def network(cls, controls: TokensControls) -> TokenTransformer:
        return TokenTransformer(part_of(TokensShape, controls))

    def follow(self, network: TokenTransformer, controls: TokensControls) -> None:
        network.set_dropout(controls.dropout)
        network.checkpointing = controls.checkpointing

    def tokens(self, batch: Batch, controls: TokensControls) -> list[Tokens]:
        """Up to the stage that is learnt."""
        return super().tokens(batch, controls)[: controls.stage + 1]

    def inputs(self, batch: Batch, controls: TokensControls) -> Inputs:
        *coarser, own = (torch.from_numpy(tokens) for tokens in self.tokens(batch, controls))
        return own.flatten(1), torch.from_numpy(batch.labels) if controls.classes else None, *coarser

    @classmethod
    def surprise(cls, network: TokenTransformer, *inputs: Tensor | None) -> Tensor:
        """-log of the chance that the network gave each token, in nats: (B, N)."""
        values, labels, *coarser = inputs
        assert values is not None
        logits = network(values, labels, [tokens for tokens in coarser if tokens is not None])  # (B, N, K)
        return F.cross_entropy(logits.flatten(0, 1), values.flatten(), reduction="none").view(values.shape)

    def loss(self, network: TokenTransformer, *inputs: Tensor | None) -> Tensor:
        return self.surprise(network, *inputs).mean()

    # What a person sees of it.

    def display(self, controls: TokensControls, device: torch.device) -> TokenWall:
        return TokenWall(self, controls, device)

    def learnt(self, controls: TokensControls) -> tuple[Grid, ...]:
        return (self.grids(controls)[controls.stage],)

    # What is saved of it: the codec, and what it refines, so that the model alone can draw.

    def beside(self, controls: TokensControls) -> dict[str, Array]:
        arrays = super().beside(controls)
        if controls.stage:
            held = self.held(controls)
            arrays |= {f"{EXAMPLES}{n}": tokens for n, tokens in enumerate(held.stages[:-1])}
            arrays[f"{EXAMPLES}labels"] = held.labels
        return arrays

    def held(self, controls: TokensControls) -> Held:
        """Some held-out pictures."""
        which = controls.codes, controls.stage
        if which not in self._held:
            batch = self.dataset.held.take(spread(len(self.dataset.held), KEPT))
            self._held[which] = Held(self.tokens(batch, controls), batch.labels)
        return self._held[which]


class TokenWall(SampleWall[TokenTransformer]):
    """Tokens as the pictures that they become; coarser stages, where there are any, are those of held-out pictures."""

    def __init__(self, lesson: TokensLesson, controls: TokensControls, device: torch.device):
        self._lesson, self._controls, self._device = lesson, controls, device
        self._codec, grid = lesson.codec(controls), lesson.grids(controls)[controls.stage]
        (height, width), held = lesson.size, len(lesson.dataset.held)
        super().__init__((height, width, self._codec.channels), held)
        self._grid = grid
        *self._coarser, _ = lesson.held(controls).take(SAMPLES).stages
        labels = lesson.held(controls).take(SAMPLES).labels if self._coarser else np.arange(SAMPLES)
        classes = torch.from_numpy(labels) % controls.classes if controls.classes else None
        numbers = uniforms(SAMPLES, grid.count, 1, controls.seed)
        self._request = Request(numbers, classes, every=grid.columns)
        self._tokens: Tokens = np.zeros((SAMPLES, grid.rows, grid.columns), np.int64)

    def steps(self, network: TokenTransformer) -> Iterator[Drawn]:
        return draw_tokens(network, self._request, [torch.from_numpy(tokens) for tokens in self._coarser])

    def take(self, drawn: Drawn) -> int:
        row = drawn.start // self._grid.columns
        self._tokens[:, row] = drawn.values[..., 0].cpu().numpy().clip(max=self._grid.codes - 1)
        there = np.broadcast_to(np.arange(self._grid.rows)[:, None] <= row, self._tokens.shape)
        stages = [*self._coarser, self._tokens]
        masks = [np.ones(tokens.shape, bool) for tokens in self._coarser]
        fresh = (row + 1) * self.pictures.shape[1] // self._grid.rows
        self.pictures[:, :fresh] = self._codec.decode(stages, [*masks, there])[:, :fresh]
        return int(fresh)

    def surprised(self, network: TokenTransformer) -> npt.NDArray[np.floating[Any]]:
        inputs = to_device(self._lesson.inputs(self._batch(), self._controls), self._device)
        nats = (
            self._lesson.surprise(network, *inputs)
            .cpu()
            .numpy()
            .reshape(-1, self._grid.rows, self._grid.columns)
        )
        height, width = self.pictures.shape[1:3]
        rows, columns = (
            np.arange(pixels) * tokens // pixels
            for pixels, tokens in ((height, self._grid.rows), (width, self._grid.columns))
        )
        large: npt.NDArray[np.float32] = nats[:, rows[:, None], columns]  # as large as tokens are there
        return large

    def _batch(self) -> Batch:
        return self._lesson.dataset.held.take(self.held)

    def still(self) -> Mapping[str, Array]:
        """Held-out pictures as far as their tokens, up to this stage, know them."""
        pictures: Bytes = self._codec.decode(self._lesson.tokens(self._batch(), self._controls))
        return {"held": pictures, "most_bits": np.array(np.log2(self._grid.codes))}
