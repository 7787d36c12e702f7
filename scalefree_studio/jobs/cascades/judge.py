"""Another network's opinion of pictures while a search draws them.

B pictures, H × W tokens of a stage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...errors import UserError
from ...models.ordered.request import Request, measure
from ..codec import Codec
from ..drawing.layout import Layout
from ..drawing.sampler import Sampler

AT_ONCE = 2**23  # chances


class Opinion(Protocol):
    """At the end of a stage, what is thought of the pictures so far."""

    def __call__(self, tokens: Sequence[Tensor], labels: Tensor | None, score: Tensor) -> Tensor:
        """Tokens (B, H, W) of each stage so far, the classes asked for (B,), scores (B,) → other scores (B,)."""


class Judge:
    """The less a picture surprises another network, the better it is. The score is the log-probability that this one
    gives the picture, in nats; that of the tokens counts no more."""

    def __init__(self, judge: Sampler, codec: Codec, classes: Sequence[str]):
        """`codec` and `classes` are those of the pictures that are judged."""
        if judge.classes and list(judge.classes) != list(classes):
            raise UserError(
                "The judge does not know the same classes as the model that draws; name one that does."
            )
        if len(judge.stages) > 1:
            raise UserError("A judge is a network that draws pixels, not one that draws in stages.")
        self._judge, self._codec, self._layout = judge, codec, Layout(judge.stages)

    @torch.inference_mode()
    def __call__(self, tokens: Sequence[Tensor], labels: Tensor | None, score: Tensor) -> Tensor:
        judge = self._judge
        pictures = self._codec.decode([stage.cpu().numpy() for stage in tokens])  # (B, h, w, C)
        pictures = np.broadcast_to(pictures, (*pictures.shape[:3], 3))
        values = np.stack([judge.values_of(picture) for picture in pictures]).astype(np.int64)
        by_position = torch.from_numpy(self._layout.by_position(values)).to(judge.device)  # (B, N, C)
        asked = labels.to(judge.device) if judge.classes and labels is not None else None
        few = max(1, AT_ONCE // (by_position[0].numel() * judge.levels))
        found = []
        for start in range(0, len(by_position), few):
            part = by_position[start : start + few]
            own = None if asked is None else asked[start : start + few]
            chances = judge.chances(Request(torch.zeros(part.shape, device=part.device), own), part)
            found.append(-math.log(2) * measure(chances, part)[1].sum(1))
        return torch.cat(found).to(score)
