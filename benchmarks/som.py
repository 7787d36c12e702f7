"""Self-organising maps beside a plain one and beside k-means, in one run.

    python benchmarks/som.py [--only step|rules] [--data photographs digits] [--data-root FOLDER] [--seconds 4]
                             [--seeds 3] [--map line|grid] [--threads 2] [--cpu-time]

step    milliseconds of a step on latents of 32×32×4, patches of 8×8, 512 units. The plain map is what one writes first:
        the neighbourhood of every unit for every patch, autograd and Adam. Both must have the same gradient.
rules   the error of held-out patches after as many seconds of learning: by the batch rule, by the gradient of the
        neighbourhood, and by the plain map; and that of k-means of the same size, which takes as long as it takes.

Latents are the four main components of 2×2 pixels: an autoencoder that needs no training. Times are medians;
all take turns. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from codebooks import photographs, pictures_of, spread
from sklearn.cluster import KMeans
from torch import Tensor

from scalefree_studio.models.codebooks.patches import to_patches
from scalefree_studio.models.codebooks.som import SelfOrganisingMap, Shape, radius_at, shape_of_map
from scalefree_studio.models.codebooks.som_errors import quantisation_error, topographic_error
from scalefree_studio.models.threads import torch_threads

UNITS, PATCH, SIZE = 512, 8, 32
BATCH = 64  # pictures
SETTLING, MEMORY = 0.2, 0.1  # as the lesson has them
FOR_K_MEANS = 30_000  # patches
clock: Callable[[], float] = time.perf_counter


class Plain(torch.nn.Module):
    """What one writes first."""

    def __init__(self, shape: Shape, width: int, rate: float):
        super().__init__()
        rows, columns = shape
        self.units = torch.nn.Parameter(torch.randn(rows * columns, width))
        places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).float()
        self.apart = torch.cdist(places, places).square()  # (K, K), squared, on the map
        self.rate, self.optimizer = rate, torch.optim.Adam(self.parameters(), lr=rate)

    def loss(self, x: Tensor, radius: float) -> Tensor:
        far = torch.cdist(x, self.units).square()  # (N, K)
        best = far.argmin(1)
        near = (
            torch.exp(-self.apart[best] / (2 * radius**2))
            if radius
            else far.new_zeros(far.shape).scatter(1, best[:, None], 1.0)
        )
        return (near * far / 2).sum(1).mean()

    def step(self, x: Tensor, progress: float, radius: float) -> None:
        self.optimizer.param_groups[0]["lr"] = self.rate * (1 - 0.98 * progress)
        self.optimizer.zero_grad()
        self.loss(x, radius).backward()
        self.optimizer.step()


class Ours:
    """By either rule."""

    def __init__(self, shape: Shape, width: int, rule: str, rate: float = 0.0):
        self.som, self.rate, self.steps = SelfOrganisingMap(shape, width, rule).train(), rate, 0
        self.optimizer = torch.optim.Adam(self.som.parameters(), lr=rate) if rate else None

    @property
    def units(self) -> Tensor:
        return self.som.units

    def step(self, x: Tensor, progress: float, radius: float) -> None:
        self.som.begin_step(0, radius, 1 - 1 / max(1.0, MEMORY * self.steps))
        loss = self.som(x)
        if self.optimizer is not None:
            self.optimizer.param_groups[0]["lr"] = self.rate * (1 - 0.98 * progress)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.som.learn()
        self.steps += 1


# ---- A step ----


def som_step(shape: Shape, rounds: int = 60) -> None:
    print(f"\nlatents of {SIZE}×{SIZE}×4, patches of {PATCH}×{PATCH}, a map of {shape[0]}×{shape[1]} units")
    for count in (8, 64):
        x = to_patches(torch.randn(count, 4, SIZE, SIZE), PATCH).flatten(0, 1)
        plain, *ours = makers = [
            Plain(shape, x.shape[1], 1e-3), Ours(shape, x.shape[1], "batch"), Ours(shape, x.shape[1], "gradient", 1e-3)
        ]  # fmt: skip
        check_gradient(plain, ours[-1], x)
        taken: list[list[float]] = [[] for _ in makers]
        for number in range(rounds + 5):
            radius = radius_at(number / (rounds + 5), shape, SETTLING)
            for made, own in zip(makers, taken, strict=True):
                began = clock()
                made.step(x, 0.0, radius)
                own.append(1000 * (clock() - began))
        before, batch, gradient = (statistics.median(own[5:]) for own in taken)
        print(
            f"  {count:3} pictures: plain {before:6.2f} ms, ours by the batch rule {batch:6.2f} ms "
            f"({before / batch:.1f} times faster), by the gradient {gradient:6.2f} ms",
            flush=True,
        )


def check_gradient(plain: Plain, ours: Ours, x: Tensor) -> None:
    with torch.no_grad():
        ours.units.copy_(plain.units)
    ours.som.begin_step(0, 3.0, 0.0)
    ours.som(x).backward()
    plain.loss(x, 3.0).backward()
    torch.testing.assert_close(ours.units.grad, plain.units.grad, rtol=1e-2, atol=1e-5)


# ---- In equal time ----


def patches(name: str, root: str | None) -> tuple[Tensor, Tensor]:
    """Patches of latents, to learn from and held out."""
    pictures = photographs(64) if name == "photographs" else pictures_of(name, root)
    squares = to_patches(pictures.train, 2).flatten(0, 1)
    middle = squares.mean(0)
    _, _, main = torch.linalg.svd(squares[:: max(1, len(squares) // 20_000)] - middle, full_matrices=False)

    def cut(x: Tensor) -> Tensor:
        rows = x.shape[2] // 2
        z = (to_patches(x, 2) - middle) @ main[:4].T  # (B, H·W, Z)
        z = z.transpose(1, 2).reshape(len(x), -1, rows, rows)
        side = PATCH if rows % PATCH == 0 else 2 if rows % 2 == 0 else 1
        return to_patches(z, side).flatten(0, 1).contiguous()

    return cut(pictures.train), cut(pictures.held)


def som_rules(name: str, root: str | None, shape: Shape, seconds: float, seeds: int) -> None:
    train, held = patches(name, root)
    each = max(1, min(1024, len(train) // 8))
    print(
        f"\n{name}: {len(train):,} patches of {train.shape[1]} numbers, {each} a step, a map of "
        f"{shape[0]}×{shape[1]} units, {seconds:g} seconds"
    )
    width = train.shape[1]
    makers: dict[str, Callable[[], Ours | Plain]] = {
        "batch rule": lambda: Ours(shape, width, "batch"),
        **{f"gradient, rate {r:g}": lambda r=r: Ours(shape, width, "gradient", r) for r in (0.03, 0.1, 0.3)},
        **{f"plain, rate {r:g}": lambda r=r: Plain(shape, width, r) for r in (0.03, 0.1, 0.3)},
    }
    for label, make in makers.items():
        found = [in_time(make(), train, shape, each, seconds, seed) for seed in range(seeds)]
        errors = [quantisation_error(held, units) for units, _ in found]
        wrong = statistics.mean(topographic_error(held, units, shape) for units, _ in found)
        steps = statistics.mean(count for _, count in found)
        print(
            f"  {label:20} error {spread(errors, 4)}   topographic {wrong:4.0%}   {steps:6.0f} steps",
            flush=True,
        )
    some = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:FOR_K_MEANS]]
    errors, taken = list[float](), list[float]()
    for seed in range(seeds):
        began = clock()
        centres = KMeans(shape[0] * shape[1], n_init=1, random_state=seed).fit(some.numpy()).cluster_centers_
        taken.append(clock() - began)
        errors.append(quantisation_error(held, torch.from_numpy(centres).float()))
    print(f"  {'k-means':20} error {spread(errors, 4)}   in {statistics.mean(taken):.1f} seconds", flush=True)


def in_time(
    made: Ours | Plain, x: Tensor, shape: Shape, each: int, seconds: float, seed: int
) -> tuple[Tensor, int]:
    """The units after so long, and how many steps that were."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        made.units.copy_(x[torch.randperm(len(x), generator=generator)[: len(made.units)]])
    began, steps = clock(), 0
    while (progress := (clock() - began) / seconds) < 1:
        batch = x[torch.randint(len(x), (each,), generator=generator)]
        made.step(batch, progress, radius_at(progress, shape, SETTLING))
        steps += 1
    return made.units.detach(), steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("step", "rules"))
    parser.add_argument("--data", nargs="+", default=["photographs", "digits"])
    parser.add_argument("--data-root")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--map", choices=("line", "grid"), default="grid")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="for a busy machine, with --threads 1")
    arguments = parser.parse_args()
    if arguments.cpu_time:
        global clock
        clock = time.process_time
    with torch_threads(arguments.threads):
        shape = shape_of_map(UNITS, arguments.map == "grid")
        if arguments.only != "rules":
            som_step(shape)
        for name in arguments.data if arguments.only != "step" else ():
            som_rules(name, arguments.data_root, shape, arguments.seconds, arguments.seeds)


if __name__ == "__main__":
    main()
