"""What all networks that draw in order share: how values are chosen, measured, and kept."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_pixelcnn import alike, some_model

from scalefree_studio.models.ordered import rows
from scalefree_studio.models.ordered.request import (
    ALL_KEPT,
    LIKELIEST,
    Request,
    chances_of,
    finish,
    kept_of,
    likeliest_of,
    measure,
    uniforms,
    value_at,
)
from scalefree_studio.models.pixelcnn import draw as drawing

WAYS = [
    (0.5, 0, 1.0),
    (1.0, 0, 1.0),
    (1.0, 3, 1.0),
    (2.0, 0, 0.7),
    (0.7, 4, 0.5),
    (1.0, 99, 1.0),
    (3.0, 7, 0.01),
]


def some_logits(*size, seed=0):
    return 2 * torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def plainly(logits, temperature, top_k, top_p):
    """One row of chances, in plain Python."""
    weights = [math.exp(x / temperature) for x in logits]
    chances = [w / sum(weights) for w in weights]
    best = sorted(range(len(chances)), key=lambda v: -chances[v])
    kept, held = [], 0.0
    for rank, value in enumerate(best):
        if (top_k == 0 or rank < top_k) and (top_p >= 1 or held < top_p):
            kept.append(value)
        held += chances[value]
    total = sum(chances[v] for v in kept)
    return [chances[v] / total if v in kept else 0.0 for v in range(len(chances))]


# ---- How values are chosen ----


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_only_the_likeliest_are_left(way):
    logits = some_logits(6, 2, 9)
    found = chances_of(logits, *way).double()
    expected = [[plainly(row, *way) for row in rows] for rows in logits.double().tolist()]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found > 0).sum(-1).eq((torch.tensor(expected) > 0).sum(-1)).all()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU"))])  # fmt: skip
@pytest.mark.parametrize("levels", [2, 7, 16, 300])
def test_each_picture_has_to_the_last_bit_the_chances_that_it_has_alone(levels, device):
    logits = some_logits(len(WAYS), 3, 2, levels).to(device)
    together = chances_of(logits, *(torch.tensor(numbers) for numbers in zip(*WAYS, strict=True)))
    for b, way in enumerate(WAYS):
        alone = chances_of(logits[b : b + 1], *way)[0]
        if device == "cpu":
            assert torch.equal(together[b], alone), way
        torch.testing.assert_close(together[b], alone)
    assert torch.equal(together[1], torch.softmax(logits[1], -1))  # nobody asked for anything


def test_one_number_may_be_for_all_and_another_for_each():
    logits = some_logits(3, 8)
    found = chances_of(logits, 0.5, torch.tensor([0, 2, 1]), 0.9)
    for b, k in enumerate([0, 2, 1]):
        assert torch.equal(found[b], chances_of(logits[b : b + 1], 0.5, k, 0.9)[0])


def test_levels_are_read_off_the_chances():
    chances = torch.tensor([0.0, 0.25, 0.0, 0.5, 0.25, 0.0], dtype=torch.float64)
    numbers = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75, 1 - 2**-50], dtype=torch.float64)
    levels = value_at(chances.expand(6, 6).contiguous(), numbers[:, None])[:, 0]
    assert levels.tolist() == [1, 1, 3, 3, 4, 4]


def test_top_p_keeps_the_likeliest_that_hold_the_share():
    logits = torch.tensor([0.1, 0.4, 0.3, 0.2]).log()
    assert chances_of(logits, top_p=0.65).tolist() == pytest.approx([0, 4 / 7, 3 / 7, 0])
    assert chances_of(logits, top_p=0.01).tolist() == pytest.approx([0, 1, 0, 0])


def test_a_seed_gives_the_same_first_pictures_however_many_are_asked_for():
    assert torch.equal(uniforms(3, 64, 3, seed=5), uniforms(40, 64, 3, seed=5)[:3])


def test_of_equals_the_first_values_stay():
    assert chances_of(torch.zeros(1, 5), top_k=2).tolist() == [[0.5, 0.5, 0, 0, 0]]
    assert chances_of(torch.zeros(1, 5), top_p=0.5).tolist() == [pytest.approx([1 / 3] * 3 + [0, 0])]


@given(st.integers(2, 400), st.integers(0, 10_000))
def test_a_value_that_is_left_out_is_never_drawn(levels, seed):
    chances = chances_of(some_logits(4, levels, seed=seed), top_k=1 + seed % 5, top_p=0.8)
    numbers = torch.rand(4, 1, generator=torch.Generator().manual_seed(seed))
    for number in (numbers, torch.zeros(4, 1), torch.full((4, 1), 1 - 2**-24)):
        assert (chances.gather(1, value_at(chances, number)) > 0).all()


def test_a_seed_gives_the_same_numbers_in_whatever_shape_they_were_asked_for():
    generator = torch.Generator().manual_seed(5)
    assert torch.equal(uniforms(6, 35, 3, 5), torch.rand(6, 5, 7, 3, generator=generator).flatten(1, 2))


# ---- What is said about a choice ----


def test_openness_and_surprise_in_bits():
    chances = torch.tensor([[[[0.5, 0.25, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0]]]])
    for values, surprise in (([0, 0], 1), ([2, 0], 2)):
        entropy, found = measure(chances, torch.tensor([[values]]))
        assert (entropy.item(), found.item()) == (1.5, surprise)


@pytest.mark.parametrize("levels", [2, ALL_KEPT, ALL_KEPT + 1, 5000])
def test_all_chances_are_kept_of_few_values_and_the_likeliest_of_many(levels):
    chances = torch.softmax(some_logits(3, 2, levels), -1)
    kept = likeliest_of(chances)
    if levels <= ALL_KEPT:
        assert kept.values is None and kept.chances is chances and kept_of(levels) == levels
        return
    assert (
        kept.values is not None and kept.chances.shape == (3, 2, LIKELIEST) and kept_of(levels) == LIKELIEST
    )
    best, order = chances.sort(-1, descending=True)
    assert torch.equal(kept.chances, best[..., :LIKELIEST]) and torch.equal(
        kept.values, order[..., :LIKELIEST]
    )


# ---- By a PixelCNN ----


def asked(model, count=4, **more):
    return Request(uniforms(count, 20, model.shape.channels, 3), measured=True, **more)


@pytest.mark.parametrize("every", [1, 3, 5])
@pytest.mark.parametrize("room", [1, 130, 1 << 22])
def test_chances_may_be_measured_a_few_at_a_time(monkeypatch, every, room):
    model = some_model()
    request = asked(model, every=every, watched=2)
    expected = list(drawing.draw(model, request, 5))
    monkeypatch.setattr(rows, "ROOM", room)  # for one pixel, two, or all of a row
    for a, b in zip(drawing.draw(model, request, 5), expected, strict=True):
        assert torch.equal(a.values, b.values)
        alike(a, b, rtol=0, atol=0)


def test_what_is_told_of_the_watched_picture_is_what_its_surprise_comes_from():
    model = some_model(channels=1)
    for watched in range(4):
        steps = list(drawing.draw(model, asked(model, watched=watched), 5))
        chances = torch.cat([step.likeliest.chances for step in steps])  # (N, C, L)
        values = finish(steps)[watched]  # (N, C)
        bits = -chances.gather(2, values[..., None]).log2().sum((1, 2))
        torch.testing.assert_close(torch.cat([step.surprise for step in steps], 1)[watched], bits)
    plain = dataclasses.replace(asked(model), measured=False)
    assert all(s.entropy is s.surprise is s.likeliest is None for s in drawing.draw(model, plain, 5))


@pytest.mark.parametrize("cached", [True, False])
def test_pictures_that_are_drawn_together_each_in_its_own_way(cached):
    model = some_model(classes=3)
    ways, labels = WAYS[:5], torch.tensor([2, 0, 1, 1, 0])
    each = [torch.tensor(numbers) for numbers in zip(*ways, strict=True)]
    request = Request(uniforms(5, 20, 3, 3), labels, *each)
    together = finish(drawing.draw(model, request, 5, cached))
    for b, way in enumerate(ways):
        alone = Request(request.uniforms[b : b + 1], labels[b : b + 1], *way)
        assert torch.equal(finish(drawing.draw(model, alone, 5, cached))[0], together[b])
