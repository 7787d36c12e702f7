"""Drawing with token transformers, and attention within a window, each beside a plain reference in the same run.

    python benchmarks/tokens.py [--only drawing|small|window]

The reference has the same weights and predicts the same, as straightforward code does: the encoder is asked once, the
decoder anew about all tokens so far, and the mask of who sees whom is built in Python at every call. It is measured at
some lengths, and what lies between is interpolated. Rounds of both take turns; what is printed are medians, on the
clock and of the processor: on a machine that is busy with other things, compare those of the processor.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalefree_studio.models.cascades.draw import draw_tokens
from scalefree_studio.models.cascades.layers import CoarserAttention, Known, OwnAttention, norm
from scalefree_studio.models.cascades.network import TokenTransformer
from scalefree_studio.models.cascades.places import TokenPlaces
from scalefree_studio.models.cascades.shape import TokensShape
from scalefree_studio.models.ordered.request import Request, uniforms, value_at
from scalefree_studio.models.threads import torch_threads
from scalefree_studio.models.transformer.local import local_attention, near

LARGE = TokensShape(grids="8x8x512 16x16x512", layers=7, encoder_layers=7, width=512, heads=8)
SMALL = TokensShape(grids="14x14x512", layers=2, width=64, heads=4, radius=8)
REFINER = TokensShape(grids="7x7x512 14x14x512", layers=2, encoder_layers=2, width=64, heads=4, radius=8)
WINDOW = TokensShape(grids="32x32x512", width=256, heads=8, radius=4)
Seconds = tuple[float, float]  # on the clock, and of the processor


def network_of(shape: TokensShape) -> TokenTransformer:
    """As if it had learnt something: nothing is zero."""
    torch.manual_seed(0)
    network = TokenTransformer(shape).eval()
    for name, weight in network.named_parameters():
        if "modulation.weight" in name:
            nn.init.normal_(weight, std=0.2 * shape.width**-0.5)
    return network


def seconds_of(work: Callable[[], object]) -> Seconds:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def median(times: list[Seconds]) -> Seconds:
    clock, processor = zip(*times, strict=True)
    return statistics.median(clock), statistics.median(processor)


# ---- Drawing ----


def mask_of(places: TokenPlaces, stop: int, radius: int) -> Tensor:
    """Who sees whom of the first tokens, one by one: (stop, stop) bool."""
    queries, keys = places.query_at.tolist(), places.key_at.tolist()
    mask = torch.zeros(stop, stop, dtype=torch.bool)
    for i in range(stop):
        for j in range(i + 1):
            (y, x), (b, a) = queries[i], keys[j]
            mask[i, j] = not radius or j == 0 or max(abs(y - b), abs(x - a)) <= radius
    return mask


def plain_logits(network: TokenTransformer, tokens: Tensor, known: Known) -> Tensor:
    """What comes after tokens (B, t): (B, K)."""
    places, stop = known.places, tokens.shape[1] + 1
    mask = mask_of(places, stop, network.shape.radius)
    x = torch.cat([known.condition.expand(len(tokens), -1, -1), network.token(tokens)], dim=1)
    position = None if known.position is None else known.position[:, :stop]
    for block in network.blocks:
        ways = block.ways(known.condition, position).chunk(3 * len(block.parts), dim=-1)
        for n, part in enumerate(block.parts):
            shift, scale, gate = ways[3 * n : 3 * n + 3]
            seen = norm(x) * (1 + scale) + shift
            if isinstance(part, OwnAttention):
                q, k = (
                    part.queries(seen, places.query_turn[:, :stop]),
                    part.keys(seen, places.key_turn[:, :stop]),
                )
                added = part.gather(attended(q, k, part.values(seen), mask))
            elif isinstance(part, CoarserAttention):
                assert known.coarser is not None
                q, k = (
                    part.queries(seen, places.query_turn[:, :stop]),
                    part.keys(known.coarser, places.coarser_turn),
                )
                added = part.gather(attended(q, k, part.values(known.coarser), None))
            else:
                added = part(seen, known)
            x = x + gate * added
    return network.predict(x[:, -1])


def attended(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention as it is written in books."""
    scores = q @ k.mT * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1) @ v


@torch.inference_mode()
def race(title: str, shape: TokensShape, counts: list[int], arguments: argparse.Namespace) -> None:
    network, N = network_of(shape), shape.own.count
    print(f"{title}: {N} tokens, {sum(p.numel() for p in network.parameters()):,} numbers")
    lengths = np.linspace(0, N - 1, arguments.lengths).round().astype(int).tolist()
    for count in counts:
        coarser = [torch.randint(g.codes, (count, g.rows, g.columns)) for g in shape.coarser]
        tokens, share = torch.randint(shape.own.codes, (count, N)), torch.rand(count, 1)
        known = network.known(count, None, coarser)
        request = Request(uniforms(count, N, 1, seed=1), every=shape.own.columns)
        with torch_threads(arguments.threads):
            check(network, tokens, known, coarser)
            ours, plain = [], []
            for _ in range(arguments.rounds):
                ours.append(seconds_of(lambda r=request, c=coarser: list(draw_tokens(network, r, c))))
                at = [
                    seconds_of(
                        lambda t=t, k=known, s=share, o=tokens: value_at(
                            plain_logits(network, o[:, :t], k).softmax(-1), s
                        )
                    )
                    for t in lengths
                ]
                clock, processor = (
                    float(np.interp(range(N), lengths, times).sum()) for times in zip(*at, strict=True)
                )
                plain.append((clock, processor))
        a, b = median(ours), median(plain)
        print(
            f"  {count} pictures: {a[0]:.3f} s ({a[1]:.3f} of the processor); reference {b[0]:.1f} s ({b[1]:.1f}): "
            f"{b[0] / a[0]:.0f} times faster ({b[1] / a[1]:.0f})",
            flush=True,
        )


def check(network: TokenTransformer, tokens: Tensor, known: Known, coarser: list[Tensor]) -> None:
    """That the reference predicts the same."""
    stop = min(20, tokens.shape[1] - 1)
    expected = network(tokens, None, coarser)[:, stop]
    torch.testing.assert_close(plain_logits(network, tokens[:, :stop], known), expected, rtol=1e-3, atol=1e-3)


# ---- Attention within a window ----


def window(arguments: argparse.Namespace) -> None:
    places = TokenPlaces(WINDOW, (32, 32), (), torch.device("cpu"))
    q, k, v = (torch.randn(2, WINDOW.heads, places.count, WINDOW.head, requires_grad=True) for _ in range(3))
    mask = near(places)
    ways: dict[str, Callable[[], Tensor]] = {
        "tiles": lambda: local_attention(q, k, v, places.tiles),
        "dense mask": lambda: attended(q, k, v, mask),
        "dense mask, fused": lambda: F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
    }
    torch.testing.assert_close(ways["tiles"](), ways["dense mask"]())
    times: dict[str, list[Seconds]] = {name: [] for name in ways}
    with torch_threads(arguments.threads):
        for _ in range(arguments.rounds + 1):
            for name, way in ways.items():
                times[name].append(seconds_of(lambda way=way: way().sum().backward()))
    print("attention, 1,024 tokens of 32×32, radius 4, 2 pictures, 8 heads of 32, forward and backward")
    ours = median(times["tiles"][1:])
    for name, way in ways.items():
        took, kept = median(times[name][1:]), kept_by(way) / 2**20
        print(
            f"  {name:<18} {took[0] * 1e3:7.1f} ms ({took[1] * 1e3:.1f} of the processor), {kept:6.1f} MiB kept for "
            f"the way back: {took[0] / ours[0]:.1f} ({took[1] / ours[1]:.1f}) times as long"
        )


def kept_by(work: Callable[[], Tensor]) -> int:
    """Bytes that are kept for gradients."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        found = work()
    del found
    return sum(kept.values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("drawing", "small", "window"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lengths", type=int, default=7, help="at which the reference is measured")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    if arguments.only in (None, "drawing"):
        race("7 layers of 512", LARGE, [1, 5], arguments)
    if arguments.only in (None, "small"):
        race("2 layers of 64, window of 8", SMALL, [1, 5], arguments)
        race("the same with an encoder", REFINER, [1, 5], arguments)
    if arguments.only in (None, "window"):
        window(arguments)


if __name__ == "__main__":
    main()
