"""Drawing with a token transformer: what is remembered beside the whole network, which is asked for every token."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from small_tokens import REFINES, SHAPES, network, tokens_of
from test_pixelcnn import Captures, alike
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scalefree_studio.models.cascades import cached as cache
from scalefree_studio.models.cascades import lean
from scalefree_studio.models.cascades.cached import CachedTokens
from scalefree_studio.models.cascades.draw import draw_tokens
from scalefree_studio.models.cascades.network import TokenTransformer
from scalefree_studio.models.ordered import graphs, rows
from scalefree_studio.models.ordered.request import Request, finish, uniforms

shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
WINDOWED: dict[str, Any] = {**REFINES, "classes": 3, "radius": 1, "coarser_radius": 1, "positions": "both"}


@pytest.fixture(autouse=True)
def _double_precision() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def asked(net: TokenTransformer, count: int = 2, seed: int = 3, **changes: Any) -> Request:
    _, labels, _ = tokens_of(net, count)
    numbers = uniforms(count, net.shape.own.count, 1, seed).double()
    return Request(numbers, labels, **{"measured": True, "watched": count - 1, **changes})


def both(net: TokenTransformer, request: Request, alike_coarser: bool = False) -> torch.Tensor:
    _, _, coarser = tokens_of(net, len(request.uniforms))
    if alike_coarser:
        coarser = [t[:1].expand_as(t) for t in coarser]
    plain = list(draw_tokens(net, request, coarser, cached=False))
    cached = list(draw_tokens(net, request, coarser))
    assert torch.equal(finish(plain), finish(cached))
    for a, b in zip(plain, cached, strict=True):
        alike(a, b, rtol=1e-9, atol=1e-12)
    return finish(cached)


@shapes
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("fixed", [False, True])
def test_every_token_has_the_logits_that_the_whole_network_gives_it(
    shape: dict[str, Any], count: int, fixed: bool
) -> None:
    net = network(**shape)
    own, labels, coarser = tokens_of(net, count)
    W = net.shape.own.columns
    with torch.inference_mode():
        expected = net(own, labels, coarser)
    cached, found = CachedTokens(net, count, labels, coarser, fixed=fixed), []
    for y in range(net.shape.own.rows):
        cached.begin_row(own[:, (y - 1) * W : y * W, None] if y else None)
        for x in range(W):
            found.append(cached.predict(x, 0).clone())
            cached.take(x, 0, own[:, y * W + x, None])
    torch.testing.assert_close(torch.stack(found, 1), expected, rtol=1e-9, atol=1e-11)


@shapes
def test_it_draws_what_the_whole_network_draws(shape: dict[str, Any]) -> None:
    net = network(**shape)
    drawn = [both(net, asked(net, count, seed=seed)) for seed, count in enumerate([1, 2, 2])]
    assert not torch.equal(drawn[1], drawn[2])


@pytest.mark.parametrize("count", [1, 2])
def test_so_it_does_where_there_are_many_keys(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "MANY", 0)
    for shape in (WINDOWED, REFINES, {"radius": 2}):
        net = network(**shape)
        both(net, asked(net, count))
    shared = dataclasses.replace(asked(network(**WINDOWED), 3), labels=torch.tensor([2, 2, 2]))
    both(network(**WINDOWED), shared, alike_coarser=True)


def test_pictures_of_one_context_share_what_is_known_of_it() -> None:
    net = network(**WINDOWED)
    request = dataclasses.replace(asked(net, 3), labels=torch.tensor([2, 2, 2]))
    both(net, request, alike_coarser=True)
    _, _, coarser = tokens_of(net, 1)
    cached = CachedTokens(net, 3, request.labels, [t.expand(3, -1, -1) for t in coarser])
    assert cached.known.coarser is not None and len(cached.known.coarser) == 1


@pytest.mark.parametrize("way", [
    {"temperature": 0.4}, {"top_k": 2, "temperature": 2.0}, {"top_p": 0.6},
    {"temperature": torch.tensor([0.3, 3.0]), "top_k": torch.tensor([3, 0]), "top_p": torch.tensor([1.0, 0.5])},
], ids=str)  # fmt: skip
def test_so_it_does_in_any_way_together_or_each_in_its_own(way: dict[str, Any]) -> None:
    net = network(**REFINES)
    both(net, asked(net, **way))


KEPT = {
    "top": lambda y, x: y < 2,
    "cut": lambda y, x: 5 * y + x < 7,
    "bottom": lambda y, x: y >= 2,
    "left": lambda y, x: x < 2,
    "second row": lambda y, x: (y == 1) | (x == 0),
    "spots": lambda y, x: (3 * x + 5 * y) % 4 == 0,
    "all": lambda y, x: y >= 0,
}


@pytest.mark.parametrize("region", KEPT)
@pytest.mark.parametrize("shape", [{}, WINDOWED, {"positions": "learned"}], ids=str)
def test_what_is_given_stays_and_the_rest_is_drawn(region: str, shape: dict[str, Any]) -> None:
    net = network(**shape)
    y, x = torch.meshgrid(torch.arange(4), torch.arange(5), indexing="ij")
    keep = KEPT[region](y, x).flatten().expand(2, -1)
    given = tokens_of(net, seed=9)[0][..., None]
    drawn = both(net, asked(net, given=given, keep=keep))
    assert torch.equal(drawn[keep], given[keep])


def test_rows_that_are_given_pass_at_once_and_only_if_something_comes_after_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, passed, step, predict = network(), [], CachedTokens.step, CachedTokens.predict

    def row(self: CachedTokens, x0: int, x1: int) -> torch.Tensor:
        passed.append(x1 - x0)
        return step(self, x0, x1)

    def one(self: CachedTokens, x: int, c: int) -> torch.Tensor:
        passed.append(1)
        return predict(self, x, c)

    monkeypatch.setattr(CachedTokens, "step", row)
    monkeypatch.setattr(CachedTokens, "predict", one)
    keep = (torch.arange(20) < 10).expand(2, -1)
    request = asked(net, given=tokens_of(net)[0][..., None], keep=keep)
    list(draw_tokens(net, request))
    assert passed == [5, 5] + [1] * 10
    passed.clear()
    list(draw_tokens(net, dataclasses.replace(request, keep=keep.flip(1))))
    assert passed == [1] * 10


@pytest.mark.parametrize("shape", [{"radius": 2}, {**WINDOWED, "classes": 0}], ids=str)
def test_other_sizes_than_those_learnt(shape: dict[str, Any]) -> None:
    net = network(**shape)
    _, _, coarser = tokens_of(net)
    request = Request(uniforms(2, 7 * 6, 1, 3).double())
    plain, cached = (finish(draw_tokens(net, request, coarser, c, (7, 6))) for c in (False, True))
    assert torch.equal(plain, cached) and cached.shape == (2, 42, 1)


@pytest.mark.parametrize("shape", [{}, WINDOWED], ids=str)
@pytest.mark.parametrize("shared", [False, True])
def test_a_beam_goes_on_from_another_one(shape: dict[str, Any], shared: bool) -> None:
    """After any token, pictures go on from others: so the network would have drawn what these have drawn."""
    net = network(**shape)
    own, labels, coarser = tokens_of(net, 3)
    if shared:
        labels = None if labels is None else labels[:1].expand(3)
        coarser = [t[:1].expand_as(t) for t in coarser]
    cached, W, parents = CachedTokens(net, 3, labels, coarser), 5, torch.tensor([2, 0, 0])
    for n in range(20):
        y, x = divmod(n, W)
        if x == 0:
            cached.begin_row(own[:, n - W : n, None] if y else None)
        found = cached.predict(x, 0)
        with torch.inference_mode():
            torch.testing.assert_close(found, net(own, labels, coarser)[:, n], rtol=1e-9, atol=1e-11)
        cached.take(x, 0, own[:, n, None])
        if n % 3 == 1 or n == W - 1:
            cached.reorder(parents)
            own = torch.cat([own[parents, : n + 1], own[:, n + 1 :]], dim=1)
            labels = None if labels is None else labels[parents]
            coarser = [t[parents] for t in coarser]


def test_heads_that_are_off_are_off() -> None:
    net = network(**REFINES)
    before = both(net, asked(net))
    for part in net.blocks[1].parts[:2]:
        part.heads_on[0] = 0
    assert not torch.equal(both(net, asked(net)), before)


def test_single_precision_draws_the_same_pictures() -> None:
    torch.set_default_dtype(torch.float32)
    net = network(grids="3x3x9 4x5x200", width=48)
    request = asked(net, 3)
    request = dataclasses.replace(request, uniforms=request.uniforms.float())
    _, _, coarser = tokens_of(net, 3)
    plain, cached = (list(draw_tokens(net, request, coarser, c)) for c in (False, True))
    assert torch.equal(finish(plain), finish(cached))
    for a, b in zip(plain, cached, strict=True):
        alike(a, b, rtol=1e-3, atol=1e-5)


def test_half_precision_is_near() -> None:
    torch.set_default_dtype(torch.float32)
    net = network(width=48)
    own, _, _ = tokens_of(net)
    found = []
    for precision in (None, torch.bfloat16):
        cached = CachedTokens(net, 2, precision=precision)
        cached.begin_row(None, given=True)
        cached.begin_row(own[:, :5, None])
        found.append(cached.predict(0, 0).clone())
    torch.testing.assert_close(*found, rtol=0, atol=0.2)
    assert not torch.equal(*found) and found[1].dtype == torch.float32 and found[0].std() > 0.5


def test_the_consumer_of_a_generator_can_still_learn() -> None:
    net = network(**WINDOWED)
    own, labels, coarser = tokens_of(net)
    steps = draw_tokens(net, asked(net), coarser)
    next(steps)
    net(own, labels, coarser).sum().backward()
    assert not torch.is_inference_mode_enabled()
    next(steps)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("shape", [WINDOWED, {"positions": "learned"}, {"positions": "modulation"}], ids=str)
def test_from_captured_graphs_come_the_same_pictures(
    shape: dict[str, Any], fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, captures = network(**shape), Captures(fails)
    keep = (torch.arange(20) // 5 == 1).expand(2, -1)  # the second of four rows
    _, _, coarser = tokens_of(net)
    request = asked(net, given=tokens_of(net)[0][..., None], keep=keep)
    expected = finish(draw_tokens(net, request, coarser))
    monkeypatch.setattr(rows, "graphed", lambda work, device: graphs.Graphed(work, captures))
    monkeypatch.setattr(cache, "is_captured", lambda device: True)
    assert torch.equal(finish(draw_tokens(net, request, coarser)), expected)
    assert (captures.warmed, captures.captured, captures.replayed) == (5, 5, 0 if fails else 10)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_is_captured_reads_and_writes_the_same_memory_in_every_row(
    shape: dict[str, Any],
) -> None:
    """A replay does in a later row what was done in the second: so nothing may lie elsewhere there."""
    net = network(**shape)
    own, labels, coarser = tokens_of(net)
    cached, W, used = CachedTokens(net, 2, labels, coarser, fixed=True), net.shape.own.columns, []

    class Watched(TorchDispatchMode):
        """Where whatever is kept lies that an operation takes or fills."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            flat = tree_leaves((args, kwargs or {}))
            found = [t for t in flat if isinstance(t, torch.Tensor)]
            used[-1].append((str(func), [(tuple(t.shape), t.stride(), place(t)) for t in found]))
            return func(*args, **(kwargs or {}))

    held = [cached.inputs, cached.ways.here, cached.place, cached.row.seen, cached.row.cos, cached.row.sin]
    held += [part.kept for part in cached.parts if isinstance(part, cache.Own)]
    spans = [(t.untyped_storage().data_ptr(), t.untyped_storage().nbytes()) for t in held]

    def place(tensor: torch.Tensor) -> int:
        at = tensor.data_ptr()
        return at if any(start <= at < start + size for start, size in spans) else 0

    for y in range(net.shape.own.rows):
        cached.begin_row(own[:, (y - 1) * W : y * W, None] if y else None)
        for x in range(W):
            used.append([])
            with Watched():
                cached.predict(x, 0)
                cached.take(x, 0, own[:, y * W + x, None])
    for later in range(W, len(used)):
        assert used[later] == used[later % W]


@pytest.mark.parametrize(("radius", "rows"), [(0, 4), (1, 2), (2, 3), (9, 4)])
def test_only_what_a_window_holds_is_kept(radius: int, rows: int) -> None:
    cached = CachedTokens(network(radius=radius), 2)
    kept = [part.kept for part in cached.parts if isinstance(part, cache.Own)]
    assert [t.shape for t in kept] == [(2, 2, 2, rows * 5, 6)] * 2  # keys and values, B, H, slots, d
