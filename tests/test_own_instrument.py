"""Another person's instrument: a package that is installed, and driven as ours are. One that is broken harms nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scalefree_studio.jobs import instruments
from scalefree_studio.jobs.instruments import Instrument

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "neighbours"
TINY = ["--levels=4", "--hidden=8", "--distance=2", "--wall-every=4"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed beside the studio."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(EXAMPLE)], check=True)
    return environment(target)


def environment(*paths: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*paths, ROOT])), "OMP_NUM_THREADS": "1"}


def studio(env: dict[str, str], folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scalefree_studio", *map(str, words)]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)


def last_json(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_the_example_is_short() -> None:
    assert len((EXAMPLE / "neighbours.py").read_text().splitlines()) < 150


def test_it_learns_resumes_draws_and_makes_movies_by_the_commands(
    installed: dict[str, str], tmp_path: Path
) -> None:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return studio(installed, tmp_path, *words)

    assert "neighbours" in run("train", "--help").stdout
    assert "--distance" in run("train", "neighbours", "--help").stdout
    first = last_json(run("train", "neighbours", *TINY, "--steps", 8, "--out", "run", "--json"))
    assert first["steps"] == 8 and (tmp_path / "run" / "samples.png").exists()
    more = last_json(run("train", "neighbours", "--resume", "--out", "run", "--steps", 60, "--json"))
    assert more["steps"] == 60 and more["bits_per_dimension"] < first["bits_per_dimension"] < 2.2  # type: ignore[operator]
    whole = last_json(run("train", "neighbours", *TINY, "--steps", 60, "--out", "whole", "--json"))
    assert whole["nats_per_dimension"] != first["nats_per_dimension"]
    measured = last_json(run("evaluate", "run", "--json"))
    assert measured["nats_per_dimension"] == pytest.approx(more["nats_per_dimension"])
    assert last_json(run("info", "run", "--json"))["kind"] == "neighbours"

    drawn = last_json(
        run(
            "sample",
            "run",
            "wall.png",
            "--count",
            4,
            "--run",
            "drawn",
            "--movie",
            "d.mp4",
            "--seconds",
            1,
            "--json",
        )
    )
    assert drawn["pictures"] == 4 and (tmp_path / "d.mp4").stat().st_size > 0
    assert last_json(run("info", "drawn", "--json"))["network"]["kind"] == "neighbours"  # type: ignore[index]
    Image.new("L", (8, 8), 255).save(tmp_path / "white.png")
    assert run("complete", "run", "white.png", "done.png", "--keep", "left", "--count", 1).returncode == 0
    with Image.open(tmp_path / "done.png") as image:
        assert (np.array(image)[:, : image.width // 2 - 1] == 255).all()
    assert run("movie", "run", "learning.mp4", "--seconds", 1).returncode == 0
    assert (tmp_path / "learning.mp4").stat().st_size > 0
    bad = run("train", "neighbours", "--distance", 99)
    assert bad.returncode == 2 and bad.stderr.count("\n") == 1


def test_resuming_it_is_exact(installed: dict[str, str], tmp_path: Path) -> None:
    code = """
import numpy as np, scalefree_studio as s
from scalefree_studio.jobs.training.train import Train
tiny = dict(levels=4, hidden=8, distance=2)
whole, half = (s.training("neighbours", steps=n, **tiny) for n in (9, 9))
for _ in range(9): whole.step()
for _ in range(4): half.step()
again = Train.from_checkpoint(half.checkpoint(), half.lesson)
for _ in range(5): again.step()
a, b = whole.checkpoint(), again.checkpoint()
assert all((a.model[n] == b.model[n]).all() for n in a.model) and a.trainer.keys() == b.trainer.keys()
assert all((a.trainer[n] == b.trainer[n]).all() for n in a.trainer)
pictures = s.result(whole).draw(3)
assert pictures.pixels.shape == (3, 8, 8, 3) and pictures._repr_png_()[:4] == b"\\x89PNG"
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=installed, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has Xvfb")
def test_the_window_has_a_button_for_it_and_learns(installed: dict[str, str], tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from PyQt6.QtCore import QSettings
from scalefree_studio.window.shell.app import destroy, make_application
from scalefree_studio.window.shell.gallery import SPEC, Gallery
from scalefree_studio.window.shell.main_window import MainWindow
import time
app = make_application()
window = MainWindow(QSettings("settings.ini", QSettings.Format.IniFormat), runs=Path("runs").absolute())
window.resize(1100, 720); window.show()
def until(what):
    end = time.monotonic() + 60
    while not what():
        app.processEvents(); time.sleep(0.01)
        assert time.monotonic() < end
until(window.isVisible)
window.panel.instruments["neighbours"].click()
until(lambda: window.sessions.session is not None and window.sessions.session.job.step_count > 3)
assert window.sessions.session.job.kind == "neighbours"
assert window.panel.instruments["neighbours"].isChecked() and "distance" in window.panel.form.fields
gallery = Gallery([], window.palette_, window)
assert "train:neighbours:digits" in {s.item(n).data(SPEC) for s in gallery.shelves for n in range(s.count())}
gallery.accept()
window.do("undo"); window.set_mode("draw")
until(lambda: window.sessions.session is not None and window.sessions.session.job.kind == "drawing")
until(lambda: window.stage.view.snapshot is not None)
assert window.panel.instruments["neighbours"].isChecked()
gone = []
window.gone.connect(lambda: gone.append(True)); window.leave(); until(lambda: gone)
destroy(window)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=installed, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_broken_one_is_named_and_left_out(tmp_path: Path) -> None:
    info = tmp_path / "site" / "broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    points = ["[scalefree_studio.instruments]", "bad = broken:INSTRUMENT", "none = json:loads"]
    (info / "entry_points.txt").write_text("\n".join(points))
    (tmp_path / "site" / "broken.py").write_text("raise RuntimeError('no such engine')")
    done = studio(environment(tmp_path / "site"), tmp_path, "info", "model:digits", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["kind"] == "pixelcnn"
    assert done.stderr.splitlines() == [
        "scalefree-studio: The instrument 'bad' (broken:INSTRUMENT) is left out: no such engine.",
        "scalefree-studio: The instrument 'none' (json:loads) is left out: its entry point is not an Instrument.",
    ]


def test_no_two_have_one_name_or_one_kind_of_model() -> None:
    ours = instruments.instruments()["pixelcnn"]
    for twin in (
        Instrument("pixelcnn", "Twin", "", ""),
        Instrument("twin", "Twin", "", "", lessons=ours.lessons),
    ):
        with pytest.raises(ValueError, match=r"another instrument|models of the kind 'pixelcnn'"):
            instruments._checked(twin, [ours])
