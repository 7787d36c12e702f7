"""How surprising a picture of one's own is: against the network's own loss, and against samplers that are followed by
hand."""

from __future__ import annotations

import functools
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import last_json
from fake_samplers import DecodedSampler, FakeSampler, one_stage, three_stages
from PIL import Image
from small_drawings import H, W, network, picture

from scalefree_studio.cli import main
from scalefree_studio.controls import values_of
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.examples import Arrays
from scalefree_studio.drawings import Drawing
from scalefree_studio.export.heat import GAP, STOPS, beside, heat, rgb
from scalefree_studio.jobs.drawing.surprise import held_out_bits, standing, surprise_of
from scalefree_studio.jobs.instruments import sampler_of
from scalefree_studio.jobs.pixels.controls import PixelsControls
from scalefree_studio.jobs.pixels.lesson import PixelsLesson
from scalefree_studio.jobs.training.learnt import evaluation
from scalefree_studio.jobs.training.picture_lesson import ONLY_EXACT
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.widgets.theme import DARK

TINY = {"width": 16, "layers": 1, "heads": 2, "batch_size": 4}


@functools.cache
def tiny(tokens: str, order: str = "raster", labelled: bool = True) -> Checkpoint:
    """A pixel transformer with random weights, of pictures of 4 × 4."""
    dataset = load_dataset("digits", channels=1 if tokens.startswith("grey") else 3, size=4)
    controls = PixelsControls(tokens=tokens, order=order, labelled=labelled, **TINY)
    job = Train(PixelsLesson(dataset), controls)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in job.trainer.network.parameters():
            parameter.normal_(std=0.3, generator=generator)
    weights = {name: p.detach().numpy() for name, p in job.trainer.network.named_parameters()}
    about = {**PixelsLesson(dataset).about(), "controls": values_of(job.controls)}
    return Checkpoint("pixels", 1, about, weights)


def noise(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=(*size, 3)).astype(np.uint8)


# -- what it measures --


@pytest.mark.parametrize("tokens", ["grey:3", "hsv:4,3,3", "exact"])
@pytest.mark.parametrize("order", ["raster", "columns", "spiral"])
def test_bits_are_those_of_the_networks_own_loss(tokens: str, order: str) -> None:
    checkpoint = tiny(tokens, order)
    lesson = PixelsLesson
    controls = lesson.controls_of(checkpoint)
    sampler = sampler_of(checkpoint)
    values = torch.from_numpy(np.asarray(sampler.values_of(noise((4, 4)))))[None]
    with torch.no_grad():
        nats = lesson.surprise(lesson.read_network(checkpoint), values, torch.tensor([3]))[0].sum(-1)
    found = surprise_of(sampler, noise((4, 4)), 3)
    np.testing.assert_allclose(found.bits, nats.numpy() / math.log(2), rtol=1e-4)
    assert found.total == pytest.approx(found.bits.sum()) and found.label == 3
    assert found.per_place == pytest.approx(found.bits.mean())
    numbers = 1 if tokens.startswith("grey") else 3
    assert found.per_dimension == pytest.approx(found.total / 16 / numbers)
    assert found.comparable == (tokens == "exact")
    np.testing.assert_array_equal(found.picture, np.broadcast_to(
        lesson.colours_of(values.numpy()[0], controls), (4, 4, 3)
    ))  # fmt: skip
    assert found.bits[found.most] == found.bits.max() and found.bits[found.least] == found.bits.min()


def test_the_class_that_surprises_least_is_the_one_it_is_taken_for() -> None:
    sampler = sampler_of(network())
    pixels, _ = picture(type("Job", (), {"sampler": sampler}))
    each = [surprise_of(sampler, pixels, label).total for label in range(3)]
    found = surprise_of(sampler, pixels)
    assert found.by_label == pytest.approx(each) and found.label == int(np.argmin(each))
    assert found.total == min(each)
    np.testing.assert_array_equal(found.bits, surprise_of(sampler, pixels, found.label).bits)
    assert surprise_of(sampler_of(network(classes=0)), pixels).label == -1


@pytest.mark.parametrize("order", ["rows", "columns", "spiral", "random"])
@pytest.mark.parametrize("levels", [5, 300])
def test_what_was_thought_instead_stands_at_its_place(order: str, levels: int) -> None:
    sampler = one_stage(order, levels=levels)
    pixels = noise((3, 4))
    found = surprise_of(sampler, pixels)
    values = sampler.values_of(pixels)[..., 0]
    whole = 0
    for turn, place in enumerate(sampler.layout.order.tolist(), 1):
        y, x = divmod(place, 4)
        logits = sampler.table[whole % 97].double().numpy()
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        assert found.bits[y, x] == pytest.approx(-np.log2(chances[values[y, x]]), rel=1e-4)
        thought = found.drawing.thought(0, y, x)
        assert thought is not None
        some = np.arange(levels) if thought.values is None else thought.values[0]
        assert (thought.values is None) == (levels == 5) and len(some) == min(levels, 64)
        np.testing.assert_allclose(thought.chances[0], chances[some], rtol=1e-4)
        assert set(some) == set(np.argsort(-chances)[: len(some)])
        whole += (int(values[y, x]) + 1) * turn


class Staged(FakeSampler):
    """Sees a picture of any size in each of its stages."""

    def values_of(self, pixels: Any, stage: int = 0) -> Any:
        rows, columns = self._stages[stage].size
        return super().values_of(pixels[:rows, :columns], stage)


def test_stages_are_counted_together_and_the_last_one_is_shown() -> None:
    whole = three_stages()
    found = surprise_of(Staged(whole.stages), noise((4, 4)))
    parts = [found.drawing.stage(n).frame["surprise"].sum() for n in range(3)]
    assert found.total == pytest.approx(sum(parts)) and all(part > 0 for part in parts)
    assert found.bits.shape == (4, 4) and found.per_dimension is None
    assert found.per_place == pytest.approx(found.total / 16)
    assert found.drawing.current.thought(0, 3, 3) is not None


def test_a_picture_that_only_the_network_can_show_is_shown_by_it() -> None:
    sampler = DecodedSampler(one_stage(levels=9).stages)
    found = surprise_of(sampler, noise((3, 4)))
    expected = sampler.decode(np.asarray(found.drawing.values), np.ones((1, 3, 4), bool))
    np.testing.assert_array_equal(found.picture, expected[0])


def test_among_held_out_pictures() -> None:
    sampler = sampler_of(network())
    pictures = np.stack([noise((H, W), seed)[..., :1] for seed in range(9)])
    labels = np.arange(9) % 3
    done: list[int] = []
    bits = held_out_bits(sampler, Arrays(pictures, labels), 5, done.append)
    assert done == [1, 2, 3, 4, 5]
    some = np.linspace(0, 8, 5).astype(int)
    each = [surprise_of(sampler, pictures[n], int(labels[n])).total for n in some]
    np.testing.assert_allclose(bits, each)
    held = np.arange(20.0)
    assert standing(17.5, held) == "more surprising than 9 of 10 held-out pictures"
    assert standing(10.0, held) == "more surprising than 5 of 10 held-out pictures"
    assert standing(0.5, held) == "more surprising than 1 of 10 held-out pictures"
    assert standing(18.5, held) == "more surprising than 9 of 10 held-out pictures"  # not than all
    assert standing(20.0, held).startswith("more surprising than all 20")
    assert standing(-1.0, held).startswith("less surprising than all 20") and not standing(1.0, held[:0])


# -- as a picture --


def test_heat_lies_beside_its_picture() -> None:
    assert (DARK.window, DARK.accent, DARK.text) == STOPS  # as the window's
    shown, shares = noise((4, 6)), np.array([[0.0, 1.0], [0.5, 2.0]])
    both = beside(shown, shares)
    by = 512 // 6
    assert both.shape == (4 * by, 2 * 6 * by + GAP, 3)
    np.testing.assert_array_equal(both[::by, : 6 * by : by], shown)
    warm = both[:, 6 * by + GAP :]
    for (y, x), stop in {(0, 0): 0, (0, -1): 2, (-1, 0): 1, (-1, -1): 2}.items():
        assert (warm[y, x] == rgb(STOPS[stop])).all()
    np.testing.assert_array_equal(warm[2 * by, 3 * by - 1], heat(0.5))


# -- the command --


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    RunFolder("model").keep(network())
    Image.fromarray(noise((2 * H, 2 * W))).save("mine.png")


def test_the_command_tells_and_writes_what_is_measured(model: None, capsys: Any) -> None:
    assert main(["surprise", "model", "mine.png", "out.png", "--label", "class 2", "--json"]) == 0
    told = last_json(capsys.readouterr().out)
    with Image.open("mine.png") as image:
        found = surprise_of(sampler_of(network()), np.array(image), 2)
    np.testing.assert_allclose(told["map"], found.bits, atol=1e-4)
    assert told["size"] == [H, W] and told["label"] == "class 2" and told["picture"] == "out.png"
    assert told["bits"] == pytest.approx(found.total, abs=1e-3)
    assert told["bits_per_pixel"] == pytest.approx(found.total / (H * W), abs=1e-5)
    assert told["bits_per_dimension"] == pytest.approx(told["bits_per_pixel"], abs=1e-5)
    assert told["comparable"] is False and told["note"] == ONLY_EXACT
    y, x = found.most
    assert told["most_surprising"] == {
        "row": y,
        "column": x,
        "bits": pytest.approx(found.bits.max(), abs=1e-3),
    }
    with Image.open("out.png") as image:
        np.testing.assert_array_equal(np.array(image), beside(found.picture, found.bits / found.highest))
    assert main(["surprise", "model", "mine.png", "large.webp", "--scale", "7"]) == 0
    with Image.open("large.webp") as image:
        assert image.size == (2 * 7 * found.picture.shape[1] + GAP, 7 * found.picture.shape[0])
    capsys.readouterr()
    assert main(["surprise", "model", "mine.png"]) == 0  # for a person, without a picture
    said = capsys.readouterr().err
    assert "bits per pixel" in said and f"row {y + 1}, column" in said and "no data set" in said


def test_the_command_compares_with_what_was_learnt(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    RunFolder("tiny").keep(tiny("grey:3"))
    assert main(["surprise", "tiny", "photo:camera", "--compare", "4", "--json"]) == 0
    assert "held-out pictures" in last_json(capsys.readouterr().out)["held_out"]
    assert main(["surprise", "tiny", "photo:camera", "--compare", "0", "--json"]) == 0
    told = last_json(capsys.readouterr().out)
    assert "held_out" not in told and len(told["bits_by_label"]) == 10
    assert min(told["bits_by_label"], key=told["bits_by_label"].get) == told["label"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["model", "nothing.png"], "no file nothing.png"),
        (["nothing", "mine.png"], "nothing"),
        (["mine.png", "mine.png"], "mine.png"),
        (["model", "model/model.safetensors"], "not a readable picture"),
        (["model", "mine.png", "out.what"], ".png"),
        (["model", "mine.png", "no/out.png"], "no such folder"),
        (["model", "mine.png", "--label", "7"], "--label is"),
        (["model", "mine.png", "--compare", "-1"], "0 to 10000"),
        (["model", "mine.png", "--compare", "many"], "is not a whole number"),
        (["model"], "required"),
        (["lines", "mine.png"], "does not draw; those of kind pixelcnn, "),
    ],
    ids=str,
)
def test_bad_wishes_get_one_sentence(arguments: list[str], told: str, model: None, capsys: Any) -> None:
    RunFolder("lines").keep(Checkpoint("dividers", 1, {}, {"target": np.zeros((2, 2, 3), np.uint8)}))
    before = sorted(os.listdir("."))
    assert main(["surprise", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert told in said and len(said.splitlines()) == 1 and said.startswith("scalefree-studio: ")
    assert sorted(os.listdir(".")) == before


# -- bits of what pixel transformers learn --


@pytest.mark.parametrize(
    ("tokens", "numbers", "tokens_each", "may"),
    [("grey:4", 1, 1, False), ("grey:8", 1, 1, True), ("hsv:4,3,3", 3, 1, False), ("exact", 3, 3, True)],
)
def test_bits_per_token_and_per_dimension(tokens: str, numbers: int, tokens_each: int, may: bool) -> None:
    checkpoint = tiny(tokens)
    lesson = PixelsLesson(load_dataset("digits", channels=1 if tokens.startswith("grey") else 3, size=4))
    controls = lesson.controls_of(checkpoint)
    metrics = lesson.metrics(math.log(2), 2 * math.log(2), controls)  # one bit a token, two held out
    assert metrics["bits_per_token"] == pytest.approx(1)
    assert metrics["held_out_bits_per_token"] == pytest.approx(2)
    assert metrics["bits_per_dimension"] == pytest.approx(tokens_each / numbers)
    assert metrics["held_out_bits"] == pytest.approx(2 * tokens_each / numbers)
    assert lesson.metrics(None, None, controls) == {}
    results = lesson.results(math.log(2), controls)
    assert results["bits_per_token"] == pytest.approx(1) and results["nats_per_token"] == math.log(2)
    assert results["bits_per_dimension"] == pytest.approx(tokens_each / numbers)
    assert results["nats_per_picture"] == pytest.approx(16 * tokens_each * math.log(2))
    assert results["comparable"] == may and results["note"] == ONLY_EXACT
    card = lesson.card(results, controls)
    assert ONLY_EXACT in card.measured and ("These can." in card.measured) == may
    assert next(c for c in lesson.curves if c.metric == "bits_per_dimension").help == ONLY_EXACT
    # What is measured of a training is what is measured of a picture.
    whole = evaluation(checkpoint, lesson)
    sampler, held = sampler_of(checkpoint), lesson.dataset.held
    few = held_out_bits(sampler, Arrays(held.take(np.arange(6)).values, held.take(np.arange(6)).labels), 6)
    assert whole["bits_per_dimension"] == pytest.approx(few.mean() / 16 / numbers, rel=0.3)
    assert json.dumps(whole)


def test_a_pixelcnn_says_what_it_always_said() -> None:
    from scalefree_studio.jobs.pixelcnn.controls import PixelCNNControls
    from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson

    lesson = PixelCNNLesson(load_dataset("digits"))
    assert lesson.results(1.5, PixelCNNControls()) == {
        "nats_per_dimension": 1.5, "bits_per_dimension": 1.5 / math.log(2), "nats_per_picture": 96.0
    }  # fmt: skip
    assert lesson.metrics(1.0, None, PixelCNNControls()) == {
        "loss": 1.0,
        "bits_per_dimension": 1 / math.log(2),
    }
    assert PixelCNNLesson.comparable(PixelCNNControls(levels=256), 3)
    assert not PixelCNNLesson.comparable(PixelCNNControls(levels=16), 1)


def test_what_is_surprising_is_shown_as_any_drawing() -> None:
    found = surprise_of(sampler_of(network()), noise((H, W)))
    assert isinstance(found.drawing, Drawing) and found.drawing.done and found.drawing.drawn().all()
