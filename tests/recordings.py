"""Runs in memory, as movies are made of them, and the frames of a movie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
import numpy as np

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


def frames_of(path: Path | str) -> np.ndarray:
    """All frames of a movie: (N, H, W, 3)."""
    reader = imageio_ffmpeg.read_frames(str(path), pix_fmt="rgb24")
    width, height = next(reader)["size"]
    return np.stack([np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader])


def gradients(count: int, height: int = 48, width: int = 64) -> Iterator[np.ndarray]:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    for n in range(count):
        yield np.stack([x, y, np.full_like(x, 255 * n / max(1, count - 1))], axis=-1).astype(np.uint8)


def snapshot(step: int, **changes: np.ndarray) -> Snapshot:
    """A line that moves from left to right, one hundredth a step: dark at one side, light at the other."""
    frame: dict[str, np.ndarray] = {
        "line_angle": np.zeros(1, np.float32),
        "line_offset": np.full(1, -0.5 + step / 100, np.float32),
        "colour_weight": np.ones((1, 1), np.float32),
        "colour_bias": np.ones(1, np.float32),
        "out_weight": np.full((3, 1), 4, np.float32),
        "out_bias": np.full(3, -4, np.float32),
        "unit_ids": np.arange(1),
        **changes,
    }
    return Snapshot("dividers", step, step / 10, frame, {"psnr": 10 + step / 100})


def recording(snapshots: list[Snapshot]) -> Recording:
    """Of a picture of 60 × 40."""
    target = np.zeros((40, 60, 3), np.uint8)
    return Recording(
        Checkpoint("dividers", 0, {"controls": {"sharpness": 1000.0}}, {"target": target}), snapshots
    )
