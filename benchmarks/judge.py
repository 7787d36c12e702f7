"""How good drawn pictures are, by what a classifier of real ones says of them.

Two figures. How many pictures are recognised as what was asked for: it sees a wrong digit, but not that all sevens are
the same. And the Fréchet distance between real and drawn pictures in the classifier's features, each set taken for a
normal distribution: it sees that, too. The distance of few pictures is too large, by an amount that falls with their
number: only distances of equally many may be compared, and the one of as many real pictures, which are held out, stands
beside them as what can be reached.

B pictures of h × w pixels, C channels; N of them with F features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalefree_studio.data.batches import Batches
from scalefree_studio.data.sources import Dataset

FEATURES = 32
BATCH, RATE, AT_ONCE = 128, 3e-3, 256
Floats = npt.NDArray[np.float64]


class Classifier(nn.Module):
    """Convolutions, halved until a few places are left; then the features, then the classes."""

    def __init__(self, channels: int, classes: int, side: int):
        super().__init__()
        widths, layers, before = (16, 32, 64), list[nn.Module](), channels
        for n, width in enumerate(widths):
            for _ in range(2):
                layers += [
                    nn.Conv2d(before, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                ]
                before = width
            if n < 2 and side // 2 ** (n + 1) >= 4:
                layers.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(0.3))
        self.squeeze = nn.Linear(16 * before, FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, h, w) in [-1, 1] → (B, F)."""
        return F.relu(self.squeeze(self.body(pictures)))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, h, w) → logits (B, classes)."""
        found: Tensor = self.head(self.features(pictures))
        return found


def as_input(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """Bytes (B, h, w, C) → (B, C, h, w) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def shaken(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture (B, C, h, w) turned, scaled, slanted and shifted a little, as hands write differently."""
    B = len(pictures)
    turn, slant = (torch.empty(B).uniform_(-0.15, 0.15, generator=generator) for _ in range(2))
    scale = torch.empty(B).uniform_(0.9, 1.1, generator=generator)
    shift = torch.empty(B, 2).uniform_(-0.1, 0.1, generator=generator)
    across, down = (
        torch.stack([scale * turn.cos(), -turn.sin() + slant], 1),
        torch.stack([turn.sin(), scale * turn.cos()], 1),
    )
    matrix = torch.cat([torch.stack([across, down], 1), shift[..., None]], 2)  # (B, 2, 3)
    places = F.affine_grid(matrix, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, places, padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class Judge:
    network: Classifier
    mean: Floats  # of the features of all pictures that were learnt from, (F,) …
    covariance: Floats  # … and (F, F)
    held_out: float = 0.0  # share of real pictures recognised that it has not learnt from

    @torch.inference_mode()
    def recognised(self, pictures: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> float:
        """The share of pictures (B, h, w, C) that are taken for what they are to be."""
        found = [self.network(as_input(part)).argmax(1).numpy() for part in parts(pictures)]
        return float((np.concatenate(found) == labels).mean())

    def distance(self, pictures: npt.NDArray[np.uint8]) -> float:
        """The Fréchet distance of these pictures from those that were learnt from."""
        return frechet(self.mean, self.covariance, *moments(features_of(self.network, pictures)))


def taught(dataset: Dataset, steps: int, seed: int = 0) -> Judge:
    """A classifier that has learnt a data set's pictures in so many steps."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    h, w, C = dataset.shape
    network = Classifier(C, len(dataset.classes), min(h, w))
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    batches = Batches(len(dataset.train), BATCH, seed)
    network.train()
    for step in range(steps):
        batch = dataset.train.take(next(batches))
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + np.cos(np.pi * step / steps)) / 2
        pictures = shaken(as_input(batch.values), generator)
        loss = F.cross_entropy(network(pictures), torch.from_numpy(batch.labels), label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    learnt = all_of(dataset.train).values
    mean, covariance = moments(features_of(network, learnt))
    held = all_of(dataset.held)
    judge = Judge(network, mean, covariance)
    return replace(judge, held_out=judge.recognised(held.values, held.labels))


def all_of(examples: Any) -> Any:
    return examples.take(np.arange(len(examples)))


def parts(pictures: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.uint8]]:
    return (pictures[start : start + AT_ONCE] for start in range(0, len(pictures), AT_ONCE))


@torch.inference_mode()
def features_of(network: Classifier, pictures: npt.NDArray[np.uint8]) -> Floats:
    """(N, h, w, C) → (N, F)."""
    found = [network.features(as_input(part)).numpy() for part in parts(pictures)]
    return np.concatenate(found).astype(np.float64)


def moments(features: Floats) -> tuple[Floats, Floats]:
    """Mean (F,) and covariance (F, F) of features (N, F)."""
    return features.mean(0), np.cov(features, rowvar=False)


def frechet(mean: Floats, covariance: Floats, other_mean: Floats, other_covariance: Floats) -> float:
    """|m - n|² + tr(A + B - 2 √(A B)): the squared Fréchet distance of two normal distributions, as in the FID. The
    eigenvalues of A B are those of √A B √A, which is symmetric."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    both = np.linalg.eigvalsh(root @ other_covariance @ root)
    apart = ((mean - other_mean) ** 2).sum()
    return float(apart + np.trace(covariance) + np.trace(other_covariance) - 2 * np.sqrt(both.clip(0)).sum())
