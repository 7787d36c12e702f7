"""Drawing with a next-scale network: a stage is a scale, all tokens of which are drawn at once."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import UserError
from ...models.cascades.next_scale_draw import draw_scales
from ...models.cascades.next_scale_looked import NextScaleLooked
from ...models.cascades.shape import TokenGrid
from ...models.ordered.looked import Looked
from ...models.ordered.request import Drawn, Request, chances_of
from ...models.transformer.looked import without_heads
from ...snapshot import Array, Checkpoint
from ..drawing.codec_sampler import CodecSampler
from ..instruments import CODEC, codec_of
from .next_scale_lesson import NextScaleLesson

SAVED = ("controls", "dataset", "pictures", "classes", "best", CODEC)  # of its checkpoint


class NextScaleSampler(CodecSampler):
    kind = NextScaleLesson.kind

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: str = "cpu",
        size: tuple[int, int] | None = None,
        cached: bool = True,
    ):
        self.network = NextScaleLesson.read_network(checkpoint).to(device)
        self._about = {name: checkpoint.about[name] for name in SAVED if name in checkpoint.about}
        self._model, self._cached = checkpoint.model, cached
        shape = self.network.shape
        try:
            height, width = (int(side) for side in checkpoint.about["pictures"])
            self.classes = classes_of(checkpoint.about, shape.classes)
        except (KeyError, TypeError, ValueError):
            raise UserError("The model does not say what it draws; it is damaged.") from None
        super().__init__(codec_of(checkpoint, device), (height, width))
        if tuple(TokenGrid(g.rows, g.columns, g.codes) for g in self.grids) != shape.scales:
            raise UserError("The model does not fit the codes stored in it; it is damaged.")
        self.heads = shape.layers, shape.heads
        if size is not None and size not in (self.size, self.pixels):
            raise UserError(f"This model only draws pictures of {width}×{height}.")

    def draw(self, request: Request) -> Iterator[Drawn]:
        return draw_scales(self.network, request, self._cached)

    @torch.inference_mode()
    def chances(self, request: Request, values: Tensor) -> Tensor:
        logits = self.network(values[..., 0].clamp(max=self.levels - 1), request.labels)[:, :, None]
        return chances_of(logits, request.temperature, request.top_k, request.top_p)

    def looked(self, request: Request, values: Tensor) -> Looked:
        return NextScaleLooked(self.network, values[..., 0].clamp(max=self.levels - 1), request.labels)

    def looks(self, stage: int = 0) -> Mapping[str, Array]:
        return {"tiles": self.codec.tiles(stage), "reach": np.array([-1, -1])}

    def without_heads(self, off: npt.NDArray[np.bool_]) -> NextScaleSampler:
        other = copy.copy(self)
        other.network = without_heads(self.network, torch.from_numpy(off).to(self.device))
        other.decode_alone()
        return other

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return self._about, self._model


def classes_of(about: Mapping[str, Any], wanted: int) -> list[str]:
    """The names of the classes that a network was taught, if it was; ValueError where they are not as many."""
    classes = [str(name) for name in about.get("classes") or []] if wanted else []
    if len(classes) != wanted:
        raise ValueError(f"{len(classes)} classes have names, not {wanted}")
    return classes
