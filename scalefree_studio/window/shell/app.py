"""Opens the window, and sees to it that every way out is the same one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import torch  # noqa: F401  before PyQt6: the other way round its libraries do not load on Windows
from PyQt6 import sip
from PyQt6.QtCore import QCoreApplication, QSettings, QSocketNotifier, Qt, QTimer
from PyQt6.QtGui import QSurfaceFormat
from PyQt6.QtWidgets import QApplication

from ... import crashes
from ...errors import UserError
from ...sizes import shape_of
from ...storage.bin import empty_bin
from ..work.preferences import GALLERY, LAST, name_application, settings_of
from .broken import Broken
from .main_window import MainWindow

FIRST = "photo:astronaut"


def main(
    subject: str | None = None,
    *,
    theme: str | None = None,
    size: str | None = None,
    screenshot: str | None = None,
    after: float = 10.0,
) -> int:
    """Open the window on a picture, a model file or a run folder; without one, on what was last learning."""
    wanted = _size(size)
    app = make_application()
    settings = settings_of()
    if screenshot:  # of the window as it is at first; the person's own settings stay as they are
        settings = QSettings("", QSettings.Format.IniFormat)  # in no file
        settings.setValue("hints", False)
    window = MainWindow(settings)
    broken = Broken(window)
    with saving_what_is_learnt(window, broken):
        window.gone.connect(app.quit)
        if theme:
            window.prefer("theme", theme)
        if wanted:
            window.resize(*wanted)
        window.show()
        broken.tell_of_the_last_time()
        say_where_runs_go(window)
        place = window.sessions.runs
        window.sessions.read(lambda: empty_bin(place, time.time()), lambda _: None, lambda _: None)
        begin(window, subject)
        if screenshot:
            take_picture_later(window, Path(screenshot), after)
        with watching_signals(window):
            code = app.exec()
        abandoned = window.sessions.abandoned
        destroy(window)
    if abandoned:  # Python would crash over a thread that computes on, and nothing is left to save
        os._exit(code)
    return code


def begin(window: MainWindow, subject: str | None) -> None:
    """On what was named, or as the person prefers to start."""
    start, recent = window.memory.preferences.start, window.memory.recent()
    if subject is None and start == GALLERY:
        window.stage.show_empty()
        window.do("show_gallery")
    else:
        newest = str(recent[0]) if recent and start == LAST else FIRST
        window.open(subject or newest)


def make_application() -> QApplication:
    """The one QApplication, made as OpenGL in docks and on high-DPI screens wants it."""
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    name_application()
    form = QSurfaceFormat.defaultFormat()
    form.setSwapInterval(1)
    QSurfaceFormat.setDefaultFormat(form)
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(["scalefree-studio"])
    app.setQuitOnLastWindowClosed(False)  # the end comes when everything is saved, and the window says when
    return app


def destroy(window: MainWindow) -> None:
    """Free it now, from the window down. What Python owns of Qt when it ends, PyQt frees in no order, walking over a
    list from which every object takes its children as it goes: one time in seventy the program crashed there."""
    sip.delete(window)


def _size(text: str | None) -> tuple[int, int] | None:
    if not text:
        return None
    height, width = shape_of(text)
    if not (480 <= width <= 16_384 and 360 <= height <= 16_384):
        raise UserError(f"The window cannot be {width}x{height}; it is at least 480x360.")
    return width, height


def say_where_runs_go(window: MainWindow) -> None:
    """Where nothing can be written here, runs go elsewhere: said as soon as there is one."""

    def say() -> None:
        window.sessions.begun.disconnect(say)
        window.say(f"Cannot write in {wanted}, so runs are kept in {window.sessions.runs}.")

    wanted = window.memory.preferences.wanted_place
    if window.sessions.runs != wanted:
        window.sessions.begun.connect(say)


def take_picture_later(window: MainWindow, path: Path, seconds: float) -> None:
    """So many seconds after learning was first seen, or after it was refused."""
    timer = QTimer(window)
    timer.setSingleShot(True)
    timer.setInterval(round(seconds * 1000))
    timer.timeout.connect(lambda: take_picture(window, path))

    def begin() -> None:
        window.shown.disconnect(begin)
        timer.start()

    window.shown.connect(begin)
    window.sessions.refused.connect(lambda _: timer.start())


def take_picture(window: MainWindow, path: Path) -> None:
    """The window as it is now, with the canvas, as a PNG; then the ordinary end."""
    if not window.grab().save(str(path), "PNG"):
        print(f"scalefree-studio: the picture {path} cannot be written.", file=sys.stderr)
    window.leave()


@contextlib.contextmanager
def saving_what_is_learnt(window: MainWindow, broken: Broken) -> Iterator[None]:
    """An exception in a slot would abort the process. Now the model is saved, a report is written, and it goes on."""

    def save() -> None:
        session = window.sessions.session
        if session is not None:
            session.runner.save_soon()

    ends = crashes.before_a_report(save), crashes.after_a_report(broken.told.emit)
    before = sys.excepthook, threading.excepthook
    crashes.hook()
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before
        for end in ends:
            end()


@contextlib.contextmanager
def watching_signals(window: MainWindow) -> Iterator[None]:
    """Ctrl-C and SIGTERM end like Escape. Python's own handlers do not run inside Qt's loop: the signal is written to
    a socket, and the socket wakes the loop."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    notifier = QSocketNotifier(ours.fileno(), QSocketNotifier.Type.Read)  # type: ignore[call-overload]  # takes an int

    def leave() -> None:
        with contextlib.suppress(BlockingIOError):
            ours.recv(64)
        window.leave()

    notifier.activated.connect(leave)
    names = [s for s in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, s)]
    before = {name: signal.signal(getattr(signal, name), lambda *_: None) for name in names}
    descriptor = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
        notifier.setEnabled(False)
        ours.close()
        theirs.close()
