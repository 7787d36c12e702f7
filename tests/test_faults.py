"""Faults in what a model says of itself, histories that are none, names and numbers out of reason: a sentence each."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from job_cases import run
from PIL import Image
from small_jobs import JOBS

from scalefree_studio.assets import assets
from scalefree_studio.cli import main
from scalefree_studio.controls import ControlError, controls_of, edited
from scalefree_studio.data.datasets import load_dataset
from scalefree_studio.data.shards import Shards, ShardWriter
from scalefree_studio.errors import LONGEST, UserError, told
from scalefree_studio.export.movie_file import check_movie
from scalefree_studio.export.options import MovieOptions
from scalefree_studio.files import at_home
from scalefree_studio.jobs.instruments import registry
from scalefree_studio.jobs.job import limit_of
from scalefree_studio.jobs.memory import allowance
from scalefree_studio.jobs.training import lesson as lessons
from scalefree_studio.jobs.training import picture_lesson
from scalefree_studio.jobs.training.train import Train
from scalefree_studio.snapshot import Checkpoint
from scalefree_studio.storage import history as histories
from scalefree_studio.storage.about import CONTROLS, check_about
from scalefree_studio.storage.history import History, Measured
from scalefree_studio.storage.run_folder import load_checkpoint, read_model
from scalefree_studio.storage.tensors import read_tensors, write_tensors

# --- One reader of models -----------------------------------------------------------------------------------

KINDS = {case.make().kind: name for name, case in JOBS.items()}  # a job of each kind
SHIPPED = sorted((assets() / "models").glob("*.safetensors"))
WRONG: tuple[Any, ...] = (None, True, 3, "x", [1], [[]])


def said(checkpoint: Checkpoint) -> dict[str, Any]:
    """What its file says."""
    about = {"kind": checkpoint.kind, "step": checkpoint.step, **checkpoint.about}
    return dict(json.loads(json.dumps(about)))


@pytest.fixture(scope="module")
def models() -> dict[str, dict[str, Any]]:
    """What a model of each kind says of itself: kinds that are trained or drawn, and those that ship."""
    registry()
    made = {kind: said(run(JOBS[name].make(), 2).checkpoint()) for kind, name in KINDS.items()}
    return made | {path.stem: read_tensors(path, arrays=False)[1] for path in SHIPPED}


def test_all_that_is_saved_by_any_job_is_read(models: Mapping[str, dict[str, Any]]) -> None:
    for about in models.values():
        check_about(about)
    assert {about["kind"] for about in models.values()} >= {*CONTROLS} - {"next-scale"}


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_controls_of_another_type_are_refused_for_every_kind(
    wrong: Any, models: Mapping[str, dict[str, Any]]
) -> None:
    for about in models.values():
        with pytest.raises(ValueError):
            check_about({**about, "controls": wrong})


def test_a_control_of_another_type_is_refused_for_every_kind(models: Mapping[str, dict[str, Any]]) -> None:
    for about in models.values():
        known = {c.name: c for c in controls_of(CONTROLS[about["kind"]])} if "controls" in about else {}
        for name in about.get("controls", {}):
            worse = {**about, "controls": {**about["controls"], name: {"a": 1}}}
            if name not in known:  # of an older studio
                continue
            reads = known[name].read is not None  # some of anything
            with contextlib.suppress(ValueError) if reads else pytest.raises(ValueError):
                check_about(worse)


FIELDS = (
    "step", "seconds", "dataset", "validation", "classes", "limit", "batches", "best", "best_epoch", "size", "pictures",
    "sampler", "codec", "stages", "picture",
)  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_what_anything_reads_of_a_model_is_checked(field: str, models: Mapping[str, dict[str, Any]]) -> None:
    about = models["dividers"]
    for wrong in (True, "x", float("nan"), {"spec": 1, "kind": None, "steps": "x", "epoch": 0.5}, [[]], [{}]):
        with pytest.raises(ValueError, match=field):
            check_about({**about, field: wrong})


def test_models_within_models_are_checked_too(models: Mapping[str, dict[str, Any]]) -> None:
    for outer, inner in (("sampler", "drawing"), ("codec", "tokens-digits")):
        about = next(a for a in models.values() if outer in a)
        worse = {**about, outer: {**about[outer], "about": {**about[outer]["about"], "controls": None}}}
        with pytest.raises(ValueError, match="controls"):
            check_about(worse)
        assert inner in models or outer == "sampler"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_command_reads_models_by_the_one_reader(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, about = read_model(path)
    broken, out = str(tmp_path / "run" / "model.safetensors"), str(tmp_path / "o.png")
    Path(broken).parent.mkdir()
    write_tensors(Path(broken), model, {**about, "controls": None})
    for argv in (
        ["info", broken], ["render", broken, out], ["movie", str(tmp_path / "run"), str(tmp_path / "o.mp4")],
        ["sample", broken, out], ["complete", broken, "photo:coins", out], ["evaluate", broken],
        ["surprise", broken, "photo:coins"], ["prune", broken, "--threshold=1"],
        ["encode", broken, "--out", str(tmp_path / "e")], ["fit", "--resume", "--out", str(tmp_path / "run")],
        ["train", "pixelcnn", "--resume", "--out", str(tmp_path / "run")],
    ):  # fmt: skip
        assert main(argv) == 2, argv
        assert "its entry 'controls' makes no sense" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["digits", "pixels-digits", "codes-digits", "tokens-digits"])
def test_a_network_is_not_built_where_it_would_be_far_larger_than_its_weights(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "ROOM", 2**20)
    checkpoint = load_checkpoint(assets() / "models" / f"{name}.safetensors")
    larger = {"digits": {"hidden_maps": 900}, "codes-digits": {"codes": 65_000, "latent": 500}}
    controls = {**checkpoint.about["controls"], **larger.get(name, {"width": 4080, "heads": 1})}
    lesson = registry().instruments and next(
        each for i in registry().instruments.values() for each in i.lessons if each.kind == checkpoint.kind
    )
    lesson.read_network(checkpoint)  # as it is
    about = {**checkpoint.about, "controls": controls}
    with pytest.raises(UserError, match="far larger"):
        lesson.read_network(dataclasses.replace(checkpoint, about=about))


def test_an_allowance_is_of_one_thread_and_passes() -> None:
    with allowance(1000):
        torch.nn.Linear(10, 10)
        with ThreadPoolExecutor(1) as other:
            other.submit(torch.nn.Linear, 100, 100).result()
        with pytest.raises(ValueError, match="far larger"):
            torch.nn.Linear(20, 20)
    torch.nn.Linear(100, 100)


# --- Histories ----------------------------------------------------------------------------------------------

ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT"
SQL = {
    "a view": f"DROP TABLE frames; CREATE VIEW frames AS {ENDLESS} n AS id, n AS step, n AS seconds, n AS kind, n AS "
    "metrics, n AS frame FROM r",
    "another view": f"CREATE VIEW more AS {ENDLESS} n FROM r",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON metrics BEGIN DELETE FROM frames; END",
    "an index": "CREATE INDEX i ON frames (length(frame))",
    "another column": "DROP TABLE changes; CREATE TABLE changes (id INTEGER PRIMARY KEY, step INTEGER AS (7), "
    "what TEXT, changes TEXT)",
    "a table less": "DROP TABLE changes",
}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with History.create(path) as history:
        history.write(metrics=[Measured(step, 0.1, {"loss": 1.0}) for step in range(3)])
    return path


@pytest.mark.parametrize("what", SQL)
def test_a_history_is_our_tables_and_nothing_else(what: str, recorded: Path) -> None:
    with contextlib.closing(sqlite3.connect(recorded)) as db:
        db.executescript(SQL[what])
    for opened in (History.open, History.create):
        with pytest.raises(UserError, match="its tables are not ours"):
            opened(recorded)


def test_a_statement_has_its_time(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with History.create(recorded) as history:
        history.write(metrics=[Measured(step, 0.1, {"loss": 1.0}) for step in range(3000)])
    with History.open(recorded) as history:
        assert len(history.metrics()) == 3003
        monkeypatch.setattr(histories, "MOST_INSTRUCTIONS", 10)
        monkeypatch.setattr(histories, "LOOK_EVERY", 100)
        history._db.set_progress_handler(history._look, 100)
        with pytest.raises(UserError, match="damaged: interrupted"):
            history.metrics()


def test_a_value_of_any_size_is_not_read(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(sqlite3.connect(recorded)) as db, db:
        db.execute("INSERT INTO frames VALUES (1, 1, 0.1, 'x', '{}', zeroblob(50000))")
    monkeypatch.setattr(histories, "MOST_BYTES", 10_000)
    with History.open(recorded) as history, pytest.raises(UserError, match="damaged"):
        history.frame(1)


# --- Names --------------------------------------------------------------------------------------------------


def test_a_sentence_stays_one_whatever_names_are_in_it() -> None:
    assert told("There is no file x.png.") == "There is no file x.png."
    assert told("über → 3,5 × 10⁶ „ja“") == "über → 3,5 × 10⁶ „ja“"
    assert told("a\nb\x1b[31m\udcff") == "a\\nb\\x1b[31m\\udcff"
    long = told(f"There is no file {'x' * 9000}.png.")
    assert len(long) == LONGEST + 1 and long.startswith("There is no file x") and long.endswith("x.png.")


@pytest.mark.parametrize("name", ["x" * 5000, "a\nb", "\udcff\udcfe", "~nosuchuser/x"])
@pytest.mark.parametrize("command", ["info", "fit", "recipe", "movie"])
def test_odd_names_are_told_in_one_short_line(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, name, "o.mp4"][: 3 if command == "movie" else 2]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and len(err) < LONGEST + 50
    err.encode()


def test_a_home_that_is_nobodys_is_a_name_like_another() -> None:
    assert at_home("~nosuchuser/x") == Path("~nosuchuser/x")
    assert at_home("~/x") == Path.home() / "x"


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Path]:
    """A folder whose name is no text."""
    folder = tmp_path / "\udcff\udcfe"
    try:
        folder.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system has only names that are texts")
    yield folder
    shutil.rmtree(folder)


def test_a_data_set_in_a_folder_whose_name_is_no_text(odd: Path) -> None:
    for number in range(4):
        Image.fromarray(np.full((4, 4), 60 * number, np.uint8)).save(odd / f"{number}\udcff.png")
    data = load_dataset(odd)
    assert len(data.train) + len(data.held) == 4
    with ShardWriter(odd / "shards", (2,), "uint8", {"data": data.spec}) as writer:
        writer.add(np.zeros((1, 2)))
        writer.finish()
    assert Shards(odd / "shards").header.made_of == {"data": str(odd)}


def test_a_picture_and_a_run_in_a_folder_whose_name_is_no_text(
    odd: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(odd / "p.png")
    out = str(odd / "run")
    assert (
        main(["fit", str(odd / "p.png"), "--out", out, "--steps=2", "--lines=2", "--circles=1", "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["model"] == os.path.join(out, "model.safetensors")
    assert main(["info", out]) == 0
    assert "picture" in capsys.readouterr().out
    assert main(["movie", out, str(odd / "m.gif"), "--size=16"]) == 0
    assert main(["info", str(odd / "none")]) == 2


# --- Numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        ["demo", "--seconds", "1e308"], ["fit", "photo:coins", "--seconds", "1e300"],
        ["fit", "photo:coins", "--steps", "9" * 30], ["train", "pixelcnn", "--steps", "-3"],
        ["train", "pixelcnn", "--seconds", "nan"], ["movie", ".", "o.mp4", "--seconds", "2147483648"],
        ["movie", ".", "o.mp4", "--pause", "1e9"], ["movie", ".", "o.mp4", "--caption", "x" * 3000],
    ],
    ids=lambda argv: " ".join(argv)[:40],
)  # fmt: skip
def test_numbers_out_of_reason_are_told_before_any_work(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = shutil.copy(SHIPPED[0], tmp_path / "model.safetensors")
    History.create(tmp_path / "history.sqlite").close()
    assert main(argv) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert Path(path).exists() and not (tmp_path / "output").exists() and not (tmp_path / "o.mp4").exists()


def test_bounds_are_those_of_controls() -> None:
    assert limit_of(5, None).steps == 5 and limit_of(None, 2).seconds == 2.0
    for steps, seconds in ((0, None), (2.5, None), (None, 0), (None, 1e300)):
        with pytest.raises(ControlError):
            limit_of(steps, seconds)  # type: ignore[arg-type]
    assert edited(MovieOptions(), {"caption": "x" * 200}).caption == "x" * 200
    with pytest.raises(ControlError, match="at most 200 letters, not 201"):
        edited(MovieOptions(), {"caption": "x" * 201})
    with pytest.raises(UserError, match="64,424,509,440 frames"):
        check_movie(Path("x.mp4"), (16, 16), 2147483648 * 30, 30)


# --- Runs end when they are told ----------------------------------------------------------------------------


def test_a_last_wall_is_drawn_only_as_long_as_it_may_take() -> None:
    job = JOBS["pixelcnn"].make()
    assert isinstance(job, Train) and job.pieces > 1
    assert job.show_all(seconds=-1.0) == {}
    assert job.show_all()["fresh"] == job.pieces


def test_a_row_of_a_large_picture_is_drawn_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning waits for no whole row, and what is drawn is the same."""
    walls = []
    for piece in (64, 1, 2):
        monkeypatch.setattr(picture_lesson, "PIECE", piece)
        job = JOBS["pixelcnn"].make()
        assert isinstance(job, Train)
        display = job.now.display
        assert display is not None
        display.begin(job.trainer.network)
        steps = 1
        while display.busy:
            display.advance()
            steps += 1
        height, width = display.frame()["wall"].shape[1:3]
        assert steps == height * -(-width // piece)
        walls.append(display.frame()["wall"])
    np.testing.assert_array_equal(walls[0], walls[1])
    np.testing.assert_array_equal(walls[0], walls[2])


def test_no_memory_is_one_sentence_wherever_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = sys.modules["scalefree_studio.cli"]
    for error in (
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ):
        monkeypatch.setattr(cli, "_run", lambda argv, error=error: (_ for _ in ()).throw(error))
        assert main(["info"]) == 2
        assert "not enough memory" in capsys.readouterr().err
    monkeypatch.setattr(cli, "_run", lambda argv: (_ for _ in ()).throw(RuntimeError("a bug")))
    with pytest.raises(RuntimeError):
        main(["info"])
