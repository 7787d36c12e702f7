"""An instrument of one's own: a network that guesses every pixel from its neighbours, those that are drawn already.

    pip install ./examples/neighbours
    scalefree-studio train neighbours --dataset digits --out output/neighbours

It has a button in the window, a shelf in the gallery, `train`, `sample`, `complete`, `evaluate`, `info`, `movie`,
resume and Python like the studio's own. docs/own-instrument.md walks through it.

B pictures of H × W pixels, C channels, L levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalefree_studio.controls import control
from scalefree_studio.jobs.instruments import Instrument
from scalefree_studio.jobs.training.controls import TrainControls
from scalefree_studio.jobs.training.picture_lesson import PictureLesson


@dataclass(frozen=True)
class NeighboursControls(TrainControls):
    """Each of these is a slider in the window, a flag of the command, and a keyword in Python."""

    # fmt: off
    channels: int = control(
        1, label="Channels", help="Colours of a pixel; the pictures decide.", low=1, high=3, group="Pictures",
    )
    levels: int = control(
        16, label="Levels", help="How many levels each channel of a pixel can take.",
        low=2, high=256, scale="log", group="Pictures",
    )
    distance: int = control(
        3, label="Distance", help="How far away neighbours may be: this many rows up, and columns to each side.",
        low=1, high=16, group="Network",
    )
    hidden: int = control(
        64, label="Hidden units", help="How many numbers a pixel is guessed from.",
        low=1, high=1024, scale="log", group="Network",
    )
    # fmt: on


class Neighbours(nn.Module):
    """For each pixel and channel: its neighbours in, the chances of its levels out."""

    mask: Tensor

    def __init__(self, c: NeighboursControls):
        super().__init__()
        side, self.distance, self.levels = 2 * c.distance + 1, c.distance, c.levels
        # Of the colours, and of where there is a picture at all.
        self.look = nn.Conv2d(2 * c.channels, c.hidden, side)
        self.within = nn.ModuleList(nn.Linear(c.hidden + n, c.levels) for n in range(c.channels))
        before = torch.zeros(side, side)
        before[: c.distance] = 1  # the rows above
        before[c.distance, : c.distance] = 1  # what is left of it in its own row
        self.register_buffer("mask", before, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Values (B, H, W, C) to logits (B, H, W, C, L)."""
        seen = values.permute(0, 3, 1, 2).float() * (2 / (self.levels - 1)) - 1  # (B, C, H, W), from -1 to 1
        seen = torch.cat([seen, torch.ones_like(seen)], dim=1)  # beyond the border both are 0
        padded = F.pad(seen, [self.distance] * 4)
        hidden = F.relu(F.conv2d(padded, self.look.weight * self.mask, self.look.bias))  # (B, hidden, H, W)
        hidden = hidden.permute(0, 2, 3, 1)  # (B, H, W, hidden)
        # Inside a pixel, a channel also knows the channels before it.
        colours = seen[:, : values.shape[3]].permute(0, 2, 3, 1)  # (B, H, W, C)
        logits = [guess(torch.cat([hidden, colours[..., :n]], -1)) for n, guess in enumerate(self.within)]
        return torch.stack(logits, dim=3)


class NeighboursLesson(PictureLesson[NeighboursControls, Neighbours]):
    """What is learnt. How it is learnt, shown, saved, resumed, measured and drawn with, the studio knows."""

    kind = "neighbours"
    title = "Neighbours"
    summary = "a network that guesses every pixel from its neighbours"
    controls = NeighboursControls

    @classmethod
    def network(cls, controls: NeighboursControls) -> Neighbours:
        return Neighbours(controls)

    @classmethod
    def logits(cls, network: Neighbours, values: Tensor, labels: Tensor | None) -> Tensor:
        logits: Tensor = network(values)
        return logits

    @classmethod
    def reach(cls, network: Neighbours) -> tuple[int, int]:
        return network.distance, network.distance  # what the window shows as seen


INSTRUMENT = Instrument(
    name="neighbours",
    title="Neighbours",
    summary="A network that guesses every pixel from its neighbours, and draws with its guesses",
    start="train:neighbours:digits",  # what the window begins with
    lessons=(NeighboursLesson,),
)
