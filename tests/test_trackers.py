"""Which trackers there are, how they are asked for, and what a person sees of them."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import fake_trackers
import pytest
from PIL import Image
from small_trackers import SETTINGS, read_fake_tensorboard
from small_training import FLAGS

from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.storage.tracker import Begin
from scalefree_studio.storage.trackers import NAMES, start_trackers, tracker_names

pytestmark = pytest.mark.usefixtures("untold")


def without(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)  # what Python does where a package is not to be had


@pytest.mark.parametrize("wrong", ["tensorbord", "", "wandb,", "mlflow tensorboard"])
def test_an_unknown_tracker_is_told_in_one_sentence(wrong, monkeypatch, capsys):
    fake_trackers.wandb(monkeypatch)
    assert main(["train", "pixelcnn", "--track", wrong]) == 2
    told = capsys.readouterr().err.strip()
    assert "There is no tracker" in told and all(name in told for name in NAMES) and "\n" not in told
    assert not Path("output").exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", [["train", "pixelcnn"], ["fit", "synthetic:lines-3"]], ids=str)
def test_a_missing_package_is_told_with_the_command_that_brings_it(name, command, monkeypatch, capsys):
    without(monkeypatch, name)
    assert main([*command, "--track", name]) == 2
    told = capsys.readouterr().err.strip()
    assert f"pip install 'scalefree-studio[{name}]'" in told and "\n" not in told
    assert not Path("output").exists()


def test_a_package_that_is_not_sound_is_told_in_one_sentence(monkeypatch):
    def broken(name, real=importlib.import_module):
        if name.endswith("tracker_wandb"):
            raise TypeError("Descriptors cannot be created directly.\nPlease do something.")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(UserError, match=r"^wandb cannot be used: Descriptors cannot be created directly\.$"):
        tracker_names("wandb")


def test_a_tracker_that_cannot_start_ends_it_before_it_begins(monkeypatch, tmp_path):
    fake_trackers.wandb(monkeypatch)

    def init(**asked):
        raise RuntimeError("api_key not configured (no-tty).\nCall wandb login.")

    monkeypatch.setattr(sys.modules["wandb"], "init", init)
    with pytest.raises(UserError, match=r"^wandb cannot start: api_key not configured \(no-tty\)\.$"):
        start_trackers(["wandb"], Begin(tmp_path, 0, {}))


def test_trackers_are_named_with_commas_or_again_and_each_begins_once(monkeypatch):
    writers, servers = fake_trackers.tensorboard(monkeypatch), fake_trackers.mlflow(monkeypatch)
    asked = ["--track", "mlflow, tensorboard", "--track", "tensorboard"]
    assert main(["train", "pixelcnn", *FLAGS, "--steps", "3", "--out", "run", *asked]) == 0
    assert len(writers) == 1 and len(servers) == 1


def test_train_shows_its_walls(monkeypatch, capsys):
    writers = fake_trackers.tensorboard(monkeypatch)
    asked = [*FLAGS, "--steps", "30", "--wall-every", "12", "--out", "run", "--track", "tensorboard"]
    assert main(["train", "pixelcnn", *asked]) == 0
    pictures = read_fake_tensorboard(writers, Path("run"))["samples"]
    assert [step for step, _ in pictures] == [19]
    with Image.open(io.BytesIO(pictures[0][1])) as image:
        assert image.size == (639, 639), "64 digits, 8 × 8, with a pixel between, nine times as large"


def test_the_terminal_stays_clean(tmp_path):
    """With the real ones: nothing but the progress on stderr, nothing but the result on stdout."""
    for name in NAMES:
        pytest.importorskip(name)
    here = {n: v for n, v in os.environ.items() if n not in SETTINGS}
    here |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "scalefree_studio", "train", "pixelcnn", *FLAGS, "--steps", "25"]
    for extra in ([], ["--resume", "--steps", "30", "--learning-rate", "0.1"]):
        asked = ["--out", "run", "--wall-every", "10", "--json", "--track", ",".join(NAMES), *extra]
        done = subprocess.run([*command, *asked], cwd=tmp_path, env=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["steps"] == (30 if extra else 25)
        assert all(part.startswith("digits ") for part in done.stderr.replace("\n", "\r").split("\r") if part)
    assert len(list((tmp_path / "run" / "tensorboard").iterdir())) == 2
