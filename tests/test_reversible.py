"""Reversible layers: gradients beside torch's own, and what is kept for them."""

import copy

import pytest
import torch
from torch import nn

from scalefree_studio.models.pixels.reversible import reversible

B, T, D = 2, 3, 8


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Part(nn.Module):
    """Something that is not linear, with dropout, and uses every extra."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.into, self.out = nn.Linear(D, 2 * D), nn.Linear(2 * D, D)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, *extras):
        x = self.drop(torch.tanh(self.into(x)))
        for i, extra in enumerate(extras):
            x = x * (extra + i)
        return self.out(x)


class Layers(nn.ModuleList):
    """Two parts a layer."""

    plain = False

    def forward(self, *streams_and_extras):
        return reversible(self, *streams_and_extras, plain=self.plain)


def some_layers(depth=4, dropout=0.0, seed=0):
    torch.manual_seed(seed)
    return Layers(Part(dropout) for _ in range(2 * depth))


def some_streams(seed=1):
    gen = torch.Generator().manual_seed(seed)
    return [torch.randn(B, T, D, generator=gen).requires_grad_() for _ in range(2)]


def learnt(layers, plain, streams, extras=()):
    """What comes out, and the gradients by the streams, all extras and all weights."""
    layers.plain = plain
    out = layers(*streams, *extras)
    asked = [t for t in (*streams, *extras, *layers.parameters()) if t.requires_grad]
    loss = out[0].square().sum() + out[1].sin().sum()
    return [*out, *torch.autograd.grad(loss, asked)]


def assert_the_same(ours, plain, **tolerance):
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, **tolerance or dict(rtol=1e-11, atol=1e-12))


# ---- Gradients ----


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_gradients_are_the_ordinary_ones(depth):
    layers, streams = some_layers(depth), some_streams()
    assert_the_same(learnt(layers, False, streams), learnt(layers, True, streams))


def test_without_layers_the_streams_are_as_they_were():
    x1, x2 = some_streams()
    y1, y2 = reversible([], x1, x2)
    assert torch.equal(y1, x1) and torch.equal(y2, x2)


def test_both_streams_may_be_the_same():
    layers, x = some_layers(), some_streams()[0]
    grads = []
    for layers.plain in (False, True):
        y1, y2 = layers(x, x)
        grads.append(torch.autograd.grad((y1 * y2).sum(), x)[0])
    torch.testing.assert_close(*grads)


def test_extras_have_their_gradients_where_they_are_tensors():
    layers, streams = some_layers(depth=3), some_streams()
    gen = torch.Generator().manual_seed(3)
    with_gradient = torch.randn(B, 1, 2 * D, generator=gen).requires_grad_()
    ours, plain = (layers_out(layers, p, streams, with_gradient, 1.5) for p in (False, True))
    assert_the_same(ours, plain)
    assert ours[-1].any()
    without = torch.randn(T, 1, generator=gen)
    ours, plain = (layers_out(layers, p, streams, with_gradient, without) for p in (False, True))
    assert_the_same(ours, plain)
    assert ours[-1].any()


def layers_out(layers, plain, streams, with_gradient, without):
    layers.plain = plain
    y1, y2 = layers(*streams, with_gradient, without)
    return y1, y2, torch.autograd.grad((y1 * y2).sum(), with_gradient)[0]


def test_what_is_computed_from_weights_outside_learns_too():
    """As a label's embedding does."""
    layers, streams, label = some_layers(), some_streams(), nn.Embedding(3, 2 * D)
    grads = []
    for layers.plain in (False, True):
        label.weight.grad = None
        y1, y2 = layers(*streams, label(torch.tensor([2, 0]))[:, None])
        (y1 * y2).sum().backward()
        grads.append(label.weight.grad)
    torch.testing.assert_close(*grads)


def test_blocks_may_share_weights_and_some_may_not_learn():
    layers, streams = some_layers(depth=3), some_streams()
    layers[4].into = layers[1].into
    layers[3].out.weight.requires_grad_(False)
    assert_the_same(learnt(layers, False, streams), learnt(layers, True, streams))


def test_only_the_weights_may_need_gradients_or_only_the_streams():
    layers, streams = some_layers(), [x.detach() for x in some_streams()]
    assert_the_same(learnt(layers, False, streams), learnt(layers, True, streams))
    layers, streams = some_layers().requires_grad_(False), some_streams()
    assert_the_same(learnt(layers, False, streams), learnt(layers, True, streams))


def test_an_optimizer_learns_the_same():
    ours, (x1, x2) = some_layers(), (x.detach() for x in some_streams())
    plain = copy.deepcopy(ours)
    plain.plain = True
    for layers in (ours, plain):
        optimizer = torch.optim.SGD(layers.parameters(), lr=0.01)
        for _ in range(5):
            optimizer.zero_grad()
            y1, y2 = layers(x1, x2)
            (y1 * y2).mean().backward()
            optimizer.step()
    assert_the_same(ours.parameters(), plain.parameters())


def test_weights_that_changed_before_the_gradient_was_taken_are_an_error():
    layers = some_layers()
    y1, y2 = layers(*some_streams())
    with torch.no_grad():
        layers[0].into.weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (y1 * y2).sum().backward()


# ---- Random numbers, autocast, modes ----


def test_what_was_dropped_is_dropped_again_and_random_numbers_go_on_as_before():
    layers, streams = some_layers(depth=3, dropout=0.5), some_streams()
    found, after = [], []
    for plain in (False, True):
        torch.manual_seed(5)
        found.append(learnt(layers, plain, streams))
        after.append(torch.rand(4))
    assert_the_same(*found)
    assert torch.equal(*after)
    assert not torch.equal(found[0][0], learnt(layers.eval(), False, streams)[0])


@pytest.mark.parametrize("within", [False, True], ids=["outside", "within"])
def test_under_autocast_gradients_are_those_of_autocast(within):
    """Whether or not the gradient is taken within it."""
    layers = some_layers().float()
    streams = [x.detach().float().requires_grad_() for x in some_streams()]
    found = []
    for layers.plain in (False, True):
        with torch.autocast("cpu", torch.bfloat16):
            y1, y2 = layers(*streams)
            if within:
                grads = torch.autograd.grad((y1 * y2).sum(), [*streams, *layers.parameters()])
        if not within:
            grads = torch.autograd.grad((y1 * y2).sum(), [*streams, *layers.parameters()])
        assert y1.dtype == torch.float32
        found.append([y1, y2, *grads])
    assert torch.equal(found[0][1], found[1][1])
    assert_the_same(*found, rtol=0.02, atol=0.02)
    in_32_bits = learnt(layers, True, streams)
    assert not torch.equal(in_32_bits[1], found[0][1])


def test_without_gradients_it_is_the_plain_sequence():
    layers, streams = some_layers(), some_streams()
    expected = layers(*streams)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            out = layers(*streams)
        assert not out[0].requires_grad
        assert all(torch.equal(a, b) for a, b in zip(out, expected, strict=True))


# ---- Memory ----


def kept(layers, plain):
    """How many numbers are kept for the gradient, weights not counted."""
    weights = {p.data_ptr() for p in layers.parameters()}
    layers.plain, streams, seen = plain, some_streams(), {}

    def keep(x):
        if x.data_ptr() not in weights:
            seen[x.data_ptr()] = x  # held, so that no memory is used twice
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        layers(*streams, torch.ones(2 * D))
    return sum(x.numel() for x in seen.values())


def test_what_is_kept_does_not_grow_with_depth():
    assert [kept(some_layers(depth), plain=False) for depth in (1, 2, 16)] == [2 * B * T * D + 2 * D] * 3
    plain = [kept(some_layers(depth), plain=True) for depth in (1, 2, 16)]
    assert plain[0] > 2 * B * T * D and plain[2] > 7 * plain[1] > 7 * plain[0]
