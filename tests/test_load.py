"""The quiet line says what is: the memory that the system counts, the steps that were made, what computes."""

from __future__ import annotations

import os

import numpy as np
import psutil
import pytest
from driving import Driven

from scalefree_studio.window.work import load
from scalefree_studio.window.work.load import Rate, in_words, memory, size_in_words


def test_memory_is_what_the_system_counts() -> None:
    before = memory()
    held = np.ones(400_000_000, np.uint8)  # more than a test before it has left free
    grown = memory() - before
    assert grown > 0.5 * held.nbytes
    assert memory() == pytest.approx(psutil.Process(os.getpid()).memory_info().rss, rel=0.2)


def test_the_rate_is_steps_by_a_clock_that_may_begin_anew() -> None:
    rate = Rate()
    assert rate.read(0, 0.0) is None
    assert rate.read(50, 0.5) is None, "not long enough"
    assert rate.read(300, 2.0) == 150
    assert rate.read(310, 2.1) == 150, "until it is known anew"
    assert rate.read(400, 4.0) == 50
    assert rate.read(0, 0.0) is None, "it started over"
    assert rate.read(20, 1.0) == 20


def test_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_words("cpu", 1204.4, "steps", 640_000_000) == "CPU · 1,204 steps/s · 640 MB"
    assert in_words("cpu", 0.321, "places", 3_250_000_000) == "CPU · 0.32 places/s · 3.2 GB"
    assert in_words("cpu", None, "steps", 1_000_000) == "CPU · 1 MB"
    monkeypatch.setattr(load.torch.cuda, "get_device_name", lambda: "NVIDIA GeForce RTX 4090")
    assert (
        in_words("cuda", 10, "steps", 2_000_000_000, 500_000_000)
        == "RTX 4090 · 10 steps/s · 2.0 GB, GPU 500 MB"
    )
    assert size_in_words(999_000_000) == "999 MB"


def test_the_window_says_it_while_it_learns_and_no_rate_while_it_rests(driven: Driven) -> None:
    driven.open()
    line = driven.window.load
    driven.until(lambda: "steps/s" in line.text())
    assert line.text().startswith("CPU · ") and line.text().endswith(("MB", "GB"))
    driven.pause()
    line.look()
    assert "steps/s" not in line.text()
