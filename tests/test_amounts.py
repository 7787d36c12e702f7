"""Sizes in words, and as a person types them."""

from __future__ import annotations

import pytest

from scalefree_studio.amounts import bytes_in_words, numbers_typed, size_in_words


@pytest.mark.parametrize(
    ("numbers", "taken", "words"),
    [
        (2371, 4742, "2,371 numbers, 4.7 kB"),
        (3_100_000, 12_400_000, "3.1 M numbers, 12.4 MB"),
        (1, 4, "1 number, 4 B"),
        (999_999, 3_999_996, "999,999 numbers, 4.0 MB"),
    ],
)
def test_a_size_is_numbers_and_what_they_take(numbers, taken, words):
    assert size_in_words(numbers, taken) == words


def test_many_bytes_have_no_decimals():
    assert [bytes_in_words(n) for n in (999, 1000, 99_900, 521_000, 17e9)] == [
        "999 B", "1.0 kB", "99.9 kB", "521 kB", "17.0 GB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2371", 2371), ("2,371", 2371), ("2,400 numbers, 4.7 kB", 2400), ("4.7 kB", 2350), ("4,7kB", 2350),
        ("3.1 M", 3_100_000), ("1.000.000", 1_000_000), ("500B", 250),
    ],
)  # fmt: skip
def test_a_size_is_typed_in_numbers_or_in_bytes(text, numbers):
    assert numbers_typed(text, 2) == numbers


@pytest.mark.parametrize("text", ["", "many", "kB", "1.2.3", "12 apples", "-5"])
def test_what_is_no_size_is_told(text):
    with pytest.raises(ValueError, match=r"size|number"):
        numbers_typed(text, 2)
