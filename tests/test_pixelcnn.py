"""The gated PixelCNN: what may depend on what, by autograd; chances and losses by closed forms; the cached network
beside the plain one."""

import dataclasses
import math

import pytest
import torch

from scalefree_studio.controls import checked
from scalefree_studio.models.ordered import graphs as pg
from scalefree_studio.models.ordered import request as rq
from scalefree_studio.models.ordered import rows
from scalefree_studio.models.pixelcnn import draw as ps
from scalefree_studio.models.pixelcnn import network as px

SMALL = px.PixelCNNShape(
    channels=3, levels=5, causal_kernel=5, hidden_kernel=3, hidden_maps=8, output_maps=7, hidden_layers=2
)


@pytest.fixture(autouse=True)
def _double_precision_on_one_core():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def some_model(seed=0, spread=0.4, **changes):
    """With random weights everywhere, so that no dependence hides behind a zero."""
    model = px.PixelCNN(dataclasses.replace(SMALL, **changes)).eval()
    gen = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=spread, generator=gen)
    return model


def some_levels(model, count=2, height=4, width=5, seed=1):
    gen = torch.Generator().manual_seed(seed)
    size = (count, height, width, model.shape.channels)
    return torch.randint(model.shape.levels, size, generator=gen)


# ---- What may depend on what ----


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("kernels", [(5, 3), (3, 5), (7, 1)])
@pytest.mark.parametrize("output", ["levels", "mixture"])
def test_a_channel_depends_on_everything_before_it_within_reach_and_on_nothing_else(
    channels, kernels, output
):
    causal, hidden = kernels
    model = some_model(
        channels=channels, causal_kernel=causal, hidden_kernel=hidden, output=output, mixtures=2, spread=0.2
    )
    up, aside = model.shape.reach
    H, W = up + 3, 2 * aside + 3  # one pixel beyond the reach on every side
    y, x = up + 1, aside + 1
    # Several pictures: in one of them, some ReLU of the end may be off.
    pictures = torch.randn(8, H, W, channels, generator=torch.Generator().manual_seed(2)).requires_grad_()
    said = model(pictures)
    for c in range(channels):
        gradient = torch.zeros(H, W, channels)
        for number in said[:, y, x, c].sum(0):  # one number after the other, so that none cancels another
            gradient += torch.autograd.grad(number, pictures, retain_graph=True)[0].abs().sum(0)
        expected = torch.zeros(H, W, channels, dtype=torch.bool)
        expected[y - up : y, x - aside : x + aside + 1] = True
        expected[y, x - aside : x] = True
        expected[y, x, :c] = True
        assert torch.equal(gradient != 0, expected)


@pytest.mark.parametrize(("place", "channel"), [((0, 0), 0), ((0, 4), 2), ((3, 0), 1), ((2, 2), 2)])
def test_changing_a_level_changes_nothing_that_is_before_it(place, channel):
    model, (y, x) = some_model(), place
    levels = some_levels(model)
    changed = levels.clone()
    changed[:, y, x, channel] = (changed[:, y, x, channel] + 1) % 5
    same = (model(model.scaled(levels)) == model(model.scaled(changed))).all(-1).all(0).flatten()
    at = (y * 5 + x) * 3 + channel
    assert same[: at + 1].all() and not same[at + 1 :].all()


def test_labels_speak_to_every_layer_and_to_the_end():
    model = some_model(classes=4)
    labels = torch.tensor([1, 3])
    model.loss(some_levels(model), labels).backward()
    tables = [layer.label for layer in model.layers] + [model.label]
    for table in tables:
        assert (table.weight.grad[labels] != 0).any(1).all()
        assert (table.weight.grad[[0, 2]] == 0).all()


# ---- Chances and losses ----


@pytest.mark.parametrize("output", ["levels", "mixture"])
@pytest.mark.parametrize("levels", [2, 5, 256])
def test_chances_sum_to_one_and_surprise_is_their_logarithm(output, levels):
    model = some_model(levels=levels, output=output, mixtures=3)
    picture = some_levels(model)
    logits = model.logits(model(model.scaled(picture)))
    assert logits.shape == (*picture.shape, levels)
    if output == "mixture":  # a mixture's logits are log-chances themselves
        torch.testing.assert_close(logits.exp().sum(-1), torch.ones(picture.shape))
    chances = logits.softmax(-1)
    torch.testing.assert_close(
        model.surprise(picture), -chances.gather(-1, picture[..., None])[..., 0].log(), rtol=1e-6, atol=1e-9
    )
    torch.testing.assert_close(model.loss(picture), model.surprise(picture).mean())


def test_the_chances_of_all_pictures_sum_to_one():
    model = some_model(channels=1, levels=2)
    every = torch.cartesian_prod(*[torch.arange(2)] * 6).view(-1, 2, 3, 1)
    assert (-model.surprise(every).sum((1, 2, 3))).exp().sum().item() == pytest.approx(1)


@pytest.mark.parametrize("levels", [2, 10, 256])
def test_untaught_every_level_is_equally_likely(levels):
    model = px.PixelCNN(dataclasses.replace(SMALL, levels=levels))
    loss = model.loss(some_levels(model)).item()
    assert loss == pytest.approx(math.log(levels))
    assert loss / math.log(2) == pytest.approx(math.log2(levels))


def test_untaught_mixture_is_nearly_even():
    model = px.PixelCNN(dataclasses.replace(SMALL, levels=256, output="mixture", mixtures=10))
    assert model.loss(some_levels(model)).item() / math.log(2) == pytest.approx(8, abs=0.6)


def test_a_mixture_is_the_difference_of_logistic_distributions():
    said = torch.tensor([0.3, -0.2, 0.1, -0.4, -1.0, -1.5])  # two curves: weights, means, log-widths
    weight = torch.tensor([0.3, -0.2]).softmax(0)
    edges = torch.tensor([-math.inf, -0.75, -0.25, 0.25, 0.75, math.inf])  # of five levels at -1, -½, 0, ½, 1
    cumulative = torch.sigmoid((edges[:, None] - said[2:4]) / said[4:].exp()) @ weight
    chances = px.mixture_log_chance(said.expand(5, 6), torch.arange(5), 5).exp()
    torch.testing.assert_close(chances, cumulative.diff())


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_the_chances_of_all_levels_at_one_go(levels):
    """Against the careful formula, in double precision, for curves wide and narrow, inside and beyond the levels."""
    generator = torch.Generator().manual_seed(1)
    said = torch.randn(200, 3 * 4, generator=generator) * 2
    careful = px.mixture_log_chance(said[:, None].double(), torch.arange(levels), levels).exp()
    chances = px.mixture_chances(said, levels)
    torch.testing.assert_close(chances.double(), careful, rtol=0, atol=2e-6)
    torch.testing.assert_close(chances.sum(-1), torch.ones(200))


def test_a_mixture_has_finite_gradients_far_away_from_its_curves():
    said = torch.tensor([0.0, 50.0, -30.0]).repeat(3, 1).requires_grad_()
    chances = px.mixture_log_chance(said, torch.tensor([0, 100, 255]), 256)
    chances.sum().backward()
    assert torch.isfinite(chances).all() and torch.isfinite(said.grad).all()


@pytest.mark.parametrize("from_above", [False, True])
@pytest.mark.parametrize("labelled", [1, 2])
def test_the_gate_is_tanh_times_sigmoid(from_above, labelled):
    gen = torch.Generator().manual_seed(0)
    told = torch.randn(labelled, 6, 1, 1, generator=gen).requires_grad_()
    here, above = (torch.randn(2, 6, 3, 4, generator=gen).requires_grad_() for _ in range(2))
    a = told + here
    if from_above:
        a = a + torch.cat([torch.zeros(2, 6, 1, 4), above[:, :, :-1]], dim=2)
    given = (told, here, above) if from_above else (told, here)
    torch.testing.assert_close(px.gate(*given), a[:, :3].tanh() * a[:, 3:].sigmoid())
    assert torch.autograd.gradcheck(px.gate, given)


def test_the_default_is_the_size_that_the_field_uses():
    shape = checked(px.PixelCNNShape(channels=3, levels=2, classes=10))
    assert (shape.causal_kernel, shape.hidden_kernel, shape.hidden_maps) == (7, 7, 30)
    assert (shape.output_maps, shape.hidden_layers) == (10, 6)
    model = px.PixelCNN(shape)
    assert 380_000 < px.count_numbers(model) < 440_000


# ---- Drawing ----


def asked(model, count=2, height=4, width=5, **changes):
    numbers = rq.uniforms(count, height * width, model.shape.channels, seed=3).double()
    flat = {n: p.flatten(1, 2) if n in ("given", "keep") else p for n, p in changes.items()}
    return rq.Request(numbers, **{"measured": True, "watched": 1, **flat})


def draw(model, request, width=5, **more):
    return ps.draw(model, request, width, **more)


def alike(a, b, **near):
    """Two steps that were measured say the same, as near as two ways of adding up come."""
    assert (a.start, a.stop, a.entropy is None) == (b.start, b.stop, b.entropy is None)
    if a.entropy is not None:
        for x, y in (
            (a.entropy, b.entropy),
            (a.surprise, b.surprise),
            (a.likeliest.chances, b.likeliest.chances),
        ):
            torch.testing.assert_close(x, y, **near)


def both(model, request):
    plain = list(draw(model, request, cached=False))
    cached = list(draw(model, request))
    assert torch.equal(rq.finish(plain), rq.finish(cached))
    for a, b in zip(plain, cached, strict=True):
        alike(a, b, rtol=1e-9, atol=1e-12)
    return cached


SHAPES = [
    dict(), dict(channels=1), dict(channels=2), dict(classes=4), dict(causal_kernel=3, hidden_kernel=5),
    dict(causal_kernel=1, hidden_kernel=1), dict(hidden_layers=0), dict(levels=2, hidden_maps=9),
    dict(output="mixture", mixtures=2, levels=9), dict(channels=1, classes=3, levels=17, hidden_maps=3),
]  # fmt: skip


@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_the_cached_network_says_and_draws_what_the_plain_one_does(changes):
    model = some_model(**changes)
    both(model, asked(model, labels=torch.tensor([2, 0]) if model.shape.classes else None))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("top_p", [0.05, 0.7, 1.0])
def test_so_it_does_at_other_temperatures_and_with_the_unlikely_left_out(temperature, top_p):
    model = some_model()
    both(model, asked(model, temperature=temperature, top_p=top_p))


KEPT = {
    "nothing": lambda y, x: y < 0,
    "top": lambda y, x: y < 2,
    "left": lambda y, x: x < 2,
    "spots": lambda y, x: (x * 3 + y * 5) % 4 == 0,
    "all": lambda y, x: y >= 0,
}


@pytest.mark.parametrize("region", KEPT)
def test_a_prompt_stays_and_the_rest_is_drawn(region):
    model = some_model()
    y, x = torch.meshgrid(torch.arange(4), torch.arange(5), indexing="ij")
    keep = KEPT[region](y, x).expand(2, 4, 5).clone()
    given = some_levels(model)
    request = asked(model, given=given, keep=keep)
    drawn = rq.finish(both(model, request)).view(2, 4, 5, 3)
    assert torch.equal(drawn[keep], given[keep])
    unmeasured = dataclasses.replace(request, measured=False)
    assert torch.equal(rq.finish(draw(model, unmeasured)).view(2, 4, 5, 3), drawn)


def test_the_picture_does_not_depend_on_how_it_is_shown():
    model = some_model()
    request = asked(model)
    steps = list(draw(model, request))
    assert [(s.start, s.stop) for s in steps] == [(i, i + 1) for i in range(20)]
    by_three = dataclasses.replace(request, every=3, measured=False)
    others = list(draw(model, by_three))
    assert [s.stop - s.start for s in others] == [3, 2] * 4
    assert torch.equal(rq.finish(others), rq.finish(steps))


def test_redrawing_what_was_drawn_and_everything_after_a_change():
    model = some_model()
    first = asked(model)
    picture = rq.finish(draw(model, first))
    keep = (torch.arange(20) < 8).expand(2, 20)
    again = dataclasses.replace(first, given=picture, keep=keep)
    assert torch.equal(rq.finish(draw(model, again)), picture)
    changed = picture.clone()
    changed[:, 7] = (changed[:, 7] + 2) % 5
    edited = dataclasses.replace(first, given=changed, keep=keep)
    drawn = rq.finish(both(model, edited))  # (2, 20, 3)
    assert torch.equal(drawn[:, :8], changed[:, :8])
    assert not torch.equal(drawn[:, 8:], picture[:, 8:])


def test_pictures_are_drawn_as_often_as_they_are_likely():
    model = some_model(channels=1, levels=2, spread=0.3)
    every = torch.cartesian_prod(*[torch.arange(2)] * 4).view(-1, 2, 2, 1)
    likely = (-model.surprise(every).sum((1, 2, 3))).exp()
    request = rq.Request(rq.uniforms(20_000, 2 * 2, 1, seed=0).double())
    drawn = rq.finish(draw(model, request, width=2))
    seen = torch.bincount((drawn.view(-1, 4) * torch.tensor([8, 4, 2, 1])).sum(1), minlength=16) / 20_000
    assert (seen - likely).abs().max() < 0.015


def test_single_precision_draws_the_same_pictures():
    torch.set_default_dtype(torch.float32)
    model = some_model(levels=256, hidden_maps=30, output_maps=10)
    request = rq.Request(rq.uniforms(3, 5 * 5, 3, seed=0), measured=True, watched=2)
    plain, cached = list(draw(model, request, cached=False)), list(draw(model, request))
    assert torch.equal(rq.finish(plain), rq.finish(cached))
    for a, b in zip(plain, cached, strict=True):
        alike(a, b, rtol=1e-3, atol=1e-6)


def test_the_consumer_of_a_generator_can_still_learn():
    model = some_model()
    steps = draw(model, asked(model))
    next(steps)
    model.loss(some_levels(model)).backward()  # inference mode must not leak out between two steps
    next(steps)


def test_a_picture_that_is_being_drawn_does_not_notice_that_the_network_learns():
    model = some_model(classes=3)
    request = asked(model, labels=torch.tensor([2, 0]))
    expected = rq.finish(draw(model, request))
    steps = draw(model, request)
    drawn = [next(steps)]
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(-1)
    assert torch.equal(rq.finish([*drawn, *steps]), expected)


# ---- Captured graphs ----


class Captures:
    """Stands for a GPU's: a replay does the command, and everything is written down."""

    def __init__(self, fails=False):
        self.fails, self.warmed, self.captured, self.replayed = fails, 0, 0, 0

    def warm_up(self, command):
        self.warmed += 1
        command()

    def replay(self, command):
        self.captured += 1
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")

        def replay():
            self.replayed += 1
            command()

        return replay


@pytest.mark.parametrize("fails", [False, True])
def test_a_column_is_drawn_once_captured_once_and_replayed_in_all_later_rows(monkeypatch, fails):
    model = some_model()
    request = asked(model)
    expected = rq.finish(draw(model, request))
    captures = Captures(fails)
    monkeypatch.setattr(rows, "graphed", lambda work, device: pg.Graphed(work, captures))
    assert torch.equal(rq.finish(draw(model, request)), expected)
    assert (captures.warmed, captures.captured) == (5, 5)  # of 4 × 5 pixels
    assert captures.replayed == (0 if fails else 3 * 5)


def test_rows_that_are_given_are_not_captured(monkeypatch):
    model, captures = some_model(), Captures()
    keep = torch.zeros(2, 4, 5, dtype=torch.bool)
    keep[:, 1:] = True
    request = asked(model, given=some_levels(model), keep=keep, measured=False)
    expected = rq.finish(draw(model, request))
    monkeypatch.setattr(rows, "graphed", lambda work, device: pg.Graphed(work, captures))
    assert torch.equal(rq.finish(draw(model, request)), expected)
    assert (captures.warmed, captures.captured) == (5, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("changes", SHAPES, ids=str)
@pytest.mark.parametrize("top_p", [0.7, 1.0])
def test_captured_graphs_draw_what_is_drawn_without_them(changes, top_p, monkeypatch):
    model = some_model(**changes).cuda()
    labels = torch.tensor([2, 0], device="cuda") if model.shape.classes else None
    request = asked(model, labels=labels, top_p=top_p, height=6)
    captures = []
    monkeypatch.setattr(
        rows, "graphed", lambda work, device: captures.append(pg.graphed(work, device)) or captures[-1]
    )
    graphs = list(draw(model, request))
    monkeypatch.setattr(rows, "graphed", lambda work, device: work)
    eager = list(draw(model, request))
    assert all(command.__name__ == "replay" for command in captures[0]._replays.values()), (
        "nothing was captured"
    )
    assert torch.equal(rq.finish(graphs), rq.finish(eager))
    for a, b in zip(graphs, eager, strict=True):
        alike(a, b, rtol=0, atol=0)
