"""How soon the window answers while training runs at full speed behind it, against the same window at rest.

    scripts/with-display python benchmarks/latency.py [PICTURE] [--seconds 20] [--size 1440x900] [--json]

A thread posts an event to the window's loop every 20 ms; what is measured is the time until the loop handles it. Also
told: how many pictures a second were shown, and how many steps were made.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch  # before PyQt6
from PyQt6.QtCore import QCoreApplication, QEvent, QObject, QSettings
from PyQt6.QtWidgets import QApplication

from scalefree_studio.window.app import make_application
from scalefree_studio.window.main_window import MainWindow

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


def pump(app: QApplication, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        app.processEvents()
        time.sleep(0.0005)


def ping(receiver: Receiver, stop: threading.Event) -> None:
    while not stop.wait(EVERY):
        QCoreApplication.postEvent(receiver, Ping())


def measure(app: QApplication, window: MainWindow, seconds: float) -> dict[str, float]:
    """Percentiles in ms, and what was shown and learned in the meantime."""
    receiver, stop, shown = Receiver(), threading.Event(), [0, 0]
    thread = threading.Thread(target=ping, args=(receiver, stop))
    worker = window.stage.view.pictures
    count = [lambda: shown.__setitem__(0, shown[0] + 1), lambda: shown.__setitem__(1, shown[1] + 1)]
    window.shown.connect(count[0])
    worker.ready.connect(count[1])
    job = window.desk.session.job if window.desk.session else None
    steps, began = job.step_count if job else 0, time.perf_counter()
    thread.start()
    pump(app, seconds)
    stop.set()
    thread.join()
    took = time.perf_counter() - began
    window.shown.disconnect(count[0])
    worker.ready.disconnect(count[1])
    delays = sorted(receiver.delays)
    at = {f"p{p}": delays[min(len(delays) - 1, len(delays) * p // 100)] for p in (50, 90, 99)}
    steps = (job.step_count if job else 0) - steps
    return at | {
        "most": delays[-1],
        "snapshots_per_second": shown[0] / took,
        "pictures_per_second": shown[1] / took,
        "steps_per_second": steps / took,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", nargs="?", default="photo:astronaut")
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
        window.open(arguments.picture)
        while window.desk.session is None:
            pump(app, 0.1)
        pump(app, 3.0)
        learning = measure(app, window, arguments.seconds)
        window.deeds.play()
        pump(app, 2.0)  # the last fine picture is drawn
        idle = measure(app, window, min(5.0, arguments.seconds))
        gone: list[bool] = []
        window.gone.connect(lambda: gone.append(True))
        window.leave()
        while not gone:
            pump(app, 0.05)
    if arguments.json:
        print(json.dumps({"learning": learning, "idle": idle}))
        return 0
    print(
        f"window of {arguments.size}, {arguments.picture}, {torch.get_num_threads()} torch threads",
        file=sys.stderr,
    )
    for name, result in (("learning", learning), ("idle", idle)):
        delays = "  ".join(f"{key} {result[key]:6.1f} ms" for key in ("p50", "p90", "p99", "most"))
        print(
            f"{name:9} {delays}   {result['snapshots_per_second']:5.1f} snapshots/s  "
            f"{result['pictures_per_second']:5.1f} pictures/s  {result['steps_per_second']:6.1f} steps/s"
        )
    print(f"99th percentile while learning: {learning['p99']:.1f} ms of {PROMISED:g} ms promised")
    return 0


if __name__ == "__main__":
    sys.exit(main())
