"""What pictures look like that are drawn place after place: the record that every ordered sampler shows.

A place holds one of L levels in each of C channels: a pixel's grey, its three colours, or a token that stands for a
tile of pixels. Places are drawn in an order, usually row after row. Whoever draws so shows these arrays, and needs no
view, no export and no movie of its own.

    frame   values    (B, H, W, C) integers     the level of each place; 0 where nothing is drawn yet
            position  (B,) integers             how many places of the order are done, picture by picture
            given     (B, H, W) bool            told rather than drawn: a prompt, or a value set by hand
            entropy   (B, H, W) float16         bits: how open the choice was; 0 where given or not drawn
            surprise  (B, H, W) float16         bits: how unlikely was what was drawn; likewise
            watched   () integer                the picture of which it is told …
            chances   (H, W, C, L) float16      … what was thought possible at each place; 0 where not drawn
    still   order     (N,) integers             the places in their order, counted row by row
            tiles     (L, h, w, 3) bytes        what a level looks like, if there is one channel
            ramp      (L,) bytes                how bright a level is, if there are three
            reach     (2,) integers             how far a place sees: rows up, columns to each side; -1: all before it
            labels    (B,) integers             the class asked for; -1: none

B pictures of H × W places, N of them in the order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import UserError
from .snapshot import Array

KIND = "drawing"
STILL = "still."  # before the names of what stays the same, in a drawing's checkpoint
PAPER = (38, 43, 51)  # where nothing is drawn yet

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Drawing:
    """A frame, and what stays the same from frame to frame."""

    frame: Mapping[str, Array]
    still: Mapping[str, Array]

    @property
    def values(self) -> npt.NDArray[np.integer]:
        return self.frame["values"]  # type: ignore[return-value]

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def size(self) -> tuple[int, int]:
        """Places: (H, W)."""
        return self.values.shape[1], self.values.shape[2]

    @property
    def tile(self) -> tuple[int, int]:
        """Pixels of a place: (h, w)."""
        tiles = self.still.get("tiles")
        return (1, 1) if tiles is None else (tiles.shape[1], tiles.shape[2])

    @property
    def most_bits(self) -> float:
        """The entropy of a place of which nothing is known."""
        return float(self.values.shape[3] * math.log2(len(self.looks())))

    @property
    def position(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.frame["position"], np.int64)

    @property
    def done(self) -> bool:
        return bool((self.position >= len(self.still["order"])).all())

    def drawn(self) -> Bools:
        """Which places hold something: (B, H, W)."""
        reached = np.empty(self.size[0] * self.size[1], np.int64)
        reached[self.still["order"]] = np.arange(len(self.still["order"]))
        behind: Bools = (reached[None] < self.position[:, None]).reshape(self.values.shape[:3])
        given: Bools = np.asarray(self.frame["given"], bool)
        return behind | given

    def cursors(self) -> npt.NDArray[np.int64]:
        """The places that are drawn next, (K, 3): picture, row, column. A picture that is done has none."""
        order = self.still["order"]
        given = np.asarray(self.frame["given"], bool).reshape(self.count, -1)[:, order]
        ahead = (np.arange(len(order)) >= self.position[:, None]) & ~given  # (B, N)
        picture = np.flatnonzero(ahead.any(1))
        place = order[ahead[picture].argmax(1)]
        return np.stack([picture, *np.divmod(place, self.size[1])], axis=1)

    def pictures(self) -> Bytes:
        """(B, H · h, W · w, 3), the paper where nothing is drawn yet."""
        pictures = self.colours()
        np.copyto(pictures, np.array(PAPER, np.uint8), where=~self.drawn()[..., None])
        return _grown(pictures, self)

    def looks(self) -> Bytes:
        """What each level looks like, (L, 3): in all three channels, or the mean of its tile."""
        if "ramp" in self.still:
            return np.repeat(np.asarray(self.still["ramp"], np.uint8)[:, None], 3, axis=1)
        means: Bytes = np.asarray(self.still["tiles"], float).mean(axis=(1, 2)).round().astype(np.uint8)
        return means

    def colours(self) -> Bytes:
        """The colour of each place, (B, H, W, 3), or the mean of its tile."""
        if "ramp" in self.still:
            colours: Bytes = np.asarray(self.still["ramp"], np.uint8)[self.values]
        else:
            colours = np.take(self.looks(), self.values[..., 0], axis=0)
        return colours

    def sees(self, y: int, x: int) -> Bools:
        """What was known of a picture when a place of it was drawn, as far as the network can see: (H, W)."""
        height, width = self.size
        order = np.asarray(self.still["order"])
        at = int(np.flatnonzero(order == y * width + x)[0])
        before = np.zeros(height * width, bool)
        before[order[:at]] = True
        up, aside = (int(n) for n in self.still["reach"])
        rows, columns = np.mgrid[:height, :width]
        near = np.ones((height, width), bool)
        if up >= 0:
            near &= rows >= y - up
        if aside >= 0:
            near &= abs(columns - x) <= aside
        return before.reshape(height, width) & near

    def thought(self, picture: int, y: int, x: int) -> npt.NDArray[np.float64] | None:
        """The chances (C, L) that a place's levels had, if that picture is watched and the place drawn."""
        if picture != int(self.frame["watched"]):
            return None
        chances = np.asarray(self.frame["chances"][y, x], np.float64)
        return chances if chances[0].sum() > 0.5 else None


def still_of(model: Mapping[str, Array]) -> dict[str, Array]:
    """What stays the same, out of the model of a drawing's checkpoint."""
    still = {name.removeprefix(STILL): array for name, array in model.items() if name.startswith(STILL)}
    if "order" not in still or not still.keys() & {"tiles", "ramp"}:
        raise UserError("The drawing is damaged: it does not say what it looks like.")
    return still


def upper(size: tuple[int, int]) -> Bools:
    """The upper half of so many places."""
    keep = np.zeros(size, bool)
    keep[: size[0] // 2] = True
    return keep


def left(size: tuple[int, int]) -> Bools:
    """The left half."""
    return upper((size[1], size[0])).T


def _grown(colours: Bytes, drawing: Drawing) -> Bytes:
    """Places as pixels: tiles where something is drawn."""
    height, width = drawing.tile
    if (height, width) == (1, 1):
        return colours
    count, rows, columns, _ = colours.shape
    tiles = drawing.still["tiles"][drawing.values[..., 0]]  # (B, H, W, h, w, 3)
    paper = np.array(PAPER, np.uint8)
    tiles = np.where(drawing.drawn()[..., None, None, None], tiles, paper)
    wall: Bytes = tiles.transpose(0, 1, 3, 2, 4, 5).reshape(count, rows * height, columns * width, 3)
    return wall.astype(np.uint8)
