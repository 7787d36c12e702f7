"""A convolutional autoencoder: pictures become small maps of numbers, and pictures again.

B pictures of h × w pixels, C channels, all in [-1, 1]; maps of H × W = h/stride × w/stride places, Z numbers each. Any
picture whose sides its stride divides is fine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ...controls import control
from ...errors import UserError

SMALLEST = 8  # a map with shorter sides is not halved again, if it may choose
MOST_HALVINGS = 3  # that it chooses by itself


def _tanh(x: Tensor) -> Tensor:
    return 2 * (2 * x).sigmoid() - 1  # torch.tanh takes ten times as long on a CPU


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "relu": F.relu,
    "gelu": F.gelu,
    "tanh": _tanh,
    "none": lambda x: x,
}
NAMES = tuple(ACTIVATIONS)


@dataclass(frozen=True)
class AutoencoderShape:
    # fmt: off
    channels: int = control(
        1, label="Channels", help="Numbers per pixel: 1 for grey, 3 for colour.",
        low=1, high=3, group="Pictures",
    )
    layers: int = control(
        0, label="Halvings", help="How often the sides of a picture are halved; 0 chooses what fits the "
        "pictures.",
        low=0, high=6, group="Network",
    )
    least_channels: int = control(
        32, label="Least channels", help="How many numbers it keeps about a place after the first halving.",
        low=1, high=2048, scale="log", group="Network",
    )
    most_channels: int = control(
        128, label="Most channels", help="Channels double with every halving, up to this many.",
        low=1, high=4096, scale="log", group="Network",
    )
    latent: int = control(
        16, label="Latent channels", help="How many numbers each place keeps in the middle of the network.",
        low=1, high=1024, scale="log", group="Network",
    )
    blocks: int = control(
        1, label="Blocks", help="How many residual blocks follow each halving.", low=0, high=16, group="Network",
    )
    activation: str = control(
        "silu", label="Activation", help="Activation of the hidden "
        "layers.", choices=NAMES, group="Network", advanced=True,
    )
    latent_activation: str = control(
        "none", label="Activation in the middle", help="At the end of the encoder; tanh keeps its numbers in [-1, 1].",
        choices=NAMES, group="Network", advanced=True,
    )
    picture_activation: str = control(
        "none", label="Activation at the end", help="At the end of the decoder; tanh keeps pixels in their range.",
        choices=NAMES, group="Network", advanced=True,
    )
    # fmt: on

    @property
    def stride(self) -> int:
        """Pixels of a side of a place."""
        return int(2**self.layers)

    @property
    def widths(self) -> list[int]:
        """Channels after each halving."""
        return [min(self.least_channels * 2**level, self.most_channels) for level in range(self.layers)]


def suitable_layers(rows: int, columns: int) -> int:
    """How often pictures of this size are halved if nobody says it; 0: they cannot be."""
    layers = 0
    while rows % 2 == columns % 2 == 0 and layers < MOST_HALVINGS:
        if layers and min(rows, columns) <= SMALLEST:
            break
        rows, columns, layers = rows // 2, columns // 2, layers + 1
    return layers


class Block(nn.Module):
    """Adds to a map what it makes of each place and its neighbours; nothing at first."""

    def __init__(self, width: int, activation: str):
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.near = nn.Conv2d(width, width, 3, padding=1)
        self.mixed = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.mixed.weight)
        nn.init.zeros_(self.mixed.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:  # (B, D, H, W)
        added: Tensor = self.mixed(self.activation(self.near(self.activation(x))))
        return x + added


class Autoencoder(nn.Module):
    def __init__(self, shape: AutoencoderShape):
        super().__init__()
        self.shape = shape
        self.stride, self.latent = shape.stride, shape.latent
        self.activation = ACTIVATIONS[shape.activation]
        self.error: Tensor | None = None  # of the last batch
        widths = shape.widths
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for before, width in zip([shape.channels, *widths], widths, strict=False):
            self.down.append(nn.Conv2d(before, width, 4, stride=2, padding=1))
            self.up.insert(0, nn.ConvTranspose2d(width, before, 4, stride=2, padding=1))
        self.down_blocks = nn.ModuleList(self._blocks(width) for width in widths)
        self.up_blocks = nn.ModuleList(self._blocks(width) for width in reversed(widths))
        self.into = nn.Conv2d(widths[-1], shape.latent, 1)
        self.out = nn.Conv2d(shape.latent, widths[-1], 3, padding=1)

    def _blocks(self, width: int) -> nn.Sequential:
        return nn.Sequential(*(Block(width, self.shape.activation) for _ in range(self.shape.blocks)))

    def map_size(self, rows: int, columns: int) -> tuple[int, int]:
        """Rows and columns of the map of a picture, or a UserError."""
        if rows % self.stride or columns % self.stride or not rows or not columns:
            raise UserError(
                f"Pictures of {columns}×{rows} do not fit: both sides must be multiples of {self.stride}."
            )
        return rows // self.stride, columns // self.stride

    @property
    def last_weight(self) -> Tensor:
        """Of the layer that ends in pixels."""
        weight = self.up[-1].weight
        assert isinstance(weight, Tensor)
        return weight

    def encode(self, x: Tensor) -> Tensor:
        """(B, C, h, w) in [-1, 1] → (B, Z, H, W)."""
        self.map_size(*x.shape[2:])
        for number, (down, blocks) in enumerate(zip(self.down, self.down_blocks, strict=True)):
            x = blocks(down(self.activation(x) if number else x))
        return ACTIVATIONS[self.shape.latent_activation](self.into(self.activation(x)))

    def decode(self, z: Tensor) -> Tensor:
        """(B, Z, H, W) → (B, C, h, w), about in [-1, 1]."""
        x = self.out(z)
        for blocks, up in zip(self.up_blocks, self.up, strict=True):
            x = up(self.activation(blocks(x)))
        return ACTIVATIONS[self.shape.picture_activation](x)

    def forward(self, x: Tensor) -> Tensor:
        """What pictures become: (B, C, h, w) → (B, C, h, w)."""
        return self.decode(self.encode(x))
