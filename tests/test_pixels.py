"""Pixel transformers: orders, places, what a token may know, and attention beside its definition."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scalefree_studio.jobs.pixels import lesson
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.models.pixels.network import PixelTransformer, count_numbers
from scalefree_studio.models.pixels.places import Places
from scalefree_studio.models.pixels.shape import RESERVED, START, PixelsShape
from scalefree_studio.models.transformer.local import local_attention, near
from scalefree_studio.models.transformer.optimizer import optimizer_of
from scalefree_studio.models.transformer.orders import ORDERS, order_of
from scalefree_studio.models.transformer.rotary import angles, rotate

SMALL = PixelsShape(rows=4, columns=5, colours=6, layers=2, width=24, heads=3)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def some_network(**changes):
    """With random weights everywhere, so that no dependence hides behind a zero."""
    torch.manual_seed(0)
    network = PixelTransformer(dataclasses.replace(SMALL, **changes)).eval()
    with torch.no_grad():
        for p in network.parameters():
            p.normal_(std=0.3)
    return network


def some_values(network, rows=4, columns=5, count=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    size = (count, rows, columns, network.shape.channels)
    return torch.randint(network.shape.colours, size, generator=generator)


# ---- Orders ----


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 6), (5, 1), (4, 4), (5, 5), (3, 7), (8, 2)])
def test_an_order_has_every_place_once(name, rows, columns):
    assert sorted(order_of(name, rows, columns).tolist()) == list(range(rows * columns))


def test_rows_columns_and_a_spiral():
    assert order_of("raster", 2, 3).tolist() == [0, 1, 2, 3, 4, 5]
    assert order_of("columns", 2, 3).tolist() == [0, 3, 1, 4, 2, 5]
    assert order_of("spiral", 3, 3).tolist() == [4, 5, 8, 7, 6, 3, 0, 1, 2]


@pytest.mark.parametrize("side", [4, 5, 8])
def test_a_spiral_goes_from_neighbour_to_neighbour_and_never_inward(side):
    order = order_of("spiral", side, side)
    at = torch.stack([order // side, order % side], 1)
    assert ((at[1:] - at[:-1]).abs().sum(1) == 1).all()
    ring = (at - (side - 1) / 2).abs().amax(1)
    assert (ring[1:] >= ring[:-1] - 1).all() and ring[0] == ring.min() and ring[-1] == ring.max()


# ---- Places ----


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_neighbours_are_those_that_are_known(name, channels):
    """Against a search by hand, for a size other than the learnt one."""
    shape = dataclasses.replace(SMALL, order=name, channels=channels, neighbours=2)
    places = Places(shape, 3, 6, CPU)
    T = places.count
    for t in range(T):
        expected = {s for s in range(t) if (places.query_at[s] - places.query_at[t]).abs().amax() <= 2}
        assert set(places.neighbours[t].tolist()) - {T} == expected


@pytest.mark.parametrize("name", ORDERS)
def test_what_is_around_counts_the_same_for_pictures_of_any_size(name):
    shape = dataclasses.replace(SMALL, order=name, neighbours=3, channels=2)
    counts = {Places(shape, *size, CPU).neighbours.shape[1] for size in [(1, 1), (2, 9), (6, 3), (12, 12)]}
    assert len(counts) == 1


def test_keys_stand_where_inputs_were_seen():
    places = Places(SMALL, 2, 3, CPU)
    assert places.query_at.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert places.key_at.tolist() == [[-1, -1], [0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]


# ---- Rotary positions ----


@pytest.mark.parametrize("head", [2, 7, 8, 32])
def test_turned_queries_and_keys_know_only_how_far_they_are_apart(head):
    q, k = torch.randn(2, head)

    def score(a, b):
        turned = [rotate(x[None], angles(torch.tensor([at]), head))[0] for x, at in ((q, a), (k, b))]
        return turned[0] @ turned[1]

    assert score((3, 4), (1, 9)) == pytest.approx(float(score((13, 14), (11, 19))))
    if head > 2:
        assert score((3, 4), (1, 9)) != pytest.approx(float(score((3, 4), (2, 9))))
        assert score((3, 4), (1, 9)) != pytest.approx(float(score((3, 4), (1, 8))))
    assert rotate(q[None], angles(torch.tensor([(5, 7)]), head)).norm() == pytest.approx(float(q.norm()))


# ---- What a token may know ----

# fmt: off
SHAPES = [
    {}, {"channels": 3}, {"classes": 4}, {"order": "columns"}, {"order": "spiral", "channels": 3, "classes": 2},
    {"attention": "local", "radius": 1}, {"attention": "local", "radius": 2, "order": "spiral", "channels": 2},
    {"attention": "lsh", "buckets": 2, "chunk": 4, "rounds": 2}, {"attention": "lsh", "buckets": 4, "order": "spiral"},
    {"reversible": True}, {"reversible": True, "attention": "local", "order": "columns"}, {"neighbours": 0},
    {"positions": "learned"}, {"positions": "rotary"}, {"hidden": "swiglu"}, {"hidden": "gelu"}, {"qk_norm": False},
    {"softcap": 3.0}, {"tied": True}, {"value_embeddings": True}, {"width": 25}, {"heads": 1},
]
# fmt: on
shapes = pytest.mark.parametrize("changes", SHAPES, ids=str)


def in_order(network, by_place):
    """(B, R, W, C, …) as it is drawn, (B, T, …)."""
    places = network.places(*by_place.shape[1:3], CPU)
    return by_place.flatten(1, 2)[:, places.order].flatten(1, 2)


def from_order(network, tokens, rows, columns):
    """The opposite."""
    places, C = network.places(rows, columns, CPU), network.shape.channels
    return tokens.unflatten(1, (-1, C))[:, places.ranks].unflatten(1, (rows, columns))


@shapes
def test_no_token_depends_on_itself_or_a_later_one(changes):
    network = some_network(**changes)
    labels = torch.arange(2) % network.shape.classes if network.shape.classes else None
    values = in_order(network, some_values(network))
    with torch.inference_mode():
        before = in_order(network, network(from_order(network, values, 4, 5), labels))
        for t in range(0, values.shape[1], 3):
            other = values.clone()
            other[:, t:] = (other[:, t:] + 1) % network.shape.colours
            after = in_order(network, network(from_order(network, other, 4, 5), labels))
            torch.testing.assert_close(after[:, : t + 1], before[:, : t + 1], rtol=1e-9, atol=1e-11)
            if t + 1 < values.shape[1]:
                assert not torch.allclose(after[:, t + 1], before[:, t + 1])


@pytest.mark.parametrize("order", ORDERS)
def test_every_token_depends_on_all_before_it(order):
    network = some_network(order=order, neighbours=0)
    places = network.places(3, 4, CPU)
    embedded = torch.randn(1, places.count, 24, requires_grad=True)
    tokens = network.sequence(some_values(network, 3, 4, count=1), places)
    x = embedded
    before = F.pad(tokens[:, :-1], (1, 0), value=START)
    for part in network.parts():
        x = x + part(x, before, places)
    for t in range(places.count):
        (by_input,) = torch.autograd.grad(x[0, t].sum(), embedded, retain_graph=True)
        felt = by_input[0].abs().sum(1) > 0
        assert felt.tolist() == [s <= t for s in range(places.count)]


def test_a_label_changes_what_is_expected():
    network = some_network(classes=3)
    values = some_values(network)
    assert not torch.allclose(network(values, torch.tensor([0, 1])), network(values, torch.tensor([2, 1])))


# ---- Attention near by ----


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("radius", [1, 2, 9])
@pytest.mark.parametrize(("rows", "columns"), [(6, 7), (1, 5), (9, 2)])
def test_local_attention_is_full_attention_under_a_mask(order, channels, radius, rows, columns):
    shape = dataclasses.replace(SMALL, order=order, channels=channels, radius=radius, attention="local")
    places = Places(shape, rows, columns, CPU)
    q, k, v = (torch.randn(2, 3, places.count, 8, requires_grad=True) for _ in range(3))
    ours = local_attention(q, k, v, places.tiles)
    plain = F.scaled_dot_product_attention(q, k, v, attn_mask=near(places))
    torch.testing.assert_close(ours, plain)
    weights = torch.randn_like(plain)
    for a, b in zip(
        torch.autograd.grad((ours * weights).sum(), (q, k, v)),
        torch.autograd.grad((plain * weights).sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_what_is_near_is_what_the_eye_calls_near():
    """By hand: rows above and columns beside, the start token, and nothing that comes later."""
    shape = dataclasses.replace(SMALL, radius=1, attention="local")
    allowed = near(Places(shape, 3, 4, CPU))
    for t in range(12):
        y, x = divmod(t, 4)
        seen = {s for s in range(12) if allowed[t, s]}
        expected = {0} | {
            4 * a + b + 1
            for a in range(3)
            for b in range(4)
            if abs(a - y) <= 1 and abs(b - x) <= 1 and 4 * a + b < t
        }
        assert seen == expected


def scores(rows: int, columns: int) -> int:
    """How many products of a query and a key are computed."""
    places = Places(dataclasses.replace(SMALL, radius=3, attention="local"), rows, columns, CPU)
    return places.tiles.near.numel()


def test_the_cost_of_local_attention_grows_with_the_number_of_tokens():
    small, large = scores(16, 16), scores(64, 64)
    assert large / small < 1.2 * 16  # full attention: 256 times
    assert scores(16, 256) / small < 1.2 * 16  # wide pictures, too


# ---- The parts ----


def test_reversible_layers_have_the_gradients_of_ordinary_ones():
    """Of the same two streams, that torch differentiates itself."""
    network = some_network(reversible=True, classes=2)
    values, labels = some_values(network), torch.tensor([0, 1])
    ours = gradients(network, network(values, labels))

    places = network.places(4, 5, CPU)
    tokens = network.sequence(values, places)
    before = F.pad(tokens[:, :-1], (1, 0), value=START)
    a = b = network.embedding(tokens, labels, places)
    for part in network.parts():
        a, b = b, a + part(b, before, places)
    logits = network.predict(a + b).view(2, 4, 5, 1, -1)
    plain = gradients(network, logits)
    assert ours.keys() == plain.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, plain[name], rtol=1e-8, atol=1e-10)


def gradients(network: PixelTransformer, logits: Tensor) -> dict[str, Tensor]:
    network.zero_grad()
    logits.square().mean().backward()
    return {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}


def test_a_head_that_is_switched_off_adds_nothing():
    network = some_network()
    values = some_values(network)
    attention = network.blocks[1].attention
    attention.heads_on[2] = 0
    off = network(values)
    attention.heads_on[2] = 1
    assert not torch.allclose(off, network(values))
    with torch.no_grad():
        attention.value.weight[16:] = 0  # the third of three heads of 8
    torch.testing.assert_close(network(values), off)


def test_soft_caps_and_tied_colours():
    network = some_network(softcap=2.0)
    x = torch.randn(3, 24)
    expected = 2 * torch.tanh(F.linear(F.rms_norm(x, (24,)), network.head.weight) / 2)
    torch.testing.assert_close(network.predict(x), expected)
    tied = some_network(tied=True)
    expected = F.linear(F.rms_norm(x, (24,)), tied.embedding.colour.weight[RESERVED:])
    torch.testing.assert_close(tied.predict(x), expected)
    assert count_numbers(network) - count_numbers(tied) == 6 * 24


def test_before_any_learning_every_colour_is_nearly_as_likely():
    torch.manual_seed(0)
    network = PixelTransformer(dataclasses.replace(SMALL, colours=64))
    values = some_values(network)
    loss = F.cross_entropy(network(values).flatten(0, -2), values.flatten())
    assert loss.item() == pytest.approx(math.log(64), abs=0.05)


# ---- Muon beside AdamW ----


def test_every_weight_learns_by_one_of_the_two():
    network = some_network(classes=2, value_embeddings=True)
    optimizer = optimizer_of(network)
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())


def test_a_step_is_one_of_muon_for_hidden_matrices_and_one_of_adamw_for_the_rest():
    networks = [some_network(classes=2) for _ in range(2)]
    ours = optimizer_of(networks[0])
    hidden = [p for n, p in networks[1].named_parameters() if n.startswith("blocks.")]
    others = [p for n, p in networks[1].named_parameters() if not n.startswith("blocks.")]
    muon = torch.optim.Muon(hidden, lr=0.03, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(others, lr=0.01, weight_decay=0.1, betas=(0.9, 0.95))
    for group in ours.param_groups:
        group["lr"], group["weight_decay"] = 0.01 * group.get("rate", 1.0), 0.1
    for _ in range(3):
        for network, optimizers in zip(networks, ([ours], [muon, adamw]), strict=True):
            network.zero_grad()
            network(some_values(network), torch.tensor([0, 1])).square().mean().backward()
            for optimizer in optimizers:
                optimizer.step()
    for a, b in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_without_muon_all_learns_by_adamw():
    assert type(optimizer_of(some_network(), muon=False)) is torch.optim.AdamW


# ---- As a lesson ----


def test_pictures_are_judged_a_few_at_a_time_with_the_same_result(monkeypatch):
    network = some_network(classes=2)
    values, labels = some_values(network, count=7), torch.arange(7) % 2
    with_gradients = PixelsLesson.surprise(network, values, labels)
    seen = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    monkeypatch.setattr(lesson, "AT_ONCE", 3 * 4 * 5 * 6)
    with torch.no_grad():
        judged = PixelsLesson.surprise(network, values, labels)
    assert seen == [3, 3, 1]
    torch.testing.assert_close(judged, with_gradients.detach())
