"""Drawing with pixel transformers, beside the loop that one writes first, in one run.

    python benchmarks/pixels.py [--only drawing|small] [--counts 1 4 16 64] [--threads 2] [--sampled]
                                [--precision bfloat16] [--device cuda]

drawing   32×32 tokens of 8,192 colours, 6 layers of width 512, 8 heads. The loop without a cache asks the network for
          every token, on the tokens before it only, and takes the logits of the last position only. It is measured at
          some lengths spread over the picture, and what lies between them is filled in; only for four pictures.
small     28×28 tokens of 16 colours, 4 layers of width 96: the size of a model that learns on two cores.

Of times, the median of several rounds is told, on the clock and of the processor: on a busy machine the second says
more. With --sampled our own drawing, too, is measured at some lengths only. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalefree_studio.models.ordered.request import Request, uniforms, value_at
from scalefree_studio.models.pixels.cached import CachedPixels
from scalefree_studio.models.pixels.draw import draw
from scalefree_studio.models.pixels.network import PixelTransformer, count_numbers
from scalefree_studio.models.pixels.places import Places
from scalefree_studio.models.pixels.shape import START, PixelsShape
from scalefree_studio.models.threads import torch_threads

LARGE = PixelsShape(rows=32, columns=32, colours=8192, layers=6, width=512, heads=8)
SMALL = PixelsShape(rows=28, columns=28, colours=16, layers=4, width=96, heads=3)
RACED = 4  # pictures that the loop without a cache draws
Seconds = tuple[float, float]  # on the clock, and of the processor


def network_of(shape: PixelsShape, device: str) -> PixelTransformer:
    """As if it had learnt something: nothing is zero."""
    torch.manual_seed(0)
    network = PixelTransformer(shape).eval()
    for weight in network.parameters():
        if weight.ndim > 1 and not weight.any():
            nn.init.normal_(weight, std=0.5 * weight.shape[1] ** -0.5)
    return network.to(device)


def seconds_of(work: Callable[[], object], device: torch.device) -> Seconds:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - clock, time.process_time() - processor


def median(times: list[Seconds]) -> Seconds:
    clock, processor = zip(*times, strict=True)
    return statistics.median(clock), statistics.median(processor)


def whole(at: list[int], seconds: list[Seconds], tokens: int) -> Seconds:
    """The seconds of all tokens, given those of some."""
    clock, processor = (np.interp(range(tokens), at, times).sum() for times in zip(*seconds, strict=True))
    return float(clock), float(processor)


def spread(tokens: int, count: int) -> list[int]:
    return np.linspace(0, tokens - 1, count).round().astype(int).tolist()


# ---- Without a cache ----


def first_places(places: Places, stop: int) -> Places:
    """Of the first positions only."""
    some = copy.copy(places)
    some.count = stop
    for name in ("learned_row", "learned_column", "channel", "query_at", "key_at"):
        some.__dict__[name] = getattr(places, name)[:stop]
    for name in ("query_turn", "key_turn"):
        some.__dict__[name] = getattr(places, name)[:, :stop]
    near = places.neighbours[:stop]
    some.__dict__["neighbours"] = near.where(near < stop, stop)
    return some


def last_logits(network: PixelTransformer, tokens: Tensor, places: Places) -> Tensor:
    """What comes after tokens (B, t) of which the last stands for the one to be drawn: (B, L)."""
    x = network.embedding(tokens, None, places)
    before = F.pad(tokens[:, :-1], (1, 0), value=START)
    for part in network.parts():
        x = x + part(x, before, places)
    return network.predict(x[:, -1])


@torch.inference_mode()
def without_cache(network: PixelTransformer, count: int, rounds: int, lengths: int) -> Seconds:
    device, shape = network.embedding.colour.weight.device, network.shape
    places = network.places(shape.rows, shape.columns, device)
    tokens = torch.randint(2, 2 + shape.colours, (count, places.count), device=device)
    share = torch.rand(count, 1, device=device)
    at, seconds = spread(places.count, lengths), []
    for t in at:
        some, so_far = first_places(places, t + 1), tokens[:, : t + 1]

        def token(so_far: Tensor = so_far, some: Places = some) -> Tensor:
            return value_at(last_logits(network, so_far, some).softmax(-1), share)

        token()
        seconds.append(median([seconds_of(token, device) for _ in range(rounds)]))
    return whole(at, seconds, places.count)


# ---- With one ----


@torch.inference_mode()
def sampled(network: PixelTransformer, count: int, precision: torch.dtype | None, rounds: int) -> Seconds:
    """Our own seconds, from tokens at some lengths: on the CPU only, where a position is a number in Python."""
    device, shape = network.embedding.colour.weight.device, network.shape
    places = network.places(shape.rows, shape.columns, device)
    cached = CachedPixels(network, count, places, precision=precision)
    share = torch.rand(count, 1)

    def token() -> None:
        cached.take(0, 0, value_at(cached.predict(0, 0).softmax(-1), share))

    at, seconds = spread(places.count, 5), []
    for t in at:
        cached.start = t
        token()
        seconds.append(median([seconds_of(token, device) for _ in range(5 * rounds)]))
    return whole(at, seconds, places.count)


def drawn(network: PixelTransformer, count: int, precision: torch.dtype | None, rounds: int) -> Seconds:
    shape = network.shape
    request = Request(
        uniforms(count, shape.rows * shape.columns, shape.channels, seed=1), every=shape.columns
    )
    times = [
        seconds_of(
            lambda: list(draw(network, request, shape.columns, precision=precision)),
            network.embedding.colour.weight.device,
        )
        for _ in range(rounds)
    ]
    return median(times)


def race(shape: PixelsShape, counts: list[int], raced: bool, arguments: argparse.Namespace) -> None:
    network = network_of(shape, arguments.device)
    precision = getattr(torch, arguments.precision) if arguments.precision else None
    measure = sampled if arguments.sampled else drawn
    print(f"  {count_numbers(network):,} numbers, {shape.rows * shape.columns:,} tokens")
    with torch_threads(arguments.threads):
        for count in counts:
            took = measure(network, count, precision, arguments.rounds)
            line = f"  {count:>3} pictures: {took[0]:7.2f} s ({took[1]:.2f} s of the processor)"
            if raced and count == RACED:
                plain = without_cache(network, count, arguments.rounds, arguments.lengths)
                line += (
                    f"; without a cache {plain[0]:.0f} s ({plain[1]:.0f} s, from {arguments.lengths} lengths): "
                    f"{plain[0] / took[0]:.0f} times faster ({plain[1] / took[1]:.0f} of the processor's)"
                )
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("drawing", "small"))
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 4, 16, 64], help="pictures at once")
    parser.add_argument("--sampled", action="store_true", help="measure our own drawing at some lengths only")
    parser.add_argument(
        "--lengths", type=int, default=9, help="at which the loop without a cache is measured"
    )
    parser.add_argument("--precision", choices=("bfloat16", "float16"), help="of weights and caches")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    if arguments.only in (None, "drawing"):
        print("drawing 32×32 of 8,192 colours, 6 layers of 512")
        race(LARGE, arguments.counts, True, arguments)
    if arguments.only in (None, "small"):
        print("drawing 28×28 of 16 colours, 4 layers of 96")
        race(SMALL, arguments.counts, False, arguments)


if __name__ == "__main__":
    main()
