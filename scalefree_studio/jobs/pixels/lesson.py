"""What a pixel transformer learns: pictures as sequences of colour tokens."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...controls import ControlError, edited, part_of
from ...data.encoded import tokens_at_hand
from ...data.palettes import palette_of
from ...data.sources import Dataset
from ...data.tokens import Tokens, palette_size, tokens_of
from ...models.ordered.request import Drawn, Request
from ...models.pixels.draw import draw
from ...models.pixels.looked import PixelsLooked
from ...models.pixels.network import PixelTransformer
from ...models.pixels.shape import PixelsShape
from ...models.transformer.looked import without_heads
from ...models.transformer.optimizer import optimizer_of
from ...models.transformer.orders import order_of
from ...snapshot import Bytes
from ..training.lesson import Card, Curve
from ..training.picture_lesson import ONLY_EXACT, Order, PictureLesson
from ..training.sample_wall import bits_per_dimension
from .controls import PixelsControls

DIGITS = 6  # of a colour in a palette

AT_ONCE = 2**25  # logits, of pictures that are judged


@functools.lru_cache(maxsize=8)
def _tokens(spec: str, palette: str, channels: int) -> Tokens:
    return tokens_of(spec, palette, channels)


class PixelsLesson(PictureLesson[PixelsControls, PixelTransformer]):
    kind = "pixels"
    title = "Pixel transformer"
    summary = "a language model of pictures: a transformer that draws colour tokens one after another"
    controls = PixelsControls
    unit = "nats_per_token"
    curves: ClassVar[tuple[Curve, ...]] = (
        Curve("loss", "Loss", "nats", log=True, beside="held_out"),
        Curve("bits_per_token", "Bits per token", beside="held_out_bits_per_token"),
        Curve("bits_per_dimension", "Bits per dimension", beside="held_out_bits", help=ONLY_EXACT),
    )
    settled = ("rows", "columns", "channels", "colours", "classes", "palette")
    advice = "use a smaller batch, a narrower network or local attention"

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self._palettes: dict[tuple[int, int], str] = {}  # those learned so far, by their size and seed

    def fitted(self, controls: PixelsControls) -> PixelsControls:
        rows, columns, depth = self.dataset.shape
        palette = self._palette(controls)
        tokens = _tokens(controls.tokens, palette, depth)
        return edited(
            super().fitted(controls),
            {
                "tokens": tokens.spec if not palette else f"palette:{tokens.count}",
                "palette": palette,
                "rows": rows,
                "columns": columns,
                "channels": tokens.channels,
                "colours": tokens.count,
            },
        )

    def _palette(self, controls: PixelsControls) -> str:
        """The one that there is if it fits, or a new one, learned from the pictures."""
        colours = palette_size(controls.tokens)
        if not colours:
            return ""
        if len(controls.palette) == DIGITS * colours:
            return controls.palette
        wanted = colours, controls.seed
        if wanted not in self._palettes:
            tell, what = self.progress or (lambda *_: None), f"Learning a palette of {colours:,} colours"
            tell(what, 0, 1)
            self._palettes[wanted] = palette_of(self.dataset.train, *wanted)
            tell(what, 1, 1)
        if len(self._palettes[wanted]) == DIGITS:
            raise ControlError(f"{self.dataset.name} has only one colour; there is no palette to learn.")
        return self._palettes[wanted]

    def prepared(self, controls: PixelsControls) -> Dataset:
        return tokens_at_hand(self.dataset, self.tokens(controls), self.progress)

    @classmethod
    def tokens(cls, controls: PixelsControls) -> Tokens:
        return _tokens(controls.tokens, controls.palette, controls.channels)

    @classmethod
    def network(cls, controls: PixelsControls) -> PixelTransformer:
        return PixelTransformer(part_of(PixelsShape, controls))

    def follow(self, network: PixelTransformer, controls: PixelsControls) -> None:
        network.set_dropout(controls.dropout)

    def optimizer(self, network: PixelTransformer, controls: PixelsControls) -> torch.optim.Optimizer:
        return optimizer_of(network, muon=controls.optimizer == "muon")

    @classmethod
    def logits(cls, network: PixelTransformer, values: Tensor, labels: Tensor | None) -> Tensor:
        found: Tensor = network(values, labels)
        return found

    @classmethod
    def heads(cls, network: PixelTransformer) -> tuple[int, int]:
        return network.shape.layers, network.shape.heads

    @classmethod
    def looked(cls, network: PixelTransformer, values: Tensor, labels: Tensor | None) -> PixelsLooked:
        places = network.places(*values.shape[1:3], values.device)
        return PixelsLooked(network, network.sequence(values, places), labels, places)

    @classmethod
    def without_heads(cls, network: PixelTransformer, off: Tensor) -> PixelTransformer:
        return without_heads(network, off)

    @classmethod
    def surprise(cls, network: PixelTransformer, values: Tensor, labels: Tensor | None) -> Tensor:
        """A few pictures at a time, where nothing is learnt from them: many colours make many logits."""
        each = values[0].numel() * network.shape.colours if len(values) else 1
        few = len(values) if torch.is_grad_enabled() else max(1, AT_ONCE // each)
        parts = [
            super(PixelsLesson, cls).surprise(
                network, values[n : n + few], None if labels is None else labels[n : n + few]
            )
            for n in range(0, len(values), few)
        ]
        return torch.cat(parts)

    @classmethod
    def draw(
        cls,
        network: PixelTransformer,
        request: Request,
        width: int,
        cached: bool = True,
        order: Order | None = None,
    ) -> Iterator[Drawn]:
        return draw(network, request, width, cached)

    @classmethod
    def order(cls, size: tuple[int, int], controls: PixelsControls) -> Order:
        return order_of(controls.order, *size).numpy()

    @classmethod
    def alphabet(cls, controls: PixelsControls, channels: int) -> tuple[int, int]:
        return controls.channels, controls.colours

    @classmethod
    def values_of(cls, pictures: Bytes, controls: PixelsControls) -> npt.NDArray[np.integer]:
        return cls.tokens(controls).encode(pictures)

    @classmethod
    def colours_of(cls, values: npt.NDArray[np.integer], controls: PixelsControls) -> Bytes:
        return cls.tokens(controls).decode(values)

    # Bits per token are those of what it learns; bits per dimension, those of a whole pixel shared among the numbers
    # that the pixel has on the screen.

    def _share(self, controls: PixelsControls) -> float:
        """Tokens of a pixel for each of its numbers."""
        return controls.channels / self.dimensions(controls, self.dataset.shape[2])

    def metrics(
        self, loss: float | None, held_out: float | None, controls: PixelsControls
    ) -> dict[str, float]:
        found = super().metrics(loss, held_out, controls)
        per_token = {"bits_per_dimension": "bits_per_token", "held_out_bits": "held_out_bits_per_token"}
        for dimension, token in per_token.items():
            if dimension in found:
                found |= {token: found[dimension], dimension: found[dimension] * self._share(controls)}
        return found

    def results(self, held_out: float, controls: PixelsControls) -> dict[str, Any]:
        rows, columns, depth = self.dataset.shape
        bits = bits_per_dimension(held_out)
        return {
            self.unit: held_out,
            "bits_per_token": bits,
            "bits_per_dimension": bits * self._share(controls),
            "nats_per_picture": held_out * rows * columns * controls.channels,
            "comparable": self.comparable(controls, depth),
            "note": ONLY_EXACT,
        }

    def card(self, results: Mapping[str, Any], controls: PixelsControls) -> Card:
        bits, token, whole = (
            results[n] for n in ("bits_per_dimension", "bits_per_token", "nats_per_picture")
        )
        measured = (
            f"**{bits:.3f} bits per dimension**, {token:.3f} bits per token, {whole:.1f} nats per picture"
        )
        may = "These can." if results["comparable"] else "These cannot."
        return Card(f", as {self.tokens(controls).title}", f"{measured}. {ONLY_EXACT} {may}")
