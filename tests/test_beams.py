"""Beam search, against all sequences that there are, and against a search in plain Python."""

import itertools
import math

import pytest
import torch

from scalefree_studio.models.ordered.beams import Beams, Standing, search
from scalefree_studio.models.ordered.request import Request, finish, uniforms
from scalefree_studio.models.ordered.rows import Plain

WHOLES = 61


def model(levels, seed=0):
    """Logits that depend on all values before: (B, N, 1), place → (B, L)."""
    table = 2 * torch.randn(WHOLES, levels, generator=torch.Generator().manual_seed(seed))

    def logits(values, place, channel):
        turns = torch.arange(1, place + 1)
        return table[((values[:, :place, 0] + 1) * turns).sum(1) % WHOLES]

    return logits


def log_likelihood(logits, line):
    values = torch.tensor(line).view(1, -1, 1)
    steps = (torch.log_softmax(logits(values, n, 0)[0].double(), 0)[v] for n, v in enumerate(line))
    return float(sum(steps))


def drawn(logits, B, N, width=3, beams=None, judge=None, **asked):
    request = Request(uniforms(B, N, 1, 0), measured=True, watched=0, **asked)
    searches = asked.get("searches", torch.zeros(B, dtype=torch.long))
    standing = Standing.of(torch.zeros(B, 0, dtype=torch.long), searches)
    steps = list(search(Plain(logits, request, width), request, width, beams or Beams(), standing, judge))
    return steps, standing


def lines_of(steps):
    """The values (B, N) of the pictures at the end, which became what others were on the way."""
    lines = torch.zeros(len(steps[0].values), 0, dtype=torch.long)
    for step in steps:
        before = lines if step.parents is None else lines[step.parents]
        lines = torch.cat([before, step.values[..., 0]], dim=1)
    return [tuple(line) for line in lines.tolist()]


@pytest.mark.parametrize(("levels", "length"), [(2, 6), (3, 4), (5, 3), (7, 1)])
@pytest.mark.parametrize("every", [1, 2, 9])
def test_enough_beams_find_the_likeliest_of_all_sequences(levels, length, every):
    logits = model(levels)
    all_of_them = sorted(
        itertools.product(range(levels), repeat=length), key=lambda v: -log_likelihood(logits, v)
    )
    B = levels**length
    steps, standing = drawn(logits, B, length, every=every)
    assert lines_of(steps) == all_of_them
    expected = [log_likelihood(logits, line) for line in all_of_them]
    torch.testing.assert_close(standing.score, torch.tensor(expected), atol=1e-4, rtol=0)
    assert standing.first.all()


@pytest.mark.parametrize("width", [0, 1, 2])
def test_one_beam_always_takes_the_likeliest(width):
    logits, line = model(6), []
    for n in range(8):
        line.append(int(logits(torch.tensor([*line] or [0]).view(1, -1, 1), n, 0).argmax()))
    steps, _ = drawn(logits, 1, 8, beams=Beams(1, width))
    assert lines_of(steps) == [tuple(line)]


def searched(logits, levels, N, count, width, prompt=None):
    """A search in plain Python: (line, score), the best first."""
    beams = [((), 0.0)]
    for n in range(N):
        found = []
        for line, score in beams:
            log = torch.log_softmax(
                logits(torch.tensor([*line] or [0]).view(1, -1, 1), n, 0)[0].double(), 0
            ).tolist()
            tried = sorted(range(levels), key=lambda v: -log[v])[: width or levels]
            if prompt and n in prompt:
                tried = [prompt[n]]
            found += [((*line, v), score + log[v]) for v in tried]
        beams = sorted(found, key=lambda option: -option[1])[:count]
    return beams


@pytest.mark.parametrize(("count", "width"), [(1, 0), (2, 2), (4, 3), (5, 1), (6, 0), (9, 2)])
@pytest.mark.parametrize("every", [1, 3])
def test_a_search_finds_what_the_slow_one_finds(count, width, every):
    logits = model(5, seed=count)
    steps, standing = drawn(logits, count, 7, beams=Beams(width=width), every=every)
    slow = searched(logits, 5, 7, count, width)
    assert lines_of(steps)[: len(slow)] == [line for line, _ in slow]
    assert standing.first.tolist() == [b < len(slow) for b in range(count)]
    assert standing.score[: len(slow)].tolist() == pytest.approx([s for _, s in slow], abs=1e-4)
    for step in steps:  # what is said of each step is of the pictures that went on
        assert step.entropy.shape == step.surprise.shape == step.values.shape[:2]
    surprise = torch.zeros(count)
    for step in steps:
        surprise = surprise[step.parents] + step.surprise.sum(1)
    torch.testing.assert_close(-surprise * math.log(2), standing.score, atol=1e-3, rtol=0)


def test_fewer_beams_than_pictures_leave_the_rest_as_copies_of_the_best():
    logits = model(4)
    steps, standing = drawn(logits, 5, 6, beams=Beams(count=2))
    slow = [line for line, _ in searched(logits, 4, 6, 2, 0)]
    assert lines_of(steps) == [*slow, *[slow[0]] * 3] and standing.first.tolist() == [True] * 2 + [False] * 3


def test_searches_side_by_side_do_not_meet():
    logits = model(4)
    searches = torch.tensor([0, 1, 0, 1, 1])
    given = torch.zeros(5, 6, 1, dtype=torch.long)
    given[:, 0, 0] = searches + 1
    keep = torch.zeros(5, 6, dtype=torch.bool)
    keep[:, 0] = True
    steps, _ = drawn(logits, 5, 6, searches=searches, given=given, keep=keep)
    lines = lines_of(steps)
    for number, slots in ((0, [0, 2]), (1, [1, 3, 4])):
        slow = searched(logits, 4, 6, len(slots), 0, {0: number + 1})
        assert [lines[slot] for slot in slots] == [line for line, _ in slow]


@pytest.mark.parametrize("prompt", [{0: 3, 1: 3}, {2: 0, 5: 4}, {0: 1, 3: 2, 6: 0}])
def test_what_is_given_stays(prompt):
    logits, N = model(5), 7
    given, keep = torch.zeros(3, N, 1, dtype=torch.long), torch.zeros(3, N, dtype=torch.bool)
    for n, value in prompt.items():
        given[:, n], keep[:, n] = value, True
    steps, _ = drawn(logits, 3, N, given=given, keep=keep)
    assert lines_of(steps) == [line for line, _ in searched(logits, 5, N, 3, 0, prompt)]


@pytest.mark.parametrize("start", [1, 2, 3, 4, 6])
def test_a_search_goes_on_from_where_it_was(start):
    logits, N = model(5), 7
    steps, standing = drawn(logits, 4, N)
    lines, parts = torch.zeros(4, 0, dtype=torch.long), steps[:start]
    for step in parts:
        lines = torch.cat([lines[step.parents], step.values[..., 0]], dim=1)
    given, keep = torch.zeros(4, N, 1, dtype=torch.long), torch.zeros(4, N, dtype=torch.bool)
    given[:, :start, 0], keep[:, :start] = lines, True
    request = Request(uniforms(4, N, 1, 0), given=given, keep=keep)
    again = Standing.of(lines, torch.zeros(4, dtype=torch.long))
    again.score = torch.tensor([log_likelihood(logits, line) for line in lines.tolist()])
    more = list(search(Plain(logits, request, 3), request, 3, Beams(), again))
    assert lines_of(more) == lines_of(steps)
    torch.testing.assert_close(again.score, standing.score, atol=1e-4, rtol=0)
    assert (more[0].stop, more[0].entropy) == (start, None) and finish(more).shape == (4, N, 1)


def test_a_judge_has_the_last_word():
    """It finds that large values are what counts."""
    logits = model(4)

    def judge(values, parents, score):
        return values.sum(1).float()

    steps, standing = drawn(logits, 6, 5, judge=judge)
    lines = lines_of(steps)
    assert sorted(lines) == sorted(line for line, _ in searched(logits, 4, 5, 6, 0))
    sums = [sum(line) for line in lines]
    assert sums == sorted(sums, reverse=True) and standing.score.tolist() == sums
    assert lines != [line for line, _ in searched(logits, 4, 5, 6, 0)]
