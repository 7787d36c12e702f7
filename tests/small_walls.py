"""A wall of pictures in a real window, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import vispy
from PyQt6.QtTest import QTest

from scalefree_studio.canvas.walls.boards import Board, Bools, Place
from scalefree_studio.canvas.walls.canvas import WallCanvas
from scalefree_studio.canvas.walls.listener import WallListener

Bytes = npt.NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


class Heard(WallListener):
    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def hover(self, place: Place | None) -> None:
        self.said.append(("hover", place))

    def click(self, place: Place) -> None:
        self.said.append(("click", place))

    def click_beside(self) -> None:
        self.said.append(("click_beside",))

    def turned(self, place: Place, steps: int) -> None:
        self.said.append(("turned", place, steps))

    def painted(self, board: str, picture: int, mask: Bools, done: bool) -> None:
        self.said.append(("painted", board, picture, mask, done))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [said for said in self.said if said[0] == kind]


PICTURES = noise(12, 6, 6, 3)


def a_wall() -> Iterator[WallCanvas]:
    """Two boards on a canvas, which is closed at the end."""
    vispy.use("pyqt6")
    canvas = WallCanvas(size=(640, 420))
    canvas.listener = Heard()
    canvas.native.show()
    QTest.qWaitForWindowExposed(canvas.native)
    canvas.show([Board("a", PICTURES), Board("b", PICTURES[:3], place=(2, 3))])
    yield canvas
    canvas.close()


def heard(canvas: WallCanvas) -> Heard:
    assert isinstance(canvas.listener, Heard)
    return canvas.listener


def shot(canvas: WallCanvas) -> npt.NDArray[np.int64]:
    image: Bytes = canvas.render()
    assert (image[..., 3] == 255).all()  # nothing of what is behind the window
    return image[..., :3].astype(np.int64)


def mark(canvas: WallCanvas, *place: Any) -> npt.NDArray[Any]:
    (rect,) = canvas.shown.marks([Place(*place)])
    return np.asarray(rect)


def middle(canvas: WallCanvas, *place: Any) -> tuple[float, float]:
    """The middle of a place, in the logical pixels of mouse events."""
    rect = mark(canvas, *place)
    return float(rect[[0, 2]].mean()) / canvas.ratio, float(rect[[1, 3]].mean()) / canvas.ratio
