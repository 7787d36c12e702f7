"""What a training of codes shows of itself: the record of `codes.py`, made piece by piece.

A round begins with a copy of the network and goes on until all is made of that: first what held-out pictures become,
then what each code looks like, which are alike, and what pruning would cost. Each part is seen as soon as it is whole.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...codes import KEPT
from ...snapshot import Array, Bytes
from ..codec import Codec, Tokens
from ..training.held_out import spread
from ..training.lesson import rows_of

N = TypeVar("N", bound=nn.Module)

SHOWN, PIXELS = 32, 2**20  # held-out pictures, and pixels of them, that are shown at most
PRUNED = 16  # of them, by which pruning is judged
THRESHOLDS = 16  # of pruning, at most
NEAR = 8  # codes most alike to each
AT_ONCE = 2**15  # pixels that are decoded in a piece
DISTANCES = 2**22  # between codes, in a piece

Parts = Mapping[str, Array]  # of the frame
Made = tuple[int, Parts]  # what it cost, in pixels that were decoded; what is whole now
# The kind of numbers; how many there are each way, where that is known.
Shape = tuple[str, tuple[int | None, ...]]


def shown_of(count: int, size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Which of so many held-out pictures (h, w) are shown."""
    return spread(count, max(1, min(SHOWN, PIXELS // (size[0] * size[1]))))


class PieceByPiece(ABC, Generic[N]):
    """A Display. A piece is as much of its work as decodes so many pixels."""

    def __init__(self, held: Bytes):
        self.held = held  # (M, h, w, C)
        self._seen: dict[str, Array] = {}
        self._work: Iterator[Made] | None = None

    @abstractmethod
    def work(self, network: N) -> Iterator[Made]:
        """Little by little, all that is to be seen of a network."""

    @abstractmethod
    def shapes(self) -> Mapping[str, Shape]:
        """Of all that may be seen."""

    @property
    def pieces(self) -> int:
        return int(self.held.shape[1])  # as `fresh` counts them

    def begin(self, network: N) -> None:
        self._work = self.work(copy.deepcopy(network).eval())  # it goes on learning meanwhile
        self.advance()

    @property
    def busy(self) -> bool:
        return self._work is not None

    @torch.no_grad()
    def advance(self) -> None:
        work, self._work = self._work, None  # if this fails, there is nothing to go on with
        spent = 0
        for pixels, parts in work or ():
            self._seen |= parts
            spent += pixels
            if spent >= AT_ONCE:
                self._work = work
                break

    def frame(self) -> Parts:
        if "wall" not in self._seen:
            return {}
        return {**self._seen, "fresh": np.array(self.pieces)}

    def still(self) -> Parts:
        return {"held": self.held}

    def saved(self) -> Parts:
        return {KEPT + name: array for name, array in {**self._seen, **self.still()}.items()}

    def restore(self, arrays: Parts) -> None:
        for name, (kind, sides) in self.shapes().items():
            array = arrays.get(KEPT + name)
            if array is None or array.dtype.kind != kind or array.ndim != len(sides):
                continue
            if all(side in (None, found) for side, found in zip(sides, array.shape, strict=True)):
                self._seen[name] = array

    def few(self, count: int) -> Iterator[tuple[slice, int]]:
        """So many of the pictures, as many at a time as a piece may have, and how many pixels these are."""
        each = self.held.shape[1] * self.held.shape[2]
        for part in rows_of(count, max(1, AT_ONCE // each)):
            yield part, (part.stop - part.start) * each


class Reconstructions(PieceByPiece[N]):
    """What held-out pictures become, of a network without codes."""

    def __init__(self, held: Bytes, reconstruct: Callable[[N, Bytes], Bytes]):
        super().__init__(held)
        self._reconstruct = reconstruct

    def work(self, network: N) -> Iterator[Made]:
        wall = np.empty_like(self.held)
        for part, pixels in self.few(len(wall)):
            wall[part] = self._reconstruct(network, self.held[part])
            yield pixels, {}
        yield 0, {"wall": wall}

    def shapes(self) -> Mapping[str, Shape]:
        return {"wall": ("u", self.held.shape)}


class CodesDisplay(PieceByPiece[N]):
    """The whole record. `codec_of` makes of a network what turns pictures into tokens and back; `known` is what the
    network itself says of the codes of each stage: usage, revived, alive, apart, radius. `sample` is a codec as those
    will be, to know its stages."""

    def __init__(
        self,
        held: Bytes,
        sample: Codec,
        codec_of: Callable[[N], Codec],
        known: Callable[[N], Sequence[Parts]],
    ):
        super().__init__(held)
        self._codec_of, self._known = codec_of, known
        self._grids = sample.grids((int(held.shape[1]), int(held.shape[2])))
        self._arranged = [(sample.arrangement(s), sample.is_map(s)) for s in range(len(self._grids))]
        self._lines = [sample.is_line(s) for s in range(len(self._grids))]

    def still(self) -> Parts:
        found: dict[str, Array] = {"held": self.held}
        found["stages"] = np.array([(grid.rows, grid.columns) for grid in self._grids])
        for stage, (arranged, is_map) in enumerate(self._arranged):
            found |= {f"arranged.{stage}": np.array(arranged), f"map.{stage}": np.array(is_map)}
            found |= {f"line.{stage}": np.array(self._lines[stage])} if is_map else {}
        return found

    def shapes(self) -> Mapping[str, Shape]:
        found: dict[str, Shape] = {"wall": ("u", self.held.shape)}
        for s, grid in enumerate(self._grids):
            k = grid.codes
            found |= {
                f"stage.{s}": ("u", self.held.shape), f"tokens.{s}": ("i", (len(self.held), grid.rows, grid.columns)),
                f"tiles.{s}": ("u", (k, None, None, 3)), f"usage.{s}": ("i", (k,)), f"revived.{s}": ("i", (k,)),
                f"alive.{s}": ("b", (k,)), f"near.{s}": ("i", (k, min(NEAR, k - 1))), f"apart.{s}": ("f", (k,)),
                f"radius.{s}": ("f", ()), f"going.{s}": ("f", (None, 3)),
            }  # fmt: skip
        return found

    def work(self, network: N) -> Iterator[Made]:
        codec, known = self._codec_of(network), self._known(network)
        tokens = [np.empty((len(self.held), g.rows, g.columns), np.int64) for g in self._grids]
        yield from self._reconstructed(codec, tokens)
        yield 0, {f"{name}.{stage}": array for stage, own in enumerate(known) for name, array in own.items()}
        for stage in range(len(tokens)):
            yield from _tiles(codec, stage, self._grids[stage].codes)
        for stage in range(len(tokens)):
            yield from _near(codec, stage)
        yield from self._pruned(codec, known, tokens)

    def _reconstructed(self, codec: Codec, tokens: Sequence[Tokens]) -> Iterator[Made]:
        """The tokens of held-out pictures, and the pictures of these: of all stages, and up to each."""
        walls = [np.empty_like(self.held) for _ in tokens]
        for part, pixels in self.few(len(self.held)):
            for mine, found in zip(tokens, codec.encode(self.held[part]), strict=True):
                mine[part] = found
            yield pixels, {}
            for stage, wall in enumerate(walls):
                wall[part] = codec.decode([found[part] for found in tokens[: stage + 1]])
                yield pixels, {}
        parts: dict[str, Array] = {f"tokens.{s}": found for s, found in enumerate(tokens)}
        if len(walls) > 1:
            parts |= {f"stage.{s}": wall for s, wall in enumerate(walls)}
        yield 0, {"wall": walls[-1], **parts}

    def _pruned(self, codec: Codec, known: Sequence[Parts], tokens: Sequence[Tokens]) -> Iterator[Made]:
        """What is left of a few pictures if the codes that are used least go: each of them becomes the nearest that
        stays. Stages that add share their codes, which go from all of them."""
        some = spread(len(self.held), PRUNED)
        tokens, pictures = [found[some] for found in tokens], self.held[some]
        groups = [list(range(len(tokens)))] if codec.adds else [[stage] for stage in range(len(tokens))]
        for stages in groups:
            usage = np.stack([np.asarray(known[s]["usage"], np.int64) for s in stages]).sum(0)  # (K,)
            alive = np.asarray(known[stages[0]].get("alive", usage >= 0)) != 0
            vectors, going = codec.vectors(stages[0]), []
            for threshold in _thresholds(usage[alive]):
                stays = alive & (usage >= threshold)
                instead = nearest_of(vectors, stays)
                kept = [instead[t] if s in stages else t for s, t in enumerate(tokens[: stages[-1] + 1])]
                total = 0.0
                for part, pixels in self.few(len(pictures)):
                    found = codec.decode([t[part] for t in kept]).astype(np.float32) - pictures[part]
                    total += float(np.square(found / 255).sum())
                    yield pixels, {}
                going.append((threshold, alive.sum() - stays.sum(), total / pictures.size))
            going += going[-1:] * (min(THRESHOLDS, len(usage)) - len(going))  # always as many
            yield 0, {f"going.{stages[0]}": np.array(going, np.float64)}


def _tiles(codec: Codec, stage: int, count: int) -> Iterator[Made]:
    """What each code looks like: (K, th, tw, 3)."""
    each, found = codec.pixels_of_a_tile(stage), []
    for part in rows_of(count, max(1, AT_ONCE // each)):
        found.append(codec.some_tiles(np.arange(part.start, part.stop), stage))
        yield (part.stop - part.start) * each, {}
    yield 0, {f"tiles.{stage}": np.concatenate(found)}


def _thresholds(usage: npt.NDArray[np.int64]) -> list[int]:
    """Usages below which a code goes: 0, and some at which other codes go; one stays in any case."""
    found = np.unique(usage)
    return [0, *found[spread(len(found), THRESHOLDS)][1:].tolist()]


def nearest_of(vectors: npt.NDArray[np.float32], stays: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Of each code (K, D) the nearest one that stays; of those that stay, themselves: (K,)."""
    found, kept = np.arange(len(vectors)), np.flatnonzero(stays)
    gone = np.flatnonzero(~stays)
    left = torch.from_numpy(vectors[kept])
    for part in rows_of(len(gone), max(1, DISTANCES // len(kept))):
        distances = torch.cdist(torch.from_numpy(vectors[gone[part]]), left)
        found[gone[part]] = kept[distances.argmin(1).numpy()]
    return found


def _near(codec: Codec, stage: int) -> Iterator[Made]:
    """The most similar codes to each: (K, N)."""
    vectors, found = torch.from_numpy(codec.vectors(stage)), []
    count = len(vectors)
    for part in rows_of(count, max(1, DISTANCES // count)):
        distances = torch.cdist(vectors[part], vectors)
        distances[torch.arange(len(distances)), torch.arange(part.start, part.stop)] = torch.inf
        found.append(distances.topk(min(NEAR, count - 1), largest=False).indices.numpy())
        yield len(distances) * count * AT_ONCE // DISTANCES, {}
    yield 0, {f"near.{stage}": np.concatenate(found)}
