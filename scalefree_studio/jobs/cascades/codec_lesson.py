"""What all networks share that learn the tokens of a codec: they carry the codec, so that each can be used alone.

B pictures, N tokens of all stages, one stage after the other, each row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch

from ...controls import ControlError, control
from ...data.examples import Batch
from ...data.sources import Dataset
from ...errors import UserError
from ...models.cascades.shape import TokenGrid, named
from ...models.transformer.optimizer import optimizer_of
from ...snapshot import Array, Checkpoint
from ..codec import Codec, Grid, Tokens
from ..encoding import codec_for, encoded, parted
from ..instruments import CODEC, codec_of, packed
from ..training.controls import TrainControls
from ..training.lesson import Card, Curve, Lesson, N
from ..training.sample_wall import bits_per_dimension

OF_TOKENS = "Bits per token are not bits per pixel: compare them only among networks with the same codes."


@dataclass(frozen=True)
class CodecControls(TrainControls):
    # fmt: off
    codes: str = control(
        "", label="Codes",
        help="The model that turns pictures into tokens: a file, a run or model:NAME; empty for the one "
        "that encoded the data set.",
        metavar="MODEL", group="Tokens",
    )
    labelled: bool = control(
        True, label="Labels", help="Learn which pictures belong to which class, so that you can ask for a "
        "class.",
        group="Learning",
    )
    optimizer: str = control(
        "muon", label="Optimizer", help="Muon for the matrices inside and AdamW for the rest, or AdamW for all.",
        choices=("muon", "adamw"), group="Learning", advanced=True,
    )
    # fmt: on


Own = TypeVar("Own", bound=CodecControls)


class CodecLesson(Lesson[Own, N]):
    """Its controls are CodecControls with `grids` and `classes`, which the codec and the pictures decide."""

    needs: ClassVar[str] = "codes"
    unit: ClassVar[str] = "nats_per_token"
    settled: ClassVar[tuple[str, ...]] = ("grids", "classes")
    curves: ClassVar[tuple[Curve, ...]] = (
        Curve("loss", "Loss", "nats", log=True, beside="held_out"),
        Curve("bits_per_token", "Bits per token", beside="held_out_bits_per_token", help=OF_TOKENS),
    )

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self._codecs: dict[str, Codec] = {}  # those read so far, by what names them

    # The codec.

    def codec(self, controls: Own) -> Codec:
        """The one that the controls name, or in its place the one that a checkpoint carries."""
        if controls.codes not in self._codecs:
            try:
                self._codecs[controls.codes] = codec_for(self.dataset, controls.codes)
            except UserError as error:
                raise ControlError(str(error)) from None
        return self._codecs[controls.codes]

    def restore(self, checkpoint: Checkpoint) -> None:
        if CODEC in checkpoint.about:
            self._codecs[self.controls_of(checkpoint).codes] = codec_of(checkpoint)

    def about_beside(self, controls: Own) -> dict[str, Any]:
        return packed(self.codec(controls))[0]

    def beside(self, controls: Own) -> dict[str, Array]:
        return packed(self.codec(controls))[1]

    # Its tokens.

    @property
    def size(self) -> tuple[int, int]:
        """Of the pictures."""
        made_by, shape = self.dataset.made_by, self.dataset.shape
        return (made_by.pictures[0], made_by.pictures[1]) if made_by else (shape[0], shape[1])

    def grids(self, controls: Own) -> tuple[Grid, ...]:
        """Of all stages of its codec."""
        return self.codec(controls).grids(self.size)

    def known(self, controls: Own, stages: int | None = None) -> dict[str, Any]:
        """The controls that the codec and the pictures decide, for a network that knows so many stages, or all."""
        grids = tuple(TokenGrid(g.rows, g.columns, g.codes) for g in self.grids(controls)[:stages])
        classes = len(self.dataset.classes)
        return {"grids": named(grids), "classes": classes if controls.labelled and classes > 1 else 0}

    def prepared(self, controls: Own) -> Dataset:
        return encoded(self.dataset, self.codec(controls), self.progress)

    def tokens(self, batch: Batch, controls: Own) -> list[Tokens]:
        """Of pictures or of all their tokens (B, N): (B, H, W) a stage."""
        if batch.tokens:
            return parted(batch.values, self.grids(controls))
        return self.codec(controls).encode(batch.values)

    def optimizer(self, network: N, controls: Own) -> torch.optim.Optimizer:
        return optimizer_of(network, muon=controls.optimizer == "muon")

    # How good it is.

    def metrics(self, loss: float | None, held_out: float | None, controls: Own) -> dict[str, float]:
        found = super().metrics(loss, held_out, controls)
        names = {"loss": "bits_per_token", "held_out": "held_out_bits_per_token"}
        return found | {names[name]: bits_per_dimension(nats) for name, nats in found.items()}

    def learnt(self, controls: Own) -> tuple[Grid, ...]:
        """The stages that it learns."""
        return self.grids(controls)

    def results(self, held_out: float, controls: Own) -> dict[str, Any]:
        bits, count = bits_per_dimension(held_out), sum(grid.count for grid in self.learnt(controls))
        return {
            self.unit: held_out, "bits_per_token": bits, "bits_per_picture": bits * count, "tokens": count,
        }  # fmt: skip

    def card(self, results: Mapping[str, Any], controls: Own) -> Card:
        bits, whole, count = (results[n] for n in ("bits_per_token", "bits_per_picture", "tokens"))
        grids = self.learnt(controls)
        sizes = ", ".join(f"{grid.rows} × {grid.columns}" for grid in grids)
        learnt = f", as {sizes} tokens of {grids[-1].codes} codes"
        return Card(learnt, f"**{bits:.3f} bits per token**, {whole:.1f} bits per picture of {count} tokens")

    # What is saved of it.

    def about(self) -> dict[str, Any]:
        return {**super().about(), "pictures": list(self.size)}
