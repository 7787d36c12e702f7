"""A short round of scripts/fuzz.py, in this process: by whatever door a fault comes in, it is told."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("there are no pipes that are files", allow_module_level=True)
sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import fuzz
import fuzz_kills
from fuzz_doors import DOORS, Goods, making
from fuzz_faults import bytes_of, json_of, places

from scalefree_studio.cli import main
from scalefree_studio.data import official
from scalefree_studio.data.download import DownloadError

TRIALS = 6  # of each door
SEED = 7
FEW = 3  # of what makes the good files: a fit, a training and a drawing
QUICK = ("models", "runs", "histories", "drawings", "pictures", "recipes", "registries")


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Goods:
    folder = tmp_path_factory.mktemp("goods")
    for argv in making(folder)[:FEW]:
        assert main(argv) == 0
    return Goods(folder)


@pytest.fixture
def nobody_downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(*_: object) -> None:
        raise DownloadError("no downloads here")

    monkeypatch.setattr(official, "fetch", refused)
    monkeypatch.setenv("SCALEFREE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv(fuzz.OWN_VARIABLE, "")  # a trial may set it


@pytest.mark.parametrize("door", QUICK)
def test_faults_by_this_door_are_told(
    door: str,
    goods: Goods,
    nobody_downloads: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for number in range(TRIALS):
        place = tmp_path / f"{number}"
        place.mkdir()
        monkeypatch.chdir(place)
        for argv in DOORS[door][1](random.Random(f"{SEED}/{door}/{number}"), place, goods):
            code = fuzz.run_here(argv)
            said = capfd.readouterr()
            assert not fuzz.judged(code, said.out + said.err), (argv, said)
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(place)


# The faults themselves.


def test_the_same_seed_makes_the_same_faults() -> None:
    data = bytes(range(256)) * 4
    made = [bytes_of(random.Random(f"1/{n}"), data) for n in range(50)]
    assert made == [bytes_of(random.Random(f"1/{n}"), data) for n in range(50)]
    assert sum(each != data for each in made) > 40 and len(set(made)) > 40
    value: dict[str, Any] = {"a": {"b": [1, 2]}, "c": "x"}
    assert places(value) == [("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("c",)]
    assert json_of(random.Random(1), {"a": {"b": [1, 2]}, "c": "x"}) != value


@pytest.mark.parametrize(
    ("code", "said", "trouble"),
    [
        (0, "", ""),
        (2, "scalefree-studio: There is no file x.", ""),
        (1, "Traceback (most recent call last)\n…", "traceback"),
        (-9, "", "exit code -9"),
        (2, "nothing of the kind", "no sentence"),
        (2, f"scalefree-studio: {'x' * 2000}", "a sentence without an end"),
    ],
)
def test_how_a_command_may_end(code: int, said: str, trouble: str) -> None:
    assert fuzz.judged(code, said) == trouble


def test_a_command_that_does_not_end_is_stopped_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz_kills, "PROGRAM", [sys.executable, "-c", "import time; time.sleep(999)"])
    monkeypatch.setattr(fuzz_kills, "PATIENCE", 0.1)
    with pytest.raises(TimeoutError, match="no end within"):
        fuzz_kills.ended([], tmp_path)
