"""How fast pictures are drawn, against the plain formulas in pieces, measured in turn in the same run.

python benchmarks/render.py               # 1024 × 1024, and 512 × 512 as the window draws it
python benchmarks/render.py --huge        # instead: a 16384 × 16384 file, its time and the peak of memory
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from scalefree_studio.export.dividers.picture import write_picture
from scalefree_studio.models.dividers import network as dividers
from scalefree_studio.models.dividers.render import Region, render_region

PIECE = 16_384  # pixels that the plain formulas get at once
NETWORKS = {"64 lines": (64, 0), "64 circles": (0, 64), "512 units": (256, 256)}


def network(lines: int, circles: int, hidden: int = 32, seed: int = 0) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)
    units = lines + circles
    p = {
        "line_centre": 2 * torch.rand(lines, 2, generator=g) - 1,
        "line_angle": 6.2832 * torch.rand(lines, generator=g),
        "circle_centre": 2 * torch.rand(circles, 2, generator=g) - 1,
        "circle_log_radius": (0.05 + 0.6 * torch.rand(circles, generator=g)).log(),
        "colour_weight": torch.randn(hidden, units, generator=g) / units**0.5,
        "colour_bias": 0.3 * torch.randn(hidden, generator=g),
        "out_weight": 2 * torch.randn(3, hidden, generator=g) / hidden**0.5,
        "out_bias": 0.1 * torch.randn(3, generator=g),
    }
    return {name: tensor for name, tensor in p.items() if len(tensor)}


@torch.no_grad()
def plainly(p: dict[str, Tensor], region: Region, width: int, height: int) -> Tensor:
    points = region.points(height, width).float()
    return torch.cat([dividers.predict(p, piece) for piece in points.split(PIECE)]).view(height, width, 3)


def medians(repeats: int, *works: Callable[[], object]) -> list[float]:
    """The median seconds of each; taken in turn, so that whatever else the machine does disturbs all alike."""
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(repeats + 1):
        for work, times in zip(works, taken, strict=True):
            began = time.perf_counter()
            work()
            if turn:  # the first one warms up
                times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]


def ratios(repeats: int, threads: int) -> None:
    torch.set_num_threads(threads)
    print(f"plain formulas with {threads} thread(s), ours with one; medians of {repeats}")
    for size in (512, 1024):
        for name, (lines, circles) in NETWORKS.items():
            p, region = network(lines, circles), Region.whole((128, 128), size, size)
            ours, plain = medians(
                repeats,
                lambda p=p, r=region, n=size: render_region(p, r, n, n),  # type: ignore[misc]
                lambda p=p, r=region, n=size: plainly(p, r, n, n),  # type: ignore[misc]
            )
            error = (render_region(p, region, size, size) - plainly(p, region, size, size)).abs().max()
            print(
                f"  {size}² from {name:<11} {1e3 * ours:7.1f} ms   plain {1e3 * plain:8.1f} ms"
                f"   {plain / ours:6.1f} times as fast   largest difference {error:.1e}"
            )


def huge(side: int) -> None:
    import resource

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "huge.png"
        began = time.perf_counter()
        write_picture(network(64, 0), path, (side, side), (128, 128), overlay=True)
        took, size = time.perf_counter() - began, path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{side}² from 64 lines with overlay: {took:.1f} s, {size / 1e6:.0f} MB, peak of memory {peak:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--threads", type=int, default=min(2, os.cpu_count() or 1), help="for the plain formulas"
    )
    parser.add_argument(
        "--huge", action="store_true", help="only this one, in a process that did nothing else"
    )
    parser.add_argument("--side", type=int, default=16_384)
    arguments = parser.parse_args()
    if arguments.huge:
        huge(arguments.side)
    else:
        ratios(arguments.repeats, arguments.threads)


if __name__ == "__main__":
    main()
