"""Draws what a canvas asks for, in a thread of its own: the newest request wins, and the window never waits.

A picture comes in up to three finenesses: as coarse as a moment allows; at the screen's own resolution; and, at rest,
with 2 × 2 samples a pixel. Fine ones are drawn in bands, and given up as soon as something newer is asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter

from ...canvas.picture import Rendered, RenderRequest
from ...models.dividers.network import Params
from ...models.dividers.render import Region, render_region

MOMENT = 0.016  # seconds that a first picture may take
COARSEST = 6  # so many pixels of the screen may share one along each side
BAND = 0.012  # seconds between two looks at the request box
PAUSE = 0.12  # while things move: seconds without a new request before a finer picture is worth it
TYPICAL = 3e-7  # seconds a pixel, until it has been measured


class Box:
    """A slot for the newest request, or answer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._request: RenderRequest | None = None
        self._closed = False

    def put(self, request: RenderRequest) -> None:
        with self._changed:
            self._request = request
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def stirred(self) -> bool:
        """There is something newer to do, or nothing at all."""
        return self._closed or self._request is not None

    def rest(self, seconds: float) -> None:
        """Do nothing for so long, unless closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def take(self, timeout: float | None = None) -> RenderRequest | None:
        """The newest request, waited for; None after the timeout, or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self.stirred, timeout)
            request, self._request = self._request, None
            return None if self._closed else request


class RenderWorker(QObject):
    """`ask` from the GUI thread; `ready` says, there too, that `take` has something."""

    ready = pyqtSignal()

    def __init__(self, parent: QObject | None = None, device: str = "cpu"):
        super().__init__(parent)
        self._box = Box()
        self._device = torch.device(device)
        self._lock = threading.Lock()
        self._answer: Rendered | None = None
        self._cost = TYPICAL  # seconds a pixel, as measured
        self.finest = False  # the last request has been drawn as finely as it ever will be
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._work, name="render", daemon=True)
        self._thread.start()
        self._up.wait()
        # A thread born later takes over the number of threads set last, anywhere: set ours again.
        torch.set_num_threads(torch.get_num_threads())

    def ask(self, request: RenderRequest) -> None:
        self._box.put(request)

    def take(self) -> Rendered | None:
        with self._lock:
            answer, self._answer = self._answer, None
            return answer

    def stop(self, timeout: float = 5.0) -> bool:
        """End the thread; False if it is still at work after the timeout. Safe to call twice."""
        self._box.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # -- in the thread -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        torch.set_num_threads(1)  # the other cores belong to the training; this holds for this thread only
        self._up.set()
        request = self._box.take()
        while request is not None or not self._box.closed:
            request = self._serve(request) if request is not None else self._box.take()

    def _serve(self, request: RenderRequest) -> RenderRequest | None:
        """Draw a request as finely as there is time for; the next request, if one has come."""
        self.finest = False
        params = {
            name: torch.from_numpy(np.array(array)).to(self._device)
            for name, array in request.frame.items()
            if name != "unit_ids"
        }
        wanted = self._cost * request.width * request.height / MOMENT
        coarse = next((n for n in range(1, COARSEST) if n * n >= wanted), COARSEST)
        took = self._draw(request, params, coarse)
        if request.moving:
            self._box.rest(took)  # half of the time at most: the training wants the processor too
        for step, samples in ((1, 1), (1, 2)):
            if step == coarse and samples == 1:
                continue  # just drawn
            if samples > 1 and request.moving:
                return None  # the next frame is on its way
            newer = self._box.take(PAUSE if request.moving or samples > 1 else 0)
            if newer is not None or self._box.closed:
                return newer
            self._draw(request, params, step, samples, may_give_up=True)
        self.finest = not self._box.stirred
        return None

    def _draw(
        self, request: RenderRequest, params: Params, coarse: int, samples: int = 1, may_give_up: bool = False
    ) -> float:
        """One picture, delivered when it is done; the seconds it took."""
        width, height = -(-request.width // coarse), -(-request.height // coarse)
        region = Region(request.x, request.y, request.pixel * coarse)
        image = np.empty((height, width, 3), np.uint8)
        rows = max(16, int(BAND / (self._cost * width * samples**2)) // 16 * 16)
        began = time.perf_counter()
        for top in range(0, height, rows):
            if self._box.closed or (may_give_up and self._box.stirred):
                return time.perf_counter() - began
            n = min(rows, height - top)
            part = region.part(height, width, top, 0, n, width)
            band = render_region(params, part, width, n, request.sharpness, samples)
            image[top : top + n] = band.mul(255).round_().to(torch.uint8).cpu().numpy()
        took = time.perf_counter() - began
        self._cost += 0.3 * (took / (width * height * samples**2) - self._cost)
        self._deliver(Rendered(
            image, request.x, request.y, width * region.pixel, height * region.pixel, request.epoch
        ))  # fmt: skip
        return took

    def _deliver(self, answer: Rendered) -> None:
        with self._lock:
            waiting = self._answer is not None  # not fetched yet: then the signal is still on its way
            self._answer = answer
        if not waiting:
            self.ready.emit()


class Leavable(Protocol):
    """A canvas that wants to know when the mouse has left it."""

    native: Any

    def leave(self) -> None: ...


class Rendering(Leavable, Protocol):
    """A canvas that wants pictures drawn."""

    renderer: Callable[[RenderRequest], object]

    def show_rendered(self, rendered: Rendered) -> None: ...


class _Leaving(QObject):
    """Says to a canvas that the mouse has left it, which vispy does not."""

    def __init__(self, canvas: Leavable):
        super().__init__(canvas.native)
        self._canvas = canvas
        canvas.native.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Leave:
            self._canvas.leave()
        return False


def attach(canvas: Rendering, device: str = "cpu") -> RenderWorker:
    """A worker that draws what this canvas asks for. Stop it before the canvas goes."""
    worker = RenderWorker(canvas.native, device)

    def deliver() -> None:
        rendered = worker.take()
        if rendered is not None:
            canvas.show_rendered(rendered)

    worker.ready.connect(deliver)  # across threads, so queued
    canvas.renderer = worker.ask
    watch_leaving(canvas)
    return worker


def watch_leaving(canvas: Leavable) -> None:
    """Let a canvas know when the mouse has left it."""
    _Leaving(canvas)


def caption(
    text: str, font: QFont, colour: str = "#ffffff", ratio: float = 1.0, pill: bool = True
) -> npt.NDArray[np.uint8]:
    """A small label as (h, w, 4) uint8, for a canvas's set_captions: text, on a translucent dark pill where it lies
    over a picture."""
    metrics = QFontMetrics(font)
    width, height = metrics.horizontalAdvance(text) + 16, metrics.height() + 6
    image = QImage(round(width * ratio), round(height * ratio), QImage.Format.Format_RGBA8888)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    if pill:
        painter.setBrush(QColor(0, 0, 0, 110))
        painter.drawRoundedRect(0, 0, width, height, height / 2, height / 2)
    painter.setPen(QColor(colour))
    painter.setFont(font)
    side = Qt.AlignmentFlag.AlignHCenter if pill else Qt.AlignmentFlag.AlignLeft
    painter.drawText(0, 0, width, height, int(side | Qt.AlignmentFlag.AlignVCenter), text)
    painter.end()
    bits = image.constBits()
    assert bits is not None
    data = np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), np.uint8)
    return data.reshape(image.height(), -1, 4)[
        :, : image.width()
    ].copy()  # a pixel has 4 bytes: no padding between rows
