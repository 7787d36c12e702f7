"""Where the heads of a token transformer looked, across stages, and what it draws without some of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_tokens import REFINES, SHAPES, network, tokens_of
from torch import Tensor

from scalefree_studio.models.cascades.layers import CoarserAttention, OwnAttention
from scalefree_studio.models.cascades.looked import TokensLooked
from scalefree_studio.models.cascades.network import TokenTransformer
from scalefree_studio.models.transformer.looked import without_heads

shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def carried(net: TokenTransformer, kind: type) -> Tensor | None:
    """What each layer itself takes from each key, (layers, H, T, T or S): its values are replaced by marks."""
    own, labels, coarser = tokens_of(net, 1)
    found: list[Tensor] = []
    layers = [part for part in net.blocks.modules() if type(part) is kind]
    for layer in layers:
        values, gather = layer.values, layer.gather

        def marked(x: Tensor, values: Any = values) -> Tensor:
            v = values(x)
            return torch.cat([v, torch.eye(v.shape[2]).expand(*v.shape[:2], -1, -1)], dim=-1)

        def kept(seen: Tensor, gather: Any = gather, d: int = net.shape.head) -> Tensor:
            found.append(seen[0, ..., d:])
            out: Tensor = gather(seen[..., :d])
            return out

        layer.values, layer.gather = marked, kept
    with torch.inference_mode():
        net(own, labels, coarser)
    for layer in layers:
        del layer.values, layer.gather
    return torch.stack(found) if found else None


def looked_at(net: TokenTransformer) -> TokensLooked:
    own, labels, coarser = tokens_of(net, 1)
    return TokensLooked(net, own, labels, coarser)


@shapes
def test_it_is_what_the_layers_themselves_take(shape: dict[str, Any]) -> None:
    net = network(**shape)
    own, across, looked = carried(net, OwnAttention), carried(net, CoarserAttention), looked_at(net)
    assert own is not None and (across is None) == (not net.shape.read)
    before = sum(grid.count for grid in net.shape.coarser)
    for n in range(net.shape.own.count):
        expected = torch.zeros(net.shape.layers, net.shape.heads, before + net.shape.own.count)
        expected[..., before:-1] = own[:, :, n, 1:]
        if across is not None:
            expected[..., :before] = across[:, :, n]
            expected /= 2
        elif before:
            expected[..., 0] = own[:, :, n, 0]
        found = looked.at(before + n)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
        assert not found[..., before + n :].any()
        assert (found.sum(-1) < 1 + 1e-5).all()
        start = 0.0 if net.shape.whole else own[:, :, n, 0] / (2 if net.shape.read else 1)
        torch.testing.assert_close(
            1 - found.sum(-1), torch.zeros_like(found[..., 0]) + start, atol=1e-5, rtol=0
        )
    assert own.flatten(0, 1).std(0).max() > 0.01, "heads differ"
    assert looked.buckets() is None


@pytest.mark.parametrize("shape", [{}, REFINES], ids=str)
def test_what_is_not_drawn_yet_does_not_matter(shape: dict[str, Any]) -> None:
    net = network(**shape)
    own, labels, coarser = tokens_of(net, 1)
    other, *_ = tokens_of(net, 1, seed=8)
    before = sum(grid.count for grid in net.shape.coarser)
    for n in (0, 7, 19):
        mixed = torch.cat([own[:, :n], other[:, n:]], dim=1)
        found = TokensLooked(net, mixed, labels, coarser).at(before + n)
        torch.testing.assert_close(found, looked_at(net).at(before + n))


def test_a_head_that_is_off_adds_nothing_in_either_of_its_attentions() -> None:
    net, cut = network(**REFINES), network(**REFINES)
    off = torch.tensor([[True, False], [False, True]])
    other = without_heads(net, off)
    with torch.no_grad():
        for block, heads_off in zip(cut.blocks, off, strict=True):
            for part in block.parts[:2]:
                part.out.weight.view(12, 2, 6)[:, heads_off] = 0
    own, labels, coarser = tokens_of(net)
    torch.testing.assert_close(other(own, labels, coarser), cut(own, labels, coarser))
    assert not torch.allclose(other(own, labels, coarser), net(own, labels, coarser))
    for mine, its in zip(net.parameters(), other.parameters(), strict=True):
        assert mine is its
