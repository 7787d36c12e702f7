"""What pictures look like that are drawn place after place: the record that every ordered sampler shows.

A place holds one of L values in each of C channels: a level of grey, of three colours, or a token that stands for a
tile of pixels or for something that only the network can show. Places are drawn in an order, usually row after row.
Whoever draws so shows these arrays, and needs no view, no export and no movie of its own.

    frame   values    (B, H, W, C) integers     the value of each place; 0 where nothing is drawn yet
            position  (B,) integers             how many places of the order are done, picture by picture
            given     (B, H, W) bool            not drawn: a prompt, or a value set by hand
            entropy   (B, H, W) float16         bits: how open the choice was; 0 where given or not drawn
            surprise  (B, H, W) float16         bits: how unlikely was what was drawn; likewise
            watched   () integer                the picture of which is known …
            chances   (H, W, C, K) float16      … what was thought possible at each place; 0 where not drawn
            likeliest (H, W, C, K) integers     of which values these are the chances; only if not of all, in order
            pictures  (B, h, w, 3) bytes        what the network makes of the values; only if places show nothing
            parent    (B,) integers             which picture each one continues, …
            score     (B,) float32              … how likely it is, in nats, …
            alive     (B,) bool                 … and whether it is not given up; only in a search with beams
            tree.*    how it came there: at V positions, `position` (V,), `parent` among the pictures of the position
                      before (V, B), `score` and `alive` (V, B), and `pictures` (V, B, h, w, 3)
            columns   (T,) float64              the temperatures of a table, whose pictures stand row by row, …
            bits      (2,) float64              … how unlikely is what the watched one drew, and what it hides, …
            prompts   (R, H, W, C) integers     … what each row goes on from, …
            kept      (R, H, W) bool            … and what of it is kept; only if something is given
            prompt_pictures (R, h, w, 3) bytes  what the network makes of all of that; only if there are `pictures`
    looked            how much each head of the network took from each place, (layers, heads, H, W) float16; what it
                      lacks to 1 it took from what is no place …
    buckets           where a hash decides who sees whom: the bucket of each place, (layers, heads, H, W); -1: none
    looked_from       … when it drew this one of the watched picture, counted row by row: () integer; only if asked for
    twin              a picture that is drawn once more, without some heads, () integer; only if asked for, with …
    heads_off         … those heads, (layers, heads) bool, …
    twin_values       … what is drawn without them, (H, W, C) integers, …
    twin_position     … how far that is, () integer, …
    twin_bits         … and how unlikely each place of the picture itself is with all heads, and without those:
                      (2, H, W) float32, not-a-number where it is not known
    still   order     (N,) integers             the places in their order, counted row by row
            tiles     (L, h, w, 3) bytes        what a value looks like, if there is one channel
            ramp      (L,) bytes                how bright a value is, if there are three
            levels    () integer                how many values there are, if places show nothing
            arranged  (2,) integers             rows and columns in which values lie for a person to choose among; only
                                                of codes
            reach     (2,) integers             how far a place sees: rows up, columns to each side; -1: all before it
            labels    (B,) integers             the class asked for; -1: none

B pictures of H × W places, N of them in the order; R rows and T columns of a table.

A picture may be drawn in several stages, grids of different sizes, one after the other. Then places are counted through
all of them, frames have N instead of H × W, and what stays the same has besides

            stages    (S, 2) integers           rows and columns of each

and tiles.0, tiles.1, …, one for each stage, instead of tiles; likewise ramp, levels and reach; and of stages before the
one that was begun last, what the network made of them: pictures.0, … `Drawing.stage` is such a stage by itself, a
drawing as any other; its `looked_before`, (layers, heads), is what each head took from the stages before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import UserError
from .snapshot import Array, Bytes

KIND = "drawing"
STILL = "still."  # before the names of what stays the same, in a drawing's checkpoint
TREE = "tree."  # before the names of the arrays of a search's tree
PAPER = (38, 43, 51)  # where nothing is drawn yet

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Thought:
    """What was thought possible at a place: all values, or the likeliest of very many."""

    chances: Floats  # (C, K)
    values: Ints | None = None  # (C, K): of which values, the likeliest first; None: of all, in their order

    @property
    def others(self) -> Floats:
        """The share of all values that are left out: (C,)."""
        rest: Floats = np.maximum(0, 1 - self.chances.sum(1)) * (self.values is not None)
        return rest


@dataclass(frozen=True)
class Drawing:
    """A frame, and what stays the same from frame to frame."""

    frame: Mapping[str, Array]
    still: Mapping[str, Array]
    number: int = 0  # of the stage that it is

    @property
    def values(self) -> Ints:
        return self.frame["values"]  # type: ignore[return-value]

    @property
    def count(self) -> int:
        return len(self.values)

    # How far it is.

    @property
    def position(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.frame["position"], np.int64)

    @property
    def alive(self) -> Bools:
        """Which pictures are not given up: (B,)."""
        return np.asarray(self.frame.get("alive", np.ones(self.count)), bool)

    @property
    def behind(self) -> int:
        """The position of the pictures that are furthest behind."""
        return int(self.position.min(where=self.alive, initial=len(self.still["order"])))

    @property
    def done(self) -> bool:
        return self.behind >= len(self.still["order"])

    def drawn(self) -> Bools:
        """Which places hold something: (B, H, W)."""
        order = self.still["order"]
        reached = np.empty(len(order), np.int64)
        reached[order] = np.arange(len(order))
        behind: Bools = (reached[None] < self.position[:, None]).reshape(self.values.shape[:-1])
        given: Bools = np.asarray(self.frame["given"], bool)
        return behind | given

    # Its stages. All that follows is of a drawing that has one.

    @property
    def current(self) -> Drawing:
        """The stage that was begun last; the drawing itself, if it has but one."""
        if "stages" not in self.still:
            return self
        begun = np.flatnonzero(starts_of(self.still["stages"])[1:-1] < self.position.max(initial=0))
        return self.stage(len(begun))

    def stage(self, number: int) -> Drawing:
        """A stage by itself."""
        (H, W), starts = self.still["stages"][number].tolist(), starts_of(self.still["stages"])
        start, stop = starts[number : number + 2].tolist()
        frame, ending = dict(self.frame), f".{number}"
        for name in self.frame.keys() & {"values", "given", "entropy", "surprise", "prompts", "kept"}:
            part = self.frame[name][:, start:stop]
            frame[name] = part.reshape(-1, H, W, *part.shape[2:])
        for name in self.frame.keys() & {"looked", "buckets", "twin_bits"}:
            part = self.frame[name][..., start:stop]
            frame[name] = part.reshape(*part.shape[:-1], H, W)
        if "looked" in self.frame:
            frame["looked_before"] = self.frame["looked"][..., :start].sum(-1, dtype=np.float32)
        if "looked_from" in self.frame:
            frame["looked_from"] = self.frame["looked_from"] - start
        if "twin" in self.frame:
            frame["twin_position"] = (self.frame["twin_position"] - start).clip(0, stop - start)
        for name in self.frame.keys() & {"chances", "likeliest", "twin_values"}:
            frame[name] = self.frame[name][start:stop].reshape(H, W, *self.frame[name].shape[1:])
        frame["position"] = (self.position - start).clip(0, stop - start)
        if f"pictures{ending}" in frame:
            frame["pictures"] = frame[f"pictures{ending}"]
        still = {"order": self.still["order"][start:stop] - start, "labels": self.still["labels"]}
        own = {n.removesuffix(ending): array for n, array in self.still.items() if n.endswith(ending)}
        return Drawing(frame, {**still, **own}, number)

    @property
    def twin(self) -> Drawing | None:
        """The picture that is drawn once more without some heads, by itself."""
        if "twin" not in self.frame:
            return None
        one = slice(int(self.frame["twin"]), int(self.frame["twin"]) + 1)
        frame = {
            "values": self.frame["twin_values"][None],
            "position": self.frame["twin_position"][None],
            "given": self.frame["given"][one],
        }
        return Drawing(frame, self.still, self.number)

    @property
    def size(self) -> tuple[int, int]:
        """Places: (H, W)."""
        return self.values.shape[1], self.values.shape[2]

    @property
    def tile(self) -> tuple[int, int]:
        """Pixels of a place: (h, w)."""
        if "pictures" in self.frame:
            height, width = self.frame["pictures"].shape[1:3]
            return -(-height // self.size[0]), -(-width // self.size[1])
        tiles = self.still.get("tiles")
        return (1, 1) if tiles is None else (tiles.shape[1], tiles.shape[2])

    @property
    def levels(self) -> int:
        """How many values a place may hold, in each channel."""
        return int(self.still["levels"]) if "levels" in self.still else len(self._shown)

    @property
    def _shown(self) -> Array:
        """What values look like: tiles or ramp."""
        return self.still["ramp"] if "ramp" in self.still else self.still["tiles"]

    @property
    def most_bits(self) -> float:
        """The entropy of a place of which nothing is known."""
        return float(self.values.shape[3] * math.log2(self.levels))

    def cursors(self) -> npt.NDArray[np.int64]:
        """The places that are drawn next, (K, 3): picture, row, column. A picture that is done has none."""
        order = self.still["order"]
        given = np.asarray(self.frame["given"], bool).reshape(self.count, -1)[:, order]
        ahead = (np.arange(len(order)) >= self.position[:, None]) & ~given & self.alive[:, None]  # (B, N)
        picture = np.flatnonzero(ahead.any(1))
        place = order[ahead[picture].argmax(1)]
        return np.stack([picture, *np.divmod(place, self.size[1])], axis=1)

    def pictures(self) -> Bytes:
        """(B, H · h, W · w, 3), the paper where nothing is drawn yet; of several stages, the current one."""
        if "stages" in self.still:
            return self.current.pictures()
        if "pictures" in self.frame:
            return _fitting(np.asarray(self.frame["pictures"], np.uint8), self.size, self.tile)
        pictures = self.colours()
        np.copyto(pictures, np.array(PAPER, np.uint8), where=~self.drawn()[..., None])
        return _grown(pictures, self)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Of a table, one a column; of none, none."""
        return tuple(np.asarray(self.frame.get("columns", ()), float).tolist())

    def prompts(self, hidden: bool = False) -> Bytes | None:
        """What each row of a table goes on from, as pictures (R, H · h, W · w, 3), the paper where it is hidden; or
        what is hidden, the paper where it is kept. None where nothing is given."""
        if "prompts" not in self.frame:
            return None
        shown = np.asarray(self.frame["kept"], bool) ^ hidden
        if "pictures" in self.frame:
            height, width = self.tile
            whole = _fitting(np.asarray(self.frame["prompt_pictures"], np.uint8), self.size, self.tile)
            seen = shown.repeat(height, axis=1).repeat(width, axis=2)[..., None]
            return np.where(seen, whole, np.array(PAPER, np.uint8))
        none = np.zeros(len(shown), np.int64)
        return Drawing(
            {"values": self.frame["prompts"], "given": shown, "position": none}, self.still
        ).pictures()

    def looks(self) -> Bytes | None:
        """What each value looks like, (L, 3): in all three channels, or the mean of its tile; None: like nothing."""
        if "levels" in self.still:
            return None
        if "ramp" in self.still:
            return np.repeat(np.asarray(self._shown, np.uint8)[:, None], 3, axis=1)
        means: Bytes = np.asarray(self._shown, float).mean(axis=(1, 2)).round().astype(np.uint8)
        return means

    def colours(self) -> Bytes:
        """The colour of each place, (B, H, W, 3), or the mean of its tile."""
        if "ramp" in self.still:
            colours: Bytes = np.asarray(self._shown, np.uint8)[self.values]
        else:
            colours = np.take(np.asarray(self.looks()), self.values[..., 0], axis=0)
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

    def thought(self, picture: int, y: int, x: int) -> Thought | None:
        """What was thought possible at a place, if that picture is watched and the place drawn."""
        if picture != int(self.frame["watched"]):
            return None
        chances = np.asarray(self.frame["chances"][y, x], np.float64)
        likeliest = self.frame.get("likeliest")
        if likeliest is None:
            chances = chances[:, : self.levels]  # another stage may have more
        values = None if likeliest is None else np.asarray(likeliest[y, x], np.int64)
        return Thought(chances, values) if chances.any() else None


def still_of(model: Mapping[str, Array]) -> dict[str, Array]:
    """What stays the same, out of the model of a drawing's checkpoint."""
    still = {name.removeprefix(STILL): array for name, array in model.items() if name.startswith(STILL)}
    if "order" not in still or not {name.partition(".")[0] for name in still} & {"tiles", "ramp", "levels"}:
        raise UserError("The drawing is damaged: it does not say what it looks like.")
    return still


def starts_of(stages: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Where stages (S, 2) begin among all places, and where the last one ends: (S + 1,)."""
    return np.concatenate([[0], np.asarray(stages, np.int64).prod(1).cumsum()])


def kept_too_late(keep: Bools, order: Ints) -> int:
    """How many of the places (H, W) that are to be kept come after one that is drawn: a network that draws in this
    order does not see them while it draws those before."""
    kept = keep.reshape(-1)[order]
    return int(kept[kept.argmin() :].sum()) if not kept.all() else 0


def first(places: int, order: Ints, size: tuple[int, int]) -> Bools:
    """The first so many places (H, W) of an order."""
    keep = np.zeros(len(order), bool)
    keep[order[:places]] = True
    return keep.reshape(size)


def upper(size: tuple[int, int]) -> Bools:
    """The upper half of so many places."""
    keep = np.zeros(size, bool)
    keep[: size[0] // 2] = True
    return keep


def left(size: tuple[int, int]) -> Bools:
    """The left half."""
    return upper((size[1], size[0])).T


def lower(size: tuple[int, int]) -> Bools:
    """The lower half; the middle row of an odd number is in it."""
    return ~upper(size)


def right(size: tuple[int, int]) -> Bools:
    """The right half, likewise."""
    return ~left(size)


def _grown(colours: Bytes, drawing: Drawing) -> Bytes:
    """Places as pixels: tiles where something is drawn."""
    height, width = drawing.tile
    if (height, width) == (1, 1):
        return colours
    count, rows, columns, _ = colours.shape
    tiles = np.asarray(drawing.still["tiles"], np.uint8)[drawing.values[..., 0]]  # (B, H, W, h, w, 3)
    paper = np.array(PAPER, np.uint8)
    tiles = np.where(drawing.drawn()[..., None, None, None], tiles, paper)
    wall: Bytes = tiles.transpose(0, 1, 3, 2, 4, 5).reshape(count, rows * height, columns * width, 3)
    return wall.astype(np.uint8)


def _fitting(pictures: Bytes, size: tuple[int, int], tile: tuple[int, int]) -> Bytes:
    """Pictures (B, h, w, 3) with as many pixels as there are in tiles of that size."""
    height, width = size[0] * tile[0], size[1] * tile[1]
    rows = np.arange(height) * pictures.shape[1] // height
    columns = np.arange(width) * pictures.shape[2] // width
    return np.ascontiguousarray(pictures[:, rows[:, None], columns])
