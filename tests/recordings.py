"""A run in memory, as movies are made of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from scalefree_studio.snapshot import Checkpoint, Snapshot


@dataclass
class Recording:
    """Both the run and its history."""

    kept: Checkpoint
    snapshots: list[Snapshot]
    closed: bool = field(default=False, init=False)

    def checkpoint(self) -> Checkpoint:
        return self.kept

    def history(self) -> Recording:
        return self

    def index(self) -> list[tuple[int, int]]:
        return [(n + 1, s.step) for n, s in enumerate(self.snapshots)]

    def frame(self, id: int, /) -> Snapshot:
        return self.snapshots[id - 1]

    def close(self) -> None:
        self.closed = True
