"""What a training would take is known before it takes it."""

from __future__ import annotations

import pytest
import torch

from scalefree_studio.controls import ControlError, edited
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.jobs.codebooks.lesson import VQVAELesson
from scalefree_studio.jobs.pixelcnn import lesson as pixelcnn
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training import foresight
from scalefree_studio.jobs.training.train import Train

DIGITS = load_dataset("digits")
LARGE = {"hidden_maps": 512, "hidden_layers": 100, "batch_size": 4096}


def test_what_a_pixelcnn_takes_is_foretold_from_two_small_ones(monkeypatch):
    monkeypatch.setattr(pixelcnn, "WORTH_A_LOOK", 0)
    lesson = PixelCNNLesson(DIGITS)
    controls = lesson.fitted(
        edited(lesson.controls(), {"hidden_maps": 8, "hidden_layers": 4, "batch_size": 3})
    )
    network = lesson.network(controls).train()
    inputs = lesson.inputs(DIGITS.train.take(torch.arange(3).numpy()), controls)
    weights, kept = foresight.weights_and_kept(network, lambda: lesson.loss(network, *inputs))
    assert weights == 6 * 4 * sum(p.numel() for p in network.parameters())
    assert lesson.bytes_needed(controls) == pytest.approx(weights + kept, rel=0.05)


def test_what_is_far_too_large_is_refused_in_a_sentence_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(foresight, "memory_of", lambda device: 8 * 10**9)
    with pytest.raises(ControlError, match=r"would take about .* [GT]B of memory; this machine has 8\.0 GB"):
        Train(PixelCNNLesson(DIGITS), edited(PixelCNNLesson.controls(), LARGE))


def test_a_machine_that_does_not_say_how_much_it_has_refuses_nothing(monkeypatch):
    monkeypatch.setattr(foresight, "memory_of", lambda device: 0)
    foresight.refuse_too_large(10**15, torch.device("cpu"), "")


def test_small_pictures_begin_with_fewer_codes_unless_a_person_says_how_many():
    lesson = VQVAELesson(DIGITS)  # 8 × 8 pixels
    assert lesson.suited().codes == 64
    assert lesson.suited(codes=300).codes == 300
