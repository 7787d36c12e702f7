"""The doctor tries everything apart from itself, and tells a crash, a hang and a missing display in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PyQt6.QtWidgets import QApplication

from scalefree_studio import cli, doctor
from scalefree_studio.doctor import BROKEN, NOTE, WORKS, Check, Tried, _try
from scalefree_studio.versions import versions
from scalefree_studio.window.shell.about import About
from scalefree_studio.window_libraries import what_to_install


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tried]:
    """What each part would find, without trying it."""
    found = {
        "packages": Tried({"broken": {}}), "torch": Tried({"gpu": "", "threads": 2, "why": "", "cuda": ""}),
        "ffmpeg": Tried({"version": "ffmpeg 7"}), "places": Tried({"runs": "."}),
        "window": Tried({"trouble": "", "fonts": 3, "font": "Sans", "version": "4.5", "renderer": "a card",
                         "screen": "screen 800×600", "platform": "xcb"}),
    }  # fmt: skip
    monkeypatch.setattr(doctor, "_try", lambda part: found[part])
    monkeypatch.setenv("DISPLAY", ":0")
    return found


def state_of(name: str) -> Check:
    return next(check for check in doctor.examine() if check.name == name)


def test_all_is_well(told: dict[str, Tried], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "OpenGL 4.5 on a card" in out and "ffmpeg 7 writes movies" in out and "no CUDA GPU" in out
    assert "Everything needed works." in out
    assert cli.main(["doctor", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] and data["versions"]["torch"] == versions()["torch"]
    assert data["checks"]["window"]["facts"]["font"] == "Sans"


def test_a_driver_that_crashes_is_told_with_what_to_do(
    told: dict[str, Tried], capsys: pytest.CaptureFixture[str]
) -> None:
    told["window"] = Tried({}, "It crashed (SIGSEGV).")
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "✗ window" in out and "crashed (SIGSEGV)" in out and "LIBGL_ALWAYS_SOFTWARE=1" in out


def test_missing_libraries_are_named(told: dict[str, Tried], monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ["libGL.so.1", "libxcb-xkb.so.1"]
    monkeypatch.setattr(doctor, "missing_libraries", lambda: missing)
    said = "ImportError: libGL.so.1: cannot open shared object file"
    told["window"] = Tried({}, f"It failed (code 1): {said}.", said)
    if sys.platform == "linux":
        assert what_to_install(missing) in state_of("window").advice
        missing.clear()  # it is another one
        assert "library named there" in state_of("window").advice
    told["window"] = Tried({}, "It crashed.", "qt.qpa.xcb: could not connect to display :0")
    assert "names a screen that is not there" in state_of("window").advice


def test_no_display_and_no_fonts(told: dict[str, Tried], monkeypatch: pytest.MonkeyPatch) -> None:
    told["window"].facts["fonts"] = 0
    assert state_of("window").state == BROKEN
    if sys.platform == "linux":
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        assert state_of("window").state == NOTE
        assert doctor.healthy(doctor.examine()), "commands need none"


def test_a_gpu_that_does_not_work_is_said(told: dict[str, Tried]) -> None:
    told["torch"].facts["why"] = "no kernel image is available"
    assert "no kernel image" in state_of("torch").words
    told["torch"].facts.update(gpu="NVIDIA H100", memory=80 * 2**30, cuda="12.8")
    assert state_of("torch").words == "NVIDIA H100, 80 GB, CUDA 12.8"


def test_a_full_disk_and_a_place_that_cannot_be_written(
    told: dict[str, Tried], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told["places"].facts["runs"] = str(tmp_path / "runs")
    assert state_of("runs").state == WORKS
    monkeypatch.setattr(doctor, "ROOM", 1 << 60)
    assert (state_of("runs").state, state_of("runs").advice[:9]) == (NOTE, "Free some")
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert "cannot be written" in state_of("runs").words


PRINTS = "import json; print('noise'); print(json.dumps({'a': 1}))"


@pytest.mark.parametrize(("program", "facts", "trouble"), [
    (PRINTS, {"a": 1}, ""),
    ("import os; os.kill(os.getpid(), 11)", {}, "It crashed (SIGSEGV)."),
    ("raise OSError('libEGL is missing')", {}, "It failed (code 1): OSError: libEGL is missing."),
    ("import time; time.sleep(60)", {}, "It did not answer within 0 seconds."),
])  # fmt: skip
def test_a_part_is_tried_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, program: str, facts: dict[str, int], trouble: str
) -> None:
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **how: run([sys.executable, "-c", program], **how))
    tried = _try("window", 0.3 if "sleep" in program else 60)
    assert (tried.facts, tried.trouble) == (facts, trouble)


def test_the_window_and_opengl_are_really_tried(qapp: QApplication) -> None:
    check = doctor.window()
    assert check.state == WORKS, check.words
    assert check.facts["renderer"] and check.facts["fonts"]


def test_about_tells_versions_and_what_the_doctor_finds(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "examine", list)
    about = About()
    about.show_checks(
        [Check("torch", WORKS, "fine"), Check("window", BROKEN, "no OpenGL", "update the driver")]
    )
    shown = [about.grid.itemAt(n).widget().text() for n in range(about.grid.count())]  # type: ignore[union-attr]
    assert shown == ["✓  torch", "fine", "✗  window", "no OpenGL\nupdate the driver"]
    about.copy.click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None and "update the driver" in clipboard.text()
    about.done(0)


def test_the_doctor_needs_nothing_that_may_be_broken() -> None:
    """Its own modules import neither torch nor Qt."""
    program = "import sys, scalefree_studio.cli; print({'torch', 'PyQt6', 'vispy', 'PIL'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    assert said.strip() == "set()"
