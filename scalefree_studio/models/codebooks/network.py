"""A VQ-VAE: an autoencoder between whose halves a quantiser leaves only codes.

B pictures of h × w pixels, C channels; maps of H × W places.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .adversarial import PatchOpponent
from .autoencoder import Autoencoder, AutoencoderShape
from .quantiser import Quantised, QuantiserShape, quantiser_of


def scaled(pictures: Tensor) -> Tensor:
    """Bytes (B, h, w, C) as what networks read: (B, C, h, w) in [-1, 1]."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def as_bytes(x: Tensor) -> Tensor:
    """The inverse: (B, C, h, w) → (B, h, w, C)."""
    return ((x.permute(0, 2, 3, 1).float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


class VQVAE(nn.Module):
    def __init__(
        self, shape: AutoencoderShape, quantiser: QuantiserShape, opponent: PatchOpponent | None = None
    ):
        super().__init__()
        self.autoencoder = Autoencoder(shape)
        self.quantiser = quantiser_of(quantiser, shape.latent)
        self.opponent = opponent
        self.coded = True  # whether pictures pass through codes while it learns
        self.opposed = 0.0  # how strongly the opponent is followed now
        self.error: Tensor | None = None  # of the last batch

    def forward(self, x: Tensor) -> tuple[Tensor, Quantised]:
        """What pictures (B, C, h, w) in [-1, 1] become, and their codes; there are none before it learns them."""
        z = self.autoencoder.encode(x)
        if self.training and not self.coded:
            return self.autoencoder.decode(z), Quantised(z, (), z.new_zeros(()))
        found: Quantised = self.quantiser(z)
        return self.autoencoder.decode(found.values), found

    def codes(self, x: Tensor) -> tuple[Tensor, ...]:
        """Of pictures (B, C, h, w): (B, H_s, W_s) a stage."""
        found: Quantised = self.quantiser(self.autoencoder.encode(x))
        return found.codes
