"""Random hands on the window: keys, mouse, controls, pictures and networks, until the time is up; then it leaves.

    scripts/with-display .venv/bin/python scripts/monkey.py [--minutes 5] [--seed 0]

Says what it did last, and exits with 1, where anything was raised or the window did not go. A crash is told by Python.
The same seed begins in the same way, but what a thread does meanwhile is never the same twice.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import math
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch  # noqa: F401  before PyQt6
from PyQt6.QtCore import QPoint, QPointF, QSettings, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog, QWidget

from scalefree_studio.controls import Control, controls_of
from scalefree_studio.window.shell.app import destroy, make_application
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.work.sessions import Questions

SUBJECTS = (
    "model:digits", "model:mnist", "model:photographs", "dataset:digits", "photo:astronaut", "drawing:balloon",
    "synthetic:lines-5", "synthetic:both-8", "photo:of-nothing",
)  # fmt: skip
NOT_THESE = ("leave", "about")  # the end; a dialog that waits for an answer
MODEST = 12  # what makes networks large stays below this
LEAVING = 60.0  # seconds


class Patient(Questions):
    def still_working(self) -> bool:
        return True


class Monkey:
    def __init__(self, window: MainWindow, folder: Path, seed: int):
        self.window, self.folder, self.random = window, folder, random.Random(seed)
        self.did: deque[str] = deque(maxlen=20)
        self.acts: list[tuple[int, Callable[[], object]]] = [
            (5, self.open), (25, self.command), (15, self.click), (15, self.drag), (10, self.wheel), (15, self.control),
            (7, self.past), (3, self.size), (3, self.instrument), (2, window.close_dialogs),
        ]  # fmt: skip

    def act(self) -> None:
        weights = [weight for weight, _ in self.acts]
        _, act = self.random.choices(self.acts, weights)[0]
        self.did.append(f"{act.__name__}: {act()}")

    @property
    def canvas(self) -> QWidget:
        view = self.window.stage.view
        canvas: QWidget = view if view.canvas is None else view.canvas.native
        return canvas

    def somewhere(self, widget: QWidget) -> QPoint:
        return QPoint(
            self.random.randrange(max(1, widget.width())), self.random.randrange(max(1, widget.height()))
        )

    def open(self) -> str:
        runs = sorted((self.folder / "runs").glob("*"))
        subject = str(self.random.choice(runs)) if runs and self.random.random() < 0.4 else ""
        subject = subject or self.random.choice(SUBJECTS)
        self.window.open(subject)
        return subject

    def command(self) -> str:
        name = self.random.choice([name for name in self.window.actions_ if name not in NOT_THESE])
        action = self.window.actions_[name]
        if action.isEnabled() and action.isVisible():
            action.trigger()
        return name

    def click(self) -> QPoint:
        place = self.somewhere(self.canvas)
        button = self.random.choice((Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton))
        shift = self.random.choice((Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier))
        QTest.mouseClick(self.canvas, button, shift, place)
        return place

    def drag(self) -> tuple[QPoint, QPoint]:
        canvas = self.canvas
        start, end = self.somewhere(canvas), self.somewhere(canvas)
        button = self.random.choice((Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton))
        QTest.mousePress(canvas, button, pos=start)
        for part in range(1, 6):
            QTest.mouseMove(canvas, start + (end - start) * part / 5)
            QTest.qWait(20)
        QTest.mouseRelease(canvas, button, pos=end)
        return start, end

    def wheel(self) -> int:
        canvas, turned = self.canvas, self.random.choice((-600, -120, 120, 600))
        at = QPointF(self.somewhere(canvas))
        shift = self.random.choice((Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier))
        event = QWheelEvent(
            at, canvas.mapToGlobal(at), QPoint(), QPoint(0, turned), Qt.MouseButton.NoButton, shift,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        app.sendEvent(canvas, event)
        return turned

    def control(self) -> str:
        session = self.window.sessions.session
        if session is None:
            return "none"
        control = self.random.choice(controls_of(session.job.controls))
        value = self.value_of(control)
        self.window.stage.view.set_controls({control.name: value})
        return f"{control.name} {value}"

    def value_of(self, control: Control) -> Any:
        if control.type is bool:
            return self.random.random() < 0.5
        if control.choices:
            return self.random.choice(control.choices)
        low, high = control.low or 0.0, min(control.high or 1.0, 300.0)
        if control.type is int and not control.live:
            high = max(low, min(high, MODEST))
        if control.scale == "log" and 0 < low < high:
            value = math.exp(self.random.uniform(math.log(low), math.log(high)))
        else:
            value = self.random.uniform(low, high)
        return control.type(value)

    def past(self) -> QPoint:
        timeline = self.window.transport.timeline
        place = self.somewhere(timeline)
        QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=place)
        return place

    def size(self) -> tuple[int, int]:
        wide, high = self.random.randint(480, 1600), self.random.randint(360, 1000)
        self.window.resize(wide, high)
        return wide, high

    def instrument(self) -> str:
        name = self.random.choice(list(self.window.panel.instruments))
        self.window.panel.instruments[name].click()
        return name


def answer_dialogs(monkey: Monkey) -> None:
    """Nobody is asked for a file; half of what can be exported is exported."""
    count = iter(range(1_000_000))

    def place(*_: object, **__: object) -> tuple[str, str]:
        suffix = monkey.random.choice((".png", ".mp4", ".svg", ".txt", ""))
        return (str(monkey.folder / f"{next(count)}{suffix}") if monkey.random.random() < 0.5 else "", "")

    QFileDialog.getSaveFileName = place
    QFileDialog.getOpenFileName = lambda *_, **__: ("", "")
    QFileDialog.getExistingDirectory = lambda *_, **__: ""


def until(done: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        QTest.qWait(5)
    return bool(done())


def hear_of(trouble: list[str]) -> None:
    """Whatever is raised, in slots, in threads, and in VisPy's callbacks, which catch it and log it."""

    def raised(kind: Any, error: Any, trace: Any) -> None:
        trouble.append("".join(traceback.format_exception(kind, error, trace)))

    sys.excepthook = raised
    threading.excepthook = lambda told: raised(told.exc_type, told.exc_value, told.exc_traceback)
    log = logging.Handler(logging.WARNING)
    log.emit = lambda record: trouble.append(record.getMessage())
    logging.getLogger("vispy").addHandler(log)


def main(minutes: float, seed: int, folder: Path) -> int:
    trouble: list[str] = []
    hear_of(trouble)
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("exported", str(folder))
    window = MainWindow(settings, Patient(), runs=folder / "runs")
    window.show()
    monkey = Monkey(window, folder, seed)
    answer_dialogs(monkey)
    end, count = time.monotonic() + 60 * minutes, 0
    monkey.open()
    while time.monotonic() < end and not trouble:
        monkey.act()
        count += 1
        QTest.qWait(monkey.random.choice((0, 20, 100, 300)))
    gone: list[bool] = []
    window.gone.connect(lambda: gone.append(True))
    window.leave()
    went = until(lambda: gone, LEAVING)
    destroy(window)
    print(f"seed {seed}: {count} acts, {len(trouble)} troubles{'' if went else ', and it did not go'}")
    if trouble or not went:
        print(*trouble, *monkey.did, sep="\n")
    return int(bool(trouble) or not went)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    faulthandler.enable()
    app = make_application()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        sys.exit(main(asked.minutes, asked.seed, Path(name)))
