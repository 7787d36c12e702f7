"""Drawing with a pixel transformer: what is remembered beside the whole network, which is asked for every token."""

import dataclasses

import pytest
import torch
from test_pixelcnn import Captures, alike

from scalefree_studio.controls import values_of
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.pixels.controls import PixelsControls
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.jobs.training.picture_lesson import PictureLesson
from scalefree_studio.models.ordered import graphs, rows
from scalefree_studio.models.ordered.request import Request, finish, uniforms
from scalefree_studio.models.pixels import cached as cache
from scalefree_studio.models.pixels.cached import CachedPixels
from scalefree_studio.models.pixels.draw import draw
from scalefree_studio.models.pixels.network import PixelTransformer
from scalefree_studio.models.pixels.shape import RESERVED, PixelsShape
from scalefree_studio.snapshot import Checkpoint

SMALL = PixelsShape(rows=3, columns=5, colours=6, layers=2, width=24, heads=3)
H, W = 4, 5  # another size than the learnt one


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def some_network(**changes):
    """With random weights everywhere, so that no dependence hides behind a zero."""
    network = PixelTransformer(dataclasses.replace(SMALL, **changes)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in network.parameters():
            p.normal_(std=0.3, generator=generator)
    return network


def some_values(network, count=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(network.shape.colours, (count, H * W, network.shape.channels), generator=generator)


def asked(network, count=2, seed=3, **changes):
    numbers = uniforms(count, H * W, network.shape.channels, seed).double()
    labels = torch.arange(count) % network.shape.classes if network.shape.classes else None
    return Request(numbers, labels, **{"measured": True, "watched": 1, **changes})


def both(network, request):
    plain = list(draw(network, request, W, cached=False))
    cached = list(draw(network, request, W))
    assert torch.equal(finish(plain), finish(cached))
    for a, b in zip(plain, cached, strict=True):
        alike(a, b, rtol=1e-9, atol=1e-12)
    return finish(cached)


# fmt: off
SHAPES = [
    {}, {"channels": 3}, {"classes": 4}, {"order": "columns"}, {"order": "spiral", "channels": 3, "classes": 2},
    {"attention": "local", "radius": 1}, {"attention": "local", "radius": 2, "order": "spiral", "channels": 2},
    {"neighbours": 0}, {"neighbours": 1}, {"positions": "learned"}, {"positions": "rotary"},
    {"hidden": "swiglu"}, {"hidden": "gelu"}, {"qk_norm": False}, {"softcap": 3.0}, {"tied": True},
    {"value_embeddings": True}, {"width": 27}, {"width": 28}, {"heads": 1, "width": 10}, {"colours": 300},
    {"dropout": 0.5}, {"reversible": True}, {"attention": "lsh", "buckets": 4, "chunk": 3, "reversible": True},
    {"attention": "lsh", "buckets": 2, "chunk": 2, "rounds": 3, "positions": "learned", "channels": 2},
    {"attention": "lsh", "buckets": 4, "chunk": 4, "rounds": 1, "qk_norm": False, "order": "spiral"},
]
# fmt: on
shapes = pytest.mark.parametrize("changes", SHAPES, ids=str)


@shapes
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("moving", [False, True])
def test_every_token_has_the_logits_that_the_whole_network_gives_it(changes, count, moving):
    network = some_network(**changes)
    request = asked(network, count)
    values, places = some_values(network, count), network.places(H, W, torch.device("cpu"))
    with torch.inference_mode():
        expected = network.logits(values.flatten(1) + RESERVED, request.labels, places)
    cached, found = CachedPixels(network, count, places, request.labels, moving), []
    for y in range(H):
        cached.begin_row(values[:, (y - 1) * W : y * W] if y else None)
        for x in range(W):
            for c in range(network.shape.channels):
                found.append(cached.predict(x, c))
                cached.take(x, c, values[:, y * W + x, c, None])
    torch.testing.assert_close(torch.stack(found, 1), expected, rtol=1e-9, atol=1e-11)


@shapes
def test_it_draws_what_the_whole_network_draws(changes):
    network = some_network(**changes)
    drawn = [both(network, asked(network, seed=seed)) for seed in range(3)]
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("way", [
    {"temperature": 0.4}, {"top_k": 2, "temperature": 2.0}, {"top_p": 0.6},
    {"temperature": torch.tensor([0.3, 3.0]), "top_k": torch.tensor([3, 0]), "top_p": torch.tensor([1.0, 0.5])},
], ids=str)  # fmt: skip
def test_so_it_does_in_any_way_together_or_each_in_its_own(way):
    both(some_network(), asked(some_network(), **way))


KEPT = {
    "top": lambda y, x: y < 2,
    "cut": lambda y, x: W * y + x < 7,
    "bottom": lambda y, x: y >= 2,
    "left": lambda y, x: x < 2,
    "middle row": lambda y, x: (y == 2) | (x == 0),
    "spots": lambda y, x: (3 * x + 5 * y) % 4 == 0,
    "all": lambda y, x: y >= 0,
}


@pytest.mark.parametrize("region", KEPT)
@pytest.mark.parametrize(
    "changes", [{}, {"channels": 3, "order": "spiral"}, {"attention": "local", "radius": 1},
                {"attention": "lsh", "buckets": 4, "chunk": 3}], ids=str,
)  # fmt: skip
def test_a_prompt_stays_and_the_rest_is_drawn(region, changes, monkeypatch):
    network = some_network(**changes)
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    keep = KEPT[region](y, x).flatten().expand(2, -1)
    given = some_values(network)
    request = asked(network, given=given, keep=keep)
    drawn = both(network, request)
    assert torch.equal(drawn[keep], given[keep])
    monkeypatch.setattr(cache, "AT_ONCE", 6)  # three positions of both pictures
    assert torch.equal(finish(draw(network, dataclasses.replace(request, measured=False), W)), drawn)


def test_pictures_may_be_given_different_prompts():
    network = some_network()
    keep = torch.stack([torch.arange(H * W) < 10, torch.arange(H * W) % 3 == 0])
    both(network, asked(network, given=some_values(network), keep=keep))


def test_a_prompt_passes_at_once():
    network, passed = some_network(), []
    step = CachedPixels.step

    def counted(self, at, stop):
        passed.append(at.stop - at.start)
        return step(self, at, stop)

    keep = (torch.arange(H * W) < 2 * W).expand(2, -1)
    request = asked(network, given=some_values(network), keep=keep)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CachedPixels, "step", counted)
        list(draw(network, request, W))
        assert passed == [2 * W] + [1] * (2 * W)
        passed.clear()
        list(draw(network, dataclasses.replace(request, keep=keep.flip(1)), W))
        assert passed == [1] * (2 * W)  # what is given at the end asks for nothing


def test_the_picture_does_not_depend_on_how_it_is_shown():
    network = some_network()
    steps = list(draw(network, asked(network, every=3), W))
    assert [s.stop - s.start for s in steps] == [3, 2] * H
    assert torch.equal(finish(steps), finish(draw(network, asked(network, measured=False), W)))


def test_heads_that_are_off_are_off():
    network = some_network()
    before = both(network, asked(network))
    network.blocks[1].attention.heads_on[0] = 0
    assert not torch.equal(both(network, asked(network)), before)


def test_single_precision_draws_the_same_pictures():
    torch.set_default_dtype(torch.float32)
    network = some_network(colours=200, width=48)
    request = asked(network, 3)
    request = dataclasses.replace(request, uniforms=request.uniforms.float())
    plain, cached = (list(draw(network, request, W, cached)) for cached in (False, True))
    assert torch.equal(finish(plain), finish(cached))
    for a, b in zip(plain, cached, strict=True):
        alike(a, b, rtol=1e-3, atol=1e-5)


def test_half_precision_is_near():
    torch.set_default_dtype(torch.float32)
    network = some_network(width=48)
    values, places = some_values(network)[..., 0], network.places(H, W, torch.device("cpu"))
    found = []
    for precision in (None, torch.bfloat16):
        cached = CachedPixels(network, 2, places, precision=precision)
        cached.begin_row(values[:, :W, None], given=True)
        cached.begin_row(values[:, W : 2 * W, None])
        found.append(cached.predict(0, 0))
    torch.testing.assert_close(*found, rtol=0, atol=0.1)
    assert not torch.equal(*found) and found[1].dtype == torch.float32 and found[0].std() > 0.5


def test_the_consumer_of_a_generator_can_still_learn():
    network = some_network(attention="local", radius=2)
    steps = draw(network, asked(network), W)
    next(steps)
    network(some_values(network).view(2, H, W, 1)).sum().backward()
    assert not torch.is_inference_mode_enabled()
    next(steps)


# ---- Captured graphs ----


@pytest.mark.parametrize("fails", [False, True])
def test_from_captured_graphs_come_the_same_pictures(monkeypatch, fails):
    network, captures = some_network(channels=2, order="columns", classes=2), Captures(fails)
    keep = (torch.arange(H * W) // W == 1).expand(2, -1)  # the second of four rows
    request = asked(network, given=some_values(network), keep=keep)
    expected = finish(draw(network, request, W))
    monkeypatch.setattr(rows, "graphed", lambda work, device: graphs.Graphed(work, captures))
    monkeypatch.setattr(cache, "moves", lambda device: True)
    assert torch.equal(finish(draw(network, request, W)), expected)
    assert (captures.warmed, captures.captured, captures.replayed) == (W, W, 0 if fails else 2 * W)


# ---- The lesson ----


@pytest.mark.parametrize("order", ["raster", "columns", "spiral"])
def test_the_plain_way_of_any_lesson_keeps_to_its_order(order):
    controls = PixelsControls(rows=H, columns=W, colours=6, width=24, order=order)
    network = some_network(order=order)
    request = asked(network, every=3)
    plainest = PictureLesson.draw.__func__(
        PixelsLesson, network, request, W, order=PixelsLesson.order((H, W), controls)
    )
    for plain, fast in zip(plainest, PixelsLesson.draw(network, request, W), strict=True):
        assert torch.equal(plain.values, fast.values)
        alike(plain, fast, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("order", ["raster", "columns", "spiral"])
def test_a_sampler_says_afterwards_what_was_thought_while_it_drew(order):
    torch.set_default_dtype(torch.float32)
    controls = PixelsControls(rows=H, columns=W, colours=16, width=24, heads=3, order=order, layers=2)
    network = some_network(order=order, colours=16, rows=H)
    about = {"controls": values_of(controls), "dataset": {"name": "", "spec": "", "shape": [H, W, 1]}}
    weights = {name: p.detach().numpy() for name, p in network.named_parameters()}
    sampler = sampler_of(Checkpoint("pixels", 1, {**about, "classes": []}, weights))
    request = dataclasses.replace(asked(network), uniforms=uniforms(2, H * W, 1, 3), every=W)
    steps = list(sampler.draw(request))
    thought = torch.cat([step.likeliest.chances for step in steps])  # (N, C, L)
    torch.testing.assert_close(sampler.chances(request, finish(steps))[1], thought, rtol=1e-4, atol=1e-6)
