"""Lessons in drawing: networks that learn pictures, and draw new ones place after place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ...controls import controls_of, edited
from ...data.examples import Batch
from ...data.quantise import dequantise, quantise
from ...data.sources import Dataset
from ...errors import UserError
from ...models.ordered.looked import Looked
from ...models.ordered.plain import draw_plainly
from ...models.ordered.request import Drawn, Request, uniforms
from ...snapshot import Array, Bytes
from .lesson import C, Card, Curve, Inputs, Lesson, N
from .sample_wall import SAMPLES, SampleWall, bits_per_dimension
from .trainer import to_device

Order: TypeAlias = npt.NDArray[np.int64]  # (N,): the place of each position, counted row by row

PIECE = 64  # places of all samples that are drawn at once, so that learning soon goes on
ONLY_EXACT = (
    "Only bits per dimension of exact tokens, one for each byte, can be compared with published ones."
)


class PictureLesson(Lesson[C, N]):
    """Learns pictures (H, W, C) whose pixels have so many levels. Its controls have `levels`, and may have `channels`
    and `classes`, which the pictures decide, and `labelled`."""

    shelf: ClassVar[str] = "Teach a network to draw"
    settled: ClassVar[tuple[str, ...]] = ("channels", "classes")
    curves: ClassVar[tuple[Curve, ...]] = (
        Curve("loss", "Loss", "nats", log=True, beside="held_out"),
        Curve("bits_per_dimension", "Bits per dimension", beside="held_out_bits"),
    )

    # What a network of this kind has to say: see docs/own-instrument.md.

    @classmethod
    def logits(cls, network: N, values: Tensor, labels: Tensor | None) -> Tensor:
        """Of every value at every place, given what comes before it row by row: (B, H, W, C) → (B, H, W, C, L)."""
        raise NotImplementedError

    # What it may have to say.

    @classmethod
    def surprise(cls, network: N, values: Tensor, labels: Tensor | None) -> Tensor:
        """-log of the chance that the network gave each value, in nats: (B, H, W, C), as the values are."""
        logits = cls.logits(network, values, labels)
        nats = F.cross_entropy(logits.flatten(0, -2), values.flatten().long(), reduction="none")
        return nats.view(values.shape)

    @classmethod
    def draw(
        cls, network: N, request: Request, width: int, cached: bool = True, order: Order | None = None
    ) -> Iterator[Drawn]:
        """Draw pictures so wide with a network that does not change meanwhile, in the order that `order` says for their
        size. Without `cached`, as plainly as here: the whole network is asked for every number."""
        count, places, channels = request.uniforms.shape
        size = (count, places // width, width, channels)
        at = torch.from_numpy(np.arange(places) if order is None else order).to(request.uniforms.device)
        ranks = at.argsort()

        def logits(values: Tensor, place: int, channel: int) -> Tensor:
            found = cls.logits(network, values[:, ranks].view(size), request.labels)
            return found.flatten(1, 2)[:, at[place], channel]

        return draw_plainly(logits, request, width)

    @classmethod
    def reach(cls, network: N) -> tuple[int, int]:
        """How far a place sees: so many rows up, and columns to each side; -1: all that comes before it."""
        return -1, -1

    @classmethod
    def heads(cls, network: N) -> tuple[int, int]:
        """Its layers of attention, and the heads of each. None: nobody asks where it looked."""
        return 0, 0

    @classmethod
    def looked(cls, network: N, values: Tensor, labels: Tensor | None) -> Looked:
        """Where its heads looked while it drew one picture (1, H, W, C), of which the rest may be anything."""
        raise NotImplementedError

    @classmethod
    def without_heads(cls, network: N, off: Tensor) -> N:
        """The same network without some heads, (layers, heads) bool; it may share all that was learnt."""
        raise NotImplementedError

    @classmethod
    def alphabet(cls, controls: C, channels: int) -> tuple[int, int]:
        """How many values there are at a place of pictures with so many channels, and of how many each is one."""
        return channels, controls.levels  # type: ignore[attr-defined]

    @classmethod
    def order(cls, size: tuple[int, int], controls: C) -> Order:
        """The places of a picture (H, W) as they are drawn, each counted row by row: `draw` and `logits` keep to it."""
        return np.arange(size[0] * size[1])

    @classmethod
    def dimensions(cls, controls: C, channels: int) -> int:
        """How many numbers a pixel has in the pictures that it shows: 1 if they are grey, 3 if they have colours."""
        count, _ = cls.alphabet(controls, channels)
        return int(cls.colours_of(np.zeros((1, count), np.int64), controls).shape[1])

    @classmethod
    def comparable(cls, controls: C, channels: int) -> bool:
        """Whether its bits per dimension may stand beside published ones: those of bytes, each a value by itself."""
        return cls.alphabet(controls, channels) == (cls.dimensions(controls, channels), 256)

    # What follows from that.

    def __init__(self, dataset: Dataset):
        if dataset.made_by:
            raise UserError(
                f"{dataset.spec} holds {dataset.made_by.what}; this network learns from pictures."
            )
        super().__init__(dataset)

    def fitted(self, controls: C) -> C:
        classes = len(self.dataset.classes)
        labelled = bool(getattr(controls, "labelled", True))
        decided = {"channels": self.dataset.shape[2], "classes": classes if labelled and classes > 1 else 0}
        names = {c.name for c in controls_of(controls)}
        return edited(controls, {name: value for name, value in decided.items() if name in names})

    @classmethod
    def values_of(cls, pictures: Bytes, controls: C) -> npt.NDArray[np.integer]:
        """What the network learns of pictures (B, H, W, C): its tokens, place by place."""
        return quantise(pictures, getattr(controls, "levels", 256))

    @classmethod
    def colours_of(cls, values: npt.NDArray[np.integer], controls: C) -> Bytes:
        """What values (…, C) look like."""
        return dequantise(values, getattr(controls, "levels", 256))

    def most_bits(self, controls: C) -> float:
        """What a place costs a guess without any knowledge."""
        values, levels = self.alphabet(controls, self.dataset.shape[2])
        return values * math.log2(levels)

    def inputs(self, batch: Batch, controls: C) -> Inputs:
        found = batch.values.astype(np.int64) if batch.tokens else self.values_of(batch.values, controls)
        values = torch.from_numpy(found)  # (B, H, W, C)
        return values, torch.from_numpy(batch.labels) if getattr(controls, "classes", 0) else None

    def loss(self, network: N, *inputs: Tensor | None) -> Tensor:
        values, labels = inputs
        assert values is not None
        return self.surprise(network, values, labels).mean()

    def display(self, controls: C, device: torch.device) -> SampleWall[N]:
        return PictureWall(self, controls, device)

    def metrics(self, loss: float | None, held_out: float | None, controls: C) -> dict[str, float]:
        found = super().metrics(loss, held_out, controls)
        found |= {} if loss is None else {"bits_per_dimension": bits_per_dimension(loss)}
        return found | ({} if held_out is None else {"held_out_bits": bits_per_dimension(held_out)})

    def results(self, held_out: float, controls: C) -> dict[str, Any]:
        bits, dimensions = bits_per_dimension(held_out), math.prod(self.dataset.shape)
        more = {"bits_per_dimension": bits, "nats_per_picture": held_out * dimensions}
        return super().results(held_out, controls) | more

    def card(self, results: Mapping[str, Any], controls: C) -> Card:
        bits, nats, whole = (results[n] for n in ("bits_per_dimension", self.unit, "nats_per_picture"))
        measured = f"**{bits:.3f} bits per dimension**, {nats:.4f} nats, {whole:.1f} nats per picture"
        levels = getattr(controls, "levels", None)
        return Card(f", {levels} levels per channel" if levels else "", measured)


class PictureWall(SampleWall[N]):
    """Pixels as they are drawn."""

    def __init__(self, lesson: PictureLesson[Any, N], controls: Any, device: torch.device):
        height, width, channels = lesson.dataset.shape
        shown = lesson.dimensions(controls, channels)
        super().__init__((height, width, shown), len(lesson.dataset.held))
        self._lesson, self._controls, self._device = lesson, controls, device
        classes = getattr(controls, "classes", 0)
        labels = torch.arange(SAMPLES) % classes if classes else None
        count, _ = lesson.alphabet(controls, channels)
        numbers = uniforms(SAMPLES, height * width, count, controls.seed)
        self._request = Request(numbers, labels, every=min(width, PIECE))
        self._order = lesson.order((height, width), controls)

    def steps(self, network: N) -> Iterator[Drawn]:
        return self._lesson.draw(network, self._request, self.pictures.shape[2], order=self._order)

    def take(self, drawn: Drawn) -> int:
        colours = self._lesson.colours_of(drawn.values.cpu().numpy(), self._controls)  # (M, W, C)
        places = self.pictures.reshape(len(colours), -1, colours.shape[2])  # (M, H · W, C)
        places[:, self._order[drawn.start : drawn.stop]] = colours
        return drawn.stop // int(self.pictures.shape[2])

    def surprised(self, network: N) -> npt.NDArray[np.floating[Any]]:
        values, labels = to_device(self._lesson.inputs(self._held_batch(), self._controls), self._device)
        assert values is not None
        nats: npt.NDArray[np.float32] = self._lesson.surprise(network, values, labels).sum(-1).cpu().numpy()
        return nats

    def _held_batch(self) -> Batch:
        return self._lesson.dataset.held.take(self.held)

    def still(self) -> Mapping[str, Array]:
        values = self._lesson.values_of(np.asarray(self._held_batch().values), self._controls)
        return {
            "held": self._lesson.colours_of(values, self._controls),
            "most_bits": np.array(self._lesson.most_bits(self._controls)),
        }
