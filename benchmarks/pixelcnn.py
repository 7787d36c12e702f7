"""A PixelCNN that draws and learns, beside what one writes first, in one run.

    python benchmarks/pixelcnn.py [--only draw|learn|options] [--full] [--counts 1 16 64] [--threads 2] [--device cuda]

draw    28×28 in 3 channels of 256 levels, the default network. The plain sampler puts every channel of every pixel to
        the whole network. Unless --full is given it is measured on a few channels and multiplied: every question costs
        it the same. Both must draw the same picture.
learn   one step of Adam on 32 pictures of 28×28 in 3 channels of 2 levels. The plain formulation is the same network
        with the same weights as it is usually written: square-padded convolutions that are cropped afterwards, whole
        kernels under masks, a 1×1 convolution each for the stack and the skips, torch's own gates. Both must have the
        same loss.

options what each option buys on the embedded digits, in as many steps: the best held-out bits per dimension, over
        several seeds. Not run unless it is asked for.

Of times, the median of several rounds is told; plain and ours take turns. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.jobs.job import Limit
from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.picture_lesson import bits_per_dimension
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.models.ordered.request import Drawn, Request, uniforms
from scalefree_studio.models.pixelcnn.draw import draw
from scalefree_studio.models.pixelcnn.network import (
    GatedLayer,
    PixelCNN,
    PixelCNNShape,
    count_numbers,
)
from scalefree_studio.models.threads import torch_threads

SIZE, CHANNELS, BATCH = 28, 3, 32


def taught(shape: PixelCNNShape) -> PixelCNN:
    """With a head that says something."""
    torch.manual_seed(0)
    model = PixelCNN(shape)
    nn.init.normal_(model.head.weight, std=0.3)
    return model


# ---- Drawing ----


def race_of_drawing(arguments: argparse.Namespace) -> None:
    model = taught(PixelCNNShape(channels=CHANNELS, levels=256, classes=10)).eval().to(arguments.device)
    questions = SIZE * SIZE * CHANNELS
    for count in arguments.counts:
        numbers = uniforms(count, SIZE * SIZE, CHANNELS, seed=1).to(arguments.device)
        request = Request(numbers, torch.arange(count) % 10)
        with torch_threads(1):  # its pieces are too small to share
            times = []
            for _ in range(arguments.rounds):
                began = time.perf_counter()
                ours = list(draw(model, request, SIZE))
                ours[-1].values.cpu()  # waits for a GPU
                times.append(time.perf_counter() - began)
        with torch_threads(arguments.threads):
            steps = draw(model, request, SIZE, cached=False)
            plain: list[Drawn] = [next(steps)]  # a warm-up, too
            plain[0].values.cpu()
            began = time.perf_counter()
            plain += steps if arguments.full else [next(steps) for _ in range(arguments.pixels)]
            plain[-1].values.cpu()
            whole = (time.perf_counter() - began) * (SIZE * SIZE / (len(plain) - 1))
        for a, b in zip(plain, ours, strict=arguments.full):
            assert torch.equal(a.values, b.values), "the two drew different pictures"
        how = "" if arguments.full else f" (from {(len(plain) - 1) * CHANNELS} of {questions} questions)"
        ours_took = statistics.median(times)
        print(
            f"  {count:>3} pictures: plain {whole:8.1f} s{how}, ours {ours_took:.2f} s: "
            f"{whole / ours_took:.0f} times faster",
            flush=True,
        )


# ---- Learning ----


class PlainLayer(nn.Module):
    """A gated layer as it is usually written, with the weights of one of ours."""

    def __init__(self, layer: GatedLayer):
        super().__init__()
        self.first, r = layer.first, layer.reach
        self.reach, self.bias, self.label = r, layer.bias, layer.label
        self.down = nn.Conv2d(layer.down.in_channels, layer.down.out_channels, layer.down.kernel_size,
                              padding=(r + 1, r), bias=False)  # fmt: skip
        self.down.weight = nn.Parameter(layer.down.weight.detach().clone())
        self.across = nn.Conv2d(len(layer.across.weight), len(layer.across.weight), 1, bias=False)
        self.across.weight = nn.Parameter(layer.across.weight.detach().clone())
        p = layer.out.in_channels
        self.weights = nn.ParameterDict(
            {
                "along": F.pad(layer.along.weight.detach(), (0, r)),
                "stack": layer.out.weight.detach()[:p].clone(),
                "skip": layer.out.weight.detach()[p:].clone(),
            }
        )
        self.masks = {
            "along": F.pad(layer.along.mask, (0, r)),
            "stack": layer.out.mask[:p],
            "skip": layer.out.mask[p:],
        }

    def masked(self, name: str, x: Tensor, pad: int = 0) -> Tensor:
        return F.conv2d(x, self.weights[name] * self.masks[name], padding=(0, pad))

    def forward(self, v: Tensor, h: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        to_v, to_h = (self.bias + self.label(labels))[:, :, None, None].chunk(2, dim=1)
        seen = self.down(v)  # one row more at the top, and some at the bottom
        down, above = seen[:, :, 1 : v.shape[2] + 1], seen[:, :, : v.shape[2]]
        value, door = (down + to_v).chunk(2, dim=1)
        v_new = torch.tanh(value) * torch.sigmoid(door)
        value, door = (self.masked("along", h, self.reach) + self.across(above) + to_h).chunk(2, dim=1)
        h_new = torch.tanh(value) * torch.sigmoid(door)
        skip = self.masked("skip", h_new)
        h_new = self.masked("stack", h_new)
        return (v_new, h_new, skip) if self.first else (v + v_new, h + h_new, skip)


class PlainNetwork(nn.Module):
    def __init__(self, model: PixelCNN):
        super().__init__()
        self.layers = nn.ModuleList(PlainLayer(layer) for layer in model.layers)
        self.label, self.late, self.head, self.shape = model.label, model.late, model.head, model.shape

    def loss(self, levels: Tensor, labels: Tensor) -> Tensor:
        v = h = (levels * (2 / (self.shape.levels - 1)) - 1).permute(0, 3, 1, 2).contiguous()
        skips: Tensor | int = 0
        for layer in self.layers:
            v, h, skip = layer(v, h, labels)
            skips = skips + skip
        said = self.head(torch.relu(self.late(torch.relu(skips + self.label(labels)[:, :, None, None]))))
        said = said.unflatten(1, (self.shape.channels, self.shape.levels)).transpose(1, 2)  # (B, L, C, H, W)
        return F.cross_entropy(said, levels.permute(0, 3, 1, 2))


def step_of(network: PixelCNN | PlainNetwork, levels: Tensor, labels: Tensor) -> Callable[[], float]:
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=isinstance(network, PixelCNN))

    def step() -> float:
        optimizer.zero_grad()
        loss = network.loss(levels, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def race_of_learning(arguments: argparse.Namespace) -> None:
    for maps in arguments.maps:
        shape = PixelCNNShape(channels=CHANNELS, levels=2, classes=10, hidden_maps=maps)
        ours, plain = taught(shape), PlainNetwork(taught(shape)).to(memory_format=torch.contiguous_format)
        gen = torch.Generator().manual_seed(0)
        levels = torch.randint(2, (BATCH, SIZE, SIZE, CHANNELS), generator=gen)
        labels = torch.arange(BATCH) % 10
        steps = [step_of(network, levels, labels) for network in (plain, ours)]
        times: list[list[float]] = [[], []]
        with torch_threads(arguments.threads):
            for turn in range(arguments.rounds + 1):
                losses = []
                for step, took in zip(steps, times, strict=True):
                    began = time.perf_counter()
                    losses.append(step())
                    took.append(time.perf_counter() - began)
                if turn == 0:
                    assert abs(losses[0] - losses[1]) < 1e-4 * losses[0], "the two have different losses"
        plain_took, ours_took = (statistics.median(took[1:]) for took in times)
        print(
            f"  {maps} maps: plain ({sum(p.numel() for p in plain.parameters()):,} numbers) {plain_took:.3f} s, "
            f"ours ({count_numbers(ours):,} that no mask hides) {ours_took:.3f} s: "
            f"{plain_took / ours_took:.2f} times faster",
            flush=True,
        )


# ---- Options ----

BASE: dict[str, Any] = dict(
    levels=16, hidden_kernel=3, hidden_maps=24, output_maps=24, hidden_layers=4, wall_every=0
)
OPTIONS: dict[str, dict[str, Any]] = {
    "the base": {},
    "mixture of 5 curves": dict(output="mixture", mixtures=5),
    "dropout of 0.1": dict(dropout=0.1),
    "averaging, 0.995": dict(averaging=0.995),
    "twice the maps": dict(hidden_maps=48, output_maps=48),
    "twice the layers": dict(hidden_layers=8),
    "kernels of 7": dict(hidden_kernel=7),
    "no labels": dict(labelled=False),
    "all but the mixture": dict(
        dropout=0.1, averaging=0.995, hidden_maps=48, output_maps=48, hidden_layers=8
    ),
}


def prices_of_options(arguments: argparse.Namespace) -> None:
    digits = load_dataset("digits")
    print(f"  {'':<20} {'held-out bits/dim':>24} {'numbers':>9} {'seconds':>8}")
    for name, changes in OPTIONS.items():
        bits, seconds = [], []
        for seed in range(arguments.seeds):
            controls = PixelCNNControls(**{**BASE, **changes, "seed": seed})
            job = Train(PixelCNNLesson(digits), controls, Limit(steps=arguments.steps))
            with torch_threads(1):
                while not job.limit.reached(job.step_count, job.seconds):
                    job.step()
            bits.append(bits_per_dimension(job.checkpoint().about["best"]))
            seconds.append(job.seconds)
        spread = f"{statistics.mean(bits):.3f} ({min(bits):.3f} to {max(bits):.3f})"
        numbers = count_numbers(job.trainer.network)
        print(f"  {name:<20} {spread:>24} {numbers:>9,} {statistics.median(seconds):>8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("draw", "learn", "options"))
    parser.add_argument("--full", action="store_true", help="let the plain sampler draw to the end")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 16, 64], help="pictures at once")
    parser.add_argument(
        "--pixels", type=int, default=3, help="how many the plain sampler draws without --full"
    )
    parser.add_argument("--maps", type=int, nargs="+", default=[30, 32], help="hidden maps while learning")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="where to draw")
    parser.add_argument("--steps", type=int, default=1500, help="of learning with each option")
    parser.add_argument("--seeds", type=int, default=2, help="runs with each option")
    arguments = parser.parse_args()
    if arguments.only in (None, "draw"):
        print("drawing 28×28 in 3 channels of 256 levels")
        race_of_drawing(arguments)
    if arguments.only in (None, "learn"):
        print("one step of learning on 32 pictures of 28×28 in 3 channels")
        race_of_learning(arguments)
    if arguments.only == "options":
        print(f"{arguments.steps} steps of learning the digits in 16 levels, {arguments.seeds} seeds")
        prices_of_options(arguments)


if __name__ == "__main__":
    main()
