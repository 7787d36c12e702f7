"""How long work still takes, and its words."""

import pytest

from scalefree_studio.time_left import TimeLeft, duration, left_in_words


def test_steady_work_takes_as_long_as_it_takes() -> None:
    left = TimeLeft()
    for second in range(1, 100):
        found = left.follow(second, second / 100)
        if second > 1:
            assert found == pytest.approx(100 - second)
    assert left.follow(100, 1.0) == 0


def test_nothing_is_said_before_anything_is_known() -> None:
    left = TimeLeft()
    assert left.follow(7.0, 0.0) is None
    assert left.follow(7.1, 0.01) is None  # too early to tell
    assert left.follow(8.0, 0.02) == pytest.approx(49, rel=0.3)
    assert TimeLeft().follow(3.0, 0.5) is None


def test_what_goes_slower_now_takes_longer_than_its_whole_past_says() -> None:
    left, share = TimeLeft(), 0.0
    for second in range(1, 41):
        share += 0.02 if second <= 20 else 0.001
        found = left.follow(second, share)
    assert found is not None
    from_the_start = 40 * (1 - share) / share
    assert from_the_start < found < 1.2 * (1 - share) / 0.001


def test_work_that_starts_over_forgets_how_fast_it_was() -> None:
    left = TimeLeft()
    for second in range(1, 50):
        left.follow(second, second / 50)
    assert left.follow(0.0, 0.0) is None
    for second in range(1, 5):
        found = left.follow(second, second / 1000)
    assert found == pytest.approx(996, rel=0.01)


def test_a_pause_of_a_clock_that_stands_changes_nothing() -> None:
    left = TimeLeft()
    for second in range(1, 30):
        found = left.follow(second, second / 100)
        assert left.follow(second, second / 100) == found


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 s"), (0.6, "1 s"), (59.4, "59 s"), (59.9, "1 min"), (83, "1 min 20 s"), (594, "9 min 50 s"),
        (596, "10 min"), (3570, "1 h"), (3660, "1 h 1 min"), (47 * 3600, "47 h"), (72 * 3600, "3 days"),
    ],
)  # fmt: skip
def test_words_get_rounder(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert left_in_words(seconds) == (f"{words} left" if seconds else "")


def test_what_nobody_knows_is_not_said_nor_the_end() -> None:
    assert left_in_words(None) == left_in_words(0.0) == ""
