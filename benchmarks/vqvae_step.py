"""A step of a VQ-VAE beside a plain one of equal mathematics, in one run.

    python benchmarks/vqvae_step.py [--batch 128] [--width 256] [--threads 2] [--rounds 5] [--bfloat16]

The plain one is as one writes it first: two convolutions of 4 × 4 with stride 2, two residual blocks, 512 codes by
torch.cdist, straight-through gradients, the codebook learnt by gradient, Adam. Ours has the same layers, and codes by
moving averages, as it learns by default; `bfloat16`, if asked for, is ours in that precision: not the same numbers. All
take turns; medians are printed of the time that passed and of the work of the processors, which other programs disturb
less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalefree_studio.models.codebooks.autoencoder import AutoencoderShape
from scalefree_studio.models.codebooks.network import VQVAE
from scalefree_studio.models.codebooks.quantiser import QuantiserShape
from scalefree_studio.models.threads import torch_threads

SIDE, CODES, BLOCKS = 28, 512, 2


class PlainBlock(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        layers = (nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.layers(x)
        return y


class PlainVQVAE(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        down = (nn.Conv2d(1, width, 4, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 4, 2, 1))
        up = (
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
        )
        blocks = [PlainBlock(width) for _ in range(2 * BLOCKS)]
        self.encoder = nn.Sequential(*down, *blocks[:BLOCKS], nn.ReLU(), nn.Conv2d(width, width, 1))
        self.decoder = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), *blocks[BLOCKS:], *up)
        self.codebook = nn.Embedding(CODES, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encoder(x).permute(0, 2, 3, 1)  # (B, H, W, D)
        rows = z.reshape(-1, z.shape[3])
        chosen = self.codebook(torch.cdist(rows, self.codebook.weight).argmin(1)).view_as(z)
        loss = F.mse_loss(chosen, z.detach()) + 0.25 * F.mse_loss(z, chosen.detach())
        values = z + (chosen - z).detach()
        return self.decoder(values.permute(0, 3, 1, 2)), loss


def ours(width: int) -> VQVAE:
    """Blocks after the last halving alone, as there."""
    shape = AutoencoderShape(
        layers=2, least_channels=width, most_channels=width, latent=width, blocks=BLOCKS, activation="relu"
    )
    network = VQVAE(shape, QuantiserShape(codes=CODES))
    network.autoencoder.down_blocks[0] = nn.Identity()
    network.autoencoder.up_blocks[1] = nn.Identity()
    return network


def plain_step(width: int, x: Tensor) -> Callable[[], None]:
    network = PlainVQVAE(width)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)

    def step() -> None:
        optimizer.zero_grad()
        made, loss = network(x)
        (F.mse_loss(made, x) + loss).backward()
        optimizer.step()

    return step


def our_step(width: int, x: Tensor, precision: torch.dtype = torch.float32) -> Callable[[], None]:
    network = ours(width).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            made, found = network(x)
        (F.mse_loss(made.float(), x) + found.loss).backward()
        optimizer.step()
        network.quantiser.learn()

    return step


def vqvae_step(batch: int = 128, width: int = 256, rounds: int = 5, bfloat16: bool = False) -> None:
    torch.manual_seed(0)
    x = torch.rand(batch, 1, SIDE, SIDE) * 2 - 1
    steps = {"plain": plain_step(width, x), "ours": our_step(width, x)}
    if bfloat16:
        steps["bfloat16"] = our_step(width, x, torch.bfloat16)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            began, worked = time.perf_counter(), time.process_time()
            step()
            taken[name].append((time.perf_counter() - began, time.process_time() - worked))
    print(
        f"a step of {batch} pictures of {SIDE} × {SIDE}, {width} channels, {torch.get_num_threads()} threads"
    )
    reference = statistics.median(work for _, work in taken["plain"][1:])
    for name, found in taken.items():
        clock, work = (statistics.median(column) for column in zip(*found[1:], strict=True))
        print(f"  {name:10} {clock:7.3f} s   work {work:7.3f} s   {reference / work:5.2f} ×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true")
    arguments = parser.parse_args()
    with torch_threads(arguments.threads):
        vqvae_step(arguments.batch, arguments.width, arguments.rounds, arguments.bfloat16)


if __name__ == "__main__":
    main()
