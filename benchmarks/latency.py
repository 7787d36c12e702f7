"""How soon the window answers while something learns or draws at full speed behind it, against the window at rest.

    scripts/with-display python benchmarks/latency.py [SUBJECT] [--set NAME=VALUE …] [--seconds 20] [--size 1440x900]

SUBJECT is whatever the window opens: a picture, dataset:digits, model:mnist. What is drawn is drawn again and again.
A thread posts an event to the window's loop every 20 ms; what is measured is the time until the loop handles it. Also
told: how many snapshots and drawings of the canvas a second there were, and how many steps were made.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch  # before PyQt6
from PyQt6.QtCore import QCoreApplication, QEvent, QObject, QSettings
from PyQt6.QtWidgets import QApplication

from scalefree_studio.window.shell.app import destroy, make_application
from scalefree_studio.window.shell.main_window import MainWindow
from scalefree_studio.window.views.drawing_view import DrawingView

EVERY = 0.02
PROMISED = 50.0  # ms, at the 99th percentile


class Ping(QEvent):
    KIND = QEvent.Type(QEvent.registerEventType())

    def __init__(self) -> None:
        super().__init__(Ping.KIND)
        self.sent = time.perf_counter()


class Receiver(QObject):
    """Notes how long each event took."""

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, Ping):
            self.delays.append((time.perf_counter() - event.sent) * 1000)
            return True
        return super().event(event)


def pump(app: QApplication, seconds: float, between: Callable[[], object] = lambda: None) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        app.processEvents()
        between()
        time.sleep(0.0005)


def ping(receiver: Receiver, stop: threading.Event) -> None:
    while not stop.wait(EVERY):
        QCoreApplication.postEvent(receiver, Ping())


def measure(app: QApplication, window: MainWindow, seconds: float) -> dict[str, float]:
    """Percentiles in ms, and what was shown and learned in the meantime."""
    receiver, stop, shown = Receiver(), threading.Event(), [0, 0]
    thread = threading.Thread(target=ping, args=(receiver, stop))
    drawings = window.stage.view.canvas.events.draw

    def snapshot() -> None:
        shown[0] += 1

    def drawing(event: object) -> None:
        shown[1] += 1

    window.shown.connect(snapshot)
    drawings.connect(drawing)
    session = window.sessions.session
    assert session is not None
    steps, began = session.job.step_count, time.perf_counter()
    thread.start()
    pump(app, seconds, lambda: keep_busy(window))
    stop.set()
    thread.join()
    took = time.perf_counter() - began
    window.shown.disconnect(snapshot)
    drawings.disconnect(drawing)
    delays = sorted(receiver.delays)
    at = {f"p{p}": delays[min(len(delays) - 1, len(delays) * p // 100)] for p in (50, 90, 99)}
    return at | {
        "most": delays[-1],
        "snapshots_per_second": shown[0] / took,
        "drawings_per_second": shown[1] / took,
        "steps_per_second": (session.job.step_count - steps) / took,
    }


def keep_busy(window: MainWindow) -> None:
    """A drawing that is done is followed by another, as by the key X."""
    view = window.stage.view
    if isinstance(view, DrawingView) and view.drawing is not None and view.drawing.done:
        view.next_wall()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subject", nargs="?", default="photo:astronaut")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a control's value")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--size", default="1440x900")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    app = make_application()
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)
        window = MainWindow(settings, runs=Path(folder))
        window.resize(*(int(n) for n in arguments.size.split("x")))
        window.show()
        window.open(arguments.subject)
        while window.sessions.session is None:
            pump(app, 0.1)
        window.stage.view.set_controls({
            name: json.loads(value) for name, value in (text.split("=") for text in arguments.set)
        })  # fmt: skip
        pump(app, 3.0)
        working = measure(app, window, arguments.seconds)
        window.sessions.session.runner.pause()
        pump(app, 2.0)  # the last fine picture is drawn
        idle = measure(app, window, min(5.0, arguments.seconds))
        gone: list[bool] = []
        window.gone.connect(lambda: gone.append(True))
        window.leave()
        while not gone:
            pump(app, 0.05)
        destroy(window)
    if arguments.json:
        print(json.dumps({"working": working, "idle": idle}))
        return 0
    print(
        f"window of {arguments.size}, {arguments.subject}, {torch.get_num_threads()} torch threads",
        file=sys.stderr,
    )
    for name, result in (("working", working), ("idle", idle)):
        delays = "  ".join(f"{key} {result[key]:6.1f} ms" for key in ("p50", "p90", "p99", "most"))
        print(
            f"{name:9} {delays}   {result['snapshots_per_second']:5.1f} snapshots/s  "
            f"{result['drawings_per_second']:5.1f} drawings/s  {result['steps_per_second']:6.1f} steps/s"
        )
    print(f"99th percentile while working: {working['p99']:.1f} ms of {PROMISED:g} ms promised")
    return 0


if __name__ == "__main__":
    sys.exit(main())
