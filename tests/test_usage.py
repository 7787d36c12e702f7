"""Usage and perplexity, over a batch and over whole epochs."""

from __future__ import annotations

import math

import pytest
import torch

from scalefree_studio.models.codebooks.usage import Usage, perplexity, used


def test_closed_forms() -> None:
    assert used(torch.tensor([3, 0, 1, 0])) == 0.5
    assert perplexity(torch.full((37,), 5)) == pytest.approx(37)
    assert perplexity(torch.tensor([9, 0, 0])) == pytest.approx(1)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert perplexity(torch.tensor([3, 0, 1])) == pytest.approx(math.exp(entropy))
    assert used(torch.zeros(4)) == 0 and perplexity(torch.zeros(4)) == 1


def test_an_epoch_uses_what_no_batch_does() -> None:
    usage = Usage(1, 8)
    usage.begin_epoch(0)
    for code in range(8):
        usage.begin_epoch(0)  # as a step that is made again
        usage.add(torch.eye(8)[code : code + 1] * 5)
        assert used(usage.batch[0]) == 1 / 8 and perplexity(usage.batch[0]) == 1
    assert not usage.whole and used(usage.counts[0]) == 1 and perplexity(usage.counts[0]) == pytest.approx(8)
    usage.begin_epoch(1)
    usage.add(torch.eye(8)[:1])
    assert usage.whole and usage.counts.tolist() == [[5] * 8] and usage.now.sum() == 1
    other = Usage(1, 8)
    other.load_state_dict(usage.state_dict())
    other.begin_epoch(1)
    assert other.now.sum() == 1
    other.begin_epoch(2)
    assert other.counts.tolist() == [[1] + [0] * 7]
