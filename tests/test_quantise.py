"""Bytes in fewer levels and back; what is learnt from, in which order."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalefree_studio.data import batches as batches_module
from scalefree_studio.data.batches import MOST_LISTED, Batches, Permutation, split
from scalefree_studio.data.quantise import dequantise, quantise

EVERY_BYTE = np.arange(256, dtype=np.uint8)


# --- Levels -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", range(2, 257))
def test_quantisation_of_every_byte_to_every_number_of_levels(levels: int) -> None:
    coarse = quantise(EVERY_BYTE, levels)
    assert coarse.dtype == np.int64 and coarse[0] == 0 and coarse[-1] == levels - 1
    sizes = np.bincount(coarse, minlength=levels)
    assert sizes.min() >= 256 // levels and sizes.max() <= -(-256 // levels)  # equal bins, all of them used
    assert (np.diff(coarse) >= 0).all()
    back = dequantise(np.arange(levels), levels)
    assert back.dtype == np.uint8 and back[0] == 0 and back[-1] == 255
    assert (quantise(back, levels) == np.arange(levels)).all()
    assert np.abs(back - np.linspace(0, 255, levels)).max() < 1  # even steps


def test_quantisation_at_its_edges() -> None:
    assert quantise(np.array([127, 128], np.uint8), 2).tolist() == [0, 1]
    assert quantise(np.array([25, 26, 230, 231], np.uint8), 10).tolist() == [0, 1, 8, 9]
    assert (quantise(EVERY_BYTE, 256) == EVERY_BYTE).all()
    assert (dequantise(EVERY_BYTE, 256) == EVERY_BYTE).all()
    assert dequantise(np.zeros((0, 3), int), 5).shape == (0, 3)
    for levels in (1, 257):
        with pytest.raises(ValueError):
            quantise(EVERY_BYTE, levels)
        with pytest.raises(ValueError):
            dequantise(np.zeros(1, int), levels)
    with pytest.raises(ValueError, match="bytes"):
        quantise(np.zeros(3, np.float32), 4)  # type: ignore[arg-type]
    for wrong in (-1, 4):
        with pytest.raises(ValueError, match="from 0 to 3"):
            dequantise(np.array([0, wrong]), 4)


# --- Order --------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.floats(0.01, 0.9))
def test_a_split_takes_of_every_class_its_share(labels: list[int], fraction: float) -> None:
    array = np.array(labels)
    train, held = split(array, fraction)
    assert sorted([*train, *held]) == list(range(len(labels)))
    for label in set(labels):
        count, mine = labels.count(label), int((array[held] == label).sum())
        assert mine < count and (mine >= 1 or count == 1)
        assert abs(mine - count * fraction) <= 1 or mine in (1, count - 1)


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(1, 100), st.integers(0, 3), st.integers(0, 30))
def test_batches_are_full_fair_and_resumed_exactly(count: int, size: int, seed: int, before: int) -> None:
    batches = Batches(count, size, seed)
    seen = [next(batches) for _ in range(before)]
    assert all(len(batch) == size for batch in seen)
    handed = np.concatenate([np.zeros(0, int), *seen])
    for epoch in range(len(handed) // count):  # each index once an epoch
        assert sorted(handed[epoch * count : (epoch + 1) * count]) == list(range(count))
    assert batches.epoch * count + batches.position == len(handed)
    other = Batches(count, size, seed + 1)
    next(other)
    other.restore(batches.state())
    for _ in range(5):
        assert (next(other) == next(batches)).all()


def test_orders_differ_between_epochs_and_seeds_and_nonsense_is_refused() -> None:
    first, second = (Batches(50, 50, seed) for seed in (1, 2))
    epoch = next(first)
    assert not (epoch == next(first)).all() and not (epoch == next(second)).all()
    with pytest.raises(ValueError):
        Batches(0, 4)
    for key in ("seed", "epoch", "position"):
        with pytest.raises(ValueError):
            first.restore({**first.state(), key: -1})
    with pytest.raises(ValueError):
        first.restore({**first.state(), "position": 50})


# --- The order of more than can be listed -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_permutation_is_one_for_every_count(seed: int) -> None:
    for count in [*range(1, 300), 1023, 1024, 1025, 5000]:
        order = Permutation(count, (seed, 7)).part(0, count)
        assert order.dtype == np.int64 and sorted(order.tolist()) == list(range(count))


def test_a_part_of_a_permutation_is_that_part() -> None:
    permutation = Permutation(1000, (1, 2))
    whole = permutation.part(0, 1000)
    for begin, end in ((0, 1), (3, 3), (17, 501), (990, 2000)):
        assert permutation.part(begin, end).tolist() == whole[begin:end].tolist()
    for count in (0, 2**62 + 1):
        with pytest.raises(ValueError):
            Permutation(count, (0, 0))
    far = Permutation(10**12, (0, 0)).part(10**12 - 5, 10**12)
    assert len(set(far.tolist())) == 5 and far.min() >= 0 and far.max() < 10**12


def test_permutations_look_drawn() -> None:
    """Over many seeds every number comes equally often to every place, and neighbours do not stay together."""
    orders = np.array([Permutation(8, (seed, 0)).part(0, 8) for seed in range(4000)])
    counts = np.array(
        [np.bincount(orders[:, place], minlength=8) for place in range(8)]
    )  # 500 each, but for chance
    assert (
        (counts - 500) ** 2 / 500
    ).sum() < 120  # chi-squared with 49 degrees of freedom: 49, and 120 hardly ever
    large = Permutation(100_000, (3, 4)).part(0, 100_000)
    places = np.arange(100_000)
    assert abs(np.corrcoef(large, places)[0, 1]) < 0.02
    assert abs(np.corrcoef(large[1:], large[:-1])[0, 1]) < 0.02
    assert (abs(np.diff(large)) == 1).sum() < 20  # 2 are to be expected


def test_few_examples_keep_the_order_that_they_always_had(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.random.default_rng([5, 0]).permutation(1000)
    assert (next(Batches(1000, 1000, 5)) == expected).all()
    assert MOST_LISTED == 2**22
    monkeypatch.setattr(batches_module, "MOST_LISTED", 999)
    assert (next(Batches(1000, 1000, 5)) == Permutation(1000, (5, 0)).part(0, 1000)).all()


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(1, 100), st.integers(0, 3), st.integers(0, 30))
def test_batches_of_many_are_as_fair_and_resumed_as_exactly(
    count: int, size: int, seed: int, before: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches_module, "MOST_LISTED", 0)
        test_batches_are_full_fair_and_resumed_exactly.hypothesis.inner_test(count, size, seed, before)


def test_the_order_of_a_hundred_million_takes_no_memory() -> None:
    tracemalloc.start()
    batches = Batches(10**8, 64, 1)
    batches.restore({"seed": 1, "epoch": 3, "position": 10**8 - 100})
    first = next(batches)
    second = next(batches)  # goes on into the next epoch
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert len(set(first.tolist())) == 64 and batches.state() == {"seed": 1, "epoch": 4, "position": 28}
    assert max(first.max(), second.max()) > 2**22
