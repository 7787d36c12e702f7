"""PSNR against wall time: our fitting beside a naive reference, in one run.

    python benchmarks/dividers.py [--only step|race|budget|truth|board] [--reference-seconds 160] [--seconds 60]
        [--seeds 3]

step    one step of ours beside one under autograd.
race    astronaut at 128×128, 64 lines and 64 circles, 32 colour units. The reference is what one writes first:
        mini-batches of 32, Adadelta at 1.0, the plain formulas under autograd. Printed: both final PSNRs, and the ratio
        of the times to the reference's final PSNR.
budget  the best division of 2,371 numbers, after 60 s.
board   many pictures (board.py), half of them never tuned on, at 128 pixels: 2,371 numbers after 30 s, beside 338
        ellipses as `primitive` finds them (primitive.py), and beside what one writes first with as many numbers.
truth   synthetic pictures with as many units as the truth has: how many of 20 starts reach 35 dB.

Time is wall time of learning; looking at the PSNR is not counted. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import board as pictures
import numpy as np
import skimage.data
import torch
from curve import write_chart
from primitive import ellipses
from skimage.transform import resize
from torch import nn

from scalefree_studio.data.pictures import pixels_of
from scalefree_studio.data.synthetic import KINDS, random_arrangement
from scalefree_studio.jobs.dividers.controls import BUDGET, FitControls
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.jobs.job import Limit
from scalefree_studio.models.dividers import network as dividers
from scalefree_studio.models.threads import cores_for_learning, torch_threads

BOARD_SECONDS = 30
Curve = list[tuple[float, float]]  # (seconds, dB)
MARKS = (1, 2, 3, 5, 10, 20, 40, 60, 80, 120, 160)


def astronaut() -> np.ndarray:
    """Resized as scikit-image resizes it."""
    return pixels_of(resize(skimage.data.astronaut(), (128, 128), anti_aliasing=True))


def watch(
    step: Callable[[], None], psnr: Callable[[], float], seconds: float, look_every: float = 0.25
) -> Curve:
    """Step until the time is over; look now and then, off the clock."""
    spent, looked, curve = 0.0, 0.0, [(0.0, psnr())]
    while spent < seconds:
        began = time.perf_counter()
        step()
        spent += time.perf_counter() - began
        if spent - looked >= look_every * max(1.0, spent / 10):
            looked = spent
            curve.append((spent, psnr()))
    curve.append((spent, psnr()))
    return curve


def reference_curve(
    pixels: np.ndarray, lines: int, circles: int, hidden: int, seed: int, seconds: float
) -> Curve:
    """What one writes first."""
    torch.manual_seed(seed)
    params = {}
    if lines:
        params["line_centre"], params["line_angle"] = torch.rand(lines, 2) * 2 - 1, torch.rand(lines) * 6.2832
    if circles:
        params["circle_centre"] = torch.rand(circles, 2) * 2 - 1
        params["circle_log_radius"] = torch.rand(circles).clamp(min=0.05).log()
    for name, (ins, outs) in {"colour": (lines + circles, hidden), "out": (hidden, 3)}.items():
        layer = nn.Linear(ins, outs)
        params[f"{name}_weight"], params[f"{name}_bias"] = layer.weight.detach(), layer.bias.detach()
    net = dividers.DividerNet(params)
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
    xy = dividers.pixel_grid(*pixels.shape[:2])
    target = torch.from_numpy(pixels.reshape(-1, 3) / 255).float()
    order = iter(torch.randperm(len(xy)).split(32))

    def step() -> None:
        nonlocal order
        batch = next(order, None)
        if batch is None:
            order = iter(torch.randperm(len(xy)).split(32))
            batch = next(order)
        optimizer.zero_grad()
        nn.functional.mse_loss(net(xy[batch]), target[batch]).backward()
        optimizer.step()

    def psnr() -> float:
        with torch.no_grad():
            return dividers.psnr(float(nn.functional.mse_loss(net(xy), target)))

    return watch(step, psnr, seconds)


def our_curve(pixels: np.ndarray, controls: FitControls, seconds: float) -> Curve:
    began = time.perf_counter()
    job = FitDividers(pixels, controls, Limit(seconds=seconds))
    start = job.seconds = time.perf_counter() - began  # finding the start is part of the work
    with torch_threads(cores_for_learning()):
        return [(t + start, db) for t, db in watch(job.step, job.psnr, seconds - start)]


def first_time(curve: Curve, level: float) -> float:
    return next((t for t, db in curve if db >= level), float("inf"))


def at(curve: Curve, seconds: float) -> float:
    return [db for t, db in curve if t <= seconds + 1e-9][-1]


def show(name: str, curve: Curve) -> None:
    marks = [m for m in MARKS if m <= curve[-1][0] + 1]
    print(
        f"  {name:<24}"
        + "  ".join(f"{m}s {at(curve, m):.2f}" for m in marks)
        + f"  final {curve[-1][1]:.2f} dB",
        flush=True,
    )


def step(arguments: argparse.Namespace) -> None:
    """One step of 2048 pixels: ours, all in all, beside the plain formulas under autograd with torch's Adam."""
    print("\none step of 2048 pixels, 32 colour units, medians", flush=True)
    with torch_threads(cores_for_learning()):
        for kind in ("lines", "circles"):
            counts = {"lines": 64 if kind == "lines" else 0, "circles": 64 if kind == "circles" else 0}
            job = FitDividers(astronaut(), FitControls(**counts, revive=False), Limit(steps=100_000))
            net = dividers.DividerNet(job.params)
            optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
            xy = dividers.pixel_grid(128, 128)
            target = torch.from_numpy(astronaut().reshape(-1, 3) / 255).float()

            def plain(net=net, optimizer=optimizer, xy=xy, target=target) -> None:  # type: ignore[no-untyped-def]
                batch = torch.randint(len(xy), (2048,))
                optimizer.zero_grad()
                nn.functional.mse_loss(net(xy[batch]), target[batch]).backward()
                optimizer.step()

            times: dict[str, list[float]] = {"ours": [], "plain": []}
            for _ in range(200):
                for name, work in (("ours", job.step), ("plain", plain)):
                    began = time.perf_counter()
                    work()
                    times[name].append(time.perf_counter() - began)
            ours, slow = (1000 * statistics.median(times[name][20:]) for name in ("ours", "plain"))
            print(
                f"  64 {kind:<8} ours {ours:.2f} ms, plain {slow:.2f} ms: {slow / ours:.1f} times", flush=True
            )


def race(arguments: argparse.Namespace) -> None:
    pixels = astronaut()
    drawn: dict[str, Curve] = {}
    for kind in ("lines", "circles"):
        counts = {"lines": 64 if kind == "lines" else 0, "circles": 64 if kind == "circles" else 0}
        print(f"\n64 {kind}, 32 colour units, astronaut 128×128", flush=True)
        reference = reference_curve(pixels, **counts, hidden=32, seed=0, seconds=arguments.reference_seconds)
        show("reference", reference)
        goal = reference[-1][1]
        drawn[f"{kind}, reference"] = reference
        finals, to_18, ratios = [], [], []
        for seed in range(arguments.seeds):
            ours = our_curve(pixels, FitControls(**counts, hidden=32, seed=seed), arguments.seconds)
            show(f"ours, seed {seed}", ours)
            drawn.setdefault(f"{kind}, ours", ours)
            finals.append(ours[-1][1])
            to_18.append(first_time(ours, 18.0))
            ratios.append(first_time(reference, goal) / first_time(ours, goal))
        print(
            f"  18 dB after {statistics.median(to_18):.2f} s (median); final {statistics.median(finals):.2f} dB "
            f"against {goal:.2f} dB; to the reference's {goal:.2f} dB {statistics.median(ratios):.0f} times faster"
        )
    if arguments.curve:
        write_chart(arguments.curve, drawn, "64 dividers, 32 colour units, astronaut at 128×128")


def budget(arguments: argparse.Namespace) -> None:
    print("\nat most 2,371 numbers, astronaut 128×128", flush=True)
    for seed in range(arguments.seeds):
        controls = FitControls(numbers=BUDGET, seed=seed)
        job = FitDividers(astronaut(), controls, Limit(seconds=1))
        c = job.controls
        shown = f"{c.cells} cells, {c.lines} lines, {c.circles} circles, {c.hidden} colour units"
        curve = our_curve(astronaut(), controls, arguments.seconds)
        show(f"seed {seed}", curve)
        print(f"    {dividers.count_numbers(job.params)} numbers: {shown}")


def board(arguments: argparse.Namespace) -> None:
    """`--pictures` names some of them, or "tuned" or "untouched". Of several seeds the worst is told."""
    halves = {"tuned": pictures.TUNED, "untouched": pictures.UNTOUCHED}
    names = [name for one in arguments.pictures or halves for name in halves.get(one, (one,))]
    print(
        f"\n{BUDGET:,} numbers, {BOARD_SECONDS} s; ellipses of seven numbers; what one writes first",
        flush=True,
    )
    leads: dict[str, list[float]] = {half: [] for half in halves}
    for name in names:
        pixels = pictures.picture(name)
        began = time.perf_counter()
        theirs = dividers.psnr(ellipses(pixels, BUDGET).error())
        took = time.perf_counter() - began
        first = reference_curve(pixels, 0, 64, 32, seed=0, seconds=BOARD_SECONDS)[-1][1]  # also 2,371 numbers
        curves = [
            our_curve(pixels, FitControls(numbers=BUDGET, seed=n), BOARD_SECONDS)
            for n in range(arguments.seeds)
        ]
        curve = min(curves, key=lambda curve: curve[-1][1])
        ours = curve[-1][1]
        half = next(half for half, some in halves.items() if name in some)
        leads[half].append(ours - theirs)
        print(
            f"  {name:<22}{ours:.2f} dB   ellipses {theirs:.2f} dB in {took:.0f} s: lead {ours - theirs:+.2f} dB, "
            f"reached {took / first_time(curve, theirs):.0f} times sooner   first way {first:.2f} dB: reached "
            f"{BOARD_SECONDS / first_time(curve, first):.0f} times sooner   {half}",
            flush=True,
        )
    for half, some in leads.items():
        if some:
            print(f"  {half}: least lead {min(some):+.2f} dB, median {statistics.median(some):+.2f} dB")


def truth(arguments: argparse.Namespace) -> None:
    steps = arguments.truth_steps
    print(
        f"\nknown truth, as many units as the truth has: of 20 starts, {steps} steps each, reach 35 dB",
        flush=True,
    )
    for kind in arguments.kinds:
        for count in arguments.counts:
            found, seconds = [], []
            for start in range(20):
                pixels, _ = random_arrangement(kind, count, seed=start % 5)
                lines = {"lines": count, "circles": 0, "mixed": -(-count // 2)}[kind]
                controls = FitControls(
                    lines=lines, circles=count - lines, hidden=max(32, 8 * count), seed=start
                )
                began = time.perf_counter()
                with torch_threads(cores_for_learning()):
                    job = FitDividers(pixels, controls, Limit(steps=steps))
                    for _ in range(steps):
                        job.step()
                seconds.append(time.perf_counter() - began)
                found.append(job.psnr())
            reached = sum(db >= 35 for db in found)
            middle = statistics.median(found)
            print(
                f"  {kind:<8}{count:>3}  {reached}/20   median {middle:.1f} dB, least {min(found):.1f} dB, "
                f"{statistics.median(seconds):.1f} s a start",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("step", "race", "budget", "truth", "board"))
    parser.add_argument("--pictures", nargs="+", help="of the board: names, tuned, or untouched")
    parser.add_argument("--curve", type=Path, help="draw the race as an SVG file")
    parser.add_argument("--reference-seconds", type=float, default=160)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--truth-steps", type=int, default=2000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 3, 5, 8, 10, 15])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    for part in (step, race, budget, truth, board):
        if arguments.only in (None, part.__name__):
            part(arguments)


if __name__ == "__main__":
    main()
