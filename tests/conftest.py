"""What many tests need: a window, a network that has hardly learnt, a quiet place to work."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# Where it is ignored, as in what a shell has put into the background, programs that tests start would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")

# A folder of the tests' own for what is temporary: at the end there must be nothing in it. Pytest's own folders and
# torch's cache stay where a person looks for them.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(tempfile.gettempdir(), "torchinductor"))
TEMPORARY = os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="scalefree-tests-")
os.chmod(TEMPORARY, 0o755)  # some try what a user without rights may do

if TYPE_CHECKING:
    from driving import Driven
    from pytestqt.qtbot import QtBot


@pytest.fixture(autouse=True, scope="session")
def _nothing_temporary_stays() -> Iterator[None]:
    yield
    if "places" in sys.modules:
        sys.modules["places"].ALL.cleanup()
    assert not os.listdir(TEMPORARY), "tests, or what they tried, left this behind"


@pytest.fixture(autouse=True, scope="session")
def _no_report_of_a_test_reaches_a_person(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The next start would offer it as a crash of the studio."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True, scope="module")
def _torch_in_one_thread() -> None:
    """Two threads on busy cores make a step of a tiny network take ten times as long, and more."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def _the_canvas_before_is_gone(request: pytest.FixtureRequest) -> None:
    """Collects the canvases of earlier tests before a test that may make its own.

    A canvas and its Qt widget refer to one another, so they live until some garbage collection. If that comes while
    another canvas draws, the dying widget takes the current OpenGL context with it, and the process crashes.
    """
    if "qapp" in request.fixturenames:
        gc.collect()


@pytest.fixture(autouse=True)
def _every_thread_was_waited_for(request: pytest.FixtureRequest) -> Iterator[None]:
    """A QThread that is destroyed while it runs ends the process."""
    yield
    if "qapp" in request.fixturenames:
        from scalefree_studio.window.work.job_thread import JobThread

        assert not [thread.objectName() for thread in JobThread.begun]


def pytest_unconfigure() -> None:
    shutil.rmtree(TEMPORARY, ignore_errors=True)
    _end_windows()


def _end_windows() -> None:
    """Windows that tests have left end before Python does: see `destroy` in window/shell/app.py."""
    if "PyQt6.QtWidgets" in sys.modules:
        from PyQt6 import sip
        from PyQt6.QtWidgets import QApplication

        for widget in QApplication.topLevelWidgets():
            if not sip.isdeleted(widget):  # with its parent
                sip.delete(widget)


@pytest.fixture
def driven(qtbot: QtBot, tmp_path: Path) -> Iterator[Driven]:
    """An empty window; after the test, it and everything behind it must be gone."""
    from driving import OURS, Driven  # only here: most tests need no Qt
    from PyQt6.QtCore import QTimer

    driven = Driven(qtbot, tmp_path)
    yield driven
    driven.leave()
    assert not driven.window.isVisible()
    driven.until(lambda: not [t.name for t in threading.enumerate() if t.name in OURS])
    assert not [t for t in driven.window.findChildren(QTimer) if t.isActive()]
    driven.window.deleteLater()
    qtbot.wait(1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a network that has hardly learnt."""
    from driven_drawings import hardly_learnt

    return hardly_learnt(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch in one thread, and a folder of the test's own to work in."""
    import torch

    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def untold(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A person who has set nothing for trackers, which are imported afresh."""
    from small_trackers import SETTINGS, forget

    for name in (*SETTINGS, "WANDB_NAME"):
        monkeypatch.delenv(name, raising=False)
    forget()
    yield
    forget()
