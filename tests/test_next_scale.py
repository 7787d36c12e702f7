"""Next-scale networks: what a place knows, and drawing scale by scale."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from scalefree_studio.models.cascades.next_scale import NextScale, spread_of
from scalefree_studio.models.cascades.next_scale_draw import draw_scales
from scalefree_studio.models.cascades.next_scale_looked import NextScaleLooked
from scalefree_studio.models.cascades.next_scale_shape import NextScaleShape
from scalefree_studio.models.cascades.shape import grids_of
from scalefree_studio.models.ordered.request import (
    Drawn,
    Request,
    chances_of,
    finish,
    measure,
    uniforms,
    value_at,
)
from scalefree_studio.models.transformer.looked import attentions, without_heads

GRIDS = ((1, 1), (2, 2), (3, 4))
STARTS, T, L = (0, 1, 5, 17), 17, 6
SMALL: dict[str, Any] = {
    "grids": "1x1x6 2x2x6 3x4x6",
    "vector": 5,
    "classes": 3,
    "layers": 2,
    "width": 12,
    "heads": 2,
}


def network(**shape: Any) -> NextScale:
    """No choice of it is sure, and none depends on nothing."""
    made = NextScale(NextScaleShape(**{**SMALL, **shape}))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.5, generator=generator)
    made.know(torch.randn(L, 5, generator=generator))
    return made.eval()


def some_tokens(count: int = 3, seed: int = 2) -> Tensor:
    return torch.randint(L, (count, T), generator=torch.Generator().manual_seed(seed))


def request(count: int = 3, **more: Any) -> Request:
    return Request(uniforms(count, T, 1, 7), torch.arange(count) % 3, **more)


# ---- The network ----


@torch.no_grad()
def test_a_token_changes_all_finer_scales_and_nothing_else() -> None:
    net, tokens = network(), some_tokens()
    before = net(tokens, torch.arange(3))
    for place in range(T):
        changed = tokens.clone()
        changed[:, place] = (changed[:, place] + 1) % L
        differs = (net(changed, torch.arange(3)) != before).any(-1)  # (B, T)
        finer = torch.arange(T) >= min(start for start in STARTS if start > place)
        assert torch.equal(differs, finer.expand(3, T))


@torch.no_grad()
def test_a_class_changes_everything_it_is_asked_for() -> None:
    net, tokens = network(), some_tokens(1)
    logits = net(tokens.expand(3, T), torch.arange(3))
    assert (logits[0] != logits[1]).any(-1).all() and (logits[1] != logits[2]).any(-1).all()


def test_what_a_place_knows_is_the_sum_of_the_coarser_codes_spread_over_the_picture() -> None:
    codes = torch.randn(T, 5, dtype=torch.float64)
    found = spread_of(grids_of(SMALL["grids"])).double() @ codes
    interpolate = torch.nn.functional.interpolate
    said = torch.zeros(1, 5, 3, 4, dtype=torch.float64)
    for (start, stop), (rows, columns) in zip(itertools.pairwise(STARTS), GRIDS, strict=True):
        expected = interpolate(said, (rows, columns), mode="area")[0].flatten(1).T
        torch.testing.assert_close(found[start:stop], expected, atol=1e-6, rtol=0)
        grid = codes[start:stop].T.reshape(1, 5, rows, columns)
        said = said + interpolate(grid, (3, 4), mode="bilinear", align_corners=False)


@torch.no_grad()
def test_codes_that_are_alike_say_the_same_and_how_large_they_are_does_not_matter() -> None:
    net, tokens = network(), some_tokens()
    vectors = net.vectors.clone()
    vectors[1] = vectors[0]
    net.know(vectors)
    same = net(tokens, torch.arange(3))
    assert torch.equal(net(tokens.clamp(min=1), torch.arange(3)), same)
    net.know(1000 * vectors)
    torch.testing.assert_close(net(tokens, torch.arange(3)), same)


def test_a_new_network_knows_nothing_and_every_number_of_it_learns() -> None:
    torch.manual_seed(0)
    net, tokens = NextScale(NextScaleShape(**SMALL)), some_tokens(8)
    net.know(torch.randn(L, 5))
    labels = torch.arange(8) % 3
    loss = torch.nn.functional.cross_entropy(net(tokens, labels).flatten(0, 1), tokens.flatten())
    assert abs(float(loss.detach()) - torch.tensor(float(L)).log()) < 0.1
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    before = {name: weight.detach().clone() for name, weight in net.named_parameters()}
    for _ in range(3):  # gates open in the first step
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(tokens, labels).flatten(0, 1), tokens.flatten()).backward()
        assert all(weight.grad is not None for weight in net.parameters())
        optimizer.step()
    assert all(not torch.equal(before[name], weight) for name, weight in net.named_parameters())


# ---- Drawing ----


@torch.no_grad()
def slowly(net: NextScale, r: Request) -> tuple[Tensor, Tensor]:
    """Token by token, asking the whole network every time: tokens (B, T) and chances (B, T, L)."""
    B = len(r.uniforms)
    tokens, found = torch.zeros(B, T, dtype=torch.long), torch.zeros(B, T, L)
    for t in range(T):
        found[:, t] = chances_of(net(tokens, r.labels)[:, t], r.temperature, r.top_k, r.top_p)
        value = value_at(found[:, t], r.uniforms[:, t])[:, 0]
        if r.given is not None and r.keep is not None:
            value = torch.where(r.keep[:, t], r.given[:, t, 0], value)
        tokens[:, t] = value
    return tokens, found


WAYS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.6, "top_k": 3},
    {"temperature": torch.tensor([0.5, 1.0, 2.0]), "top_p": 0.8},
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cached", [True, False])
def test_drawing_scale_by_scale_is_drawing_token_by_token(cached: bool, way: dict[str, Any]) -> None:
    net, r = network(), request(**way)
    tokens, _ = slowly(net, r)
    assert torch.equal(finish(draw_scales(net, r, cached))[..., 0], tokens)
    assert len(tokens.unique()) > 2


@pytest.mark.parametrize("classes", [0, 3])
def test_without_labels_it_draws_as_well(classes: int) -> None:
    net = network(classes=classes)
    r = Request(uniforms(3, T, 1, 7), None)
    assert torch.equal(finish(draw_scales(net, r))[..., 0], slowly(net, r)[0])


@pytest.mark.parametrize("cached", [True, False])
def test_given_tokens_stay_and_all_else_follows_from_them(cached: bool) -> None:
    net = network()
    given = some_tokens(3, 9)[..., None]
    keep = torch.rand(3, T, generator=torch.Generator().manual_seed(4)) < 0.4
    r = request(given=given, keep=keep)
    found = finish(draw_scales(net, r, cached))[..., 0]
    assert torch.equal(found, slowly(net, r)[0])
    assert torch.equal(found[keep], given[..., 0][keep]) and not torch.equal(found, slowly(net, request())[0])


def test_another_coarse_token_changes_finer_ones_alone() -> None:
    net = network()
    plain = finish(draw_scales(net, request()))[..., 0]
    keep = torch.zeros(3, T, dtype=torch.bool)
    keep[:, 2] = True
    swapped = (plain + 1) % L
    found = finish(draw_scales(net, request(given=swapped[..., None], keep=keep)))[..., 0]
    assert torch.equal(found[:, [0, 1, 3, 4]], plain[:, [0, 1, 3, 4]])  # its own scale and the one before it
    assert torch.equal(found[:, 2], swapped[:, 2]) and (found[:, 5:] != plain[:, 5:]).any()


@pytest.mark.parametrize("every", [1, 2, 3, 9])
def test_a_scale_is_handed_out_in_pieces_that_end_with_a_row(every: int) -> None:
    net, r = network(), request(measured=True, watched=1, every=every)
    steps: list[Drawn] = list(draw_scales(net, r))
    tokens, chances = slowly(net, r)
    edges = [0, 1, 3, 5, 9, 13, 17]  # of rows
    expected = [
        (x, min(x + every, stop))
        for start, stop in itertools.pairwise(edges)
        for x in range(start, stop, every)
    ]
    assert [(step.start, step.stop) for step in steps] == expected
    entropy, surprise = measure(chances[:, :, None], tokens[..., None])
    torch.testing.assert_close(torch.cat([step.entropy for step in steps], 1), entropy)  # type: ignore[misc]
    torch.testing.assert_close(torch.cat([step.surprise for step in steps], 1), surprise)  # type: ignore[misc]
    thought = torch.cat([step.likeliest.chances for step in steps if step.likeliest])
    torch.testing.assert_close(thought[:, 0], chances[1])


# ---- Where it looked ----


@torch.no_grad()
def test_shares_are_those_by_which_heads_took_over_values() -> None:
    net, tokens, labels = network(), some_tokens(1), torch.tensor([2])
    seen: list[tuple[Tensor, Tensor]] = []  # what goes into the attention of each layer, and what comes out
    hooks = [layer.register_forward_hook(lambda _, x, y: seen.append((x[0], y))) for layer in attentions(net)]
    net(tokens, labels)
    for hook in hooks:
        hook.remove()
    looked = NextScaleLooked(net, tokens, labels)
    for place in range(T):
        shares = looked.of_place(place)  # (layers, H, T)
        for layer, attention in enumerate(attentions(net)):
            x, y = seen[layer]
            values = attention.split(attention.value(x))[0]  # (H, T, d)
            took = (shares[layer][:, None] @ values)[None]  # (1, H, 1, d)
            torch.testing.assert_close(attention.gather(took)[0, 0], y[0, place], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_what_was_taken_from_places_came_from_the_codes_that_say_something_there() -> None:
    net = network()
    looked = NextScaleLooked(net, some_tokens(1), torch.tensor([0]))
    assert looked.buckets() is None and not looked.at(0).any()
    for place in range(1, T):
        start = max(start for start in STARTS if start <= place)
        codes, shares = looked.at(place), looked.of_place(place)
        assert codes.shape == (2, 2, T) and not codes[..., start:].any() and (codes[..., :start] > 0).all()
        torch.testing.assert_close(
            codes.sum(-1), 1 - shares[..., 0]
        )  # all but what it took from the first place
    # A place of the second scale knows one code alone.
    torch.testing.assert_close(looked.at(1)[..., 0], looked.of_place(1)[..., 1:5].sum(-1))


@torch.no_grad()
def test_a_head_that_is_off_adds_nothing_and_the_network_keeps_its_own() -> None:
    net, r = network(), request()
    off = torch.zeros(2, 2, dtype=torch.bool)
    off[1, 0] = True
    other = without_heads(net, off)
    changed = network()
    changed.blocks[1].attention.out.weight[:, :6] = (
        0  # what the first of two heads of 6 numbers says is not heard
    )
    tokens = some_tokens()
    torch.testing.assert_close(other(tokens, r.labels), changed(tokens, r.labels))
    assert not torch.equal(net(tokens, r.labels), other(tokens, r.labels))
    assert torch.equal(finish(draw_scales(other, r)), finish(draw_scales(other, r, cached=False)))
