"""Recipes at work: what is up to date is skipped, what was begun is gone on with, and all comes to the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import ALONE, HERE, last_json, wait_until
from fake_codecs import FakeCodec
from fake_recipes import RECIPE, Coder, add_tiny_lessons
from PIL import Image

from scalefree_studio.cli import main
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.errors import UserError
from scalefree_studio.jobs.recipes.parse import parse
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.recipes.run import Running
from scalefree_studio.recipes.states import DONE, LEARNING, NEXT, STALE, STATES
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")
STEPS = ("vqvae", "shards", "stage-1", "pictures")


@pytest.fixture(autouse=True)
def _lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    add_tiny_lessons(monkeypatch)


def running(folder: Path, text: str = RECIPE, **more: object) -> Running:
    return Running(parse(text, "tiny", folder.parent), folder, data_root=folder.parent / "data", **more)  # type: ignore[arg-type]


def states_of(found: Running) -> list[str]:
    return [state.state for state in found.states()]


def results(folder: Path) -> dict[str, object]:
    """All that must be the same however a recipe came to its end."""
    models = {name: load_checkpoint(folder / name).model for name in ("vqvae", "stage-1", ".")}
    numbers = {
        f"{name}/{key}": array.tobytes() for name, model in models.items() for key, array in model.items()
    }
    values = (folder / "shards" / "train" / "values.raw").read_bytes()
    return {**numbers, "values": values, "pictures": (folder / "pictures.png").read_bytes()}


def changed(folder: Path, before: dict[str, int]) -> set[str]:
    """In which steps files were written since."""
    return {name for name, time in written(folder).items() if before.get(name) != time}


def written(folder: Path) -> dict[str, int]:
    places = {name: folder / name / "model.safetensors" for name in STEPS} | {
        "pictures": folder / "pictures.png"
    }
    return {name: path.stat().st_mtime_ns for name, path in places.items() if path.exists()}


def test_a_recipe_runs_from_pictures_to_pictures(tmp_path: Path) -> None:
    found = running(tmp_path / "out")
    assert states_of(found) == [NEXT] * 4 and not (tmp_path / "out").exists()  # nothing is run to know that
    states = found.run()
    assert [state.state for state in states] == [DONE] * 4
    assert states[0].metrics["steps"] == 12 and states[2].metrics["steps"] == 10
    assert states[1].metrics == {"train": 1498, "held_out": 299, "tokens_a_picture": 17}
    assert states[3].metrics["pictures"] == 4 and all(file.exists() for s in states for file in s.files)
    shards = load_dataset(tmp_path / "out" / "shards")
    assert (shards.held.take(np.arange(9)).values[:, 1:] < 8).all()
    assert load_checkpoint(tmp_path / "out").kind == "tokens"
    with (
        Image.open(tmp_path / "out" / "pictures.png") as wall,
        Image.open(tmp_path / "out" / "stages.png") as stages,
    ):
        assert wall.size[0] > 1 and stages.size[1] > stages.size[0]


def test_what_is_up_to_date_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running(tmp_path / "out").run()
    before = written(tmp_path / "out")
    monkeypatch.setattr(Train, "step", None)
    monkeypatch.setattr(FakeCodec, "encode", None)
    assert [state.state for state in running(tmp_path / "out").run()] == [DONE] * 4
    assert changed(tmp_path / "out", before) == set()


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ("codes = 8", "codes = 7", {"vqvae", "shards", "stage-1", "pictures"}),
        ("steps = 12", "steps = 13", {"vqvae", "shards", "stage-1", "pictures"}),
        ("codes = 8", 'codes = 8\nwords = "plain"', set()),  # as it is anyway
        ("steps = 10", "steps = 11", {"stage-1", "pictures"}),
        ("temperature = 0.9", "temperature = 0.8", {"pictures"}),
        ("seed = 3", "seed = 4", {"pictures"}),
        ('title = "Tiny"', 'title = "Small"', set()),
        ("count = 4", "count = 4  # pictures", set()),
    ],
)
def test_what_has_changed_is_made_anew_and_nothing_else(
    tmp_path: Path, old: str, new: str, stale: set[str]
) -> None:
    folder = tmp_path / "out"
    running(folder).run()
    before, said = written(folder), list[str]()
    found = running(folder, RECIPE.replace(old, new), say=said.append)
    assert {state.name for state in found.states() if state.state == STALE} == stale
    assert {state.name for state in found.states() if state.state == DONE} == set(STEPS) - stale
    assert [state.state for state in found.run()] == [DONE] * 4
    assert changed(folder, before) == stale
    assert len(said) == len(stale)
    fresh = running(tmp_path / "fresh", RECIPE.replace(old, new))
    fresh.run()
    assert results(folder) == results(tmp_path / "fresh")
    assert (folder / "earlier" / "stage-1").exists() == ("stage-1" in stale)  # nobody's hours are thrown away


def test_another_model_of_the_same_settings_makes_the_rest_stale(tmp_path: Path) -> None:
    found = running(tmp_path / "out")
    found.run()
    folder = RunFolder(tmp_path / "out" / "vqvae")
    further = Train.from_checkpoint(folder.checkpoint(), Coder(load_dataset("digits")))
    for _ in range(3):
        further.step()
    folder.keep(further.network_now())
    assert states_of(found) == [DONE, STALE, STALE, STALE]


def test_the_order_of_steps_is_kept(tmp_path: Path) -> None:
    found = running(tmp_path / "out")
    with pytest.raises(UserError, match="stage-1 needs shards, which is not done"):
        found.run_step("stage-1")
    with pytest.raises(UserError, match="no step 'stage-9'"):
        found.run_step("stage-9")
    assert found.run_step("vqvae").state == DONE and states_of(found) == [DONE, NEXT, NEXT, NEXT]
    assert found.run_step("shards").state == DONE and states_of(found) == [DONE, DONE, NEXT, NEXT]


def test_a_step_may_be_run_elsewhere(tmp_path: Path) -> None:
    """As the window does it: the job on a thread of its own, with its own recorders."""
    found = running(tmp_path / "out")
    job, folder = found.job_of("vqvae")
    for _ in range(5):
        job.step()
    folder.keep(job.checkpoint())
    found.finish("vqvae", job)
    (state, *_) = found.states()
    assert state.state == LEARNING and state.progress == pytest.approx(5 / 12)
    job, folder = found.job_of("vqvae")
    assert job.step_count == 5
    while job.step_count < 12:
        job.step()
    folder.keep(job.checkpoint())
    found.finish("vqvae", job)
    assert states_of(found) == [DONE, NEXT, NEXT, NEXT]
    found.run()
    running(tmp_path / "whole").run()
    assert results(tmp_path / "out") == results(tmp_path / "whole")


def test_parts_that_were_removed_are_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    found = running(folder)
    found.run()
    before = results(folder)
    shutil.rmtree(folder / "shards")
    assert states_of(found) == [DONE, LEARNING, STALE, STALE]
    found.run_step("shards")
    assert states_of(found) == [DONE] * 4  # the same shards as before
    (folder / "pictures.png").unlink()
    assert states_of(found)[-1] == LEARNING
    found.run()
    assert results(folder) == before


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    found = running(tmp_path / "out")
    with found._place, pytest.raises(UserError, match="Another window or command"):
        running(tmp_path / "out").run()


def test_folders_of_other_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="something else"):
        running(tmp_path / "out").run()
    for damage in ("{", "[]", '{"version": 9}', '{"version": 1}'):
        (tmp_path / "out" / STATES).write_text(damage)
        with pytest.raises(UserError, match=r"damaged|another version"):
            running(tmp_path / "out").states()


# --- The command, as a stranger uses it ---------------------------------------------------------------

PROGRAM = (
    "import pytest, sys; from fake_recipes import add_tiny_lessons; from scalefree_studio.cli import entry;\
           add_tiny_lessons(pytest.MonkeyPatch()); entry()"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(RECIPE)
    return tmp_path


def test_it_runs_says_and_draws(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "mine.toml", "x.png"]) == 2
    assert "has not finished in output/mine; `scalefree-studio recipe mine.toml`" in capsys.readouterr().err
    assert main(["recipe", "mine.toml", "--plan", "--json"]) == 0
    planned = last_json(capsys.readouterr().out)
    assert [step["state"] for step in planned["steps"]] == [NEXT] * 4 and not Path("output").exists()
    assert main(["recipe", "mine.toml", "--json"]) == 0
    found = last_json(capsys.readouterr().out)
    assert found["done"] and found["folder"] == "output/mine" and found["recipe"] == "mine"
    assert [step["name"] for step in found["steps"]] == list(STEPS)
    assert found["steps"][0]["metrics"]["steps"] == 12
    assert all(Path(file).exists() for step in found["steps"] for file in step["files"])
    for source in ("mine.toml", "output/mine"):
        assert main(["sample", source, "--count", "5", "--seed", "69", "--json"]) == 0
        drawn = last_json(capsys.readouterr().out)
        assert drawn["pictures"] == 5 and Path(drawn["picture"]).parent == Path("output/mine")
    assert main(["recipe", "output/mine"]) == 0  # again, by its folder: there is nothing to do
    assert "pictures.png" in capsys.readouterr().err
    Path("mine.toml").unlink()
    assert main(["sample", "output/mine", "again.png"]) == 0 and Path("again.png").exists()
    assert main(["sample", "output/mine/stage-1"]) == 2  # a model has no place of its own for pictures
    assert "OUT.png" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_ended_anywhere_it_goes_on_to_the_same_end(here: Path, stop: signal.Signals) -> None:
    text = RECIPE.replace("steps = 12", "steps = 300").replace("steps = 10", "steps = 200")
    (here / "mine.toml").write_text(text.replace("batch_size = 16", "batch_size = 4"))
    environment = {**ALONE, "PYTHONPATH": os.pathsep.join([HERE, str(Path(__file__).parent)])}
    command = [sys.executable, "-c", PROGRAM, "recipe", "mine.toml", "--json"]
    assert main(["recipe", "mine.toml", "--out", "whole"]) == 0
    for moment in ("vqvae/history.sqlite", "stage-1/history.sqlite"):
        process = subprocess.Popen(
            [*command, "--out", "parts"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until((here / "parts" / moment).exists, process)
        process.send_signal(stop)
        out, _ = process.communicate(timeout=60)
        if stop != signal.SIGKILL:
            assert process.returncode == 0
            assert {step["state"] for step in last_json(out)["steps"]} <= {DONE, LEARNING, NEXT}
    assert main(["recipe", "mine.toml", "--out", "parts"]) == 0
    assert results(here / "parts") == results(here / "whole")
