"""One writer for each run folder; readers are never kept out; what is killed leaves nothing that blocks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from job_cases import Case, one_sentence, run, same
from small_jobs import every_job
from test_runner import wait_for

from scalefree_studio import api, runs
from scalefree_studio.cli import main
from scalefree_studio.errors import UserError
from scalefree_studio.files import LOCK
from scalefree_studio.jobs.job import Job
from scalefree_studio.runs import Recording, run_to_end
from scalefree_studio.storage.lock import FolderLock
from scalefree_studio.storage.run_folder import HISTORY, MODEL, InUseError, RunFolder

HOLDS = """
import sys
from scalefree_studio.storage.run_folder import RunFolder
folder = RunFolder(sys.argv[1])
folder.hold()
print("held", flush=True)
sys.stdin.read()
"""
FIT = ["fit", "synthetic:lines-5", "--lines", "3", "--hidden", "4", "--downscale", "8", "--batch-size", "64"]


def test_in_one_process_a_second_writer_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    with first, first:  # held once more by the same is no harm
        with pytest.raises(InUseError, match="is using") as caught:
            second.hold()
        one_sentence(caught.value)
        assert first.held and not second.held
    with second:
        assert not first.held
    assert list(tmp_path.joinpath("run").iterdir()) == []


def test_a_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(InUseError):
            RunFolder(tmp_path).hold()
    finally:
        holder.kill()
        holder.communicate()
    assert (tmp_path / LOCK).exists()  # what it left stops nobody
    with RunFolder(tmp_path) as folder:
        assert folder.held
    assert not (tmp_path / LOCK).exists()


def test_a_lock_whose_name_was_taken_away_guards_nothing(tmp_path: Path) -> None:
    """The one before lets go between our opening the file and locking it."""
    before, ours = FolderLock(tmp_path), FolderLock(tmp_path)
    named = ours._is_named
    looked: list[bool] = []

    def lets_go_first(file: object) -> bool:
        if not looked:
            (tmp_path / LOCK).unlink()
        looked.append(named(file))  # type: ignore[arg-type]
        return looked[-1]

    ours._is_named = lets_go_first  # type: ignore[method-assign]
    assert ours.hold() and looked == [False, True] and not before.hold()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lock") / "fitted"
    assert main([*FIT, "--steps", "3", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def held(fitted: Path) -> Iterator[Path]:
    """Somebody is using it."""
    with RunFolder(fitted):
        yield fitted


@pytest.mark.parametrize(
    "command",
    [
        [*FIT, "--out", "RUN"], ["fit", "--resume", "--out", "RUN", "--steps", "9"], ["demo", "--out", "RUN"],
        ["sample", "model:digits", "OUT.png", "--run", "RUN"], ["recipe", "vqvae-digits", "--out", "RUN"],
        ["train", "pixelcnn", "--out", "RUN", "--steps", "1", "--hidden-maps", "4", "--hidden-layers", "1",
         "--output-maps", "4"],
        ["encode", "model:codes-digits", "--dataset", "digits", "--out", "RUN"],
    ],
    ids=lambda command: command[0] + ("-resume" if "--resume" in command else ""),
)  # fmt: skip
def test_every_command_that_writes_a_run_is_refused_in_a_sentence(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run"
    if "--resume" in command:
        assert main([*FIT, "--steps", "1", "--out", str(folder)]) == 0
    with RunFolder(folder):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        capsys.readouterr()
        assert main([{"RUN": str(folder)}.get(word, word) for word in command]) == 2
        assert "is using" in capsys.readouterr().err
        assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_from_python_it_is_refused_too(held: Path, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run"), pytest.raises(InUseError):
        api.fit("synthetic:lines-5", out=tmp_path / "run", lines=3, downscale=8, steps=1)
    with pytest.raises(UserError, match="already holds a run"):
        api.fit("synthetic:lines-5", out=held, lines=3, downscale=8, steps=1)


def test_a_smaller_model_is_not_written_into_a_run_that_is_at_work(
    held: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prune", str(held), "--threshold", "1"]) == 2
    assert "is using" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info", "render", "movie"])
def test_readers_are_never_refused(command: str, held: Path, tmp_path: Path) -> None:
    out = {"render": ["picture.png", "--size", "16"], "movie": ["movie.gif", "--size", "16"]}.get(command, [])
    assert main([command, str(held), *(str(tmp_path / name) if "." in name else name for name in out)]) == 0


@every_job
def test_no_job_of_any_instrument_writes_where_another_is_at_work(case: Case, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with RunFolder(folder.path):
        with pytest.raises(InUseError):
            run_to_end(case.make(), Recording(folder))
        assert [path.name for path in folder.path.iterdir()] == [LOCK]


class Watched:
    """A job; before its first step, somebody looks at what is on the disk."""

    def __init__(self, job: Job, look: object):
        self.job, self.look = job, look

    def step(self) -> None:
        if self.look is not None:
            look, self.look = self.look, None
            look()  # type: ignore[operator]
        self.job.step()

    def __getattr__(self, name: str) -> object:
        return getattr(self.job, name)


@every_job
def test_from_the_first_step_on_there_is_something_to_open_and_go_on_with(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, job = RunFolder(tmp_path / "run"), case.make()
    begun = job.step_count
    seen: list[int] = []

    def look() -> None:
        wait_for(lambda: folder.model_path.exists())
        kept = folder.checkpoint()
        seen.append(kept.step)
        if kept.trainer or not case.make().checkpoint().trainer:
            same(run(case.resume(kept), 1), run(case.make(), 1), case.redrawn)

    watched = Watched(job, look)
    runner_of = runs.Runner

    def short(*args: object, **more: object) -> object:
        runner = runner_of(*args, **{**more, "beside": False})  # type: ignore[arg-type]
        monkeypatch.setattr(runner, "_finished", lambda: job.step_count > begun)
        return runner

    monkeypatch.setattr(runs, "Runner", short)
    run_to_end(watched, Recording(folder))  # type: ignore[arg-type]
    assert seen == [begun] and folder.checkpoint().step > begun and not folder.held


@pytest.mark.parametrize("command", ["info", "render", "movie", "fit", "evaluate", "sample"])
def test_a_run_without_a_model_is_told_as_what_it_is(
    command: str, fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    (stopped / HISTORY).write_bytes((fitted / HISTORY).read_bytes())
    asked = {
        "render": [str(stopped), str(tmp_path / "a.png")], "movie": [str(stopped), str(tmp_path / "a.gif")],
        "fit": ["--resume", "--out", str(stopped)], "sample": [str(stopped), str(tmp_path / "a.png")],
    }.get(command, [str(stopped)])  # fmt: skip
    assert main([command, *asked]) == 2
    told = capsys.readouterr().err
    assert "was stopped before its model was first saved" in told and told.count("\n") == 1
    assert [path.name for path in stopped.iterdir()] == [HISTORY]


def test_nor_is_a_folder_made_for_what_cannot_be_gone_on_with(tmp_path: Path) -> None:
    assert main(["fit", "--resume", "--out", str(tmp_path / "nowhere")]) == 2
    assert not (tmp_path / "nowhere").exists()


def test_a_run_is_free_again_when_it_has_ended_well_or_badly(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    run_to_end(api.fitting("synthetic:lines-5", steps=1, lines=3, downscale=8), Recording(folder))
    assert not folder.held and not (folder.path / LOCK).exists() and (folder.path / MODEL).exists()
    job = api.fitting("synthetic:lines-5", steps=2, lines=3, downscale=8)
    job.step = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    with pytest.raises(ZeroDivisionError):
        run_to_end(job, Recording(folder))
    assert not folder.held
