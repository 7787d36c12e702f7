"""A gated PixelCNN: the chances of every level of every channel of every pixel, given all that comes before it.

"Before" is raster order, and inside a pixel red, green, blue. Two stacks of gated layers see different parts of it:

    picture ──► v ──► v ──► … ──► v     vertical: this row and all above it, to both sides
       │        │     │           │
       └──────► h ──► h ──► … ──► h     horizontal: v of the row above, and what is left of this pixel in its row
                └──┬──┴── … ──────┘
                 skips ──► + label ──► output maps ──► levels

Together they see everything before a pixel, without the blind spot of a stack of masked squares. The maps of h fall
into C groups, one a channel; group c may know the channels before c of its own pixel. Only the first layer has to hide
a channel from its own group (mask A); after it, group c may know groups 0 … c of its own pixel (mask B).

B pictures, H × W pixels, C channels, L levels, p hidden maps, N layers. Pictures and answers have their channels last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...controls import control


@dataclass(frozen=True)
class PixelCNNShape:
    """What a PixelCNN is made of. Every field is a control, and every one but dropout starts over."""

    # fmt: off

    channels: int = control(
        1, label="Channels", help="Colours of a pixel: 1 is grey, 3 is red, green and blue.",
        low=1, high=3, group="Pictures",
    )
    levels: int = control(
        16, label="Levels", help="How many levels each channel of a pixel can take.",
        low=2, high=256, scale="log", group="Pictures",
    )
    classes: int = control(
        0, label="Classes", help="How many labels pictures come with; 0 learns without labels.",
        low=0, high=100_000, group="Pictures",
    )
    causal_kernel: int = control(
        7, label="First kernel", help="Width of the first layer's view; an even one counts as the next odd one.",
        low=1, high=31, group="Network",
    )
    hidden_kernel: int = control(
        7, label="Hidden kernel", help="Width of each later layer's view; an even one counts as the next odd one.",
        low=1, high=31, group="Network",
    )
    hidden_maps: int = control(
        30, label="Hidden maps", help="How many numbers each layer keeps about every pixel.",
        low=3, high=1024, scale="log", group="Network",
    )
    output_maps: int = control(
        10, label="Output maps", help="How many numbers about a pixel its levels are predicted from.",
        low=3, high=4096, scale="log", group="Network",
    )
    hidden_layers: int = control(
        6, label="Hidden layers", help="How many gated layers follow the first.",
        low=0, high=100, group="Network",
    )
    output: str = control(
        "levels", label="Output",
        help="What is predicted for a channel: a chance for each level, or a mixture of logistic curves "
        "over them.",
        choices=("levels", "mixture"), group="Network", advanced=True,
    )
    mixtures: int = control(
        10, label="Curves", help="How many logistic curves a mixture has.",
        low=1, high=100, group="Network", advanced=True,
    )
    dropout: float = control(
        0.0, label="Dropout", help="Share of the hidden numbers left out at random while learning.",
        low=0.0, high=0.9, live=True, group="Network", advanced=True,
    )
    # fmt: on

    @property
    def per_channel(self) -> int:
        """How many numbers the network says about one channel of one pixel."""
        return self.levels if self.output == "levels" else 3 * self.mixtures

    @property
    def reach(self) -> tuple[int, int]:
        """How far a pixel sees: (rows up, columns to either side). It sees all of that rectangle that is before it."""
        sideways = self.causal_kernel // 2 + self.hidden_layers * (self.hidden_kernel // 2)
        return sideways + 1, sideways


LEAST_CHANCE = 1e-30  # of a level that a mixture's float32 puts at nothing


class Gate(torch.autograd.Function):
    """tanh of the first half of its maps · sigmoid of the second, of the sum of what it is told.

    tanh(x) is 2 σ(2x) - 1, so that all maps are one sigmoid over memory that lies together: five times as fast on a
    CPU as the two halves apart.
    """

    @staticmethod
    def forward(ctx: Any, told: Tensor, here: Tensor, above: Tensor | None) -> Tensor:
        factor = here.new_ones(here.shape[1], 1, 1, dtype=told.dtype)
        factor[: len(factor) // 2] = 2
        both = torch.addcmul(told * factor, here, factor)  # (B, 2p, H, W)
        if above is not None:
            both[:, :, 1:].addcmul_(above[:, :, :-1], factor)
        value, door = both.sigmoid_().chunk(2, dim=1)
        ctx.save_for_backward(both)
        ctx.told, ctx.above = told.shape, above is not None
        return torch.mul(value, 2).sub_(1).mul_(door)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        (both,) = ctx.saved_tensors
        value, door = both.chunk(2, dim=1)
        slope = torch.addcmul(both, both, both, value=-1)  # of a sigmoid: σ - σ²
        slope_of_value, slope_of_door = slope.chunk(2, dim=1)
        slope_of_value.mul_(torch.mul(grad, 4).mul_(door))
        slope_of_door.mul_(torch.mul(value, 2).sub_(1).mul_(grad))
        above = F.pad(slope[:, :, 1:], (0, 0, 0, 1)) if ctx.above else None
        return slope.sum_to_size(ctx.told), slope, above


def gate(told: Tensor, here: Tensor, above: Tensor | None = None) -> Tensor:
    """From 2p maps, (B, 2p, H, W), to p: of what is told for labels (B or 1, 2p, 1, 1), of what was seen here, and of
    what was seen in the row above."""
    said: Tensor = Gate.apply(told, here, above)  # type: ignore[no-untyped-call]
    return said


def groups(maps: int, channels: int) -> Tensor:
    """The channel to which each of the maps belongs: (maps,)."""
    return torch.arange(maps) * channels // maps


class Causal(nn.Conv2d):
    """A convolution along a row, to this pixel and the ones left of it; at this pixel itself, group c of what comes out
    knows groups 0 … c of what goes in, or 0 … c - 1 under mask A."""

    mask: Tensor

    def __init__(self, into: Tensor, out: Tensor, reach: int = 0, mask_a: bool = False, bias: bool = False):
        super().__init__(len(into), len(out), (1, reach + 1), bias=bias)
        mask = torch.ones_like(self.weight)  # (out, into, 1, reach + 1)
        mask[:, :, 0, reach] = ((into < out[:, None]) if mask_a else (into <= out[:, None])).float()
        self.register_buffer("mask", mask, persistent=False)
        self.reach = reach

    def masked(self) -> Tensor:
        return self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (self.reach, 0)) if self.reach else x, self.masked(), self.bias)


class GatedLayer(nn.Module):
    """One layer of both stacks. The first one reads the picture, and passes nothing of it on but through its gates."""

    def __init__(self, shape: PixelCNNShape, first: bool):
        super().__init__()
        p, C = shape.hidden_maps, shape.channels
        self.first = first
        self.reach = reach = (shape.causal_kernel if first else shape.hidden_kernel) // 2
        own = groups(p, C)
        into = torch.arange(C) if first else own
        self.down = nn.Conv2d(len(into), 2 * p, (reach + 1, 2 * reach + 1), bias=False)
        self.across = nn.Conv2d(2 * p, 2 * p, 1, bias=False)
        self.along = Causal(into, own.repeat(2), reach, mask_a=first)
        self.out = Causal(own, own.repeat(2))  # p maps into the stack, p into the skips
        self.bias = nn.Parameter(torch.zeros(4 * p))  # of both stacks
        self.label = nn.Embedding(shape.classes, 4 * p) if shape.classes else None
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=0.05)

    def told(self, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """What is added before the gates of v and of h: (B or 1, 2p, 1, 1) each."""
        bias = self.bias[None] if self.label is None else self.bias + self.label(labels)
        to_v, to_h = bias[:, :, None, None].chunk(2, dim=1)
        return to_v, to_h

    def forward(
        self, v: Tensor, h: Tensor, labels: Tensor | None, dropout: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """v and h after this layer, and what it skips to the end: (B, p, H, W) each."""
        to_v, to_h = self.told(labels)
        down = self.down(F.pad(v, (self.reach, self.reach, self.reach, 0)))  # (B, 2p, H, W): rows up to this
        v_new = gate(to_v, down)
        h_new = gate(to_h, self.along(h), above=self.across(down))
        if dropout:
            v_new, h_new = F.dropout(v_new, dropout), F.dropout(h_new, dropout)
        h_new, skip = self.out(h_new).chunk(2, dim=1)
        return (v_new, h_new, skip) if self.first else (v + v_new, h + h_new, skip)


class PixelCNN(nn.Module):
    """The network. `forward` says P numbers about every channel of every pixel; `logits` makes levels of them."""

    def __init__(self, shape: PixelCNNShape):
        super().__init__()
        self.shape, self.dropout = shape, shape.dropout
        p, C = shape.hidden_maps, shape.channels
        own, late = groups(p, C), groups(shape.output_maps, C)
        self.layers = nn.ModuleList(GatedLayer(shape, first=i == 0) for i in range(shape.hidden_layers + 1))
        self.label = nn.Embedding(shape.classes, p) if shape.classes else None
        self.late = Causal(own, late, bias=True)
        self.head = Causal(late, torch.arange(C).repeat_interleave(shape.per_channel), bias=True)
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=0.05)
        nn.init.zeros_(self.head.weight)  # untaught, it holds every level for equally likely
        self._spread_the_curves()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def _spread_the_curves(self) -> None:
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        if self.shape.output == "mixture":
            K = self.shape.mixtures
            curves = self.head.bias.view(self.shape.channels, 3, K)
            curves[:, 1] = (torch.arange(K) + 0.5) * 2 / K - 1
            curves[:, 2] = -math.log(2 * K)

    @property
    def gated(self) -> list[GatedLayer]:
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]

    def scaled(self, levels: Tensor) -> Tensor:
        """Levels 0 … L - 1 as numbers from -1 to 1."""
        return levels.to(self.head.weight.dtype) * (2 / (self.shape.levels - 1)) - 1

    def end(self, labels: Tensor | None) -> Tensor | None:
        """What is added to the skips: (B, p)."""
        said: Tensor | None = None if self.label is None else self.label(labels)
        return said

    def forward(self, picture: Tensor, labels: Tensor | None = None) -> Tensor:
        """From a scaled picture (B, H, W, C), and labels (B,) if there are classes, to (B, H, W, C, P)."""
        v = h = picture.permute(0, 3, 1, 2)  # (B, C, H, W)
        end = self.end(labels)
        skips = v.new_zeros(1) if end is None else end[:, :, None, None]
        for layer in self.layers:
            v, h, skip = layer(v, h, labels, self.dropout if self.training else 0.0)  # (B, p, H, W) each
            skips = skips + skip
        said: Tensor = self.head(torch.relu(self.late(torch.relu(skips))))  # (B, C · P, H, W)
        said = said.to(self.head.weight.dtype)  # of convolutions in 16 bits, the logarithms are taken in 32
        B, _, H, W = said.shape
        return said.permute(0, 2, 3, 1).reshape(B, H, W, self.shape.channels, -1)

    def logits(self, said: Tensor) -> Tensor:
        """(…, P) → (…, L): the softmax of these are the chances of the levels."""
        if self.shape.output == "levels":
            return said
        return mixture_chances(said, self.shape.levels).clamp(min=LEAST_CHANCE).log()

    def surprise(self, levels: Tensor, labels: Tensor | None = None) -> Tensor:
        """-log of the chance that the network gave each level, in nats: (B, H, W, C), as the levels are."""
        said = self(self.scaled(levels), labels)
        if self.shape.output == "mixture":
            return -mixture_log_chance(said, levels, self.shape.levels)
        nats = F.cross_entropy(
            said.reshape(-1, self.shape.levels), levels.reshape(-1).long(), reduction="none"
        )
        return nats.view(levels.shape)

    def loss(self, levels: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean surprise: nats per dimension. Times H · W · C: nats per picture."""
        return self.surprise(levels, labels).mean()


def mixture_log_chance(said: Tensor, levels: Tensor, count: int) -> Tensor:
    """log of the chance of each of the levels (…) under a mixture of logistics (…, 3K): weights, means, log-widths.

    A level's share of a curve with distribution σ is σ(a) - σ(b) between the level's edges; the outermost levels reach
    to infinity. As σ(a) σ(-b) (1 - exp(b - a)) it needs no care for what is small.
    """
    weight, mean, log_width = said.chunk(3, dim=-1)  # (…, K)
    narrow = (-log_width.clamp(min=-7.0)).exp()
    half = 1 / (count - 1)  # of a level, where all of them span -1 to 1
    away = (levels.to(said.dtype) * (2 * half) - 1)[..., None] - mean
    at_top = (levels == count - 1)[..., None]
    at_bottom = (levels == 0)[..., None]
    below = F.logsigmoid((away + half) * narrow)
    above = F.logsigmoid((half - away) * narrow)
    within = torch.log(-torch.expm1(-2 * half * narrow))
    zero = torch.zeros((), dtype=said.dtype, device=said.device)
    share = torch.where(at_top, zero, below) + torch.where(at_bottom, zero, above)
    share = share + torch.where(at_top | at_bottom, zero, within)
    return torch.logsumexp(share + F.log_softmax(weight, dim=-1), dim=-1)


def count_numbers(model: nn.Module) -> int:
    """How many numbers the network learns (weights that a mask always hides are not among them)."""
    hidden = sum(int((m.mask == 0).sum()) for m in model.modules() if isinstance(m, Causal))
    return sum(p.numel() for p in model.parameters()) - hidden


def mixture_chances(said: Tensor, count: int) -> Tensor:
    """The chances of all levels, (…, 3K) → (…, L): what mixture_log_chance says, to within a millionth.

    To draw, a level's share of a curve may be the plain difference of σ at its edges, which needs a tenth of the time.
    """
    weight, mean, log_width = said.chunk(3, dim=-1)  # (…, K)
    narrow = (-log_width.clamp(min=-7.0)).exp()
    edges = (torch.arange(1, count, device=said.device, dtype=said.dtype) - 0.5) * (2 / (count - 1)) - 1
    below = ((edges - mean[..., None]) * narrow[..., None]).sigmoid_()  # (…, K, L - 1)
    below = torch.cat([torch.zeros_like(below[..., :1]), below, torch.ones_like(below[..., :1])], dim=-1)
    chances: Tensor = (weight.softmax(-1)[..., None, :] @ below.diff(dim=-1))[..., 0, :]
    return chances
