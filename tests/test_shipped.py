"""The models that come with the studio: there, small, what their cards say, and found by name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mirrors import serving
from official_files import cifar_files, mnist_files, tar
from PIL import Image

from scalefree_studio.assets import ROOT_VARIABLE
from scalefree_studio.cli import main
from scalefree_studio.data.download import RemoteFile
from scalefree_studio.data.official import OFFICIAL
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.instruments import CODEC, info_of
from scalefree_studio.jobs.pixelcnn.lesson import PixelCNNLesson
from scalefree_studio.jobs.training.learnt import dataset_learnt, evaluation
from scalefree_studio.jobs.training.lesson import BESIDE
from scalefree_studio.storage.run_folder import kind_of, load_checkpoint
from scalefree_studio.storage.shipped import resolved, shipped
from scalefree_studio.window.views.wall_view import modes_of
from scalefree_studio.window.work.opening import open_subject

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


@pytest.fixture
def tiny_official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A few pictures of MNIST and CIFAR-10, to be had from a server on this machine, and none at hand."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    packed = tar({f"cifar-10-batches-bin/{name}": data for name, data in cifar_files(20).items()})
    files = {"mnist": mnist_files(), "cifar10": {"cifar-10-binary.tar.gz": packed}}
    with serving({**files["mnist"], **files["cifar10"]}, monkeypatch) as host:
        for name, own in files.items():
            remote = tuple(RemoteFile(n, len(d), hashlib.sha256(d).hexdigest()) for n, d in own.items())
            made = replace(OFFICIAL[name], files=remote, mirrors=(f"{host}/fine/",))
            monkeypatch.setitem(OFFICIAL, name, made)
        yield


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_learnt_from_is_to_be_had(
    name: str, tiny_official: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By its own name alone, downloaded where it is missing; so is what a new network is taught in the window."""
    assert main(["evaluate", f"model:{name}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    whole = {"digits": 299, "mnist": 12, "cifar10": 20, "cifar10-airplane-ship": 3}
    assert found["pictures"] == whole[found["dataset"]]
    for measured in found.get("stages", [found]):
        assert all(np.isfinite(value) for value in measured.values() if isinstance(value, float))
    if kind_of(f"model:{name}") == "cascade":
        assert len(found["stages"]) == 3
        learn = next(mode for mode in modes_of("cascade", stages=3) if mode.name == "learn")
        assert learn.why_not  # nothing to learn is offered
        return
    opened = open_subject(f"learn:model:{name}", tmp_path / "runs")
    assert opened.job.kind == kind_of(f"model:{name}") and opened.job.step_count == 0
