"""What a Reformer saves: memory by reversible layers, time by LSH attention, each beside the ordinary form in one run.

    python benchmarks/reformer.py [--only memory|attention] [--depths 2 4 8 16] [--tokens 256 1024 4096 16384]

memory     one step of learning with layers of a transformer, 4 pictures of 1,024 tokens, at growing depth: the most
           memory that a process of its own needed beyond what it had after a step with 2 tokens, and the time. (glibc
           is made to give back what is freed: by itself it keeps the holes between the weights' gradients, and these
           grow with depth in both forms.)
attention  forward and backward of LSH attention beside torch's causal attention, 4 heads of 64 numbers, at growing
           numbers of tokens: operations in products of matrices, and time. Of full attention these are the seven
           products of torch's kernel, forward and backward, for the half of all pairs that is not hidden.

Of times, the median of several rounds is printed; both forms take turns. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from scalefree_studio.models.pixels import lsh
from scalefree_studio.models.pixels.reversible import reversible
from scalefree_studio.models.threads import torch_threads

# ---- Memory ----

BATCH, TOKENS, WIDTH, HEADS = 4, 1024, 128, 4
FORMS = ("plain", "reversible")


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.into(F.rms_norm(x, (WIDTH,)))  # (B, T, 3D)
        q, k, v = qkv.unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, d) each
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(seen.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.into(F.rms_norm(x, (WIDTH,)))).square())


class Layers(nn.ModuleList):
    """Attention and a hidden layer in turn."""

    def __init__(self, depth: int, plain: bool):
        super().__init__(kind() for _ in range(depth) for kind in (Attention, FeedForward))
        self.plain = plain

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return reversible(self, a, b, plain=self.plain)


def step_of_learning(layers: Layers, tokens: int = TOKENS) -> None:
    layers.zero_grad()
    x = torch.randn(BATCH, tokens, WIDTH)
    y1, y2 = layers(x, x)
    (y1 + y2).square().mean().backward()


def some_layers(depth: int, plain: bool) -> Layers:
    torch.manual_seed(0)
    return Layers(depth, plain)


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024**2 if sys.platform == "darwin" else 1024
    )


def memory_of_step(layers: Layers) -> float:
    """In MB, in a process that has done nothing else: the peak of a process never falls."""
    # Whatever is loaded and allocated once, the weights' gradients among it.
    step_of_learning(layers, tokens=2)
    before = peak()
    step_of_learning(layers)
    return peak() - before


def memory_in_new_process(depth: int, form: str) -> float:
    command = [sys.executable, __file__, "--measure", str(depth), form]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(json.loads(done.stdout))


def race_of_memory(arguments: argparse.Namespace) -> None:
    print(f"  {'layers':>6} {'ordinary':>17} {'reversible':>17} {'memory':>10} {'time':>8}")
    # All of the memory first: a new process begins with its parent's peak.
    memory = {depth: [memory_in_new_process(depth, form) for form in FORMS] for depth in arguments.depths}
    for depth, (plain_mb, ours_mb) in memory.items():
        forms = [some_layers(depth, plain=form == "plain") for form in FORMS]
        with torch_threads(arguments.threads):
            plain_s, ours_s = taking_turns(
                [partial(step_of_learning, form) for form in forms], arguments.rounds
            )
        print(
            f"  {depth:>6} {plain_mb:>6.0f} MB, {plain_s:>5.2f} s {ours_mb:>6.0f} MB, {ours_s:>5.2f} s"
            f" {ours_mb / plain_mb:>10.2f} {ours_s / plain_s:>8.2f}",
            flush=True,
        )


# ---- Attention ----

HEAD = 64


def full_attention(qk: Tensor, v: Tensor) -> None:
    F.scaled_dot_product_attention(qk, qk, v, is_causal=True).sum().backward()


def hashed_attention(qk: Tensor, v: Tensor, rotations: Tensor, chunk: int) -> None:
    buckets = lsh.buckets_of(qk, rotations)
    lsh.lsh_attention(qk, F.normalize(qk, dim=-1), v, buckets, chunk).sum().backward()


def race_of_attention(arguments: argparse.Namespace) -> None:
    print(f"  {'tokens':>6} {'full':>22} {'LSH':>22} {'operations':>10} {'time':>8}")
    for T in arguments.tokens:
        torch.manual_seed(0)
        qk, v = (torch.randn(1, HEADS, T, HEAD, requires_grad=True) for _ in range(2))
        rotations = lsh.random_rotations(HEADS, arguments.hashes, HEAD, arguments.buckets)
        hashed = partial(hashed_attention, qk, v, rotations, arguments.chunk)
        with torch_threads(arguments.threads):
            times = taking_turns([partial(full_attention, qk, v), hashed], arguments.rounds)
        with FlopCounterMode(display=False) as counter:
            hashed()
        operations = [7 * 2 * HEADS * HEAD * T * T // 2, int(counter.get_total_flops())]
        found = [f"{o / 1e9:.2f} G, {t * 1e3:.1f} ms" for o, t in zip(operations, times, strict=True)]
        print(
            f"  {T:>6} {found[0]:>22} {found[1]:>22}"
            f" {operations[1] / operations[0]:>10.3f} {times[1] / times[0]:>8.3f}",
            flush=True,
        )


def taking_turns(works: list[Callable[[], None]], rounds: int) -> list[float]:
    """The median seconds of each."""
    times: list[list[float]] = [[] for _ in works]
    for turn in range(rounds + 1):
        for work, took in zip(works, times, strict=True):
            began = time.perf_counter()
            work()
            if turn:  # the first is a warm-up
                took.append(time.perf_counter() - began)
    return [statistics.median(took) for took in times]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("memory", "attention"))
    parser.add_argument("--depths", type=int, nargs="+", default=[2, 4, 8, 16])
    parser.add_argument("--tokens", type=int, nargs="+", default=[256, 1024, 4096, 16384])
    parser.add_argument("--hashes", type=int, default=2, help="rounds of hashing")
    parser.add_argument(
        "--chunk", type=int, default=32, help="how many tokens back a token sees in its bucket"
    )
    parser.add_argument("--buckets", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3, help="of measuring")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", nargs=2, metavar=("DEPTH", "FORM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        depth, form = arguments.measure
        print(json.dumps(memory_of_step(some_layers(int(depth), form == "plain"))))
        return
    if arguments.only in (None, "memory"):
        print(f"one step of learning on {BATCH} pictures of {TOKENS:,} tokens, width {WIDTH}")
        race_of_memory(arguments)
    if arguments.only in (None, "attention"):
        hashes = f"{arguments.hashes} hashes of {arguments.buckets} buckets, chunks of {arguments.chunk}"
        print(f"forward and backward of attention: {hashes}")
        race_of_attention(arguments)


if __name__ == "__main__":
    main()
