"""An opponent that learns to tell real pictures from those made again, patch by patch, so that these become sharp.

As in "Taming transformers" (Esser et al., 2021): hinge losses, and a weight that makes the opponent pull at the last
layer as hard as the error does. Opponent and autoencoder learn at once, in one backward pass: neither of the two terms
here reaches the parameters that the other is for.

B pictures of h × w pixels, C channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

MOST_WEIGHT = 1e4
MOST_HALVINGS = 3
GROUPS = 8  # of channels that are scaled together: unlike a batch's, they do not depend on the other pictures


class PatchOpponent(nn.Module):
    """How real each patch of a picture seems: (B, C, h, w) → (B, 1, h', w')."""

    def __init__(self, channels: int, halvings: int, width: int = 32):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2)]
        for _ in range(min(halvings, MOST_HALVINGS)):
            layers += [nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.GroupNorm(GROUPS, 2 * width)]
            layers.append(nn.LeakyReLU(0.2))
            width *= 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x)
        return found


def opponent_loss(opponent: PatchOpponent, real: Tensor, made: Tensor) -> Tensor:
    """What the opponent learns by: scores above 1 for real pictures, below -1 for others. Both (B, C, h, w)."""
    right, wrong = opponent(real), opponent(made.detach())
    loss: Tensor = F.relu(1 - right).mean() + F.relu(1 + wrong).mean()
    return loss / 2


def deceiving_loss(opponent: PatchOpponent, made: Tensor) -> Tensor:
    """What pictures made again (B, C, h, w) learn by: to seem real. The opponent learns nothing of it."""
    fixed = {name: p.detach() for name, p in opponent.named_parameters()}
    scores: Tensor = functional_call(opponent, fixed, (made,))
    return scores.mean().neg()


def adaptive_weight(error: Tensor, deceiving: Tensor, last: Tensor) -> Tensor:
    """How much harder than `deceiving` the error pulls at the last layer's weights."""
    pulls = [torch.autograd.grad(loss, last, retain_graph=True)[0].norm() for loss in (error, deceiving)]
    weight: Tensor = (pulls[0] / (pulls[1] + 1e-4)).clamp(0, MOST_WEIGHT).detach()
    return weight
