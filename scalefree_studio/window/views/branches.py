"""The tree of a search with beams: what stands where, and what was given up. No Qt.

V positions from left to right, B pictures one below another, the best score first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...drawings import TREE
from ...snapshot import Array, Bytes

FADES = 0.55  # a branch that was given up is so much paler with each position after it
PALEST = 0.16
MOST_ROWS = 12  # as many pictures of a position are shown as can be told apart


@dataclass(frozen=True)
class Node:
    """A picture of the search at one of its positions."""

    level: int
    picture: int
    row: int
    score: float
    parent: int  # the picture of the level before; -1: none
    last: int  # the last level to which it, or what became of it, was gone on with

    def strength(self, levels: int) -> float:
        """How plainly it is seen: what has been given up for long fades."""
        gone = levels - 1 - self.last
        return 1.0 if gone <= 0 else max(PALEST, FADES**gone)


@dataclass(frozen=True)
class Tree:
    nodes: tuple[Node, ...]
    positions: tuple[int, ...]
    rows: int
    pictures: Bytes  # (V, B, h, w, 3)
    best: frozenset[tuple[int, int]]  # (level, picture) on the way to the best of the last level

    @classmethod
    def of(cls, frame: Mapping[str, Array]) -> Tree | None:
        """Of a frame of a search; None before it has come to a first position."""
        if TREE + "position" not in frame or not len(frame[TREE + "position"]):
            return None
        parent = np.asarray(frame[TREE + "parent"], np.int64)
        score, alive = np.asarray(frame[TREE + "score"], float), np.asarray(frame[TREE + "alive"], bool)
        last, best = last_levels(parent, alive), best_way(parent, score, alive)
        nodes = []
        for level in range(len(parent)):
            living = np.flatnonzero(alive[level])
            ranked = living[np.argsort(-score[level, living], kind="stable")][:MOST_ROWS]
            nodes += [
                Node(level, b, row, float(score[level, b]), int(parent[level, b]), int(last[level, b]))
                for row, b in enumerate(ranked.tolist())
            ]
        rows = 1 + max((node.row for node in nodes), default=0)
        positions = tuple(np.asarray(frame[TREE + "position"]).tolist())
        return cls(tuple(nodes), positions, rows, np.asarray(frame[TREE + "pictures"], np.uint8), best)

    def same(self, other: Tree) -> bool:
        return self.nodes == other.nodes and np.array_equal(self.pictures, other.pictures)

    def edges(self) -> list[tuple[Node, Node]]:
        """Who goes on from whom, as far as both are shown."""
        at = {(node.level, node.picture): node for node in self.nodes}
        pairs = [(at.get((node.level - 1, node.parent)), node) for node in self.nodes]
        return [(before, node) for before, node in pairs if before is not None]

    def words(self, node: Node) -> str:
        levels = len(self.positions)
        said = f"After place {self.positions[node.level]:,}: {node.score:.1f} nats, number {node.row + 1}"
        if node.last < levels - 1:
            said += f"; given up before place {self.positions[node.last + 1]:,}"
        elif (node.level, node.picture) in self.best:
            said += "; on the way to the best"
        return said + "."


def last_levels(parent: npt.NDArray[np.int64], alive: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The last level to which each picture was gone on with, (V, B)."""
    levels, count = parent.shape
    last = np.repeat(np.arange(levels)[:, None], count, axis=1)
    for level in range(levels - 1, 0, -1):
        there = alive[level] & (parent[level] >= 0)
        np.maximum.at(last[level - 1], parent[level, there], last[level, there])
    return last


def best_way(
    parent: npt.NDArray[np.int64], score: npt.NDArray[np.float64], alive: npt.NDArray[np.bool_]
) -> frozenset[tuple[int, int]]:
    """The pictures on the way to the best of the last level."""
    level = len(parent) - 1
    picture = int(np.where(alive[level], score[level], -np.inf).argmax())
    way = set()
    while level >= 0 and picture >= 0:
        way.add((level, picture))
        level, picture = level - 1, int(parent[level, picture])
    return frozenset(way)
