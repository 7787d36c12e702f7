"""Codebooks beside plain ones, in one run.

    python benchmarks/codebooks.py [--only quantisers|times|rotation|scales] [--data digits photographs]
                                   [--data-root FOLDER] [--steps 400] [--seeds 3]

quantisers  held-out error and perplexity of codebooks of equal size over the same patches: ours as it learns batch by
            batch, ours by k-means alone, and scikit-learn's KMeans and MiniBatchKMeans.
times       milliseconds of a step of vector quantisation: ours, vector-quantize-pytorch, and the loop that one writes
            first (torch.cdist, one-hot codes).
rotation    small VQ-VAEs in equal steps: straight-through gradients or the rotation trick, codes by moving averages or
            by gradient, unit vectors, finite scalars, with revival or without: held-out error and perplexity.
scales      a residual codebook over four scales: the held-out error after each stage.

`photographs` are patches of what scikit-image brings; all others are data sets as the studio knows them. Errors are the
mean squared ones of pixels in [0, 1]. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import skimage.data
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans, MiniBatchKMeans
from torch import Tensor

from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.models.codebooks.autoencoder import AutoencoderShape
from scalefree_studio.models.codebooks.interface import rows_of
from scalefree_studio.models.codebooks.kmeans import kmeans
from scalefree_studio.models.codebooks.nearest import nearest
from scalefree_studio.models.codebooks.network import VQVAE
from scalefree_studio.models.codebooks.patches import to_patches
from scalefree_studio.models.codebooks.quantiser import QuantiserShape, quantiser_of
from scalefree_studio.models.codebooks.usage import perplexity, used
from scalefree_studio.models.threads import torch_threads

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
TRAIN, HELD = 8000, 500  # pictures, at most
PATCH = 4
CODES = 256
BATCH = 64

VARIANTS: dict[str, QuantiserShape] = {
    "straight-through, ema": QuantiserShape(codes=CODES),
    "rotation, ema": QuantiserShape(codes=CODES, rotation=True),
    "straight-through, gradient": QuantiserShape(codes=CODES, learning="gradient"),
    "rotation, gradient": QuantiserShape(codes=CODES, learning="gradient", rotation=True),
    "straight-through, cosine": QuantiserShape(codes=CODES, cosine=True),
    "rotation, cosine": QuantiserShape(codes=CODES, cosine=True, rotation=True),
    "no revival": QuantiserShape(codes=CODES, revive=0.0),
    "revival below 0.3": QuantiserShape(codes=CODES, revive=0.3),
    "finite scalars 8,6,5": QuantiserShape(quantiser="fsq", levels="8,6,5"),
}


@dataclass(frozen=True)
class Pictures:
    name: str
    train: Tensor  # (N, C, h, w) in [-1, 1]
    held: Tensor


def pictures_of(name: str, root: str | None) -> Pictures:
    if name == "photographs":
        return photographs()
    dataset = load_dataset(name, root)
    train, held = (
        examples.take(np.linspace(0, len(examples) - 1, min(most, len(examples))).astype(int)).values
        for examples, most in ((dataset.train, TRAIN), (dataset.held, HELD))
    )
    return Pictures(name, *(torch.from_numpy(p).permute(0, 3, 1, 2) / 127.5 - 1 for p in (train, held)))


def photographs(side: int = 32) -> Pictures:
    """Squares of photographs; the right quarter of each photograph is held out."""
    train, held = list[Tensor](), list[Tensor]()
    for name in PHOTOGRAPHS:
        x = torch.from_numpy(np.array(getattr(skimage.data, name)())).permute(2, 0, 1) / 127.5 - 1
        squares = x.unfold(1, side, side // 2).unfold(2, side, side // 2)  # (C, rows, columns, side, side)
        border = squares.shape[2] * 3 // 4
        for into, part in ((train, squares[:, :, : border - 1]), (held, squares[:, :, border:])):
            into.append(part.permute(1, 2, 0, 3, 4).flatten(0, 1))
    return Pictures("photographs", torch.cat(train), torch.cat(held))


def batches(x: Tensor, size: int, steps: int, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        yield x[torch.randint(len(x), (size,), generator=generator)]


def spread(numbers: list[float], digits: int = 5) -> str:
    return f"{statistics.mean(numbers):.{digits}f} ± {statistics.pstdev(numbers):.{digits}f}"


# ---- Beside k-means ----


def quantisers(pictures: Pictures, steps: int, seeds: int) -> None:
    train, held = (patches_of(x) for x in (pictures.train, pictures.held))
    some = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:20_000]]
    print(f"\n{pictures.name}: {len(some):,} patches of {PATCH}×{PATCH} pixels, {CODES} codes")

    def ours(seed: int) -> Tensor:
        torch.manual_seed(seed)
        q = quantiser_of(QuantiserShape(codes=CODES), some.shape[1])
        for batch in batches(some, 4096, steps, seed):
            q.train()(batch.T[None, :, :, None])
            q.learn()
        return q.vectors()

    def scikit(kind: type) -> Callable[[int], Tensor]:
        def fitted(seed: int) -> Tensor:
            made = kind(CODES, n_init=1, random_state=seed).fit(some.numpy())
            return torch.from_numpy(made.cluster_centers_).float()

        return fitted

    makers: dict[str, Callable[[int], Tensor]] = {
        "ours, batch by batch": ours,
        "ours, k-means": lambda seed: kmeans(some, CODES, torch.Generator().manual_seed(seed), 100)[0],
        "scikit-learn KMeans": scikit(KMeans),
        "scikit-learn MiniBatchKMeans": scikit(MiniBatchKMeans),
    }
    for name, make in makers.items():
        errors, perplexities = list[float](), list[float]()
        for seed in range(seeds):
            codes = make(seed)
            at = nearest(held, codes)
            errors.append(float(F.mse_loss(codes[at], held)) / 4)  # pixels lie in [-1, 1]
            perplexities.append(perplexity(torch.bincount(at, minlength=CODES)))
        print(f"  {name:30} error {spread(errors)}   perplexity {statistics.mean(perplexities):6.1f}")


def patches_of(x: Tensor) -> Tensor:
    return to_patches(x, PATCH).flatten(0, 1)


# ---- Time ----


def times(rounds: int = 20) -> None:
    from vector_quantize_pytorch import VectorQuantize

    for size, codes, width in ((7, 512, 64), (8, 1024, 32), (16, 512, 64)):
        z = torch.randn(BATCH, width, size, size)
        ours = quantiser_of(QuantiserShape(codes=codes), width).train()
        theirs = VectorQuantize(
            width, codes, decay=0.99, rotation_trick=False, accept_image_fmap=True, threshold_ema_dead_code=1
        ).train()
        plain = Plain(codes, width)

        def step_of_ours(z: Tensor, q: torch.nn.Module = ours) -> None:
            made = q(z)
            (made.values.square().mean() + made.loss).backward()
            q.learn()

        def step_of_theirs(z: Tensor, q: torch.nn.Module = theirs) -> None:
            values, _, loss = q(z)
            (values.square().mean() + loss.sum()).backward()

        print(f"\n{BATCH} maps of {size}×{size}, {codes} codes of {width} numbers, milliseconds a step")
        works = {"ours": step_of_ours, "vector-quantize-pytorch": step_of_theirs, "plain": plain.step}
        found: dict[str, list[float]] = {name: [] for name in works}
        for number in range(rounds + 2):
            for name, work in works.items():
                began = time.process_time()
                work(z.clone().requires_grad_())
                if number >= 2:
                    found[name].append(1000 * (time.process_time() - began))
        for name, taken in found.items():
            print(f"  {name:30} {statistics.median(taken):8.2f}")


class Plain:
    """What one writes first."""

    def __init__(self, codes: int, width: int):
        self.codes = torch.randn(codes, width)
        self.sums, self.counts = self.codes.clone(), torch.ones(codes)

    def step(self, z: Tensor) -> None:
        x = rows_of(z)
        chosen = F.one_hot(torch.cdist(x.detach(), self.codes).argmin(1), len(self.codes)).float()
        values = chosen @ self.codes
        loss = 0.25 * F.mse_loss(x, values)
        ((x + (values - x).detach()).square().mean() + loss).backward()
        self.sums.mul_(0.99).add_(chosen.T @ x.detach(), alpha=0.01)
        self.counts.mul_(0.99).add_(chosen.sum(0), alpha=0.01)
        self.codes = self.sums / self.counts[:, None]


# ---- VQ-VAEs ----


def network_of(pictures: Pictures, shape: QuantiserShape, seed: int) -> VQVAE:
    torch.manual_seed(seed)
    channels = pictures.train.shape[1]
    layers = 1 if pictures.train.shape[2] < 16 else 2
    return VQVAE(
        AutoencoderShape(channels=channels, layers=layers, least_channels=16, most_channels=32, latent=16),
        shape,
    )


def learnt(pictures: Pictures, shape: QuantiserShape, steps: int, seed: int) -> VQVAE:
    network = network_of(pictures, shape, seed).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, betas=(0.9, 0.95), weight_decay=0.0)
    for number, batch in enumerate(batches(pictures.train, BATCH // 2, steps, seed)):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (number + 1) / 50) * (1 - 0.9 * number / steps)
        made, found = network(batch)
        optimizer.zero_grad()
        (F.mse_loss(made, batch) + found.loss).backward()
        optimizer.step()
        network.quantiser.learn()
    return network.eval()


@torch.no_grad()
def judged(network: VQVAE, held: Tensor) -> tuple[float, Tensor]:
    """(the error in [0, 1] of pixels, how often each code was used)."""
    total, counts = 0.0, torch.zeros(network.quantiser.codes)
    for part in held.split(100):
        made, found = network(part)
        total += float((made.clamp(-1, 1) - part).square().sum()) / 4
        for codes in found.codes:
            counts += torch.bincount(codes.flatten(), minlength=len(counts))
    return total / held.numel(), counts


def rotation(pictures: Pictures, steps: int, seeds: int) -> None:
    print(f"\n{pictures.name}: {steps} steps, {seeds} seeds")
    for name, shape in VARIANTS.items():
        results = [judged(learnt(pictures, shape, steps, seed), pictures.held) for seed in range(seeds)]
        errors = [error for error, _ in results]
        perplexities = statistics.mean(perplexity(counts) for _, counts in results)
        share = statistics.mean(used(counts) for _, counts in results)
        print(
            f"  {name:30} error {spread(errors)}   perplexity {perplexities:6.1f}   used {share:4.0%}",
            flush=True,
        )


@torch.no_grad()
def scales(pictures: Pictures, steps: int, seeds: int) -> None:
    """Of latents of the same VQ-VAE, and with and without what refines each scale."""
    size = pictures.train.shape[2] // (2 if pictures.train.shape[2] < 16 else 4)
    sizes = (1, 2, 4, size) if size > 4 else (1, 2, 3, size)
    base = QuantiserShape(codes=CODES, scales=",".join(map(str, sizes)))
    for name, shape in (("refined", base), ("plain", replace(base, refine=False))):
        by_stage = list[list[float]]()
        for seed in range(seeds):
            with torch.enable_grad():
                network = learnt(pictures, shape, steps, seed)
            codes = network.codes(pictures.held)
            maps = [
                network.quantiser.lookup(codes[:stages], size, size) for stages in range(1, len(codes) + 1)
            ]
            by_stage.append(
                [
                    float(F.mse_loss(network.autoencoder.decode(z).clamp(-1, 1), pictures.held)) / 4
                    for z in maps
                ]
            )
        print(f"\n{pictures.name}: scales {base.scales}, {name}, {steps} steps, {seeds} seeds")
        for scale, errors in zip(sizes, zip(*by_stage, strict=True), strict=True):
            print(f"  up to {scale}×{scale:<3} error {spread(list(errors))}", flush=True)


PARTS: dict[str, Callable[[Pictures, int, int], None]] = {
    "quantisers": quantisers,
    "rotation": rotation,
    "scales": scales,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=[*PARTS, "times"])
    parser.add_argument("--data", nargs="+", default=["digits", "photographs"])
    parser.add_argument("--data-root")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with torch_threads(arguments.threads):
        if arguments.only in (None, "times"):
            times()
        for name in arguments.data if arguments.only != "times" else ():
            pictures = pictures_of(name, arguments.data_root)
            for part, measure in PARTS.items():
                if arguments.only in (None, part):
                    measure(pictures, arguments.steps, arguments.seeds)


if __name__ == "__main__":
    main()
