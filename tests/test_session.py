"""A session and its thread: begun, at work, and ended, whatever happens in it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from driving import FEW, SMALL
from PyQt6.QtCore import QThread

from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.models.threads import cores_for_learning
from scalefree_studio.storage.run_folder import RunFolder, load_checkpoint
from scalefree_studio.window.work.job_thread import JobThread
from scalefree_studio.window.work.session import POLITE, Session

LONG = 20.0  # seconds: only so that a broken thread does not hang the tests


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not JobThread.begun


class Gate:
    """Work that does not end until it is let go."""

    def __init__(self) -> None:
        self.within, self.free, self.noted = threading.Event(), threading.Event(), []

    def work(self) -> None:
        self.noted.append(QThread.currentThread())
        self.within.set()
        self.free.wait(LONG)
        self.noted.clear()


def test_a_thread_is_named_and_waited_for() -> None:
    gate = Gate()
    thread = JobThread("training", gate.work)
    thread.begin()
    assert gate.within.wait(LONG)
    assert gate.noted == [thread] and thread.objectName() == "training"
    assert not thread.join(0.01) and JobThread.begun == {thread}
    gate.free.set()
    assert thread.join(LONG) and thread.isFinished()


def test_a_thread_that_nobody_holds_goes_on() -> None:
    """Qt would end the process if it were destroyed."""
    gate = Gate()
    JobThread("training", gate.work).begin()
    assert gate.within.wait(LONG)
    gate.noted.clear()
    gc.collect()
    (thread,) = JobThread.begun
    assert thread.isRunning()
    gate.free.set()
    assert thread.join(LONG)


def session_of(folder: Path, **more: object) -> Session:
    job = FitDividers(np.full((8, 8, 3), 99, np.uint8), FEW)
    return Session(job, RunFolder(folder / "run"), "grey", **more)  # type: ignore[arg-type]


def test_a_thread_goes_with_its_session_not_with_the_garbage(tmp_path: Path) -> None:
    """The collector may come in any thread, and there destroy what belongs to another."""
    session = session_of(tmp_path)
    assert session._thread is not None
    thread = weakref.ref(session._thread)
    session.start()
    session.stop()
    gc.disable()
    try:
        assert session.join(LONG)
        assert thread() is None
    finally:
        gc.enable()


def test_the_job_steps_back_behind_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nice() -> int:
        return (
            os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) if sys.platform == "linux" else POLITE
        )

    session, seen, ours = session_of(tmp_path), [], nice()
    step = session.job.step

    def noting() -> None:
        seen.append((nice(), torch.get_num_threads()))
        step()

    monkeypatch.setattr(session.job, "step", noting)
    session.start()
    while not seen:
        assert not session.join(0.01)
    session.stop()
    assert session.join(LONG)
    assert set(seen) == {(POLITE, cores_for_learning())} and nice() == ours


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_bug_in_the_job_is_reported_and_what_was_learnt_is_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: type[BaseException],
) -> None:
    changed: list[bool] = []
    session = session_of(tmp_path, changed=lambda: changed.append(True))
    step = session.job.step

    def breaks() -> None:
        if session.job.step_count == 3:
            raise error("of a bug")
        step()

    monkeypatch.setattr(session.job, "step", breaks)
    session.start()
    assert session.join(LONG)
    assert session.ended and changed
    assert session.messages() == ["It stopped: of a bug."]
    assert not session.unsaved
    assert load_checkpoint(tmp_path / "run").step == 3
    assert error.__name__ in capfd.readouterr().err


def test_a_bug_before_anything_is_saved_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(tmp_path)

    def breaks() -> None:
        raise ZeroDivisionError("of a bug")

    monkeypatch.setattr(session.job, "step", breaks)
    monkeypatch.setattr(session.job, "checkpoint", breaks)
    session.start()
    assert session.join(LONG)
    assert session.unsaved == "It stopped, and the model was not saved: of a bug."


LEAVES_A_STEP = """
import sys, time
from scalefree_studio.jobs.dividers.fit import FitDividers
from scalefree_studio.window.shell import app, dialogs
from scalefree_studio.window.work import sessions

sessions.PATIENCE = 100
dialogs.QuestionDialogs.still_working = lambda questions: False
step = FitDividers.step

def endless(job):
    while job.step_count == 3:
        time.sleep(1)
    step(job)

FitDividers.step = endless
code = app.main(sys.argv[1], screenshot=sys.argv[2], after=0.1)
print("came back")  # it should have ended at once
"""


def test_a_step_that_does_not_end_does_not_crash_the_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAVES_A_STEP, SMALL, str(tmp_path / "window.png")]
    env = os.environ | {
        "SCALEFREE_STUDIO_SETTINGS": str(tmp_path / "settings.ini"),
        "PYTHONFAULTHANDLER": "1",
    }
    env["PYTHONPATH"] = str(Path(__file__).parents[1])
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert not done.stdout and "QThread" not in done.stderr and "Fatal" not in done.stderr
