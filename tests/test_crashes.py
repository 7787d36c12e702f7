"""Whatever breaks is written down: in a slot, in a thread, and hard; and it is offered at the next start, once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import ALONE
from driving import Driven
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication, QPushButton

from scalefree_studio import crashes
from scalefree_studio.errors import UserError
from scalefree_studio.window.shell.app import saving_what_is_learnt
from scalefree_studio.window.shell.broken import LATER, NOW, Broken, Report
from scalefree_studio.window.work.background import Background


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, and nothing told yet."""
    folder = tmp_path / "state"
    monkeypatch.setattr(crashes, "state_folder", lambda: folder)
    monkeypatch.setattr(crashes, "_told", set())
    crashes._done.clear()
    return folder


def broken() -> ValueError:
    try:
        raise ValueError("the wheel came off")
    except ValueError as error:
        return error


def test_a_report_names_itself_and_has_versions_the_traceback_and_what_was_done(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crashes.note("add_line")
    crashes.note("add_line")
    crashes.note("undo")
    path = crashes.report(broken())
    assert path is not None and path.parent == state
    text = path.read_text()
    assert "torch: " in text and "PyQt6: " in text and "python: " in text
    assert "did: add_line\ndid: undo\n" in text
    assert "ValueError: the wheel came off" in text and __file__ in text
    assert str(path) in capsys.readouterr().err


def test_the_same_place_is_told_once_and_never_without_end(state: Path) -> None:
    def fall(depth: int) -> ValueError:
        return broken() if not depth else fall(depth - 1)

    assert sum(crashes.report(broken()) is not None for _ in range(4)) == 1
    for n in range(2 * crashes.MOST):
        program = "\n" * n + "try:\n 1 / 0\nexcept Exception as error: crashes.report(error)"
        exec(compile(program, "made", "exec"))  # another line each time
    assert len(list(state.glob("crash-*"))) == crashes.MOST


def test_what_is_learnt_is_saved_before_the_report(state: Path) -> None:
    seen: list[int] = []
    forget = crashes.before_a_report(lambda: seen.append(len(list(state.glob("*")))))
    crashes.report(broken())
    forget()
    crashes.report(broken())
    assert seen == [0]


def test_where_nothing_can_be_written_the_error_is_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(crashes, "state_folder", lambda: tmp_path / "file" / "state")
    assert crashes.report(broken()) is None
    assert "the wheel came off" in capsys.readouterr().err
    assert crashes.unseen() == []


def test_a_report_is_offered_once(state: Path) -> None:
    path = crashes.report(broken())
    assert crashes.unseen() == [path]
    (offered,) = crashes.seen(crashes.unseen())
    assert offered.exists() and crashes.unseen() == []


HARD = """
import sys
from scalefree_studio import cli, crashes
crashes.begin(["scalefree-studio", "fit"])
crashes.note("record")
import faulthandler; faulthandler._sigsegv()
"""


def test_a_hard_crash_leaves_a_report_of_where_it_was(state: Path, tmp_path: Path) -> None:
    home = {
        "XDG_STATE_HOME": str(tmp_path / "hard"),
        "LOCALAPPDATA": str(tmp_path / "hard"),
        "HOME": str(tmp_path),
    }
    ended = subprocess.run([sys.executable, "-c", HARD], env={**ALONE, **home}, capture_output=True)
    assert ended.returncode
    (left,) = tmp_path.rglob("running-*.txt")
    state.mkdir()
    left.rename(state / left.name)
    (report,) = crashes.unseen()
    text = report.read_text()
    assert "Fatal Python error" in text and "did: record" in text and "torch: " in text
    assert "scalefree-studio fit" in text


def test_what_was_killed_or_still_runs_is_no_crash(state: Path) -> None:
    state.mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (state / f"running-{gone.pid}.txt").write_text("The studio ended.\ndid: open\n")
    crashes_now = state / f"running-{crashes.os.getpid()}.txt"
    crashes_now.write_text("Fatal Python error")  # ours: it lives
    assert crashes.unseen() == []
    assert [path.name for path in state.iterdir()] == [crashes_now.name]


def test_a_crash_is_told_though_the_next_process_has_the_same_number(state: Path) -> None:
    state.mkdir()
    (state / f"running-{os.getpid()}.txt").write_text("Fatal Python error: Segmentation fault")
    program = f"""
import os, pathlib
from scalefree_studio import crashes
os.getpid = lambda: {os.getpid()}
crashes.state_folder = lambda: pathlib.Path({str(state)!r})
crashes.begin(["scalefree-studio"])
assert len(crashes.unseen()) == 1
"""
    subprocess.run([sys.executable, "-c", program], env=ALONE, check=True)
    (report,) = crashes.unseen()
    assert report.read_text() == "Fatal Python error: Segmentation fault"
    assert [path.name for path in state.iterdir()] == [report.name]


def test_old_reports_go_also_those_that_were_seen(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "KEPT", 2)
    state.mkdir()
    for n in range(4):
        for kind in ("crash", "seen"):
            path = state / f"{kind}-{n}.txt"
            path.write_text("The wheel came off.")
            os.utime(path, (n, n))
    assert [path.name for path in crashes.unseen()] == ["crash-3.txt", "crash-2.txt"]
    assert sorted(path.name for path in state.iterdir()) == [
        "crash-2.txt", "crash-3.txt", "seen-2.txt", "seen-3.txt"
    ]  # fmt: skip


def test_a_command_that_breaks_writes_one_and_ends_with_1(tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "HOME": str(tmp_path)}
    program = "import sys\nfrom scalefree_studio import cli\ncli.main = lambda: 1 / 0\ncli.entry()"
    ended = subprocess.run(
        [sys.executable, "-c", program], env={**ALONE, **home}, capture_output=True, text=True
    )
    assert ended.returncode == 1
    (path,) = tmp_path.rglob("crash-*.txt")
    assert str(path) in ended.stderr and "ZeroDivisionError" in ended.stderr
    assert not list(tmp_path.rglob("running-*"))


def test_a_slot_that_breaks_saves_and_says_so_and_the_window_goes_on(driven: Driven, state: Path) -> None:
    driven.open()
    window, tell = driven.window, Broken(driven.window)
    model = driven.session.folder.model_path
    model.unlink(missing_ok=True)
    with saving_what_is_learnt(window, tell):
        QTimer.singleShot(0, lambda: 1 / 0)
        driven.until(lambda: window.stage.toast.label.text() == NOW)
        driven.until(model.exists)
    driven.learn_on()
    shown = {button.text(): button for button in window.stage.toast.findChildren(QPushButton)}
    assert {"Show", "Copy", "Folder", "Dismiss"} <= set(shown)
    shown["Copy"].click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None and "ZeroDivisionError" in clipboard.text()


def test_a_thread_that_breaks_is_told_in_the_window(driven: Driven, state: Path) -> None:
    tell = Broken(driven.window)
    with saving_what_is_learnt(driven.window, tell):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        driven.until(lambda: driven.window.stage.toast.label.text() == NOW)
        thread.join()
    assert len(list(state.glob("crash-*"))) == 1


def test_work_in_the_background_that_breaks_is_written_down_and_a_persons_error_is_not(
    qapp: QApplication, state: Path
) -> None:
    def refuse() -> None:
        raise UserError("There is no such file.")

    background = Background("opening")
    background.submit(refuse, lambda _: None)
    background.submit(lambda: 1 / 0, lambda _: None)
    background.submit(lambda: None, lambda _: None)
    background._work.put(None)
    background._thread.join()
    assert len(list(state.glob("crash-*"))) == 1


def test_the_next_start_offers_it_once_and_shows_it(driven: Driven, state: Path) -> None:
    crashes.report(broken())
    tell = Broken(driven.window)
    tell.tell_of_the_last_time()
    toast = driven.window.stage.toast
    assert toast.label.text() == LATER
    driven.open()
    assert toast.isVisible() and toast.label.text() == LATER  # as at a start, where something is opened then
    next(b for b in toast.findChildren(QPushButton) if b.text() == "Show").click()
    report = driven.window.findChild(Report)
    assert report is not None and "the wheel came off" in report.text.toPlainText()
    report.close()
    toast.hide()
    tell.tell_of_the_last_time()
    assert toast.isHidden()
