"""Every way out of the window ends well: what was learnt is saved, or the person is asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from driving import SMALL, Answers, Driven, saved
from PIL import Image
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from scalefree_studio.errors import UserError
from scalefree_studio.storage.history import History
from scalefree_studio.storage.run_folder import RunFolder
from scalefree_studio.window.shell.dialogs import Keys
from scalefree_studio.window.shell.gallery import Gallery
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.widgets.theme import LIGHT
from scalefree_studio.window.work.preferences import OURS


@pytest.mark.parametrize("way", ["escape", "escape in an editor", "close", "escape twice", "paused"])
def test_every_way_out_saves(driven: Driven, way: str) -> None:
    driven.open()
    job, folder = driven.job, driven.session.folder.path
    driven.learn_on()
    if way == "escape in an editor":
        edit = driven.window.panel.form.fields["learning_rate"].edit  # type: ignore[union-attr]
        edit.setFocus()
        driven.until(edit.hasFocus)
        QTest.keyClick(edit, Qt.Key.Key_Escape)  # the keys are the picture's again
        assert not edit.hasFocus()
        driven.key(Qt.Key.Key_Escape)
    elif way == "close":
        driven.window.close()
    elif way == "paused":
        driven.pause()
        driven.key(Qt.Key.Key_Escape)
    else:
        driven.key(Qt.Key.Key_Escape)
        if "twice" in way:
            driven.window.leave()
    driven.until(lambda: driven.gone)
    assert driven.gone == [True]
    assert saved(folder).step_count == job.step_count > 0
    with History.open(folder / "history.sqlite") as history:
        assert history.index()[-1][1] == job.step_count
    assert (folder / "run.json").exists()
    assert not driven.person.asked


@pytest.mark.parametrize("way", ["escape", "close"])
def test_an_empty_window_goes_too(driven: Driven, way: str) -> None:
    if way == "close":
        driven.window.close()
    else:
        driven.key(Qt.Key.Key_Escape)
    driven.until(lambda: driven.gone)
    assert not driven.window.isVisible()


def test_escape_closes_an_open_page_first(driven: Driven) -> None:
    driven.open()
    for key in (Qt.Key.Key_F1, Qt.Key.Key_G):
        driven.key(key)
        page = driven.window.findChild(Keys if key == Qt.Key.Key_F1 else Gallery)
        assert page is not None
        assert page.isVisible()
        driven.window.activateWindow()
        driven.until(driven.window.isActiveWindow)
        driven.key(Qt.Key.Key_Escape)  # the keys are the window's, the page is still open
        assert not page.isVisible()
        driven.learn_on()
    driven.key(Qt.Key.Key_Escape)
    driven.until(lambda: driven.gone)


def test_escape_takes_back_what_was_typed(driven: Driven) -> None:
    driven.open()
    edit = driven.window.panel.form.fields["learning_rate"].edit  # type: ignore[union-attr]
    before = edit.text()
    edit.setFocus()
    QTest.keyClicks(edit, "77")
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    assert edit.text() == before
    assert not edit.hasFocus()
    driven.learn_on()
    assert not driven.gone


def test_two_windows_never_share_a_run(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    driven.until(lambda: driven.session.folder.model_path.exists() or driven.session.runner.save_soon())
    folder = driven.session.folder.path
    driven.window.open(str(folder))
    assert "already open" in driven.window.stage.toast.label.text()
    other = MainWindow(driven.settings, Answers(), runs=driven.window.sessions.runs)
    other.open(str(folder))
    driven.until(lambda: other.sessions.session is not None)
    assert other.sessions.session is not None
    assert other.sessions.session.folder.path == folder.with_name(f"{folder.name}-2")
    driven.until(lambda: "a copy" in other.stage.toast.label.text())
    gone: list[bool] = []
    other.gone.connect(lambda: gone.append(True))
    other.leave()
    driven.until(lambda: gone)
    driven.learn_on()


def test_what_cannot_be_saved_goes_elsewhere(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    driven.learn_on()
    job, folder = driven.job, driven.session.folder.path
    elsewhere = driven.person.answer = tmp_path / "elsewhere"
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    driven.leave()
    assert len(driven.person.asked) == 1
    assert "Saving failed" in driven.person.asked[0]
    assert saved(elsewhere).step_count == job.step_count
    assert (elsewhere / "run.json").exists()


def test_trying_again_is_asked_until_it_works(driven: Driven, tmp_path: Path) -> None:
    driven.open()
    folder = driven.session.folder.path

    class Repairs(Answers):
        def unsaved(self, why: str, folder: Path) -> bool:
            self.asked.append(why)
            if len(self.asked) == 2:
                folder.unlink()
            return True

    driven.window.sessions.questions = person = Repairs()
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    driven.leave()
    assert len(person.asked) == 2
    assert saved(folder).step_count > 0


def on_its_own(folder: Path) -> dict[str, str]:
    """The environment of a program that finds this house, but not the person's settings."""
    return os.environ | {
        "HOME": str(folder),  # and writes nothing among the person's documents
        "XDG_CONFIG_HOME": str(folder),
        "SCALEFREE_STUDIO_SETTINGS": str(folder / "settings.ini"),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


def frames_in(folder: RunFolder) -> int:
    """How many frames another process has recorded so far."""
    try:
        with folder.history() as history:
            return len(history)
    except UserError:  # there is no history, or it is just being made
        return 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_signals_save_and_exit_0(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "scalefree_studio", SMALL]
    program = subprocess.Popen(
        command, cwd=tmp_path, env=on_its_own(tmp_path), stderr=subprocess.PIPE, text=True
    )
    try:
        folder = RunFolder(tmp_path / "Documents" / OURS / "lines-5")
        while program.poll() is None and not frames_in(folder):
            time.sleep(0.1)
        program.send_signal(number)
        _, told = program.communicate(timeout=60)
    finally:
        program.kill()
        program.wait()
    assert program.returncode == 0, told
    assert "Traceback" not in told
    assert saved(folder.path).step_count > 0


class Held:
    """Steps of a job that do not end until they are let go."""

    def __init__(self, driven: Driven, monkeypatch: pytest.MonkeyPatch):
        self._free, self._within, step = threading.Event(), threading.Event(), driven.job.step

        def held() -> None:
            self._within.set()
            self._free.wait(60)
            step()

        monkeypatch.setattr(driven.job, "step", held)
        driven.until(self._within.is_set)

    def let_go(self) -> None:
        self._free.set()


def test_leaving_while_another_is_about_to_begin(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    driven.open()
    held, sessions = Held(driven, monkeypatch), driven.window.sessions
    begun: list[bool] = []
    sessions.begun.connect(lambda: begun.append(True))
    driven.window.open("synthetic:circles-3")
    driven.until(lambda: sessions.ending)
    driven.window.leave()
    held.let_go()
    driven.until(lambda: driven.gone)
    assert not begun and sessions.session is None


def test_leaving_without_the_end_of_a_step(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    driven.open()
    held, sessions, session = Held(driven, monkeypatch), driven.window.sessions, driven.session
    sessions._slow.setInterval(10)
    driven.window.leave()
    driven.until(lambda: driven.gone)
    assert sessions.abandoned and not session.ended
    told: list[bool] = []
    sessions.changed.connect(lambda: told.append(True))
    sessions.ready.connect(lambda: told.append(True))
    held.let_go()
    assert session.join(20)
    driven.qtbot.wait(10)
    assert session.ended and not told  # the window may have been destroyed by then


LEFT_BEHIND = """
import gc, sys
from PyQt6 import sip
from PyQt6.QtCore import QObject
from scalefree_studio.window.shell.app import main
assert main(sys.argv[1], screenshot=sys.argv[2], after=0.1) == 0
left = [o for o in gc.get_objects() if issubclass(type(o), QObject) and not sip.isdeleted(o)]
print(*sorted(type(o).__name__ for o in left if sip.ispyowned(o) and o.children()))
"""


def test_nothing_is_left_for_python_to_destroy_at_its_end(tmp_path: Path) -> None:
    """PyQt destroys in no order what it finds then; where one thing holds others, it may crash."""
    command = [sys.executable, "-c", LEFT_BEHIND, SMALL, str(tmp_path / "window.png")]
    done = subprocess.run(
        command, cwd=tmp_path, env=on_its_own(tmp_path), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["QApplication"]


def test_a_picture_of_the_window_by_a_command(tmp_path: Path) -> None:
    out, settings = tmp_path / "window.png", tmp_path / "settings.ini"
    settings.write_text("[General]\nautosave=60\n")
    command = [sys.executable, "-m", "scalefree_studio", SMALL, "--screenshot", str(out), "--after", "1"]
    command += ["--size", "1000x700", "--theme", "light"]
    done = subprocess.run(
        command, cwd=tmp_path, env=on_its_own(tmp_path), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert settings.read_text() == "[General]\nautosave=60\n", "the person's own stay"
    with Image.open(out) as picture:
        assert picture.size == (1000, 700)
        pixels = np.asarray(picture.convert("RGB"))
    assert tuple(pixels[690, 990]) == tuple(bytes.fromhex(LIGHT.panel[1:]))
    middle = pixels[100:450, 50:600].reshape(-1, 3)
    assert len(np.unique(middle, axis=0)) > 50  # the canvas is in it
