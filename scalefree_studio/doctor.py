"""What works on this machine, what does not, and what to do about it.

Each part is really tried, in a process of its own with a time limit: a graphics driver that crashes or waits for ever
is told like everything else.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .assets import data_root
from .crashes import state_folder
from .versions import PACKAGES, versions
from .window_libraries import missing_libraries, what_to_install

LIMIT = 120.0  # seconds for each part
ROOM = 1 << 30  # bytes that a run, its recording and a movie may want
WORKS, NOTE, BROKEN = "works", "note", "broken"
NAMED = {
    "scalefree-studio": "studio", "python": "Python", "torch": "torch", "PyQt6": "PyQt", "PyQt6-Qt6": "Qt",
    "vispy": "VisPy", "numpy": "numpy", "system": "on",
}  # fmt: skip
DRAW_IN_SOFTWARE = (
    "Update the graphics driver; or let the processor draw: LIBGL_ALWAYS_SOFTWARE=1 scalefree-studio "
    "(on Wayland, QT_QPA_PLATFORM=xcb may help)."
)
INSTALL_AGAIN = "Install again: make, or pip install ."
MARKS = {WORKS: "✓", NOTE: "·", BROKEN: "✗"}


@dataclass(frozen=True)
class Check:
    """One part: whether it works, in a sentence, and what to do if not."""

    name: str
    state: str  # works; note: does without, or only in part; broken
    words: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def examine() -> list[Check]:
    """All parts, the slow ones beside each other."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        tried = [pool.submit(part) for part in (packages, torch, window, ffmpeg)]
        return [*(each.result() for each in tried), *folders()]


def healthy(checks: list[Check]) -> bool:
    return not any(check.state == BROKEN for check in checks)


def in_words(checks: list[Check]) -> str:
    """For a person: a line a part, and what to do beneath it."""
    lines = []
    for check in checks:
        lines.append(f"  {MARKS[check.state]} {check.name:<12}{check.words}")
        if check.advice:
            lines.append(f"    {'':<12}→ {check.advice}")
    end = "Everything needed works." if healthy(checks) else "Something needed does not work: see above."
    return "\n".join([*lines, "", f"  {end}"])


def as_data(checks: list[Check]) -> dict[str, Any]:
    parts = {check.name: {k: v for k, v in asdict(check).items() if k != "name"} for check in checks}
    return {"ok": healthy(checks), "versions": versions(), "checks": parts}


# The parts.


def packages() -> Check:
    """Whether everything can be imported."""
    found, installed = _try("packages"), versions()
    if missing := [name for name in PACKAGES if not installed[name]]:
        return Check("packages", BROKEN, f"{', '.join(missing)} is missing.", INSTALL_AGAIN)
    if found.trouble:
        return Check("packages", BROKEN, found.trouble, INSTALL_AGAIN, installed)
    if broken := found.facts["broken"]:
        said = "; ".join(f"{name}: {why}" for name, why in broken.items())
        return Check("packages", BROKEN, f"Some cannot be imported: {said}", _install(said), installed)
    words = ", ".join(f"{title} {installed[name]}" for name, title in NAMED.items())
    return Check("packages", WORKS, words, facts=installed)


def torch() -> Check:
    """The processor, and a GPU if torch can use one: something is computed on it."""
    found = _try("torch")
    if found.trouble:
        return Check("torch", BROKEN, found.trouble, "Install torch again: https://pytorch.org/get-started")
    facts = found.facts
    if facts["gpu"]:
        words = f"{facts['gpu']}, {facts['memory'] / 2**30:.0f} GB, CUDA {facts['cuda']}"
        return Check("torch", WORKS, words, facts=facts)
    processor = f"on the processor, {facts['threads']} thread{'s' * (facts['threads'] != 1)}"
    if facts["why"]:
        return Check(
            "torch", NOTE, f"{processor}; the GPU does not work: {facts['why']}", "Update its driver.", facts
        )
    return Check("torch", WORKS, f"{processor}; no CUDA GPU", facts=facts)


def window() -> Check:
    """A screen, its fonts, and OpenGL: something is drawn, and read back."""
    if sys.platform not in ("win32", "darwin") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return Check(
            "window", NOTE, "There is no display, so no window can open. All commands work without one."
        )
    found = _try("window")
    if found.trouble:
        return Check("window", BROKEN, found.trouble, _install(found.said) or DRAW_IN_SOFTWARE)
    facts = found.facts
    if facts["trouble"]:
        return Check("window", BROKEN, facts["trouble"], DRAW_IN_SOFTWARE, facts)
    if not facts["fonts"]:
        return Check(
            "window", BROKEN, "There are no fonts.", "Install some, such as fonts-dejavu-core.", facts
        )
    words = (
        f"OpenGL {facts['version']} on {facts['renderer']}; {facts['platform']}, {facts['screen']}; "
        f"{facts['fonts']} fonts, {facts['font']}"
    )
    return Check("window", WORKS, words, facts=facts)


def ffmpeg() -> Check:
    """Whether a movie can be written: a short one is."""
    found = _try("ffmpeg")
    if found.trouble:
        return Check(
            "ffmpeg", BROKEN, found.trouble, "Install imageio-ffmpeg again, or set IMAGEIO_FFMPEG_EXE."
        )
    return Check("ffmpeg", WORKS, f"{found.facts['version']} writes movies", facts=found.facts)


def folders() -> list[Check]:
    """Where things live, whether one may write there, and how much room is left."""
    found, asked = [], _try("places")
    runs = Path(asked.facts.get("runs") or "output").absolute()
    for name, path, what in (
        ("runs", runs, "new runs from the window"), ("data", data_root(), "downloads"),
        ("state", state_folder(), "crash reports"),
    ):  # fmt: skip
        there = next(each for each in (path, *path.parents) if each.is_dir())
        free = shutil.disk_usage(there).free
        words, facts = f"{path} ({what}), {free / 2**30:.1f} GB free", {"path": str(path), "free": free}
        if not os.access(there, os.W_OK):
            found.append(
                Check(name, NOTE, f"{path} cannot be written ({what}).", "Start it in another folder.", facts)
            )
        elif free < ROOM:
            found.append(
                Check(name, NOTE, words, "Free some space: recordings and movies may need more.", facts)
            )
        else:
            found.append(Check(name, WORKS, words, facts=facts))
    return found


# How something is tried.


@dataclass(frozen=True)
class Tried:
    facts: dict[str, Any]
    trouble: str = ""  # in a sentence
    said: str = ""  # by the process itself


def _try(part: str, limit: float = LIMIT) -> Tried:
    """What a process finds out about a part, or how it ended instead."""
    command = [sys.executable, "-c", f"from scalefree_studio.probes import show; show({part!r})"]
    try:
        ended = subprocess.run(
            command, capture_output=True, timeout=limit, text=True, errors="replace", stdin=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(), env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Tried({}, f"It did not answer within {limit:.0f} seconds.")
    except OSError as error:
        return Tried({}, f"It cannot be tried: {error.strerror or error}.")
    said = ended.stderr.strip()
    if ended.returncode == 0 and (lines := ended.stdout.strip().splitlines()):
        return Tried(json.loads(lines[-1]), said=said)
    return Tried({}, f"It {_end(ended.returncode)}{_last(said)}.", said)


def _end(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"failed (code {code})"
    try:
        return f"crashed ({signal.Signals(-code).name})"
    except ValueError:
        return f"crashed (signal {-code})"


def _last(said: str) -> str:
    """The line that says why."""
    lines = [
        line.strip()
        for line in said.splitlines()
        if line.strip() and not line.startswith((" ", "Thread", "Current"))
    ]
    telling = [line for line in lines if "Error" in line or "could not" in line.lower() or "cannot" in line]
    return f": {(telling or lines)[-1].rstrip('.')[:300]}" if lines else ""


def _install(said: str) -> str:
    """What to do where a library of the system, or the screen itself, is missing."""
    if "could not connect to display" in said:
        return f"DISPLAY names a screen that is not there: {os.environ.get('DISPLAY', '')}."
    if ".so" not in said and "xcb" not in said:
        return ""
    if sys.platform != "linux":
        return "Install again: pip install --force-reinstall PyQt6"
    if missing := missing_libraries():
        return f"Install what windows need: {what_to_install(missing)}"
    return "Install the library named there with your system's package manager."
