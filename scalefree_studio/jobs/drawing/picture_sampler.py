"""A network that has learnt pictures, as a sampler: what a drawing needs of it, by what its lesson says."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...data.pictures import fitted
from ...errors import UserError
from ...models.ordered.looked import Looked
from ...models.ordered.request import Drawn, Request, chances_of
from ...snapshot import Array, Checkpoint
from ..training.learnt import shape_learnt
from ..training.picture_lesson import Order, PictureLesson
from .sampler import Sampler

SAVED = ("controls", "dataset", "classes", "best")  # of its checkpoint, what is needed or worth knowing


class PictureSampler(Sampler):
    def __init__(
        self,
        lesson: type[PictureLesson[Any, Any]],
        checkpoint: Checkpoint,
        device: str = "cpu",
        size: tuple[int, int] | None = None,
        cached: bool = True,
    ):
        """`size` (H, W) may be any, and is the one learnt where it is not named; without `cached`, the whole network is
        asked for every number."""
        height, width, self._colours = shape_learnt(checkpoint)
        self.lesson, self.kind = lesson, lesson.kind
        self.network = lesson.read_network(checkpoint).to(device)
        self.device, self._cached = torch.device(device), cached
        self._controls = lesson.controls_of(checkpoint)
        self.channels, self.levels = lesson.alphabet(self._controls, self._colours)
        self.dimensions = lesson.dimensions(self._controls, self._colours)
        self.comparable = lesson.comparable(self._controls, self._colours)
        self._about = {name: checkpoint.about.get(name) for name in SAVED}
        self._model = checkpoint.model
        wanted = getattr(self._controls, "classes", 0)
        if size is not None and min(size) < 1:
            raise UserError(f"Pictures have a height and a width of at least 1, not {size}.")
        try:
            drawn = size or checkpoint.about.get("size") or (height, width)
            self.size = int(drawn[0]), int(drawn[1])
            classes = [str(name) for name in self._about["classes"] or []]
        except (TypeError, ValueError, IndexError):
            raise UserError("The model does not say what it draws; it is damaged.") from None
        channels = getattr(self._controls, "channels", self.channels)
        if min(self.size) < 1 or self.channels != channels or (wanted and len(classes) != wanted):
            raise UserError("The model does not say what it draws; it is damaged.")
        self.classes: Sequence[str] = classes if wanted else ()
        self.heads = lesson.heads(self.network)

    @property
    def order(self) -> Order:
        return self.lesson.order(self.size, self._controls)

    def draw(self, request: Request) -> Iterator[Drawn]:
        return self.lesson.draw(self.network, request, self.size[1], self._cached, self.order)

    @torch.inference_mode()
    def chances(self, request: Request, values: Tensor) -> Tensor:
        logits = self.lesson.logits(self.network, self._by_place(values), request.labels).flatten(1, 2)
        logits = logits[:, torch.from_numpy(self.order).to(logits.device)]  # (B, N, C, L)
        return chances_of(logits, request.temperature, request.top_k, request.top_p)

    def _by_place(self, values: Tensor) -> Tensor:
        """Values in their order (B, N, C) as pictures, row by row: (B, H, W, C)."""
        order = torch.from_numpy(self.order).to(values.device)
        pictures: Tensor = values[:, order.argsort()].unflatten(1, self.size)
        return pictures

    def looked(self, request: Request, values: Tensor) -> Looked:
        return self.lesson.looked(self.network, self._by_place(values), request.labels)

    def without_heads(self, off: npt.NDArray[np.bool_]) -> PictureSampler:
        other = copy.copy(self)
        other.network = self.lesson.without_heads(self.network, torch.from_numpy(off).to(self.device))
        return other

    def looks(self, stage: int = 0) -> Mapping[str, Array]:
        every = np.arange(self.levels)[:, None].repeat(self.channels, axis=1)  # (L, C)
        colours = self.lesson.colours_of(every, self._controls)  # (L, 1 or 3)
        reach = {"reach": np.array(self.lesson.reach(self.network))}
        if self.channels > 1:
            return {"ramp": colours[:, 0], **reach}
        return {"tiles": np.broadcast_to(colours, (self.levels, 3))[:, None, None], **reach}  # a pixel each

    def values_of(self, pixels: Array, stage: int = 0) -> Array:
        picture = fitted(pixels, self.size, self._colours)[None]  # (1, H, W, C)
        values: Array = self.lesson.values_of(picture, self._controls)[0]
        return values

    def saved(self) -> tuple[Mapping[str, Any], Mapping[str, Array]]:
        return {**self._about, "size": list(self.size)}, self._model
