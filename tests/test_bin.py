"""Runs get other names, go to the bin and come back; and a long row of them costs little."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from job_cases import one_sentence

from scalefree_studio.errors import UserError
from scalefree_studio.storage.bin import (
    BIN,
    DAYS,
    MARK,
    empty_bin,
    folder_name,
    rename_run,
    take_back,
    throw_away,
)
from scalefree_studio.storage.run_folder import MODEL, InUseError, RunFolder, free_folder


def made(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / MODEL).write_text(path.name)
    return path


def test_a_run_in_the_bin_comes_back_as_it_was(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    thrown = throw_away(run)
    assert thrown == tmp_path / BIN / "run" and not run.exists()
    assert throw_away(made(run)) == tmp_path / BIN / "run-2"
    assert take_back(thrown, run) == run and [file.name for file in run.iterdir()] == [MODEL]
    assert take_back(tmp_path / BIN / "run-2", run) == tmp_path / "run-2"


def test_only_what_was_thrown_away_long_ago_goes_for_good(tmp_path: Path) -> None:
    thrown = {name: throw_away(made(tmp_path / name)) for name in ("old", "new", "damaged", "no run")}
    own = made(tmp_path / BIN / "put there by hand")
    now = json.loads((thrown["old"] / MARK).read_text())["at"] + 1
    for name, seconds in (("old", DAYS * 86_400), ("new", 60), ("no run", DAYS * 86_400)):
        (thrown[name] / MARK).write_text(json.dumps({"at": now - seconds - 2}))
    (thrown["damaged"] / MARK).write_text("[")
    (thrown["no run"] / MODEL).unlink()
    assert empty_bin(tmp_path, now) == 1
    assert not thrown.pop("old").exists() and own.exists() and all(path.exists() for path in thrown.values())
    assert empty_bin(tmp_path / "nowhere", now) == 0


def test_a_run_gets_another_name_that_a_folder_can_have(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    assert rename_run(run, "run") == run
    renamed = rename_run(run, " a/b: the best? ")
    assert renamed == tmp_path / "a-b- the best-" and (renamed / MODEL).read_text() == "run"
    made(run)
    with pytest.raises(UserError, match="already a run called run") as caught:
        rename_run(renamed, "run")
    one_sentence(caught.value)
    assert folder_name("..") == "picture" and not folder_name(".hidden").startswith(".")


def test_where_somebody_is_at_work_nothing_is_moved(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    with RunFolder(run):
        for move in (lambda: throw_away(run), lambda: rename_run(run, "other")):
            with pytest.raises(InUseError):
                move()
        assert run.exists()
    assert [file.name for file in run.iterdir()] == [MODEL]


def test_a_free_name_in_a_long_row_is_found_by_looking_at_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    taken: set[str] = set()
    monkeypatch.setattr(Path, "exists", lambda path: looked.append(path) or path.name in taken)
    for number in range(1, 70):
        assert free_folder(tmp_path, "run").name == ("run" if number == 1 else f"run-{number}")
        taken.add("run" if number == 1 else f"run-{number}")
    taken |= {f"run-{number}" for number in range(2, 100_001)}
    looked.clear()
    assert free_folder(tmp_path, "run").name == "run-100001" and len(looked) < 40


def test_what_is_gone_is_neither_deleted_nor_brought_back(tmp_path: Path) -> None:
    for act in (
        lambda: throw_away(tmp_path / "a"),
        lambda: take_back(tmp_path / "bin" / "a", tmp_path / "a"),
    ):
        with pytest.raises(UserError, match="no run a any more"):
            act()
    assert list(tmp_path.iterdir()) == []
