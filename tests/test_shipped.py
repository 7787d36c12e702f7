"""The models that come with the studio: there, small, what their cards say, and found by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from scalefree_studio.errors import UserError
from scalefree_studio.jobs.instruments import CODEC, info_of
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.learnt import dataset_learnt, evaluation
from scalefree_studio.jobs.training.lesson import BESIDE
from scalefree_studio.storage.run_folder import kind_of, load_checkpoint
from scalefree_studio.storage.shipped import resolved, shipped

NAMES = tuple(shipped())
KINDS = {"codes-digits": "vqvae", "tokens-digits": "tokens", "cascade-sea": "cascade"}
MEASURED = {"vqvae": "mean squared error", "tokens": "bits per token", "cascade": "bits per token"}


def test_there_are_some() -> None:
    assert {*KINDS, "digits", "mnist", "photographs", "pixels-digits", "pixels-photographs"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_small_and_says_what_it_is(name: str) -> None:
    path = shipped()[name]
    assert path.stat().st_size < 1_500_000
    checkpoint, kind = load_checkpoint(f"model:{name}"), kind_of(f"model:{name}")
    assert kind == KINDS.get(name, "pixels" if name.startswith("pixels-") else "pixelcnn")
    card = path.with_suffix(".md").read_text()
    said = re.search(r"of ([\d,]+) numbers", card)
    codec = sum(
        array.size for part, array in checkpoint.model.items() if part.startswith(f"{BESIDE}{CODEC}.")
    )
    assert said and int(said[1].replace(",", "")) == int(info_of(checkpoint)["numbers"]) + codec
    trained = "tokens" if kind == "cascade" else kind
    assert MEASURED.get(kind, "bits per dimension") in card and f"scalefree-studio train {trained}" in card
    with Image.open(path.with_suffix(".png")) as wall:
        assert min(wall.size) > 200


def test_the_card_of_the_digits_tells_the_truth() -> None:
    """The one whose data is embedded is measured again."""
    checkpoint = load_checkpoint("model:digits")
    bits = evaluation(checkpoint, PixelCNNLesson(dataset_learnt(checkpoint)))["bits_per_dimension"]
    told = re.search(r"\*\*([\d.]+) bits per dimension", shipped()["digits"].with_suffix(".md").read_text())
    assert told
    assert bits == pytest.approx(float(told[1]), abs=2e-3)


def test_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no model 'elephants' here; there are cascade-sea, "):
        resolved("model:elephants")
    assert resolved(tmp_path / "model.safetensors") == tmp_path / "model.safetensors"
